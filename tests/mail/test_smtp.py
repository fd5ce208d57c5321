"""Mails over real SMTP: received, encrypted, refused, put off; a password is sent only where nobody listens."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.mail.letters import House
from server.mail.postman import Postman
from server.mail.smtp import SmtpCarrier
from server.mail.smtp_url import read_smtp_url
from server.texts import texts
from store.accounts import NewUser
from tests.support import forked
from tests.support.mail_server import MailServer, serving
from tests.support.mailbox import text_of
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until
from tests.support.world import World

HOUSE = House("https://tickets.example", "post@omnibus.example")


@asynccontextmanager
async def posting(world: World, url: str, seconds: float = 9.0) -> AsyncIterator[Postman]:
    carrier = SmtpCarrier(read_smtp_url(url), whole_seconds=seconds)
    postman = Postman(world.store, carrier, HOUSE)
    try:
        yield postman
    finally:
        await postman.close()


async def register(world: World, email: str = "ann@example.org") -> None:
    await world.store.accounts.register(NewUser("Ann", email, "hash", locale="de"))


async def state(world: World) -> tuple[str, str | None]:
    (mail,) = await world.store.mails.list(limit=10)
    return mail.state, mail.last_error


@pytest.mark.parametrize("how", ["in the clear", "STARTTLS", "TLS"])
async def test_a_mail_arrives_in_two_forms_and_under_its_own_number(
    world: World, tmp_path: Path, how: str
) -> None:
    await register(world)
    folder = None if how == "in the clear" else tmp_path
    async with serving(folder, starttls=how == "STARTTLS", tls=how == "TLS") as server:
        urls = {
            "in the clear": server.plain_url,
            "STARTTLS": server.url,
            "TLS": server.url.replace("smtp:", "smtps:"),
        }
        async with posting(world, urls[how]) as postman:
            assert await postman.deliver() == 1
        (received,) = server.received
    (mail,) = await world.store.mails.list(limit=10)
    assert mail.state == "SENT"
    assert received.was_encrypted is (how != "in the clear")
    assert (received.sender, received.recipients) == ("post@omnibus.example", ["ann@example.org"])
    letter = received.letter
    assert letter["Message-ID"] == f"<{mail.mail_id}@tickets.example>"
    assert letter["Subject"] == texts("de").gettext("Please confirm your e-mail address")
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    assert "https://tickets.example/login?verify=" in text_of(letter)
    assert received.data.isascii()


async def test_many_mails_share_a_few_connections(world: World) -> None:
    for number in range(30):
        await register(world, f"rider-{number}@example.org")
    async with serving() as server:
        async with posting(world, server.plain_url) as postman:
            assert await postman.deliver() == 30
        assert server.connections <= SmtpCarrier.at_once
        assert len({each.recipients[0] for each in server.received}) == 30


async def test_a_connection_that_the_server_has_closed_is_replaced(world: World) -> None:
    async with serving() as server, posting(world, server.plain_url) as postman:
        await register(world)
        assert await postman.deliver() == 1
    async with serving() as second:
        # The same carrier: its idle connection leads to a server that is gone.
        postman._carrier._server = read_smtp_url(second.plain_url)  # type: ignore[attr-defined] # of this carrier only
        await register(world, "bob@example.org")
        assert await postman.deliver() == 1
        await postman.close()
        assert len(second.received) == 1


@pytest.mark.parametrize(
    ("step", "answer", "becomes"),
    [
        ("rcpt", "550 5.1.1 <ann@example.org>: no such user", ("FAILED", "550 5.1.1 no such user")),
        ("rcpt", "450 4.2.1 mailbox busy", ("QUEUED", "450 4.2.1 mailbox busy")),
        ("data", "554 5.7.1 looks like spam", ("FAILED", "554 5.7.1 looks like spam")),
        ("data", "451 4.3.0 try again", ("QUEUED", "451 4.3.0 try again")),
        # Whom we write as is our own mistake: every mail would be lost for it.
        ("mail", "553 5.1.8 not your address", ("QUEUED", "553 5.1.8 not your address")),
        ("mail", "421 4.3.2 going down", ("QUEUED", "421 4.3.2 going down")),
    ],
)
async def test_a_refusal_for_good_ends_a_mail_and_any_other_puts_it_off(
    world: World, step: str, answer: str, becomes: tuple[str, str]
) -> None:
    await register(world)
    async with serving() as server, posting(world, server.plain_url) as postman:
        server.say = lambda at: answer if at == step else None
        assert await postman.deliver() == 0
        assert await state(world) == becomes


async def test_one_mail_that_is_refused_keeps_no_other_back(world: World) -> None:
    for number in range(3):
        await register(world, f"rider-{number}@example.org")
    refusals = iter(["550 no", "450 later"])
    async with serving() as server, posting(world, server.plain_url) as postman:
        server.say = lambda at: next(refusals, None) if at == "rcpt" else None
        assert await postman.deliver() == 1
    states = sorted(mail.state for mail in await world.store.mails.list(limit=10))
    assert states == ["FAILED", "QUEUED", "SENT"]


async def test_nobody_at_home_puts_a_mail_off(world: World) -> None:
    await register(world)
    async with serving() as server:
        gone = server.plain_url
    async with posting(world, gone) as postman:
        assert await postman.deliver() == 0
    found, reason = await state(world)
    assert found == "QUEUED"
    assert reason is not None
    assert reason.startswith("the mail server cannot be used")


async def test_a_server_that_says_nothing_is_not_waited_for(world: World) -> None:
    await register(world)
    ends: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: ends.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    url = f"smtp://127.0.0.1:{port}?starttls=never"
    async with posting(world, url, seconds=0.2) as postman:
        assert await postman.deliver() == 0
    for end in ends:
        end.close()
    silent.close()
    assert await state(world) == ("QUEUED", "the mail server did not answer in time")


async def test_a_certificate_that_nobody_vouches_for_gets_no_mail_and_no_password(
    world: World, tmp_path: Path
) -> None:
    await register(world)
    users = {"ann": "s3cret"}
    async with serving(tmp_path, starttls=True, users=users) as server:
        url = f"smtp://ann:s3cret@127.0.0.1:{server.port}"
        async with posting(world, url) as postman:
            assert await postman.deliver() == 0
        assert server.received == []
    found, reason = await state(world)
    assert found == "QUEUED"
    assert reason is not None
    assert "certificate" in reason


async def test_a_server_without_starttls_gets_nothing_when_it_is_required(world: World) -> None:
    await register(world)
    async with serving() as server:
        async with posting(world, f"smtp://127.0.0.1:{server.port}") as postman:
            assert await postman.deliver() == 0
        assert server.received == []
    assert (await state(world))[0] == "QUEUED"


async def test_who_signs_in_is_let_in_and_a_wrong_password_loses_no_mail(
    world: World, tmp_path: Path
) -> None:
    await register(world)
    async with serving(tmp_path, starttls=True, users={"ann": "s3cret"}) as server:
        right = server.url.replace("://", "://ann:s3cret@")
        async with posting(world, right.replace("s3cret", "guess")) as postman:
            assert await postman.deliver() == 0
        found, reason = await state(world)
        assert found == "QUEUED"
        assert reason is not None
        assert reason.startswith("the mail server does not let us in")
        assert "guess" not in reason
        await world.edit("UPDATE mails SET due_at = clock_timestamp()")
        async with posting(world, right) as postman:
            assert await postman.deliver() == 1
        (received,) = server.received
    assert received.user == "ann"


async def test_an_address_of_other_letters_goes_as_such(world: World) -> None:
    await register(world, "用户@例子.测试")
    await register(world, "ann@例子.测试")
    async with serving() as server, posting(world, server.plain_url) as postman:
        assert await postman.deliver() == 2
        reached = {each.recipients[0] for each in server.received}
    assert reached == {"用户@例子.测试", "ann@xn--fsqu00a.xn--0zwm56d"}


async def test_a_worker_that_dies_before_it_could_say_that_a_mail_left_sends_the_same_again(
    world: World, valkey: ThrowawayValkey
) -> None:
    await register(world)
    async with serving() as server:
        worker = forked.Process.start(
            *(forked.COMMAND, "worker"),
            environment={
                "OMNIBUS_DATABASE_URL": world.url,
                "OMNIBUS_REDIS_URL": valkey.url,
                "OMNIBUS_SMTP_URL": server.plain_url,
                "OMNIBUS_MAIL_FROM": "post@omnibus.example",
                "OMNIBUS_PUBLIC_URL": "https://tickets.example",
            },
        )
        # The server has the mail; whoever sent it never hears so.
        server.took = worker.kill
        await wait_until(lambda: server.received, seconds=30)
        assert await worker.wait() == -signal.SIGKILL
        server.took = lambda: None
        assert (await state(world))[0] == "QUEUED"
        await world.edit("UPDATE mails SET due_at = clock_timestamp() - interval '1 second'")
        async with posting(world, server.plain_url) as postman:
            assert await postman.deliver() == 1
        first, second = server.received
    assert first.letter["Message-ID"] == second.letter["Message-ID"]
    assert first.data == second.data
    assert re.fullmatch(r"<[0-9a-f-]{36}@tickets\.example>", first.letter["Message-ID"])


async def test_looking_whether_a_server_lets_us_in_sends_nothing() -> None:
    async with serving() as server:
        await SmtpCarrier(read_smtp_url(server.plain_url)).check()
        assert isinstance(server, MailServer)
        assert (server.connections, server.received) == (1, [])
