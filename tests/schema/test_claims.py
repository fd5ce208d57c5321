"""What a claim points at is there, whoever writes: triggers stand where foreign keys would cost too much."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from store.db import Connection
from tests.schema.conftest import SCOPE
from tests.schema.rows import BLOCK, HOLD, NEXT_BLOCK, NEXT_HOLD, insert

STRAY = {
    "a seat that is not there": {"seat_no": "9"},
    "a seat of another operator": {"operator_id": "2"},
    "a hold that is not there": {"hold_id": BLOCK},
    "a hold of another bus": {"hold_id": NEXT_HOLD},
    "a booking that is not there": {"hold_id": "NULL", "booking_id": "3"},
    "a block that is not there": {"hold_id": "NULL", "block_id": HOLD},
}


@pytest.fixture
async def owner(session: Connection) -> AsyncIterator[Connection]:
    """Whoever owns the tables and may do to them what the application may not; undone at the end."""
    transaction = session.transaction()
    await transaction.start()
    await session.execute(SCOPE.replace("$1", "'{1,2}'"))
    yield session
    await transaction.rollback()


@pytest.mark.parametrize("changes", STRAY.values(), ids=STRAY)
async def test_a_claim_needs_its_seat_and_its_owner(
    app: Connection, changes: dict[str, str]
) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refusal:
        await app.execute(insert("claims", **changes))
    assert refusal.value.constraint_name == "claims_of_seat_and_owner"


async def test_one_stray_claim_spoils_the_statement_that_adds_it(app: Connection) -> None:
    rows = "VALUES (1, 1, 1, 1, 2), (1, 9, 1, 1, 2)"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await app.execute(
            f"INSERT INTO claims (bus_id, seat_no, segment, operator_id, booking_id) {rows}"
        )


async def test_a_claim_cannot_be_changed_into_a_stray_one(owner: Connection) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refusal:
        await owner.execute("UPDATE claims SET seat_no = 9 WHERE bus_id = 1")
    assert refusal.value.constraint_name == "claims_of_seat_and_owner"


@pytest.mark.parametrize(
    ("table", "claim", "row"),
    [
        ("seats", {"seat_no": "3"}, "seat_no = 3"),
        ("holds", {"hold_id": NEXT_HOLD}, f"hold_id = {NEXT_HOLD}"),
        ("bookings", {"hold_id": "NULL", "booking_id": "2"}, "booking_id = 2"),
        ("blocks", {"hold_id": "NULL", "block_id": NEXT_BLOCK}, f"block_id = {NEXT_BLOCK}"),
    ],
)
async def test_what_has_claims_cannot_be_deleted(
    owner: Connection, table: str, claim: dict[str, str], row: str
) -> None:
    await owner.execute(insert(table))
    await owner.execute(insert("claims", **claim))
    delete = f"DELETE FROM {table} WHERE bus_id = 1 AND {row}"  # noqa: S608 - of constants
    attempt = owner.transaction()
    await attempt.start()
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refusal:
        await owner.execute(delete)
    await attempt.rollback()
    assert refusal.value.constraint_name == f"{table}_with_claims_stay"
    await owner.execute("DELETE FROM claims WHERE bus_id = 1")
    assert await owner.execute(delete) == "DELETE 1"
