"""Of two workers one is killed while they hear of payments, sweep what has expired and pay back: nothing is lost."""

from pathlib import Path

from server.payments.cashier import Cashier
from store.inbox import ProviderEvent
from store.model import Booking
from tests.money.histories import judge
from tests.money.paths import DemoPath
from tests.support import forked
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until
from tests.support.world import World

_SEATS = 80
_OVER = (
    "UPDATE provider_events SET due_at = clock_timestamp() WHERE state = 'NEW'",
    "UPDATE intents SET look_at = clock_timestamp() WHERE look_at IS NOT NULL",
    "UPDATE jobs SET leased_until = clock_timestamp() WHERE leased_until IS NOT NULL",
)


async def test_what_is_paid_is_confirmed_or_paid_back_once_though_a_worker_dies_in_the_middle(
    world: World, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    path = await DemoPath.open(world)
    cashier = Cashier(world.store, [path.seller], "http://127.0.0.1:8000")
    bus = await world.bus(seats=_SEATS)
    labels = list(await world.states(bus))
    # In turn: in time, too late for a free seat, too late for one that was sold, and never paid.
    bookings = [await world.book(bus, [label]) for label in labels]
    refs = [await _paid(path, cashier, booking) for booking in bookings if _turn(booking) != 3]
    for booking in bookings:
        if _turn(booking) > 0:
            await world.let_time_pass(booking)
    for booking, label in zip(bookings, labels, strict=True):
        if _turn(booking) == 2:
            await world.book(bus, [label], method="cash", caller=world.agent())
    for ref in refs:
        event = ProviderEvent("demo", f"evt_{ref}", "payment.succeeded", ref)
        assert await world.store.inbox.note(event)

    first = _start(world, valkey, tmp_path)
    second = _start(world, valkey, tmp_path)

    async def has_begun() -> bool:
        (row,) = await world.edit(
            "SELECT count(*) AS done FROM provider_events WHERE state = 'APPLIED'"
        )
        return bool(row["done"] >= 5)

    await wait_until(has_begun, seconds=30)
    first.kill()
    await first.wait()
    # What the dead one had in hand is free when its lease is over.
    for due in _OVER:
        await world.edit(due)
    await wait_until(lambda: _is_over(world), seconds=60, pause=0.1)
    second.terminate()
    assert await second.wait() == 0

    assert await judge(world, path) == []
    rows = await world.edit(
        "SELECT b.status, p.status AS paid, count(*) AS number FROM bookings AS b"
        " LEFT JOIN payments AS p USING (bus_id, booking_id) WHERE b.method = 'demo' GROUP BY 1, 2"
    )
    each = _SEATS // 4
    assert {(row["status"], row["paid"]): row["number"] for row in rows} == {
        ("CONFIRMED", "SUCCEEDED"): 2 * each,
        ("EXPIRED", "RETURNED"): each,
        ("EXPIRED", None): each,
    }


def _turn(booking: Booking) -> int:
    return booking.seats[0] % 4


async def _paid(path: DemoPath, cashier: Cashier, booking: Booking) -> str:
    """Begin to pay and pay, and tell nobody."""
    action = await cashier.begin((booking.bus.bus_id, booking.booking_id))
    ref = path.ref_of(action)
    assert await path.step(ref, "approve")
    return ref


async def _is_over(world: World) -> bool:
    (row,) = await world.edit(
        "SELECT (SELECT count(*) FROM provider_events WHERE state = 'NEW')"
        " + (SELECT count(*) FROM bookings WHERE status = 'PENDING')"
        " + (SELECT count(*) FROM jobs WHERE state = 'QUEUED') AS left_over"
    )
    return bool(row["left_over"] == 0)


def _start(world: World, valkey: ThrowawayValkey, folder: Path) -> forked.Process:
    return forked.Process.start(
        *(forked.COMMAND, "worker"),
        environment={
            "OMNIBUS_DATABASE_URL": world.url,
            "OMNIBUS_REDIS_URL": valkey.url,
            "OMNIBUS_DEMO": "on",
            "OMNIBUS_MAIL_DIR": str(folder),
            "OMNIBUS_PUBLIC_URL": "https://tickets.example",
        },
    )
