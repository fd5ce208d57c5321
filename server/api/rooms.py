"""Waiting rooms as those see them who wait: the counter, a place, the turn, and the draw for anyone to check."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from server import wire
from server.api.admission import asker_of, buyers_of
from server.api.shapes import path_id, utc
from server.contract import Access, Answer, Call, Operation
from server.guests import cookie_header
from server.headers import Headers
from server.policies import Rate
from server.waiting.tokens import Kind, RoomToken
from store.errors import (
    MustWait,
    NotFound,
    NotYet,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.house_keys import PLACE_LASTS
from store.room_places import ADMITTED_FOR, Place
from store.rooms import Room

Given = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{92}$(?!\n)")]
State = Literal["soon", "open", "closed"]
_DRAWN_MAX = 5_000
# The same for everyone: a cache in front asks once a second, however many wait.
_PUBLIC: Headers = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"public, max-age=1, s-maxage=1"),
)


class RoomShape(msgspec.Struct, frozen=True):
    """The counter. `now_serving` is the highest number whose turn has come, `waiting` how many are behind it.

    `pace` is admissions a minute. `commitment` is the SHA-256 of the seed, which is told once the order is drawn.
    """

    id: str
    name: str
    scope: str
    subject: str
    status: State
    now: datetime
    opens_at: datetime
    now_serving: int
    waiting: int
    pace: float
    sold_out: bool
    commitment: str
    seed: str | None


class PlaceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`token` is that of the place one has already, if any: it stays one's own after signing in or out."""

    token: Given | None = None


class PlaceShape(msgspec.Struct, frozen=True):
    """`number` is null until the order is drawn. `place` is what the draw calls it; it opens nothing."""

    room: str
    place: str
    number: int | None
    joined_at: datetime
    token: str


class EntryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Given


class AdmissionShape(msgspec.Struct, frozen=True):
    """Send `token` as `X-Room-Token` with every hold until `expires_at`."""

    room: str
    token: str
    expires_at: datetime


class DrawQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers after this one."""

    after: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=_DRAWN_MAX)] = 1000


class DrawnPlace(msgspec.Struct, frozen=True):
    number: int
    place: str


class DrawShape(msgspec.Struct, frozen=True):
    """What the order was drawn by. docs/waiting-room.md says how to check it."""

    room: str
    commitment: str
    seed: str
    draw: str
    items: list[DrawnPlace]


async def read_room(call: Call) -> Answer:
    """Show a waiting room's counter; the same for everyone, and good for a second."""
    room = _room_of(call)
    usher = call.services.usher
    serving = usher.serving(room)
    is_drawn = room.opened_at is not None
    shape = RoomShape(
        id=str(room.room_id),
        name=room.name,
        scope=room.scope.value,
        subject=str(room.subject_id),
        status="closed" if room.closed_at is not None else "open" if is_drawn else "soon",
        now=utc(usher.now()),
        opens_at=utc(room.opens_at),
        now_serving=serving,
        waiting=max(0, room.joined - serving),
        pace=round(room.pace * 60, 1),
        sold_out=room.is_sold_out,
        commitment=room.commitment.hex(),
        seed=room.seed.hex() if is_drawn else None,
    )
    return Answer(200, wire.encode(shape), _PUBLIC)


async def take_place(call: Call, body: PlaceRequest) -> Answer:
    """Take a place in a waiting room, or show the one that this browser or account has."""
    room = _room_of(call)
    guests = call.services.guests
    asker, cookie = asker_of(call), None
    if asker is None:
        cookie = guests.new_cookie()
        newcomer = guests.recognise(cookie, call.client).guest
        assert newcomer is not None
        asker = newcomer.buyer
    held = call.services.usher.tokens.read(body.token) if body.token else None
    is_held = held is not None and held.room_id == room.room_id and held.buyer in buyers_of(call)
    buyer = held.buyer if held is not None and is_held else asker
    place = await call.services.store.room_places.join(
        room, buyer, asker=asker, network=guests.network_of(call.client)
    )
    expires_at = call.services.usher.now() + PLACE_LASTS
    token = RoomToken(
        Kind.PLACE,
        room.room_id,
        buyer,
        place.place_id,
        place.number or 0,
        int(expires_at.timestamp()),
    )
    shape = _place_shape(room, place, call.services.usher.tokens.issue(token))
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
    ]
    if cookie is not None:
        headers.append(cookie_header(cookie, call.scheme))
    return Answer(200, wire.encode(shape), headers)


async def enter_room(call: Call, body: EntryRequest) -> AdmissionShape:
    """Come in when it is one's turn: an admission for ten minutes. Asked again, it is the same one.

    A place lets in one buyer: the first who comes in by it, the account if one is signed in.
    """
    room = _room_of(call)
    usher, asker = call.services.usher, asker_of(call)
    place = usher.read_place(room, body.token, buyers_of(call))
    assert asker is not None  # whoever has a place is somebody
    serving = usher.serving(room)
    if not place.number or place.number > serving:
        raise _not_yet(room, place.number, serving)
    entered_at = await call.services.store.room_places.enter(
        room, place.buyer, place.place_id, asker
    )
    expires_at = entered_at + ADMITTED_FOR
    if expires_at <= usher.now():
        raise MustWait(room.room_id, "this turn has been used; take a new place")
    token = RoomToken(
        Kind.ADMISSION,
        room.room_id,
        asker,
        place.place_id,
        place.number,
        int(expires_at.timestamp()),
    )
    return AdmissionShape(str(room.room_id), usher.tokens.issue(token), utc(expires_at))


async def read_draw(call: Call, query: DrawQuery) -> DrawShape:
    """Show the seed and the order that came of it, once it is drawn: whoever wants to can draw it again."""
    room = _room_of(call)
    if room.draw is None:
        raise WrongState("soon", "the order is not drawn yet")
    drawn = await call.services.store.room_places.list_drawn(room, query.after, query.limit)
    return DrawShape(
        room=str(room.room_id),
        commitment=room.commitment.hex(),
        seed=room.seed.hex(),
        draw=room.draw.hex(),
        items=[DrawnPlace(number, str(place)) for place, number in drawn],
    )


def _room_of(call: Call) -> Room:
    return call.services.usher.find(path_id(call.path["room"], "room"))


def _not_yet(room: Room, number: int, serving: int) -> NotYet:
    ahead = max(0, (number or room.joined + 1) - serving - 1)
    seconds = min(60, max(1, round(ahead / max(room.pace, 0.1))))
    return NotYet(ahead, seconds)


def _place_shape(room: Room, place: Place, token: str) -> PlaceShape:
    return PlaceShape(
        room=str(room.room_id),
        place=str(place.place_id),
        number=place.number,
        joined_at=utc(place.joined_at),
        token=token,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/rooms/{room}",
        read_room,
        RoomShape,
        access=Access.READERS,
        problems=(NotFound,),
    ),
    Operation(
        "POST",
        "/rooms/{room}/places",
        take_place,
        PlaceShape,
        problems=(NotFound, WrongState, OutcomeUnknown, Overloaded),
        rate=Rate.ROOM,
    ),
    Operation(
        "POST",
        "/rooms/{room}/entry",
        enter_room,
        AdmissionShape,
        problems=(NotFound, NotYet, MustWait, OutcomeUnknown, Overloaded),
        rate=Rate.ROOM,
    ),
    Operation(
        "GET",
        "/rooms/{room}/draw",
        read_draw,
        DrawShape,
        access=Access.READERS,
        problems=(NotFound, WrongState, Overloaded),
    ),
)
