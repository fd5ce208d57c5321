"""Lookups that share a query: never with one that has started, and never each other's failure for longer than that."""

import asyncio
from collections.abc import Mapping

from store.errors import NotFound
from store.gather import Gather
from tests.support.waiting import wait_until
from tests.support.world import World


class Shelf:
    """What is looked up in; a query returns what was there when it began, once the door is open."""

    def __init__(self) -> None:
        self.things: dict[int, str] = {}
        self.queries: list[list[int]] = []
        self.door = asyncio.Event()
        self.is_broken = False

    async def look_up(self, keys: list[int]) -> Mapping[int, str]:
        self.queries.append(keys)
        found = {key: self.things[key] for key in keys if key in self.things}
        await self.door.wait()
        if self.is_broken:
            raise ConnectionError
        return found


async def test_questions_that_arrive_while_a_query_runs_share_the_next_one() -> None:
    shelf = Shelf()
    gather = Gather(shelf.look_up, in_flight=1)
    first = asyncio.create_task(gather.find(1))
    await wait_until(lambda: shelf.queries == [[1]])
    others = [asyncio.create_task(gather.find(key)) for key in (2, 3, 2)]
    await asyncio.sleep(0)
    shelf.things = {2: "two"}
    shelf.door.set()
    assert await first is None
    assert await asyncio.gather(*others) == ["two", None, "two"]
    assert shelf.queries == [[1], [2, 3]]


async def test_an_answer_is_never_older_than_its_question() -> None:
    shelf = Shelf()
    gather = Gather(shelf.look_up, in_flight=1)
    before = asyncio.create_task(gather.find(1))
    await wait_until(lambda: shelf.queries == [[1]])
    shelf.things[1] = "changed since"
    after = asyncio.create_task(gather.find(1))
    await asyncio.sleep(0)
    shelf.door.set()
    assert await before is None
    assert await after == "changed since"


async def test_a_failure_reaches_those_who_asked_and_nobody_later() -> None:
    shelf = Shelf()
    shelf.door.set()
    gather = Gather(shelf.look_up, in_flight=1)
    shelf.is_broken = True
    failed = await asyncio.gather(*(gather.find(key) for key in (1, 2)), return_exceptions=True)
    assert [type(each) for each in failed] == [ConnectionError, ConnectionError]
    shelf.is_broken = False
    assert await gather.find(1) is None


async def test_who_goes_away_takes_nobody_along() -> None:
    shelf = Shelf()
    gather = Gather(shelf.look_up, in_flight=1)
    gone, stays = (asyncio.create_task(gather.find(1)) for _ in range(2))
    await wait_until(lambda: shelf.queries == [[1]])
    gone.cancel()
    shelf.door.set()
    assert await stays is None


async def test_many_buses_are_found_at_once_and_unknown_ones_refused_alone(world: World) -> None:
    known = [await world.bus() for _ in range(3)]
    world.store.buses.forget(*known)
    found = await asyncio.gather(
        *(world.store.buses.find(bus) for bus in (*known, 999_999)), return_exceptions=True
    )
    assert [bus.bus_id for bus in found[:3] if not isinstance(bus, BaseException)] == known
    assert isinstance(found[3], NotFound)


async def test_whoever_holds_a_seat_sees_it_in_the_next_map(world: World) -> None:
    bus = await world.bus()
    for label in ("1A", "1B", "1C"):
        idle = [asyncio.create_task(world.store.buses.seat_states(bus)) for _ in range(8)]
        hold = await world.hold(bus, [label])
        shown = await world.store.buses.seat_states(bus)
        assert shown.states[hold.seats[0]] == "L"
        await asyncio.gather(*idle)
