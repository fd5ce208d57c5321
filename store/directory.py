"""The people of the house, as those who manage them see them: a platform admin all, an operator's manager its own.

Whoever is somebody else's does not exist. What is changed here is in the audit log, without names or addresses, which
have to be forgettable.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import msgspec

from store.db import Connection, Database, Record
from store.errors import AlreadyExists, Forbidden, InvalidRequest, NotFound, WrongState
from store.invitations import Invitation, invite
from store.model import Caller, Role
from store.queries import Queries
from store.session_ends import SessionEnd, SessionEnds, end_families

SQL = Queries.beside(__file__)
_STAFF = frozenset({Role.AGENT, Role.OPERATOR})
_OF_A_MANAGER = frozenset({Role.AGENT, Role.OPERATOR, Role.RIDER})
"""What an operator's manager may make of its people: a rider is whom it has let go."""


@dataclass(frozen=True, slots=True)
class Person:
    user_id: int
    name: str
    email: str
    role: Role
    operator_id: int | None
    is_disabled: bool
    has_second_factor: bool
    created_at: datetime

    @property
    def manages(self) -> bool:
        """Whether somebody is managed by them: somebody has to stay who can."""
        return self.role in {Role.OPERATOR, Role.ADMIN} and not self.is_disabled


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is looked for. `text` is part of a name or an address."""

    operator_id: int | None = None
    role: Role | None = None
    text: str | None = None
    after: int = 0


@dataclass(frozen=True, slots=True)
class Newcomer:
    """`password_hash` is of something that nobody knows."""

    name: str
    email: str
    password_hash: str
    role: Role
    operator_id: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """None leaves a thing as it is. Who becomes an agent or operator needs an operator, others have none."""

    name: str | None = None
    role: Role | None = None
    operator_id: int | None = None
    is_disabled: bool | None = None


class Directory:
    def __init__(self, db: Database, ends: SessionEnds) -> None:
        self._db = db
        self._ends = ends

    async def list(self, caller: Caller, wanted: Wanted, *, limit: int) -> Sequence[Person]:
        """Return whom the caller manages, oldest first, from after a number on. Raises Forbidden, Overloaded."""
        scope = _scope(caller)
        if scope is not None and wanted.operator_id not in {None, scope}:
            return []
        rows = await self._db.fetch(
            SQL["list"],
            scope if scope is not None else wanted.operator_id,
            wanted.role,
            None if wanted.text is None else _pattern(wanted.text),
            wanted.after,
            limit,
        )
        return [_person(row) for row in rows]

    async def find(self, caller: Caller, user_id: int) -> Person:
        """Return somebody whom the caller manages; raises Forbidden, NotFound, Overloaded."""
        row = await self._db.fetchrow(SQL["find"], user_id)
        return _require_own(_scope(caller), row)

    async def invite(self, caller: Caller, new: Newcomer) -> tuple[Person, Invitation]:
        """Add somebody and make a token that lets them choose a password within a day.

        Writes the audit log. Raises Forbidden, InvalidRequest, NotFound for the operator, AlreadyExists for the e-mail.
        """
        scope = _scope(caller)
        operator_id = scope if scope is not None and new.operator_id is None else new.operator_id
        _require_may_make(scope, new.role, operator_id)

        async def work(connection: Connection) -> tuple[Person, Invitation]:
            await _require_operator(connection, operator_id)
            user_id = await connection.fetchval(
                SQL["add"], new.name, new.email, new.password_hash, new.role, operator_id
            )
            if user_id is None:
                raise AlreadyExists("email")
            invitation = await invite(connection, user_id, new.email)
            person = _person(await connection.fetchrow(SQL["find"], user_id))
            await _log(connection, caller, person, "user.invite", {"role": new.role})
            return person, invitation

        return await self._db.transaction(None, work)

    async def change(self, caller: Caller, user_id: int, change: Change) -> Person:
        """Change somebody; another role or operator, or a closed account, ends their sessions.

        Locks who manages the house or the operator (an advisory lock), the user, then their sessions. Writes the audit
        log. Raises Forbidden, InvalidRequest, NotFound, and WrongState if nobody were left to manage.
        """
        scope = _scope(caller)

        async def work(connection: Connection) -> tuple[Person, list[SessionEnd]]:
            await connection.execute(SQL["lock_managers"])
            before = _require_own(scope, await connection.fetchrow(SQL["lock"], user_id))
            after = _changed(before, change)
            if (after.role, after.operator_id) != (before.role, before.operator_id):
                _require_may_make(scope, after.role, after.operator_id)
                await _require_operator(connection, after.operator_id)
            if after == before:
                return before, []
            await connection.execute(
                SQL["change"], user_id, after.name, after.role, after.operator_id, after.is_disabled
            )
            await _require_managed(connection, caller, before, after)
            await _log(connection, caller, before, "user.change", _difference(before, after))
            is_other = replace(after, name=before.name) != before
            return after, await end_families(connection, user_id) if is_other else []

        person, ended = await self._db.transaction(None, work)
        self._ends.told(ended)
        return person


def _scope(caller: Caller) -> int | None:
    """Return the operator whose people the caller manages, None for all of them."""
    if caller.role is Role.ADMIN:
        return None
    if caller.role is Role.OPERATOR and caller.operator_id is not None:
        return caller.operator_id
    raise Forbidden("people are managed by their operator's managers")


def _require_own(scope: int | None, row: Record | None) -> Person:
    if row is None or (scope is not None and row["operator_id"] != scope):
        raise NotFound("user")
    return _person(row)


def _require_may_make(scope: int | None, role: Role, operator_id: int | None) -> None:
    if (role in _STAFF) != (operator_id is not None):
        raise InvalidRequest("/operator", "operator", "agents and operators have one, others none")
    if scope is not None and role not in _OF_A_MANAGER:
        raise Forbidden("your own operator's agents and operators only")
    if scope is not None and operator_id not in {None, scope}:
        raise NotFound("operator")


async def _require_operator(connection: Connection, operator_id: int | None) -> None:
    if operator_id is None:
        return
    if await connection.fetchval(SQL["find_operator"], operator_id) is None:
        raise NotFound("operator")


async def _require_managed(
    connection: Connection, caller: Caller, before: Person, after: Person
) -> None:
    """See that somebody is left who can undo this: an admin for the house, a manager for a manager's operator."""
    still_manages = after.manages and (after.role, after.operator_id) == (
        before.role,
        before.operator_id,
    )
    if not before.manages or still_manages:
        return
    if before.role is Role.OPERATOR and caller.role is Role.ADMIN:
        return
    left = await connection.fetchval(SQL["count_managers"], before.role, before.operator_id)
    if not left:
        raise WrongState("last", "nobody would be left to manage; name somebody else first")


