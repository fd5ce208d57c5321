"""Routes: the patterns that buses with stops are made from."""

from typing import Annotated

import msgspec

from server.api.shapes import Identifier, Line, Named, Page, parse_id, parse_operator, path_id
from server.contract import Access, Answer, Call, Idempotency, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.versions import IF_MATCH, versioned, versions_expected
from store.errors import (
    Forbidden,
    InUse,
    InvalidRequest,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Stale,
)
from store.requests import Reply
from store.routes import NewRoute, RouteCard, RouteStop

# Ten days: the longest anybody sits in a bus.
Seconds = Annotated[int, msgspec.Meta(ge=0, le=864_000)]


class RoutesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: str | None = None
    limit: Page = 20
    cursor: str | None = None


class RouteStopRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds after the bus starts; it leaves when it arrives unless it waits."""

    stop: Identifier
    arrival_seconds: Seconds
    departure_seconds: Seconds | None = None


Pattern = Annotated[list[RouteStopRequest], msgspec.Meta(min_length=2, max_length=200)]


class RouteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Line
    stops: Pattern
    operator: Identifier | None = None


class RouteChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Line


class RouteStopsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stops: Pattern


class RouteStopShape(msgspec.Struct, frozen=True):
    stop: Named
    arrival_seconds: int
    departure_seconds: int


class RouteShape(msgspec.Struct, frozen=True):
    id: str
    operator: str
    name: str
    stops: list[RouteStopShape]
    version: int


class RoutePage(msgspec.Struct, frozen=True):
    items: list[RouteShape]
    next_cursor: str | None


async def list_routes(call: Call, query: RoutesQuery) -> RoutePage:
    """List routes with their stops."""
    found = await call.services.store.routes.list(
        call.caller,
        parse_operator(query.operator),
        after=read_id_cursor(query.cursor),
        limit=query.limit,
    )
    last = found[-1] if len(found) == query.limit else None
    return RoutePage(
        [_shape(route) for route in found], write_id_cursor(last.route_id) if last else None
    )


async def read_route(call: Call) -> Answer:
    """Show one route."""
    card = await call.services.store.routes.find(call.caller, _route_of(call))
    return versioned(_shape(card), card.version)


async def create_route(call: Call, body: RouteRequest) -> Reply:
    """Add a route."""
    new = NewRoute(body.name.strip(), _pattern(body.stops), parse_operator(body.operator))
    return await call.services.store.routes.add(call.caller, new, call.ask(_shape))


async def rename_route(call: Call, body: RouteChange) -> Answer:
    """Rename a route; its buses go by the new name, too."""
    card = await call.services.store.routes.rename(
        call.caller, _route_of(call), body.name.strip(), versions_expected(call)
    )
    return versioned(_shape(card), card.version)


async def set_route_stops(call: Call, body: RouteStopsRequest) -> Answer:
    """Replace the pattern of a route that no bus was made from; once there are buses, make another route."""
    card = await call.services.store.routes.set_stops(
        call.caller, _route_of(call), _pattern(body.stops), versions_expected(call)
    )
    return versioned(_shape(card), card.version)


async def delete_route(call: Call) -> None:
    """Remove a route that no bus was made from."""
    await call.services.store.routes.remove(call.caller, _route_of(call), versions_expected(call))


def _route_of(call: Call) -> int:
    return path_id(call.path["route"], "route")


def _pattern(stops: list[RouteStopRequest]) -> list[RouteStop]:
    pattern: list[RouteStop] = []
    for index, stop in enumerate(stops):
        stop_id = parse_id(stop.stop, f"/stops/{index}/stop")
        assert stop_id is not None, "only what was left out has no id"
        arrives, departs = stop.arrival_seconds, stop.departure_seconds
        pattern.append(RouteStop(stop_id, arrives, arrives if departs is None else departs))
    return pattern


def _shape(card: RouteCard) -> RouteShape:
    return RouteShape(
        id=str(card.route_id),
        operator=str(card.operator_id),
        name=card.name,
        stops=[
            RouteStopShape(
                Named(str(stop.stop_id), stop.name), stop.arrival_seconds, stop.departure_seconds
            )
            for stop in card.stops
        ],
        version=card.version,
    )


_CHANGING = (Forbidden, NotFound, Stale, OutcomeUnknown, Overloaded)

OPERATIONS = (
    Operation(
        "GET",
        "/admin/routes",
        list_routes,
        RoutePage,
        access=Access.STAFF,
        problems=(NotFound, InvalidRequest, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/routes",
        create_route,
        RouteShape,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(Forbidden, NotFound, InvalidRequest, KeyReused, OutcomeUnknown, Overloaded),
    ),
    Operation(
        "GET",
        "/admin/routes/{route}",
        read_route,
        RouteShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "PATCH",
        "/admin/routes/{route}",
        rename_route,
        RouteShape,
        access=Access.MANAGERS,
        problems=_CHANGING,
        headers=IF_MATCH,
    ),
    Operation(
        "PUT",
        "/admin/routes/{route}/stops",
        set_route_stops,
        RouteShape,
        access=Access.MANAGERS,
        problems=(*_CHANGING, InUse, InvalidRequest),
        headers=IF_MATCH,
    ),
    Operation(
        "DELETE",
        "/admin/routes/{route}",
        delete_route,
        None,
        status=204,
        access=Access.MANAGERS,
        problems=(*_CHANGING, InUse),
        headers=IF_MATCH,
    ),
)
