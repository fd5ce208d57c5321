"""Decides what of a feed goes on sale: whose trips, on which days, as which routes and buses."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from store.departures import Departure, Departures, Pattern, Place, Run
from store.gtfs.calendar import Service, Window, choose_window, day_start
from store.gtfs.faults import AgencyUnclear, NothingToSell, TooMuch
from store.gtfs.model import Agency, Feed, FeedRoute, Trip
from store.gtfs.rows import LABEL_LETTERS
from store.gtfs.times import clock
from store.timetable import split_fare

BUSES_MAX = 250_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What to import.

    `operator` None means every agency under its own name; `fare` is that of a whole route, in minor units. `agency` is
    which of several is meant, by id or name, where it is called otherwise than the operator.
    """

    operator: str | None = None
    agency: str | None = None
    begin: date | None = None
    days: int = 14
    is_shifted: bool = False
    fare: int = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """What one operator is going to sell."""

    operator: str
    agency_id: str
    zone: str
    departures: Departures
    buses: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`begin` and `end` are the first and last day with buses, `wanted_end` is the last one asked for.

    `sharing` names all operators of the feed's stops, imported now or not.
    """

    begin: date
    end: date
    wanted_end: date
    shift: timedelta
    sharing: tuple[str, ...]
    offers: tuple[Offer, ...]

    @property
    def buses(self) -> int:
        return sum(offer.buses for offer in self.offers)


def make_plan(feed: Feed, wish: Wish, now: datetime) -> Plan:
    """Choose agencies and days; raises AgencyUnclear, NothingToSell, TooMuch."""
    names = _operators(feed.agencies, wish.operator, wish.agency)
    services = {trip.service for trip in feed.trips if trip.route.agency in names}
    window = choose_window(
        services,
        today=now.astimezone(feed.zone).date(),
        begin=wish.begin,
        days=wish.days,
        is_shifted=wish.is_shifted,
    )
    season = _Season(
        window,
        feed.zone,
        {service: tuple(filter(service.runs_on, window)) for service in services},
        wish.fare,
    )
    offers = [_offer(feed, number, name, season) for number, name in names.items()]
    buses = sum(offer.buses for offer in offers)
    if not buses:
        raise _nothing(window, services)
    if buses > BUSES_MAX:
        raise TooMuch(buses, BUSES_MAX)
    days = {window.on_sale(day) for days in season.days.values() for day in days}
    return Plan(
        begin=min(days),
        end=max(days),
        wanted_end=window.on_sale(window.end),
        shift=window.shift,
        sharing=tuple(names.values()) if len(feed.agencies) == 1 else _names(feed.agencies),
        offers=tuple(offer for offer in offers if offer.buses),
    )


def _operators(
    agencies: Sequence[Agency], asked: str | None, agency_asked: str | None
) -> dict[int, str]:
    """Return the operator's name for each agency that is wanted, by its number."""
    if asked is None:
        return {number: agency.name for number, agency in enumerate(agencies)}
    if len(agencies) == 1 and agency_asked is None:
        return {0: asked}
    wanted = agency_asked or asked
    for number, agency in enumerate(agencies):
        if wanted == agency.agency_id or wanted.lower() == agency.name.lower():
            return {number: asked if agency_asked else agency.name}
    raise AgencyUnclear(wanted, _names(agencies))


def _names(agencies: Sequence[Agency]) -> tuple[str, ...]:
    return tuple(agency.name for agency in agencies)


def _nothing(window: Window, services: Collection[Service]) -> NothingToSell:
    return NothingToSell(
        window.begin,
        window.end,
        min((day for service in services if (day := service.first())), default=None),
        max((day for service in services if (day := service.last())), default=None),
    )


@dataclass(frozen=True, slots=True)
class _Season:
    """The window, and on which of its days each service runs."""

    window: Window
    zone: ZoneInfo
    days: Mapping[Service, Sequence[date]]
    fare: int


