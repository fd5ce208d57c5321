"""What must be true of the data at any moment, asked of the database itself."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.db import Connection, Database, Record
from store.queries import Queries, about_all

SQL = Queries.beside(__file__)
_OF_ALL = {name: about_all(SQL[name]) for name in SQL.names()}
_ROWS_SHOWN = 20
_KEY_SHOWN = 8
"""A whole hold id opens the hold; so much of it finds the row and opens nothing."""


@dataclass(frozen=True, slots=True)
class Violations:
    """How many rows break one invariant, the first of them by their keys, and the buses they are of."""

    count: int
    rows: tuple[str, ...]
    buses: frozenset[int]


async def find_violations(db: Database) -> dict[str, list[str]]:
    """Ask every invariant of everything, each on a snapshot of its own, and return the broken ones; empty is good."""
    found = await _find(db, _OF_ALL, [], statement_seconds=60)
    return {name: list(broken.rows) for name, broken in found.items()}


async def find_violations_on(
    db: Database, buses: Sequence[int], *, statement_seconds: int
) -> dict[str, Violations]:
    """Ask every invariant of these buses. Locks nothing. Raises Overloaded when one of them takes too long."""
    asked = {name: SQL[name] for name in SQL.names()}
    return await _find(db, asked, [buses], statement_seconds=statement_seconds)


async def _find(
    db: Database, asked: Mapping[str, str], arguments: Sequence[object], *, statement_seconds: int
) -> dict[str, Violations]:
    async def work(connection: Connection) -> dict[str, Violations]:
        # A plan for these buses, not for any: it reads them alone, or everything at once.
        # allow sql-text: a number
        await connection.execute(
            f"SET LOCAL statement_timeout = '{statement_seconds:d}s'; SET LOCAL plan_cache_mode = force_custom_plan"
        )
        found: dict[str, Violations] = {}
        for name, query in asked.items():
            if rows := await connection.fetch(query, *arguments, timeout=statement_seconds + 10):
                found[name] = _violations(rows)
        return found

    return await db.read(None, work)


def _violations(rows: Sequence[Record]) -> Violations:
    return Violations(
        len(rows),
        tuple(_keys(row) for row in rows[:_ROWS_SHOWN]),
        frozenset(row["bus_id"] for row in rows),
    )


def _keys(row: Record) -> str:
    return ", ".join(
        f"{name} {str(value)[:_KEY_SHOWN] if isinstance(value, uuid.UUID) else value}"
        for name, value in row.items()
    )
