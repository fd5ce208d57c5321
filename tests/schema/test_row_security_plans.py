"""What row security costs a sale: a comparison a row, never another way to the rows."""

import re

import pytest

from store import batch, counts, express, express_held
from store.db import _SESSION, Connection
from store.queries import Queries
from tests.support.twins import switch_off_row_security

WAY_OF_A_SALE = [
    (queries, name)
    for queries, names in (
        (express.SQL, ("sell",)),
        (express_held.SQL, ("book_held",)),
        (
            batch.SQL,
            ("lock_seats", "seats_of_owners", "lock_holds", "lock_bookings", "find_claims"),
        ),
        (batch.SQL, ("give_up_claims", "end_holds", "move_bookings", "write_tail")),
        (counts.SQL, ("lock_buyers", "count_held")),
    )
    for name in names
]
_NODE = re.compile(
    r"^(?:CTE .*|\s*(?:->\s+)?(?:\w+ )*(?:Scan|Join|Loop|Sort|Aggregate|Append|LockRows)\b.*)$"
)
_ALIKE = re.compile(r"\bbuses_operator_departs_idx\b")


async def ways(connection: Connection, queries: Queries, name: str) -> list[str]:
    """Return how the rows are come by: scans, joins and sorts, in order, with the indexes they use.

    An index alone does not know whose row it is, so where only its own columns were read the row is read as well. Of
    the two indexes of buses that begin alike, PostgreSQL 15 takes either while there are hardly any buses.
    """
    prepared = await connection.prepare(queries[name])
    nothing = [None] * len(prepared.get_parameters())
    rows = await connection.fetch(f"EXPLAIN (COSTS OFF) {queries[name]}", *nothing)
    lines = [row[0].replace("Index Only Scan", "Index Scan") for row in rows]
    lines = [_ALIKE.sub("buses_operator_key", line) for line in lines]
    return [line.strip().removeprefix("->").strip() for line in lines if _NODE.match(line)]


@pytest.mark.parametrize(
    ("queries", "name"), WAY_OF_A_SALE, ids=[f"{q._path.stem}.{n}" for q, n in WAY_OF_A_SALE]
)
async def test_the_way_to_the_rows_of_a_sale_is_the_same_with_row_security_and_without(
    app: Connection, queries: Queries, name: str
) -> None:
    for setting in ("plan_cache_mode", "enable_seqscan", "jit"):
        await app.execute(f"SET LOCAL {setting} = {_SESSION[setting]}")
    secured = await ways(app, queries, name)
    await app.execute("RESET ROLE")
    await switch_off_row_security(app)
    await app.execute("SET LOCAL ROLE omnibus_app")
    assert await ways(app, queries, name) == secured
    assert any("Scan" in way for way in secured)
