"""Shifts: a drawer of cash is opened, counted and closed; what was taken in between, as JSON or as a table."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from server import wire
from server.api.manifests import CSV, defuse
from server.api.shapes import (
    Currency,
    Identifier,
    Money,
    Page,
    parse_id,
    parse_operator,
    path_id,
    utc,
)
from server.contract import Access, Answer, Call, Idempotency, Operation
from server.cursors import read_id_cursor, write_id_cursor
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
from store.requests import Reply
from store.shifts import CashUp, Shift

_LARGEST = 2**63 - 1
COLUMNS = ("kind", "at", "ref", "bus_id", "currency", "amount")


class Cash(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Minor units in a drawer."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=10_000_000_000)]
    currency: Currency


Drawer = Annotated[list[Cash], msgspec.Meta(max_length=20)]


class OpenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in the drawer already. Staff may open the shift of a kiosk that it stands at."""

    float: Drawer = []
    device: Identifier | None = None


class CloseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in the drawer, of every currency that was ever in it."""

    counted: Drawer


class Balance(msgspec.Struct, frozen=True):
    """One currency: `expected` is float + sold - paid out; `difference` is what was counted beyond that."""

    currency: str
    float: int
    sold: int
    paid_out: int
    expected: int
    counted: int | None
    difference: int | None


class ShiftShape(msgspec.Struct, frozen=True):
    """`user` or `device` is whose it is."""

    id: str
    operator: str
    user: str | None
    device: str | None
    status: Literal["open", "closed"]
    opened_at: datetime
    closed_at: datetime | None
    balances: list[Balance]


class ShiftLine(msgspec.Struct, frozen=True):
    """`kind` is `sale` or `payout`."""

    kind: str
    at: datetime
    ref: str
    bus_id: str
    amount: Money


class CashUpShape(msgspec.Struct, frozen=True):
    shift: ShiftShape
    lines: list[ShiftLine]


class ShiftList(msgspec.Struct, frozen=True):
    items: list[ShiftShape]
    next_cursor: str | None


class ShiftQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: Identifier | None = None
    status: Literal["open", "closed"] | None = None
    limit: Page = 20
    cursor: str | None = None


class ReportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`format=csv`, or `Accept: text/csv`, for the table."""

    format: Literal["json", "csv"] | None = None


class CashPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether agents and kiosks take cash in shifts only."""

    needs_shift: bool


async def open_shift(call: Call, body: OpenRequest) -> Reply:
    """Open a shift; a person or a kiosk has one at a time."""
    kiosk = parse_id(body.device, "/device")
    if kiosk is not None and call.caller.device_id not in (None, kiosk):
        raise bad_field("/device", "not_yours", "a kiosk opens its own shift")
    return await call.services.store.shifts.open(
        call.caller, _amounts(body.float, "/float"), call.ask(_shift_shape), kiosk=kiosk
    )


async def read_current_shift(call: Call) -> CashUpShape:
    """Show one's own open shift, as far as it has come."""
    return _shape(await call.services.store.shifts.current(call.caller))


async def close_shift(call: Call, body: CloseRequest) -> Reply:
    """Close a shift with what was counted; from then on it stays as it is."""
    return await call.services.store.shifts.close(
        call.caller, _shift_of(call), _amounts(body.counted, "/counted"), call.ask(_shape)
    )


async def list_shifts(call: Call, query: ShiftQuery) -> ShiftList:
    """List shifts, newest first, with their differences; what open ones have taken is in their reports."""
    before = read_id_cursor(query.cursor) or _LARGEST
    found = await call.services.store.shifts.list(
        call.caller,
        parse_operator(query.operator),
        is_open=None if query.status is None else query.status == "open",
        before=before,
        limit=query.limit,
    )
    last = found[-1] if len(found) == query.limit else None
    return ShiftList(
        [_shift_shape(shift) for shift in found], write_id_cursor(last.shift_id) if last else None
    )


async def report_shift(call: Call, query: ReportQuery) -> Answer | CashUpShape:
    """Show what was sold and paid out in a shift, and what was in the drawer."""
    cash_up = await call.services.store.shifts.find(call.caller, _shift_of(call))
    is_table = query.format == "csv" or call.headers.get(b"accept", b"").startswith(b"text/csv")
    if not is_table:
        return Answer(200, wire.encode(_shape(cash_up)))
    name = f'attachment; filename="shift-{cash_up.shift.shift_id}.csv"'
    headers = (
        (b"content-type", CSV.encode()),
        (b"content-disposition", name.encode()),
        (b"cache-control", b"no-store"),
    )
    return Answer(200, _table(cash_up).encode(), headers)


