"""A worker that is killed while it pays back a cancelled bus: another one goes on, and every ticket is paid once."""

from pathlib import Path

from tests.support import forked
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until
from tests.support.world import World

_SEATS = 120
_KILLS = 2


async def test_every_ticket_of_a_cancelled_bus_is_paid_back_once_however_often_workers_die(
    world: World, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    bus = await world.bus(seats=_SEATS)
    labels = list(await world.states(bus))
    # Two seats a booking, so that the work is not over at once; and one that has given back a seat already.
    bookings = [
        await world.book(bus, [first, second], method="cash")
        for first, second in zip(labels[::2], labels[1::2], strict=True)
    ]
    await world.cancel(bookings[-1], [labels[-1]])
    await world.cancel_bus(bus)
    kills = 0
    find = world.store.bus_refunds.find
    while (before := await find(world.manager(), bus)).to_go:
        worker = _start(world, valkey, tmp_path)

        async def has_done_some(done: int = before.refunded) -> bool:
            now = await find(world.manager(), bus)
            return now.refunded > done + 2 or not now.to_go

        if kills < _KILLS:
            await wait_until(has_done_some, seconds=30)
            worker.kill()
            kills += 1
        else:
            await wait_until(lambda: _is_done(world, bus), seconds=30)
            worker.terminate()
        await worker.wait()
        # What the dead one had in hand is free when its lease is over.
        await world.edit(
            "UPDATE jobs SET leased_until = clock_timestamp() WHERE leased_until IS NOT NULL"
        )
    assert kills >= 1, "nobody was killed"
    rows = await world.edit(
        "SELECT unnest(r.seats) AS seat_no, r.amount FROM refunds AS r WHERE r.bus_id = $1", bus
    )
    assert sorted(row["seat_no"] for row in rows) == list(range(1, _SEATS + 1))
    (row,) = await world.edit("SELECT sum(amount)::integer AS amount FROM refunds")
    assert row["amount"] == _SEATS * 2000
    progress = await find(world.manager(), bus)
    assert (progress.booked, progress.refunded, progress.to_go) == (_SEATS // 2, _SEATS // 2, 0)
    assert progress.amount == (_SEATS - 1) * 2000
    (row,) = await world.edit(
        "SELECT count(*) AS jobs FROM jobs WHERE kind = 'REFUND' AND bus_id = $1", bus
    )
    assert row["jobs"] == _SEATS // 2 + 1


async def _is_done(world: World, bus: int) -> bool:
    return not (await world.store.bus_refunds.find(world.manager(), bus)).to_go


def _start(world: World, valkey: ThrowawayValkey, folder: Path) -> forked.Process:
    return forked.Process.start(
        *(forked.COMMAND, "worker"),
        environment={
            "OMNIBUS_DATABASE_URL": world.url,
            "OMNIBUS_REDIS_URL": valkey.url,
            "OMNIBUS_MAIL_DIR": str(folder),
            "OMNIBUS_PUBLIC_URL": "https://tickets.example",
        },
    )
