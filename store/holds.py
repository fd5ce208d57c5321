"""Holds: a buyer's temporary claim on seats for a leg."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from store.batch import read_hold
from store.buyers import Buyer, Change, Kept, buyer_of, buyer_of_hold, device_of_buyer
from store.db import Connection
from store.errors import AlreadyExtended, HoldExpired, HoldNotFound
from store.lane import Lane
from store.ledger import Again, Changes, Ledger, literal
from store.model import AVAILABLE, LOCKED, Bus, Caller, Hold, HoldState
from store.queries import Queries
from store.requests import Ask, Needs, Reply, Request
from store.rules import (
    Wanted,
    find_leg,
    replace_seats,
    require_allowed,
    require_free,
    seats_by_label,
    set_leg,
)
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)
T = TypeVar("T")


class SeatRequest(msgspec.Struct, frozen=True):
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
    def __init__(self, lane: Lane, tenancy: Tenancy, *, hold_seconds: int) -> None:
        self._lane = lane
        self._tenancy = tenancy
        self._lifetime = timedelta(seconds=hold_seconds)

    async def hold(self, caller: Caller, request: SeatRequest, ask: Ask[Hold]) -> Reply:
        """Take seats for a while, all or none.

        Locks: the buyer's counts, the seats, expired owners of them, the bus row last. Raises SeatUnavailable,
        Departed, SalesClosed, LimitReached, SeatCoolingDown, InvalidRequest, NotFound. Emits `held`.
        """
        if caller.operator_id is not None:
            caller = await self._recognise(caller, request.bus_id)
        return await self._lane.submit(
            HoldSeats(request.bus_id, ask, caller, request, self._lifetime)
        )

    async def replace(
        self, caller: Caller, owned: tuple[int, uuid.UUID], labels: Sequence[str], ask: Ask[Hold]
    ) -> Reply:
        """Make `labels` the whole set of a hold, atomically; the deadline stays, and a refusal changes nothing.

        Locks: the buyer's counts, old and new seats in one statement, the hold, the bus row last. Raises HoldNotFound,
        HoldExpired, SeatUnavailable, LimitReached, SeatCoolingDown, InvalidRequest. Emits `held`.
        """
        bus_id, hold_id = owned
        if caller.operator_id is not None:
            caller = await self._recognise(caller, bus_id)
        return await self._lane.submit(ReplaceSeats(bus_id, ask, caller, hold_id, labels=labels))

    async def extend(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Hold]) -> Reply:
        """Move the deadline once, by what the operator allows, never past the longest that a hold may last in all.

        Locks: the buyer's counts, the seats, the hold. Raises HoldNotFound, HoldExpired, AlreadyExtended. Emits
        nothing.
        """
        bus_id, hold_id = owned
        if caller.operator_id is not None:
            caller = await self._recognise(caller, bus_id)
        return await self._lane.submit(ExtendHold(bus_id, ask, caller, hold_id))

    async def release(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Hold]) -> Reply:
        """Give the seats back. Locks: the buyer's counts, the seats, the hold, the bus row last.

        Raises HoldNotFound, HoldExpired (also when it was released or booked before). Emits `released`.
        """
        bus_id, hold_id = owned
        if caller.operator_id is not None:
            caller = await self._recognise(caller, bus_id)
        return await self._lane.submit(ReleaseHold(bus_id, ask, caller, hold_id))

    async def find(self, caller: Caller, owned: tuple[int, uuid.UUID]) -> Hold:
        """Return a live hold; raise HoldNotFound, HoldExpired. Expiry is true when read."""
        bus_id, hold_id = owned
        bus = await self._lane.buses.find(bus_id)
        asking = await self._tenancy.at(caller, bus.operator_id)

        async def read(connection: Connection) -> Hold:
            row = await connection.fetchrow(SQL["find_hold"], bus_id, hold_id)
            if row is None:
                raise HoldNotFound
            hold = read_hold(bus, row)
            require_owner(asking, hold)
            return require_live(hold, row["now"])

        return await self._lane.db.read([bus.operator_id], read)

    async def _recognise(self, caller: Caller, bus_id: int) -> Caller:
        bus = await self._lane.buses.find(bus_id)
        return await self._tenancy.at(caller, bus.operator_id)


@dataclass(slots=True)
class HoldSeats(Request[Hold]):
    caller: Caller
    request: SeatRequest
    lifetime: timedelta
    wanted: Wanted | None = None
    buyer: Buyer | None = None

    def needs(self) -> Needs:
        self.wanted = wanted = self.request.on(self.bus, self.caller)
        self.buyer = buyer_of(self.bus, self.caller)
        return Needs(wanted.seats, wanted.leg, buyer=self.buyer)

    def decide(self, ledger: Ledger, changes: Changes) -> Hold:
        wanted = self.wanted
        assert wanted is not None
        ledger.require_on_sale(self.bus, wanted.leg)
        states = ledger.for_sale(self.bus, wanted.seats)
        require_free(wanted, states)
        buyer = self.buyer
        if buyer is not None:
            ledger.buyers.require_cool(self.bus, buyer, wanted.seats, ledger.now)
            ledger.buyers.admit(self.bus, buyer, len(wanted.seats), ledger.now)
        longest = timedelta(seconds=ledger.buyers.limits_of(self.bus).hold_seconds_max)
        hold = Hold(
            bus=self.bus,
            hold_id=uuid.uuid4(),
            state=HoldState.ACTIVE,
            user_id=self.caller.user_id,
            leg=wanted.leg,
            seats=wanted.seats,
            prices=wanted.prices,
            created_at=ledger.now,
            expires_at=ledger.now + min(self.lifetime, longest),
            buyer=buyer.buyer_id if buyer else None,
            network=buyer.network if buyer else None,
        )
        ledger.take_over(self.bus, wanted.seats, changes)
        changes.hold = hold
        changes.claim(hold.seats, hold.leg, hold_id=hold.hold_id)
        changes.write("add_holds", _added(hold))
        note_buyer(ledger, changes, _keeping(hold))
        changes.show("held", set_leg(hold.seats, states, hold.leg, LOCKED), is_sale=True)
        return hold


@dataclass(slots=True)
class OfHold(Request[T]):
    """A request about a hold: by whom, and whose counts are locked before the hold itself can be."""

    caller: Caller
    hold_id: uuid.UUID
    holder: Hold | None = field(init=False, default=None)

    def needs(self) -> Needs:
        return Needs(hold_id=self.hold_id, buyer=self.buyer())

    def buyer(self) -> Buyer | None:
        # Most often the caller's own; who acts on another's hold learns whose it is at the first try.
        if self.holder is not None:
            return buyer_of_hold(self.holder, self.caller)
        return buyer_of(self.bus, self.caller)

    def find(self, ledger: Ledger) -> Hold:
        """Return the hold under lock; raise HoldNotFound, Again if other rows must be locked for it."""
        hold = ledger.holds.get((self.bus_id, self.hold_id))
        if hold is None:
            raise HoldNotFound
        require_owner(self.caller, hold)
        ledger.require_locked(self.bus, hold.seats)
        buyer = buyer_of_hold(hold, self.caller)
        if buyer is not None and not ledger.buyers.is_locked(self.bus, buyer):
            self.holder = hold
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
        ledger.require_on_sale(self.bus, hold.leg)
        states = ledger.for_sale(self.bus, change.added.seats)
        require_free(change.added, states)
        self._require_room(ledger, hold, change.added.seats)
        replaced = replace(hold, seats=self.seats, prices=change.prices)
        ledger.take_over(self.bus, change.added.seats, changes)
        changes.hold = replaced
        changes.give_up(change.dropped, hold.leg)
        changes.claim(change.added.seats, hold.leg, hold_id=hold.hold_id)
        new_states = set_leg(change.added.seats, states, hold.leg, LOCKED)
        shown = ledger.shown(self.bus, change.dropped)
        new_states |= set_leg(change.dropped, shown, hold.leg, AVAILABLE)
        if new_states:
            changes.write("change_holds", _changed(replaced))
            _remember_dropped(changes, hold, change.dropped)
            note_buyer(ledger, changes, _keeping(replaced, change.dropped))
            changes.show("held", new_states, is_sale=True)
        return replaced

    def _require_room(self, ledger: Ledger, hold: Hold, added: Sequence[int]) -> None:
        buyer = buyer_of_hold(hold, self.caller)
        if buyer is None or not added:
            return
        ledger.buyers.require_cool(self.bus, buyer, added, ledger.now, hold_id=hold.hold_id)
        ledger.buyers.admit(self.bus, buyer, len(self.seats), ledger.now, instead_of=hold.hold_id)


@dataclass(slots=True)
class ExtendHold(OfHold[Hold]):
    def decide(self, ledger: Ledger, changes: Changes) -> Hold:
        hold = require_live(self.find(ledger), ledger.now)
        if hold.is_extended:
            raise AlreadyExtended
        limits = ledger.buyers.limits_of(self.bus)
        deadline = min(
            hold.expires_at + timedelta(seconds=limits.extension_seconds),
            hold.created_at + timedelta(seconds=limits.hold_seconds_max),
        )
        extended = replace(hold, expires_at=max(hold.expires_at, deadline), is_extended=True)
        changes.hold = extended
        changes.write("change_holds", _changed(extended))
        note_buyer(ledger, changes, _keeping(extended))
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
    """A guest's hold belongs to whoever knows its id; a user's or a device's to them and the operator's staff.

    A device touches no hold but its own: one that it has handed over is not its any more.
    """
    if device_of_buyer(hold.buyer) == caller.device_id and hold.user_id in (None, caller.user_id):
        return
    if not caller.works_for(hold.bus.operator_id):
        raise HoldNotFound


def require_live(hold: Hold, now: datetime) -> Hold:
    if hold.state is not HoldState.ACTIVE or hold.expires_at <= now:
        raise HoldExpired
    return hold


def end_hold(
    ledger: Ledger, changes: Changes, hold: Hold, state: HoldState, booked: Kept | None = None
) -> Hold:
    """Note that a hold has ended and that its buyer keeps that much less, or a booking that waits to be paid."""
    ended = replace(hold, state=state)
    changes.hold = ended
    changes.write("end_holds", (hold.bus.bus_id, hold.hold_id, state, ledger.now))
    if hold.buyer is not None:
        dropped = () if state is HoldState.BOOKED else hold.seats
        buyer = Buyer(hold.buyer, hold.network)
        note_buyer(ledger, changes, Change(hold.hold_id, booked, buyer, dropped))
    return ended


def note_buyer(ledger: Ledger, changes: Changes, change: Change | None) -> None:
    """Note what a buyer keeps from now on; nothing for a buyer whom nobody knows."""
    if change is None:
        return
    changes.buyer = change
    for row in ledger.buyers.counts_after(changes.bus, change, ledger.now):
        changes.write("set_held", row)


def _keeping(hold: Hold, dropped: tuple[int, ...] = ()) -> Change | None:
    if hold.buyer is None:
        return None
    bus, buyer = hold.bus, Buyer(hold.buyer, hold.network)
    kept = Kept(bus.bus_id, bus.operator_id, hold.hold_id, buyer, hold.seats, hold.expires_at)
    return Change(hold.hold_id, kept, buyer, dropped)


def _remember_dropped(changes: Changes, hold: Hold, dropped: tuple[int, ...]) -> None:
    """Keep what a buyer let go of as a hold of its own that has ended: that is where cool-downs look."""
    if hold.buyer is None or not dropped:
        return
    price = dict(zip(hold.seats, hold.prices, strict=True))
    part = replace(
        hold,
        hold_id=uuid.uuid4(),
        seats=dropped,
        prices=tuple(price[seat] for seat in dropped),
    )
    changes.write("add_holds", _added(part, part_of=hold.hold_id))
    changes.write("end_holds", (hold.bus.bus_id, part.hold_id, HoldState.RELEASED, changes.at))


def _added(hold: Hold, part_of: uuid.UUID | None = None) -> tuple[object, ...]:
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
        hold.buyer,
        hold.network,
        part_of,
    )


def _changed(hold: Hold) -> tuple[object, ...]:
    return (
        hold.bus.bus_id,
        hold.hold_id,
        literal(hold.seats),
        literal(hold.prices),
        hold.expires_at,
        hold.is_extended,
    )
