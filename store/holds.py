"""Holds: a buyer's temporary claim on seats for a leg."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from store.batch import read_hold
from store.db import Connection
from store.errors import HoldExpired, HoldNotFound, TooManySeats
from store.lane import Lane
from store.ledger import Again, Changes, Ledger, literal
from store.model import AVAILABLE, LOCKED, Bus, Caller, Hold, HoldState
from store.queries import Queries
from store.requests import Ask, Buyer, Needs, Reply, Request
from store.rules import (
    Wanted,
    find_leg,
    replace_seats,
    require_allowed,
    require_free,
    seats_allowed,
    seats_by_label,
    set_leg,
)

SQL = Queries.beside(__file__)
T = TypeVar("T")
EXTENSION = timedelta(seconds=300)
LONGEST = timedelta(seconds=1200)


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
    def __init__(self, lane: Lane, *, hold_seconds: int) -> None:
        self._lane = lane
        self._lifetime = timedelta(seconds=hold_seconds)

    async def hold(self, caller: Caller, request: SeatRequest, ask: Ask[Hold]) -> Reply:
        """Take seats for a while, all or none.

        Locks: the buyer's count (signed-in buyers), the seats, expired owners of them, the bus row last.
        Raises SeatUnavailable, Departed, SalesClosed, TooManySeats, InvalidRequest, NotFound. Emits `held`.
        """
        return await self._lane.submit(
            HoldSeats(request.bus_id, ask, caller, request, self._lifetime)
        )

    async def replace(
        self, caller: Caller, owned: tuple[int, uuid.UUID], labels: Sequence[str], ask: Ask[Hold]
    ) -> Reply:
        """Make `labels` the whole set of a hold, atomically; the deadline stays, and a refusal changes nothing.

        Locks: the buyer's count, old and new seats in one statement, the hold, the bus row last.
        Raises HoldNotFound, HoldExpired, SeatUnavailable, TooManySeats, InvalidRequest. Emits `held`.
        """
        bus_id, hold_id = owned
        return await self._lane.submit(ReplaceSeats(bus_id, ask, caller, hold_id, labels=labels))

    async def extend(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Hold]) -> Reply:
        """Move the deadline to 300 s from now, never past 1,200 s after the hold began.

        Locks the hold's seats and the hold. Raises HoldNotFound, HoldExpired. Emits nothing.
        """
        bus_id, hold_id = owned
        return await self._lane.submit(ExtendHold(bus_id, ask, caller, hold_id))

    async def release(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Hold]) -> Reply:
        """Give the seats back. Locks: the buyer's count, the seats, the hold, the bus row last.

        Raises HoldNotFound, HoldExpired (also when it was released or booked before). Emits `released`.
        """
        bus_id, hold_id = owned
        return await self._lane.submit(ReleaseHold(bus_id, ask, caller, hold_id))

    async def find(self, caller: Caller, owned: tuple[int, uuid.UUID]) -> Hold:
        """Return a live hold; raise HoldNotFound, HoldExpired. Expiry is true when read."""
        bus_id, hold_id = owned
        bus = await self._lane.buses.find(bus_id)

        async def read(connection: Connection) -> Hold:
            row = await connection.fetchrow(SQL["find_hold"], bus_id, hold_id)
            if row is None:
                raise HoldNotFound
            hold = read_hold(bus, row)
            require_owner(caller, hold)
            return require_live(hold, row["now"])

        return await self._lane.db.read([bus.operator_id], read)


@dataclass(slots=True)
class HoldSeats(Request[Hold]):
    caller: Caller
    request: SeatRequest
    lifetime: timedelta
    wanted: Wanted | None = None

    def needs(self) -> Needs:
        self.wanted = wanted = self.request.on(self.bus, self.caller)
        return Needs(wanted.seats, wanted.leg, buyer=_buyer(self.bus, self.caller))

    def decide(self, ledger: Ledger, changes: Changes) -> Hold:
        wanted = self.wanted
        assert wanted is not None
        held = _held_after(ledger, self.bus, self.caller, len(wanted.seats))
        ledger.require_on_sale(self.bus, wanted.leg)
        states = ledger.for_sale(self.bus, wanted.seats)
        require_free(wanted, states)
        hold = Hold(
            bus=self.bus,
            hold_id=uuid.uuid4(),
            state=HoldState.ACTIVE,
            user_id=self.caller.user_id,
            leg=wanted.leg,
            seats=wanted.seats,
            prices=wanted.prices,
            created_at=ledger.now,
            expires_at=ledger.now + self.lifetime,
        )
        ledger.take_over(self.bus, wanted.seats, changes)
        changes.hold = hold
        changes.claim(hold.seats, hold.leg, hold_id=hold.hold_id)
        changes.write("add_holds", _added(hold))
        _set_held(changes, self.caller.user_id, held)
        changes.show("held", set_leg(hold.seats, states, hold.leg, LOCKED), is_sale=True)
        return hold


@dataclass(slots=True)
class OfHold(Request[T]):
    """A request about a hold: by whom, and whose count is locked before the hold itself can be."""

    caller: Caller
    hold_id: uuid.UUID
    buyer_id: int | None = field(init=False)

    def __post_init__(self) -> None:
        # Most often the caller's own; staff acting for a buyer learns whose it is at the first try.
        self.buyer_id = self.caller.user_id

    def needs(self) -> Needs:
        return Needs(hold_id=self.hold_id, buyer=self.buyer())

    def buyer(self) -> Buyer | None:
        return Buyer(self.buyer_id, seats_allowed(self.bus, self.caller)) if self.buyer_id else None

    def find(self, ledger: Ledger) -> Hold:
        """Return the hold under lock; raise HoldNotFound, Again if other rows must be locked for it."""
        hold = ledger.holds.get((self.bus_id, self.hold_id))
        if hold is None:
            raise HoldNotFound
        require_owner(self.caller, hold)
        ledger.require_locked(self.bus, hold.seats)
        if hold.user_id is not None and (self.bus_id, hold.user_id) not in ledger.held_seats:
            self.buyer_id = hold.user_id
            raise Again
        return hold


@dataclass(slots=True)
class ReplaceSeats(OfHold[Hold]):
    labels: Sequence[str] = ()
    seats: tuple[int, ...] = ()

    def needs(self) -> Needs:
        self.seats = seats_by_label(self.bus, self.labels)
        require_allowed(self.bus, self.caller, len(self.seats))
        return Needs(self.seats, hold_id=self.hold_id, buyer=self.buyer())

    def decide(self, ledger: Ledger, changes: Changes) -> Hold:
        hold = require_live(self.find(ledger), ledger.now)
        change = replace_seats(hold, self.seats)
        held = held_without(ledger, hold)
        if held is not None and held + len(self.seats) > seats_allowed(self.bus, self.caller):
            raise TooManySeats(seats_allowed(self.bus, self.caller))
        ledger.require_on_sale(self.bus, hold.leg)
        states = ledger.for_sale(self.bus, change.added.seats)
        require_free(change.added, states)
        replaced = replace(hold, seats=self.seats, prices=change.prices)
        ledger.take_over(self.bus, change.added.seats, changes)
        changes.hold = replaced
        changes.give_up(change.dropped, hold.leg)
        changes.claim(change.added.seats, hold.leg, hold_id=hold.hold_id)
        if held is not None:
            _set_held(changes, hold.user_id, held + len(self.seats))
        new_states = set_leg(change.added.seats, states, hold.leg, LOCKED)
        shown = ledger.shown(self.bus, change.dropped)
        new_states |= set_leg(change.dropped, shown, hold.leg, AVAILABLE)
        if new_states:
            changes.write("change_holds", _changed(replaced))
            changes.show("held", new_states, is_sale=True)
        return replaced


@dataclass(slots=True)
class ExtendHold(OfHold[Hold]):
    def decide(self, ledger: Ledger, changes: Changes) -> Hold:
        hold = require_live(self.find(ledger), ledger.now)
        deadline = min(hold.created_at + LONGEST, ledger.now + EXTENSION)
        extended = replace(hold, expires_at=max(hold.expires_at, deadline))
        changes.hold = extended
        changes.write("change_holds", _changed(extended))
        return extended


@dataclass(slots=True)
class ReleaseHold(OfHold[Hold]):
    def decide(self, ledger: Ledger, changes: Changes) -> Hold:
        hold = require_live(self.find(ledger), ledger.now)
        states = ledger.shown(self.bus, hold.seats)
        changes.give_up(hold.seats, hold.leg)
        changes.show("released", set_leg(hold.seats, states, hold.leg, AVAILABLE))
        return end_hold(ledger, changes, hold, HoldState.RELEASED)


def require_owner(caller: Caller, hold: Hold) -> None:
    """A guest's hold belongs to whoever knows its id; a signed-in buyer's to that buyer and the operator's staff."""
    if hold.user_id in (None, caller.user_id) or caller.works_for(hold.bus.operator_id):
        return
    raise HoldNotFound


