"""What searches find, against the same found by going through everything: any timetable, any question, any page."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from store import catalogue
from store.catalogue import Departure, Search
from store.db import Record
from store.reader import View
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
        leaves = today + timedelta(
            hours=chance.randrange(0, 72, 6), days=chance.choice([0, 0, 0, 60])
        )
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
        # Most get there soon; some ride for days, and some stand for hours where they have arrived.
        ride = chance.choice([1, 1, 7, 20, 45])
        stay = chance.choice([0, 0, 0, 4, 5, 70])
        comes = [leaves + timedelta(hours=idx * ride) for idx in range(segments + 1)]
        goes = [at + timedelta(hours=stay * (idx == segments)) for idx, at in enumerate(comes)]
        await world.edit(
            "UPDATE bus_stops AS s SET arrives_at = t.arrives_at, departs_at = t.departs_at"
            " FROM unnest($2::smallint[], $3::timestamptz[], $4::timestamptz[]) AS t (idx, arrives_at, departs_at)"
            " WHERE s.bus_id = $1 AND s.idx = t.idx",
            bus,
            list(range(segments + 1)),
            comes,
            goes,
        )
        await world.edit(
            "UPDATE buses SET departs_at = $2, arrives_at = $3, status = $4 WHERE bus_id = $1",
            bus,
            leaves,
            leaves + timedelta(hours=segments * ride),
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


@pytest.mark.parametrize("few", [1, 4, 500])
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_search_finds_what_there_is_page_by_page(
    world: World, monkeypatch: pytest.MonkeyPatch, seed: int, few: int
) -> None:
    """However little calls somewhere when all of it is read at once."""
    monkeypatch.setattr(catalogue, "_FEW_CALLS", few)
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


@pytest.mark.parametrize("few", [1, 500])
async def test_whoever_leaves_on_the_day_is_found_however_late_they_arrive_or_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(catalogue, "_FEW_CALLS", few)
    first = await world.bus()
    stop = (await world.stops(first))[1]
    day = datetime.now(UTC).date() + timedelta(2)
    leaves = datetime.combine(
        day, time(21, 59), tzinfo=UTC
    )  # the last minute of a day in Berlin's summer
    if leaves.astimezone(ZoneInfo("Europe/Berlin")).hour == 22:
        leaves += timedelta(hours=1)
    hours = [(ride, stay) for ride in (1, 20, 21, 45, 500) for stay in (0, 4, 5, 70)]
    buses = [await world.bus() for _ in hours]
    for bus, (ride, stay) in zip(buses, hours, strict=True):
        arrives = leaves + timedelta(hours=ride)
        await world.edit(
            "UPDATE bus_stops SET stop_id = CASE WHEN idx = 1 THEN $2 ELSE stop_id END,"
            " arrives_at = CASE WHEN idx = 1 THEN $4 ELSE $3::timestamptz END,"
            " departs_at = CASE WHEN idx = 1 THEN $5 ELSE $3::timestamptz END WHERE bus_id = $1",
            *(bus, stop, leaves, arrives, arrives + timedelta(hours=stay)),
        )
        await world.edit(
            "UPDATE buses SET departs_at = $2, arrives_at = $3, facts = facts + 1 WHERE bus_id = $1",
            *(bus, leaves, arrives),
        )
    for on in (day, None):
        page = await world.store.catalogue.search(Search(to_stop=stop, on=on, limit=100))
        found = {each.bus_id for each in page} - {first}
        missed = [each for bus, each in zip(buses, hours, strict=True) if bus not in found]
        assert missed == [], on


async def test_where_much_calls_only_the_days_are_read_that_fill_a_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await world.bus(segments=2, departs_in=timedelta(days=2))
    (stop, *_) = reversed(await world.stops(first))
    for days in range(3, 60, 3):
        bus = await world.bus(segments=2, departs_in=timedelta(days=days))
        await world.edit(
            "UPDATE bus_stops SET stop_id = $2 WHERE (bus_id, idx) = ($1, 2)", bus, stop
        )
    asked: list[timedelta] = []
    fetch = View.fetch

    async def note(view: View, query: str, *args: Any) -> list[Record]:
        if query == catalogue.SQL["search_all"]:
            asked.append(args[1] - args[3])
        return await fetch(view, query, *args)

    monkeypatch.setattr(View, "fetch", note)
    monkeypatch.setattr(catalogue, "_FEW_CALLS", 3)
    page = await world.store.catalogue.search(Search(to_stop=stop, limit=2))
    assert len(page) == 2
    assert asked == [timedelta(1), timedelta(2)]
    asked.clear()
    assert len(await world.store.catalogue.search(Search(to_stop=stop, limit=100))) == 20
    assert max(asked[:-1]) <= timedelta(32)
    assert asked[-1] > timedelta(40), "and when little is left, all of it"


async def test_a_position_before_the_day_is_no_way_to_the_day_before(world: World) -> None:
    bus = await world.bus(departs_in=timedelta(days=2))
    (leaves,) = await world.edit("SELECT departs_at FROM buses WHERE bus_id = $1", bus)
    stop = (await world.stops(bus))[0]
    for asked in (Search(), Search(from_stop=stop)):
        on = leaves[0].date() + timedelta(2)  # wherever the stop is
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
