"""A real city's week: every bus, every time, and not much memory."""

import csv
import io
import logging
import re
import zipfile
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from store.db import Database
from store.gtfs import Wish, read_feed
from store.gtfs.plan import make_plan
from store.invariants import find_violations
from tests.gtfs.commands import omnibus
from tests.gtfs.loading import NOW

log = logging.getLogger(__name__)

MONDAY = date(2014, 6, 2)
WEEK = ("--from", MONDAY.isoformat(), "--days", "7")
MEMORY_MIB = 400
PATIENCE_SECONDS = 280.0
"""A city's week, put on sale beside whatever else a busy machine does."""


@pytest.mark.timeout(600)
async def test_its_week_goes_on_sale_in_little_memory_and_only_once(
    database_url: str, owner: Any, cairns_feed: Path
) -> None:
    arguments = ("import", "gtfs", cairns_feed, "--operator", "Sunbus", *WEEK, "--json")
    ran = omnibus(database_url, *arguments, seconds=PATIENCE_SECONDS)
    assert ran.code == 0, ran.out + ran.err
    log.info("%s of %s MiB", ran.json["peak_memory_mib"], MEMORY_MIB)
    operator = ran.json["operators"][0]
    assert (operator["buses"], operator["seats"]) == (3827, 153_080)
    assert ran.json["peak_memory_mib"] <= MEMORY_MIB
    assert await _shape(owner) == (3827, 7, 52, 29 * 60 + 39)
    assert await _calls_in(owner) == _calls_told_by(cairns_feed)

    ran = omnibus(database_url, *arguments, seconds=PATIENCE_SECONDS)
    assert ran.code == 0, ran.out + ran.err
    again = ran.json["operators"][0]
    assert (again["buses"], again["stops"], again["routes"]) == (0, 0, 0)
    assert (again["known"], again["differing"], again["unlisted"]) == (3827, 0, 0)

    db = await Database.connect(database_url, size=1)
    try:
        assert await find_violations(db) == {}
    finally:
        await db.close()


async def _shape(owner: Any) -> tuple[int, ...]:
    """Return buses, fewest and most stops, and the latest arrival in minutes of its service day."""
    row = await owner.fetchrow(
        "SELECT count(*), min(b.stops), max(b.stops), max(b.minutes)::integer FROM ("
        "  SELECT count(*) AS stops, extract(epoch FROM max(c.arrives_at AT TIME ZONE 'Australia/Brisbane')"
        "   - min(b.service_date)) / 60 AS minutes"
        "  FROM buses AS b JOIN bus_stops AS c USING (bus_id) GROUP BY b.bus_id"
        ") AS b"
    )
    return tuple(row)


async def _calls_in(owner: Any) -> dict[tuple[str, date], list[tuple[str, int]]]:
    """Return for every bus its stops with minutes after local midnight."""
    rows = await owner.fetch(
        "SELECT b.source_key, b.service_date, array_agg(s.code ORDER BY c.idx) AS codes,"
        " array_agg(extract(epoch FROM c.departs_at AT TIME ZONE 'Australia/Brisbane'"
        "  - b.service_date)::integer / 60 ORDER BY c.idx) AS minutes"
        " FROM buses AS b JOIN bus_stops AS c USING (bus_id) JOIN stops AS s USING (stop_id)"
        " GROUP BY b.bus_id"
    )
    return {
        (row["source_key"], row["service_date"]): list(
            zip(row["codes"], row["minutes"], strict=True)
        )
        for row in rows
    }


def _calls_told_by(path: Path) -> dict[tuple[str, date], list[tuple[str, int]]]:
    """Work out the same from the feed in another way: exceptions fall outside the week, Brisbane has no DST."""
    tables = _tables(path)
    calls: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for row in sorted(tables["stop_times"], key=lambda row: int(row["stop_sequence"])):
        found = re.fullmatch(r"(\d+):(\d\d):00", row["departure_time"])
        minutes = int(found[1]) * 60 + int(found[2]) if found else None
        calls[row["trip_id"]].append((row["stop_id"], minutes))
    week = [MONDAY + timedelta(days=number) for number in range(7)]
    names = [day.strftime("%A").lower() for day in week]
    runs = {
        row["service_id"]: [day for day, name in zip(week, names, strict=True) if row[name] == "1"]
        for row in tables["calendar"]
    }
    return {
        (trip["trip_id"], day): _filled(calls[trip["trip_id"]])
        for trip in tables["trips"]
        for day in runs[trip["service_id"]]
    }


def _filled(calls: list[tuple[str, int | None]]) -> list[tuple[str, int]]:
    """Spread missing times between their neighbours, to the minute below."""
    known = [(place, minutes) for place, (_, minutes) in enumerate(calls) if minutes is not None]
    return [
        (code, _between(known, place) if minutes is None else minutes)
        for place, (code, minutes) in enumerate(calls)
    ]


def _between(known: list[tuple[int, int]], place: int) -> int:
    before = max(pair for pair in known if pair[0] < place)
    after = min(pair for pair in known if pair[0] > place)
    share = (place - before[0]) / (after[0] - before[0])
    return int(before[1] + share * (after[1] - before[1]))


def _tables(path: Path) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(path) as archive:
        return {
            name: list(csv.DictReader(io.StringIO(archive.read(f"{name}.txt").decode("utf-8-sig"))))
            for name in ("trips", "stop_times", "calendar")
        }


def test_its_routes_are_one_for_each_order_of_stops(cairns_feed: Path) -> None:
    plan = make_plan(read_feed(cairns_feed), Wish("Sunbus", begin=MONDAY, days=7), NOW)
    departures = plan.offers[0].departures
    assert len(departures.routes) == 47
    for route in departures.routes:
        same = [run for run in departures.runs if departures.routes[run.route] == route]
        assert len({tuple(call.place for call in run.calls) for run in same}) == 1


def test_an_old_week_is_sold_on_the_same_weekdays_from_today_on(cairns_feed: Path) -> None:
    plan = make_plan(
        read_feed(cairns_feed), Wish("Sunbus", begin=MONDAY, days=7, is_shifted=True), NOW
    )
    assert (plan.begin, plan.end) == (date(2030, 6, 3), date(2030, 6, 9))
    assert plan.buses == 3827
