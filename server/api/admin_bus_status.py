"""The life of a bus: published, closed, opened again, cancelled; and copied to other days."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

import msgspec

from server.api.buses import bus_of
from server.api.shapes import Money, require_calendar, utc
from server.contract import Access, Call, Idempotency, Operation
from server.versions import IF_MATCH, versions_expected
from store.bus_copies import COPIES_MAX, Copy
from store.bus_status import Moved, Step
from store.errors import (
    Departed,
    Forbidden,
    InvalidRequest,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Stale,
    WrongState,
)
from store.requests import Reply


class AffectedShape(msgspec.Struct, frozen=True):
    """Who had bought: paid bookings, their seats and what was paid for these; unpaid ones, which run out."""

    bookings: int
    seats: int
    paid: Money
    bookings_unpaid: int


class BusStatusShape(msgspec.Struct, frozen=True):
    id: str
    status: str
    version: int
    affected: AffectedShape


class CopyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days of the first stop's clock. Copies of a draft are drafts, others if that is asked for."""

    dates: Annotated[list[dt.date], msgspec.Meta(min_length=1, max_length=COPIES_MAX)]
    draft: bool = False


class CopyShape(msgspec.Struct, frozen=True):
    id: str
    date: dt.date
    departs_at: dt.datetime
    status: str


class CopyList(msgspec.Struct, frozen=True):
    items: list[CopyShape]


async def publish_bus(call: Call) -> Reply:
    """Put a draft on sale."""
    return await _move(call, Step.PUBLISH)


async def close_bus(call: Call) -> Reply:
    """Sell no more seats of a bus; it goes."""
    return await _move(call, Step.CLOSE)


async def reopen_bus(call: Call) -> Reply:
    """Sell seats of a closed bus again."""
    return await _move(call, Step.REOPEN)


async def cancel_bus(call: Call) -> Reply:
    """Cancel a bus for good: nothing is sold any more; the answer says who had bought."""
    return await _move(call, Step.CANCEL)


async def copy_bus(call: Call, body: CopyRequest) -> Reply:
    """Make a bus like this one on other days, at the same time of the local clock: all of them or none."""
    for index, day in enumerate(body.dates):
        require_calendar(day, f"/dates/{index}")
    return await call.services.store.bus_copies.copy(
        call.caller, bus_of(call), body.dates, call.ask(_copies), is_draft=body.draft
    )


async def _move(call: Call, step: Step) -> Reply:
    return await call.services.store.bus_status.move(
        call.caller, bus_of(call), step, versions_expected(call), call.ask(_moved)
    )


def _moved(moved: Moved) -> BusStatusShape:
    affected = moved.affected
    return BusStatusShape(
        id=str(moved.bus_id),
        status=moved.status,
        version=moved.version,
        affected=AffectedShape(
            affected.bookings,
            affected.seats,
            Money(affected.amount, moved.currency),
            affected.unpaid,
        ),
    )


def _copies(copies: Sequence[Copy]) -> CopyList:
    return CopyList(
        [CopyShape(str(each.bus_id), each.on, utc(each.departs_at), each.status) for each in copies]
    )


_MOVING = (Forbidden, NotFound, Stale, WrongState, KeyReused, OutcomeUnknown, Overloaded)

OPERATIONS = (
    Operation(
        "POST",
        "/admin/buses/{bus}/publish",
        publish_bus,
        BusStatusShape,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(*_MOVING, Departed),
        headers=IF_MATCH,
    ),
    Operation(
        "POST",
        "/admin/buses/{bus}/close",
        close_bus,
        BusStatusShape,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=_MOVING,
        headers=IF_MATCH,
    ),
    Operation(
        "POST",
        "/admin/buses/{bus}/reopen",
        reopen_bus,
        BusStatusShape,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=_MOVING,
        headers=IF_MATCH,
    ),
    Operation(
        "POST",
        "/admin/buses/{bus}/cancel",
        cancel_bus,
        BusStatusShape,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=_MOVING,
        headers=IF_MATCH,
    ),
    Operation(
        "POST",
        "/admin/buses/{bus}/copy",
        copy_bus,
        CopyList,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(Forbidden, NotFound, InvalidRequest, KeyReused, OutcomeUnknown, Overloaded),
    ),
)
