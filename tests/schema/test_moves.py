"""Legal moves only: every pair of states of everything that has states, tried one by one."""

from itertools import product

import asyncpg
import pytest

from store.db import Connection
from tests.schema.rows import BLOCK, insert

HOLDS = ("ACTIVE", "BOOKED", "RELEASED", "EXPIRED")
BOOKINGS = ("PENDING", "CONFIRMED", "CANCELLED", "PARTIALLY_CANCELLED", "EXPIRED", "FAILED")
TICKETS = ("VALID", "CANCELLED", "NO_SHOW")

LEGAL = {
    "holds": {("ACTIVE", "ACTIVE"), *product(["ACTIVE"], HOLDS[1:])},
    "bookings": {
        ("PENDING", "PENDING"),
        ("CONFIRMED", "CONFIRMED"),
        ("PARTIALLY_CANCELLED", "PARTIALLY_CANCELLED"),
        *product(["PENDING"], ["CONFIRMED", "CANCELLED", "EXPIRED", "FAILED"]),
        *product(["CONFIRMED"], ["CANCELLED", "PARTIALLY_CANCELLED"]),
        ("PARTIALLY_CANCELLED", "CANCELLED"),
        ("EXPIRED", "CONFIRMED"),
    },
    "tickets": {("VALID", status) for status in TICKETS},
}
PAIRS = [
    *(("holds", *pair) for pair in product(HOLDS, HOLDS)),
    *(("bookings", *pair) for pair in product(BOOKINGS, BOOKINGS)),
    *(("tickets", *pair) for pair in product(TICKETS, TICKETS)),
]
KEYS = {
    "holds": "hold_id = '00000000-0000-0000-0000-000000000002' AND bus_id = 1",
    "bookings": "booking_id = 2",
    "tickets": "bus_id = 1 AND seat_no = 2",
}


def shape(table: str, state: str) -> dict[str, str]:
    """Return the columns that fit a state, so that only the move itself can be refused."""
    if table == "holds":
        return {"state": f"'{state}'", "ended_at": "NULL" if state == "ACTIVE" else "now()"}
    if table == "tickets":
        return {
            "status": f"'{state}'",
            "cancelled_at": "now()" if state == "CANCELLED" else "NULL",
            "no_show_at": "now()" if state == "NO_SHOW" else "NULL",
        }
    is_sold = state in {"CONFIRMED", "PARTIALLY_CANCELLED"}
    is_live = is_sold or state == "PENDING"
    return {
        "status": f"'{state}'",
        "expires_at": "NULL" if is_sold else "'2030-01-01 10:05+00'",
        "confirmed_at": "now()" if is_sold else "NULL",
        "ended_at": "NULL" if is_live else "now()",
    }


@pytest.mark.parametrize(("table", "before", "after"), PAIRS)
async def test_only_legal_moves_are_made(
    app: Connection, table: str, before: str, after: str
) -> None:
    await app.execute(insert(table, **shape(table, before)))
    changes = ", ".join(f"{column} = {value}" for column, value in shape(table, after).items())
    statement = f"UPDATE {table} SET {changes} WHERE {KEYS[table]}"  # noqa: S608 - of constants
    if (before, after) in LEGAL[table]:
        assert await app.execute(statement) == "UPDATE 1"
        return
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await app.execute(statement)
    assert refusal.value.constraint_name == f"{table}_legal_move"


async def test_a_lifted_block_stays_lifted(app: Connection) -> None:
    await app.execute(f"UPDATE blocks SET lifted_at = now() WHERE block_id = {BLOCK}")  # noqa: S608 - of constants
    with pytest.raises(asyncpg.CheckViolationError):
        await app.execute("UPDATE blocks SET lifted_at = NULL")
