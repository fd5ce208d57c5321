"""Ends what has run out of time: holds and unpaid bookings.

A sale that needs an expired seat takes it without waiting for this sweep; the sweep tells everyone else.
"""

import asyncio
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from store.buyers import Buyer
from store.db import Connection, Record
from store.errors import StoreError
from store.holds import OfHold, end_hold
from store.lane import Lane
from store.ledger import Changes, Ledger
from store.model import AVAILABLE, BookingStatus, Bus, Caller, HoldState, Leg, Role
from store.queries import Queries
from store.requests import Ask, Needs, Reply, Request
from store.rules import with_leg
from store.settlement import end_unpaid

SQL = Queries.beside(__file__)
BATCH = 200
PROVIDERS_TIME = timedelta(seconds=5)
"""So long after a booking's deadline its provider may still say that it was paid in time."""
_HOUSE = Caller(role=Role.ADMIN)
_SWEEP: Ask[bool] = Ask(lambda is_ended: Reply(200 if is_ended is True else 204, b""))
log = logging.getLogger(__name__)


class Expiry:
    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def sweep(self) -> int:
        """End up to 200 overdue holds and 200 overdue bookings, in the lane's batches; return how many.

        Looks for them with SKIP LOCKED. Locks, for each: the buyer's counts, the seats, the hold or booking, the bus
        row last. Emits `expired`, unless every seat was taken over before. Any number of processes may sweep at once.
        """
        holds = [
            self._submit(
                ExpireHold(
                    row["bus_id"], _SWEEP, _HOUSE, row["hold_id"], (row["buyer"], row["network"])
                )
            )
            for row in await self._overdue("overdue_holds", BATCH)
        ]
        bookings = [
            self._submit(ExpireBooking(row["bus_id"], _SWEEP, row["booking_id"]))
            for row in await self._overdue("overdue_bookings", BATCH, PROVIDERS_TIME)
        ]
        return sum(await asyncio.gather(*holds, *bookings))

    async def _overdue(self, query: str, *arguments: object) -> list[Record]:
        async def read(connection: Connection) -> list[Record]:
            return await connection.fetch(SQL[query], *arguments)

        return await self._lane.db.read(None, read)

    async def _submit(self, request: Request[bool]) -> bool:
        try:
            reply = await self._lane.submit(request)
        except StoreError as error:
            # Left for the next sweep: one bus in trouble must not keep the others waiting.
            log.warning("sweep of bus %s put off: %s", request.bus_id, error)
            return False
        return reply.status == 200


@dataclass(slots=True)
class ExpireHold(OfHold[bool]):
    holder_ids: tuple[uuid.UUID | None, uuid.UUID | None]

    def needs(self) -> Needs:
        return Needs(hold_id=self.hold_id, buyer=self.buyer(), is_ending=True)

    def buyer(self) -> Buyer | None:
        buyer_id, network = self.holder_ids
        return Buyer(buyer_id, network) if buyer_id else None

    def decide(self, ledger: Ledger, changes: Changes) -> bool:
        hold = self.find(ledger)
        if hold.state is not HoldState.ACTIVE or hold.expires_at > ledger.now:
            return False
        owned = ledger.owned.get((self.bus_id, hold.hold_id), [])
        # One that has lost every seat to others ends without news.
        if freed := _freed(ledger, self.bus, owned, changes):
            changes.show("expired", freed)
        end_hold(ledger, changes, hold, HoldState.EXPIRED)
        return True


@dataclass(slots=True)
class ExpireBooking(Request[bool]):
    booking_id: int

    def needs(self) -> Needs:
        return Needs(booking_id=self.booking_id, is_ending=True)

    def decide(self, ledger: Ledger, changes: Changes) -> bool:
        booking = ledger.bookings.get((self.bus_id, self.booking_id))
        # It reads EXPIRED already; what has ended has no deadline any more.
        if booking is None or booking.expires_at is None or booking.expires_at > ledger.now:
            return False
        owned = ledger.owned.get((self.bus_id, self.booking_id), [])
        states = _freed(ledger, self.bus, owned, changes)
        end_unpaid(ledger, changes, booking, BookingStatus.EXPIRED, states)
        return True


def _freed(
    ledger: Ledger, bus: Bus, owned: Iterable[tuple[int, int]], changes: Changes
) -> dict[int, str]:
    """Give back what is still owned: some of it may have been taken over since the deadline."""
    freed: dict[int, str] = {}
    for seat, segment in owned:
        place = Leg(segment, segment + 1)
        if segment not in ledger.overdue.get((bus.bus_id, seat), ()):
            continue
        states = freed.get(seat) or ledger.states[bus.bus_id, seat]
        freed[seat] = with_leg(states, place, AVAILABLE)
        changes.give_up([seat], place)
    return freed
