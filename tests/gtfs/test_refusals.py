"""What makes a feed broken, and how it is told: file, line, reason."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from store.gtfs import read_feed
from store.gtfs.faults import FAULTS_SHOWN
from tests.gtfs.feeds import SOUND, altered, refusal, with_rows, write_feed

Changes = Mapping[str, str | bytes | None]


def test_a_sound_feed_is_read_whole(tmp_path: Path) -> None:
    feed = read_feed(write_feed(tmp_path))
    assert [trip.trip_id for trip in feed.trips] == ["morning", "night"]
    assert [stop.code for stop in feed.stops] == ["ham", "ham-3", "schwerin", "rostock", "gedser"]


BROKEN: list[tuple[str, Changes, str, int | None, str]] = [
    ("a file is missing", {"trips.txt": None}, "trips.txt", None, "is missing"),
    (
        "both calendars are missing",
        {"calendar.txt": None, "calendar_dates.txt": None},
        "calendar.txt",
        None,
        "is missing, and so is calendar_dates.txt",
    ),
    ("a file is empty", {"routes.txt": ""}, "routes.txt", None, "is empty"),
    (
        "there is no agency",
        {"agency.txt": SOUND["agency.txt"].splitlines()[0]},
        "agency.txt",
        None,
        "no agency",
    ),
    (
        "a column is missing",
        altered("trips.txt", "service_id,trip_id", "service,trip_id"),
        "trips.txt",
        1,
        "the header has no `service_id`",
    ),
    (
        "a column is there twice",
        altered("agency.txt", "agency_url", "agency_name"),
        "agency.txt",
        1,
        "has `agency_name` twice",
    ),
    (
        "a row is short",
        with_rows("routes.txt", "inland,n,8"),
        "routes.txt",
        3,
        "has 3 fields where",
    ),
    (
        "a quote is not closed",
        with_rows("routes.txt", 'inland,n,8,"Oops,3'),
        "routes.txt",
        3,
        "not CSV",
    ),
    (
        "a quote is in the way",
        with_rows("routes.txt", 'inland,n,8,"Oo"ps,3'),
        "routes.txt",
        3,
        "not CSV",
    ),
    (
        "a line has no end",
        with_rows("routes.txt", "x" * 70_000),
        "routes.txt",
        3,
        "longer than 65536 bytes",
    ),
    (
        "it is not UTF-8",
        {"stops.txt": SOUND["stops.txt"].replace("Schwerin", "Schwérin").encode("latin-1")},
        "stops.txt",
        5,
        "not UTF-8",
    ),
    (
        "an id is blank",
        altered("trips.txt", "daily,morning", "daily,"),
        "trips.txt",
        2,
        "trip_id is blank",
    ),
    (
        "an id is long",
        altered("trips.txt", ",night", f",{'n' * 161}"),
        "trips.txt",
        3,
        "longer than 160",
    ),
    (
        "a stop is there twice",
        with_rows("stops.txt", "ham,Again,1,1,1,,"),
        "stops.txt",
        8,
        "is on line 2 already",
    ),
    (
        "a trip is there twice",
        with_rows("trips.txt", "coast,daily,night,"),
        "trips.txt",
        4,
        "is on line 3 already",
    ),
    (
        "a route is there twice",
        with_rows("routes.txt", "coast,n,8,Inland,3"),
        "routes.txt",
        3,
        "is on line 2",
    ),
    (
        "a service is there twice",
        with_rows("calendar.txt", "daily,1,1,1,1,1,1,1,20300101,20301231"),
        "calendar.txt",
        4,
        "is on line 2 already",
    ),
    (
        "an exception is there twice",
        with_rows("calendar_dates.txt", "workdays,20300607,1"),
        "calendar_dates.txt",
        4,
        "is on line 2 already",
    ),
    (
        "a route is unknown",
        altered("trips.txt", "coast,daily", "hills,daily"),
        "trips.txt",
        2,
        "`hills` is not in",
    ),
    (
        "a service is unknown",
        altered("trips.txt", "workdays,night", "never,night"),
        "trips.txt",
        3,
        "`never` is not",
    ),
    (
        "a trip is unknown",
        with_rows("stop_times.txt", "x,08:00:00,08:00:00,ham-3,1,,"),
        "stop_times.txt",
        9,
        "`x`",
    ),
    (
        "a stop is unknown",
        altered("stop_times.txt", "09:35:00,schwerin", "09:35:00,wismar"),
        "stop_times.txt",
        3,
        "`wismar` is not in stops.txt",
    ),
    (
        "a bus calls at a station",
        altered("stop_times.txt", "08:05:00,ham-3", "08:05:00,ham"),
        "stop_times.txt",
        2,
        "not a stop that vehicles call at",
    ),
    (
        "a bus calls at an entrance",
        altered("stop_times.txt", "08:05:00,ham-3", "08:05:00,ham-door"),
        "stop_times.txt",
        2,
        "not a stop that vehicles call at",
    ),
    (
        "a station is unknown",
        altered("stops.txt", "0,ham,", "0,hamburg,"),
        "stops.txt",
        3,
        "parent_station `hamburg` is not in stops.txt",
    ),
    (
        "a stop is in a stop",
        altered("stops.txt", "11.4012,0,,", "11.4012,0,rostock,"),
        "stops.txt",
        5,
        "`rostock` is not a station",
    ),
    (
        "a station is in a station",
        altered("stops.txt", "1,,", "1,ham,"),
        "stops.txt",
        2,
        "has no parent_station",
    ),
    (
        "a latitude is none",
        altered("stops.txt", "53.6355", "north"),
        "stops.txt",
        5,
        "stop_lat `north` is not",
    ),
    (
        "a latitude is off the Earth",
        altered("stops.txt", "53.6355", "91"),
        "stops.txt",
        5,
        "from -90 to 90",
    ),
    (
        "a longitude is not a number",
        altered("stops.txt", "11.4012", "nan"),
        "stops.txt",
        5,
        "stop_lon `nan`",
    ),
    (
        "a name is blank",
        altered("stops.txt", "schwerin,Schwerin", "schwerin,"),
        "stops.txt",
        5,
        "stop_name is blank",
    ),
    (
        "a name holds a control character",
        altered("stops.txt", "Schwerin", "Schwe\x1brin"),
        "stops.txt",
        5,
        "holds a control character",
    ),
    (
        "a name is long",
        altered("stops.txt", "Schwerin", "S" * 121),
        "stops.txt",
        5,
        "longer than 120",
    ),
    (
        "a kind of stop is unknown",
        altered("stops.txt", "11.4012,0", "11.4012,9"),
        "stops.txt",
        5,
        "location_type `9`",
    ),
    (
        "a time zone is unknown",
        altered("agency.txt", "Europe/Berlin", "Europe/Bärlin"),
        "agency.txt",
        2,
        "is not a time zone",
    ),
    (
        "a stop's time zone is a path",
        altered("stops.txt", "Europe/Copenhagen", "../etc/passwd"),
        "stops.txt",
        7,
        "is not a time zone",
    ),
    (
        "agencies differ in time zone",
        with_rows("agency.txt", "s,Southline,https://south.example,Europe/Rome"),
        "agency.txt",
        3,
        "differs from the first",
    ),
    (
        "an agency is unknown",
        altered("routes.txt", "coast,n", "coast,s"),
        "routes.txt",
        2,
        "agency_id `s` is not in",
    ),
    (
        "a route has no name",
        altered("routes.txt", "7,Hamburg - Gedser", ","),
        "routes.txt",
        2,
        "are both blank",
    ),
    (
        "a date is none",
        altered("calendar_dates.txt", "20300607", "20300631"),
        "calendar_dates.txt",
        2,
        "not a date",
    ),
    (
        "a date has dashes",
        altered("calendar_dates.txt", "20300607", "2030-6-7"),
        "calendar_dates.txt",
        2,
        "not a date",
    ),
    (
        "a calendar ends before it begins",
        altered(
            "calendar.txt", "1,1,1,1,1,1,1,20300101,20301231", "1,1,1,1,1,1,1,20300101,20291231"
        ),
        "calendar.txt",
        2,
        "end_date is before start_date",
    ),
    (
        "a weekday is neither 0 nor 1",
        altered("calendar.txt", "1,1,1,1,1,0,0", "1,1,yes,1,1,0,0"),
        "calendar.txt",
        3,
        "wednesday `yes`",
    ),
    (
        "an exception is of no kind",
        altered("calendar_dates.txt", "20300608,1", "20300608,3"),
        "calendar_dates.txt",
        3,
        "exception_type `3`",
    ),
    (
        "a time is none",
        altered("stop_times.txt", "09:30:00", "09:60:00"),
        "stop_times.txt",
        3,
        "not a time",
    ),
    (
        "a time is a word",
        altered("stop_times.txt", "09:30:00", "noon"),
        "stop_times.txt",
        3,
        "not a time",
    ),
    (
        "a sequence is negative",
        altered("stop_times.txt", "rostock,5", "rostock,-5"),
        "stop_times.txt",
        4,
        "stop_sequence `-5`",
    ),
    (
        "a sequence is there twice",
        altered("stop_times.txt", "rostock,5", "rostock,2"),
        "stop_times.txt",
        4,
        "has stop_sequence 2 on line 3 already",
    ),
    (
        "a stop is left before it is reached",
        altered("stop_times.txt", "09:30:00,09:35:00", "09:30:00,09:29:59"),
        "stop_times.txt",
        3,
        "departure_time is before arrival_time",
    ),
    (
        "a bus goes back in time",
        altered("stop_times.txt", "10:45:00,10:45:00", "09:34:00,10:45:00"),
        "stop_times.txt",
        4,
        "goes back in time",
    ),
    (
        "the order of stops is not that of times",
        altered("stop_times.txt", "schwerin,2,0,1", "schwerin,7,0,1"),
        "stop_times.txt",
        3,
        "goes back in time",
    ),
    (
        "the first stop has no time",
        altered("stop_times.txt", "08:00:00,08:05:00", ","),
        "stop_times.txt",
        2,
        "no time at its first or last stop",
    ),
    (
        "the last stop has no time",
        altered("stop_times.txt", "13:00:00,13:00:00", ","),
        "stop_times.txt",
        5,
        "no time at its first or last stop",
    ),
    (
        "a trip takes no time",
        {
            **with_rows("trips.txt", "coast,daily,flash,"),
            **with_rows(
                "stop_times.txt",
                "flash,08:00:00,08:00:00,ham-3,1,,",
                "flash,08:00:00,08:00:00,gedser,2,,",
            ),
        },
        "stop_times.txt",
        10,
        "takes no time at all",
    ),
    (
        "a trip has one stop",
        {
            **with_rows("trips.txt", "coast,daily,lone,"),
            **with_rows("stop_times.txt", "lone,08:00:00,08:00:00,ham-3,1,,"),
        },
        "stop_times.txt",
        9,
        "has only one stop",
    ),
    (
        "a trip has no stops",
        with_rows("trips.txt", "coast,daily,idle,"),
        "trips.txt",
        4,
        "has no stop times",
    ),
    (
        "a trip has too many stops",
        {
            **with_rows("trips.txt", "coast,daily,long,"),
            **with_rows(
                "stop_times.txt",
                *(f"long,{8 + n // 60:02}:{n % 60:02}:00,,ham-3,{n},," for n in range(201)),
            ),
        },
        "stop_times.txt",
        209,
        "has 201 stops; 200 is the most",
    ),
    (
        "a flag is unknown",
        altered("stop_times.txt", "schwerin,2,0,1", "schwerin,2,0,7"),
        "stop_times.txt",
        3,
        "drop_off_type `7`",
    ),
    (
        "a frequency is of no trip",
        {"frequencies.txt": "trip_id,start_time,end_time,headway_secs\nx,06:00:00,09:00:00,600\n"},
        "frequencies.txt",
        2,
        "trip_id `x` is not in trips.txt",
    ),
    (
        "a frequency has no headway",
        {
            "frequencies.txt": "trip_id,start_time,end_time,headway_secs\nmorning,06:00:00,09:00:00,0\n"
        },
        "frequencies.txt",
        2,
        "headway_secs `0`",
    ),
    (
        "a frequency ends before it begins",
        {
            "frequencies.txt": "trip_id,start_time,end_time,headway_secs\nmorning,09:00:00,06:00:00,60\n"
        },
        "frequencies.txt",
        2,
        "not a stretch of time",
    ),
    (
        "frequencies overlap",
        {
            "frequencies.txt": "trip_id,start_time,end_time,headway_secs\n"
            "morning,06:00:00,09:00:00,600\nmorning,08:00:00,10:00:00,600\n"
        },
        "frequencies.txt",
        3,
        "overlaps the same trip's from 06:00:00 to 09:00:00",
    ),
]


@pytest.mark.parametrize(
    ("changes", "file", "line", "reason"),
    [row[1:] for row in BROKEN],
    ids=[row[0] for row in BROKEN],
)
def test_a_feed_is_refused_with_file_line_and_reason_when(
    tmp_path: Path, changes: Changes, file: str, line: int | None, reason: str
) -> None:
    refused = refusal(write_feed(tmp_path, changes))
    found = [(fault.file, fault.line) for fault in refused.faults if reason in fault.reason]
    assert found == [(file, line)], refused.faults


def test_one_reading_finds_every_fault(tmp_path: Path) -> None:
    changes = {
        **altered("stops.txt", "53.6355,11.4012", "north,east"),
        **altered("calendar_dates.txt", "20300607,2", "soon,9"),
        **altered("stop_times.txt", "24:30:00", "24:99:00"),
    }
    refused = refusal(write_feed(tmp_path, changes))
    assert [(fault.file, fault.line) for fault in refused.faults] == [
        *[("stops.txt", 5)] * 2,
        *[("calendar_dates.txt", 2)] * 2,
        ("stop_times.txt", 7),
    ]
    assert refused.total == 5


def test_the_first_fifty_faults_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    rows = [f"ghost-{n},08:00:00,08:00:00,ham-3,1,," for n in range(70)]
    refused = refusal(write_feed(tmp_path, with_rows("stop_times.txt", *rows)))
    assert (len(refused.faults), refused.total) == (FAULTS_SHOWN, 70)
    assert refused.faults[-1].line == 8 + FAULTS_SHOWN


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = SOUND["routes.txt"] + '\ninland,n,8,"Hamburg -\nSchwerin",3\nhills,x,9,Nowhere,3\n'
    refused = refusal(write_feed(tmp_path, {"routes.txt": text}))
    assert [(fault.line, fault.reason) for fault in refused.faults] == [
        (4, "route_long_name `Hamburg -�Schwerin` holds a control character"),
        (6, "agency_id `x` is not in agency.txt"),
    ]


def test_a_byte_order_mark_dos_lines_and_spaces_are_no_faults(tmp_path: Path) -> None:
    dressed: dict[str, str | bytes | None] = {
        name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").replace(",n,", " , n ,").encode()
        for name, text in SOUND.items()
    }
    plain, dressed_up = read_feed(write_feed(tmp_path)), read_feed(write_feed(tmp_path, dressed))
    assert (dressed_up.agencies, dressed_up.stops) == (plain.agencies, plain.stops)
    assert [list(t.calls) for t in dressed_up.trips] == [list(t.calls) for t in plain.trips]


def test_columns_and_files_that_are_not_used_cannot_be_at_fault(tmp_path: Path) -> None:
    routes = SOUND["routes.txt"].replace("route_type", "route_color").replace(",3\n", ",purple\n")
    changes: Changes = {
        "routes.txt": routes,
        "shapes.txt": b"\xff\xfe nonsense",
        "fare_rules.txt": "",
    }
    assert len(read_feed(write_feed(tmp_path, changes)).trips) == 2
