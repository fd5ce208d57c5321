"""What an import writes, that it writes all or nothing, and that it writes nothing twice."""

import asyncio
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import departures
from store.db import Database
from store.errors import InvalidRequest
from store.gtfs import Step, Terms, Wish
from store.gtfs.faults import FeedRefused, LayoutUnknown, NothingToSell
from store.layouts import BUILT_IN, SeatPlan, two_plus_two
from store.timetable import add_layout
from tests.gtfs.feeds import SOUND, TWO_AGENCIES, altered
from tests.gtfs.loading import everything, import_feed, import_one
from tests.support.waiting import wait_until
from tests.support.world import World

BOTH = Wish(None, days=7)
TWICE = "SELECT count(*) - count(DISTINCT (source_key, service_date)) FROM buses"


async def test_stops_come_with_stations_time_zones_and_places(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    added = await import_one(db, tmp_path)
    rows = await owner.fetch(
        "SELECT s.code, s.name, p.code AS station, s.time_zone, s.latitude, s.longitude"
        " FROM stops AS s LEFT JOIN stops AS p ON p.stop_id = s.parent_id ORDER BY s.stop_id"
    )
    assert [tuple(row) for row in rows] == [
        ("ham", "Hamburg ZOB", None, "Europe/Berlin", 53.5523, 10.0115),
        ("schwerin", "Schwerin", None, "Europe/Berlin", 53.6355, 11.4012),
        ("rostock", "Rostock", None, "Europe/Berlin", 54.0924, 12.1286),
        ("gedser", "Gedser", None, "Europe/Copenhagen", 54.5740, 11.9260),
        ("ham-3", "Hamburg ZOB 3", "ham", "Europe/Berlin", 53.5524, 10.0116),
    ]
    assert (added.stops, added.routes, added.buses, added.seats) == (5, 2, 12, 12 * 40)


async def test_a_bus_has_the_real_times_of_its_day(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path)
    rows = await owner.fetch(
        "SELECT s.code, to_char(c.arrives_at AT TIME ZONE 'Europe/Berlin', 'DD HH24:MI'),"
        " to_char(c.departs_at AT TIME ZONE 'Europe/Berlin', 'DD HH24:MI'), can_board, can_alight"
        " FROM buses AS b JOIN bus_stops AS c USING (bus_id) JOIN stops AS s USING (stop_id)"
        " WHERE b.source_key = 'night' AND b.service_date = '2030-06-03' ORDER BY c.idx"
    )
    assert [tuple(row) for row in rows] == [
        ("ham-3", "03 23:00", "03 23:00", True, False),
        ("schwerin", "04 00:30", "04 00:35", True, True),
        ("rostock", "04 02:00", "04 02:00", False, True),
    ]


async def test_a_bus_has_its_route_name_fares_and_ends(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path, wish=Wish("Northline", days=1, fare=1000))
    rows = await owner.fetch(
        "SELECT b.name, r.name AS route, b.fares, b.currency, b.total_seats, b.service_date,"
        " (b.departs_at, b.arrives_at) = (min(c.departs_at), max(c.arrives_at)) AS has_its_ends"
        " FROM buses AS b JOIN routes AS r USING (route_id) JOIN bus_stops AS c USING (bus_id)"
        " GROUP BY b.bus_id, r.name ORDER BY b.departs_at"
    )
    today = date(2030, 6, 3)
    assert [tuple(row) for row in rows] == [
        ("7 Gedser", "7 Hamburg - Gedser", [334, 333, 333], "EUR", 40, today, True),
        ("7 Hamburg - Gedser", "7 Hamburg - Gedser", [500, 500], "EUR", 40, today, True),
    ]


async def test_a_route_has_its_pattern_in_seconds_after_the_start(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path)
    rows = await owner.fetch(
        "SELECT arrival_seconds, departure_seconds FROM route_stops ORDER BY route_id, idx LIMIT 4"
    )
    assert [tuple(row) for row in rows] == [(0, 0), (5100, 5400), (9600, 9600), (17_700, 17_700)]


async def test_imported_seats_can_be_sold_leg_by_leg(world: World, tmp_path: Path) -> None:
    await import_one(world.store.db, tmp_path, wish=Wish("Coastal", days=3))
    bus = await world.owner.fetchval(
        "SELECT bus_id FROM buses WHERE source_key = 'morning' ORDER BY departs_at DESC LIMIT 1"
    )
    await world.pay(await world.book(bus, ["1A"], leg=(0, 2)))
    assert (await world.states(bus))["1A"] == "BBA"
    with pytest.raises(InvalidRequest, match="no_boarding"):
        await world.book(bus, ["1A"], leg=(2, 3))


async def test_doing_it_again_changes_nothing(db: Database, owner: Any, tmp_path: Path) -> None:
    await import_one(db, tmp_path)
    before = await everything(owner)
    again = await import_one(db, tmp_path)
    assert again.is_nothing
    assert (again.known, again.differing, again.unlisted, again.stops_differing) == (12, 0, 0, 0)
    assert await everything(owner) == before


async def test_later_days_are_added_to_what_is_there(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path, wish=Wish("Northline", days=3))
    added = await import_one(db, tmp_path, wish=Wish("northLINE", days=7))
    assert (added.buses, added.known, added.stops, added.routes) == (6, 6, 0, 0)
    keys = await owner.fetchval("SELECT count(DISTINCT (source_key, service_date)) FROM buses")
    assert keys == await owner.fetchval("SELECT count(*) FROM buses") == 12
    assert await owner.fetchval("SELECT count(*) FROM operators") == 1


async def test_what_the_feed_changed_is_counted_and_left_alone(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path)
    before = await everything(owner)
    changed = {
        **altered("stop_times.txt", "13:00:00,13:00:00", "13:10:00,13:10:00"),
        **altered("stops.txt", "Schwerin,53.6355", "Schwerin Hbf,53.6350"),
    }
    added = await import_one(db, tmp_path, changed)
    assert (added.known, added.differing, added.stops_differing) == (12, 7, 1)
    assert await everything(owner) == before


async def test_a_bus_that_calls_once_more_than_the_feed_says_differs(
    db: Database, tmp_path: Path
) -> None:
    await import_one(db, tmp_path)
    shorter = SOUND["stop_times.txt"].replace("morning,13:00:00,13:00:00,gedser,9,0,0\n", "")
    added = await import_one(db, tmp_path, {"stop_times.txt": shorter})
    assert (added.known, added.differing) == (12, 7)


async def test_buses_that_left_the_feed_are_counted_and_stay_on_sale(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path)
    renumbered = {
        name: SOUND[name].replace("morning", "morgen") for name in ("trips.txt", "stop_times.txt")
    }
    added = await import_one(db, tmp_path, renumbered)
    assert (added.buses, added.known, added.unlisted) == (7, 5, 7)
    assert await owner.fetchval("SELECT count(*) FROM buses WHERE status = 'SCHEDULED'") == 19


async def test_agencies_become_operators_that_share_the_stops(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    north, south = await import_feed(db, tmp_path, TWO_AGENCIES, wish=BOTH)
    assert (north.operator, north.added.stops, north.added.buses) == ("Northline", 5, 12)
    assert (south.operator, south.added.stops, south.added.buses) == ("Southline", 0, 7)
    owned = await owner.fetch("SELECT operator_id, count(*) FROM buses GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in owned] == [(north.operator_id, 12), (south.operator_id, 7)]


async def test_agencies_share_the_stops_also_when_imported_one_by_one(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path, TWO_AGENCIES, wish=Wish("Southline", days=7))
    added = await import_one(db, tmp_path, TWO_AGENCIES, wish=Wish("Northline", days=7))
    assert added.stops == 3  # Schwerin and Rostock were there
    both = await import_feed(db, tmp_path, TWO_AGENCIES, wish=BOTH)
    assert all(each.added.is_nothing for each in both)
    assert await owner.fetchval("SELECT count(DISTINCT source) FROM stops") == 1


async def test_operators_with_feeds_of_their_own_do_not_share_stops(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path, wish=Wish("Northline", days=1))
    added = await import_one(db, tmp_path, wish=Wish("Somebody Else", days=1))
    assert (added.stops, added.buses) == (5, 2)


@pytest.mark.parametrize("name", BUILT_IN)
async def test_every_built_in_layout_can_be_sold(
    db: Database, owner: Any, tmp_path: Path, name: str
) -> None:
    added = await import_one(db, tmp_path, wish=Wish("Northline", days=1), terms=Terms(name))
    seats = len(BUILT_IN[name]().seats)
    assert added.seats == 2 * seats
    assert await owner.fetchval("SELECT min(total_seats) FROM buses") == seats


async def test_an_operators_own_layout_is_found_by_name(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    (first,) = await import_feed(db, tmp_path, wish=Wish("Northline", days=1))
    plan = SeatPlan("Old Betsy", two_plus_two(9).seats)
    await db.transaction(
        [first.operator_id], lambda connection: add_layout(connection, first.operator_id, plan)
    )
    wish = Wish("Northline", begin=date(2030, 6, 4), days=1)
    added = await import_one(db, tmp_path, wish=wish, terms=Terms("Old Betsy"))
    assert added.seats == 2 * 9


async def test_an_unknown_layout_is_refused_and_nothing_is_written(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    before = await everything(owner)
    with pytest.raises(LayoutUnknown) as unknown:
        await import_one(db, tmp_path, terms=Terms("hovercraft"))
    assert unknown.value.known == tuple(BUILT_IN)
    assert await everything(owner) == before


async def test_a_new_operator_sells_in_euros_or_the_currency_asked_for(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    await import_one(db, tmp_path, wish=Wish("Northline", days=1))
    await import_one(db, tmp_path, wish=Wish("Nordlinjen", days=1), terms=Terms(currency="DKK"))
    await import_one(db, tmp_path, wish=Wish("Nordlinjen", days=2))
    rows = await owner.fetch("SELECT name, currency, time_zone FROM operators ORDER BY operator_id")
    assert [tuple(row) for row in rows] == [
        ("Northline", "EUR", "Europe/Berlin"),
        ("Nordlinjen", "DKK", "Europe/Berlin"),
    ]
    assert await owner.fetchval("SELECT count(*) FROM buses WHERE currency = 'DKK'") == 4


async def test_an_import_is_in_the_audit_log(db: Database, owner: Any, tmp_path: Path) -> None:
    await import_one(db, tmp_path)
    action, detail = await owner.fetchrow(
        "SELECT action, detail::text FROM audit_log WHERE operator_id > 0"
    )
    assert action == "timetable.import"
    assert '"buses": 12' in detail


async def test_statistics_are_fresh_afterwards(db: Database, owner: Any, tmp_path: Path) -> None:
    await import_one(db, tmp_path)
    stale = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relname IN ('buses', 'bus_stops', 'seats')"
        " AND reltuples <= 0"
    )
    assert stale == []


async def test_an_import_ends_as_the_application_again(db: Database, tmp_path: Path) -> None:
    await import_one(db, tmp_path)
    for _ in range(3):
        row = await db.fetchrow("SELECT current_user::text AS name")
        assert row is not None
        assert row["name"] == "omnibus_app"


async def test_a_failure_in_the_last_step_leaves_nothing(
    db: Database, owner: Any, tmp_path: Path
) -> None:
    before = await everything(owner)

    def fail(step: Step, _done: int, _total: int) -> None:
        if step is Step.COMMITTING:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await import_one(db, tmp_path, report=fail)
    assert await everything(owner) == before


async def _two_imports_at_once(url: str, owner: Any, folder: Path) -> list[Any]:
    """Run two imports of the same feed so that both have looked what is there before either writes a bus."""
    connections = [await Database.connect(url, size=1) for _ in range(2)]
    try:
        await import_one(
            connections[0], folder, wish=Wish("Northline", begin=date(2030, 5, 1), days=1)
        )
        async with owner.transaction():
            await owner.execute("LOCK TABLE buses IN SHARE MODE")  # reads pass, writes wait
            tasks = [asyncio.create_task(import_one(each, folder)) for each in connections]

            async def both_are_waiting_or_refused() -> bool:
                waiting = await owner.fetchval(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'buses'::regclass"
                )
                return bool(waiting + sum(task.done() for task in tasks) == 2)

            await wait_until(both_are_waiting_or_refused)
        return await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for each in connections:
            await each.close()


async def test_of_two_imports_at_once_one_is_refused(
    database_url: str, owner: Any, tmp_path: Path
) -> None:
    outcomes = await _two_imports_at_once(database_url, owner, tmp_path)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Added", "ImportRunning"]
    assert await owner.fetchval(TWICE) == 0


async def test_without_the_lock_two_imports_at_once_add_every_bus_twice(
    database_url: str, owner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(departures.SQL._texts, "take_timetable", "SELECT $1::text IS NOT NULL")
    await _two_imports_at_once(database_url, owner, tmp_path)
    assert await owner.fetchval(TWICE) == 12


NASTY = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                " ",
                "0",
                "1",
                "-1",
                "2",
                "99999999999999999999",
                "1e309",
                "nan",
                "٣",
                "ham",
                "n",
            ),
            *(
                "20300607",
                "00:00:00",
                "999:59:59",
                "24:00:00",
                "'; DROP TABLE buses; --",
                "Ω" * 120,
            ),
            *(
                "\ufeff",
                "\u200b",
                "\u2028",
                "\x00",
                "\x85",
                "🚌",
                '"',
                ",",
                "Europe/Paris",
                "x" * 161,
            ),
        ]
    ),
    st.text(max_size=20),
)


@given(st.data())
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_is_in_a_feed_it_is_refused_or_can_be_written(
    db: Database, tmp_path: Path, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(sorted(SOUND)))
    lines = SOUND[file].splitlines()
    line = data.draw(st.integers(1, len(lines) - 1))
    cells = re.split(",", lines[line])
    cells[data.draw(st.integers(0, len(cells) - 1))] = data.draw(NASTY)
    lines[line] = ",".join(cells)
    text = "\n".join(lines).encode(errors="surrogatepass")
    try:
        await import_feed(db, tmp_path, {file: text}, wish=Wish(None, days=2))
    except (FeedRefused, NothingToSell):
        return
