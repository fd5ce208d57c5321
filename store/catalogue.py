"""What is for sale: stops, searches for a day, one bus in full. Reads only, nothing is locked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from store.buses import Buses
from store.db import Database, Record
from store.errors import NotFound
from store.limits import read_limits
from store.model import Bus, Leg, Limits
from store.queries import Queries
from store.reader import Reader, View
from store.rules import seat_price

SQL = Queries.beside(__file__)
_FEW_CALLS = 500
"""What may still call somewhere and be read whole."""
_DAYS_AT_ONCE = timedelta(32)
_ALWAYS = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stop:
    stop_id: int
    name: str
    station_id: int | None
    latitude: float | None
    longitude: float | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class Operator:
    operator_id: int
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Departure:
    """A bus as a search finds it: for one leg, `price` that of its cheapest seat."""

    bus_id: int
    name: str
    operator_id: int
    operator: str
    route_id: int | None
    route: str | None
    leg: Leg
    from_stop: Stop
    to_stop: Stop
    departs_at: datetime
    arrives_at: datetime
    price: int
    currency: str
    seats_total: int
    seats_available: int
    status: str
    seat_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a question begins and ends: stops, with those of a station, and the zone that its days are of."""

    boarding: list[int]
    alighting: list[int]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class BusCard:
    """One bus in full."""

    bus: Bus
    name: str
    operator_id: int
    operator: str
    route_id: int | None
    route: str | None
    status: str
    departs_at: datetime
    arrives_at: datetime
    seats_total: int
    seats_available: int
    stops: tuple[Stop, ...]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Search:
    """A rider's question. `after` is the position (departs_at, bus) of the last answer seen."""

    from_stop: int | None = None
    to_stop: int | None = None
    on: date | None = None
    operator_id: int | None = None
    after: tuple[datetime, int] | None = None
    limit: int = 20


class Catalogue:
    def __init__(self, db: Database, reader: Reader, buses: Buses) -> None:
        self._db = db
        self._reader = reader
        self._buses = buses

    async def find_stops(self, text: str, *, limit: int) -> list[Stop]:
        """Return stops whose name has all words of `text` as people type them: any order, any case, accents or none."""
        asked = " ".join(text.split())
        return [_stop(row) for row in await self._reader.fetch(SQL["find_stops"], asked, limit)]

    async def operators(self) -> list[Operator]:
        rows = await self._reader.fetch(SQL["list_operators"])
        return [Operator(row["operator_id"], row["name"], row["time_zone"]) for row in rows]

    async def search(self, search: Search) -> list[Departure]:
        """Return departures in order of time; the day is that of the boarding stop's time zone.

        Raises NotFound for an unknown stop or operator.
        """
        view = await self._reader.view()
        ends = await self.ends(search.from_stop, search.to_stop, search.operator_id, view)
        # allow own-clock: it shows more or less, and sells nothing
        begin, end = _day(search.on, ends.zone) if search.on else (datetime.now(UTC), _ALWAYS[1])
        after = max((begin, 0), search.after or (begin, 0))
        tail = (end, search.operator_id, *after, search.limit)
        to_ids = ends.alighting or None
        if ends.boarding:
            rows = await view.fetch(SQL["search_from"], ends.boarding, to_ids, *tail)
        elif to_ids and search.on is None:
            rows = await _arrivals(view, to_ids, search.operator_id, after, search.limit)
        else:
            rows = await view.fetch(SQL["search_all"], to_ids, *tail)
        places = await self._places(
            view, (stop for row in rows for stop in (row["from_stop"], row["to_stop"]))
        )
        return [_departure(row, places) for row in rows]

    async def ends(
        self, from_stop: int | None, to_stop: int | None, operator_id: int | None, view: View
    ) -> Ends:
        """Return the stops that a question means and the zone of its days; raise NotFound for what is not there."""
        boarding = await self._stops_at(view, from_stop)
        alighting = await self._stops_at(view, to_stop)
        zone = await self._zone(view, boarding or alighting, operator_id)
        return Ends(
            [stop_id for stop_id, _ in boarding], [stop_id for stop_id, _ in alighting], zone
        )

    async def bus(self, bus_id: int, *, may_be_draft: bool = False) -> BusCard:
        """Return one bus with all its stops; raise NotFound. Drafts are shown to whoever may edit them, no one else."""
        row = await self._db.fetchrow(SQL["bus_card"], bus_id, may_be_draft)
        if row is None:
            raise NotFound("bus")
        if may_be_draft:
            bus = await self._buses.read(bus_id)
        else:
            bus = await self._buses.find_edition(bus_id, row["facts"])
        places = await self._places(self._db, (stop.stop_id for stop in bus.stops))
        return BusCard(
            bus=bus,
            name=row["name"],
            operator_id=row["operator_id"],
            operator=row["operator"],
            route_id=row["route_id"],
            route=row["route"],
            status=_status(row["status"], row["arrives_at"], row["now"]),
            departs_at=row["departs_at"],
            arrives_at=row["arrives_at"],
            seats_total=row["total_seats"],
            seats_available=row["seats_available"],
            stops=tuple(places[stop.stop_id] for stop in bus.stops),
            limits=read_limits(row),
        )

    async def stops(self, stop_ids: Iterable[int]) -> dict[int, Stop]:
        return await self._places(self._db, stop_ids)

    async def _places(self, where: Database | View, stop_ids: Iterable[int]) -> dict[int, Stop]:
        rows = await where.fetch(SQL["stops_by_id"], list(set(stop_ids)))
        return {row["stop_id"]: _stop(row) for row in rows}

    async def _stops_at(self, view: View, stop_id: int | None) -> list[tuple[int, str]]:
        """Return a stop, or a station with its stops, each with its time zone."""
        if stop_id is None:
            return []
        rows = await view.fetch(SQL["stop_with_children"], stop_id)
        if not rows:
            raise NotFound("stop")
        return [(row["stop_id"], row["time_zone"]) for row in rows]

    async def _zone(
        self, view: View, stops: list[tuple[int, str]], operator_id: int | None
    ) -> ZoneInfo:
        operator = None
        if operator_id is not None:
            operator = await view.fetchrow(SQL["find_operator"], operator_id)
            if operator is None:
                raise NotFound("operator")
        if stops:
            return ZoneInfo(stops[0][1])
        return ZoneInfo(operator["time_zone"] if operator else "UTC")


