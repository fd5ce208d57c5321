"""What searches find, against the same found by going through everything: any timetable, any question, any page."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from store.catalogue import Departure, Search
from store.db import Record
from tests.support.world import World

SEEDS = range(4)
BUSES = 40
STATION = 7_000
STOPS = [*range(7_001, 7_009)]  # the first three belong to the station
FOUND = tuple[datetime, int, int, int, int, int]
"""When it leaves, bus, the leg and its stops."""


async def fill(world: World, chance: random.Random) -> list[int]:
    """Give `BUSES` buses stops and times of their own, many the same; return operators."""
    await world.edit(
        "INSERT INTO stops (stop_id, source, code, name, time_zone, parent_id)"
        " SELECT id, 'test', id::text, id::text, 'UTC', CASE WHEN id BETWEEN $1 + 1 AND $1 + 3 THEN $1::bigint END"
        " FROM generate_series($1::bigint, $1 + 8) AS id",
        STATION,
    )
    today = datetime.combine(datetime.now(UTC).date() + timedelta(2), time(), tzinfo=UTC)
    (other,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) SELECT 'Other', time_zone, currency FROM operators LIMIT 1"
        " RETURNING operator_id"
    )
    operators = [world.operator_id, other[0]]
    await world.edit("ALTER TABLE buses DISABLE TRIGGER USER")  # nobody is back in draft otherwise
    for _ in range(BUSES):
        segments = chance.choice([1, 1, 2, 3, 4])
        # Routes are the first operator's.
        operator = chance.choice(operators) if segments == 1 else None
        bus = await world.bus(segments=segments, seats=4, operator_id=operator)
        # Few hours and few stops: departures at the same moment, stops that a bus comes to again.
        leaves = today + timedelta(hours=chance.randrange(0, 72, 6))
        calls = [chance.choice(STOPS) for _ in range(segments + 1)]
        for idx, stop in enumerate(calls):
            await world.edit(
                "UPDATE bus_stops SET stop_id = $3, can_board = $4, can_alight = $5 WHERE (bus_id, idx) = ($1, $2)",
                bus,
                idx,
                stop,
                chance.random() < 0.8,
                chance.random() < 0.8,
            )
        await world.edit(
            "UPDATE bus_stops AS s SET arrives_at = t.at, departs_at = t.at"
            " FROM (SELECT idx, $2::timestamptz + idx * interval '1 hour' AS at FROM bus_stops WHERE bus_id = $1) AS t"
            " WHERE s.bus_id = $1 AND s.idx = t.idx",
            bus,
            leaves,
        )
        await world.edit(
            "UPDATE buses SET departs_at = $2, arrives_at = $3, status = $4 WHERE bus_id = $1",
            bus,
            leaves,
            leaves + timedelta(hours=segments),
            chance.choice(["SCHEDULED", "SCHEDULED", "SCHEDULED", "CANCELLED", "DRAFT"]),
        )
    return operators


async def all_legs(world: World, search: Search) -> list[FOUND]:
    """Return what the question without its page finds, in order."""
    rows = await world.owner.fetch(
        "SELECT b.bus_id, b.operator_id, b.departs_at AS leaves, c.* FROM buses AS b"
        " INNER JOIN bus_stops AS c ON c.bus_id = b.bus_id WHERE b.status <> 'DRAFT' ORDER BY b.bus_id, c.idx"
    )
    found = []
    for bus_id in {row["bus_id"] for row in rows}:
        calls = [row for row in rows if row["bus_id"] == bus_id]
        if search.operator_id not in (None, calls[0]["operator_id"]):
            continue
        if (leg := _leg(calls, search)) is None:
            continue
        start, end = leg
        departs_at = start["departs_at"]
        day = departs_at.date()
        if departs_at < datetime.now(UTC) if search.on is None else day != search.on:
            continue
        found.append(
            (departs_at, bus_id, start["idx"], end["idx"], start["stop_id"], end["stop_id"])
        )
    return sorted(found)


def _leg(calls: Sequence[Record], search: Search) -> tuple[Record, Record] | None:
    boarding, alighting = _meant(search.from_stop), _meant(search.to_stop)
    starts = [each for each in calls if each["stop_id"] in boarding and each["can_board"]]
    start = next(iter(starts), None) if boarding else calls[0]
    if start is None:
        return None
    ends = [each for each in calls if each["idx"] > start["idx"] and each["can_alight"]]
    if not alighting:
        return (start, ends[-1]) if ends else None
    end = next((each for each in ends if each["stop_id"] in alighting), None)
    return None if end is None else (start, end)


def _meant(stop: int | None) -> set[int]:
    if stop is None:
        return set()
    return {stop, *STOPS[:3]} if stop == STATION else {stop}


def _questions(chance: random.Random, operators: Sequence[int]) -> Iterator[Search]:
    first = datetime.now(UTC).date() + timedelta(2)
    for _ in range(60):
        yield Search(
            from_stop=chance.choice([None, STATION, *STOPS]),
            to_stop=chance.choice([None, None, STATION, *STOPS]),
            on=chance.choice([None, *(first + timedelta(number) for number in range(3))]),
            operator_id=chance.choice([None, None, *operators]),
            limit=chance.choice([1, 3, 100]),
        )


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_search_finds_what_there_is_page_by_page(world: World, seed: int) -> None:
    chance = random.Random(seed)
    operators = await fill(world, chance)
    sizes = set()
    for question in _questions(chance, operators):
        expected = await all_legs(world, question)
        found: list[FOUND] = []
        search = question
        while page := await world.store.catalogue.search(search):
            assert len(page) <= search.limit
            found += [_found(each) for each in page]
            search = replace(search, after=(page[-1].departs_at, page[-1].bus_id))
        assert found == expected, question
        sizes.add(len(found))
    assert len(sizes) > 3, "the questions hardly find anything"
    await world.edit("UPDATE buses SET status = 'SCHEDULED' WHERE status = 'DRAFT'")


async def test_a_position_before_the_day_is_no_way_to_the_day_before(world: World) -> None:
    bus = await world.bus(departs_in=timedelta(days=2))
    (leaves,) = await world.edit("SELECT departs_at FROM buses WHERE bus_id = $1", bus)
    stop = (await world.stops(bus))[0]
    for asked in (Search(), Search(from_stop=stop)):
        on = leaves[0].date() + timedelta(1)
        late = replace(asked, on=on, after=(leaves[0] - timedelta(1), 0))
        assert bus not in {each.bus_id for each in await world.store.catalogue.search(late)}


def _found(each: Departure) -> FOUND:
    return (
        each.departs_at,
        each.bus_id,
        each.leg.start,
        each.leg.end,
        each.from_stop.stop_id,
        each.to_stop.stop_id,
    )
