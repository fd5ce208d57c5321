"""Expiry is true when read: whoever needs the seat takes it, the sweeper only tells the others sooner."""

import asyncio

import pytest

from store import Store
from store.errors import HoldExpired, SeatUnavailable
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.model import GUEST, Booking, BookingStatus, Hold
from tests.support.locks import seat_locked, session
from tests.support.waiting import wait_until
from tests.support.world import World, purchase_of, value


async def test_a_sweep_ends_what_is_overdue_and_tells_everyone(world: World) -> None:
    bus = await world.bus(segments=2)
    hold = await world.hold(bus, ["1A"], leg=(0, 1))
    booking = await world.book(bus, ["1B"], leg=(1, 2))
    await world.hold(bus, ["1C"])
    await world.let_time_pass(hold)
    await world.let_time_pass(booking)
    assert await world.store.expiry.sweep() == 2
    assert [(event.kind, dict(event.seats)) for event in world.events[-2:]] == [
        ("expired", {"1A": "AA"}),
        ("expired", {"1B": "AA"}),
    ]
    assert (await world.states(bus))["1C"] == "LL"
    (held,) = await world.edit("SELECT state FROM holds WHERE hold_id = $1", hold.hold_id)
    assert held["state"] == "EXPIRED"
    found = await world.store.lookup.find(bus, booking.booking_id)
    assert found.status is BookingStatus.EXPIRED


async def test_a_sweep_with_nothing_due_changes_nothing(world: World) -> None:
    await world.hold(await world.bus(), ["1A"])
    assert await world.store.expiry.sweep() == 0
    assert len(world.events) == 1


async def test_the_seconds_that_were_configured_decide_by_the_database_clock(world: World) -> None:
    hasty = await world.open_store(StoreOptions(hold_seconds=1, pending_seconds=1))
    bus = await world.bus()
    held, booked = SeatRequest(bus, ["1A"]), SeatRequest(bus, ["1B"])
    await _hold_with(hasty, held)
    booking: Booking = await value(
        lambda ask: hasty.bookings.book(GUEST, booked, purchase_of(["1B"]), ask)
    )
    ended: list[int] = []

    async def is_swept() -> bool:
        ended.append(await world.store.expiry.sweep())
        return sum(ended) == 2

    await wait_until(is_swept)
    rows = await world.edit(
        "SELECT ended_at >= expires_at AS is_due FROM holds"
        " UNION ALL SELECT ended_at >= $1 FROM bookings",
        booking.expires_at,
    )
    assert [row["is_due"] for row in rows] == [True, True]
    assert set((await world.states(bus)).values()) == {"A"}


async def test_more_than_one_sweeper_ends_each_hold_once(world: World) -> None:
    bus = await world.bus()
    other = await world.open_store()
    for seat in list(await world.states(bus))[:20]:
        await world.let_time_pass(await world.hold(bus, [seat]))
    ended = await asyncio.gather(
        *(store.expiry.sweep() for store in (world.store, other, world.store, other))
    )
    ended.append(await world.store.expiry.sweep())
    assert sum(ended) == 20
    assert [event.kind for event in world.events].count("expired") == 20


async def test_a_seat_that_someone_is_working_on_does_not_keep_a_sweep_from_the_others(
    world: World,
) -> None:
    bus = await world.bus()
    idle, busy = await world.hold(bus, ["1C"]), await world.hold(bus, ["1A", "1B"])
    await world.let_time_pass(idle)
    await world.let_time_pass(busy)

    async def is_idle_over() -> bool:
        return (await world.states(bus))["1C"] == "A"

    async with seat_locked(world, bus, "1B"):
        sweep = asyncio.create_task(world.store.expiry.sweep())
        await wait_until(is_idle_over)
        states = await world.states(bus)
        assert (states["1A"], states["1B"]) == ("L", "L")
    assert await sweep == 2
    assert set((await world.states(bus)).values()) == {"A"}


async def test_the_next_buyer_does_not_wait_for_the_sweep(world: World) -> None:
    bus = await world.bus()
    late = await world.hold(bus, ["1A"])
    await world.let_time_pass(late)
    hold = await world.hold(bus, ["1A"])
    assert dict(world.events[-1].seats) == {"1A": "L"}
    claims = await world.edit("SELECT hold_id FROM claims")
    assert [row["hold_id"] for row in claims] == [hold.hold_id]
    with pytest.raises(HoldExpired):
        await world.release(late)


