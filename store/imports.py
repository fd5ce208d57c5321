"""Uploaded timetables: who wants what imported, how far it is, and what came of it.

The row of an import is the one thing that both who imports and who cancels must change, so the two cannot both win:
`finish` marks it done in the very transaction that adds the buses. What is marked otherwise has added nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from store.authority import (
    note,
    operator_asked_for,
    operator_to_add_to,
    require_manager,
    scope_of,
    sees,
)
from store.db import Connection, Database, Record
from store.errors import Forbidden, NotFound, StoreError, WrongState
from store.model import Caller, Role
from store.queries import Queries

SQL = Queries.beside(__file__)
KEPT = timedelta(days=90)
LOST: Mapping[str, Any] = {
    "code": "lost",
    "detail": "whoever was at it is gone; nothing was written",
}
_AT_A_TIME = 1000


class State(StrEnum):
    RUNNING = "RUNNING"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Unwanted(StoreError):
    """The import was cancelled, or given up, while somebody was at it."""


@dataclass(frozen=True, slots=True)
class NewImport:
    """`wish` is what was asked for besides, as it is kept."""

    operator_id: int
    file: str
    size: int
    wish: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Import:
    """One as staff sees it; `outcome` says what was added, or why nothing was."""

    import_id: int
    operator_id: int
    user_id: int
    file: str
    size: int
    wish: Mapping[str, Any]
    state: State
    step: str
    done: int
    total: int
    outcome: Mapping[str, Any] | None
    created_at: datetime
    ended_at: datetime | None


class Imports:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(
        self, caller: Caller, operator_id: int | None, *, before: int | None, limit: int
    ) -> list[Import]:
        """Return imports, newest first: an operator's administrators see their own, the house all. Locks nothing.

        Raises NotFound for another operator's, Forbidden.
        """
        wanted = operator_asked_for(caller, operator_id)
        if not _may_see(caller, wanted):
            raise Forbidden("an operator's imports are its administrators'")

        async def read(connection: Connection) -> list[Import]:
            rows = await connection.fetch(SQL["list_imports"], wanted, before, limit)
            return [_import(row) for row in rows]

        return await self._db.read(scope_of(caller), read)

    async def find(self, caller: Caller, import_id: int) -> Import:
        """Return one to those who may see it; raise NotFound. Locks nothing."""

        async def read(connection: Connection) -> Import:
            return await _find(connection, caller, import_id)

        return await self._db.read(scope_of(caller), read)

    async def choose_operator(self, caller: Caller, operator_id: int | None) -> int:
        """Return whose timetable an upload will be, before it is read. Locks nothing.

        Raises Forbidden, NotFound, InvalidRequest when the house does not say whose.
        """

        async def read(connection: Connection) -> int:
            return await operator_to_add_to(connection, caller, operator_id)

        return await self._db.read(scope_of(caller), read)

    async def begin(self, caller: Caller, new: NewImport) -> Import:
        """Enter an import that somebody is about to do; writes the audit log.

        Locks the operator's row of a silent import, which is given up. Raises Forbidden, NotFound, WrongState while
        another import of the operator runs.
        """

        async def work(connection: Connection) -> Import:
            await require_manager(connection, caller, new.operator_id)
            await connection.execute(SQL["give_up_silent"], new.operator_id, _json(LOST))
            import_id = await connection.fetchval(
                SQL["add_import"],
                new.operator_id,
                caller.user_id,
                new.file,
                new.size,
                _json(new.wish),
            )
            if import_id is None:
                raise WrongState("running", "another import of this operator is running")
            await _log(connection, caller, new.operator_id, "begin", import_id, bytes=new.size)
            return await _find(connection, caller, import_id)

        return await self._db.transaction(scope_of(caller), work)

    async def cancel(self, caller: Caller, import_id: int) -> Import:
        """Stop an import: it adds nothing. Writes the audit log.

        Locks the import's row, and so waits for a commit that is under way. Raises NotFound, Forbidden, WrongState for
        one that is over.
        """

        async def work(connection: Connection) -> Import:
            found = await _find(connection, caller, import_id)
            await require_manager(connection, caller, found.operator_id)
            if not await _end(connection, import_id, State.CANCELLED, {}):
                raise WrongState("over", "this import is over")
            await _log(connection, caller, found.operator_id, "cancel", import_id)
            return await _find(connection, caller, import_id)

        return await self._db.transaction(scope_of(caller), work)

    async def take(self, import_id: int) -> tuple[Import, str]:
        """Return an import to whoever does it, with the operator's name; raise NotFound. Locks nothing."""

        async def read(connection: Connection) -> tuple[Import, str]:
            row = await connection.fetchrow(SQL["find_import"], import_id)
            if row is None:
                raise NotFound("import")
            seller = await connection.fetchrow(SQL["find_seller"], row["operator_id"])
            assert seller is not None, "operators stay"
            return _import(row), seller["name"]

        return await self._db.read(None, read)

    async def beat(self, import_id: int, step: str, done: int, total: int) -> State:
        """Say how far an import is, and that somebody is at it; return what has become of it meanwhile.

        Locks its row. Raises Overloaded.
        """

        async def work(connection: Connection) -> State:
            if await connection.fetchval(SQL["beat"], import_id, step, done, total):
                return State.RUNNING
            row = await connection.fetchrow(SQL["find_import"], import_id)
            return State.CANCELLED if row is None else State(row["state"])

        return await self._db.transaction(None, work)

    async def end(self, import_id: int, state: State, outcome: Mapping[str, Any]) -> bool:
        """Say why an import added nothing; return whether it was still running. Locks its row."""

        async def work(connection: Connection) -> bool:
            return await _end(connection, import_id, state, outcome)

        return await self._db.transaction(None, work)

    async def purge(self) -> None:
        """Forget imports that ended 90 days ago."""

        async def work(connection: Connection) -> None:
            await connection.execute(SQL["purge_imports"], KEPT, _AT_A_TIME)

        await self._db.transaction(None, work)


