"""Reads a GTFS feed whole and checks it whole; it is sound, or refused with every fault.

What Omnibus does not use (shapes, fares, colours, URLs) is not looked at and cannot be at fault.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from store.gtfs.archive import AT_HAND, Archive, Bounds
from store.gtfs.calendar import Service
from store.gtfs.model import Agency, Feed, FeedRoute, FeedStop, Frequency, Trip
from store.gtfs.rows import Row, Tables, quoted
from store.gtfs.times import StopTimes, clock

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_STOP, _STATION = "0", "1"
_ADDED, _REMOVED = "1", "2"
_DAY_SECONDS = 86_400


def _silent(_done: int, _total: int) -> None:
    """For those who do not watch."""


def read_feed(
    path: Path, progress: Callable[[int, int], None] = _silent, bounds: Bounds = AT_HAND
) -> Feed:
    """Read a zip of GTFS tables; `progress` hears how many bytes of how many have been read.

    Raises FeedRefused with every fault, OSError when the file cannot be opened.
    """
    with closing(Archive(path, progress, bounds)) as archive:
        tables = Tables(archive)
        agencies = _read_agencies(tables)
        stops = _read_stops(tables, agencies[0].zone if agencies else "UTC")
        routes = _read_routes(tables, agencies)
        rows = _read_trips(tables, routes, _read_services(tables))
        frequencies = _read_frequencies(tables, rows)
        times = StopTimes({trip_id: number for number, trip_id in enumerate(rows)}, stops)
        times.read(tables)
    trips = [
        Trip(trip_id, row.route, row.service, row.headsign, calls, frequencies.get(trip_id, ()))
        for trip_id, row in rows.items()
        if (calls := times.calls(trip_id, row.line, tables.faults)) and row.route and row.service
    ]
    tables.faults.refuse_if_any()
    served = (stop for stop in stops.values() if stop)
    return Feed(tuple(agencies), tuple(served), tuple(trips))


def _read_agencies(tables: Tables) -> list[Agency]:
    agencies: list[Agency] = []
    seen_ids: dict[str, int] = {}
    seen_names: dict[str, int] = {}
    for row in tables.rows("agency.txt", "agency_name", "agency_timezone"):
        agency = Agency(
            row.identifier("agency_id") if agencies or row.get("agency_id") else "",
            row.label("agency_name"),
            _zone(row, "agency_timezone"),
        )
        row.unique(f"agency {quoted(agency.agency_id)}", seen_ids, agency.agency_id)
        row.unique(f"agency_name {quoted(agency.name)}", seen_names, agency.name.lower())
        if agencies and not agencies[0].agency_id:
            row.fault("of several agencies the first has no agency_id")
        if agencies and agency.zone != agencies[0].zone:
            row.fault("agency_timezone differs from the first agency's: a feed has one time zone")
        agencies.append(agency)
    if not agencies and not tables.faults.total:
        tables.faults.add("agency.txt", None, "has no agency")
    return agencies


@dataclass(frozen=True, slots=True)
class _StopRow:
    row: Row
    kind: str
    stop: FeedStop


def _read_stops(tables: Tables, zone: str) -> dict[str, FeedStop | None]:
    """Return what may be a stop or station by id; entrances and the like are known, but None."""
    rows: dict[str, _StopRow] = {}
    seen: dict[str, int] = {}
    for row in tables.rows("stops.txt", "stop_id"):
        kind = row.choice("location_type", "01234", blank=_STOP)
        code = row.identifier("stop_id")
        row.unique(f"stop {quoted(code)}", seen, code)
        has_place = kind in (_STOP, _STATION)
        stop = FeedStop(
            number=len(rows),
            code=code,
            name=row.label("stop_name") if has_place else "",
            zone=_zone(row, "stop_timezone") if row.get("stop_timezone") else "",
            latitude=row.decimal("stop_lat", -90, 90) if has_place else 0,
            longitude=row.decimal("stop_lon", -180, 180) if has_place else 0,
            is_station=kind == _STATION,
            parent=None,
        )
        rows.setdefault(code, _StopRow(row, kind, stop))
    return {code: _in_its_station(each, rows, zone) for code, each in rows.items()}


def _in_its_station(each: _StopRow, rows: Mapping[str, _StopRow], zone: str) -> FeedStop | None:
    row, stop = each.row, each.stop
    if each.kind not in (_STOP, _STATION):
        return None
    if not row.get("parent_station"):
        return replace(stop, zone=stop.zone or zone)
    station = row.reference("parent_station", rows, "stops.txt")
    if stop.is_station:
        row.fault("a station has no parent_station")
    elif station and not station.stop.is_station:
        row.fault(f"parent_station {quoted(station.stop.code)} is not a station (location_type 1)")
    elif station:
        its_zone = stop.zone or station.stop.zone or zone
        return replace(stop, zone=its_zone, parent=station.stop.number)
    return stop


def _read_routes(tables: Tables, agencies: Sequence[Agency]) -> dict[str, FeedRoute]:
    routes: dict[str, FeedRoute] = {}
    numbers = {agency.agency_id: number for number, agency in enumerate(agencies)}
    seen: dict[str, int] = {}
    for row in tables.rows("routes.txt", "route_id"):
        route_id = row.identifier("route_id")
        row.unique(f"route {quoted(route_id)}", seen, route_id)
        agency = 0
        if row.get("agency_id") or len(agencies) > 1:
            agency = row.reference("agency_id", numbers, "agency.txt") or 0
        short, long = row.optional("route_short_name"), row.optional("route_long_name")
        if not short and not long:
            row.fault("route_short_name and route_long_name are both blank")
        routes[route_id] = FeedRoute(route_id, agency, short, long)
    return routes


def _read_services(tables: Tables) -> dict[str, Service]:
    services: dict[str, Service] = {}
    seen: dict[str, int] = {}
    if not tables.has("calendar.txt") and not tables.has("calendar_dates.txt"):
        tables.faults.add("calendar.txt", None, "is missing, and so is calendar_dates.txt")
    needed = ("service_id", *_WEEKDAYS, "start_date", "end_date")
    for row in tables.rows_if_any("calendar.txt", *needed):
        service_id = row.identifier("service_id")
        row.unique(f"service {quoted(service_id)}", seen, service_id)
        days = [number for number, name in enumerate(_WEEKDAYS) if row.choice(name, "01") == "1"]
        begin, end = row.day("start_date"), row.day("end_date")
        if end < begin:
            row.fault("end_date is before start_date")
        services[service_id] = Service(frozenset(days), begin, end)
    _read_exceptions(tables, services)
    return services


def _read_exceptions(tables: Tables, services: dict[str, Service]) -> None:
    seen: dict[tuple[str, object], int] = {}
    needed = ("service_id", "date", "exception_type")
    for row in tables.rows_if_any("calendar_dates.txt", *needed):
        service_id, day = row.identifier("service_id"), row.day("date")
        row.unique(f"service {quoted(service_id)} on {day}", seen, (service_id, day))
        service = services.setdefault(service_id, Service())
        kind = row.choice("exception_type", (_ADDED, _REMOVED))
        (service.added if kind == _ADDED else service.removed).add(day)


@dataclass(frozen=True, slots=True)
class _TripRow:
    line: int
    route: FeedRoute | None
    service: Service | None
    headsign: str


def _read_trips(
    tables: Tables, routes: Mapping[str, FeedRoute], services: Mapping[str, Service]
) -> dict[str, _TripRow]:
    trips: dict[str, _TripRow] = {}
    seen: dict[str, int] = {}
    for row in tables.rows("trips.txt", "route_id", "service_id", "trip_id"):
        trip_id = row.identifier("trip_id")
        row.unique(f"trip {quoted(trip_id)}", seen, trip_id)
        trips[trip_id] = _TripRow(
            row.line,
            row.reference("route_id", routes, "routes.txt"),
            row.reference("service_id", services, "calendar.txt or calendar_dates.txt"),
            row.optional("trip_headsign"),
        )
    return trips


def _read_frequencies(
    tables: Tables, trips: Mapping[str, _TripRow]
) -> dict[str, tuple[Frequency, ...]]:
    frequencies: dict[str, tuple[Frequency, ...]] = {}
    needed = ("trip_id", "start_time", "end_time", "headway_secs")
    for row in tables.rows_if_any("frequencies.txt", *needed):
        row.reference("trip_id", trips, "trips.txt")
        start, end = row.seconds("start_time"), row.seconds("end_time")
        headway = row.whole("headway_secs", 1, _DAY_SECONDS)
        if start is None or end is None or end <= start:
            row.fault("start_time and end_time are not a stretch of time")
            continue
        known = frequencies.get(row.get("trip_id"), ())
        if overlap := next((each for each in known if each.start < end and start < each.end), None):
            row.fault(
                f"overlaps the same trip's from {clock(overlap.start)} to {clock(overlap.end)}"
            )
        frequencies[row.get("trip_id")] = (*known, Frequency(start, end, headway))
    return frequencies


def _zone(row: Row, column: str) -> str:
    name = row.get(column)
    with suppress(LookupError, ValueError, OSError):
        if _ZONE.fullmatch(name):
            return ZoneInfo(name).key
    row.fault(f"{column} {quoted(name)} is not a time zone" if name else f"{column} is blank")
    return "UTC"
