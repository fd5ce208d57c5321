"""Passengers who get another seat of their bus: the family that shall sit together, the seat that broke.

What they paid, and the ticket itself, stay as they are: it is for another seat now, and so is its code, whichever seat
is printed beside it (ADR 26).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from store.authority import require_in_business
from store.errors import Forbidden, InvalidRequest, NotFound, WrongState
from store.jobs import JobKind, note_job
from store.lane import Lane
from store.ledger import Changes, Ledger, literal
from store.model import AVAILABLE, BOOKED, Booking, BookingStatus, Caller, SaleStatus, Ticket
from store.requests import Ask, Needs, Reply, Request
from store.rules import Wanted, require_free, require_not_departed, set_leg
from store.tenancy import Tenancy

_TRAVELLING = {BookingStatus.CONFIRMED, BookingStatus.PARTIALLY_CANCELLED}


class PassengerMoves:
    def __init__(self, lane: Lane, tenancy: Tenancy) -> None:
        self._lane = lane
        self._tenancy = tenancy

    async def move(
        self, caller: Caller, booking: Booking, code: uuid.UUID, label: str, ask: Ask[Booking]
    ) -> Reply:
        """Give whoever has a ticket of a paid booking another seat, free on all of their way; the price stays.

        For the operator's staff. Locks: both seats with all others of the booking in order, an expired owner of the new
        one, the booking, the bus row last. Raises NotFound, Forbidden, InvalidRequest (no such seat), SeatUnavailable,
        WrongState (not paid or over, boarded, cancelled, there already), Departed. Emits `moved`, one event with both
        seats; writes the job that tells of it, and the audit log.
        """
        bus = booking.bus
        asking = await self._tenancy.at(caller, bus.operator_id)
        if not asking.works_for(bus.operator_id):
            is_foreign = caller.operator_id is not None
            raise NotFound("booking") if is_foreign else Forbidden("staff moves passengers")
        require_in_business(caller, is_suspended=bus.is_suspended)
        request = MovePassenger(bus.bus_id, ask, caller, booking.booking_id, code, label)
        return await self._lane.submit(request)


@dataclass(slots=True)
class MovePassenger(Request[Booking]):
    caller: Caller
    booking_id: int
    code: uuid.UUID
    label: str
    target: int = 0

    def needs(self) -> Needs:
        place = self.bus.layout.by_label.get(self.label)
        if place is None:
            raise InvalidRequest("/seat", "unknown_seat", "this bus has no seat of that label")
        self.target = place.seat_no
        # The leg is the booking's: it is known under its lock.
        return Needs((self.target,), booking_id=self.booking_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        booking = ledger.bookings.get((self.bus_id, self.booking_id))
        if booking is None:
            raise NotFound("booking")
        ledger.require_locked(self.bus, booking.seats)
        if booking.status not in _TRAVELLING:
            raise WrongState(booking.status, "only passengers of a paid booking are moved")
        ticket = next((each for each in booking.tickets if each.code == self.code), None)
        if ticket is None:
            raise NotFound("ticket")
        self._require_movable(booking, ticket, ledger)
        leg, target = booking.leg, (self.target,)
        free = ledger.for_sale(self.bus, target)
        require_free(Wanted(self.bus, leg, target), free)
        ledger.take_over(self.bus, target, changes)
        changes.give_up([ticket.seat_no], leg)
        changes.claim(target, leg, booking_id=booking.booking_id)
        moved = reseated(booking, ticket, self.target)
        changes.booking = moved
        place = self.bus_id, booking.booking_id
        changes.write("reseat_bookings", (*place, literal(moved.seats)))
        changes.write("move_tickets", (self.bus_id, ticket.code, self.target, ledger.now))
        news = {"before": ticket.seat_no, "after": self.target}
        note_job(changes, moved, JobKind.PASSENGER_MOVED, news)
        self._log(changes, booking, ticket)
        left = set_leg([ticket.seat_no], ledger.shown(self.bus, [ticket.seat_no]), leg, AVAILABLE)
        changes.show("moved", left | set_leg(target, free, leg, BOOKED))
        return moved

    def _require_movable(self, booking: Booking, ticket: Ticket, ledger: Ledger) -> None:
        if ledger.sale_status[self.bus_id] == SaleStatus.CANCELLED:
            raise WrongState(SaleStatus.CANCELLED, "this bus goes for nobody")
        if ticket.status != "VALID":
            raise WrongState(ticket.status, "nobody travels on this ticket any more")
        if is_aboard(ticket):
            raise WrongState("BOARDED", "whoever has boarded sits where they sit")
        require_not_departed(self.bus, booking.leg, ledger.now)
        if ticket.seat_no == self.target:
            raise WrongState(ticket.status, "that is their seat already")
        if self.target in _given_back(booking):
            # What was paid back names a seat of its booking, and must go on naming one passenger.
            raise WrongState(
                "CANCELLED", "somebody of this booking gave that seat back; choose another"
            )

    def _log(self, changes: Changes, booking: Booking, ticket: Ticket) -> None:
        bus = changes.bus
        seats = [bus.layout.label(seat) for seat in (ticket.seat_no, self.target)]
        told = msgspec.json.encode({"bus": bus.bus_id, "seats": seats}).decode()
        row = bus.operator_id, self.caller.user_id, "ticket.move", f"booking {booking.ref}", told
        changes.write("add_audit", row)


def is_aboard(ticket: Ticket) -> bool:
    """Return whether the driver has let somebody in with this ticket."""
    return ticket.is_boarded


def reseated(booking: Booking, ticket: Ticket, seat_no: int) -> Booking:
    """Return a booking whose ticket is for another seat; its passengers keep their order, and each what they paid."""
    before = ticket.seat_no
    tickets = [
        replace(each, seat_no=seat_no) if each.code == ticket.code else each
        for each in booking.tickets
    ]
    return replace(
        booking,
        seats=tuple(seat_no if seat == before else seat for seat in booking.seats),
        passengers=tuple(
            replace(each, seat_no=seat_no) if each.seat_no == before else each
            for each in booking.passengers
        ),
        tickets=tuple(sorted(tickets, key=lambda each: each.seat_no)),
    )


def _given_back(booking: Booking) -> Sequence[int]:
    return [ticket.seat_no for ticket in booking.tickets if ticket.status != "VALID"]
