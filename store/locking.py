"""Locks rows in the one order every sale follows, and hands them to the rules.

Order: buyer_holds → seats by number → holds or bookings → payments → the bus row (the write's last step).
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from store.db import Connection, Record
from store.engine import SQL, Ask, Key, StaleFacts, raise_replay
from store.errors import KeyInUse
from store.events import SeatsChanged
from store.model import LOCKED, Bus, Hold, HoldState, Leg
from store.rules import Claim, Wanted, release_expired, status_on


@dataclass(frozen=True, slots=True)
class Locked:
    """Seats under lock, the clock read after the last lock, and whether the bus is on sale."""

    states: dict[int, str]
    now: datetime
    status: str


async def lock_seats(
    connection: Connection, bus: Bus, seats: Sequence[int], ask: Ask[Any]
) -> Locked:
    """Lock seats in ascending order. Raises KeyInUse, KeyReused, StaleFacts, or ends with the stored answer."""
    key = ask.key
    row = await connection.fetchrow(
        SQL["lock_seats"],
        bus.bus_id,
        seats,
        key.advisory if key else None,
        key.key_hash if key else None,
    )
    return _locked(row, bus, key)


async def lock_hold(
    connection: Connection,
    bus: Bus,
    hold_id: uuid.UUID,
    ask: Ask[Any],
    more_seats: Sequence[int] = (),
) -> tuple[Locked, Hold | None]:
    """Lock a hold's seats (and more, if it is to be replaced), then the hold; None if there is no such hold."""
    key = ask.key
    row = await connection.fetchrow(
        SQL["lock_hold"],
        bus.bus_id,
        hold_id,
        list(more_seats),
        key.advisory if key else None,
        key.key_hash if key else None,
    )
    locked = _locked(row, bus, key)
    if row is None or row["hold_state"] is None:
        return locked, None
    hold = read_hold(bus, hold_id, row)
    if not locked.states.keys() >= set(hold.seats):
        # Replaced while we waited: other seats than those we locked.
        raise StaleFacts
    return locked, hold


async def lock_booking(connection: Connection, bus: Bus, booking_id: int, ask: Ask[Any]) -> Locked:
    """Lock a booking's seats, the booking and its payments."""
    key = ask.key
    row = await connection.fetchrow(
        SQL["lock_booking"],
        bus.bus_id,
        booking_id,
        key.advisory if key else None,
        key.key_hash if key else None,
    )
    return _locked(row, bus, key)


def _locked(row: Record | None, bus: Bus, key: Key | None) -> Locked:
    if row is None:
        raise StaleFacts
    if not row["is_ours"]:
        raise KeyInUse
    raise_replay(row, key)
    if row["facts"] != bus.facts:
        raise StaleFacts
    states = dict(zip(row["seat_nos"] or (), row["states"] or (), strict=True))
    return Locked(states, row["now"], row["status"])


def read_hold(bus: Bus, hold_id: uuid.UUID, row: Record) -> Hold:
    return Hold(
        bus=bus,
        hold_id=hold_id,
        state=HoldState(row["hold_state"]),
        user_id=row["user_id"],
        leg=Leg(row["from_idx"], row["to_idx"]),
        seats=tuple(row["seats"]),
        prices=tuple(row["prices"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


@dataclass(frozen=True, slots=True)
class Found:
    """Locked seats with what has expired counted as free, and the claims that go when the seats are taken."""

    states: Mapping[int, str]
    expired: Sequence[Claim] = ()


async def find_expired(connection: Connection, wanted: Wanted, locked: Locked) -> Found:
    """Count expired holds and bookings of the wanted seats as gone; locks those owners.

    Expiry is true when read: whoever needs the seat takes it, the sweeper only tells the others sooner. Only claims
    of the locked seats are touched; the rest of an expired hold waits for the sweeper or for the next buyer.
    """
    contested = [
        seat for seat in wanted.seats if status_on(locked.states[seat], wanted.leg) == LOCKED
    ]
    if not contested:
        return Found(locked.states)
    rows = await connection.fetch(SQL["find_claims"], wanted.bus.bus_id, contested)
    overdue = [row for row in rows if row["expires_at"] and row["expires_at"] <= locked.now]
    if not overdue:
        return Found(locked.states)
    deadlines = await _lock_owners(connection, wanted.bus, overdue)
    claims = [
        Claim(row["seat_no"], row["segment"], deadlines[row["hold_id"] or row["booking_id"]])
        for row in overdue
    ]
    return Found(*release_expired(locked.states, claims, locked.now))


async def drop_expired(connection: Connection, bus: Bus, found: Found) -> None:
    """The first write of whoever takes over expired seats."""
    if found.expired:
        await connection.execute(
            SQL["delete_claims"],
            bus.bus_id,
            [claim.seat_no for claim in found.expired],
            [claim.segment for claim in found.expired],
        )


async def _lock_owners(
    connection: Connection, bus: Bus, claims: Sequence[Record]
) -> dict[uuid.UUID | int, datetime | None]:
    holds = {row["hold_id"] for row in claims if row["hold_id"]}
    bookings = {row["booking_id"] for row in claims if row["booking_id"]}
    deadlines: dict[uuid.UUID | int, datetime | None] = {}
    if holds:
        for row in await connection.fetch(SQL["lock_holds"], bus.bus_id, list(holds)):
            deadlines[row["hold_id"]] = row["expires_at"]
    if bookings:
        for row in await connection.fetch(SQL["lock_bookings"], bus.bus_id, list(bookings)):
            deadlines[row["booking_id"]] = row["expires_at"]
    return deadlines


def wire_seats(bus: Bus, states: Mapping[int, str]) -> tuple[tuple[str, str], ...]:
    """Pair labels with states, as observers know them."""
    return tuple((bus.layout.label(seat), letters) for seat, letters in sorted(states.items()))


def wire_json(seats: tuple[tuple[str, str], ...]) -> str:
    """Return the seats as the event row stores them and clients receive them."""
    return msgspec.json.encode(seats).decode()


def changed(
    bus: Bus, row: Record | None, seats: tuple[tuple[str, str], ...], at: datetime, kind: str
) -> SeatsChanged:
    """Turn what the write returned into the news; no row means the bus went off sale or was edited meanwhile."""
    if row is None:
        raise StaleFacts
    return SeatsChanged(
        bus_id=bus.bus_id,
        epoch=row["epoch"],
        prev=row["rev"] - 1,
        rev=row["rev"],
        seats=seats,
        at=at,
        kind=kind,
    )
