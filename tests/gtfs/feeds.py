"""Small GTFS feeds to import, to bend and to break."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from store.gtfs import read_feed
from store.gtfs.faults import FeedRefused

SOUND: Mapping[str, str] = {
    "agency.txt": (
        "agency_id,agency_name,agency_url,agency_timezone\n"
        "n,Northline,https://northline.example,Europe/Berlin\n"
    ),
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_timezone\n"
        "ham,Hamburg ZOB,53.5523,10.0115,1,,\n"
        "ham-3,Hamburg ZOB 3,53.5524,10.0116,0,ham,\n"
        "ham-door,Entrance,53.5525,10.0117,2,ham,\n"
        "schwerin,Schwerin,53.6355,11.4012,0,,\n"
        "rostock,Rostock,54.0924,12.1286,,,\n"
        "gedser,Gedser,54.5740,11.9260,0,,Europe/Copenhagen\n"
    ),
    "routes.txt": (
        "route_id,agency_id,route_short_name,route_long_name,route_type\n"
        "coast,n,7,Hamburg - Gedser,3\n"
    ),
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "daily,1,1,1,1,1,1,1,20300101,20301231\n"
        "workdays,1,1,1,1,1,0,0,20300101,20301231\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nworkdays,20300607,2\nworkdays,20300608,1\n",
    "trips.txt": (
        "route_id,service_id,trip_id,trip_headsign\n"
        "coast,daily,morning,Gedser\n"
        "coast,workdays,night,\n"
    ),
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type\n"
        "morning,08:00:00,08:05:00,ham-3,1,0,0\n"
        "morning,09:30:00,09:35:00,schwerin,2,0,1\n"
        "morning,10:45:00,10:45:00,rostock,5,1,0\n"
        "morning,13:00:00,13:00:00,gedser,9,0,0\n"
        "night,23:00:00,23:00:00,ham-3,1,,\n"
        "night,24:30:00,24:35:00,schwerin,2,,\n"
        "night,26:00:00,26:00:00,rostock,3,,\n"
    ),
}
"""Two trips: one every day, one on workdays past midnight (not on Friday 7 June 2030, but on the Saturday after)."""


def write_feed(folder: Path, changes: Mapping[str, str | bytes | None] | None = None) -> Path:
    """Write the sound feed with some files replaced, or left out (None)."""
    path = folder / "feed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**SOUND, **(changes or {})}.items():
            if text is not None:
                archive.writestr(name, text)
    return path


def altered(file: str, old: str, new: str) -> dict[str, str | bytes | None]:
    """Return the change that turns `old`, which is in the file once, into `new`."""
    assert SOUND[file].count(old) == 1, f"{old!r} is not once in {file}"
    return {file: SOUND[file].replace(old, new)}


def with_rows(file: str, *rows: str) -> dict[str, str | bytes | None]:
    return {file: SOUND[file] + "".join(f"{row}\n" for row in rows)}


TWO_AGENCIES: Mapping[str, str | bytes | None] = {
    **with_rows("agency.txt", "s,Southline,https://south.example,Europe/Berlin"),
    **with_rows("routes.txt", "hills,s,8,Schwerin - Rostock,3"),
    **with_rows("trips.txt", "hills,daily,hill,"),
    **with_rows("stop_times.txt", "hill,07:00:00,,schwerin,1,,", "hill,08:00:00,,rostock,2,,"),
}
"""Northline with a smaller neighbour, Southline, on two of its stops."""


def refusal(path: Path) -> FeedRefused:
    """Read a feed that must be refused, and return how it was."""
    with pytest.raises(FeedRefused) as refused:
        read_feed(path)
    return refused.value


def cairns() -> Path:
    """Return where the real feed of Cairns (2014) would be."""
    return Path(__file__).parents[3] / "shared" / "data" / "cairns_gtfs.zip"
