"""Who has not come when the bus left: their seats are sold again from where the bus is, their tickets open no door.

Nothing is refunded, and nobody who has boarded is ever put out: a scan and a release of one ticket wait for each other
at the booking's lock, and whichever is second finds what the first has done.
"""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from store.authority import require_in_business
from store.db import Connection, Record
from store.errors import Forbidden, NotFound, StoreError, WrongState
from store.lane import Lane
from store.ledger import Changes, Ledger
from store.model import AVAILABLE, Booking, BookingStatus, Bus, Caller, Leg, Role, Ticket
from store.queries import Queries
from store.requests import Ask, Needs, Reply, Request
from store.rules import set_leg
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)
BATCH = 200
_WORKER = Caller(role=Role.ADMIN)
_TRAVELLING = {BookingStatus.CONFIRMED, BookingStatus.PARTIALLY_CANCELLED}
log = logging.getLogger(__name__)


class Released(msgspec.Struct, frozen=True):
    """Seats of a booking that were given away, on a leg of the bus; an empty one if there was nothing left to sell."""

    ref: str
    seats: tuple[int, ...]
    leg: Leg


class NoShows:
    def __init__(self, lane: Lane, tenancy: Tenancy) -> None:
        self._lane = lane
        self._tenancy = tenancy

    async def release(
        self, caller: Caller, bus_id: int, codes: Sequence[uuid.UUID] | None = None
    ) -> list[Released]:
        """Give away the seats of passengers who did not come, all that are due or those of some tickets.

        For the operator's staff; those who have boarded meanwhile, or are waited for still, are left out. Booking by
        booking, each one request that locks the seats, the booking, the bus row last. Raises NotFound, Forbidden,
        Overloaded. Emits `no_show` and writes the audit log, for each booking.
        """
        bus = await self._lane.buses.find(bus_id)
        asking = await self._tenancy.at(caller, bus.operator_id)
        if not asking.works_for(bus.operator_id):
            is_foreign = caller.operator_id is not None
            raise NotFound("bus") if is_foreign else Forbidden("staff gives seats away")
        require_in_business(caller, is_suspended=bus.is_suspended)

        async def read(connection: Connection) -> tuple[timedelta, list[Record]]:
            grace = timedelta(minutes=await connection.fetchval(SQL["find_grace"], bus.operator_id))
            return grace, await connection.fetch(SQL["find_missing"], bus_id, grace, codes)

        grace, rows = await self._lane.db.read(caller.scope_at(bus.operator_id), read)
        requests = [
            ReleaseNoShows(bus_id, _RELEASE, caller, row["booking_id"], tuple(row["seats"]), grace)
            for row in rows
        ]
        found = await asyncio.gather(*map(self._submit, requests))
        return [released for released in found if released is not None]

    async def sweep(self) -> int:
        """Do the same for all operators who have it done; return for how many bookings, 200 at most.

        A bus at whose door nobody was scanned is left alone.
        """

        async def read(connection: Connection) -> list[Record]:
            return await connection.fetch(SQL["find_overdue"], BATCH)

        requests = [
            ReleaseNoShows(
                row["bus_id"],
                _RELEASE,
                _WORKER,
                row["booking_id"],
                tuple(row["seats"]),
                timedelta(minutes=row["no_show_minutes"]),
            )
            for row in await self._lane.db.read(None, read)
        ]
        found = await asyncio.gather(*map(self._put_off, requests))
        return sum(released is not None for released in found)

    async def _submit(self, request: "ReleaseNoShows") -> Released | None:
        try:
            reply = await self._lane.submit(request)
        except WrongState:
            return None  # they came after all, or somebody was faster
        return msgspec.json.decode(reply.body, type=Released)

    async def _put_off(self, request: "ReleaseNoShows") -> Released | None:
        try:
            return await self._submit(request)
        except StoreError as error:
            log.warning("no-shows of bus %s put off: %s", request.bus_id, error)
            return None


def _encode(value: object) -> Reply:
    return Reply(200, msgspec.json.encode(value))


_RELEASE: Ask[Released] = Ask(_encode)


@dataclass(slots=True)
class ReleaseNoShows(Request[Released]):
    caller: Caller
    booking_id: int
    seats: tuple[int, ...]
    grace: timedelta

    def needs(self) -> Needs:
        return Needs(booking_id=self.booking_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Released:
        booking = ledger.bookings.get((self.bus_id, self.booking_id))
        if booking is None:
            raise NotFound("booking")
        ledger.require_locked(self.bus, booking.seats)
        require_gone(booking, ledger.now, self.grace)
        seats = tuple(
            ticket.seat_no
            for ticket in booking.tickets
            if ticket.seat_no in self.seats and is_missing(ticket)
        )
        if not seats:
            raise WrongState(booking.status, "everybody has come, or is given up already")
        leg = ahead(booking.bus, booking.leg, ledger.now)
        tickets = tuple(
            replace(ticket, status="NO_SHOW") if ticket.seat_no in seats else ticket
            for ticket in booking.tickets
        )
        changes.booking = replace(booking, tickets=tickets)
        for seat in seats:
            changes.write("release_tickets", (self.bus_id, booking.booking_id, seat, ledger.now))
        if leg.segments:
            changes.give_up(seats, leg)
        _log(changes, self.caller, booking, seats)
        # Told also when nothing is left to sell: the list at the door is another one.
        changes.show("no_show", set_leg(seats, ledger.shown(self.bus, seats), leg, AVAILABLE))
        return Released(booking.ref, seats, leg)


def is_missing(ticket: Ticket) -> bool:
    """Return whether somebody should have come with this ticket and has not."""
    return ticket.status == "VALID" and not ticket.is_boarded


def require_gone(booking: Booking, now: datetime, grace: timedelta) -> None:
    """Refuse while somebody may still come: until the bus has left their stop, and then for a while."""
    if booking.status not in _TRAVELLING:
        raise WrongState(booking.status, "the booking is over")
    if now < booking.bus.stops[booking.leg.start].departs_at + grace:
        raise WrongState(booking.status, "they are waited for still")


def ahead(bus: Bus, leg: Leg, now: datetime) -> Leg:
    """Return the part of a leg that the bus has not begun; nobody can be sold what lies behind it."""
    begins = (place for place in leg.segments if bus.stops[place].departs_at > now)
    return Leg(next(begins, leg.end), leg.end)


def _log(changes: Changes, caller: Caller, booking: Booking, seats: Sequence[int]) -> None:
    bus = booking.bus
    told = {"ref": booking.ref, "seats": [bus.layout.label(seat) for seat in seats]}
    text = msgspec.json.encode(told).decode()
    row = bus.operator_id, caller.user_id, "ticket.no_show", f"bus {bus.bus_id}", text
    changes.write("add_audit", row)
