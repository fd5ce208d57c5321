"""Turns the demo's lines into departures for the coming days."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from store.demo.world import LAYOUTS, LINES, STOPS, DemoLine, DemoOperator
from store.departures import Call, Departure, Departures, Pattern, Place, Run
from store.gtfs.calendar import day_start

DAYS = 14
_DWELL_SECONDS = 300
_BY_CODE = {stop.code: stop for stop in STOPS}
_NUMBERS = {stop.code: number for number, stop in enumerate(STOPS)}
_LAYOUT_NUMBERS = {name: number for number, name in enumerate(LAYOUTS)}


@dataclass(frozen=True, slots=True)
class _Way:
    """A line in one direction: stop codes with minutes after departure."""

    line: DemoLine
    direction: str
    stops: Sequence[tuple[str, int]]
    times: Sequence[str]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(_BY_CODE[self.stops[0][0]].zone)

    @property
    def name(self) -> str:
        return f"{_town(self.stops[0][0])} - {_town(self.stops[-1][0])}"


def departures_of(operator: DemoOperator, now: datetime) -> Departures:
    """Return the operator's buses of two weeks, beginning with today where each bus starts."""
    ways = [way for line in LINES if line.operator == operator.key for way in _ways(line)]
    routes: list[Pattern] = []
    runs: list[Run] = []
    buses: list[Departure] = []
    for way in ways:
        routes.append(Pattern(f"{way.line.code} {way.direction}", way.name, len(runs)))
        today = now.astimezone(way.zone).date()
        days = [today + timedelta(days=number) for number in range(DAYS)]
        for start in way.times:
            key = f"{way.line.code} {start} {way.direction}"
            buses += [Departure(key, day, len(runs), day_start(day, way.zone)) for day in days]
            runs.append(_run(way, len(routes) - 1, start))
    return Departures(list(_places()), routes, runs, buses)


def _ways(line: DemoLine) -> Iterator[_Way]:
    last = line.stops[-1][1]
    yield _Way(line, "out", line.stops, line.out)
    back = [(code, last - minutes) for code, minutes in reversed(line.stops)]
    yield _Way(line, "back", back, line.back)


def _run(way: _Way, route: int, start: str) -> Run:
    at = time.fromisoformat(start)
    segments = range(len(way.stops) - 1)
    calls = list(_calls(way, at.hour * 3600 + at.minute * 60))
    return Run(
        route=route,
        name=f"{way.line.code} {_town(way.stops[-1][0])}",
        layout=_LAYOUT_NUMBERS[way.line.layout],
        fares=[_fare(way, i, i + 1) for i in segments],
        starts=calls[0].departs,
        ends=calls[-1].arrives,
        calls=calls,
        pairs={(i, j + 1): _fare(way, i, j + 1) for i in segments for j in segments if j > i},
    )


def _calls(way: _Way, start: int) -> Iterator[Call]:
    last = len(way.stops) - 1
    for index, (code, minutes) in enumerate(way.stops):
        arrives = start + minutes * 60
        dwell = _DWELL_SECONDS if 0 < index < last else 0
        yield Call(_NUMBERS[code], arrives, arrives + dwell, index < last, index > 0)


def _fare(way: _Way, start: int, end: int) -> int:
    """Return what a leg costs: its share of the line's fare by how long it takes, a short leg up to a quarter more.

    With share s that is fare × s × (5 - s) / 4: it grows with the leg, and two legs never cost less than one of both.
    """
    minutes, total = way.stops[end][1] - way.stops[start][1], way.stops[-1][1]
    return way.line.fare * minutes * (5 * total - minutes) // (4 * total * total)


def _places() -> Iterator[Place]:
    for number, stop in enumerate(STOPS):
        parent = None if stop.station is None else _NUMBERS[stop.station]
        yield Place(number, stop.code, stop.name, stop.zone, stop.latitude, stop.longitude, parent)


def _town(code: str) -> str:
    """Return the name of a stop's station, or its own."""
    stop = _BY_CODE[code]
    return _BY_CODE[stop.station or code].name