def require_live(hold: Hold, now: datetime) -> Hold:
    if hold.state is not HoldState.ACTIVE or hold.expires_at <= now:
        raise HoldExpired
    return hold


def held_without(ledger: Ledger, hold: Hold) -> int | None:
    """Return how many seats the hold's buyer holds besides it; None for a guest's hold."""
    if hold.user_id is None:
        return None
    held = ledger.held_seats[hold.bus.bus_id, hold.user_id]
    return max(0, held - len(hold.seats)) if hold.expires_at > ledger.now else held


def end_hold(ledger: Ledger, changes: Changes, hold: Hold, state: HoldState) -> Hold:
    """Note that a hold has ended and that its buyer holds that much less."""
    ended = replace(hold, state=state)
    changes.hold = ended
    changes.write("end_holds", (hold.bus.bus_id, hold.hold_id, state, ledger.now))
    if (held := held_without(ledger, hold)) is not None:
        _set_held(changes, hold.user_id, held)
    return ended


def _buyer(bus: Bus, caller: Caller) -> Buyer | None:
    if caller.user_id is None:
        return None
    return Buyer(caller.user_id, seats_allowed(bus, caller))


def _held_after(ledger: Ledger, bus: Bus, caller: Caller, more: int) -> int | None:
    """Return how many seats a signed-in buyer will hold; raise TooManySeats above the cap."""
    if caller.user_id is None:
        return None
    held = ledger.held_seats[bus.bus_id, caller.user_id] + more
    if held > (cap := seats_allowed(bus, caller)):
        raise TooManySeats(cap)
    return held


def _set_held(changes: Changes, user_id: int | None, held: int | None) -> None:
    if user_id is not None and held is not None:
        changes.held_seats = (user_id, held)
        changes.write("set_held", (changes.bus.bus_id, user_id, held))


def _added(hold: Hold) -> tuple[object, ...]:
    return (
        hold.bus.bus_id,
        hold.bus.operator_id,
        hold.hold_id,
        hold.user_id,
        literal(hold.seats),
        hold.leg.start,
        hold.leg.end,
        literal(hold.prices),
        hold.created_at,
        hold.expires_at,
    )


def _changed(hold: Hold) -> tuple[object, ...]:
    return (
        hold.bus.bus_id,
        hold.hold_id,
        literal(hold.seats),
        literal(hold.prices),
        hold.expires_at,
    )
