"""Holds: a buyer's temporary claim on seats for a leg.

Nothing is written before the rule has spoken, so a refusal can be stored and committed as the answer it is.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from store.db import Connection
from store.engine import Ask, Engine, Outcome, Reply
from store.errors import HoldExpired, HoldNotFound, TooManySeats
from store.locking import (
    changed,
    drop_expired,
    find_expired,
    lock_hold,
    lock_seats,
    read_hold,
    wire_json,
    wire_seats,
)
from store.model import AVAILABLE, LOCKED, Bus, Caller, Hold, HoldState
from store.queries import Queries
from store.rules import (
    Replacement,
    Wanted,
    find_leg,
    replace_seats,
    require_allowed,
    require_free,
    require_on_sale,
    seats_allowed,
    seats_by_label,
    set_leg,
)

SQL = Queries.beside(__file__)
EXTENSION = timedelta(seconds=300)
LONGEST = timedelta(seconds=1200)
_NO_HOLD = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class SeatRequest:
    """Seats by label on a leg by stops; a missing stop means the end of the line."""

    bus_id: int
    seats: Sequence[str]
    from_stop: int | None = None
    to_stop: int | None = None

    def on(self, bus: Bus, caller: Caller) -> Wanted:
        """Find the seats and the leg on this bus; raise InvalidRequest, also for more seats than anyone may ask."""
        leg = find_leg(bus, self.from_stop, self.to_stop)
        require_allowed(bus, caller, len(self.seats))
        return Wanted(bus, leg, seats_by_label(bus, self.seats))


class Holds:
    def __init__(self, engine: Engine, *, hold_seconds: int) -> None:
        self._engine = engine
        self._lifetime = timedelta(seconds=hold_seconds)

    async def hold(self, caller: Caller, request: SeatRequest, ask: Ask[Hold]) -> Reply:
        """Take seats for a while, all or none.

        Locks: the buyer's count (signed-in buyers), the seats, expired owners of them, the bus row last.
        Raises SeatUnavailable, Departed, SalesClosed, TooManySeats, InvalidRequest, NotFound. Emits `held`.
        """
        hold_id = uuid.uuid4()

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Hold]:
            wanted = request.on(bus, caller)
            held = await _lock_count(connection, bus, caller, len(wanted.seats))
            locked = await lock_seats(connection, bus, wanted.seats, ask)
            require_on_sale(bus, wanted.leg, locked.status, locked.now)
            found = await find_expired(connection, wanted, locked)
            require_free(wanted, found.states)
            await drop_expired(connection, bus, found)
            hold = Hold(
                bus=bus,
                hold_id=hold_id,
                state=HoldState.ACTIVE,
                user_id=caller.user_id,
                leg=wanted.leg,
                seats=wanted.seats,
                prices=wanted.prices,
                created_at=locked.now,
                expires_at=locked.now + self._lifetime,
            )
            states = set_leg(wanted.seats, found.states, wanted.leg, LOCKED)
            return await _write(connection, hold, states, ask, held)

        return await self._engine.run(request.bus_id, ask, attempt)

    async def replace(
        self, caller: Caller, owned: tuple[int, uuid.UUID], labels: Sequence[str], ask: Ask[Hold]
    ) -> Reply:
        """Make `labels` the whole set of a hold, atomically; the deadline stays, and a refusal changes nothing.

        Locks: the buyer's count, old and new seats in one statement, the hold, the bus row last.
        Raises HoldNotFound, HoldExpired, SeatUnavailable, TooManySeats, InvalidRequest. Emits `held`.
        """
        bus_id, hold_id = owned

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Hold]:
            seats = seats_by_label(bus, labels)
            require_allowed(bus, caller, len(seats))
            before = await find_own(connection, bus, caller, hold_id)
            count = await lock_buyer_of(connection, before, len(seats), caller)
            locked, hold = await lock_hold(connection, bus, hold_id, ask, seats)
            hold = require_live(hold, locked.now)
            require_on_sale(bus, hold.leg, locked.status, locked.now)
            change = replace_seats(hold, seats)
            found = await find_expired(connection, change.added, locked)
            require_free(change.added, found.states)
            await drop_expired(connection, bus, found)
            await set_buyer_of(connection, hold, count)
            states = set_leg(change.added.seats, found.states, hold.leg, LOCKED)
            states |= set_leg(change.dropped, found.states, hold.leg, AVAILABLE)
            held = replace(hold, seats=seats, prices=change.prices)
            if not states:
                return Outcome(held)
            return await _write_replaced(connection, held, states, ask, (locked.now, change))

        return await self._engine.run(bus_id, ask, attempt)

    async def extend(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Hold]) -> Reply:
        """Move the deadline to 300 s from now, never past 1,200 s after the hold began.

        Locks the hold's seats and the hold. Raises HoldNotFound, HoldExpired. Emits nothing.
        """
        bus_id, hold_id = owned

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Hold]:
            await find_own(connection, bus, caller, hold_id)
            locked, hold = await lock_hold(connection, bus, hold_id, ask)
            hold = require_live(hold, locked.now)
            deadline = min(hold.created_at + LONGEST, locked.now + EXTENSION)
            extended = replace(hold, expires_at=max(hold.expires_at, deadline))
            reply = ask.encode(extended)
            await connection.execute(
                SQL["write_extended_hold"],
                bus.bus_id,
                bus.operator_id,
                hold_id,
                extended.expires_at,
                *ask.stored(reply),
            )
            return Outcome(extended, reply=reply)

        return await self._engine.run(bus_id, ask, attempt)

    async def release(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Hold]) -> Reply:
        """Give the seats back. Locks: the buyer's count, the seats, the hold, the bus row last.

        Raises HoldNotFound, HoldExpired (also when it was released or booked before). Emits `released`.
        """
        bus_id, hold_id = owned

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Hold]:
            before = await find_own(connection, bus, caller, hold_id)
            count = await lock_buyer_of(connection, before)
            locked, hold = await lock_hold(connection, bus, hold_id, ask)
            hold = require_live(hold, locked.now)
            await set_buyer_of(connection, hold, count)
            states = set_leg(hold.seats, locked.states, hold.leg, AVAILABLE)
            return await write_ended(connection, hold, states, HoldState.RELEASED, locked.now)

        return await self._engine.run(bus_id, ask, attempt)

    async def find(self, caller: Caller, owned: tuple[int, uuid.UUID]) -> Hold:
        """Return a live hold; raise HoldNotFound, HoldExpired. Expiry is true when read."""
        bus_id, hold_id = owned
        bus = await self._engine.buses.find(bus_id)

        async def read(connection: Connection) -> Hold:
            row = await connection.fetchrow(SQL["find_hold"], bus_id, hold_id)
            if row is None:
                raise HoldNotFound
            hold = read_hold(bus, hold_id, row)
            require_owner(caller, hold)
            return require_live(hold, row["now"])

        return await self._engine.db.transaction([bus.operator_id], read)


def require_owner(caller: Caller, hold: Hold) -> None:
    """A guest's hold belongs to whoever knows its id; a signed-in buyer's to that buyer and the operator's staff."""
    if hold.user_id in (None, caller.user_id) or caller.works_for(hold.bus.operator_id):
        return
    raise HoldNotFound


