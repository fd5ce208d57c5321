"""The frames of `seatmap.v1`, in and out, and the numbers a connection is closed with."""

from enum import IntEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

SUBPROTOCOL = "seatmap.v1"

BUS_ID_MAX = 2**63 - 1

Seats = tuple[tuple[str, str], ...]
RequestId = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Counter = Annotated[int, Meta(ge=0, le=2**63 - 1)]
BusStatus = Literal["SCHEDULED", "CLOSED", "CANCELLED"]
ErrorCode = Literal[
    "not_found", "unauthenticated", "forbidden", "too_many_subscriptions", "overloaded"
]


class CloseCode(IntEnum):
    """40xx stop, 41xx back off, 42xx reconnect with jitter; the rest is RFC 6455's own."""

    TOO_BIG = 1009
    BAD_MESSAGE = 4000
    UNAUTHENTICATED = 4001
    FORBIDDEN = 4003
    UNSUPPORTED_VERSION = 4005
    TOO_MANY_CONNECTIONS = 4101
    TOO_FAST = 4102
    OVERLOADED = 4103
    DRAINING = 4200
    NO_ACK = 4201
    TOO_SLOW = 4202
    REBUILT = 4203
    TOKEN_EXPIRED = 4205

    @property
    def reason(self) -> str:
        return self.name.lower().replace("_", " ")


class BadMessage(Exception):
    """What arrived is not one of the client's frames."""


# What a client may say. Unknown members are ignored, so that a newer client can talk to an older
# server of the same version; an unknown type is a bad message.


class Subscribe(Struct, frozen=True, omit_defaults=True, tag="subscribe", tag_field="type"):
    """Ask for a bus, or a topic; with epoch and rev, from there."""

    id: RequestId
    bus: str | None = None
    topic: str | None = None
    epoch: Counter | None = None
    rev: Counter | None = None


class Unsubscribe(Struct, frozen=True, omit_defaults=True, tag="unsubscribe", tag_field="type"):
    """Ask for no more of it."""

    id: RequestId
    bus: str | None = None
    topic: str | None = None


class Auth(Struct, frozen=True, tag="auth", tag_field="type"):
    """Say by an access token who speaks; success has no answer."""

    id: RequestId
    token: str


class Ack(Struct, frozen=True, tag="ack", tag_field="type"):
    """Answer a heartbeat, with the revisions the client has."""

    revs: dict[str, Counter]


ClientFrame = Subscribe | Unsubscribe | Auth | Ack

_client_frames = msgspec.json.Decoder(ClientFrame)


def read_client_frame(text: str) -> ClientFrame:
    try:
        frame: ClientFrame = _client_frames.decode(text)
    # A few KiB of "[[[[" are enough to exhaust the decoder's stack.
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise BadMessage from error
    if isinstance(frame, Subscribe | Unsubscribe) and (frame.bus is None) == (frame.topic is None):
        raise BadMessage  # exactly one of the two names what is meant
    return frame


