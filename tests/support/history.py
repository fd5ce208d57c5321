"""The house rule of events: what was seen before, changed by what was told, is what is there now."""

import json
from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from store.events import SeatsChanged
from tests.support.world import World


def apply(states: dict[str, str], events: Iterable[SeatsChanged]) -> dict[str, str]:
    """Return the seats after these events, as any observer works them out."""
    seen = dict(states)
    for event in events:
        seen |= dict(event.seats)
    return seen


async def check_history(world: World, *, is_announced: bool = True) -> None:
    """Replay every bus from its first revision: events must lead to the seats as they are.

    `is_announced` is whether each of them was also announced, exactly once; where an answer got lost on the way,
    an announcement may be missing (never wrong).
    """
    recorded = await _recorded(world)
    told = defaultdict(list)
    for event in world.events:
        told[event.bus_id].append(event)
    for bus_id, kept in recorded.items():
        by_rev = {event.rev: event for event in kept}
        heard = told[bus_id]
        # What a bus is by then is announced, and its row says so; events are of seats.
        assert all(
            replace(event, status=None) == by_rev.get(event.rev, replace(event, status=None))
            for event in heard
        )
        assert len({event.rev for event in heard}) == len(heard)
        # What was purged since is known from what was told.
        history = {event.rev: event for event in heard} | by_rev
        assert sorted(history) == list(range(1, len(history) + 1))
        assert not is_announced or len(heard) == len(history)
        states = await world.states(bus_id)
        untouched = {seat: "A" * len(letters) for seat, letters in states.items()}
        assert apply(untouched, [history[rev] for rev in sorted(history)]) == states
    assert told.keys() <= recorded.keys()


async def _recorded(world: World) -> dict[int, list[SeatsChanged]]:
    rows = await world.edit(
        "SELECT b.bus_id, e.epoch, e.rev, e.seats, e.at, e.kind"
        " FROM buses AS b LEFT JOIN events AS e ON e.bus_id = b.bus_id ORDER BY b.bus_id, e.rev"
    )
    recorded: dict[int, list[SeatsChanged]] = defaultdict(list)
    for row in rows:
        events = recorded[row["bus_id"]]
        if row["rev"] is not None:
            seats = tuple((seat, states) for seat, states in json.loads(row["seats"]))
            place = row["epoch"], row["rev"] - 1, row["rev"]
            events.append(SeatsChanged(row["bus_id"], *place, seats, row["at"], row["kind"]))
    return recorded
