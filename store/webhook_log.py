"""What endpoints were told and what they answered, and having it sent again.

Locks are taken in this order: the endpoint, its deliveries, the head of the audit chain.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from store.authority import note, scope_of
from store.db import Connection, Database, Record
from store.errors import NotFound, WrongState
from store.model import Caller
from store.queries import Queries
from store.webhook_outbox import WAITING_MAX, State, Write, add_test
from store.webhooks import EventType, read_endpoint, require_open

SQL = Queries.beside(__file__)
RESENT_MAX = 1000
"""At a time; asking again goes on."""
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Told:
    """A delivery; `due_at` says when it is tried next while it waits."""

    delivery_id: uuid.UUID
    endpoint_id: int
    sequence: int
    event_type: str
    booking_ref: str | None
    body: str
    state: State
    attempts: int
    created_at: datetime
    due_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that somebody lived to tell of: numbers may be missing, and then nobody knows what came of those."""

    attempt: int
    began_at: datetime
    duration_ms: int
    outcome: str
    status: int | None
    answer: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class WantedDeliveries:
    """Which deliveries are asked for."""

    state: State | None = None
    event_type: EventType | None = None
    booking_ref: str | None = None
    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resent:
    count: int
    are_left: bool


class WebhookLog:
    """`caller` is None for whoever has the database in hand."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(
        self, caller: Caller | None, endpoint_id: int, delivery_id: uuid.UUID
    ) -> tuple[Told, list[Tried]]:
        """Return a delivery and its attempts; raise NotFound."""

        async def read(connection: Connection) -> tuple[Told, list[Tried]]:
            endpoint = await read_endpoint(connection, caller, endpoint_id)
            told = await _find(connection, endpoint.operator_id, endpoint_id, delivery_id)
            rows = await connection.fetch(SQL["list_attempts"], endpoint.operator_id, delivery_id)
            return told, [_tried(row) for row in rows]

        return await self._db.read(_scope(caller), read)

    async def list(
        self,
        caller: Caller | None,
        endpoint_id: int,
        wanted: WantedDeliveries,
        *,
        before: int | None,
        limit: int,
    ) -> list[Told]:
        """Return an endpoint's deliveries, newest first, those before a place in its sequence; raise NotFound."""

        async def read(connection: Connection) -> list[Told]:
            await read_endpoint(connection, caller, endpoint_id)
            rows = await connection.fetch(
                SQL["list_deliveries"],
                endpoint_id,
                _LAST if before is None else before,
                wanted.state,
                wanted.event_type,
                wanted.booking_ref,
                wanted.begin,
                wanted.end,
                limit,
            )
            return [_told(row) for row in rows]

        return await self._db.read(_scope(caller), read)

    async def test(self, caller: Caller | None, endpoint_id: int, write: Write) -> Told:
        """Have an endpoint told that this is a test; writes the audit log.

        Locks the endpoint. Raises NotFound, Forbidden, WrongState (it is disabled, or its queue is full).
        """

        async def work(connection: Connection) -> Told:
            row = await _lock(connection, caller, endpoint_id)
            _room(row)
            delivery_id = await add_test(connection, row, write)
            await _log(connection, caller, row, "test")
            return await _find(connection, row["operator_id"], endpoint_id, delivery_id)

        return await self._db.transaction(_scope(caller), work)

    async def resend(self, caller: Caller | None, endpoint_id: int, delivery_id: uuid.UUID) -> Told:
        """Send a delivery again now, also one that arrived: the same number, the same body. Writes the audit log.

        Locks the endpoint, then the delivery. Raises NotFound, Forbidden, WrongState (disabled, full).
        """

        async def work(connection: Connection) -> Told:
            row = await _lock(connection, caller, endpoint_id)
            _room(row)
            place = (row["operator_id"], delivery_id, endpoint_id)
            if await connection.fetchval(SQL["resend"], *place) is None:
                raise NotFound("delivery")
            await _log(connection, caller, row, "resend", delivery=str(delivery_id))
            return await _find(connection, row["operator_id"], endpoint_id, delivery_id)

        return await self._db.transaction(_scope(caller), work)

    async def resend_failed(
        self, caller: Caller | None, endpoint_id: int, since: datetime
    ) -> Resent:
        """Send what failed since then again, the oldest first, as much as fits the queue and 1,000 at most.

        Writes the audit log. Locks the endpoint, then the deliveries. Raises NotFound, Forbidden, WrongState.
        """

        async def work(connection: Connection) -> Resent:
            row = await _lock(connection, caller, endpoint_id)
            room = min(RESENT_MAX, _room(row))
            rows = await connection.fetch(SQL["resend_failed"], endpoint_id, since, room)
            await _log(connection, caller, row, "resend", since=since, count=len(rows))
            are_left = await connection.fetchval(SQL["has_failed"], endpoint_id, since)
            return Resent(len(rows), bool(are_left))

        return await self._db.transaction(_scope(caller), work)


def _scope(caller: Caller | None) -> list[int] | None:
    reach = None if caller is None else scope_of(caller)
    return None if reach is None else [*reach]


async def _lock(connection: Connection, caller: Caller | None, endpoint_id: int) -> Record:
    row = await connection.fetchrow(SQL["lock_queue"], endpoint_id, WAITING_MAX)
    if row is None or not (caller is None or caller.manages(row["operator_id"])):
        raise NotFound("webhook")
    await require_open(connection, caller, row["operator_id"])
    return row


def _room(row: Record) -> int:
    """Return how many deliveries an endpoint's queue takes; raise WrongState when it takes none."""
    if row["is_disabled"]:
        raise WrongState("disabled", "the webhook is disabled; enable it first")
    room: int = WAITING_MAX - row["waiting"]
    if room <= 0:
        raise WrongState("full", f"{WAITING_MAX} deliveries wait for this webhook already")
    return room


async def _find(
    connection: Connection, operator_id: int, endpoint_id: int, delivery_id: uuid.UUID
) -> Told:
    row = await connection.fetchrow(SQL["find_delivery"], operator_id, delivery_id, endpoint_id)
    if row is None:
        raise NotFound("delivery")
    return _told(row)


async def _log(
    connection: Connection, caller: Caller | None, row: Record, deed: str, **detail: object
) -> None:
    # Whoever has the database in hand is nobody in particular.
    actor = caller or Caller()
    subject = f"webhook {row['endpoint_id']}"
    await note(connection, actor, row["operator_id"], f"webhook.{deed}", subject, **detail)


def _told(row: Record) -> Told:
    values = dict(row)
    return Told(**values | {"state": State(values["state"])})


def _tried(row: Record) -> Tried:
    return Tried(**dict(row))
