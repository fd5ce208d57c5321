"""(B) What other buyers notice while 1,000 requests a second want one bus, with and without a waiting room.

Others buy on their own buses in an open loop, a request due every ten milliseconds, the same in every round. The crowd
is an open loop of its own beside them, of requests for holds on a bus that nobody else buys on.
"""

import asyncio
import itertools
from collections.abc import Iterator

from store import Store
from store.model import Caller, Role
from store.rooms import NewRoom, Scope
from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets, hold
from tests.bench.machine import API, POSTGRES
from tests.bench.report import Bound, Ratio, Round, Section, Subject
from tests.bench.shop import open_shop

_OTHERS_A_SECOND, _CROWD_A_SECOND = 100.0, 1_000.0
_ADMIN = Caller(None, Role.ADMIN)
_SEATS = [f"{row}{letter}" for row in range(1, 11) for letter in "ABCD"]


async def others_beside_a_crowd(fleets: Fleets, effort: Effort) -> Section:
    """Measure others alone, beside a crowd at a waiting room, and beside the same crowd without one."""
    alone, room, none = (
        Subject("others, alone"),
        Subject("crowd at a room"),
        Subject("crowd, no room"),
    )
    for _ in range(effort.rounds):
        alone.rounds.append(await _round(fleets, effort, has_crowd=False, has_room=False))
        room.rounds.append(await _round(fleets, effort, has_crowd=True, has_room=True))
        none.rounds.append(await _round(fleets, effort, has_crowd=True, has_room=False))
    return Section(
        "B",
        f"bookings of others while {_CROWD_A_SECOND:,.0f} requests a second want one bus",
        (room, none, alone),
        (
            Ratio("p95 ms", room, alone, "≤ 2"),
            Ratio("p95 ms", none, alone, "the twin"),
            Ratio("PostgreSQL cores", room, none, "≤ 0.7"),
        ),
        (Bound("others refused", room, "≤ 0"),),
        notes=(
            "p95 counts from when a booking was due",
            "nobody of the crowd came past the room",
        ),
    )


async def _round(fleets: Fleets, effort: Effort, *, has_crowd: bool, has_room: bool) -> Round:
    async with open_shop(fleets, effort, kept=1, prepare=_open_room if has_room else None) as shop:
        wanted = shop.fleet.bus_ids[-1]
        tokens = await shop.fleet.sign_in()
        before = shop.rig.read_cpu(shop.served)
        others = load.open_loop(
            shop.served.addresses, shop.requests, rate=_OTHERS_A_SECOND, seconds=effort.seconds
        )
        crowd = load.open_loop(
            shop.served.addresses,
            _crowd(tokens, wanted),
            rate=_CROWD_A_SECOND if has_crowd else 1.0,
            seconds=effort.seconds,
        )
        theirs, refused = await asyncio.gather(others, crowd)
        cpu = shop.rig.read_cpu(shop.served) - before
        # On a machine that is short of cores the gate refuses some, too: what counts is that nobody came past.
        if has_room and set(refused.statuses) & {201, 409}:
            raise RuntimeError(f"somebody came past the room: {dict(refused.statuses)}")
        shop.sold += theirs.sales
        await shop.check()
        return {
            "p50 ms": theirs.percentile(0.5) * 1e3,
            "p95 ms": theirs.percentile(0.95) * 1e3,
            "others refused": float(sum(theirs.statuses.values()) - theirs.sales),
            "API cores": cpu.of(API) / theirs.seconds,
            "PostgreSQL cores": cpu.of(*POSTGRES) / theirs.seconds,
            "crowd answered a second": refused.statuses.total() / refused.seconds,
        }


def _crowd(tokens: list[bytes], bus: int) -> Iterator[bytes]:
    seats = itertools.cycle(_SEATS)
    for number, token in enumerate(itertools.cycle(tokens)):
        yield hold(token, f"crowd-{number}", bus, [next(seats)])


async def _open_room(fleet: Fleet) -> int:
    """Put a room before the last bus; nothing was booked."""
    store = await Store.open(fleet.url)
    try:
        await store.rooms.open(_ADMIN, NewRoom(Scope.BUS, fleet.bus_ids[-1]))
    finally:
        await store.close()
    return 0
