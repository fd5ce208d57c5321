"""The outbox as staff sees it: what waits, what was given up and why, tried once more or let be."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from store.authority import note, operator_asked_for, require_manager, scope_of, sees
from store.db import Connection, Database, Record
from store.errors import InvalidRequest, NotFound, WrongState
from store.ids import format_owned
from store.jobs import JobState
from store.model import Caller
from store.once import answer_once
from store.queries import Queries
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)
COUNTED_MAX = 100_000
"""More jobs than that are not counted: they are too many."""


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as the outbox lists it; `ref` is its booking's."""

    bus_id: int
    job_id: uuid.UUID
    operator_id: int
    ref: str
    kind: str
    detail: Mapping[str, Any]
    state: JobState
    attempts: int
    created_at: datetime
    due_at: datetime
    leased_until: datetime | None
    done_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs are asked for. What is done is found by its bus only; `before` is the last one seen."""

    operator_id: int | None = None
    state: JobState | None = JobState.DEAD
    kind: str | None = None
    bus_id: int | None = None
    before: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many jobs are due, how many were given up, and for how long the oldest one has been due."""

    due: int = 0
    dead: int = 0
    oldest: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Handled:
    """What has become of a job that somebody decided about."""

    bus_id: int
    job_id: uuid.UUID
    state: JobState


class Outbox:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(self, caller: Caller, wanted: Wanted, *, limit: int) -> list[JobLine]:
        """Return jobs, newest first: an operator's staff sees its own, the platform's people all.

        Locks nothing. Raises NotFound (another operator), InvalidRequest (what is done, of no bus).
        """
        operator_id = operator_asked_for(caller, wanted.operator_id)
        arguments = [operator_id, wanted.kind, wanted.before, limit]
        if wanted.bus_id is not None:
            query = SQL["list_of_bus"]
            arguments += [wanted.bus_id, wanted.state]
        elif wanted.state in {JobState.DEAD, JobState.QUEUED}:
            query = SQL["list_dead" if wanted.state is JobState.DEAD else "list_queued"]
        else:
            raise InvalidRequest("/bus", "required", "what is done is listed for one bus")

        async def read(connection: Connection) -> Sequence[Record]:
            return await connection.fetch(query, *arguments)

        return [_line(row) for row in await self._db.read(scope_of(caller), read)]

    async def retry(
        self, caller: Caller, bus_id: int, job_id: uuid.UUID, ask: Ask[Handled]
    ) -> Reply:
        """Have a job tried again at once, as often as a new one; whether it was given up or only waits.

        Locks the job; writes the audit log. Raises NotFound, Forbidden, WrongState (done, or under way), KeyReused.
        """
        return await self._handle(caller, (bus_id, job_id), "retry", JobState.QUEUED, ask)

    async def discard(
        self, caller: Caller, bus_id: int, job_id: uuid.UUID, ask: Ask[Handled]
    ) -> Reply:
        """Let a job be: it counts as done, and says that it was discarded.

        Locks the job; writes the audit log. Raises NotFound, Forbidden, WrongState (done, or under way), KeyReused.
        """
        return await self._handle(caller, (bus_id, job_id), "discard", JobState.DONE, ask)

    async def backlog(self) -> Backlog:
        """Return how much waits. Locks nothing. Raises Overloaded."""
        return await self._db.read(None, read_backlog)

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many tries came to what, by kind and ending, since there are jobs. Raises Overloaded."""
        rows = await self._db.fetch(SQL["read_counts"])
        return {(row["kind"], row["outcome"]): row["tries"] for row in rows}

    async def _handle(
        self,
        caller: Caller,
        place: tuple[int, uuid.UUID],
        action: str,
        state: JobState,
        ask: Ask[Handled],
    ) -> Reply:
        async def work(connection: Connection) -> Reply:
            row = await connection.fetchrow(SQL["lock_job"], *place)
            if row is None or not sees(caller, row["operator_id"]):
                raise NotFound("job")
            operator_id = row["operator_id"]
            await require_manager(connection, caller, operator_id)

            async def make() -> Handled:
                _require_idle(row)
                await connection.execute(SQL[action], *place, row["now"])
                subject = f"job {format_owned(*place)}"
                await note(
                    connection, caller, operator_id, f"job.{action}", subject, kind=row["kind"]
                )
                return Handled(*place, state)

            return await answer_once(connection, ask, operator_id, make)

        return await self._db.transaction(scope_of(caller), work)


async def read_backlog(connection: Connection) -> Backlog:
    """Return how much waits, of the operators in scope; a worker's role sees all."""
    row = await connection.fetchrow(SQL["read_backlog"], COUNTED_MAX)
    assert row is not None
    return Backlog(**dict(row))


def _require_idle(row: Record) -> None:
    if row["state"] == JobState.DONE:
        raise WrongState(row["state"], "this job is done")
    if row["is_leased"]:
        raise WrongState(row["state"], "a worker is at it just now")


def _line(row: Record) -> JobLine:
    found = dict(row)
    detail: Mapping[str, Any] = msgspec.json.decode(found.pop("detail"))
    return JobLine(**found | {"detail": detail, "state": JobState(row["state"])})
