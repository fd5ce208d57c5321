"""Every change of a bus is one event and one revision; the rest is silence."""

import asyncio
import json

import pytest

from store.events import SeatsChanged
from store.model import GUEST
from tests.store import deeds
from tests.support.history import apply
from tests.support.world import World, answer

every_deed = pytest.mark.parametrize("name", deeds.ALL)


@every_deed
async def test_what_was_seen_before_and_what_is_told_make_what_is_there_after(
    world: World, name: str
) -> None:
    bus = await world.bus(segments=2)
    deed = await deeds.ALL[name](world, bus)
    before = await world.states(bus)
    told = len(world.events)
    await answer(lambda ask: deed(world.store, ask))
    events = world.events[told:]
    assert len(events) == (0 if name == "extend" else 1)
    assert apply(before, events) == await world.states(bus)
    assert all(event.seats for event in events)


@every_deed
async def test_the_position_of_a_bus_moves_by_one_for_every_change(world: World, name: str) -> None:
    bus = await world.bus(segments=2)
    deed = await deeds.ALL[name](world, bus)
    (before,) = await world.store.buses.positions([bus])
    await answer(lambda ask: deed(world.store, ask))
    (after,) = await world.store.buses.positions([bus])
    assert after.epoch == before.epoch
    assert after.rev - before.rev == (0 if name == "extend" else 1)


KINDS = {
    "hold": "held",
    "replace": "held",
    "release": "released",
    "book": "booked",
    "book_hold": "booked",
    "confirm": "confirmed",
    "decline": "failed",
    "cancel": "cancelled",
    "cancel_seat": "cancelled",
    "cancel_unpaid": "cancelled",
    "block": "blocked",
    "lift": "unblocked",
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
async def test_an_event_says_what_happened(world: World, name: str, kind: str) -> None:
    bus = await world.bus()
    deed = await deeds.ALL[name](world, bus)
    await answer(lambda ask: deed(world.store, ask))
    assert world.events[-1].kind == kind


async def test_the_event_that_is_kept_is_the_event_that_was_told(world: World) -> None:
    bus = await world.bus(segments=2)
    await world.hold(bus, ["1A"], leg=(1, 2))
    (row,) = await world.edit("SELECT * FROM events")
    told = world.events[-1]
    assert (row["rev"], row["epoch"], row["kind"], row["at"]) == (1, 1, "held", told.at)
    assert json.loads(row["seats"]) == [["1A", "AL"]]
    assert told == SeatsChanged(bus, 1, 0, 1, (("1A", "AL"),), row["at"], "held")


async def test_revisions_follow_the_order_of_commits_however_many_sell_at_once(
    world: World,
) -> None:
    bus = await world.bus(seats=60)
    other = await world.open_store()
    labels = list(await world.states(bus))
    await asyncio.gather(
        *(
            deeds.hold_one(store, bus, label)
            for label, store in zip(labels, [world.store, other] * 30, strict=True)
        )
    )
    assert sorted(event.rev for event in world.events) == list(range(1, 61))


async def test_revisions_of_one_bus_do_not_count_on_another(world: World) -> None:
    first, second = await world.bus(), await world.bus()
    await world.hold(first, ["1A"])
    await world.hold(second, ["1A"])
    await world.hold(first, ["1B"])
    positions = await world.store.buses.positions([first, second, 4711])
    assert {place.bus_id: place.rev for place in positions} == {first: 2, second: 1}


async def test_a_snapshot_is_the_state_at_its_revision(world: World) -> None:
    """Snapshot at R = all deltas up to R, also while sales go on."""
    bus = await world.bus(seats=40)
    labels = list(await world.states(bus))
    sales = asyncio.gather(*(deeds.hold_one(world.store, bus, label) for label in labels))
    snapshots = []
    while not sales.done():
        snapshots += await world.store.buses.seat_maps([bus])
    await sales
    untouched = dict.fromkeys(labels, "A")
    history = sorted(world.events, key=lambda event: event.rev)
    for snapshot in snapshots:
        assert dict(snapshot.seats) == apply(untouched, history[: snapshot.rev])


async def test_both_ways_to_read_the_seats_agree(world: World) -> None:
    bus = await world.bus(segments=2)
    await world.hold(bus, ["2B"], leg=(0, 1))
    (seat_map,) = await world.store.buses.seat_maps([bus])
    seats = await world.store.buses.seat_states(bus)
    assert (seats.epoch, seats.rev) == (seat_map.epoch, seat_map.rev)
    labels = {seats.bus.layout.label(seat): letters for seat, letters in seats.states.items()}
    assert labels == dict(seat_map.seats)
    assert [seat for seat, _ in seat_map.seats] == [seat.label for seat in seats.bus.layout.seats]


async def test_nothing_is_told_of_a_refusal(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"], caller=GUEST)
    with pytest.raises(Exception, match="SeatUnavailable"):
        await world.hold(bus, ["1A"])
    assert len(world.events) == 1
