"""What becomes of a booking that waits to be paid: paid, declined, ended."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from store.authority import require_in_business
from store.bookings import issue_tickets, note_tickets
from store.errors import Forbidden, HoldExpired, NotFound, SalesClosed, WrongState
from store.jobs import JobKind, note_job
from store.lane import Lane
from store.ledger import Changes, Ledger
from store.model import (
    AVAILABLE,
    BOOKED,
    Booking,
    BookingStatus,
    Caller,
    PaymentStatus,
    SaleStatus,
)
from store.money import note_payment
from store.requests import Ask, Needs, Reply, Request, Till
from store.rules import require_not_departed, set_leg

_ENDS = {
    BookingStatus.EXPIRED: JobKind.BOOKING_EXPIRED,
    BookingStatus.FAILED: JobKind.BOOKING_FAILED,
    BookingStatus.CANCELLED: JobKind.BOOKING_CANCELLED,
}
"""How a booking ends that was never paid, and what is made known of it."""


class Settlement:
    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def confirm(self, owned: tuple[int, int], ask: Ask[Booking], *, method: str) -> Reply:
        """Record that a booking (bus, number) was paid by `method`: it is CONFIRMED and its tickets are issued.

        Locks: the seats, the booking, the bus row last. Paying twice is paying once. Raises NotFound, SalesClosed (the
        bus is cancelled), HoldExpired (time to pay is over), WrongState. Emits `confirmed`.
        """
        return await self._lane.submit(ConfirmBooking(owned[0], ask, owned[1], method))

    async def decline(self, owned: tuple[int, int], ask: Ask[Booking], *, method: str) -> Reply:
        """Record that paying by `method` was declined: the booking is FAILED and the seats are free at once.

        Locks as `confirm`. Raises NotFound, HoldExpired, WrongState. Emits `failed`.
        """
        return await self._lane.submit(DeclineBooking(owned[0], ask, owned[1], method))

    async def take_cash(self, caller: Caller, owned: tuple[int, int], ask: Ask[Booking]) -> Reply:
        """Record that staff was paid for a booking (bus, number) whose seats were reserved: it is CONFIRMED.

        Locks: the caller's shift (shared), the seats, the booking, the bus row last. Whoever comes second is told so,
        and takes no money. Raises Forbidden, NotFound, NoOpenShift, SalesClosed, Departed, HoldExpired, WrongState.
        Emits `confirmed`.
        """
        assert caller.user_id is not None, "a person takes the money"
        return await self._lane.submit(TakeCash(owned[0], ask, owned[1], caller, caller.user_id))


@dataclass(slots=True)
class ConfirmBooking(Request[Booking]):
    booking_id: int
    method: str

    def needs(self) -> Needs:
        return Needs(booking_id=self.booking_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        booking = _find(ledger, self)
        if booking.payment.status is PaymentStatus.SUCCEEDED:
            return booking
        if ledger.sale_status[self.bus_id] == SaleStatus.CANCELLED:
            raise SalesClosed
        _require_payable(booking, self.method, ledger.now)
        payment_id, status = uuid.uuid4(), PaymentStatus.SUCCEEDED
        paid = replace(booking.payment, status=status, payment_id=payment_id)
        attempts = (*booking.attempts, (payment_id, status))
        confirmed = note_confirmed(changes, replace(booking, payment=paid, attempts=attempts))
        states = ledger.shown(self.bus, booking.seats)
        changes.show("confirmed", set_leg(booking.seats, states, booking.leg, BOOKED))
        return confirmed


@dataclass(slots=True)
class TakeCash(Request[Booking]):
    booking_id: int
    caller: Caller
    user_id: int

    def needs(self) -> Needs:
        return Needs(booking_id=self.booking_id, till=self._till())

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        if not self.caller.works_for(self.bus.operator_id):
            raise Forbidden("only the operator's agents take cash")
        require_in_business(self.caller, is_suspended=self.bus.is_suspended)
        booking = _find(ledger, self)
        if booking.payment.status is PaymentStatus.SUCCEEDED:
            raise WrongState(booking.status, "it is paid already")
        if booking.payment.method != "cash":
            raise WrongState(booking.status, "it is not to be paid in cash")
        if ledger.sale_status[self.bus_id] == SaleStatus.CANCELLED:
            raise SalesClosed
        _require_payable(booking, "cash", ledger.now)
        # The bus may leave earlier than it did when the seats were reserved.
        require_not_departed(self.bus, booking.leg, ledger.now)
        ledger.require_till(self.bus, self._till())
        payment_id, status = uuid.uuid4(), PaymentStatus.SUCCEEDED
        paid = replace(booking.payment, status=status, payment_id=payment_id, taken_by=self.user_id)
        attempts = (*booking.attempts, (payment_id, status))
        confirmed = note_confirmed(changes, replace(booking, payment=paid, attempts=attempts))
        states = ledger.shown(self.bus, booking.seats)
        changes.show("confirmed", set_leg(booking.seats, states, booking.leg, BOOKED))
        return confirmed

    def _till(self) -> Till:
        return Till(self.bus.operator_id, self.user_id, None)


@dataclass(slots=True)
class DeclineBooking(Request[Booking]):
    booking_id: int
    method: str

    def needs(self) -> Needs:
        return Needs(booking_id=self.booking_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        booking = _find(ledger, self)
        if booking.status is BookingStatus.FAILED:
            return booking
        _require_payable(booking, self.method, ledger.now)
        payment_id, status = uuid.uuid4(), PaymentStatus.DECLINED
        declined = replace(booking.payment, status=status, payment_id=payment_id)
        attempts = (*booking.attempts, (payment_id, status))
        booking = replace(booking, payment=declined, attempts=attempts)
        note_payment(changes, booking)
        return end_unpaid(ledger, changes, booking, BookingStatus.FAILED)


def note_confirmed(changes: Changes, booking: Booking) -> Booking:
    """Note that a booking is paid by the payment that it carries: it is CONFIRMED and its tickets are issued."""
    confirmed = replace(
        booking,
        status=BookingStatus.CONFIRMED,
        expires_at=None,
        confirmed_at=changes.at,
        tickets=issue_tickets(booking.seats),
    )
    changes.booking = confirmed
    note_payment(changes, confirmed)
    note_tickets(changes, confirmed)
    note_job(changes, confirmed, JobKind.BOOKING_CONFIRMED)
    note_move(changes, confirmed)
    return confirmed


def end_unpaid(
    ledger: Ledger,
    changes: Changes,
    booking: Booking,
    status: BookingStatus,
    states: dict[int, str] | None = None,
) -> Booking:
    """Note the end of a booking that was never paid.

    `states` are its seats' new states when some were taken over already and their claims are not its own any more.
    """
    payment = booking.payment
    if payment.status is PaymentStatus.PENDING:
        payment = replace(payment, status=PaymentStatus.CANCELLED)
    ended = replace(booking, status=status, expires_at=None, payment=payment)
    changes.booking = ended
    note_job(changes, ended, _ENDS[status], {"seats": booking.seats})
    note_move(changes, ended, ended_at=ledger.now)
    if states is None:
        changes.give_up(booking.seats, booking.leg)
        before = ledger.shown(booking.bus, booking.seats)
        states = set_leg(booking.seats, before, booking.leg, AVAILABLE)
    if states:
        changes.show(status.lower(), states)
    return ended


def _find(ledger: Ledger, request: ConfirmBooking | DeclineBooking | TakeCash) -> Booking:
    booking = ledger.bookings.get((request.bus_id, request.booking_id))
    if booking is None:
        raise NotFound("booking")
    return booking


def _require_payable(booking: Booking, method: str, now: datetime) -> None:
    if booking.payment.method != method:
        raise NotFound("payment")
    if booking.status is BookingStatus.EXPIRED:
        raise HoldExpired
    if booking.status is not BookingStatus.PENDING:
        raise WrongState(booking.status, "the booking does not wait for a payment")
    if booking.expires_at is not None and booking.expires_at <= now:
        raise HoldExpired


def note_move(changes: Changes, booking: Booking, ended_at: datetime | None = None) -> None:
    """Note that a booking is in another state."""
    changes.write(
        "move_bookings",
        (
            booking.bus.bus_id,
            booking.booking_id,
            booking.status,
            booking.expires_at,
            booking.confirmed_at,
            ended_at,
        ),
    )
