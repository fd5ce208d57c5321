"""Mails leave by the outbox: with what causes them, each once, and again when nobody knows whether they did."""

import asyncio
from pathlib import Path

import pytest

from server.mail.sink import FileSink
from store.accounts import NewUser, User
from store.errors import AlreadyExists, Overloaded
from store.mails import ATTEMPTS_MAX, Template
from tests.support.mailbox import Mailbox
from tests.support.world import World


@pytest.fixture
def mailbox(world: World, tmp_path: Path) -> Mailbox:
    return Mailbox(world.store, tmp_path / "mail")


async def register(world: World, email: str = "ann@example.org") -> User:
    return await world.store.accounts.register(NewUser("Ann", email, "hash"))


async def states(world: World) -> list[tuple[str, int]]:
    rows = await world.edit("SELECT state, attempts FROM mails ORDER BY created_at")
    return [(row["state"], row["attempts"]) for row in rows]


async def make_due(world: World) -> None:
    await world.edit("UPDATE mails SET due_at = clock_timestamp() - interval '1 second'")


async def test_a_mail_is_written_with_what_causes_it_or_not_at_all(world: World) -> None:
    await register(world)
    assert await states(world) == [("QUEUED", 0)]
    with pytest.raises(AlreadyExists):
        await register(world, "ANN@example.org")
    assert await states(world) == [("QUEUED", 0)]


async def test_what_has_left_is_marked_and_leaves_no_more(world: World, mailbox: Mailbox) -> None:
    await register(world)
    assert await mailbox.postman.deliver() == 1
    assert await mailbox.postman.deliver() == 0
    assert await states(world) == [("SENT", 1)]


async def test_a_mail_whose_worker_died_is_sent_again_the_same_to_the_byte(
    world: World, mailbox: Mailbox
) -> None:
    await register(world)
    (taken,) = await world.store.mails.take(20)
    assert await world.store.mails.take(20) == [], "it is somebody's until its time is over"
    await make_due(world)
    assert await mailbox.postman.deliver() == 1
    (file,) = mailbox.folder.iterdir()
    first = file.read_bytes()
    # It had left, but nobody came to say so.
    await world.edit("UPDATE mails SET state = 'QUEUED', sent_at = NULL")
    await make_due(world)
    assert await mailbox.postman.deliver() == 1
    assert [path.read_bytes() for path in mailbox.folder.iterdir()] == [first]
    assert f"Message-ID: <{taken.mail_id}@tickets.example>".encode() in first
    assert taken.token is not None
    assert taken.token.encode() in first


async def test_a_link_that_was_sent_twice_is_good_once(world: World, mailbox: Mailbox) -> None:
    await register(world)
    token = await mailbox.token("ann@example.org", "verify")
    await world.store.profiles.verify_email(token)
    await world.edit("UPDATE mails SET state = 'QUEUED', sent_at = NULL")
    await make_due(world)
    assert await mailbox.token("ann@example.org", "verify") == token
    rows = await world.edit("SELECT used_at FROM mailed_tokens")
    assert [row["used_at"] is None for row in rows] == [False]


async def test_workers_share_what_waits_and_send_nothing_twice(
    world: World, mailbox: Mailbox
) -> None:
    for number in range(60):
        await register(world, f"rider-{number}@example.org")
    sent = await asyncio.gather(*(mailbox.postman.deliver() for _ in range(4)))
    assert sum(sent) == 60
    assert await states(world) == [("SENT", 1)] * 60
    assert len(list(mailbox.folder.iterdir())) == 60


async def test_what_cannot_leave_waits_longer_each_time_and_is_given_up_in_the_end(
    world: World, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "mail"
    in_the_way.write_text("a file where a folder should be")
    mailbox = Mailbox(world.store, in_the_way)
    await register(world)
    pauses = []
    for _ in range(ATTEMPTS_MAX):
        await make_due(world)
        assert await mailbox.postman.deliver() == 0
        (row,) = await world.edit("SELECT due_at - clock_timestamp() AS pause FROM mails")
        pauses.append(row["pause"])
    assert pauses == sorted(pauses)
    (mail,) = await world.store.mails.list(limit=10)
    assert (mail.state, mail.attempts, mail.last_error) == ("FAILED", ATTEMPTS_MAX, "File exists")
    await make_due(world)
    assert await world.store.mails.take(20) == []
    in_the_way.unlink()
    await world.store.mails.retry(mail.mail_id)
    assert await mailbox.postman.deliver() == 1


async def test_a_mail_that_ends_every_worker_is_given_up(world: World) -> None:
    await register(world)
    for _ in range(ATTEMPTS_MAX):
        assert len(await world.store.mails.take(20)) == 1
        await make_due(world)
    assert await world.store.mails.take(20) == []
    (mail,) = await world.store.mails.list(limit=10)
    assert (mail.state, mail.last_error) == ("FAILED", "no worker got to its end")


async def test_one_mail_that_cannot_be_written_keeps_no_other_back(
    world: World, mailbox: Mailbox
) -> None:
    await register(world, "<@example.org")
    await register(world, "bob@example.org")
    assert await mailbox.postman.deliver() == 1
    assert await mailbox.subjects("bob@example.org") != []
    assert sorted(await states(world)) == [("QUEUED", 1), ("SENT", 1)]


async def test_as_many_strangers_as_like_may_ask_but_only_so_many_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.mails.WAITING_MAX", 3)
    for number in range(3):
        await world.store.mails.ask(Template.RESET_PASSWORD, f"nobody-{number}@example.org")
    with pytest.raises(Overloaded):
        await world.store.mails.ask(Template.RESET_PASSWORD, "nobody-4@example.org")
    assert await world.store.mails.take(20) == []
    await world.store.mails.ask(Template.RESET_PASSWORD, "nobody-4@example.org")


async def test_old_mails_and_tokens_are_forgotten_here_and_where_they_went(
    world: World, mailbox: Mailbox
) -> None:
    await register(world)
    await mailbox.postman.deliver()
    await mailbox.postman.forget()
    assert await states(world) == [("SENT", 1)]
    await world.edit("UPDATE mails SET created_at = created_at - interval '8 days'")
    await world.edit(
        "UPDATE mailed_tokens SET created_at = created_at - interval '3 days',"
        " expires_at = expires_at - interval '3 days'"
    )
    await mailbox.postman.forget()
    assert await states(world) == []
    assert await world.edit("SELECT FROM mailed_tokens") == []
    assert len(list(mailbox.folder.iterdir())) == 1


async def test_only_we_can_read_what_was_written(world: World, mailbox: Mailbox) -> None:
    await register(world)
    await mailbox.postman.deliver()
    (file,) = mailbox.folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert mailbox.folder.stat().st_mode & 0o777 == 0o700


async def test_where_nothing_was_written_there_is_nothing_to_forget(tmp_path: Path) -> None:
    await FileSink(tmp_path / "nowhere").forget()
