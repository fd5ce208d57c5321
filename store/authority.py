"""Whose catalogue staff may see and change, and the trace that every change leaves."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from store.db import Connection
from store.errors import Forbidden, InvalidRequest, NotFound, Stale
from store.model import Caller, Role
from store.queries import Queries

SQL = Queries.beside(__file__)
_HOUSE = (Role.ADMIN, Role.SUPPORT)

Versions = Collection[int] | None
"""The versions that a caller will change, None for whichever it is."""


def sees(caller: Caller, operator_id: int) -> bool:
    """Whether the caller may look behind the counter of this operator: its staff, or who runs the platform."""
    return caller.role in _HOUSE or caller.works_for(operator_id)


def scope_of(caller: Caller) -> Sequence[int] | None:
    """Return the operators whose rows a transaction of this caller may touch; None for all of them."""
    if caller.role in _HOUSE:
        return None
    return [] if caller.operator_id is None else [caller.operator_id]


def operator_asked_for(caller: Caller, operator_id: int | None) -> int | None:
    """Return the operator that a list shall be of, None for all; raise NotFound for one that is not the caller's."""
    if caller.role in _HOUSE:
        return operator_id
    if operator_id not in (None, caller.operator_id):
        raise NotFound("operator")
    return caller.operator_id


def require_in_business(caller: Caller, *, is_suspended: bool) -> None:
    """Refuse the staff of a disabled operator; the platform's administrators put its things in order."""
    if is_suspended and caller.role is not Role.ADMIN:
        raise Forbidden("this operator is disabled")


async def require_manager(connection: Connection, caller: Caller, operator_id: int) -> None:
    """Raise NotFound for a caller who may not know of the thing, Forbidden for one who may not change it."""
    if not sees(caller, operator_id):
        raise NotFound("operator")
    if not caller.manages(operator_id):
        raise Forbidden("only the operator's administrators change that")
    disabled = await connection.fetchval(SQL["is_disabled"], operator_id)
    if disabled is None:
        raise NotFound("operator")
    require_in_business(caller, is_suspended=disabled)


async def operator_to_add_to(
    connection: Connection, caller: Caller, operator_id: int | None
) -> int:
    """Return the operator who gets what is added: the caller's own, or the one a platform's administrator names."""
    named = operator_asked_for(caller, operator_id)
    if named is None:
        raise InvalidRequest("/operator", "required", "say whose it shall be")
    await require_manager(connection, caller, named)
    return named


def require_version(present: int, expected: Versions) -> None:
    """Raise Stale unless the thing is in one of the expected versions."""
    if expected is not None and present not in expected:
        raise Stale(present)


async def note(
    connection: Connection,
    caller: Caller,
    operator_id: int | None,
    action: str,
    subject: str,
    **detail: Any,
) -> None:
    """Write to the audit log, in the transaction of what it tells of."""
    told = msgspec.json.encode(detail).decode()
    await connection.execute(SQL["note"], operator_id, caller.user_id, action, subject, told)
