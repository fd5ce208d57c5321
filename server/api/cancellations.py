"""Cancelling bookings: what would go back is shown first, and what was shown is what is paid."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from server.api.bookings import KEY_HEADER, BookingShape, ask_booking, find_allowed
from server.api.holds import Seats
from server.api.shapes import Line, Money
from server.contract import Access, Call, Idempotency, Operation
from server.policies import Rate
from server.problems import bad_field
from server.quotes import told
from store.authority import require_in_business
from store.cancellations import Wish
from store.errors import (
    Departed,
    Forbidden,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    QuoteExpired,
    WrongState,
)
from store.model import Booking, Role
from store.refund_quotes import Shown, read_quote
from store.refund_rules import Initiator
from store.requests import Reply

Who = Literal["passenger", "operator"]
QuoteId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{24,2000}$(?!\n)")]


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without seats: the whole booking. The operator's staff may ask what the operator would pay back."""

    seats: Seats | None = None
    initiator: Who = "passenger"


class CancelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without seats: the whole booking, or what was quoted. With a quote: what it showed is paid, or nothing is done.

    The operator's staff cancels in the operator's name with `initiator` `operator` and a `reason`.
    """

    seats: Seats | None = None
    quote_id: QuoteId | None = None
    initiator: Who = "passenger"
    reason: Line | None = None


class QuotedPassenger(msgspec.Struct, frozen=True):
    """`fee` is what is kept of what was paid."""

    seat: str
    name: str
    paid: Money
    refund: Money
    fee: Money


class QuotedRule(msgspec.Struct, frozen=True):
    """The row of the rules that applied; without `before_minutes` none did, and nothing goes back."""

    rules: str | None
    name: str | None
    version: int | None
    before_minutes: int | None
    percent: int
    fee: Money
    service_fee_paid_by: Who | None
    channel: Literal["web", "counter", "kiosk"] | None


class QuoteShape(msgspec.Struct, frozen=True):
    """`because` is `unpaid`, `rules`, `operator` (it wants to cancel) or `bus_cancelled`."""

    ref: str
    seats: list[str]
    refund: Money
    total: Money
    fees: Money
    passengers: list[QuotedPassenger]
    because: Literal["unpaid", "rules", "operator", "bus_cancelled"]
    initiator: Who
    rule: QuotedRule | None
    valid_until: datetime
    quote_id: str


async def quote_refund(call: Call, body: QuoteRequest) -> QuoteShape:
    """Show what cancelling pays back: for ten minutes, or until the rules give less, if that is sooner."""
    booking = await find_allowed(call)
    initiator = _initiator(call, booking, body.initiator)
    quote = await call.services.store.cancellations.quote(
        booking.bus.bus_id, booking.booking_id, _labels(body.seats), initiator
    )
    return msgspec.convert(told(quote), QuoteShape)


async def cancel_booking(call: Call, body: CancelRequest) -> Reply:
    """Cancel a booking, or some of its seats; what was paid comes back by the rules, or as it was quoted."""
    if call.caller.role is Role.SUPPORT:
        raise Forbidden("support looks, and changes nothing")
    booking = await find_allowed(call)
    store = call.services.store
    if call.caller.works_for(booking.bus.operator_id):
        bus = await store.buses.read(booking.bus.bus_id)
        require_in_business(call.caller, is_suspended=bus.is_suspended)
    shown = None if body.quote_id is None else _find_quote(call, booking, body.quote_id)
    if call.caller.device_id is not None and not (shown and shown.is_unpaid):
        # What it knows of the payment is seconds old, and nobody stands there to agree to less.
        raise Forbidden("a kiosk cancels what nobody has paid for, with a quote that says so")
    if shown is not None and body.initiator != shown.initiator:
        raise bad_field("/initiator", "not_as_quoted", "the quote is for whoever else cancels")
    initiator = _initiator(call, booking, body.initiator)
    if initiator is Initiator.OPERATOR and body.reason is None:
        raise bad_field("/reason", "required", "say why the operator cancels")
    wish = Wish(initiator, shown, body.reason and body.reason.strip(), call.caller.user_id)
    return await store.cancellations.cancel(
        booking.bus.bus_id, booking.booking_id, _labels(body.seats), ask_booking(call), wish
    )


def _labels(seats: list[str] | None) -> list[str] | None:
    return [label.upper() for label in seats] if seats else None


def _initiator(call: Call, booking: Booking, wanted: Who) -> Initiator:
    """Return who cancels; only the operator's staff does it in the operator's name."""
    initiator = Initiator(wanted)
    is_staff = call.caller.works_for(booking.bus.operator_id) or call.caller.role is Role.SUPPORT
    if initiator is Initiator.OPERATOR and not is_staff:
        raise Forbidden("only the operator's staff cancels in its name")
    return initiator


def _find_quote(call: Call, booking: Booking, quote_id: str) -> Shown:
    shown = read_quote(call.services.store.seals, quote_id)
    place = booking.bus.bus_id, booking.booking_id
    if shown is None or (shown.bus_id, shown.booking_id) != place:
        raise bad_field("/quote_id", "unknown_quote", "this is no quote for this booking")
    return shown


OPERATIONS = (
    Operation(
        "POST",
        "/bookings/{ref}/cancel",
        cancel_booking,
        BookingShape,
        access=Access.BUYERS,
        headers=KEY_HEADER,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            *(Forbidden, NotFound, WrongState, Departed, QuoteExpired, InvalidRequest),
            *(KeyInUse, KeyReused, OutcomeUnknown, Overloaded),
        ),
        rate=Rate.BOOKING,
    ),
    Operation(
        "POST",
        "/bookings/{ref}/refund-quote",
        quote_refund,
        QuoteShape,
        access=Access.BUYERS,
        headers=KEY_HEADER,
        problems=(Forbidden, NotFound, WrongState, Departed, InvalidRequest, Overloaded),
        rate=Rate.BOOKING,
    ),
)
