"""How one request of a sale runs: facts of the bus, locks, the rule, the writes, COMMIT, and then the news.

Every operation hands `Engine.run` an attempt that works on one connection and one edition of the bus's facts.
The engine adds what all of them share: the idempotency key, retries, the unknown COMMIT, publishing.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import asyncpg

from store.buses import Buses
from store.db import CommitUnknown, Connection, Database
from store.errors import KeyReused, NotFound, OutcomeUnknown, Overloaded, Refusal
from store.events import SeatsChanged
from store.model import Bus
from store.queries import Queries

SQL = Queries(Path(__file__).with_name("locking.sql"))
T = TypeVar("T")
_DECIDE_AGAIN = {"claims_one_owner_per_seat_and_segment", "idempotency_keys_once"}
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it is stored and sent: HTTP status and body."""

    status: int
    body: bytes
    is_replayed: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key: digests of (caller, operation, key) and of the request."""

    key_hash: uuid.UUID
    request_hash: uuid.UUID

    @property
    def advisory(self) -> int:
        """The key as PostgreSQL's advisory locks want it: whoever holds it is running the request."""
        return (self.key_hash.int & (2**64 - 1)) - 2**63


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A request's key, if it has one, and how its answer is written: `encode` does no I/O.

    `encode` gets the value an operation returns, or the Refusal it raised.
    """

    encode: Callable[[T | Refusal], Reply]
    key: Key | None = None

    def stored(self, reply: Reply) -> tuple[object, object, object, object]:
        """Return what the write puts into idempotency_keys, nulls when the request has no key."""
        if self.key is None:
            return None, None, None, None
        return self.key.key_hash, self.key.request_hash, reply.status, reply.body


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What an attempt wrote: its value, the news for everyone, and whether the answer is stored already."""

    value: T
    event: SeatsChanged | None = None
    reply: Reply | None = None


class StaleFacts(Exception):
    """The bus was edited since its facts were read, or a hold was replaced while we waited: decide again."""


class _Replay(Exception):
    """The request was answered before."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class Engine:
    def __init__(
        self, db: Database, buses: Buses, announce: Callable[[SeatsChanged], None]
    ) -> None:
        self.db = db
        self.buses = buses
        self._announce = announce

    async def run(
        self,
        bus_id: int,
        ask: Ask[T],
        attempt: Callable[[Connection, Bus], Awaitable[Outcome[T]]],
    ) -> Reply:
        """Run `attempt` until it is decided, commit, announce its event and return the answer.

        Raises NotFound for an unknown bus, KeyReused, KeyInUse, Overloaded, OutcomeUnknown, and, when the request
        has no key, the Refusal itself (with a key, refusals are stored answers like any other).
        """
        bus = await self.buses.find(bus_id)
        is_unknown = False
        for _ in range(_TRIES):
            try:
                outcome = await self._once(bus, ask, attempt)
            except StaleFacts:
                bus = await self.buses.find(bus_id, fresh=True)
            except asyncpg.UniqueViolationError as error:
                # The guarantee spoke: someone took the seat although we held its lock. Decide again, now it shows.
                if error.constraint_name not in _DECIDE_AGAIN:
                    raise
            except CommitUnknown:
                # Done again under the same key, the work waits for the lost session and finds its result, or none.
                is_unknown = True
            except (Overloaded, Refusal) as error:
                # A refusal after an unknown COMMIT may well be our own success: only a key could tell.
                raise OutcomeUnknown if is_unknown else error from None
            else:
                if outcome.event is not None:
                    self._announce(outcome.event)
                assert outcome.reply is not None
                return outcome.reply
        raise OutcomeUnknown if is_unknown else Overloaded

    async def _once(
        self,
        bus: Bus,
        ask: Ask[T],
        attempt: Callable[[Connection, Bus], Awaitable[Outcome[T]]],
    ) -> Outcome[T]:
        async def work(connection: Connection) -> Outcome[Any]:
            try:
                outcome = await attempt(connection, bus)
            except Refusal as refusal:
                if ask.key is None:
                    raise
                reply = ask.encode(refusal)
                await self._store(connection, bus, ask.key, reply)
                return Outcome(value=None, reply=reply)
            if outcome.reply is not None:
                return outcome
            reply = ask.encode(outcome.value)
            if ask.key is not None:
                await self._store(connection, bus, ask.key, reply)
            return Outcome(outcome.value, outcome.event, reply)

        try:
            return await self.db.transaction([bus.operator_id], work)
        except _Replay as replay:
            return Outcome(value=None, reply=replay.reply)  # type: ignore[arg-type]  # the value was answered before

    async def _store(self, connection: Connection, bus: Bus, key: Key, reply: Reply) -> None:
        stored = await connection.fetchrow(
            SQL["store_answer"],
            bus.bus_id,
            bus.operator_id,
            key.key_hash,
            key.request_hash,
            reply.status,
            reply.body,
        )
        if stored is None:
            row = await connection.fetchrow(SQL["find_answer"], bus.bus_id, key.key_hash)
            if row is None:
                raise NotFound("idempotency key")
            raise_replay(row, key)


def raise_replay(row: asyncpg.Record, key: Key | None) -> None:
    """End the attempt with the stored answer, if `row` (a lock statement's) has found one."""
    if key is None or row["key_request"] is None:
        return
    if row["key_request"] != key.request_hash:
        raise KeyReused
    raise _Replay(Reply(row["key_status"], row["key_response"], is_replayed=True))
