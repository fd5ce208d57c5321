"""One batch in one transaction: lock what its requests need, decide each in order of arrival, write it all, commit.

Lock order, whatever the requests are: buyers' counts → shifts of whoever takes cash, shared → seats by (bus, number) →
holds → bookings → bus rows, last.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from store.counts import lock_buyers
from store.db import Connection, Record
from store.drawers import lock_open
from store.errors import KeyReused, Refusal, StoreError
from store.events import SeatsChanged
from store.fault_points import fault_point
from store.ledger import Again, Changes, Ledger, Row, wire_json
from store.lookup import read_booking
from store.model import LOCKED, Booking, Bus, Hold, HoldState, Leg
from store.queries import Queries
from store.requests import Key, Needs, Reply, Request

SQL = Queries.beside(__file__)
_NO_ROWS: tuple[()] = ()

# The write statements in the order in which their rows may depend on each other.
_STATEMENTS = (
    "add_holds",
    "change_holds",
    "end_holds",
    "set_held",
    "add_bookings",
    "set_locales",
    "move_bookings",
    "add_payments",
    "add_foreign_payments",
    "add_tickets",
    "reseat_bookings",
    "move_tickets",
    "void_tickets",
    "release_tickets",
    "add_refunds",
    "add_blocks",
    "lift_blocks",
    "add_jobs",
    "add_audit",
)


class BusesMoved(Exception):
    """Buses were edited or went off sale between lock and write; nothing was written."""

    def __init__(self, bus_ids: set[int]) -> None:
        super().__init__(bus_ids)
        self.bus_ids = bus_ids


Decision = Reply | Exception
"""What a request is told; Again means that it must be prepared anew."""


@dataclass(slots=True)
class Written:
    """What a batch came to: a decision for each request, in their order, what it had under lock, and the news."""

    decisions: list[Decision]
    now: datetime
    holds: Iterable[Hold]
    """All that were locked or made, as they are now."""
    events: list[SeatsChanged] = field(default_factory=list)


async def run_batch(
    connection: Connection, requests: Sequence[Request[Any]], needs: Sequence[Needs]
) -> Written:
    """Lock, decide and write inside the transaction that is open on `connection`.

    Raises BusesMoved when the bus rows have changed since they were read; nothing counts then.
    """
    ledger, answers = await _lock(connection, requests, needs)
    fault_point("after_lock")
    decisions = [_decide(request, ledger, answers) for request in requests]
    written = Written(decisions, ledger.now, ledger.holds.values())
    await _recognise_own(connection, requests, written, ledger)
    written.events = await _write(connection, ledger)
    return written


# Locking.

Answers = dict[tuple[int, uuid.UUID], tuple[uuid.UUID, Reply]]


async def _lock(
    connection: Connection, requests: Sequence[Request[Any]], needs: Sequence[Needs]
) -> tuple[Ledger, Answers]:
    buyers = await lock_buyers(connection, requests, needs)
    tills = {need.till for need in needs if need.till is not None}
    open_tills = await lock_open(connection, tills) if tills else frozenset()
    seats = {(r.bus_id, seat) for r, n in zip(requests, needs, strict=True) for seat in n.seats}
    holds = {(r.bus_id, n.hold_id) for r, n in zip(requests, needs, strict=True) if n.hold_id}
    bookings = {
        (r.bus_id, n.booking_id) for r, n in zip(requests, needs, strict=True) if n.booking_id
    }
    if holds or bookings:
        rows = await connection.fetch(
            SQL["seats_of_owners"], *_columns(holds, 2), *_columns(bookings, 2)
        )
        seats |= {(row["bus_id"], row["seat_no"]) for row in rows}
    row = await connection.fetchrow(
        SQL["lock_seats"],
        *_columns(sorted(seats), 2),
        list({request.bus_id for request in requests}),
        *_columns({(r.bus_id, r.ask.key.key_hash) for r in requests if r.ask.key}, 2),
    )
    assert row is not None
    ledger = _ledger(row)
    ledger.buyers = buyers
    ledger.tills = open_tills
    buses = {request.bus_id: request.bus for request in requests}
    if holds:
        await _lock_holds(connection, ledger, buses, holds)
    if bookings:
        await _lock_bookings(connection, ledger, buses, bookings)
    await _find_overdue(connection, ledger, requests, needs)
    return ledger, _answers(row)


def _ledger(row: Record) -> Ledger:
    places = zip(row["seat_buses"] or (), row["seat_nos"] or (), strict=True)
    return Ledger(
        now=row["now"],
        states=dict(zip(places, row["states"] or (), strict=True)),
        facts=dict(zip(row["buses"] or (), row["facts"] or (), strict=True)),
        sale_status=dict(zip(row["buses"] or (), row["statuses"] or (), strict=True)),
    )


def _answers(row: Record) -> Answers:
    return {
        (bus_id, key_hash): (request_hash, Reply(status, response, is_replayed=True))
        for bus_id, key_hash, request_hash, status, response in zip(
            row["key_buses"] or (),
            row["key_hashes"] or (),
            row["key_requests"] or (),
            row["key_statuses"] or (),
            row["key_responses"] or (),
            strict=True,
        )
    }


async def _lock_holds(
    connection: Connection,
    ledger: Ledger,
    buses: dict[int, Bus],
    holds: set[tuple[int, uuid.UUID]],
) -> None:
    for row in await connection.fetch(SQL["lock_holds"], *_columns(sorted(holds), 2)):
        hold = read_hold(buses[row["bus_id"]], row)
        ledger.holds[row["bus_id"], hold.hold_id] = hold
        ledger.now = max(ledger.now, row["now"])


async def _lock_bookings(
    connection: Connection,
    ledger: Ledger,
    buses: dict[int, Bus],
    bookings: set[tuple[int, int]],
) -> None:
    for row in await connection.fetch(SQL["lock_bookings"], *_columns(sorted(bookings), 2)):
        bus = buses[row["bus_id"]]
        booking = await read_booking(connection, bus, row["booking_id"])
        ledger.bookings[bus.bus_id, booking.booking_id] = booking
        ledger.now = max(ledger.now, row["now"])


async def _find_overdue(
    connection: Connection,
    ledger: Ledger,
    requests: Sequence[Request[Any]],
    needs: Sequence[Needs],
) -> None:
    """Find claims of wanted seats whose owner's time is over, and lock those owners.

    An extension or a payment under way is waited for and then seen. Only claims of locked seats are looked at: the rest
    of an expired hold waits for the sweeper or for the next buyer. That these owners are locked after other holds and
    bookings deadlocks nobody: whoever locks one by asking about it needs all of its seats first.
    """
    contested = {
        (request.bus_id, seat)
        for request, need in zip(requests, needs, strict=True)
        for seat in _seats_in_doubt(ledger, request, need)
    }
    if not contested:
        return
    rows = await connection.fetch(SQL["find_claims"], *_columns(sorted(contested), 2))
    overdue = [row for row in rows if row["expires_at"] and row["expires_at"] <= ledger.now]
    deadlines = await _lock_owners(connection, overdue)
    for row in overdue:
        owner = row["booking_id"] or row["hold_id"]
        if (deadline := deadlines.get((row["bus_id"], owner))) and deadline <= ledger.now:
            ledger.overdue.setdefault((row["bus_id"], row["seat_no"]), []).append(row["segment"])
    for row in rows:
        for owner in filter(None, (row["booking_id"], row["hold_id"], row["block_id"])):
            place = (row["seat_no"], row["segment"])
            ledger.owned.setdefault((row["bus_id"], owner), []).append(place)


def _seats_in_doubt(ledger: Ledger, request: Request[Any], need: Needs) -> Iterable[int]:
    """Seats that are locked on the wanted leg; all seats of what is ended, for they may not be its own any more."""
    if need.block_id is not None:
        return need.seats
    owner: Hold | Booking | None = None
    if need.hold_id is not None:
        owner = ledger.holds.get((request.bus_id, need.hold_id))
    elif need.booking_id is not None:
        owner = ledger.bookings.get((request.bus_id, need.booking_id))
    if need.is_ending:
        return owner.seats if owner else _NO_ROWS
    leg = need.leg or (owner.leg if owner else None)
    if leg is None:
        return _NO_ROWS
    return [
        seat
        for seat in need.seats
        if LOCKED in ledger.states.get((request.bus_id, seat), "")[leg.start : leg.end]
    ]


async def _lock_owners(
    connection: Connection, claims: Sequence[Record]
) -> dict[tuple[int, Any], datetime | None]:
    holds = {(row["bus_id"], row["hold_id"]) for row in claims if not row["booking_id"]}
    bookings = {(row["bus_id"], row["booking_id"]) for row in claims if row["booking_id"]}
    deadlines: dict[tuple[int, Any], datetime | None] = {}
    if holds:
        for row in await connection.fetch(SQL["lock_holds"], *_columns(sorted(holds), 2)):
            is_live = row["hold_state"] == HoldState.ACTIVE
            deadlines[row["bus_id"], row["hold_id"]] = row["expires_at"] if is_live else None
    if bookings:
        for row in await connection.fetch(SQL["lock_bookings"], *_columns(sorted(bookings), 2)):
            deadlines[row["bus_id"], row["booking_id"]] = row["expires_at"]
    return deadlines


def read_hold(bus: Bus, row: Record) -> Hold:
    return Hold(
        bus=bus,
        hold_id=row["hold_id"],
        state=HoldState(row["hold_state"]),
        user_id=row["user_id"],
        leg=Leg(row["from_idx"], row["to_idx"]),
        seats=tuple(row["seats"]),
        prices=tuple(row["prices"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        buyer=row["buyer"],
        network=row["network"],
        is_extended=row["is_extended"],
    )


# Deciding.


def _decide(request: Request[Any], ledger: Ledger, answers: Answers) -> Decision:
    key = request.ask.key
    if key is not None and (known := answers.get((request.bus_id, key.key_hash))):
        return _replay(key, known)
    try:
        ledger.require_current(request.bus)
        changes = Changes(request.bus, ledger.now)
        value = request.decide(ledger, changes)
        reply = request.ask.encode(value)
        ledger.apply(changes)
    except Refusal as refusal:
        if key is None:
            return refusal
        reply = request.ask.encode(refusal)
    except (StoreError, Again) as error:
        return error
    if key is not None:
        ledger.answer(request.bus, key, reply)
        answers[request.bus_id, key.key_hash] = (
            key.request_hash,
            Reply(reply.status, reply.body, is_replayed=True),
        )
    return reply


def _replay(key: Key, known: tuple[uuid.UUID, Reply]) -> Decision:
    request_hash, reply = known
    return reply if request_hash == key.request_hash else KeyReused()


async def _recognise_own(
    connection: Connection, requests: Sequence[Request[Any]], written: Written, ledger: Ledger
) -> None:
    """Look once more before a refusal is stored: what took the seat while we waited may be this very request.

    The lock statement's snapshot is older than its locks; a fresh one shows every answer committed meanwhile.
    """
    refused = {
        (request.bus_id, request.ask.key.key_hash)
        for request, decision in zip(requests, written.decisions, strict=True)
        if request.ask.key and isinstance(decision, Reply) and not decision.is_replayed
        if decision.status >= 400
    }
    if not refused:
        return
    found: Answers = {}
    for row in await connection.fetch(SQL["find_answers"], *_columns(sorted(refused), 2)):
        place = row["bus_id"], row["key_hash"]
        found[place] = row["request_hash"], Reply(row["status"], row["response"], is_replayed=True)
        ledger.keys.pop(place)
    # Not only the first one of the batch: whoever came again with its key was told what that one was told.
    for index, request in enumerate(requests):
        key = request.ask.key
        if key is not None and (known := found.get((request.bus_id, key.key_hash))):
            written.decisions[index] = _replay(key, known)


# Writing.


async def _write(connection: Connection, ledger: Ledger) -> list[SeatsChanged]:
    if ledger.given_up:
        await connection.execute(SQL["give_up_claims"], *_columns(ledger.given_up, 4))
    for statement in _STATEMENTS:
        if rows := ledger.rows.get(statement):
            await connection.execute(SQL[statement], *zip(*rows.values(), strict=True))
    if ledger.events:
        return await _write_tail(connection, ledger)
    if ledger.keys:
        await connection.execute(SQL["write_answers"], *_columns(ledger.keys.values(), 6))
    return []


async def _write_tail(connection: Connection, ledger: Ledger) -> list[SeatsChanged]:
    counts: dict[int, int] = {}
    placed: list[Row] = []
    on_sale: dict[int, bool] = {}
    for event in ledger.events:
        bus_id = event.bus.bus_id
        counts[bus_id] = place = counts.get(bus_id, 0) + 1
        on_sale[bus_id] = on_sale.get(bus_id, False) or event.is_sale
        placed.append((bus_id, place, event.kind, wire_json(event.seats), event.at))
    buses = [
        (bus_id, counts[bus_id], ledger.facts[bus_id], on_sale[bus_id]) for bus_id in sorted(counts)
    ]
    rows = await connection.fetch(
        SQL["write_tail"],
        *_columns([(*place, states) for place, states in ledger.changed.items()], 3),
        *_columns(ledger.claims, 8),
        *_columns(ledger.keys.values(), 6),
        *_columns(buses, 4),
        *_columns(placed, 5),
    )
    if len(rows) < len(placed):
        raise BusesMoved(set(counts) - {row["bus_id"] for row in rows})
    revs: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        revs.setdefault(row["bus_id"], []).append((row["rev"], row["epoch"]))
    for found in revs.values():
        found.sort(reverse=True)
    return [
        _seats_changed(
            event.bus.bus_id, event.seats, event.at, event.kind, revs[event.bus.bus_id].pop()
        )
        for event in ledger.events
    ]


def _seats_changed(
    bus_id: int,
    seats: tuple[tuple[str, str], ...],
    at: datetime,
    kind: str,
    position: tuple[int, int],
) -> SeatsChanged:
    rev, epoch = position
    return SeatsChanged(bus_id, epoch, rev - 1, rev, seats, at, kind)


def _columns(rows: Iterable[Row], width: int) -> list[tuple[Any, ...]]:
    """Turn rows into the parallel arrays that a statement takes."""
    columns = list(zip(*rows, strict=True))
    return columns or [_NO_ROWS] * width
