"""A GTFS feed as values, in GTFS's own words where they differ from ours."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from store.departures import Call
from store.gtfs.calendar import Service


@dataclass(frozen=True, slots=True)
class Agency:
    agency_id: str
    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class FeedStop:
    """A stop, or the station (`parent` of stops, by number) of some."""

    number: int
    code: str
    name: str
    zone: str
    latitude: float
    longitude: float
    is_station: bool
    parent: int | None


@dataclass(frozen=True, slots=True)
class FeedRoute:
    route_id: str
    agency: int
    short_name: str
    long_name: str


@dataclass(frozen=True, slots=True)
class Frequency:
    """A trip that repeats: every `headway_seconds` from `start` until before `end`."""

    start: int
    end: int
    headway_seconds: int

    @property
    def starts(self) -> range:
        return range(self.start, self.end, self.headway_seconds)


class Calls:
    """A trip's calls in order, packed: feeds have millions, and so each takes 16 bytes."""

    __slots__ = ("_packed",)

    def __init__(self, calls: Iterable[Call]) -> None:
        self._packed = array("i")
        for place, arrives, departs, can_board, can_alight in calls:
            self._packed.extend((place, arrives, departs, can_board | can_alight << 1))

    def __len__(self) -> int:
        return len(self._packed) // 4

    def __iter__(self) -> Iterator[Call]:
        packed = self._packed
        for place, arrives, departs, flags in zip(
            packed[0::4], packed[1::4], packed[2::4], packed[3::4], strict=True
        ):
            yield Call(place, arrives, departs, bool(flags & 1), bool(flags & 2))

    @property
    def places(self) -> tuple[int, ...]:
        return tuple(self._packed[0::4])

    @property
    def starts(self) -> int:
        """Return when the first stop is left."""
        return self._packed[2]

    @property
    def ends(self) -> int:
        """Return when the last stop is reached."""
        return self._packed[-3]


@dataclass(frozen=True, slots=True)
class Trip:
    trip_id: str
    route: FeedRoute
    service: Service
    headsign: str
    calls: Calls
    frequencies: tuple[Frequency, ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """A sound feed: every reference holds, every trip moves forward in time."""

    agencies: tuple[Agency, ...]
    stops: tuple[FeedStop, ...]
    trips: tuple[Trip, ...]

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of all times in the feed: its agencies share one."""
        return ZoneInfo(self.agencies[0].zone)
