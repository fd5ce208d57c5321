"""Many endpoints and many senders: nobody's trouble is another's, and nothing is sent by two."""

import asyncio
import re
from pathlib import Path

import pytest

from server.webhooks.sender import Pace
from store import webhook_outbox
from store.webhook_outbox import Attempt, State
from tests.support import forked
from tests.support.servers import ThrowawayValkey
from tests.support.twins import locking, without_locks
from tests.support.waiting import wait_until
from tests.webhooks.house import HASTY, House, token
from tests.webhooks.receiver import Receiver, receiving


async def test_a_dead_endpoint_keeps_nobody_waiting(house: House, receiver: Receiver) -> None:
    dead, live = f"silent/{token()}", f"ok/{token()}"
    await house.add(receiver.url(dead))
    await house.add(receiver.url(live))
    await house.happen(40)
    sender = house.sender(Pace(slots=8, deadline_seconds=30.0, look_seconds=0.05))
    sending = asyncio.create_task(sender.deliver())
    await wait_until(lambda: len(receiver.got(live)) == 40, seconds=30)
    assert len(receiver.got(dead)) == 4
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await sender.close()


async def test_endpoints_that_fail_have_half_of_the_slots_and_one_each(
    house: House, receiver: Receiver
) -> None:
    dead = [f"silent/{token()}" for _ in range(5)]
    live = f"ok/{token()}"
    for path in dead:
        await house.add(receiver.url(path))
    await house.world.edit("UPDATE webhook_endpoints SET failing_since = clock_timestamp()")
    await house.add(receiver.url(live))
    await house.happen(20)
    sender = house.sender(Pace(slots=4, deadline_seconds=30.0, look_seconds=0.05))
    sending = asyncio.create_task(sender.deliver())
    await wait_until(lambda: len(receiver.got(live)) == 20, seconds=30)
    asked = [len(receiver.got(path)) for path in dead]
    assert sorted(asked) == [0, 0, 0, 1, 1]
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await sender.close()


async def send_by_two(house: House, receiver: Receiver) -> list[str]:
    """Let two senders share what waits for eight endpoints, and return the number of every message that came."""
    paths = [f"ok/{token()}" for _ in range(8)]
    for path in paths:
        await house.add(receiver.url(path))
    await house.happen(12)
    await asyncio.gather(*(house.sender().deliver() for _ in range(2)))
    return [each["headers"]["webhook-id"] for path in paths for each in receiver.got(path)]


async def test_two_senders_never_make_the_same_attempt(house: House, receiver: Receiver) -> None:
    numbers = await send_by_two(house, receiver)
    assert len(numbers) == len(set(numbers)) == 96


async def test_without_the_lock_they_would(house: House, receiver: Receiver) -> None:
    def linger(text: str) -> str:
        return without_locks(text).replace("ORDER BY random()", "AND pg_sleep(0.01) IS NOT NULL")

    # It, too, keeps who comes late from taking what is delivered.
    await house.world.owner.execute(
        "ALTER TABLE webhook_deliveries DROP CONSTRAINT webhook_deliveries_lease_shape"
    )
    with locking(linger, webhook_outbox.SQL):
        numbers = await send_by_two(house, receiver)
    assert len(numbers) > len(set(numbers))


async def outlive_its_lease(house: House, receiver: Receiver) -> State:
    """Let a sender be so late with a failure that another one has delivered meanwhile; return what stands."""
    added = await house.add(receiver.url(f"ok/{token()}"))
    await house.happen()
    outbox = house.worker.webhook_outbox
    (late,) = await outbox.take(10, of_one_endpoint=4, are_failing=False)
    assert await outbox.take(10, of_one_endpoint=4, are_failing=False) == []
    await house.make_due()
    await house.sender().deliver()
    await outbox.record(late, Attempt("timeout", 15_000, error="no answer"), webhook_outbox.LEASE)
    told = await house.only(added.endpoint.endpoint_id)
    # Both are in the log, whoever had the last word.
    assert [tried.attempt for tried in await house.tries(told)] == [1, 2]
    return told.state


async def test_who_is_late_changes_nothing_any_more(house: House, receiver: Receiver) -> None:
    assert await outlive_its_lease(house, receiver) is State.DELIVERED


async def test_without_the_fence_it_would_be_sent_again(house: House, receiver: Receiver) -> None:
    def unfenced(text: str) -> str:
        return re.sub(r"AND d\.lease = \$3", "AND $3::uuid IS NOT NULL", text)

    with locking(unfenced, webhook_outbox.SQL):
        assert await outlive_its_lease(house, receiver) is State.WAITING


async def test_after_a_kill_between_sending_and_noting_it_comes_again_the_same(
    house: House, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    async with receiving(tmp_path) as receiver:
        added = await house.add(receiver.url("held"))
        await house.happen()
        worker = forked.Process.start(
            *(forked.COMMAND, "worker"),
            environment={
                "OMNIBUS_DATABASE_URL": house.world.url,
                "OMNIBUS_REDIS_URL": valkey.url,
                "OMNIBUS_DATA_DIR": str(tmp_path / "data"),
                "OMNIBUS_WEBHOOK_HOSTS": "127.0.0.1",
            },
        )
        await wait_until(lambda: receiver.got("held"), seconds=30)
        worker.kill()
        await worker.wait()
        receiver.let_go()
        told = await house.only(added.endpoint.endpoint_id)
        assert (told.state, told.attempts) == (State.WAITING, 1)
        await house.sender().deliver()
        assert len(receiver.got("held")) == 1, "it is the dead one's until its lease is over"
        await house.make_due()
        await house.sender(HASTY).deliver()
        first, second = receiver.got("held")
    for name in ("webhook-id", "content-length"):
        assert first["headers"][name] == second["headers"][name]
    assert first["body"] == second["body"]
    told = await house.only(added.endpoint.endpoint_id)
    assert (told.state, told.attempts) == (State.DELIVERED, 2)
    # Of the first nobody lived to tell.
    assert [tried.attempt for tried in await house.tries(told)] == [2]


async def test_a_worker_that_leaves_finishes_what_it_sends(
    house: House, receiver: Receiver
) -> None:
    added = await house.add(receiver.url(f"ok/{token()}"))
    await house.happen()
    sender = house.sender()
    sending = asyncio.create_task(sender.deliver())
    await wait_until(lambda: bool(sender._running), seconds=10)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await sender.close()
    assert (await house.only(added.endpoint.endpoint_id)).state is State.DELIVERED
    (row,) = await house.world.edit("SELECT outcome, attempts FROM webhook_counts")
    assert tuple(row) == ("delivered", 1)


@pytest.mark.parametrize("slots", [1, 64])
async def test_one_slot_is_enough_for_everybody(
    house: House, receiver: Receiver, slots: int
) -> None:
    paths = [f"ok/{token()}" for _ in range(3)]
    for path in paths:
        await house.add(receiver.url(path))
    await house.happen(3)
    await house.sender(Pace(slots=slots)).deliver()
    assert [len(receiver.got(path)) for path in paths] == [3, 3, 3]
