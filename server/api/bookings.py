"""Bookings: made, shown, cancelled."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

import msgspec

from server.api.holds import SALE, Seats, owned, seat_request
from server.api.shapes import Identifier, Line, Money, Named, SeatLabel, utc
from server.contract import Access, Call, Idempotency, Operation
from server.cursors import read_cursor, write_cursor
from server.policies import Rate
from server.problems import bad_field, unauthenticated
from store.authority import require_in_business
from store.bookings import Purchase, Traveller
from store.errors import (
    Departed,
    Forbidden,
    HoldExpired,
    HoldNotFound,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.ids import format_owned, is_ref
from store.model import Booking, Contact, PaymentStatus, Role
from store.requests import Ask, Reply
from store.seals import Seals
from store.settlement import RefundQuote

Category = Literal["adult", "child", "senior", "student"]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254,
        pattern=r"^[^@\s\u0000-\u001f\u007f-\u009f]{1,64}@[^@\s\u0000-\u001f\u007f-\u009f]+$(?!\n)",
    ),
]
Phone = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9 ()./-]{4,32}$(?!\n)")]
Method = Literal["demo", "cash", "stripe", "razorpay"]
_OFFERED = ("demo", "cash")


class PassengerRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seat: SeatLabel
    name: Line
    category: Category = "adult"


class ContactShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    email: Email | None = None
    phone: Phone | None = None


class BookingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Either `hold_id`, or `bus_id` and `seats` (and a leg)."""

    passengers: Annotated[list[PassengerRequest], msgspec.Meta(min_length=1, max_length=100)]
    payment_method: Method
    contact: ContactShape = ContactShape()
    hold_id: Identifier | None = None
    bus_id: Identifier | None = None
    seats: Seats | None = None
    from_stop: Identifier | None = None
    to_stop: Identifier | None = None


class PassengerShape(msgspec.Struct, frozen=True, omit_defaults=True):
    seat: str
    name: str
    category: str
    price: Money
    ticket: str | None = None
    status: str | None = None


class PaymentAction(msgspec.Struct, frozen=True):
    """What the buyer does next to pay."""

    kind: str
    url: str


class PaymentShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """`device` is the kiosk that took the cash, if one did."""

    id: str
    status: str
    method: str
    amount: Money
    action: PaymentAction | None = None
    device: str | None = None


class BookingShape(msgspec.Struct, frozen=True, omit_defaults=True):
    ref: str
    status: str
    bus_id: str
    bus_name: str
    operator: Named
    from_stop: str
    to_stop: str
    from_stop_name: str
    to_stop_name: str
    from_time_zone: str
    to_time_zone: str
    departs_at: datetime
    arrives_at: datetime
    seats: list[str]
    passengers: list[PassengerShape]
    contact: ContactShape
    total: Money
    payment: PaymentShape
    created_at: datetime
    expires_at: datetime | None
    refunded: Money | None = None
    access_key: str | None = None


class BookingList(msgspec.Struct, frozen=True):
    items: list[BookingShape]
    next_cursor: str | None


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: str | None = None


class CancelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without seats: the whole booking."""

    seats: Seats | None = None


class QuoteShape(msgspec.Struct, frozen=True):
    ref: str
    seats: list[str]
    refund: Money
    total: Money


def booking_shape(booking: Booking, seals: Seals, *, is_new: bool = False) -> BookingShape:
    """Show a booking; its access key only to whoever has just made it."""
    bus = booking.bus
    money = bus.currency
    boarding, alighting = bus.stops[booking.leg.start], bus.stops[booking.leg.end]
    tickets = {ticket.seat_no: ticket for ticket in booking.tickets}
    return BookingShape(
        ref=booking.ref,
        status=booking.status.value,
        bus_id=str(bus.bus_id),
        bus_name=bus.name,
        operator=Named(str(bus.operator_id), bus.operator),
        from_stop=str(boarding.stop_id),
        to_stop=str(alighting.stop_id),
        from_stop_name=boarding.name,
        to_stop_name=alighting.name,
        from_time_zone=boarding.time_zone,
        to_time_zone=alighting.time_zone,
        departs_at=boarding.departs_at,
        arrives_at=alighting.arrives_at,
        seats=[bus.layout.label(seat) for seat in booking.seats],
        passengers=[
            PassengerShape(
                seat=bus.layout.label(person.seat_no),
                name=person.name,
                category=person.category,
                price=Money(price, money),
                ticket=format_owned(bus.bus_id, tickets[person.seat_no].code)
                if person.seat_no in tickets
                else None,
                status=tickets[person.seat_no].status if person.seat_no in tickets else None,
            )
            for person, price in zip(booking.passengers, booking.prices, strict=True)
        ],
        contact=ContactShape(booking.contact.email, booking.contact.phone),
        total=Money(booking.total, money),
        payment=_payment_shape(booking, seals),
        created_at=utc(booking.created_at),
        expires_at=utc(booking.expires_at) if booking.expires_at else None,
        refunded=Money(booking.refunded, money) if booking.refunded else None,
        access_key=seals.access_key(booking.booking_id) if is_new else None,
    )


def _payment_shape(booking: Booking, seals: Seals) -> PaymentShape:
    payment = booking.payment
    payment_id = seals.payment(booking.bus.bus_id, booking.booking_id)
    is_open = payment.method == "demo" and payment.status is PaymentStatus.PENDING
    return PaymentShape(
        id=payment_id,
        status=payment.status.value,
        method=payment.method,
        amount=Money(payment.amount, booking.bus.currency),
        action=PaymentAction("post", f"/api/v1/payments/{payment_id}/demo") if is_open else None,
        device=None if payment.device_id is None else str(payment.device_id),
    )


def ask_booking(call: Call) -> Ask[Booking]:
    return call.ask(partial(booking_shape, seals=call.services.store.seals))


async def create_booking(call: Call, body: BookingRequest) -> Reply:
    """Book seats, from a hold or directly; `cash` confirms at once, everything else waits to be paid."""
    purchase = _purchase(body)
    bookings = call.services.store.bookings
    ask = call.ask(partial(booking_shape, seals=call.services.store.seals, is_new=True))
    if body.hold_id is not None:
        if body.bus_id is not None or body.seats is not None or body.from_stop or body.to_stop:
            raise bad_field("/hold_id", "ambiguous", "say hold_id, or bus_id and seats, not both")
        hold = owned(body.hold_id)
        await _require_seller(call, purchase, hold[0])
        return await bookings.book_hold(call.caller, hold, purchase, ask)
    if body.bus_id is None or body.seats is None:
        raise bad_field("/hold_id", "required", "say hold_id, or bus_id and seats")
    request = seat_request(body.bus_id, body.seats, body.from_stop, body.to_stop)
    await _require_seller(call, purchase, request.bus_id)
    return await bookings.book(call.caller, request, purchase, ask)


def _purchase(body: BookingRequest) -> Purchase:
    if body.payment_method not in _OFFERED:
        raise bad_field("/payment_method", "not_offered", "this payment method is not set up here")
    return Purchase(
        travellers=[
            Traveller(person.seat.upper(), person.name.strip(), person.category)
            for person in body.passengers
        ],
        contact=Contact(body.contact.email, body.contact.phone),
        method=body.payment_method,
        is_paid=body.payment_method == "cash",
    )


async def _require_seller(call: Call, purchase: Purchase, bus_id: int) -> None:
    """Whoever says that the money is in hand must be of the operator whose money it is."""
    if purchase.is_paid:
        store = call.services.store
        bus = await store.buses.find(bus_id)
        seller = await store.tenancy.at(call.caller, bus.operator_id)
        if not seller.sells_for(bus.operator_id):
            raise Forbidden("only the operator's agents and devices take cash")


async def list_bookings(call: Call, query: ListQuery) -> BookingList:
    """List one's own bookings, newest first."""
    assert call.caller.user_id is not None
    before = read_cursor(query.cursor, tuple[datetime, int, int])
    found = await call.services.store.lookup.list_of(
        call.caller.user_id, before=before, limit=query.limit
    )
    last = found[-1] if len(found) == query.limit else None
    return BookingList(
        [booking_shape(booking, call.services.store.seals) for booking in found],
        write_cursor(last.created_at, last.bus.bus_id, last.booking_id) if last else None,
    )


