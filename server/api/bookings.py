"""Bookings: made and shown."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from server import wire
from server.api.actions import PAID_HERE, REFUSALS, PaymentAction, begin, open_action
from server.api.admission import TOKEN_HEADER, require_admission
from server.api.holds import SALE, Seats, owned, seat_request
from server.api.shapes import Identifier, Language, Line, Money, Named, SeatLabel, utc
from server.contract import Access, Call, Idempotency, Operation
from server.cursors import read_cursor, write_cursor
from server.languages import find_locale
from server.policies import Rate
from server.problems import bad_field, unauthenticated
from store.bookings import Purchase, Traveller
from store.errors import (
    Departed,
    Forbidden,
    HoldExpired,
    HoldNotFound,
    KeyInUse,
    KeyReused,
    NoOpenShift,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    SalesClosed,
    WrongState,
)
from store.ids import format_owned, is_ref
from store.model import Booking, Contact, PaymentStatus
from store.requests import Ask, Reply
from store.seals import Seals

Category = Literal["adult", "child", "senior", "student"]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254,
        pattern=r"^[^@\s\u0000-\u001f\u007f-\u009f]{1,64}@[^@\s\u0000-\u001f\u007f-\u009f]+$(?!\n)",
    ),
]
Phone = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9 ()./-]{4,32}$(?!\n)")]
Method = Literal["demo", "cash", "voucher", "stripe", "razorpay"]


class PassengerRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seat: SeatLabel
    name: Line
    category: Category = "adult"


class ContactShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`locale` is the language of mails about the booking; without it that of the account, or the operator's."""

    email: Email | None = None
    phone: Phone | None = None
    locale: Language | None = None


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
        contact=_contact_shape(booking.contact),
        total=Money(booking.total, money),
        payment=_payment_shape(booking, seals),
        created_at=utc(booking.created_at),
        expires_at=utc(booking.expires_at) if booking.expires_at else None,
        refunded=Money(booking.refunded, money) if booking.refunded else None,
        access_key=seals.access_key(booking.booking_id) if is_new else None,
    )


def _contact_shape(contact: Contact) -> ContactShape:
    return ContactShape(contact.email, contact.phone, contact.locale)


def _payment_shape(booking: Booking, seals: Seals) -> PaymentShape:
    payment = booking.payment
    payment_id = seals.payment(booking.bus.bus_id, booking.booking_id)
    is_open = payment.status is PaymentStatus.PENDING
    return PaymentShape(
        id=payment_id,
        status=payment.status.value,
        method=payment.method,
        amount=Money(payment.amount, booking.bus.currency),
        action=open_action(payment.method, payment_id) if is_open else None,
        device=None if payment.device_id is None else str(payment.device_id),
    )


def ask_booking(call: Call) -> Ask[Booking]:
    return call.ask(partial(booking_shape, seals=call.services.store.seals))


async def create_booking(call: Call, body: BookingRequest) -> Reply:
    """Book seats, from a hold or directly; `cash` confirms at once, everything else waits to be paid.

    `voucher` is for kiosks: the seats wait until an agent has the cash (`POST /bookings/{ref}/cash`).

    Where a provider takes the money, paying is begun there: `payment.action` says how it goes on. If it cannot be begun
    now, the seats stay the buyer's for as long as they have time to pay.
    """
    reply = await _book(call, body)
    if body.payment_method in PAID_HERE or reply.status != 201:
        return reply
    return await _with_action(call, reply)


async def _with_action(call: Call, reply: Reply) -> Reply:
    """Begin to pay what was just booked, or was under this key before: then it is the same action again."""
    booking = msgspec.json.decode(reply.body, type=BookingShape)
    try:
        action = await begin(call, booking.payment.id)
    except (HoldExpired, WrongState):
        # It has ended meanwhile: what was answered then is still the answer.
        return reply
    payment = replace(booking.payment, action=action)
    return Reply(reply.status, wire.encode(replace(booking, payment=payment)), reply.is_replayed)


async def _book(call: Call, body: BookingRequest) -> Reply:
    purchase = _purchase(call, body)
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
    if not call.services.usher.is_free(request.bus_id):
        await require_admission(call, request.bus_id)
    await _require_seller(call, purchase, request.bus_id)
    return await bookings.book(call.caller, request, purchase, ask)


def _purchase(call: Call, body: BookingRequest) -> Purchase:
    settings = call.services.settings
    is_voucher = body.payment_method == "voucher"
    method = "cash" if is_voucher else body.payment_method
    offered = settings.payment_methods
    if method not in offered or (is_voucher and not settings.voucher_seconds):
        told = f"{body.payment_method} is not set up here; there is {', '.join(offered)}"
        raise bad_field("/payment_method", "not_offered", told)
    return Purchase(
        travellers=[
            Traveller(person.seat.upper(), person.name.strip(), person.category)
            for person in body.passengers
        ],
        contact=Contact(body.contact.email, body.contact.phone, find_locale(body.contact.locale)),
        method=method,
        is_paid=body.payment_method == "cash",
        is_voucher=is_voucher,
    )


async def _require_seller(call: Call, purchase: Purchase, bus_id: int) -> None:
    """Whoever says that the money is in hand, or will be, must be of the operator whose money it is."""
    if purchase.is_voucher and call.caller.device_id is None:
        raise Forbidden("only kiosks reserve seats for cash")
    if purchase.is_paid or purchase.is_voucher:
        store = call.services.store
        bus = await store.buses.find(bus_id)
        seller = await store.tenancy.at(call.caller, bus.operator_id)
        if not seller.sells_for(bus.operator_id):
            raise Forbidden("only the operator's agents and devices take cash")


async def take_cash(call: Call) -> Reply:
    """Take the cash for seats that a kiosk has reserved: the booking is confirmed, and the money in the agent's shift.

    Of two agents who try, one has it; the other is told that it is paid.
    """
    booking = await find_allowed(call)
    store = call.services.store
    agent = await store.tenancy.at(call.caller, booking.bus.operator_id)
    owned = booking.bus.bus_id, booking.booking_id
    return await store.settlement.take_cash(agent, owned, ask_booking(call))


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


async def find_allowed(call: Call) -> Booking:
    """Find the booking of the path; to everyone who may not see it, it does not exist."""
    ref = call.path["ref"].upper()
    if not is_ref(ref):
        raise NotFound("booking")
    return await call.services.store.lookup.find_for(call.caller, ref, key_given(call))


def key_given(call: Call) -> Callable[[int], bool] | None:
    """Return what tells whether the key that was sent opens a booking; None if none was.

    A guest must send one. Asked before looking, so that nobody learns what there is.
    """
    given = call.headers.get(b"x-booking-key")
    if given is not None:
        return partial(call.services.store.seals.is_access_key, given.decode("latin-1"))
    if call.caller.is_guest:
        raise unauthenticated("sign in, or send the booking's key as X-Booking-Key")
    return None


KEY_HEADER = {
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
        problems=(*SALE, HoldExpired, HoldNotFound, NoOpenShift, Forbidden, *_KEYED),
        headers=TOKEN_HEADER,
        refusals=REFUSALS,
        tells_guests_apart=True,
        rate=Rate.BOOKING,
    ),
    Operation(
        "POST",
        "/bookings/{ref}/cash",
        take_cash,
        BookingShape,
        access=Access.STAFF,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            NotFound,
            HoldExpired,
            NoOpenShift,
            SalesClosed,
            Departed,
            WrongState,
            Forbidden,
            *_KEYED,
        ),
        rate=Rate.PAYMENT,
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
        headers=KEY_HEADER,
        problems=(NotFound, Overloaded),
    ),
)