def _offer(feed: Feed, agency: int, operator: str, season: _Season) -> Offer:
    trips = [
        trip for trip in feed.trips if trip.route.agency == agency and season.days[trip.service]
    ]
    codes = {stop.number: stop.code for stop in feed.stops}
    patterns: dict[str, Pattern] = {}
    numbers: dict[str, int] = {}
    runs: list[Run] = []
    for trip in trips:
        key = _pattern_key(codes, trip)
        route = numbers.setdefault(key, len(numbers))
        patterns.setdefault(key, Pattern(key, _route_name(trip.route), len(runs)))
        runs.append(_run(trip, route, season.fare))
    buses = _Buses(trips, season)
    return Offer(
        operator=operator,
        agency_id=feed.agencies[agency].agency_id,
        zone=feed.agencies[agency].zone,
        departures=Departures(list(_places(feed, trips)), list(patterns.values()), runs, buses),
        buses=len(buses),
    )


def _run(trip: Trip, route: int, fare: int) -> Run:
    return Run(
        route=route,
        name=_shorten(" ".join(filter(None, (trip.route.short_name, trip.headsign))))
        if trip.headsign
        else _route_name(trip.route),
        layout=0,
        fares=split_fare(fare, len(trip.calls) - 1),
        starts=trip.calls.starts,
        ends=trip.calls.ends,
        calls=trip.calls,
    )


def _places(feed: Feed, trips: Sequence[Trip]) -> Iterator[Place]:
    """Yield the stops that the trips call at, and their stations."""
    numbers = {number for trip in trips for number in trip.calls.places}
    called = [stop for stop in feed.stops if stop.number in numbers]
    numbers |= {stop.parent for stop in called if stop.parent is not None}
    for stop in feed.stops:
        if stop.number in numbers:
            yield Place(
                stop.number,
                stop.code,
                stop.name,
                stop.zone,
                stop.latitude,
                stop.longitude,
                stop.parent,
            )


def _pattern_key(codes: Mapping[int, str], trip: Trip) -> str:
    """Return what names a route with this order of stops, in this import and every later one."""
    stops = "\n".join(codes[number] for number in trip.calls.places)
    return f"{trip.route.route_id}#{blake2b(stops.encode(), digest_size=8).hexdigest()}"


def _route_name(route: FeedRoute) -> str:
    if route.long_name.startswith(route.short_name):
        return _shorten(route.long_name or route.short_name)
    return _shorten(f"{route.short_name} {route.long_name}".strip())


def _shorten(name: str) -> str:
    return name if len(name) <= LABEL_LETTERS else f"{name[: LABEL_LETTERS - 1].rstrip()}…"


class _Buses:
    """Trips × days × frequencies, worked out as they are asked for: a year of a city is too much to keep."""

    def __init__(self, trips: Sequence[Trip], season: _Season) -> None:
        self._trips = trips
        self._season = season

    def __len__(self) -> int:
        return sum(len(self._season.days[trip.service]) * _slot_count(trip) for trip in self._trips)

    def __iter__(self) -> Iterator[Departure]:
        window, zone = self._season.window, self._season.zone
        sold = {day: window.on_sale(day) for day in window}
        starts = {day: day_start(sold[day], zone) for day in window}
        for run, trip in enumerate(self._trips):
            slots = list(_slots(trip))
            for day in self._season.days[trip.service]:
                for key, shift in slots:
                    yield Departure(key, sold[day], run, starts[day] + shift)


def _slot_count(trip: Trip) -> int:
    return sum(len(frequency.starts) for frequency in trip.frequencies) or 1


def _slots(trip: Trip) -> Iterator[tuple[str, timedelta]]:
    """Yield the source key of every bus that the trip is on one day, and how far it is from the trip's own times."""
    if not trip.frequencies:
        yield trip.trip_id, timedelta()
    for frequency in trip.frequencies:
        for start in frequency.starts:
            # Ids do not begin with a space, so that no other trip has this key.
            key = f" {trip.trip_id}@{clock(start)}"
            yield key, timedelta(seconds=start - trip.calls.starts)