def read_bus_id(text: str) -> int | None:
    """The id behind its one decimal spelling; None for anything else ("007", "-1", "٣")."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or text[0] == "0":
        return None
    number = int(text)
    return number if number <= BUS_ID_MAX else None


# What the server says. Member order is wire order.


class Hello(Struct, frozen=True, tag="hello", tag_field="type"):
    """The first frame: the pace of heartbeats, in seconds, and the time."""

    session: str
    now: str
    heartbeat: float | int


class Subscribed(Struct, frozen=True, tag="subscribed", tag_field="type"):
    """What was asked for is on its way; `same` comes without seats, for the client has them."""

    id: int
    bus: str
    mode: Literal["snapshot", "same"]
    epoch: int
    rev: int
    seats: Seats | msgspec.UnsetType = msgspec.UNSET


class Delta(Struct, frozen=True, tag="delta", tag_field="type"):
    """Seats as they are at `rev`, for whoever is at `prev` or later; `status` when the bus has another from now on."""

    bus: str
    epoch: int
    prev: int
    rev: int
    seats: Seats
    at: str
    status: BusStatus | msgspec.UnsetType = msgspec.UNSET


class Snapshot(Struct, frozen=True, tag="snapshot", tag_field="type"):
    """All seats, unasked: deltas were left out, or the seats are laid out anew."""

    bus: str
    epoch: int
    rev: int
    seats: Seats


class Money(Struct, frozen=True):
    """An amount in minor units."""

    amount: int
    currency: str


class BoardDeparture(Struct, frozen=True):
    """A bus as a board shows it. `bay` and `delay_seconds` are null while nobody has said.

    `seats_left` are those free from here to the end of the line.
    """

    bus: str
    name: str
    operator: str
    route: str | None
    destination: str
    departs_at: str
    delay_seconds: int | None
    bay: str | None
    status: BusStatus
    seats_left: int
    seats_total: int


class Board(Struct, frozen=True, tag="board", tag_field="type"):
    """The next departures from a stop, all of them: it replaces the last one."""

    topic: str
    stop: str
    name: str
    time_zone: str
    departures: tuple[BoardDeparture, ...]
    at: str


class SalesHour(Struct, frozen=True):
    """What was paid for in the hour of the operator's clock that begins at `at`."""

    at: str
    seats: int
    revenue: Money


class SalesRoute(Struct, frozen=True):
    """How full today's buses of a route are: the share of their seats, segment by segment, that is booked."""

    route: str | None
    name: str | None
    buses: int
    occupancy: float


class OperatorSales(Struct, frozen=True):
    """An operator's day so far. `conversion` is the share of today's holds that has been paid for, null without any.

    `conflicts` are requests with an Idempotency-Key, as every booking has one, that found a seat taken.
    `watchers` are who watches the operator's buses through any process.
    """

    operator: str
    name: str
    date: str
    seats: int
    revenue: Money
    hours: tuple[SalesHour, ...]
    holds: int
    holds_paid: int
    conversion: float | None
    conflicts: int
    routes: tuple[SalesRoute, ...]
    watchers: int


class Sales(Struct, frozen=True, tag="sales", tag_field="type"):
    """Today's totals of every operator whose sales the client may see: it replaces the last one."""

    topic: Literal["sales"]
    operators: tuple[OperatorSales, ...]
    at: str


class Heartbeat(Struct, frozen=True, tag="heartbeat", tag_field="type"):
    """Nothing else to say: the revisions a client must have by now."""

    revs: dict[str, int]
    now: str


class Error(Struct, frozen=True, tag="error", tag_field="type"):
    """A request was refused; the connection stays."""

    id: int
    code: ErrorCode
    detail: str


class Bye(Struct, frozen=True, tag="bye", tag_field="type"):
    """The connection is closed next; come back within so many milliseconds, at random."""

    code: int
    reconnect_in: tuple[int, int]


class Status(Struct, frozen=True, tag="status", tag_field="type"):
    """Whether changes arrive at once, or may be late."""

    live: bool


TopicFrame = Board | Sales
ServerFrame = (
    Hello | Subscribed | Delta | Snapshot | Board | Sales | Heartbeat | Error | Bye | Status
)

_server_frames = msgspec.json.Decoder(ServerFrame)


def read_server_frame(text: str) -> ServerFrame:
    """Return what a server said; raises BadMessage for what this version does not know."""
    try:
        frame: ServerFrame = _server_frames.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise BadMessage from error
    return frame


# Fixed texts: a detail never repeats what the client sent.
ERROR_DETAILS: dict[ErrorCode, str] = {
    "not_found": "There is no such bus or topic.",
    "unauthenticated": "Send a valid token first.",
    "forbidden": "This account may not watch that.",
    "too_many_subscriptions": "This connection watches as much as it may.",
    "overloaded": "The server cannot take this now; try again in a moment.",
}