def require_live(hold: Hold | None, now: datetime) -> Hold:
    if hold is None:
        raise HoldNotFound
    if hold.state is not HoldState.ACTIVE or hold.expires_at <= now:
        raise HoldExpired
    return hold


async def write_ended(
    connection: Connection, hold: Hold, states: dict[int, str], state: HoldState, now: datetime
) -> Outcome[Hold]:
    """Write the seats' new states, delete the hold's claims, end it, bump the revision."""
    bus = hold.bus
    seats = wire_seats(bus, states)
    kind = state.lower()
    row = await connection.fetchrow(
        SQL["write_ended_hold"],
        bus.bus_id,
        bus.operator_id,
        list(states),
        list(states.values()),
        now,
        wire_json(seats),
        kind,
        state,
        hold.hold_id,
    )
    return Outcome(replace(hold, state=state), changed(bus, row, seats, now, kind))


async def find_own(connection: Connection, bus: Bus, caller: Caller, hold_id: uuid.UUID) -> Hold:
    """Look before locking: whose hold it is says whose count comes first in the lock order."""
    row = await connection.fetchrow(SQL["find_hold"], bus.bus_id, hold_id)
    if row is None:
        raise HoldNotFound
    hold = read_hold(bus, hold_id, row)
    require_owner(caller, hold)
    return hold


