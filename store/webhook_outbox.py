"""What endpoints are to be told: written once for each, taken by senders, and what came of each try.

A delivery that is taken has a lease. It is due again when that is over, so a sender that dies costs a minute and may
send twice; what is sent is the same to the byte, under the same number. Only who has the lease says what comes next.

Locks are taken in this order: the endpoint, its deliveries, the head of the audit chain.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from store.db import Connection, Database, Record
from store.mails import Template
from store.queries import Queries
from store.webhooks import EventType

SQL = Queries.beside(__file__)
WAITING_MAX = 10_000
"""Deliveries that wait for one endpoint; further ones have failed from the beginning."""
LEASE = timedelta(seconds=60)
RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after each try that failed the next one comes; after the last there is none: three days in all."""
FAILING_MAX = timedelta(days=5)
"""Of an endpoint to which nothing could be delivered for so long, nothing more is tried."""
KEPT = timedelta(days=30)
_AT_A_TIME = 1000
_ROUNDS_MAX = 50
_ADMINISTRATORS_MAX = 20


class State(StrEnum):
    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that operators' systems may want to know. `source` is what makes telling it twice the same as once."""

    operator_id: int
    event_type: EventType
    source: uuid.UUID
    bus_id: int
    booking_id: int | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking as it is told of: no word about anybody. `labels` are those of seats by number."""

    ref: str
    status: str
    labels: Mapping[int, str]


Write = Callable[[int, datetime, Booked | None], str]
"""Writes a body, given its place in the endpoint's sequence, the time, and the booking it is about, if about one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is to be sent now, by whoever has its lease. `old_secret_no` is also signed with, if there is."""

    operator_id: int
    delivery_id: uuid.UUID
    endpoint_id: int
    event_type: str
    body: str
    attempt: int
    tries: int
    url: str
    secret_no: int
    old_secret_no: int | None
    lease: uuid.UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a try: `outcome` is one word, `error` one sentence, `answer` the beginning of what was answered."""

    outcome: str
    duration_ms: int
    is_delivered: bool = False
    is_gone: bool = False
    status: int | None = None
    answer: str | None = None
    error: str | None = None


class WebhookOutbox:
    """For workers; nothing here waits for anybody but PostgreSQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def queue(self, happening: Happening, write: Write) -> int:
        """Write a delivery for every endpoint that wants to be told; return how many are new.

        Locks the endpoints, by number. The same `source` told again adds nothing.
        """

        async def work(connection: Connection) -> int:
            rows = await connection.fetch(
                SQL["lock_wanting"], happening.operator_id, happening.event_type, WAITING_MAX
            )
            if not rows:
                return 0
            return await _add(connection, happening, rows, write)

        return await self._db.transaction([happening.operator_id], work)

    async def take(self, limit: int, *, of_one_endpoint: int, are_failing: bool) -> list[Taken]:
        """Take deliveries that are due, of endpoints that fail at the moment or of the others.

        Locks the deliveries (SKIP LOCKED, so that senders share them) and commits: whoever has taken one says within a
        minute what came of it, or it is taken again.
        """
        lease = uuid.uuid4()

        async def work(connection: Connection) -> list[Taken]:
            rows = await connection.fetch(
                SQL["claim"], limit, of_one_endpoint, are_failing, lease, LEASE
            )
            return [_taken(row, lease) for row in rows]

        return await self._db.transaction(None, work)

    async def record(self, taken: Taken, attempt: Attempt, again_after: timedelta | None) -> bool:
        """Note what came of a try, and when the next one is if it failed (None: there is none).

        Returns whether the lease was still ours; if it was not, the try is only noted. An endpoint that says it is
        gone, or has failed for five days, is disabled: its operator's administrators get a mail, and the audit log an
        entry. Locks the endpoint, then the delivery.
        """

        async def work(connection: Connection) -> bool:
            endpoint = await connection.fetchrow(SQL["lock_endpoint"], taken.endpoint_id)
            if endpoint is None:
                return False
            state = State.DELIVERED if attempt.is_delivered else State.WAITING
            if state is State.WAITING and again_after is None:
                state = State.FAILED
            is_ours = await connection.fetchval(
                SQL["finish"],
                taken.operator_id,
                taken.delivery_id,
                taken.lease,
                state,
                again_after if state is State.WAITING else None,
            )
            await _note(connection, taken, attempt)
            if is_ours is None:
                return False
            await _judge(connection, taken, attempt, endpoint)
            return True

        return await self._db.transaction([taken.operator_id], work)

    async def purge(self) -> None:
        """Forget deliveries after 30 days, and those of endpoints that were deleted, in small transactions."""

        async def some(connection: Connection) -> int:
            outcome = await connection.execute(SQL["purge_deliveries"], KEPT, _AT_A_TIME)
            return int(outcome.split()[-1])

        async def rest(connection: Connection) -> None:
            await connection.execute(SQL["purge_endpoints"])

        for _ in range(_ROUNDS_MAX):
            if await self._db.transaction(None, some) == 0:
                break
        await self._db.transaction(None, rest)

    async def add_counts(self, counts: Mapping[str, int]) -> None:
        """Add to how many attempts came to what. Locks their rows, in order."""

        async def work(connection: Connection) -> None:
            await connection.execute(SQL["add_counts"], [*counts], [*counts.values()])

        await self._db.transaction([], work)


