"""Trips: their calls in order and complete, and what becomes of them as routes, runs and buses."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.departures import Call
from store.gtfs import Plan, Wish, make_plan, read_feed
from store.gtfs.faults import AgencyUnclear, NothingToSell, TooMuch
from store.gtfs.model import Trip
from tests.gtfs.feeds import SOUND, TWO_AGENCIES, altered, with_rows, write_feed

Changes = Mapping[str, str | bytes | None]
NOW = datetime(2030, 6, 3, 10, tzinfo=UTC)
MORNING, NIGHT = "morning", "night"


def trips(folder: Path, changes: Changes | None = None) -> dict[str, Trip]:
    return {trip.trip_id: trip for trip in read_feed(write_feed(folder, changes)).trips}


def plan(folder: Path, changes: Changes | None = None, **wish: object) -> Plan:
    wanted = Wish(**{"operator": "Northline", "days": 7, **wish})  # type: ignore[arg-type]  # said by name
    return make_plan(read_feed(write_feed(folder, changes)), wanted, NOW)


def test_calls_follow_the_sequence_whatever_the_order_of_rows(tmp_path: Path) -> None:
    head, *rows = SOUND["stop_times.txt"].splitlines(keepends=True)
    turned = trips(tmp_path, {"stop_times.txt": head + "".join(reversed(rows))})
    assert [list(trip.calls) for trip in turned.values()] == [
        list(trip.calls) for trip in trips(tmp_path).values()
    ]


def test_flags_say_where_one_may_board_and_alight(tmp_path: Path) -> None:
    calls = list(trips(tmp_path)[MORNING].calls)
    assert [call.can_board for call in calls] == [True, True, False, False]
    assert [call.can_alight for call in calls] == [False, False, True, True]


def test_one_of_arrival_and_departure_stands_for_both(tmp_path: Path) -> None:
    changes = altered("stop_times.txt", "09:30:00,09:35:00", ",09:35:00")
    assert list(trips(tmp_path, changes)[MORNING].calls)[1][1:3] == (34_500, 34_500)


def test_times_left_out_are_spread_evenly(tmp_path: Path) -> None:
    changes = altered("stop_times.txt", "09:30:00,09:35:00", ",")
    changes |= {"stop_times.txt": str(changes["stop_times.txt"]).replace("10:45:00,10:45:00", ",")}
    calls = list(trips(tmp_path, changes)[MORNING].calls)
    # 295 minutes from leaving Hamburg at 08:05 to Gedser at 13:00, in thirds.
    assert [call.arrives for call in calls[1:3]] == [29_100 + 5_900, 29_100 + 11_800]
    assert all(call.arrives == call.departs for call in calls[1:3])


@given(
    st.lists(
        st.one_of(st.none(), st.tuples(st.integers(0, 900), st.integers(0, 300))), max_size=30
    ),
    st.integers(1, 3000),
)
@settings(max_examples=60, deadline=None)
def test_a_trip_never_goes_back_in_time_however_many_times_are_left_out(
    tmp_path_factory: pytest.TempPathFactory, middle: list[tuple[int, int] | None], last: int
) -> None:
    now, rows = 28_800, ["t,08:00:00,08:00:00,ham-3,0,,"]
    for number, stay in enumerate(middle, 1):
        if stay is None:
            rows.append(f"t,,,schwerin,{number},,")
            continue
        arrives, now = now + stay[0], now + stay[0] + stay[1]
        rows.append(f"t,{_clock(arrives)},{_clock(now)},schwerin,{number},,")
    rows.append(f"t,{_clock(now + last)},,gedser,99,,")
    changes = {**with_rows("trips.txt", "coast,daily,t,"), **with_rows("stop_times.txt", *rows)}
    calls = list(trips(tmp_path_factory.mktemp("feed"), changes)["t"].calls)
    assert len(calls) == len(middle) + 2
    times = [moment for call in calls for moment in (call.arrives, call.departs)]
    assert times == sorted(times)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def test_trips_become_buses_on_their_days(tmp_path: Path) -> None:
    (offer,) = plan(tmp_path).offers
    days = [(bus.source_key, bus.service_date.day) for bus in offer.departures.buses]
    # Friday the 7th is taken from the night trip, Saturday the 8th is added.
    assert days == [(MORNING, day) for day in range(3, 10)] + [
        (NIGHT, day) for day in (3, 4, 5, 6, 8)
    ]
    assert offer.buses == 12


def test_today_is_the_agencys_today(tmp_path: Path) -> None:
    feed = read_feed(write_feed(tmp_path))
    made = make_plan(feed, Wish(days=1), datetime(2030, 6, 2, 22, 30, tzinfo=UTC))
    assert (made.begin, made.end) == (date(2030, 6, 3), date(2030, 6, 3))


def test_each_order_of_stops_is_a_route_of_its_own(tmp_path: Path) -> None:
    changes = {
        **with_rows("trips.txt", "coast,daily,noon,Gedser"),
        **with_rows(
            "stop_times.txt",
            *(
                f"noon,{12 + n}:00:00,,{stop},{n},,"
                for n, stop in enumerate(("ham-3", "schwerin", "rostock", "gedser"))
            ),
        ),
    }
    departures = plan(tmp_path, changes).offers[0].departures
    assert [route.name for route in departures.routes] == ["7 Hamburg - Gedser"] * 2
    assert [run.route for run in departures.runs] == [0, 1, 0]
    assert len({route.key for route in departures.routes}) == 2


def test_buses_are_named_after_line_and_headsign(tmp_path: Path) -> None:
    departures = plan(tmp_path).offers[0].departures
    assert [run.name for run in departures.runs] == ["7 Gedser", "7 Hamburg - Gedser"]


def test_long_names_of_routes_are_cut(tmp_path: Path) -> None:
    changes = altered("routes.txt", "Hamburg - Gedser", "Hamburg " * 20)
    name = plan(tmp_path, changes).offers[0].departures.routes[0].name
    assert len(name) <= 120
    assert name.endswith("…")


def test_only_stops_that_are_called_at_come_along_with_their_stations(tmp_path: Path) -> None:
    changes = {
        **with_rows("stops.txt", "wismar,Wismar,53.8900,11.4600,0,,"),
        **altered("calendar.txt", "daily,1,1,1,1,1,1,1,20300101", "daily,1,1,1,1,1,1,1,20301201"),
    }
    places = plan(tmp_path, changes).offers[0].departures.places
    assert [place.code for place in places] == ["ham", "ham-3", "schwerin", "rostock"]
    assert places[1].parent == places[0].number


def test_a_stops_time_zone_is_its_own_or_its_stations_or_the_agencys(tmp_path: Path) -> None:
    changes = altered("stops.txt", "1,,", "1,,Europe/London")
    zones = {stop.code: stop.zone for stop in read_feed(write_feed(tmp_path, changes)).stops}
    assert zones == {
        "ham": "Europe/London",
        "ham-3": "Europe/London",
        "schwerin": "Europe/Berlin",
        "rostock": "Europe/Berlin",
        "gedser": "Europe/Copenhagen",
    }


def test_the_fare_is_shared_by_the_segments(tmp_path: Path) -> None:
    departures = plan(tmp_path, fare=1000).offers[0].departures
    assert [run.fares for run in departures.runs] == [[334, 333, 333], [500, 500]]


def test_a_frequency_is_a_bus_for_every_slot(tmp_path: Path) -> None:
    frequencies = (
        "trip_id,start_time,end_time,headway_secs,exact_times\n"
        "morning,06:00:00,08:00:00,2400,0\nmorning,23:30:00,24:30:00,1800,1\n"
    )
    (offer,) = plan(tmp_path, {"frequencies.txt": frequencies}, days=1).offers
    run = offer.departures.runs[0]
    starts = [
        (bus.base + timedelta(seconds=run.starts)).strftime("%d %H:%M")
        for bus in offer.departures.buses
        if bus.run == 0
    ]
    # Berlin is two hours ahead of UTC in June.
    assert starts == ["03 04:00", "03 04:40", "03 05:20", "03 21:30", "03 22:00"]
    keys = [bus.source_key for bus in offer.departures.buses]
    assert keys[:2] == [" morning@06:00:00", " morning@06:40:00"]
    assert len(set(keys)) == len(keys) == offer.buses


def test_a_window_without_trips_names_the_days_that_have_some(tmp_path: Path) -> None:
    with pytest.raises(NothingToSell) as nothing:
        plan(tmp_path, begin=date(2031, 1, 1))
    assert (nothing.value.first, nothing.value.last) == (date(2030, 1, 1), date(2030, 12, 31))


def test_more_buses_than_an_import_may_have_are_refused(tmp_path: Path) -> None:
    frequencies = "trip_id,start_time,end_time,headway_secs\nmorning,00:00:00,24:00:00,1\n"
    with pytest.raises(TooMuch):
        plan(tmp_path, {"frequencies.txt": frequencies})


def test_a_feed_of_one_agency_is_sold_under_any_name(tmp_path: Path) -> None:
    assert [offer.operator for offer in plan(tmp_path, operator="Coastal").offers] == ["Coastal"]
    assert [offer.operator for offer in plan(tmp_path, operator=None).offers] == ["Northline"]


@pytest.mark.parametrize("asked", ["southline", "s"])
def test_of_several_agencies_one_is_chosen_by_name_or_id(tmp_path: Path, asked: str) -> None:
    made = plan(tmp_path, TWO_AGENCIES, operator=asked)
    assert [offer.operator for offer in made.offers] == ["Southline"]
    assert made.sharing == ("Northline", "Southline")


def test_of_several_agencies_each_becomes_an_operator_when_none_is_chosen(tmp_path: Path) -> None:
    made = plan(tmp_path, TWO_AGENCIES, operator=None)
    assert [(offer.operator, offer.buses) for offer in made.offers] == [
        ("Northline", 12),
        ("Southline", 7),
    ]


def test_a_name_that_none_of_several_agencies_has_is_refused_with_their_names(
    tmp_path: Path,
) -> None:
    with pytest.raises(AgencyUnclear) as unclear:
        plan(tmp_path, TWO_AGENCIES, operator="Coastal")
    assert unclear.value.agencies == ("Northline", "Southline")


def test_packed_calls_come_out_as_they_went_in(tmp_path: Path) -> None:
    calls = trips(tmp_path)[NIGHT].calls
    hamburg, schwerin, rostock = calls.places
    assert list(calls) == [
        Call(hamburg, 82_800, 82_800, can_board=True, can_alight=False),
        Call(schwerin, 88_200, 88_500, can_board=True, can_alight=True),
        Call(rostock, 93_600, 93_600, can_board=False, can_alight=True),
    ]
    assert (len(calls), calls.starts, calls.ends) == (3, 82_800, 93_600)