async def _arrivals(
    view: View, stops: list[int], operator_id: int | None, after: tuple[datetime, int], limit: int
) -> list[Record]:
    """Return a page of all that will arrive at stops: by days of departure, as long as much still calls there."""
    end, days = _ALWAYS[1], timedelta(1)
    found: list[Record] = []
    while len(found) < limit and after[0] < end:
        calls = await view.fetchrow(SQL["count_calls"], stops, after[0], _FEW_CALLS)
        is_little = calls is None or calls["calls"] < _FEW_CALLS
        until = end if is_little else after[0] + days
        asked = (stops, until, operator_id, *after, limit - len(found))
        found += await view.fetch(SQL["search_all"], *asked)
        after, days = (until, 0), min(2 * days, _DAYS_AT_ONCE)
    return found


def _day(on: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    begin = datetime.combine(on, time.min, tzinfo=zone)
    return begin, datetime.combine(on + timedelta(days=1), time.min, tzinfo=zone)


def _stop(row: Record) -> Stop:
    return Stop(
        row["stop_id"],
        row["name"],
        row["parent_id"],
        row["latitude"],
        row["longitude"],
        row["time_zone"],
    )


def _status(status: str, over_at: datetime, now: datetime) -> str:
    return "DEPARTED" if status not in {"CANCELLED", "DRAFT"} and over_at <= now else status


def _departure(row: Record, places: dict[int, Stop]) -> Departure:
    return Departure(
        bus_id=row["bus_id"],
        name=row["name"],
        operator_id=row["operator_id"],
        operator=row["operator"],
        route_id=row["route_id"],
        route=row["route"],
        leg=Leg(row["from_idx"], row["to_idx"]),
        from_stop=places[row["from_stop"]],
        to_stop=places[row["to_stop"]],
        departs_at=row["departs_at"],
        arrives_at=row["arrives_at"],
        price=seat_price(row["fare"], row["percent"]),
        currency=row["currency"],
        seats_total=row["total_seats"],
        seats_available=row["seats_available"],
        status=_status(row["status"], row["departs_at"], row["now"]),
        seat_classes=tuple(row["seat_classes"]),
    )
