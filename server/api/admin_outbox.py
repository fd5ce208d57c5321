"""The outbox of jobs, as administrators see it: what waits, what was given up, tried again or let be."""

import uuid
from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.api.shapes import parse_operator, utc
from server.contract import Access, Call, Idempotency, Operation
from server.problems import bad_field
from store.errors import (
    Forbidden,
    InvalidRequest,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.ids import format_owned, parse_bus, parse_owned
from store.jobs import JobKind, JobState
from store.outbox import Handled, JobLine, Wanted
from store.requests import Reply


class OutboxQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was given up unless another `state` is asked for; what is done is listed for one bus only."""

    state: JobState | None = None
    kind: JobKind | None = None
    operator: str | None = None
    bus: str | None = None
    cursor: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class JobShape(msgspec.Struct, frozen=True):
    """`last_error` says what was in the way the last time; `leased_until` that a worker is at it until then."""

    id: str
    operator: str
    bus_id: str
    ref: str
    kind: str
    detail: dict[str, Any]
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime
    leased_until: datetime | None
    done_at: datetime | None
    last_error: str | None


class JobList(msgspec.Struct, frozen=True):
    items: list[JobShape]
    next_cursor: str | None


class JobHandled(msgspec.Struct, frozen=True):
    id: str
    state: str


async def list_jobs(call: Call, query: OutboxQuery) -> JobList:
    """List jobs, newest first: an operator's administrators its own, the platform's people all."""
    bus_id = _bus(query.bus)
    wanted = Wanted(
        operator_id=parse_operator(query.operator),
        state=query.state or (JobState.DEAD if bus_id is None else None),
        kind=query.kind,
        bus_id=bus_id,
        before=uuid.UUID(query.cursor) if query.cursor else None,
    )
    found = await call.services.store.outbox.list(call.caller, wanted, limit=query.limit)
    is_more = len(found) == query.limit
    return JobList([_shape(line) for line in found], found[-1].job_id.hex if is_more else None)


async def retry_job(call: Call) -> Reply:
    """Try a job again at once, as often as a new one."""
    return await call.services.store.outbox.retry(call.caller, *_job_of(call), call.ask(_handled))


async def discard_job(call: Call) -> Reply:
    """Let a job be: it is never tried again."""
    return await call.services.store.outbox.discard(call.caller, *_job_of(call), call.ask(_handled))


def _bus(text: str | None) -> int | None:
    if text is None:
        return None
    bus_id = parse_bus(text)
    if bus_id is None:
        raise bad_field("/bus", "invalid_id", "not an id of ours")
    return bus_id


def _job_of(call: Call) -> tuple[int, uuid.UUID]:
    place = parse_owned(call.path["job"])
    if place is None:
        raise NotFound("job")
    return place


def _shape(line: JobLine) -> JobShape:
    return JobShape(
        id=format_owned(line.bus_id, line.job_id),
        operator=str(line.operator_id),
        bus_id=str(line.bus_id),
        ref=line.ref,
        kind=line.kind,
        detail=dict(line.detail),
        state=line.state,
        attempts=line.attempts,
        created_at=utc(line.created_at),
        due_at=utc(line.due_at),
        leased_until=utc(line.leased_until) if line.leased_until else None,
        done_at=utc(line.done_at) if line.done_at else None,
        last_error=line.last_error,
    )


def _handled(handled: Handled) -> JobHandled:
    return JobHandled(format_owned(handled.bus_id, handled.job_id), handled.state)


_DECIDING = (Forbidden, NotFound, WrongState, KeyReused, OutcomeUnknown, Overloaded)

OPERATIONS = (
    Operation(
        "GET",
        "/admin/outbox",
        list_jobs,
        JobList,
        access=Access.OVERSEERS,
        problems=(NotFound, InvalidRequest, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/outbox/{job}/retry",
        retry_job,
        JobHandled,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=_DECIDING,
    ),
    Operation(
        "POST",
        "/admin/outbox/{job}/discard",
        discard_job,
        JobHandled,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=_DECIDING,
    ),
)
