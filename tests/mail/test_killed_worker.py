"""A worker that is killed in the middle of its round: every mail arrives, none in half, none as two."""

from pathlib import Path

from store.accounts import NewUser
from tests.support import forked
from tests.support.mailbox import Mailbox
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until
from tests.support.world import World

_MAILS = 400


async def test_after_a_kill_another_worker_brings_every_mail_to_its_end(
    world: World, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    for number in range(_MAILS):
        await world.store.accounts.register(NewUser("Ann", f"rider-{number}@example.org", "hash"))
    folder = tmp_path / "mail"
    worker = forked.Process.start(
        *(forked.COMMAND, "worker"),
        environment={
            "OMNIBUS_DATABASE_URL": world.url,
            "OMNIBUS_REDIS_URL": valkey.url,
            "OMNIBUS_MAIL_DIR": str(folder),
            "OMNIBUS_PUBLIC_URL": "https://tickets.example",
        },
    )
    await wait_until(lambda: len(list(folder.glob("*.eml"))) >= 5, seconds=30)
    worker.kill()
    await worker.wait()
    before = {path.name: path.read_bytes() for path in folder.glob("*.eml")}
    assert len(before) < _MAILS, "it was done before it could be killed"
    await world.edit("UPDATE mails SET due_at = clock_timestamp() WHERE state = 'QUEUED'")
    mailbox = Mailbox(world.store, folder)
    await mailbox.postman.deliver()
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(after) == _MAILS
    assert all(path.endswith(".eml") for path in after)
    # What had been written, marked or not, was not written otherwise.
    assert {name: after[name] for name in before} == before
    (row,) = await world.edit("SELECT count(*) AS sent FROM mails WHERE state = 'SENT'")
    assert row["sent"] == _MAILS