async def finish(connection: Connection, import_id: int, outcome: Mapping[str, Any]) -> None:
    """Mark an import done, in the transaction that adds what it has; raise Unwanted if it runs no more.

    Locks its row: from here on it cannot be cancelled.
    """
    if not await _end(connection, import_id, State.DONE, outcome):
        raise Unwanted


async def _end(
    connection: Connection, import_id: int, state: State, outcome: Mapping[str, Any]
) -> bool:
    found = await connection.fetchval(SQL["end_import"], import_id, state.value, _json(outcome))
    return found is not None


async def _find(connection: Connection, caller: Caller, import_id: int) -> Import:
    row = await connection.fetchrow(SQL["find_import"], import_id)
    if row is None or not (sees(caller, row["operator_id"]) and _may_see(caller, None)):
        raise NotFound("import")
    return _import(row)


def _may_see(caller: Caller, operator_id: int | None) -> bool:
    if caller.role in (Role.ADMIN, Role.SUPPORT):
        return True
    own = operator_id if operator_id is not None else caller.operator_id
    return own is not None and caller.manages(own)


def _import(row: Record) -> Import:
    is_lost = row["state"] == State.RUNNING and row["is_silent"]
    outcome = None if row["outcome"] is None else msgspec.json.decode(row["outcome"])
    return Import(
        import_id=row["import_id"],
        operator_id=row["operator_id"],
        user_id=row["user_id"],
        file=row["file"],
        size=row["bytes"],
        wish=msgspec.json.decode(row["wish"]),
        state=State.FAILED if is_lost else State(row["state"]),
        step=row["step"],
        done=row["done"],
        total=row["total"],
        outcome=LOST if is_lost else outcome,
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )


def _json(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value).decode()


async def _log(
    connection: Connection,
    caller: Caller,
    operator_id: int,
    deed: str,
    import_id: int,
    **detail: Any,
) -> None:
    subject = f"import {import_id}"
    await note(connection, caller, operator_id, f"import.{deed}", subject, **detail)
