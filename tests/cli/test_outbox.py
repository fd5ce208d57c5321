"""`omnibus outbox` and the worker that empties it, as an operator would run them."""

from pathlib import Path

from store.accounts import NewUser
from store.mails import Mail
from tests.cli.commands import omnibus
from tests.cli.test_worker import working
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until
from tests.support.world import World


async def register(world: World, email: str) -> None:
    await world.store.accounts.register(NewUser("Ann", email, "hash"))


async def take(world: World) -> Mail:
    (taken,) = await world.store.mails.take(1)
    return taken


async def test_mails_are_listed_with_what_became_of_them(world: World) -> None:
    await register(world, "sent@example.org")
    await world.store.mails.mark_sent(await take(world))
    await register(world, "late@example.org")
    late = await take(world)
    await world.store.mails.put_off(late, "No space left on device")
    ran = omnibus("outbox", DATABASE_URL=world.url)
    assert ran.code == 0, ran.err
    newest, oldest = ran.out.splitlines()
    assert "QUEUED" in newest
    assert newest.endswith("late@example.org  (1 tries: No space left on device)")
    assert "SENT" in oldest
    assert oldest.endswith("verify_email       sent@example.org")
    items = omnibus("outbox", "--json", DATABASE_URL=world.url).json["items"]
    assert [(item["state"], item["recipient"]) for item in items] == [
        ("QUEUED", "late@example.org"),
        ("SENT", "sent@example.org"),
    ]
    assert items[0]["mail_id"] == str(late.mail_id)
    assert late.token is not None
    assert late.token not in ran.out + str(items)


async def test_a_mail_is_tried_again_when_somebody_says_so(world: World) -> None:
    await register(world, "ann@example.org")
    taken = await take(world)
    await world.store.mails.put_off(taken, "No space left on device")
    assert await world.store.mails.take(1) == []
    ran = omnibus("outbox", "retry", str(taken.mail_id), DATABASE_URL=world.url)
    assert (ran.code, ran.out) == (0, f"{taken.mail_id} is tried again\n"), ran.err
    await world.store.mails.mark_sent(await take(world))
    ran = omnibus("outbox", "retry", str(taken.mail_id), DATABASE_URL=world.url)
    assert (ran.code, ran.err) == (1, "omnibus: this mail has left already\n")
    unknown = "00000000-0000-0000-0000-000000000001"
    ran = omnibus("outbox", "retry", unknown, DATABASE_URL=world.url)
    assert (ran.code, ran.err) == (1, f"omnibus: there is no mail {unknown}\n")


async def test_the_worker_writes_every_mail_to_its_folder_and_no_word_of_it_to_its_log(
    world: World, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    await register(world, "canary@example.org")
    folder, log = tmp_path / "post", tmp_path / "worker.log"
    settings = {"OMNIBUS_MAIL_DIR": str(folder), "OMNIBUS_PUBLIC_URL": "https://tickets.example"}
    async with working(world.url, valkey.url, log, settings):
        await wait_until(lambda: list(folder.glob("*.eml")), seconds=30)
        await wait_until(lambda: world.edit("SELECT FROM mails WHERE state = 'SENT'"))
    (file,) = folder.iterdir()
    text = file.read_text()
    assert "To: canary@example.org" in text
    assert "https://tickets.example/login?verify=" in text
    written = log.read_text()
    token = text.partition("?verify=")[2].split()[0]
    assert not [word for word in ("canary", token) if word in written]
