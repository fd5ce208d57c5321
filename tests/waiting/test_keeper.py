"""Rooms that load opens and closes: only under strain that lasts, only before the bus that most want."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from server.waiting.keeper import DEPARTED_LOOKS, QUIET_LOOKS, STRAINED_LOOKS, Keeper
from server.waiting.tokens import RoomTokens
from server.waiting.usher import Usher
from store import Store
from store.house_keys import HouseKey
from store.model import Caller, Role
from store.rooms import NewRoom, Room, Scope
from store.timetable import NewBus
from tests.support.databases import Databases

ADMIN = Caller(None, Role.ADMIN)


class Told(Keeper):
    """A keeper who is told whether there is strain instead of measuring it."""

    is_strained = True

    async def _is_strained(self) -> bool:
        return self.is_strained


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh() as fresh:
        await run_as_owner(
            fresh, "INSERT INTO operators (name, time_zone, currency) VALUES ('Nord', 'UTC', 'EUR')"
        )
        yield fresh


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    try:
        yield opened
    finally:
        await opened.close()


async def run_as_owner(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"SET omnibus.operators = '{{1}}'; {statement}")
    finally:
        await connection.close()


async def look(keeper: Told, usher: Usher, store: Store, **demand: int) -> list[Room]:
    """Let a second pass in which seats of buses were asked for; return the rooms there are then."""
    usher.demand = Counter({int(bus.removeprefix("bus_")): asked for bus, asked in demand.items()})
    await keeper.look()
    usher.use(*await store.rooms.read_known())
    return list(usher.open_rooms)


async def test_load_opens_a_room_before_the_one_bus_that_most_want_and_closes_it_when_it_is_quiet(
    store: Store, url: str
) -> None:
    departs_at = datetime.now(UTC) + timedelta(days=2)
    new = NewBus("Rush", departs_at, 2500, operator_id=1, total_seats=40)
    bus = (await store.timetable.add_bus(ADMIN, new)).bus_id
    usher = Usher(
        RoomTokens([HouseKey("1", "42" * 32)]), store.rooms.subjects_of, counts_demand=True
    )
    keeper = Told(store, usher, opens_by_load=True)
    crowd, spread = {f"bus_{bus}": 90, "bus_999": 10}, {f"bus_{bus}": 40, "bus_999": 40}
    for _ in range(STRAINED_LOOKS + 2):
        assert await look(keeper, usher, store, **spread) == [], "nobody is to blame"
    keeper.is_strained = False
    assert await look(keeper, usher, store, **crowd) == [], "no strain"
    keeper.is_strained = True
    for _ in range(STRAINED_LOOKS - 1):
        assert await look(keeper, usher, store, **crowd) == [], "not for long enough"
    (room,) = await look(keeper, usher, store, **crowd)
    assert (room.subject_id, room.is_auto, room.per_minute) == (bus, True, None)
    for _ in range(STRAINED_LOOKS + 1):
        assert len(await look(keeper, usher, store, **crowd)) == 1
    keeper.is_strained = False
    for _ in range(QUIET_LOOKS + 1):
        assert len(await look(keeper, usher, store)) == 1, "it is too young"
    await run_as_owner(url, "UPDATE rooms SET created_at = created_at - interval '2 minutes'")
    usher.use(*await store.rooms.read_known())
    for _ in range(QUIET_LOOKS - 1):
        assert len(await look(keeper, usher, store)) == 1, "not quiet for long enough"
    assert await look(keeper, usher, store) == []
    entries = await store.db.read(
        [1], lambda connection: connection.fetch("SELECT action FROM audit_log ORDER BY audit_id")
    )
    assert [each["action"] for each in entries if each["action"].startswith("room")] == [
        "room.open",
        "room.close",
    ]


async def test_load_opens_no_room_within_one_of_the_operator_and_what_a_room_refuses_is_no_demand(
    store: Store,
) -> None:
    now = datetime.now(UTC)
    new = NewBus("Rush", now + timedelta(days=2), 2500, operator_id=1, total_seats=40)
    bus = (await store.timetable.add_bus(ADMIN, new)).bus_id
    sale = NewRoom(Scope.OPERATOR, 1, now + timedelta(hours=1))
    await store.rooms.open(ADMIN, sale)
    usher = Usher(
        RoomTokens([HouseKey("1", "42" * 32)]), store.rooms.subjects_of, counts_demand=True
    )
    usher.use(*await store.rooms.read_known())
    keeper = Told(store, usher, opens_by_load=True)
    for _ in range(STRAINED_LOOKS + 2):
        (room,) = await look(keeper, usher, store, **{f"bus_{bus}": 90})
        assert room.scope is Scope.OPERATOR
    # Also where this process has not heard of the sale yet.
    await store.rooms.open_by_load(bus)
    assert len((await store.rooms.read_known())[0]) == 1
    usher.demand.clear()
    assert not usher.is_free(bus)
    assert usher.demand.total() == 0
    usher.use([], None)
    assert usher.is_free(bus)
    assert usher.demand.total() == 1


async def test_a_room_is_closed_when_its_bus_has_left(store: Store, url: str) -> None:
    new = NewBus("Rush", datetime.now(UTC) + timedelta(days=2), 2500, operator_id=1, total_seats=4)
    bus = (await store.timetable.add_bus(ADMIN, new)).bus_id
    await store.rooms.open(ADMIN, NewRoom(Scope.BUS, bus))
    usher = Usher(RoomTokens([HouseKey("1", "42" * 32)]), store.rooms.subjects_of)
    usher.use(*await store.rooms.read_known())
    keeper = Told(store, usher, opens_by_load=False)
    assert len(await look(keeper, usher, store)) == 1
    await run_as_owner(url, "UPDATE buses SET departs_at = now() - interval '1 minute'")
    for _ in range(DEPARTED_LOOKS - 1):
        assert len(await look(keeper, usher, store)) == 1
    assert await look(keeper, usher, store) == []
