"""What can go wrong in the store, as classes that carry data. `server/problems.py` maps each to an answer.

StoreError
├── Refusal                 decided under lock: the same request gets the same answer
│   ├── SeatUnavailable     a seat of the leg is locked, booked or blocked
│   ├── HoldExpired         the hold's time is over, or it has ended otherwise
│   ├── Departed            the bus has left the passenger's boarding stop
│   ├── SalesClosed         the operator sells no more seats of this bus
│   ├── LimitReached        a buyer may keep no more:
│   │   ├── TooManySeats    seats of one bus
│   │   ├── AddressFull     seats of one bus, all guests of an address together
│   │   └── TooManyHolds    live holds
│   ├── SeatCoolingDown     the buyer has just let go of the seat
│   ├── AlreadyExtended     the deadline of a hold moves once
│   ├── QuoteExpired        what was shown of a refund stands no more
│   ├── NoOpenShift         cash is taken and paid out in shifts, and none is open
│   └── WrongState          the booking or payment is past the point where this could be done
├── LinkExpired             what was mailed has been used, replaced, or is too old
├── TooManyMails            a user has caused as many as they may for now
├── TripsAhead              somebody who still travels cannot be erased
├── NotFound                no such thing, or not for this caller
│   └── HoldNotFound
├── InvalidRequest          understood, but it makes no sense for this bus
├── KeyReused               an idempotency key came back with another request
├── KeyInUse                the first request with this key is still running
├── Forbidden               known caller, not allowed
├── AlreadyExists           a name that must be unique is taken
├── InUse                   something still needs it
├── Stale                   it has changed since the caller read it
├── TooManyTries            something secret was guessed wrong too often
├── Overloaded              no answer could be given in time; nothing was changed
└── OutcomeUnknown          the commit may or may not have happened; the key tells later
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.refund_quotes import RefundQuote


class StoreError(Exception):
    """Base of everything the store raises on purpose."""

    def __str__(self) -> str:
        return repr(self)


class Refusal(StoreError):
    """A decision, not an accident: stored under the request's idempotency key."""


@dataclass(eq=False)
class SeatUnavailable(Refusal):
    """`seats` pairs each seat that is in the way with its status on the leg: L, B or X."""

    seats: tuple[tuple[str, str], ...]


@dataclass(eq=False)
class HoldExpired(Refusal):
    pass


@dataclass(eq=False)
class Departed(Refusal):
    pass


@dataclass(eq=False)
class SalesClosed(Refusal):
    pass


@dataclass(eq=False)
class LimitReached(Refusal):
    """A limit on what one buyer may keep; `retry_after_seconds` is when time alone will have lifted it, if it can."""

    most: int
    retry_after_seconds: int | None = None


@dataclass(eq=False)
class TooManySeats(LimitReached):
    pass


@dataclass(eq=False)
class AddressFull(LimitReached):
    pass


@dataclass(eq=False)
class TooManyHolds(LimitReached):
    pass


@dataclass(eq=False)
class SeatCoolingDown(Refusal):
    """`seats` are labels, `retry_after_seconds` until the last of them may be had again."""

    seats: tuple[str, ...]
    retry_after_seconds: int


@dataclass(eq=False)
class AlreadyExtended(Refusal):
    pass


@dataclass(eq=False)
class QuoteExpired(Refusal):
    """`quote` is what is paid back now."""

    quote: "RefundQuote"


@dataclass(eq=False)
class NoOpenShift(Refusal):
    pass


@dataclass(eq=False)
class WrongState(Refusal):
    """`status` is what the thing is in, `detail` what that forbids."""

    status: str
    detail: str


@dataclass(eq=False)
class NotFound(StoreError):
    what: str


@dataclass(eq=False)
class HoldNotFound(NotFound):
    what: str = "hold"


@dataclass(eq=False)
class InvalidRequest(StoreError):
    """`pointer` is the JSON pointer of the field that makes no sense."""

    pointer: str
    code: str
    detail: str


@dataclass(eq=False)
class MustWait(StoreError):
    """There is a waiting room before this bus, and the caller has not come in through it."""

    room_id: int
    detail: str


@dataclass(eq=False)
class NotYet(StoreError):
    """Others are before this place in the room."""

    ahead: int
    retry_after_seconds: int


@dataclass(eq=False)
class LinkExpired(StoreError):
    pass


@dataclass(eq=False)
class TooManyMails(StoreError):
    most: int
    retry_after_seconds: int


@dataclass(eq=False)
class TripsAhead(StoreError):
    """`refs` are bookings whose trip is not over, nor cancelled; the first few of them."""

    refs: tuple[str, ...]


@dataclass(eq=False)
class KeyReused(StoreError):
    pass


@dataclass(eq=False)
class KeyInUse(StoreError):
    pass


@dataclass(eq=False)
class Forbidden(StoreError):
    detail: str


@dataclass(eq=False)
class AlreadyExists(StoreError):
    what: str


@dataclass(eq=False)
class InUse(StoreError):
    """`what` cannot be removed or replaced, `detail` says what to do instead."""

    what: str
    detail: str


@dataclass(eq=False)
class Stale(StoreError):
    """The thing is in another version than the caller has seen; `version` is the present one."""

    version: int


@dataclass(eq=False)
class TooManyTries(StoreError):
    retry_after_seconds: int


@dataclass(eq=False)
class Overloaded(StoreError):
    retry_after_seconds: int = 1


@dataclass(eq=False)
class OutcomeUnknown(StoreError):
    retry_after_seconds: int = 2
