"""The inbox of payment providers' messages: stored before they are answered, each once, acted upon afterwards.

What is kept is what a message is about. What it says is not believed, so it is not kept: the provider is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from store.db import Connection, Database, Record
from store.queries import Queries

SQL = Queries.beside(__file__)
KEPT = timedelta(days=35)
"""Longer than any provider repeats a message, so that an old copy is known as one."""
_LEASE = timedelta(seconds=30)
_AT_A_TIME = 1000


class EventState(StrEnum):
    NEW = "NEW"
    APPLIED = "APPLIED"
    UNKNOWN = "UNKNOWN"
    """About a payment that we have not begun."""


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    method: str
    event_id: str
    kind: str
    provider_ref: str | None
    attempts: int = 0


class Inbox:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(self, event: ProviderEvent) -> bool:
        """Store an event durably; return whether it is new. Raises Overloaded; storing it twice is storing it once."""
        given = event.method, event.event_id, event.kind, event.provider_ref

        async def work(connection: Connection) -> bool:
            return await connection.fetchval(SQL["note"], *given) is not None

        return await self._db.transaction([], work)

    async def take(self, limit: int, methods: Sequence[str]) -> list[ProviderEvent]:
        """Take events to act upon, for half a minute. Locks them (SKIP LOCKED). Raises Overloaded."""

        async def work(connection: Connection) -> list[Record]:
            return await connection.fetch(SQL["take"], limit, _LEASE, list(methods))

        rows = await self._db.transaction([], work)
        return [
            ProviderEvent(
                *(row[name] for name in ("method", "event_id", "kind", "provider_ref", "attempts"))
            )
            for row in rows
        ]

    async def finish(self, event: ProviderEvent, state: EventState) -> None:
        """Say what became of an event. Raises Overloaded; then it is taken again, which changes nothing."""
        await self._write("finish", event.method, event.event_id, state)

    async def put_off(self, event: ProviderEvent, pause: timedelta) -> None:
        await self._write("put_off", event.method, event.event_id, pause)

    async def purge(self) -> int:
        """Forget events of more than 35 days ago; return how many. Raises Overloaded."""

        async def work(connection: Connection) -> int:
            outcome = await connection.execute(SQL["purge"], KEPT, _AT_A_TIME)
            return int(outcome.split()[-1])

        return await self._db.transaction([], work)

    async def _write(self, query: str, *arguments: object) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(SQL[query], *arguments)

        await self._db.transaction([], work)
