"""The server without its lane: every booking is a transaction of its own, as one would write it first.

Started like the real one, as `python -m tests.bench.plain_server serve`. Endpoint, rules, answers and news are the real
thing; bookings of two seats on buses of one segment are all it can write.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncpg

from server.cli import main
from server.config import load
from store.bookings import BookSeats
from store.errors import KeyReused
from store.events import SeatsChanged
from store.lane import Lane
from store.model import LOCKED, Booking, Bus
from store.requests import Reply, Request
from store.rules import require_free, require_on_sale
from tests.bench.pgbench import SESSION, numbered

_LOCK, _LOCK_NAMES = numbered("lock")
_WRITE, _WRITE_NAMES = numbered("write")
_CONNECTIONS = 16


async def _submit(lane: Lane, request: Request[Any]) -> Reply:
    """Do what `Lane.submit` does for a booking, alone."""
    assert isinstance(request, BookSeats)
    bus = await lane.buses.find(request.bus_id)
    request.prepare(bus)
    connection = await _pool.take()
    try:
        scope = f"SET LOCAL omnibus.operators = '{{{bus.operator_id}}}'"
        await connection.execute(f"BEGIN; {scope}")
        done = await _sell(connection, bus, request)
        await connection.execute("COMMIT")
    except BaseException:
        await connection.execute("ROLLBACK")
        raise
    finally:
        _pool.give_back(connection)
    if done.event is not None:
        lane._announce([done.event])
    return done.reply


@dataclass(frozen=True, slots=True)
class _Done:
    reply: Reply
    event: SeatsChanged | None


async def _sell(connection: Any, bus: Bus, request: BookSeats) -> _Done:
    wanted, key = request.wanted, request.ask.key
    assert wanted is not None
    assert key is not None
    given = {"bus": bus.bus_id, "key": key.key_hash, "request": key.request_hash}
    given |= dict(zip(("first", "second"), wanted.seats, strict=True))
    rows = await connection.fetch(_LOCK, *(given[name] for name in _LOCK_NAMES))
    if rows[0]["status"] is not None:
        if rows[0]["request_hash"] != key.request_hash:
            raise KeyReused
        return _Done(Reply(rows[0]["status"], rows[0]["response"], is_replayed=True), None)
    require_on_sale(bus, wanted.leg, "SCHEDULED", rows[0]["now"])
    require_free(wanted, {row["seat_no"]: row["states"] for row in rows})
    booking = request.sale.open(bus, wanted.leg, wanted.prices, request.passengers, rows[-1]["now"])
    reply = request.ask.encode(booking)
    given |= _values(booking, reply)
    row = await connection.fetchrow(_WRITE, *(given[name] for name in _WRITE_NAMES))
    seats = tuple((bus.layout.label(seat), LOCKED) for seat in booking.seats)
    rev = row["rev"]
    news = SeatsChanged(bus.bus_id, row["epoch"], rev - 1, rev, seats, booking.created_at, "booked")
    return _Done(reply, news)


def _values(booking: Booking, reply: Reply) -> dict[str, Any]:
    labels = [booking.bus.layout.label(seat) for seat in booking.seats]
    shown = ",".join(f'["{label}","{LOCKED}"]' for label in labels)
    return {
        "operator": booking.bus.operator_id,
        "booking": booking.booking_id,
        "ref": booking.ref,
        "user": booking.user_id,
        "price": booking.prices[0],
        "now": booking.created_at,
        "expires": booking.expires_at,
        "response": reply.body,
        "shown": f"[{shown}]",
    }


class _Pool:
    """Connections that stay open between requests, without the round trip that a reset would cost."""

    def __init__(self) -> None:
        self._idle: list[Any] = []
        self._places = asyncio.Semaphore(_CONNECTIONS)

    async def take(self) -> Any:
        await self._places.acquire()
        if self._idle:
            return self._idle.pop()
        return await asyncpg.connect(load().database_url, server_settings=SESSION)

    def give_back(self, connection: Any) -> None:
        self._idle.append(connection)
        self._places.release()


_pool = _Pool()

if __name__ == "__main__":
    Lane.submit = _submit  # type: ignore[method-assign, assignment]  # this process is the baseline
    main()
