"""The audit log, as administrators read it."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.api.shapes import parse_operator, require_calendar, utc
from server.contract import Access, Call, Operation
from server.problems import bad_field
from store.audit import PLATFORM, Entry, Wanted
from store.errors import Forbidden, NotFound, Overloaded


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`from` and `to` are moments with their offset; `to` itself is not in it."""

    operator: str | None = None
    action: Annotated[str, msgspec.Meta(pattern=r"^[a-z_.]{3,60}$(?!\n)")] | None = None
    subject: Annotated[str, msgspec.Meta(pattern=r"^[ -~]{1,200}$(?!\n)")] | None = None
    from_: datetime | None = msgspec.field(name="from", default=None)
    to: datetime | None = None
    cursor: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,17}$(?!\n)")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class AuditEntry(msgspec.Struct, frozen=True):
    """What was done; `operator` and `actor` are missing where it was the platform, or the command line.

    `position` and `hash` are its seal in its operator's chain.
    """

    id: str
    operator: str | None
    at: datetime
    actor: str | None
    action: str
    subject: str
    detail: dict[str, Any]
    position: int | None
    hash: str | None


class AuditList(msgspec.Struct, frozen=True):
    items: list[AuditEntry]
    next_cursor: str | None


def entry_shape(entry: Entry) -> AuditEntry:
    return AuditEntry(
        id=str(entry.audit_id),
        operator=None if entry.operator_id == PLATFORM else str(entry.operator_id),
        at=utc(entry.at),
        actor=None if entry.actor_id is None else str(entry.actor_id),
        action=entry.action,
        subject=entry.subject,
        detail=msgspec.json.decode(entry.detail, type=dict[str, Any]),
        position=entry.position,
        hash=entry.hash.hex() if entry.hash else None,
    )


async def list_audit(call: Call, query: AuditQuery) -> AuditList:
    """List who did what, newest first: an operator's administrators its own, the platform's people everything."""
    wanted = Wanted(
        operator_id=parse_operator(query.operator),
        action=query.action,
        subject=query.subject,
        begin=_moment(query.from_, "/from"),
        end=_moment(query.to, "/to"),
    )
    before = None if query.cursor is None else int(query.cursor)
    found = await call.services.store.audit.list(
        call.caller, wanted, before=before, limit=query.limit
    )
    is_more = len(found) == query.limit
    return AuditList(
        [entry_shape(entry) for entry in found], str(found[-1].audit_id) if is_more else None
    )


def _moment(moment: datetime | None, pointer: str) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise bad_field(pointer, "offset_missing", "say the offset, as in 2026-12-24T08:00:00Z")
    require_calendar(moment, pointer)
    return moment


OPERATIONS = (
    Operation(
        "GET",
        "/admin/audit",
        list_audit,
        AuditList,
        access=Access.OVERSEERS,
        problems=(Forbidden, NotFound, Overloaded),
    ),
)
