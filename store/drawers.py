"""Whose drawer is open: shifts as sales in cash see them. What becomes of shifts is in `store/shifts.py`."""

from collections.abc import Collection

from store.db import Connection
from store.queries import Queries
from store.requests import Till

SQL = Queries.beside(__file__)


async def lock_open(connection: Connection, tills: Collection[Till]) -> frozenset[Till]:
    """Keep the shifts of these open until our transaction ends, and return whose are: before the clock is read.

    Locks them by number, shared: any number sells at the same time, and nobody closes one meanwhile.
    """
    columns = zip(
        *((each.operator_id, each.user_id, each.device_id) for each in tills), strict=True
    )
    rows = await connection.fetch(SQL["lock_shifts"], *columns)
    return frozenset(Till(*row) for row in rows)