async def add_test(connection: Connection, endpoint: Record, write: Write) -> uuid.UUID:
    """Have a test sent to an endpoint, whose row is locked; return its number."""
    test = Happening(endpoint["operator_id"], EventType.TEST, uuid.uuid4(), bus_id=0)
    await _add(connection, test, [endpoint], write)
    return delivery_id_of(test.source, endpoint["endpoint_id"])


def delivery_id_of(source: uuid.UUID, endpoint_id: int) -> uuid.UUID:
    """Return the number under which an endpoint is told of something, whoever tells it and however often."""
    return uuid.uuid5(source, str(endpoint_id))


async def _add(
    connection: Connection, happening: Happening, endpoints: list[Record], write: Write
) -> int:
    ids = {delivery_id_of(happening.source, row["endpoint_id"]): row for row in endpoints}
    told = await connection.fetch(SQL["find_told"], happening.operator_id, [*ids])
    for row in told:
        del ids[row["delivery_id"]]
    if not ids:
        return 0
    booked = await _read_booking(connection, happening)
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    rows = [
        (
            delivery_id,
            row["endpoint_id"],
            row["last_sequence"] + 1,
            write(row["last_sequence"] + 1, now, booked),
            State.WAITING if row["waiting"] < WAITING_MAX else State.FAILED,
        )
        for delivery_id, row in ids.items()
    ]
    await connection.execute(
        SQL["add_deliveries"],
        happening.operator_id,
        happening.event_type,
        booked and booked.ref,
        now,
        *map(list, zip(*rows, strict=True)),
    )
    return len(rows)


async def _read_booking(connection: Connection, happening: Happening) -> Booked | None:
    if happening.booking_id is None:
        return None
    row = await connection.fetchrow(SQL["find_booking"], happening.bus_id, happening.booking_id)
    assert row is not None, "bookings are never removed"
    return Booked(row["ref"], row["status"], dict(zip(row["seats"], row["labels"], strict=True)))


async def _note(connection: Connection, taken: Taken, attempt: Attempt) -> None:
    await connection.execute(
        SQL["add_attempt"],
        taken.operator_id,
        taken.delivery_id,
        taken.attempt,
        taken.at,
        attempt.duration_ms,
        attempt.outcome,
        attempt.status,
        attempt.answer,
        attempt.error,
    )


async def _judge(connection: Connection, taken: Taken, attempt: Attempt, endpoint: Record) -> None:
    """Think of an endpoint what its last answer says: well, failing since now, or not worth another try."""
    since, now = endpoint["failing_since"], endpoint["now"]
    if attempt.is_delivered:
        if since is not None:
            await connection.execute(SQL["set_failing"], taken.endpoint_id, None)
        return
    if since is None:
        await connection.execute(SQL["set_failing"], taken.endpoint_id, now)
    if endpoint["disabled_at"] is not None:
        return
    has_failed_long = since is not None and since + FAILING_MAX <= now
    if attempt.is_gone or has_failed_long:
        because = "gone" if attempt.is_gone else "failing"
        await connection.execute(SQL["disable"], taken.endpoint_id, because)
        await connection.execute(SQL["log_disabled"], taken.operator_id, taken.endpoint_id, because)
        await connection.execute(
            SQL["tell_administrators"],
            taken.operator_id,
            Template.WEBHOOK_DISABLED,
            _ADMINISTRATORS_MAX,
        )


def _taken(row: Record, lease: uuid.UUID) -> Taken:
    return Taken(
        operator_id=row["operator_id"],
        delivery_id=row["delivery_id"],
        endpoint_id=row["endpoint_id"],
        event_type=row["event_type"],
        body=row["body"],
        attempt=row["attempts"],
        tries=row["tries"],
        url=row["url"],
        secret_no=row["secret_no"],
        old_secret_no=row["secret_no"] - 1 if row["has_old_secret"] else None,
        lease=lease,
        at=row["now"],
    )