async def _lock_count(connection: Connection, bus: Bus, caller: Caller, more: int) -> int | None:
    """Lock a signed-in buyer's count and return what it will be; raise TooManySeats above the cap."""
    if caller.user_id is None:
        return None
    cap = seats_allowed(bus, caller)
    held: int = await connection.fetchval(
        SQL["lock_buyer"], bus.bus_id, caller.user_id, bus.operator_id, cap
    )
    if held + more > cap:
        held = await connection.fetchval(SQL["count_live"], bus.bus_id, caller.user_id, _NO_HOLD)
    if held + more > cap:
        raise TooManySeats(cap)
    return held + more


async def lock_buyer_of(
    connection: Connection, hold: Hold, more: int = 0, caller: Caller | None = None
) -> int | None:
    """Lock the count of the hold's buyer and return it without this hold, plus `more` seats."""
    if hold.user_id is None:
        return None
    bus = hold.bus
    cap = seats_allowed(bus, caller) if caller else bus.seats_per_buyer
    await connection.fetchval(SQL["lock_buyer"], bus.bus_id, hold.user_id, bus.operator_id, cap)
    others: int = await connection.fetchval(
        SQL["count_live"], bus.bus_id, hold.user_id, hold.hold_id
    )
    if more and others + more > cap:
        raise TooManySeats(cap)
    return others + more


async def set_buyer_of(connection: Connection, hold: Hold, count: int | None) -> None:
    if count is not None:
        await connection.execute(SQL["set_buyer"], hold.bus.bus_id, hold.user_id, count)


async def _write(
    connection: Connection, hold: Hold, states: dict[int, str], ask: Ask[Hold], held: int | None
) -> Outcome[Hold]:
    bus = hold.bus
    seats = wire_seats(bus, states)
    reply = ask.encode(hold)
    row = await connection.fetchrow(
        SQL["write_hold"],
        bus.bus_id,
        bus.operator_id,
        list(states),
        list(states.values()),
        hold.created_at,
        wire_json(seats),
        "held",
        *ask.stored(reply),
        bus.facts,
        hold.hold_id,
        hold.user_id,
        hold.seats,
        hold.leg.start,
        hold.leg.end,
        hold.prices,
        hold.expires_at,
        held,
    )
    return Outcome(hold, changed(bus, row, seats, hold.created_at, "held"), reply)


async def _write_replaced(
    connection: Connection,
    hold: Hold,
    states: dict[int, str],
    ask: Ask[Hold],
    decided: tuple[datetime, Replacement],
) -> Outcome[Hold]:
    now, change = decided
    bus = hold.bus
    seats = wire_seats(bus, states)
    reply = ask.encode(hold)
    row = await connection.fetchrow(
        SQL["write_replaced_hold"],
        bus.bus_id,
        bus.operator_id,
        list(states),
        list(states.values()),
        now,
        wire_json(seats),
        "held",
        *ask.stored(reply),
        bus.facts,
        hold.hold_id,
        hold.leg.start,
        hold.leg.end,
        hold.seats,
        hold.prices,
        change.added.seats,
        change.dropped,
    )
    return Outcome(hold, changed(bus, row, seats, now, "held"), reply)