def _changed(before: Person, change: Change) -> Person:
    role = before.role if change.role is None else change.role
    operator_id = before.operator_id if change.operator_id is None else change.operator_id
    return replace(
        before,
        name=before.name if change.name is None else change.name,
        role=role,
        operator_id=operator_id if role in _STAFF or change.operator_id is not None else None,
        is_disabled=before.is_disabled if change.is_disabled is None else change.is_disabled,
    )


def _difference(before: Person, after: Person) -> dict[str, object]:
    old, new = asdict(before), asdict(after)
    changed: dict[str, object] = {
        name: [old[name], new[name]] for name in new if old[name] != new[name]
    }
    if "name" in changed:
        changed["name"] = "changed"
    return changed


async def _log(
    connection: Connection, caller: Caller, person: Person, action: str, detail: dict[str, object]
) -> None:
    await connection.execute(
        SQL["log"],
        person.operator_id,
        caller.user_id,
        action,
        f"user {person.user_id}",
        msgspec.json.encode(detail).decode(),
    )


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _person(row: Record | None) -> Person:
    assert row is not None
    return Person(
        user_id=row["user_id"],
        name=row["name"],
        email=row["email"],
        role=Role(row["role"]),
        operator_id=row["operator_id"],
        is_disabled=row["disabled_at"] is not None,
        has_second_factor=row["has_second_factor"],
        created_at=row["created_at"],
    )
