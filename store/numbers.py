"""Where a process gets the numbers of its bookings: in blocks from the database, ahead of need, one query at a time."""

import asyncio

from store.db import Database
from store.ids import BookingNumbers
from store.queries import Queries

SQL = Queries.beside(__file__)
_EARLY = BookingNumbers.BLOCK // 2


class NumberSource:
    """Construct anywhere; take numbers in one event loop."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._numbers = BookingNumbers()
        self._refilling: asyncio.Task[None] | None = None

    async def take(self) -> int:
        """Return a number that no booking has; raise Overloaded when the database cannot be reached in time."""
        number = self._numbers.take()
        if self._numbers.left < _EARLY:
            self._start_refill()
        while number is None:
            # Shared: whoever leaves does not take the others' numbers away.
            await asyncio.shield(self._start_refill())
            number = self._numbers.take()
        return number

    def _start_refill(self) -> "asyncio.Task[None]":
        if self._refilling is None:
            self._refilling = asyncio.create_task(self._refill())
            self._refilling.add_done_callback(self._ended)
        return self._refilling

    async def _refill(self) -> None:
        row = await self._db.fetchrow(SQL["next_numbers"])
        assert row is not None
        self._numbers.refill(row["start"])

    def _ended(self, refilling: "asyncio.Task[None]") -> None:
        self._refilling = None
        if not refilling.cancelled():
            refilling.exception()  # told to those who wait for it; ahead of need nobody does
