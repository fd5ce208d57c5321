"""Waiting rooms as staff sees them: opened, watched, let in faster or slower, closed."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from server.api.shapes import (
    Identifier,
    Page,
    parse_id,
    parse_operator,
    path_id,
    require_calendar,
    utc,
)
from server.contract import Access, Call, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.problems import bad_field
from store.errors import Forbidden, InvalidRequest, NotFound, OutcomeUnknown, Overloaded, WrongState
from store.rooms import NewRoom, Scope, Watched

PerMinute = Annotated[int, msgspec.Meta(ge=1, le=60_000)]


class NewRoomRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of `bus`, `route` and `operator`. Without `opens_at` it opens at once, and nobody is drawn.

    `per_minute` is how many are let in; without it, as many as are measured to be served.
    """

    bus: Identifier | None = None
    route: Identifier | None = None
    operator: Identifier | None = None
    opens_at: datetime | None = None
    per_minute: PerMinute | None = None


class PaceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Admissions a minute; null: as many as are measured to be served."""

    per_minute: PerMinute | None


class WatchedRoomShape(msgspec.Struct, frozen=True):
    """`waiting` are those whose turn has not come, `entered` those who have used theirs; `pace` is a minute's."""

    id: str
    operator: str
    scope: str
    subject: str
    name: str
    status: Literal["soon", "open", "closed"]
    by_load: bool
    created_at: datetime
    opens_at: datetime
    closed_at: datetime | None
    per_minute: int | None
    pace: float
    now_serving: int
    joined: int
    waiting: int
    entered: int
    sold_out: bool


class RoomsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: Identifier | None = None
    limit: Page = 20
    cursor: str | None = None


class RoomPage(msgspec.Struct, frozen=True):
    items: list[WatchedRoomShape]
    next_cursor: str | None


async def list_rooms(call: Call, query: RoomsQuery) -> RoomPage:
    """List waiting rooms, newest first."""
    found = await call.services.store.rooms.list(
        call.caller,
        parse_operator(query.operator),
        before=read_id_cursor(query.cursor) or None,
        limit=query.limit,
    )
    last = found[-1] if len(found) == query.limit else None
    return RoomPage(
        [_shape(call, each) for each in found],
        write_id_cursor(last.room.room_id) if last else None,
    )


async def open_room(call: Call, body: NewRoomRequest) -> WatchedRoomShape:
    """Put a waiting room before a bus, a route, or all that an operator sells."""
    named = {
        Scope.BUS: parse_id(body.bus, "/bus"),
        Scope.ROUTE: parse_id(body.route, "/route"),
        Scope.OPERATOR: parse_operator(body.operator),
    }
    chosen = [(scope, number) for scope, number in named.items() if number is not None]
    if len(chosen) != 1:
        raise bad_field("", "ambiguous", "say bus, route or operator, and one of them only")
    if body.opens_at is not None and body.opens_at.tzinfo is None:
        raise bad_field("/opens_at", "invalid", "a time needs its offset")
    if body.opens_at is not None:
        require_calendar(body.opens_at, "/opens_at")
    scope, number = chosen[0]
    new = NewRoom(scope, number, body.opens_at, body.per_minute)
    return _shape(call, await call.services.store.rooms.open(call.caller, new))


async def change_room_pace(call: Call, body: PaceRequest) -> WatchedRoomShape:
    """Let in so many a minute from now on."""
    rooms = call.services.store.rooms
    return _shape(call, await rooms.change_pace(call.caller, _room_of(call), body.per_minute))


async def close_room(call: Call) -> WatchedRoomShape:
    """Close a waiting room: whoever waits in it may buy at once."""
    return _shape(call, await call.services.store.rooms.close(call.caller, _room_of(call)))


def _room_of(call: Call) -> int:
    return path_id(call.path["room"], "room")


def _shape(call: Call, watched: Watched) -> WatchedRoomShape:
    room = watched.room
    serving = room.serving_at(call.services.usher.now())
    is_open = room.opened_at is not None
    return WatchedRoomShape(
        id=str(room.room_id),
        operator=str(room.operator_id),
        scope=room.scope.value,
        subject=str(room.subject_id),
        name=room.name,
        status="closed" if room.closed_at is not None else "open" if is_open else "soon",
        by_load=room.is_auto,
        created_at=utc(room.created_at),
        opens_at=utc(room.opens_at),
        closed_at=room.closed_at and utc(room.closed_at),
        per_minute=room.per_minute,
        pace=round(room.pace * 60, 1),
        now_serving=serving,
        joined=room.joined,
        waiting=max(0, room.joined - serving),
        entered=watched.entered,
        sold_out=room.is_sold_out,
    )


_CHANGING = (Forbidden, NotFound, InvalidRequest, WrongState, OutcomeUnknown, Overloaded)

OPERATIONS = (
    Operation(
        "GET",
        "/admin/rooms",
        list_rooms,
        RoomPage,
        access=Access.OVERSEERS,
        problems=(InvalidRequest, NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/rooms",
        open_room,
        WatchedRoomShape,
        status=201,
        access=Access.MANAGERS,
        problems=_CHANGING,
    ),
    Operation(
        "PUT",
        "/admin/rooms/{room}",
        change_room_pace,
        WatchedRoomShape,
        access=Access.MANAGERS,
        problems=_CHANGING,
    ),
    Operation(
        "POST",
        "/admin/rooms/{room}/close",
        close_room,
        WatchedRoomShape,
        access=Access.MANAGERS,
        problems=_CHANGING,
    ),
)
