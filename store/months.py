"""The months that searches look through: made ahead of time, and dropped some time after they are over.

`calls` says nothing that `bus_stops` does not say (ADR 27): a month that is dropped takes nothing of a bus with it, but
that searches find it. A call for which there is no month yet is found as well, among the rest.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg

from store.db import Connection, Database
from store.errors import Overloaded
from store.queries import Queries
from store.roles import WORKER

SQL = Queries.beside(__file__)
AHEAD, AHEAD_MAX = 13, 48
KEPT, KEPT_MAX = 3, 120
_SECONDS = 65.0


@dataclass(frozen=True, slots=True)
class Month:
    """A month of departures by UTC, or with None the rest; `calls` is an estimate."""

    begins_on: date | None
    calls: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be made, and what is over: all that ended by `kept_from`."""

    missing: tuple[date, ...] = ()
    over: tuple[date, ...] = ()
    kept_from: date | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What was made, how many calls went there from the rest, what was dropped; `put_off` is still to be done."""

    opened: tuple[date, ...] = ()
    moved: int = 0
    forgotten: tuple[date, ...] = ()
    put_off: Due = Due()

    @property
    def is_whole(self) -> bool:
        return not self.put_off.missing and not self.put_off.over


async def open_months(dsn: str) -> None:
    """Do what `Months.keep` does on a database that was just migrated; whatever is in the way, workers try again.

    A login may be good for migrating and nothing else.
    """
    with suppress(Overloaded, asyncpg.InsufficientPrivilegeError):
        db = await Database.connect(dsn, size=1, role=WORKER)
        try:
            await Months(db).keep()
        finally:
            await db.close()


class Months:
    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def is_whole_table(self) -> bool:
        """Whether there are no months: on a cluster each server searches its own part of `bus_stops`."""
        return self._db.is_spread

    async def list(self) -> list[Month]:
        """Return the months in order, last the rest; on a cluster there are none. Raises Overloaded."""
        return [Month(**dict(row)) for row in await self._db.fetch(SQL["find_months"])]

    async def find_due(self, *, ahead: int = AHEAD, kept: int = KEPT) -> Due:
        """Return what `keep` would do. Raises Overloaded."""
        if self._db.is_spread:
            return Due()
        (row,) = await self._db.fetch(SQL["find_wanted"], ahead, kept)
        there = {month.begins_on for month in await self.list()}
        return Due(
            tuple(month for month in row["wanted"] if month not in there),
            tuple(sorted(month for month in there if month and month < row["kept_from"])),
            row["kept_from"],
        )

    async def keep(self, *, ahead: int = AHEAD, kept: int = KEPT) -> Done:
        """Have this month and `ahead` more, and of those that are over `kept`; of the rest forget what is older.

        Each month is a transaction, tried four times. It locks the rest of the calls against edits of buses while rows
        move, and searches out for the instant in which a month comes or goes; a lock that is not to be had within
        200 ms, because of a long search, is not waited for: what could not be done is said, and done the next time.
        Any number of processes may do this at once. For workers: `role` of the store.
        """
        if self._db.is_spread:
            return Done()
        due = await self.find_due(ahead=ahead, kept=kept)
        opened: list[date] = []
        moved = 0
        forgotten: tuple[date, ...] = ()
        try:
            for month in due.missing:
                count = await self._do(SQL["open"], month)
                if count is not None:  # or another process has made it meanwhile
                    opened.append(month)
                    moved += count
            forgotten = tuple(await self._do(SQL["forget"], due.kept_from))
        except Overloaded:
            left = await self.find_due(ahead=ahead, kept=kept)
            return Done(tuple(opened), moved, forgotten, left)
        return Done(tuple(opened), moved, forgotten)

    async def _do(self, query: str, day: date | None) -> Any:
        async def work(connection: Connection) -> Any:
            await connection.execute(SQL["take_time"])
            return await connection.fetchval(query, day, timeout=_SECONDS)

        return await self._db.transaction([], work)
