"""The audit log: who did what, in order, for each operator and for the platform.

Whoever changes something as staff adds their entry in the same transaction, wherever that is; here are reading it, and
entries that belong to no other change. The seals that prove it complete are the database's (`store/audit_chain.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from store.db import Connection, Database, Record
from store.errors import Forbidden, NotFound
from store.model import Caller, Role
from store.queries import Queries
from store.reader import Reader

SQL = Queries.beside(__file__)
PLATFORM = 0
"""What stands for the platform where an operator's number is asked for."""
_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was done; `position` and `hash` are its place in its operator's chain."""

    audit_id: int
    operator_id: int
    at: datetime
    actor_id: int | None
    action: str
    subject: str
    detail: str
    position: int | None
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something to be logged; `operator_id` is None where it concerns the platform."""

    operator_id: int | None
    actor_id: int | None
    action: str
    subject: str
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for: of one operator (0 is the platform), of one kind, about one thing, of a time."""

    operator_id: int | None = None
    action: str | None = None
    subject: str | None = None
    begin: datetime | None = None
    end: datetime | None = None


class Audit:
    def __init__(self, db: Database, reader: Reader) -> None:
        self._db = db
        self._reader = reader

    async def list(
        self, caller: Caller, wanted: Wanted, *, before: int | None, limit: int
    ) -> Sequence[Entry]:
        """Return entries, newest first, older than the one numbered `before`. Locks nothing.

        An operator's administrators read their own, the platform's people all. Raises Forbidden, and NotFound for an
        operator that is not theirs.
        """
        operators = _readable(caller, wanted.operator_id)
        # What row security shows comes from who asks; what is asked for narrows it for those who may see all.
        scope = operators if caller.reach is None else caller.reach
        return await self._read(scope, operators, wanted, before, limit)

    async def list_all(self, wanted: Wanted, *, before: int | None, limit: int) -> Sequence[Entry]:
        """Do as `list` does for whoever has the database in hand."""
        operators = None if wanted.operator_id is None else [wanted.operator_id]
        return await self._read(operators, operators, wanted, before, limit)

    async def add(self, entries: Sequence[NewEntry]) -> None:
        """Log what belongs to no other change, all or nothing. Locks the heads of the chains. Raises Overloaded."""
        if not entries:
            return
        columns = [
            [entry.operator_id for entry in entries],
            [entry.actor_id for entry in entries],
            [entry.action for entry in entries],
            [entry.subject for entry in entries],
            [msgspec.json.encode(entry.detail).decode() for entry in entries],
        ]

        async def write(connection: Connection) -> None:
            await connection.execute(SQL["add_entries"], *columns)

        await self._db.transaction(
            sorted({entry.operator_id or PLATFORM for entry in entries}), write
        )

    async def _read(
        self,
        scope: Sequence[int] | None,
        operators: Sequence[int] | None,
        wanted: Wanted,
        before: int | None,
        limit: int,
    ) -> Sequence[Entry]:
        async def read(connection: Connection) -> Sequence[Record]:
            return await connection.fetch(
                SQL["list_entries"],
                operators,
                wanted.action,
                wanted.subject,
                wanted.begin,
                wanted.end,
                _NEWEST if before is None else before,
                limit,
            )

        return [Entry(**dict(row)) for row in await self._reader.read(scope, read)]


def _readable(caller: Caller, operator_id: int | None) -> Sequence[int] | None:
    if caller.role is Role.SUPPORT or caller.role is Role.ADMIN:
        return None if operator_id is None else [operator_id]
    if caller.role is not Role.OPERATOR or caller.operator_id is None:
        raise Forbidden("the audit log is for administrators")
    if operator_id not in (None, caller.operator_id):
        raise NotFound("operator")
    return [caller.operator_id]
