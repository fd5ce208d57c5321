"""What a provider has said of a payment, applied to its booking: forward only, in whatever order it is heard.

Money that was captured ends as exactly one of two things: the booking is confirmed, or all of it goes back. It is
confirmed if the booking still waits, and also if its time was over but all of its seats are free: they are taken again
under their locks, as a booking takes them. Another amount than was asked for, or another currency, confirms nothing.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from msgspec.structs import replace

from store.errors import Departed, NotFound, SalesClosed, SeatUnavailable
from store.jobs import JobKind, note_job
from store.lane import Lane
from store.ledger import Changes, Ledger
from store.model import BOOKED, Booking, BookingStatus, PaymentStatus, SaleStatus
from store.money import CAPTURED, Refund, note_payment, note_refund
from store.requests import Ask, Needs, Reply, Request
from store.rules import Wanted, require_free, set_leg
from store.settlement import end_unpaid, note_confirmed

_LATE = "late"


class Settled(StrEnum):
    """What came of a provider's word."""

    UNCHANGED = "unchanged"
    CONFIRMED = "confirmed"
    RESUMED = "resumed"
    """Its time was over and its seats were free: taken again."""
    RETURNED = "returned"
    ENDED = "ended"
    """Declined or cancelled, and nothing was captured."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a provider says of a payment: SUCCEEDED, DECLINED or CANCELLED, and how much it has captured of what."""

    payment_id: uuid.UUID
    method: str
    provider_ref: str
    status: PaymentStatus
    amount: int
    currency: str


_ASK: Ask[Settled] = Ask(lambda settled: Reply(200, str(settled).encode()))


class Captures:
    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def settle(self, owned: tuple[int, int], word: Word) -> Settled:
        """Apply a provider's last word on a payment to its booking (bus, number); hearing it again changes nothing.

        Captured, the booking is CONFIRMED, or the money is RETURNED with a refund and its job. Otherwise a booking that
        waits is FAILED. Locks: the seats, expired owners of them, the booking, the bus row last. Raises NotFound.
        Emits `confirmed`, `booked` (seats that were taken again), `failed`, or nothing.
        """
        reply = await self._lane.submit(SettlePayment(owned[0], _ASK, owned[1], word))
        return Settled(reply.body.decode())


@dataclass(slots=True)
class SettlePayment(Request[Settled]):
    booking_id: int
    word: Word

    def needs(self) -> Needs:
        # Its time may be over by now: then it is looked up who has its seats.
        return Needs(booking_id=self.booking_id, is_ending=True)

    def decide(self, ledger: Ledger, changes: Changes) -> Settled:
        booking = ledger.bookings.get((self.bus_id, self.booking_id))
        if booking is None:
            raise NotFound("booking")
        attempt_id = self._attempt(booking)
        if attempt_id is None:
            return Settled.UNCHANGED
        booking = self._with_payment(booking, attempt_id)
        if self.word.status is not PaymentStatus.SUCCEEDED:
            return self._end(ledger, changes, booking)
        if self._is_due(booking):
            is_cancelled = ledger.sale_status[self.bus_id] == SaleStatus.CANCELLED
            if booking.status is BookingStatus.PENDING and not is_cancelled:
                return self._confirm(ledger, changes, booking)
            if booking.status is BookingStatus.EXPIRED:
                return self._resume(ledger, changes, booking)
        return self._give_back(changes, booking)

    def _is_due(self, booking: Booking) -> bool:
        """Whether this is what the booking costs, and nobody has paid it otherwise."""
        is_paid = any(status is PaymentStatus.SUCCEEDED for _, status in booking.attempts[:-1])
        due = booking.total, booking.bus.currency
        return not is_paid and (self.word.amount, self.word.currency) == due

    def _attempt(self, booking: Booking) -> uuid.UUID | None:
        """Return the number under which this word is new, or None.

        A provider may capture what it had declined: that is an attempt of its own.
        """
        known = dict(booking.attempts)
        number = self.word.payment_id
        late = uuid.uuid5(number, _LATE)
        if known.get(number) in CAPTURED or late in known:
            return None
        if number not in known:
            return number
        return late if self.word.status is PaymentStatus.SUCCEEDED else None

    def _with_payment(self, booking: Booking, attempt_id: uuid.UUID) -> Booking:
        word = self.word
        payment = replace(
            booking.payment,
            method=word.method,
            status=word.status,
            payment_id=attempt_id,
            provider_ref=word.provider_ref,
            device_id=None,
        )
        attempts = (*booking.attempts, (attempt_id, word.status))
        return replace(booking, payment=payment, attempts=attempts)

    def _confirm(self, ledger: Ledger, changes: Changes, booking: Booking) -> Settled:
        note_confirmed(changes, booking)
        states = ledger.shown(self.bus, booking.seats)
        changes.show("confirmed", set_leg(booking.seats, states, booking.leg, BOOKED))
        return Settled.CONFIRMED

    def _resume(self, ledger: Ledger, changes: Changes, booking: Booking) -> Settled:
        wanted = Wanted(self.bus, booking.leg, booking.seats)
        try:
            ledger.require_on_sale(self.bus, booking.leg)
            states = ledger.for_sale(self.bus, booking.seats)
            require_free(wanted, states)
        except (SeatUnavailable, SalesClosed, Departed):
            return self._give_back(changes, booking)
        # Among the overdue claims may be its own, if nobody has swept it yet.
        ledger.take_over(self.bus, booking.seats, changes)
        changes.claim(booking.seats, booking.leg, booking_id=booking.booking_id)
        note_confirmed(changes, booking)
        states = set_leg(booking.seats, states, booking.leg, BOOKED)
        changes.show("booked", states, is_sale=True)
        return Settled.RESUMED

    def _give_back(self, changes: Changes, booking: Booking) -> Settled:
        attempt_id, amount = booking.payment.payment_id, self.word.amount
        assert attempt_id is not None
        payment = replace(booking.payment, status=PaymentStatus.RETURNED, amount=amount)
        attempts = (*booking.attempts[:-1], (attempt_id, PaymentStatus.RETURNED))
        returned = replace(booking, payment=payment, attempts=attempts)
        currency = self.word.currency
        foreign = currency if currency != booking.bus.currency else None
        note_payment(changes, returned, foreign)
        refund_id = uuid.uuid5(attempt_id, "refund")
        note_job(
            changes,
            booking,
            JobKind.PAYMENT_LATE,
            {"payment_id": str(attempt_id), "refund_id": str(refund_id)},
        )
        if amount:
            note_refund(changes, booking, Refund(refund_id, attempt_id, amount, booking.seats))
        # What a booking has had back is told in what it costs.
        given_back = booking.refunded if foreign else booking.refunded + amount
        changes.booking = replace(returned, refunded=given_back)
        return Settled.RETURNED

    def _end(self, ledger: Ledger, changes: Changes, booking: Booking) -> Settled:
        note_payment(changes, booking)
        if booking.status is BookingStatus.PENDING:
            end_unpaid(ledger, changes, booking, BookingStatus.FAILED)
        else:
            # It has ended, or the sweep ends it.
            changes.booking = booking
        return Settled.ENDED