async def read_booking(call: Call) -> BookingShape:
    """Show a booking to its owner, to the operator's staff, or to whoever has its access key."""
    return booking_shape(await find_allowed(call), call.services.store.seals)


async def cancel_booking(call: Call, body: CancelRequest) -> Reply:
    """Cancel a booking, or some of its seats; what was paid comes back by the rules."""
    _require_hand(call)
    booking = await find_allowed(call)
    store = call.services.store
    if call.caller.works_for(booking.bus.operator_id):
        bus = await store.buses.read(booking.bus.bus_id)
        require_in_business(call.caller, is_suspended=bus.is_suspended)
    labels = [label.upper() for label in body.seats] if body.seats else None
    return await store.settlement.cancel(
        booking.bus.bus_id, booking.booking_id, labels, ask_booking(call)
    )


async def quote_refund(call: Call, body: CancelRequest) -> QuoteShape:
    """Show what cancelling would pay back now; changes nothing."""
    booking = await find_allowed(call)
    labels = [label.upper() for label in body.seats] if body.seats else None
    quote = await call.services.store.settlement.quote(
        booking.bus.bus_id, booking.booking_id, labels
    )
    return _quote_shape(quote)


def _quote_shape(quote: RefundQuote) -> QuoteShape:
    bus = quote.booking.bus
    return QuoteShape(
        ref=quote.booking.ref,
        seats=[bus.layout.label(seat) for seat in quote.seats],
        refund=Money(quote.amount, bus.currency),
        total=Money(quote.booking.total, bus.currency),
    )


async def find_allowed(call: Call) -> Booking:
    """Find the booking of the path; to everyone who may not see it, it does not exist."""
    ref = call.path["ref"].upper()
    if not is_ref(ref):
        raise NotFound("booking")
    given = call.headers.get(b"x-booking-key")
    if call.caller.is_guest and given is None:
        # Asked before looking, so that nobody learns which refs exist.
        raise unauthenticated("sign in, or send the booking's key as X-Booking-Key")
    store = call.services.store
    if given is None:
        return await store.lookup.find_for(call.caller, ref, None)
    is_key = partial(store.seals.is_access_key, given.decode("latin-1"))
    return await store.lookup.find_for(call.caller, ref, is_key)


def _require_hand(call: Call) -> None:
    if call.caller.role is Role.SUPPORT:
        raise Forbidden("support looks, and changes nothing")


_KEY_HEADER = {
    "X-Booking-Key": "The booking's access key, for those who are not signed in as its buyer."
}
_KEYED = (KeyInUse, KeyReused, OutcomeUnknown, Overloaded)

OPERATIONS = (
    Operation(
        "POST",
        "/bookings",
        create_booking,
        BookingShape,
        status=201,
        access=Access.BUYERS,
        idempotency=Idempotency.REQUIRED,
        problems=(*SALE, HoldExpired, HoldNotFound, Forbidden, *_KEYED),
        tells_guests_apart=True,
        rate=Rate.BOOKING,
    ),
    Operation(
        "GET",
        "/bookings",
        list_bookings,
        BookingList,
        access=Access.SIGNED_IN,
        problems=(Overloaded,),
    ),
    Operation(
        "GET",
        "/bookings/{ref}",
        read_booking,
        BookingShape,
        access=Access.BUYERS,
        headers=_KEY_HEADER,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/bookings/{ref}/cancel",
        cancel_booking,
        BookingShape,
        headers=_KEY_HEADER,
        idempotency=Idempotency.ACCEPTED,
        problems=(Forbidden, NotFound, WrongState, Departed, InvalidRequest, *_KEYED),
        rate=Rate.BOOKING,
    ),
    Operation(
        "POST",
        "/bookings/{ref}/refund-quote",
        quote_refund,
        QuoteShape,
        headers=_KEY_HEADER,
        problems=(NotFound, WrongState, Departed, InvalidRequest, Overloaded),
        rate=Rate.BOOKING,
    ),
)