@pytest.mark.parametrize("is_booking", [False, True], ids=["a hold", "an unpaid booking"])
async def test_who_takes_some_seats_of_what_expired_leaves_the_rest_to_the_sweep(
    world: World, *, is_booking: bool
) -> None:
    bus = await world.bus(segments=3)
    seats = ["1A", "1B", "1C"]
    late = await (world.book(bus, seats) if is_booking else world.hold(bus, seats))
    await world.let_time_pass(late)
    await world.book(bus, ["1B"], leg=(0, 1), method="cash")
    states = await world.states(bus)
    assert (states["1A"], states["1B"], states["1C"]) == ("LLL", "BAA", "LLL")
    assert await world.store.expiry.sweep() == 1
    assert dict(world.events[-1].seats) == {"1A": "AAA", "1C": "AAA"}
    assert (await world.states(bus))["1B"] == "BAA"


async def test_a_seat_whose_other_segments_expired_with_someone_else_comes_whole(
    world: World,
) -> None:
    bus = await world.bus(segments=3)
    for leg in ((0, 1), (1, 2)):
        await world.let_time_pass(await world.hold(bus, ["1A"], leg=leg))
    live = await world.hold(bus, ["1A"], leg=(2, 3))
    hold = await world.hold(bus, ["1A"], leg=(0, 2))
    assert (await world.states(bus))["1A"] == "LLL"
    assert await world.store.expiry.sweep() == 2
    assert (await world.states(bus))["1A"] == "LLL"
    await world.release(live)
    await world.release(hold)
    assert (await world.states(bus))["1A"] == "AAA"


async def test_a_live_hold_in_the_way_refuses_even_beside_an_expired_one(world: World) -> None:
    bus = await world.bus(segments=2)
    await world.let_time_pass(await world.hold(bus, ["1A"], leg=(0, 1)))
    await world.hold(bus, ["1A"], leg=(1, 2))
    with pytest.raises(SeatUnavailable) as refusal:
        await world.hold(bus, ["1A"])
    assert refusal.value.seats == (("1A", "L"),)
    assert (await world.states(bus))["1A"] == "LL"


async def test_only_one_of_many_takes_over_an_expired_seat(world: World) -> None:
    bus = await world.bus()
    await world.let_time_pass(await world.hold(bus, ["1A", "1B"]))
    outcomes = await asyncio.gather(
        *(world.hold(bus, ["1A"]) for _ in range(8)),
        world.store.expiry.sweep(),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, SeatUnavailable) for outcome in outcomes) == 7
    await world.store.expiry.sweep()
    states = await world.states(bus)
    assert (states["1A"], states["1B"]) == ("L", "A")


async def test_at_the_deadline_an_extension_and_a_takeover_never_both_win(world: World) -> None:
    hasty = await world.open_store(StoreOptions(hold_seconds=1))
    bus = await world.bus()
    seats = list(await world.states(bus))[:12]
    holds = [await _hold_with(hasty, SeatRequest(bus, [seat])) for seat in seats]
    deadline = holds[0].expires_at
    await wait_until(lambda: world.owner.fetchval("SELECT clock_timestamp() >= $1", deadline))
    takeovers = asyncio.gather(*(world.hold(bus, [seat]) for seat in seats), return_exceptions=True)
    extensions = asyncio.gather(*(world.extend(hold) for hold in holds), return_exceptions=True)
    for taken, extended in zip(await takeovers, await extensions, strict=True):
        assert isinstance(taken, Hold | SeatUnavailable)
        assert isinstance(extended, Hold | HoldExpired)
        assert not (isinstance(taken, Hold) and isinstance(extended, Hold))


async def test_whoever_takes_over_waits_for_an_extension_under_way_and_sees_it(
    world: World,
) -> None:
    bus = await world.bus()
    late = await world.hold(bus, ["1A", "1B"])
    await world.let_time_pass(late)
    async with session(world) as extending:
        await extending.connection.execute(
            "UPDATE holds SET is_extended = true, created_at = clock_timestamp(),"
            " expires_at = clock_timestamp() + interval '60 seconds'"
        )
        takeover = asyncio.create_task(world.hold(bus, ["1A"]))
        await extending.has_waiters()
        await extending.keep()
    with pytest.raises(SeatUnavailable):
        await takeover


async def test_a_booking_cannot_be_paid_once_its_seat_was_taken_over(world: World) -> None:
    bus = await world.bus()
    late = await world.book(bus, ["1A", "1B"])
    await world.let_time_pass(late)
    await world.hold(bus, ["1A"])
    with pytest.raises(HoldExpired):
        await world.pay(late)
    states = await world.states(bus)
    assert (states["1A"], states["1B"]) == ("L", "L")


async def test_ending_a_hold_that_has_lost_every_seat_is_no_news(world: World) -> None:
    bus = await world.bus()
    await world.let_time_pass(await world.hold(bus, ["1A"]))
    await world.hold(bus, ["1A"])
    heard = len(world.events)
    await world.store.expiry.sweep()
    assert len(world.events) == heard


async def _hold_with(store: Store, request: SeatRequest) -> Hold:
    return await value(lambda ask: store.holds.hold(GUEST, request, ask))
