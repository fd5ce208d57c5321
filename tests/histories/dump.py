"""What the database says when all is quiet: written down on one snapshot, for a checker that cannot ask it."""

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from store.ids import format_owned
from tests.histories.records import (
    BookingRow,
    BusRow,
    ClaimRow,
    EventRow,
    HoldRow,
    PaymentRow,
    RefundRow,
    Row,
    TicketRow,
    Writer,
)
from tests.support.waiting import wait_until

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUIET_SECONDS = 60.0
_SCOPE = "SELECT set_config('omnibus.operators', array_agg(operator_id)::text, true) FROM operators"
_BUSY = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'omnibus' AND state <> 'idle')
    + (SELECT count(*) FROM holds
       WHERE bus_id = any($1) AND state = 'ACTIVE' AND expires_at < now() + interval '30 seconds')
    + (SELECT count(*) FROM bookings WHERE bus_id = any($1) AND status = 'PENDING')
"""
_HEADS = "SELECT bus_id, epoch, rev FROM buses WHERE bus_id = any($1)"
_SEATS = """
SELECT s.bus_id, s.seat_no, l.label, s.states::text AS states, b.epoch, b.rev, clock_timestamp() AS read_at
FROM seats AS s
INNER JOIN buses AS b ON b.bus_id = s.bus_id
INNER JOIN layout_seats AS l ON l.layout_id = b.layout_id AND l.seat_no = s.seat_no
WHERE s.bus_id = any($1)
"""
_TABLES = {
    "events": "SELECT bus_id, epoch, rev, kind, seats, at FROM events WHERE bus_id = any($1) ORDER BY bus_id, rev",
    "holds": "SELECT * FROM holds WHERE bus_id = any($1) ORDER BY bus_id, created_at",
    "bookings": "SELECT * FROM bookings WHERE bus_id = any($1) ORDER BY bus_id, created_at",
    "claims": "SELECT c.*, b.ref FROM claims AS c LEFT JOIN bookings AS b USING (bus_id, booking_id)"
    " WHERE c.bus_id = any($1)",
    "tickets": "SELECT t.*, b.ref FROM tickets AS t INNER JOIN bookings AS b USING (bus_id, booking_id)"
    " WHERE t.bus_id = any($1)",
    "payments": "SELECT p.*, b.ref FROM payments AS p INNER JOIN bookings AS b USING (bus_id, booking_id)"
    " WHERE p.bus_id = any($1)",
    "refunds": "SELECT r.*, b.ref FROM refunds AS r INNER JOIN payments AS p USING (bus_id, payment_id)"
    " INNER JOIN bookings AS b USING (bus_id, booking_id) WHERE r.bus_id = any($1)",
}
Labels = dict[tuple[int, int], str]
"""Seats' labels by bus and number."""
Heads = dict[str, tuple[int, int]]


async def settle(url: str, buses: Collection[str]) -> Heads:
    """Wait until nothing is under way on these buses and nothing expires soon; return their epochs and revisions."""
    numbers = [int(bus) for bus in buses]
    connection = await asyncpg.connect(url)
    try:
        # Row security would hide the sales from whoever does not say whose they are; so would a lost setting.
        await connection.execute(_SCOPE.replace("true)", "false)"))

        async def is_quiet() -> bool:
            busy: int = await connection.fetchval(_BUSY, numbers)
            return busy == 0

        await wait_until(is_quiet, seconds=_QUIET_SECONDS)
        rows = await connection.fetch(_HEADS, numbers)
    finally:
        await connection.close()
    return {str(row["bus_id"]): (row["epoch"], row["rev"]) for row in rows}


async def dump(url: str, buses: Collection[str], path: Path) -> None:
    """Write every row that concerns these buses."""
    numbers = [int(bus) for bus in buses]
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(_SCOPE)
            seats = await connection.fetch(_SEATS, numbers)
            labels = {(row["bus_id"], row["seat_no"]): row["label"] for row in seats}
            with Writer(path) as writer:
                for bus in _buses(seats):
                    writer.write(bus)
                for table, query in _TABLES.items():
                    for row in await connection.fetch(query, numbers):
                        writer.write(_read(table, row, labels))
    finally:
        await connection.close()


def _buses(seats: Any) -> Iterator[BusRow]:
    found: dict[int, BusRow] = {}
    for row in seats:
        bus = found.get(row["bus_id"])
        if bus is None:
            bus = BusRow(str(row["bus_id"]), row["epoch"], row["rev"], {}, _at(row["read_at"]) or 0)
            found[row["bus_id"]] = bus
        bus.seats[row["label"]] = row["states"]
    yield from found.values()


def _read(table: str, row: Any, labels: Labels) -> Row:
    bus = str(row["bus_id"])
    named = {key: row[key] for key in row.keys()}  # noqa: SIM118 - a record iterates over its values

    def seats() -> tuple[str, ...]:
        return tuple(labels[row["bus_id"], number] for number in row["seats"])

    def hold(key: str) -> str | None:
        return format_owned(row["bus_id"], named[key]) if named[key] else None

    match table:
        case "events":
            told = tuple((label, letters) for label, letters in json.loads(row["seats"]))
            return EventRow(bus, row["epoch"], row["rev"], row["kind"], told, _must(row["at"]))
        case "holds":
            return HoldRow(
                bus=bus,
                id=hold("hold_id") or "",
                state=row["state"],
                seats=tuple(sorted(seats())),
                leg=(row["from_idx"], row["to_idx"]),
                total=sum(row["prices"]),
                created=_must(row["created_at"]),
                expires=_must(row["expires_at"]),
                ended=_at(row["ended_at"]),
            )
        case "bookings":
            return BookingRow(
                bus=bus,
                id=row["ref"],
                hold=hold("hold_id"),
                status=row["status"],
                seats=seats(),
                prices=tuple(row["prices"]),
                leg=(row["from_idx"], row["to_idx"]),
                created=_must(row["created_at"]),
                expires=_at(row["expires_at"]),
                confirmed=_at(row["confirmed_at"]),
                ended=_at(row["ended_at"]),
            )
    return _read_part(table, row, labels, hold("hold_id") if table == "claims" else None)


def _read_part(table: str, row: Any, labels: Labels, hold: str | None) -> Row:
    """Read what belongs to a hold or a booking."""
    bus = str(row["bus_id"])
    match table:
        case "claims":
            seat = labels[row["bus_id"], row["seat_no"]]
            owner = hold or row["ref"] or f"block {row['block_id']}"
            return ClaimRow(bus, seat, row["segment"], owner)
        case "tickets":
            seat = labels[row["bus_id"], row["seat_no"]]
            return TicketRow(bus, row["ref"], seat, row["status"], _at(row["cancelled_at"]))
        case "payments":
            return PaymentRow(bus, row["ref"], row["status"], row["amount"])
        case _:
            seats = tuple(sorted(labels[row["bus_id"], number] for number in row["seats"]))
            return RefundRow(bus, row["ref"], row["amount"], seats, _must(row["created_at"]))


def _must(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _at(time: datetime | None) -> int | None:
    return None if time is None else _must(time)
