"""One table from what the store raises to what a client reads: RFC 9457 problem documents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from server.quotes import told
from server.wire import encode
from store.errors import (
    AddressFull,
    AlreadyExists,
    AlreadyExtended,
    Departed,
    Forbidden,
    HoldExpired,
    HoldNotFound,
    InUse,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    LinkExpired,
    MustWait,
    NoOpenShift,
    NotFound,
    NotYet,
    OutcomeUnknown,
    Overloaded,
    QuoteExpired,
    SalesClosed,
    SeatCoolingDown,
    SeatUnavailable,
    Stale,
    StoreError,
    TooManyHolds,
    TooManyMails,
    TooManySeats,
    TooManyTries,
    TripsAhead,
    WrongState,
)
from store.model import AVAILABLE, STATUS_NAMES

CONTENT_TYPE = b"application/problem+json"
_TYPE = "https://omnibus.example/problems/"


class FieldError(msgspec.Struct, frozen=True):
    pointer: str
    code: str
    detail: str


class TakenSeat(msgspec.Struct, frozen=True):
    seat: str
    status: str


class RoomAhead(msgspec.Struct, frozen=True):
    """The waiting room that a caller has to go through: its id in the API, and its page."""

    id: str
    page: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an error answer carries; `code` is what programs branch on."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] | None = None
    seats: list[TakenSeat] | None = None
    retry_after: int | None = None
    quote: dict[str, Any] | None = None
    """What is paid back now, as the quote of a refund has it."""
    room: RoomAhead | None = None
    """Where to wait."""


@dataclass(frozen=True, slots=True)
class Row:
    """`detail` says what has happened this time, or what to do; `more` is what else the error has to tell."""

    status: int
    code: str
    title: str
    detail: Callable[[Any], str]
    more: Callable[[Any], dict[str, Any]] = lambda _: {}


def _always(detail: str) -> Callable[[Any], str]:
    return lambda _: detail


def _taken(error: SeatUnavailable) -> dict[str, Any]:
    return {"seats": [TakenSeat(seat, STATUS_NAMES[letter]) for seat, letter in error.seats]}


def _in_the_way(error: SeatUnavailable) -> str:
    return ", ".join(f"{seat} is {STATUS_NAMES[letter].lower()}" for seat, letter in error.seats)


def _cooling(error: SeatCoolingDown) -> dict[str, Any]:
    seats = [TakenSeat(seat, STATUS_NAMES[AVAILABLE]) for seat in error.seats]
    return {"seats": seats, "retry_after": error.retry_after_seconds}


def _retry(error: Any) -> dict[str, Any]:
    return {"retry_after": error.retry_after_seconds}


TABLE: dict[type[StoreError], Row] = {
    SeatUnavailable: Row(
        409, "seat_unavailable", "A seat is not available on this leg", _in_the_way, _taken
    ),
    HoldExpired: Row(
        410, "hold_expired", "The time for this is over", _always("start again with free seats")
    ),
    Departed: Row(
        409, "departed", "The bus has left this stop", _always("look for a later departure")
    ),
    SalesClosed: Row(
        409,
        "sales_closed",
        "No more seats are sold for this bus",
        _always("look for another departure"),
    ),
    TooManySeats: Row(
        409,
        "too_many_seats",
        "A buyer may keep no more seats of one bus",
        lambda e: f"at most {e.most} seats at a time; pay for them or give some back first",
        _retry,
    ),
    AddressFull: Row(
        409,
        "address_limit",
        "Buyers who have not signed in may keep no more seats of this bus from this network",
        lambda e: (
            f"at most {e.most} seats at a time for all of them together; sign in to have a limit of your own"
        ),
        _retry,
    ),
    TooManyHolds: Row(
        409,
        "too_many_holds",
        "A buyer may have no more holds at a time",
        lambda e: f"at most {e.most} holds or unpaid bookings; pay for one or give it back first",
        _retry,
    ),
    SeatCoolingDown: Row(
        409,
        "seat_cooling_down",
        "Seats that a buyer has let go are others' for a while",
        lambda e: (
            f"{', '.join(e.seats)} can be yours again in {e.retry_after_seconds} s; choose another seat"
        ),
        _cooling,
    ),
    AlreadyExtended: Row(
        409,
        "already_extended",
        "A hold is extended once",
        _always("its deadline stays as it is; finish before it"),
    ),
    QuoteExpired: Row(
        409,
        "quote_expired",
        "This quote of a refund stands no more",
        lambda e: (
            f"{e.quote.amount} in minor units would go back now; take the new quote, or leave it"
        ),
        lambda e: {"quote": told(e.quote)},
    ),
    NoOpenShift: Row(
        409,
        "no_open_shift",
        "Cash is taken and paid out in shifts",
        _always("open a shift first: POST /api/v1/shifts"),
    ),
    MustWait: Row(
        403,
        "waiting_room",
        "There is a waiting room before this bus",
        lambda e: e.detail,
        lambda e: {"room": RoomAhead(str(e.room_id), f"/waiting/{e.room_id}")},
    ),
    NotYet: Row(
        409,
        "not_your_turn",
        "Others are before you",
        lambda e: f"{e.ahead} are before you; ask again when the counter has come to your number",
        _retry,
    ),
    WrongState: Row(409, "wrong_state", "That cannot be done any more", lambda e: e.detail),
    HoldNotFound: Row(
        404, "hold_not_found", "There is no such hold", _always("no such hold, or it is not yours")
    ),
    NotFound: Row(404, "not_found", "There is no such thing", lambda e: f"no such {e.what}"),
    InvalidRequest: Row(
        422,
        "invalid_request",
        "The request makes no sense",
        lambda e: _place(e.pointer, e.detail),
        lambda e: {"errors": [FieldError(e.pointer, e.code, e.detail)]},
    ),
    KeyReused: Row(
        422,
        "idempotency_key_reused",
        "The idempotency key belongs to another request",
        _always("send another request with another key"),
    ),
    KeyInUse: Row(
        409,
        "request_in_progress",
        "The first request with this idempotency key is still running",
        _always("ask again with the same key"),
        lambda _: {"retry_after": 1},
    ),
    LinkExpired: Row(
        410,
        "link_expired",
        "This link is of no more use",
        _always("it has been used, replaced by a newer one, or its time is over; ask for another"),
    ),
    TooManyMails: Row(
        429,
        "rate_limited",
        "Enough mails for now",
        lambda e: f"at most {e.most} an hour; look among the unwanted mail, too",
        _retry,
    ),
    TripsAhead: Row(
        409,
        "trips_ahead",
        "There are trips ahead",
        lambda e: f"cancel {', '.join(e.refs)} first, or come back when the trip is over",
    ),
    Forbidden: Row(403, "forbidden", "Not allowed", lambda e: e.detail),
    AlreadyExists: Row(
        409, "already_exists", "That is taken", lambda e: f"this {e.what} is in use"
    ),
    InUse: Row(
        409, "in_use", "Something still needs it", lambda e: f"the {e.what} is in use: {e.detail}"
    ),
    Stale: Row(
        412,
        "precondition_failed",
        "It has changed since you read it",
        lambda e: f"it is in version {e.version} by now; read it again",
    ),
    TooManyTries: Row(
        429, "rate_limited", "Too many wrong tries", _always("wait before the next one"), _retry
    ),
    Overloaded: Row(
        503,
        "overloaded",
        "No answer could be given in time",
        _always("nothing was changed; ask again"),
        _retry,
    ),
    OutcomeUnknown: Row(
        503,
        "outcome_unknown",
        "It is not known whether this was done",
        _always("ask again with the same idempotency key: it tells, and does nothing twice"),
        _retry,
    ),
}


@dataclass(eq=False)
class HttpProblem(Exception):
    """A failure of the HTTP exchange itself: the store was never asked."""

    status: int
    code: str
    title: str
    detail: str
    errors: Sequence[FieldError] = ()
    retry_after: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()


def row_of(kind: type[StoreError]) -> Row:
    """Return the row of an error class or of its nearest parent that has one."""
    return next(TABLE[parent] for parent in kind.__mro__ if parent in TABLE)


def describe(error: StoreError | HttpProblem, request_id: str) -> Problem:
    if isinstance(error, HttpProblem):
        return Problem(
            type=_TYPE + error.code,
            title=error.title,
            status=error.status,
            detail=error.detail,
            code=error.code,
            request_id=request_id,
            errors=list(error.errors) or None,
            retry_after=error.retry_after,
        )
    row = row_of(type(error))
    return Problem(
        type=_TYPE + row.code,
        title=row.title,
        status=row.status,
        detail=row.detail(error),
        code=row.code,
        request_id=request_id,
        **row.more(error),
    )


def write(problem: Problem) -> bytes:
    return encode(problem)


def unauthenticated(detail: str) -> HttpProblem:
    return HttpProblem(
        401,
        "unauthenticated",
        "Sign in first",
        detail,
        headers=((b"www-authenticate", b'Bearer realm="omnibus"'),),
    )


def totp_required() -> HttpProblem:
    return HttpProblem(
        401,
        "totp_required",
        "A second factor is needed",
        "send the code that your authenticator shows, or a recovery code, as `totp`",
        headers=((b"www-authenticate", b'Bearer realm="omnibus"'),),
    )


def enrol_first() -> HttpProblem:
    return HttpProblem(
        403,
        "second_factor_required",
        "Set up a second factor first",
        "your role needs one here: POST /api/v1/auth/totp begins, refreshing the token ends it",
    )


def bad_field(pointer: str, code: str, detail: str, *, status: int = 422) -> HttpProblem:
    return HttpProblem(
        status,
        "invalid_request",
        "The request makes no sense",
        _place(pointer, detail),
        errors=(FieldError(pointer, code, detail),),
    )


def _place(pointer: str, detail: str) -> str:
    return f"{pointer}: {detail}" if pointer else detail
