"""Bookings: seats sold, from a hold or directly."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from store.buyers import Buyer, Change, Kept, buyer_of
from store.errors import InvalidRequest, SalesClosed
from store.holds import OfHold, SeatRequest, end_hold, note_buyer, require_live
from store.ids import RefCodec
from store.jobs import JobKind, note_job
from store.lane import Lane
from store.ledger import Changes, Ledger, literal, text_literal
from store.model import (
    BOOKED,
    LOCKED,
    Booking,
    BookingStatus,
    Bus,
    Caller,
    Contact,
    Hold,
    HoldState,
    Leg,
    Passenger,
    Payment,
    PaymentStatus,
    Ticket,
)
from store.money import note_payment
from store.numbers import NumberSource
from store.requests import Ask, Needs, Reply, Request, Till
from store.rules import Wanted, require_free, seats_by_label, set_leg
from store.tenancy import Tenancy

_SECOND = timedelta(seconds=1)
_SHORTEST_VOUCHER = timedelta(minutes=1)
"""Who has less time until the bus leaves pays where they stand."""


class Traveller(msgspec.Struct, frozen=True):
    """A passenger as the buyer names them: the seat by label."""

    seat: str
    name: str
    category: str = "adult"


class Purchase(msgspec.Struct, frozen=True):
    """Who travels, how they can be reached, how it is paid; `is_paid` when the money is in hand already.

    With `is_voucher` the seats are reserved until the money is brought to a counter.
    """

    travellers: Sequence[Traveller]
    contact: Contact
    method: str
    is_paid: bool = False
    is_voucher: bool = False


class Sale(msgspec.Struct, frozen=True):
    """One purchase by one caller, with the number that its booking will have; its ref is found once it is sold."""

    caller: Caller
    purchase: Purchase
    number: int
    refs: RefCodec
    time_to_pay: timedelta

    def seat(self, bus: Bus, seats: tuple[int, ...]) -> tuple[Passenger, ...]:
        """Put every traveller on their seat: one for each seat, none left over."""
        travellers = self.purchase.travellers
        labels = [person.seat for person in travellers]
        if seats_by_label(bus, labels, pointer="/passengers") != seats:
            raise InvalidRequest(
                "/passengers", "passenger_per_seat", "name exactly one passenger for every seat"
            )
        found = (
            Passenger(bus.layout.by_label[person.seat].seat_no, person.name, person.category)
            for person in travellers
        )
        return tuple(sorted(found, key=lambda passenger: passenger.seat_no))

    def open(
        self,
        bus: Bus,
        leg: Leg,
        prices: tuple[int, ...],
        passengers: tuple[Passenger, ...],
        now: datetime,
    ) -> Booking:
        """Return the booking as it begins: confirmed when it is paid already, else waiting to be paid.

        Raises SalesClosed for a voucher when the bus leaves within a minute.
        """
        is_paid = self.purchase.is_paid
        is_staff = self.caller.works_for(bus.operator_id)
        time_to_pay = self.time_to_pay
        if self.purchase.is_voucher:
            # Nobody walks to a counter to pay for a bus that has left.
            left = bus.stops[leg.start].departs_at - now
            if left < _SHORTEST_VOUCHER:
                raise SalesClosed
            time_to_pay = min(time_to_pay, left // _SECOND * _SECOND)
        seats = tuple(passenger.seat_no for passenger in passengers)
        return Booking(
            bus=bus,
            booking_id=self.number,
            ref=self.refs.format(self.number),
            status=BookingStatus.CONFIRMED if is_paid else BookingStatus.PENDING,
            user_id=None if is_staff else self.caller.user_id,
            leg=leg,
            seats=seats,
            prices=prices,
            passengers=passengers,
            contact=self.purchase.contact,
            created_at=now,
            expires_at=None if is_paid else now + time_to_pay,
            payment=Payment(
                self.purchase.method,
                PaymentStatus.SUCCEEDED if is_paid else PaymentStatus.PENDING,
                sum(prices),
                uuid.uuid4() if is_paid else None,
                self.caller.device_id if is_paid else None,
            ),
            confirmed_at=now if is_paid else None,
            tickets=issue_tickets(seats) if is_paid else (),
            sold_by=self.caller.user_id if is_staff else None,
            rules_id=bus.rules_id,
        )

    def till(self, bus: Bus) -> Till | None:
        """Return who takes the money, if it is in hand already."""
        if not self.purchase.is_paid:
            return None
        device_id = self.caller.device_id
        return Till(
            bus.operator_id, None if device_id is not None else self.caller.user_id, device_id
        )


class Bookings:
    def __init__(
        self,
        lane: Lane,
        tenancy: Tenancy,
        refs: RefCodec,
        *,
        pending_seconds: int,
        voucher_seconds: int,
    ) -> None:
        self._lane = lane
        self._tenancy = tenancy
        self._refs = refs
        self._numbers = NumberSource(lane.db)
        self._time_to_pay = timedelta(seconds=pending_seconds)
        self._time_to_bring = timedelta(seconds=voucher_seconds)

    async def book(
        self, caller: Caller, request: SeatRequest, purchase: Purchase, ask: Ask[Booking]
    ) -> Reply:
        """Book seats directly, all or none.

        Unpaid, they count as a hold does. Locks: the buyer's counts (unless it is paid), the seats, expired owners of
        them, the bus row last. Raises SeatUnavailable, Departed, SalesClosed, LimitReached, SeatCoolingDown,
        InvalidRequest, NotFound. Emits `booked`.
        """
        if caller.operator_id is not None:
            caller = await self._recognise(caller, request.bus_id)
        sale = await self._sale(caller, purchase)
        return await self._lane.submit(BookSeats(request.bus_id, ask, sale, request))

    async def book_hold(
        self, caller: Caller, owned: tuple[int, uuid.UUID], purchase: Purchase, ask: Ask[Booking]
    ) -> Reply:
        """Turn a live hold into a booking, at the prices it was held at.

        Locks: the buyer's counts, the hold's seats, the hold, the bus row last. Raises HoldNotFound, HoldExpired,
        Departed, SalesClosed, LimitReached (for a voucher), InvalidRequest. Emits `booked`.
        """
        bus_id, hold_id = owned
        if caller.operator_id is not None:
            caller = await self._recognise(caller, bus_id)
        sale = await self._sale(caller, purchase)
        return await self._lane.submit(BookHold(bus_id, ask, caller, hold_id, sale=sale))

    async def _recognise(self, caller: Caller, bus_id: int) -> Caller:
        bus = await self._lane.buses.find(bus_id)
        return await self._tenancy.at(caller, bus.operator_id)

    async def _sale(self, caller: Caller, purchase: Purchase) -> Sale:
        number = await self._numbers.take()
        time_to_pay = self._time_to_bring if purchase.is_voucher else self._time_to_pay
        return Sale(caller, purchase, number, self._refs, time_to_pay)


@dataclass(slots=True)
class BookSeats(Request[Booking]):
    sale: Sale
    request: SeatRequest
    wanted: Wanted | None = None
    passengers: tuple[Passenger, ...] = ()
    buyer: Buyer | None = None
    """Who keeps the seats from others while they are not paid; what is paid is kept from nobody."""

    def needs(self) -> Needs:
        self.wanted = self.request.on(self.bus, self.sale.caller)
        self.passengers = self.sale.seat(self.bus, self.wanted.seats)
        self.buyer = None if self.sale.purchase.is_paid else buyer_of(self.bus, self.sale.caller)
        till = self.sale.till(self.bus)
        return Needs(self.wanted.seats, self.wanted.leg, buyer=self.buyer, till=till)

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        wanted = self.wanted
        assert wanted is not None
        ledger.require_on_sale(self.bus, wanted.leg)
        if (till := self.sale.till(self.bus)) is not None:
            ledger.require_till(self.bus, till)
        states = ledger.for_sale(self.bus, wanted.seats)
        require_free(wanted, states)
        buyer = self.buyer
        if buyer is not None:
            ledger.buyers.require_cool(self.bus, buyer, wanted.seats, ledger.now)
            ledger.buyers.admit(self.bus, buyer, len(wanted.seats), ledger.now)
            if self.sale.purchase.is_voucher:
                ledger.buyers.admit_voucher(self.bus, buyer, len(wanted.seats), ledger.now)
        booking = self.sale.open(self.bus, wanted.leg, wanted.prices, self.passengers, ledger.now)
        ledger.take_over(self.bus, wanted.seats, changes)
        changes.claim(booking.seats, booking.leg, booking_id=booking.booking_id)
        _note(changes, booking, buyer=buyer)
        if buyer is not None and (kept := _waiting(booking, buyer)):
            note_buyer(ledger, changes, Change(kept.owner, kept, buyer))
        changes.show(
            "booked", set_leg(booking.seats, states, booking.leg, _letter(booking)), is_sale=True
        )
        return booking


@dataclass(slots=True)
class BookHold(OfHold[Booking]):
    sale: Sale

    def needs(self) -> Needs:
        return Needs(
            hold_id=self.hold_id,
            buyer=self.buyer(),
            till=self.sale.till(self.bus),
            counts_kept=self.sale.purchase.is_voucher,
        )

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        hold = require_live(self.find(ledger), ledger.now)
        ledger.require_on_sale(self.bus, hold.leg)
        if (till := self.sale.till(self.bus)) is not None:
            ledger.require_till(self.bus, till)
        passengers = self.sale.seat(self.bus, hold.seats)
        booking = self.sale.open(self.bus, hold.leg, hold.prices, passengers, ledger.now)
        # The claims stay the hold's: the booking names it. Until it is paid its seats count as the hold's did.
        buyer = Buyer(hold.buyer, hold.network) if hold.buyer else None
        if buyer is not None and self.sale.purchase.is_voucher:
            ledger.buyers.admit_voucher(self.bus, buyer, len(hold.seats), ledger.now)
        kept = _waiting(booking, buyer) if buyer else None
        end_hold(ledger, changes, hold, HoldState.BOOKED, kept)
        _note(changes, booking, hold, buyer=buyer)
        states = ledger.shown(self.bus, hold.seats)
        changes.show(
            "booked", set_leg(hold.seats, states, hold.leg, _letter(booking)), is_sale=True
        )
        return booking


def issue_tickets(seats: Sequence[int]) -> tuple[Ticket, ...]:
    return tuple(Ticket(seat, uuid.uuid4(), "VALID") for seat in seats)


def note_tickets(changes: Changes, booking: Booking) -> None:
    bus = booking.bus
    for ticket in booking.tickets:
        changes.write(
            "add_tickets",
            (
                bus.bus_id,
                bus.operator_id,
                booking.booking_id,
                ticket.seat_no,
                ticket.code,
                changes.at,
            ),
        )


def _letter(booking: Booking) -> str:
    return BOOKED if booking.status is BookingStatus.CONFIRMED else LOCKED


def _waiting(booking: Booking, buyer: Buyer) -> Kept | None:
    """Return what an unpaid booking keeps from others."""
    if booking.expires_at is None:
        return None
    bus, number = booking.bus, booking.booking_id
    return Kept(
        bus_id=bus.bus_id,
        operator_id=bus.operator_id,
        owner=number,
        buyer=buyer,
        seats=booking.seats,
        expires_at=booking.expires_at,
        is_voucher=booking.payment.method == "cash",
    )


def _note(
    changes: Changes,
    booking: Booking,
    hold: Hold | None = None,
    *,
    buyer: Buyer | None,
) -> None:
    bus = booking.bus
    if booking.expires_at is None:
        buyer = None
    changes.booking = booking
    changes.write(
        "add_bookings",
        (
            bus.bus_id,
            bus.operator_id,
            booking.booking_id,
            booking.ref,
            booking.status,
            booking.user_id,
            booking.sold_by,
            hold.hold_id if hold else None,
            booking.leg.start,
            booking.leg.end,
            literal(booking.seats),
            literal(booking.prices),
            text_literal(person.name for person in booking.passengers),
            text_literal(person.category for person in booking.passengers),
            booking.payment.method,
            booking.contact.email,
            booking.contact.phone,
            booking.created_at,
            booking.expires_at,
            booking.confirmed_at,
            buyer.buyer_id if buyer else None,
            buyer.network if buyer else None,
            booking.rules_id,
        ),
    )
    locale = booking.contact.locale
    if locale is not None and locale != bus.locale:
        # A row that the express way does not write: whoever names another language goes the general way.
        changes.write("set_locales", (bus.bus_id, booking.booking_id, locale))
    if booking.payment.payment_id is not None:
        note_payment(changes, booking)
        note_tickets(changes, booking)
        note_job(changes, booking, JobKind.BOOKING_CONFIRMED)
