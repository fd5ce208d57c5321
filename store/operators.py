"""Operators as the platform keeps them: added, renamed, disabled and enabled again."""

from dataclasses import asdict, dataclass, replace

import asyncpg

from store.authority import Versions, note, operator_asked_for, require_version, sees
from store.db import Connection, Database, Record
from store.departures import enter_scope
from store.errors import AlreadyExists, Forbidden, InvalidRequest, NotFound
from store.model import Caller, Role
from store.once import answer_once
from store.queries import Queries
from store.reader import Reader
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)
# All buses of a large operator may have to be told: far more than any sale gets, and nobody else waits.
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class OperatorCard:
    operator_id: int
    name: str
    time_zone: str
    currency: str
    is_disabled: bool
    version: int
    no_show_minutes: int
    """So long after the bus has left their stop passengers are waited for."""
    releases_no_shows: bool
    """Whether a worker gives their seats away then; if not, staff does."""
    locale: str
    """The language of mails to buyers who named none."""


@dataclass(frozen=True, slots=True)
class NewOperator:
    name: str
    time_zone: str
    currency: str
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class OperatorEdit:
    """What shall be otherwise; None stays as it is."""

    name: str | None = None
    time_zone: str | None = None
    is_disabled: bool | None = None
    no_show_minutes: int | None = None
    releases_no_shows: bool | None = None
    locale: str | None = None


class Operators:
    def __init__(self, db: Database, reader: Reader) -> None:
        self._db = db
        self._reader = reader

    async def list(self, caller: Caller, *, after: int, limit: int) -> list[OperatorCard]:
        """Return operators in the order they came: all for the platform's people, its own for an operator's."""
        mine = operator_asked_for(caller, None)
        rows = await self._reader.fetch(SQL["list_operators"], mine, after, limit)
        return [_card(row) for row in rows]

    async def find(self, caller: Caller, operator_id: int) -> OperatorCard:
        """Return one operator; raise NotFound, also for what is not the caller's."""
        row = await self._db.fetchrow(SQL["find_operator"], operator_id)
        if row is None or not sees(caller, operator_id):
            raise NotFound("operator")
        return _card(row)

    async def add(self, caller: Caller, new: NewOperator, ask: Ask[OperatorCard]) -> Reply:
        """Add an operator and write the audit log. Locks nothing. Raises Forbidden, AlreadyExists, InvalidRequest."""
        if caller.role is not Role.ADMIN:
            raise Forbidden("only the platform's administrators add operators")

        async def work(connection: Connection) -> Reply:
            async def make() -> OperatorCard:
                await require_known_zone(connection, new.time_zone)
                row = await connection.fetchrow(
                    SQL["add_operator"], new.name, new.time_zone, new.currency, new.locale
                )
                if row is None:
                    raise AlreadyExists("name")
                return _card(row)

            reply = await answer_once(connection, ask, None, make)
            if not reply.is_replayed:
                added = await connection.fetchval(SQL["newest"], new.name)
                await enter_scope(connection, added)
                await note(connection, caller, added, "operator.create", f"operator {added}")
            return reply

        return await self._db.transaction(None, work)

    async def change(
        self, caller: Caller, operator_id: int, edit: OperatorEdit, expected: Versions
    ) -> OperatorCard:
        """Rename an operator, move its clock, disable or enable it; and write the audit log.

        Locks the operator's row, then the rows of its buses that are still under way, in order: their facts are another
        edition afterwards, so that every process learns of it. While an operator is disabled its buses are closed and
        its staff changes nothing. Raises NotFound, Forbidden, Stale, AlreadyExists, InvalidRequest.
        """
        if not sees(caller, operator_id):
            raise NotFound("operator")
        if not caller.manages(operator_id):
            raise Forbidden("only administrators change an operator")
        if edit.is_disabled is not None and caller.role is not Role.ADMIN:
            raise Forbidden("only the platform's administrators disable operators")

        async def work(connection: Connection) -> OperatorCard:
            row = await connection.fetchrow(SQL["lock_operator"], operator_id)
            if row is None:
                raise NotFound("operator")
            before = _card(row)
            if before.is_disabled and caller.role is not Role.ADMIN:
                raise Forbidden("this operator is disabled")
            require_version(before.version, expected)
            return await _apply(connection, caller, before, edit)

        return await self._db.transaction([operator_id], work)


async def require_known_zone(
    connection: Connection, time_zone: str, pointer: str = "/time_zone"
) -> None:
    """Refuse a time zone that the database does not know: its clock decides what day it is somewhere."""
    try:
        await connection.fetchval(SQL["clock_of"], time_zone)
    except asyncpg.InvalidParameterValueError:
        raise InvalidRequest(pointer, "unknown_time_zone", "there is no such time zone") from None


async def _apply(
    connection: Connection, caller: Caller, before: OperatorCard, edit: OperatorEdit
) -> OperatorCard:
    changes = {name: value for name, value in asdict(edit).items() if value is not None}
    wanted = replace(before, **changes)
    if wanted == before:
        return before
    if wanted.time_zone != before.time_zone:
        await require_known_zone(connection, wanted.time_zone)
    values = (
        wanted.operator_id,
        wanted.name,
        wanted.time_zone,
        wanted.is_disabled,
        wanted.no_show_minutes,
        wanted.releases_no_shows,
        wanted.locale,
    )
    try:
        version = await connection.fetchval(SQL["change_operator"], *values)
    except asyncpg.UniqueViolationError:
        raise AlreadyExists("name") from None
    changed = {
        name: [getattr(before, name), getattr(wanted, name)]
        for name in changes
        if getattr(before, name) != getattr(wanted, name)
    }
    operator_id = wanted.operator_id
    await note(
        connection, caller, operator_id, "operator.change", f"operator {operator_id}", **changed
    )
    if "is_disabled" in changed:
        kind = "suspended" if wanted.is_disabled else "resumed"
        await _take_time(connection)
        await connection.execute(SQL["tell_of_buses"], operator_id, kind, timeout=_SECONDS)
    elif changed.keys() & {"name", "locale"}:
        await _take_time(connection)
        await connection.execute(SQL["touch_buses"], operator_id, timeout=_SECONDS)
    return replace(wanted, version=version)


async def _take_time(connection: Connection) -> None:
    await connection.execute(SQL["take_time"])


def _card(row: Record) -> OperatorCard:
    return OperatorCard(**dict(row))
