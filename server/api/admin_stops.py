"""Stops, which all operators share: looked up by any staff, changed by those whose source they are of."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from server.api.shapes import (
    Identifier,
    Line,
    Page,
    Zone,
    parse_id,
    parse_operator,
    path_id,
    require_zone,
)
from server.contract import Access, Answer, Call, Idempotency, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.versions import IF_MATCH, versioned, versions_expected
from store.errors import (
    AlreadyExists,
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
from store.stops import NewStop, StopCard

Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]


class StopsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    q: Annotated[str, msgspec.Meta(max_length=100)] = ""
    limit: Page = 20
    cursor: str | None = None


class StopRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`code` is what you call the stop: no two of yours share one. `station` is the stop it belongs to.

    `operator` is whose it shall be, for the platform's administrators; without one it is the platform's.
    """

    code: Line
    name: Line
    time_zone: Zone
    station: Identifier | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    operator: Identifier | None = None


class StopChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be otherwise; null takes the coordinates away, both of them."""

    name: Line | UnsetType = UNSET
    time_zone: Zone | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET


class AdminStopShape(msgspec.Struct, frozen=True):
    """`operator` is whose administrators may change it, null for the platform's."""

    id: str
    source: str
    code: str
    name: str
    time_zone: str
    station: str | None
    latitude: float | None
    longitude: float | None
    operator: str | None
    version: int


class AdminStopPage(msgspec.Struct, frozen=True):
    items: list[AdminStopShape]
    next_cursor: str | None


async def list_stops(call: Call, query: StopsQuery) -> AdminStopPage:
    """List stops, by part of their name if you like."""
    text = "".join(char for char in query.q if char.isprintable()).strip()
    after = read_id_cursor(query.cursor)
    found = await call.services.store.stops.list(text, after=after, limit=query.limit)
    last = found[-1] if len(found) == query.limit else None
    return AdminStopPage(
        [_shape(stop) for stop in found], write_id_cursor(last.stop_id) if last else None
    )


async def read_stop(call: Call) -> Answer:
    """Show one stop."""
    card = await call.services.store.stops.find(_stop_of(call))
    return versioned(_shape(card), card.version)


async def create_stop(call: Call, body: StopRequest) -> Reply:
    """Add a stop."""
    require_zone(body.time_zone)
    if (body.latitude is None) != (body.longitude is None):
        raise InvalidRequest("/longitude", "required", "a place has two coordinates")
    new = NewStop(
        code=body.code.strip(),
        name=body.name.strip(),
        time_zone=body.time_zone,
        station_id=parse_id(body.station, "/station"),
        latitude=body.latitude,
        longitude=body.longitude,
        operator_id=parse_operator(body.operator),
    )
    return await call.services.store.stops.add(call.caller, new, call.ask(_shape))


async def change_stop(call: Call, body: StopChange) -> Answer:
    """Rename a stop, move it, or move its clock; buses that call there show it at once."""
    changes: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET
    }
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    if "time_zone" in changes:
        require_zone(changes["time_zone"])
    card = await call.services.store.stops.change(
        call.caller, _stop_of(call), changes, versions_expected(call)
    )
    return versioned(_shape(card), card.version)


async def delete_stop(call: Call) -> None:
    """Remove a stop that nothing calls at."""
    await call.services.store.stops.remove(call.caller, _stop_of(call), versions_expected(call))


def _stop_of(call: Call) -> int:
    return path_id(call.path["stop"], "stop")


def _shape(card: StopCard) -> AdminStopShape:
    owner = card.operator_id
    return AdminStopShape(
        id=str(card.stop_id),
        source=card.source,
        code=card.code,
        name=card.name,
        time_zone=card.time_zone,
        station=None if card.station_id is None else str(card.station_id),
        latitude=card.latitude,
        longitude=card.longitude,
        operator=None if owner is None else str(owner),
        version=card.version,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/admin/stops",
        list_stops,
        AdminStopPage,
        access=Access.STAFF,
        problems=(InvalidRequest, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/stops",
        create_stop,
        AdminStopShape,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            Forbidden,
            NotFound,
            AlreadyExists,
            InvalidRequest,
            KeyReused,
            OutcomeUnknown,
            Overloaded,
        ),
    ),
    Operation(
        "GET",
        "/admin/stops/{stop}",
        read_stop,
        AdminStopShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "PATCH",
        "/admin/stops/{stop}",
        change_stop,
        AdminStopShape,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, Stale, InvalidRequest, OutcomeUnknown, Overloaded),
        headers=IF_MATCH,
    ),
    Operation(
        "DELETE",
        "/admin/stops/{stop}",
        delete_stop,
        None,
        status=204,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, InUse, Stale, OutcomeUnknown, Overloaded),
        headers=IF_MATCH,
    ),
)
