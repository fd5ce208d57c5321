"""Departures: what a search finds."""

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated

import msgspec

from server import wire
from server.api.buses import is_known, route_shape
from server.api.shapes import (
    Money,
    Named,
    StopShape,
    parse_id,
    parse_operator,
    require_calendar,
    stop_shape,
)
from server.caching import JSON, LISTING_CACHE
from server.contract import Access, Answer, Call, Operation
from server.cursors import read_cursor, write_cursor
from server.policies import Rate
from store.catalogue import Departure, Search
from store.errors import InvalidRequest, NotFound, Overloaded

_REMEMBERED = 2_048  # of the questions asked last


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None
    date: dt.date | None = None
    operator: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: str | None = None


class DepartureShape(msgspec.Struct, frozen=True):
    """A bus that goes the wished way.

    `from_index` and `to_index` are the calls of the leg: without one in between it is direct, and of the letters of a
    seat (`states`) those from the first up to the second count.
    """

    id: str
    name: str
    operator: Named
    route: Named | None
    departs_at: dt.datetime
    arrives_at: dt.datetime
    from_stop: StopShape
    to_stop: StopShape
    price: Money
    seats_total: int
    seats_available: int
    status: str
    from_index: int
    to_index: int
    seat_classes: list[str]


class DepartureList(msgspec.Struct, frozen=True):
    items: list[DepartureShape]
    next_cursor: str | None


async def search_buses(call: Call, query: SearchQuery) -> Answer:
    """Search departures for a leg and a day (local to the boarding stop); without a day, from now on."""
    search = _search_of(query)
    page = await call.services.listings.find(search, write_page)
    headers = ((b"etag", page.etag), LISTING_CACHE)
    if is_known(call, page.etag):
        return Answer(304, headers=headers)
    return Answer(200, page.body, (JSON, *headers))


@lru_cache(maxsize=_REMEMBERED)
def _search_of(query: SearchQuery) -> Search:
    after = read_cursor(query.cursor, tuple[dt.datetime, int])
    if query.date is not None:
        require_calendar(query.date, "/date")
    return Search(
        from_stop=parse_id(query.from_, "/from"),
        to_stop=parse_id(query.to, "/to"),
        on=query.date,
        operator_id=parse_operator(query.operator),
        after=after,
        limit=query.limit,
    )


def write_page(search: Search, found: Sequence[Departure]) -> bytes:
    last = found[-1] if len(found) == search.limit else None
    return wire.encode(
        DepartureList(
            [_departure_shape(departure) for departure in found],
            write_cursor(last.departs_at, last.bus_id) if last else None,
        )
    )


def _departure_shape(found: Departure) -> DepartureShape:
    return DepartureShape(
        id=str(found.bus_id),
        name=found.name,
        operator=Named(str(found.operator_id), found.operator),
        route=route_shape(found.route_id, found.route),
        departs_at=found.departs_at,
        arrives_at=found.arrives_at,
        from_stop=stop_shape(found.from_stop),
        to_stop=stop_shape(found.to_stop),
        price=Money(found.price, found.currency),
        seats_total=found.seats_total,
        seats_available=found.seats_available,
        status=found.status,
        from_index=found.leg.start,
        to_index=found.leg.end,
        seat_classes=list(found.seat_classes),
    )


OPERATIONS = (
    Operation(
        "GET",
        "/buses",
        search_buses,
        DepartureList,
        access=Access.READERS,
        problems=(NotFound, Overloaded, InvalidRequest),
        rate=Rate.SEARCH,
        has_etag=True,
    ),
)
