"""Ends what has run out of time: holds and unpaid bookings.

A sale that needs an expired seat takes it without waiting for this sweep; the sweep tells everyone else.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence

from store.db import Connection, Record
from store.engine import SQL as LOCKING
from store.engine import Ask, Engine, Outcome, Reply
from store.errors import StoreError
from store.holds import find_own, lock_buyer_of, set_buyer_of
from store.holds import write_ended as end_hold
from store.locking import read_hold
from store.lookup import read_booking
from store.model import AVAILABLE, BookingStatus, Bus, Caller, HoldState, Leg, Role
from store.queries import Queries
from store.rules import with_leg
from store.settlement import write_ended as end_booking

SQL = Queries.beside(__file__)
BATCH = 200
_HOUSE = Caller(role=Role.ADMIN)
_SWEEP: Ask[bool] = Ask(lambda is_ended: Reply(200 if is_ended is True else 204, b""))
log = logging.getLogger(__name__)


class Expiry:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def sweep(self) -> int:
        """End up to 200 overdue holds and 200 overdue bookings, each in its own transaction; return how many.

        Locks, for each: the buyer's count, the seats with SKIP LOCKED (whoever is selling one goes first, and the
        next sweep comes again), the hold or booking, the bus row last. Emits `expired`. Any number of processes may
        sweep at once.
        """
        ended = 0
        for row in await self._overdue("overdue_holds"):
            ended += await self._end_hold(row["bus_id"], row["hold_id"])
        for row in await self._overdue("overdue_bookings"):
            ended += await self._end_booking(row["bus_id"], row["booking_id"])
        return ended

    async def _overdue(self, query: str) -> list[Record]:
        async def read(connection: Connection) -> list[Record]:
            return await connection.fetch(SQL[query], BATCH)

        return await self._engine.db.transaction(None, read)

    async def _end_hold(self, bus_id: int, hold_id: uuid.UUID) -> bool:
        async def attempt(connection: Connection, bus: Bus) -> Outcome[bool]:
            before = await find_own(connection, bus, _HOUSE, hold_id)
            count = await lock_buyer_of(connection, before)
            states = await _try_lock(connection, bus, before.seats)
            row = await connection.fetchrow(SQL["lock_overdue_hold"], bus_id, hold_id)
            if states is None or row is None:
                return Outcome(value=False)
            hold = read_hold(bus, hold_id, row)
            is_due = hold.state is HoldState.ACTIVE and hold.expires_at <= row["now"]
            if not is_due or hold.seats != before.seats:
                return Outcome(value=False)
            owned = await connection.fetch(SQL["segments_of_hold"], bus_id, hold.seats, hold_id)
            await set_buyer_of(connection, hold, count)
            outcome = await end_hold(
                connection, hold, _freed(states, owned), HoldState.EXPIRED, row["now"]
            )
            return Outcome(value=True, event=outcome.event)

        return await self._run(bus_id, attempt)

    async def _end_booking(self, bus_id: int, booking_id: int) -> bool:
        async def attempt(connection: Connection, bus: Bus) -> Outcome[bool]:
            before = await read_booking(connection, bus, booking_id)
            states = await _try_lock(connection, bus, before.seats)
            row = await connection.fetchrow(SQL["lock_overdue_booking"], bus_id, booking_id)
            if states is None or row is None:
                return Outcome(value=False)
            is_due = row["status"] == BookingStatus.PENDING and row["expires_at"] <= row["now"]
            if not is_due:
                return Outcome(value=False)
            booking = await read_booking(connection, bus, booking_id)
            owned = await connection.fetch(
                SQL["segments_of_booking"], bus_id, booking.seats, booking_id
            )
            outcome = await end_booking(
                connection, booking, _freed(states, owned), BookingStatus.EXPIRED, row["now"]
            )
            return Outcome(value=True, event=outcome.event)

        return await self._run(bus_id, attempt)

    async def _run(
        self, bus_id: int, attempt: Callable[[Connection, Bus], Awaitable[Outcome[bool]]]
    ) -> bool:
        try:
            reply = await self._engine.run(bus_id, _SWEEP, attempt)
        except StoreError as error:
            # Left for the next sweep: one bus in trouble must not keep the others waiting.
            log.warning("sweep of bus %s put off: %s", bus_id, error)
            return False
        return reply.status == 200


async def _try_lock(
    connection: Connection, bus: Bus, seats: Sequence[int]
) -> Mapping[int, str] | None:
    """Lock seats unless someone has one of them; None then."""
    row = await connection.fetchrow(LOCKING["try_lock_seats"], bus.bus_id, seats)
    if row is None or len(row["seat_nos"] or ()) < len(seats):
        return None
    return dict(zip(row["seat_nos"], row["states"], strict=True))


def _freed(states: Mapping[int, str], owned: Sequence[Record]) -> dict[int, str]:
    """Give back what is still owned: some of it may have been taken over since the deadline."""
    freed: dict[int, str] = {}
    for claim in owned:
        seat, segment = claim["seat_no"], claim["segment"]
        freed[seat] = with_leg(freed.get(seat, states[seat]), Leg(segment, segment + 1), AVAILABLE)
    return freed
