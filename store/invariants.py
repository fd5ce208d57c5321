"""What must be true of the data at any moment, asked of the database itself."""

from store.db import Connection, Database, Record
from store.queries import Queries

SQL = Queries.beside(__file__)
_ROWS_SHOWN = 20


async def find_violations(db: Database) -> dict[str, list[str]]:
    """Ask every invariant, each on a snapshot of its own, and return the broken ones; empty is good."""
    broken: dict[str, list[str]] = {}
    for name in SQL.names():
        if rows := await _ask(db, SQL[name]):
            broken[name] = [str(dict(row)) for row in rows[:_ROWS_SHOWN]]
    return broken


async def _ask(db: Database, query: str) -> list[Record]:
    async def work(connection: Connection) -> list[Record]:
        await connection.execute("SET LOCAL statement_timeout = '60s'")
        return await connection.fetch(query, timeout=70)

    return await db.transaction(None, work)