async def read_cash_policy(call: Call) -> CashPolicy:
    """Show whether an operator takes cash in shifts only."""
    return CashPolicy(await call.services.store.shifts.find_policy(call.caller, _operator_of(call)))


async def set_cash_policy(call: Call, body: CashPolicy) -> CashPolicy:
    """Say whether an operator takes cash in shifts only, from now on."""
    return CashPolicy(
        await call.services.store.shifts.set_policy(
            call.caller, _operator_of(call), needs_shift=body.needs_shift
        )
    )


def _shift_of(call: Call) -> int:
    return path_id(call.path["shift"], "shift")


def _operator_of(call: Call) -> int:
    return path_id(call.path["operator"], "operator", digits=9)


def _amounts(drawer: list[Cash], pointer: str) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for index, cash in enumerate(drawer):
        if cash.currency in amounts:
            raise bad_field(f"{pointer}/{index}", "duplicate", f"{cash.currency} is said twice")
        amounts[cash.currency] = cash.amount
    return amounts


def _shape(cash_up: CashUp) -> CashUpShape:
    return CashUpShape(
        _shift_shape(cash_up.shift),
        [
            ShiftLine(
                line.kind,
                utc(line.at),
                line.ref,
                str(line.bus_id),
                Money(line.amount, line.currency),
            )
            for line in cash_up.lines
        ],
    )


def _shift_shape(shift: Shift) -> ShiftShape:
    return ShiftShape(
        id=str(shift.shift_id),
        operator=str(shift.operator_id),
        user=None if shift.user_id is None else str(shift.user_id),
        device=None if shift.device_id is None else str(shift.device_id),
        status="open" if shift.closed_at is None else "closed",
        opened_at=utc(shift.opened_at),
        closed_at=None if shift.closed_at is None else utc(shift.closed_at),
        balances=[
            Balance(
                currency=currency,
                float=shift.opening.get(currency, 0),
                sold=shift.sold.get(currency, 0),
                paid_out=shift.paid_out.get(currency, 0),
                expected=shift.expected(currency),
                counted=None if shift.counted is None else shift.counted.get(currency, 0),
                difference=shift.difference(currency),
            )
            for currency in shift.currencies
        ],
    )


def _table(cash_up: CashUp) -> str:
    """Return the report as CSV (RFC 4180): a row for each line, then what each currency came to."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(cash_up))
    return "\ufeff" + text.getvalue()


def _rows(cash_up: CashUp) -> Iterator[tuple[str, ...]]:
    for line in cash_up.lines:
        amount = line.amount if line.kind == "sale" else -line.amount
        at = utc(line.at).isoformat()
        yield line.kind, at, defuse(line.ref), str(line.bus_id), line.currency, str(amount)
    for each in _shift_shape(cash_up.shift).balances:
        told = {"float": each.float, "expected": each.expected, "counted": each.counted}
        for kind, sum_ in (told | {"difference": each.difference}).items():
            if sum_ is not None:
                yield kind, "", "", "", each.currency, str(sum_)


_CHANGING = (Forbidden, NotFound, WrongState, KeyReused, OutcomeUnknown, Overloaded)

OPERATIONS = (
    Operation(
        "POST",
        "/shifts",
        open_shift,
        ShiftShape,
        status=201,
        access=Access.TILLS,
        idempotency=Idempotency.ACCEPTED,
        problems=_CHANGING,
    ),
    Operation(
        "GET",
        "/shifts/current",
        read_current_shift,
        CashUpShape,
        access=Access.TILLS,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/shifts/{shift}/close",
        close_shift,
        CashUpShape,
        access=Access.TILLS,
        idempotency=Idempotency.ACCEPTED,
        problems=(*_CHANGING, InvalidRequest),
    ),
    Operation(
        "GET",
        "/admin/shifts",
        list_shifts,
        ShiftList,
        access=Access.OVERSEERS,
        problems=(InvalidRequest, NotFound, Overloaded),
    ),
    Operation(
        "GET",
        "/admin/shifts/{shift}",
        report_shift,
        CashUpShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
        other_text=CSV,
    ),
    Operation(
        "GET",
        "/admin/operators/{operator}/cash",
        read_cash_policy,
        CashPolicy,
        access=Access.OVERSEERS,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "PUT",
        "/admin/operators/{operator}/cash",
        set_cash_policy,
        CashPolicy,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, OutcomeUnknown, Overloaded),
    ),
)
