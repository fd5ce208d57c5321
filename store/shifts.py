"""Shifts: who took cash from when to when, what should be in the drawer, and what was.

What was sold in a shift is nowhere added up while it is open: it is the cash payments of its seller since then. A sale
in cash shares the lock of the seller's shift (`store/batch.py`), whoever closes it holds it alone: so a sale is
before the closing moment and counted, or after it and not. What it came to is then written down for good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from store.authority import note, operator_asked_for, require_manager, scope_of, sees
from store.db import Connection, Database, Record
from store.errors import Forbidden, InvalidRequest, NotFound, WrongState
from store.model import Caller, Role
from store.once import answer_once
from store.queries import Queries
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)
Amounts = Mapping[str, int]
"""Minor units by currency."""
_read_amounts = msgspec.json.Decoder(dict[str, int]).decode
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Line:
    """Cash that went into the drawer (`sale`) or out of it (`payout`)."""

    kind: str
    bus_id: int
    ref: str
    amount: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift, of a person or of a kiosk; `sold` and `paid_out` are so far, as long as it is open."""

    shift_id: int
    operator_id: int
    user_id: int | None
    device_id: int | None
    opened_at: datetime
    opening: Amounts
    sold: Amounts
    paid_out: Amounts
    closed_at: datetime | None = None
    counted: Amounts | None = None

    @property
    def currencies(self) -> list[str]:
        return sorted({*self.opening, *self.sold, *self.paid_out, *(self.counted or ())})

    def expected(self, currency: str) -> int:
        """Return what should be in the drawer."""
        taken = self.opening.get(currency, 0) + self.sold.get(currency, 0)
        return taken - self.paid_out.get(currency, 0)

    def difference(self, currency: str) -> int | None:
        """Return what was counted beyond that; None while nothing was."""
        if self.counted is None:
            return None
        return self.counted.get(currency, 0) - self.expected(currency)


@dataclass(frozen=True, slots=True)
class CashUp:
    """A shift with all that it is made of."""

    shift: Shift
    lines: tuple[Line, ...]


class Shifts:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def open(
        self, caller: Caller, opening: Amounts, ask: Ask[Shift], *, kiosk: int | None = None
    ) -> Reply:
        """Open a shift of the caller's own, or of a kiosk that staff stands at; write the audit log.

        Locks nothing: of two who open one, the index lets one. Raises NotFound (no such kiosk), WrongState (one is
        open), KeyReused.
        """
        operator_id = _own_operator(caller)
        device_id = kiosk if kiosk is not None else caller.device_id
        user_id = caller.user_id if device_id is None else None

        async def work(connection: Connection) -> Reply:
            async def make() -> Shift:
                if device_id is not None:
                    found = await connection.fetchval(SQL["find_kiosk"], device_id, operator_id)
                    if found is None:
                        raise NotFound("device")
                now = await connection.fetchval(SQL["clock"])
                place = (operator_id, user_id, device_id, now, caller.user_id, _write(opening))
                shift_id = await connection.fetchval(SQL["open_shift"], *place)
                if shift_id is None:
                    raise WrongState("OPEN", "a shift is open; close it first")
                await _note(connection, caller, operator_id, shift_id, "open", opening=opening)
                return Shift(shift_id, operator_id, user_id, device_id, now, opening, {}, {})

            return await answer_once(connection, ask, operator_id, make)

        return await self._db.transaction([operator_id], work)

    async def current(self, caller: Caller) -> CashUp:
        """Return the caller's open shift as far as it has come; raise NotFound when there is none. Locks nothing."""
        operator_id = _own_operator(caller)

        async def read(connection: Connection) -> CashUp:
            row = await connection.fetchrow(
                SQL["find_open"], operator_id, _person(caller), caller.device_id
            )
            if row is None:
                raise NotFound("shift")
            return await _cash_up(connection, row, row["now"])

        return await self._db.read([operator_id], read)

    async def find(self, caller: Caller, shift_id: int) -> CashUp:
        """Return a shift with its lines: an agent's own, any of the operator's for who manages it. Raises NotFound."""

        async def read(connection: Connection) -> CashUp:
            row = await connection.fetchrow(SQL["find_shift"], shift_id)
            if row is None or not _may_see(caller, row):
                raise NotFound("shift")
            return await _cash_up(connection, row, row["closed_at"] or row["now"])

        return await self._db.read(scope_of(caller), read)

    async def list(
        self,
        caller: Caller,
        operator_id: int | None,
        *,
        is_open: bool | None,
        before: int,
        limit: int,
    ) -> list[Shift]:
        """Return shifts, newest first, what open ones have taken so far left out; raise NotFound for another's."""
        mine = operator_asked_for(caller, operator_id)

        async def read(connection: Connection) -> list[Record]:
            return await connection.fetch(SQL["list_shifts"], mine, is_open, before, limit)

        rows = await self._db.read(scope_of(caller), read)
        return [_shift(row, _amounts(row["sold"]), _amounts(row["paid_out"])) for row in rows]

    async def close(
        self, caller: Caller, shift_id: int, counted: Amounts, ask: Ask[CashUp]
    ) -> Reply:
        """Close a shift with what was counted, by currency; what it came to is written down; write the audit log.

        Locks the shift alone: sales and payouts that are under way in it come first, later ones are not its. Raises
        NotFound, Forbidden (somebody else's), WrongState (it is closed), InvalidRequest (a currency was not counted),
        KeyReused.
        """
        operator_id = _own_operator(caller)

        async def work(connection: Connection) -> Reply:
            await connection.execute(SQL["take_time"])

            async def make() -> CashUp:
                row = await connection.fetchrow(SQL["lock_shift"], shift_id)
                if row is None or not _is_of(caller, row):
                    raise NotFound("shift")
                if not _may_close(caller, row):
                    raise Forbidden("whoever opened a shift closes it, or who manages the operator")
                if row["closed_at"] is not None:
                    raise WrongState("CLOSED", "the shift is closed")
                return await _close(connection, caller, row, counted)

            return await answer_once(connection, ask, operator_id, make)

        return await self._db.transaction([operator_id], work)

    async def find_policy(self, caller: Caller, operator_id: int) -> bool:
        """Return whether cash is taken in shifts only; raise NotFound. Locks nothing."""
        row = await self._db.fetchrow(SQL["find_policy"], operator_id)
        if row is None or not sees(caller, operator_id):
            raise NotFound("operator")
        return bool(row["cash_needs_shift"])

    async def set_policy(self, caller: Caller, operator_id: int, *, needs_shift: bool) -> bool:
        """Say whether cash is taken in shifts only, from the commit on; write the audit log.

        Locks the operator's row, then the rows of its buses that are still under way, in order. Raises NotFound,
        Forbidden.
        """

        async def work(connection: Connection) -> bool:
            await require_manager(connection, caller, operator_id)
            before = await connection.fetchval(SQL["lock_operator"], operator_id)
            if before is None:
                raise NotFound("operator")
            if before != needs_shift:
                await connection.execute(SQL["set_policy"], operator_id, needs_shift)
                changed = {"cash_needs_shift": [before, needs_shift]}
                await note(
                    connection,
                    caller,
                    operator_id,
                    "cash.set",
                    f"operator {operator_id}",
                    **changed,
                )
                await connection.execute(SQL["take_time"])
                await connection.execute(SQL["touch_buses"], operator_id, timeout=_SECONDS)
            return needs_shift

        return await self._db.transaction(caller.scope_at(operator_id), work)


async def _close(connection: Connection, caller: Caller, row: Record, counted: Amounts) -> CashUp:
    now = await connection.fetchval(SQL["clock"])
    cash_up = await _cash_up(connection, row, now)
    shift = cash_up.shift
    for currency in shift.currencies:
        if currency not in counted:
            raise InvalidRequest(
                "/counted", "not_counted", f"say how much {currency} is in the drawer"
            )
    await connection.execute(
        SQL["close_shift"],
        shift.shift_id,
        now,
        caller.user_id,
        _write(shift.sold),
        _write(shift.paid_out),
        _write(counted),
    )
    closed = Shift(
        *(shift.shift_id, shift.operator_id, shift.user_id, shift.device_id, shift.opened_at),
        *(shift.opening, shift.sold, shift.paid_out, now, counted),
    )
    differences = {each: closed.difference(each) for each in closed.currencies}
    await _note(
        connection, caller, shift.operator_id, shift.shift_id, "close", differences=differences
    )
    return CashUp(closed, cash_up.lines)


async def _cash_up(connection: Connection, row: Record, until: datetime) -> CashUp:
    """Read the lines of a shift up to a moment; a closed one says itself what it came to."""
    rows = await connection.fetch(
        SQL["list_lines"],
        *(row["shift_id"], row["operator_id"], row["user_id"], row["device_id"]),
        *(row["opened_at"], until),
    )
    lines = tuple(Line(**dict(each)) for each in rows)
    if row["closed_at"] is not None:
        return CashUp(_shift(row, _amounts(row["sold"]), _amounts(row["paid_out"])), lines)
    return CashUp(_shift(row, _sum(lines, "sale"), _sum(lines, "payout")), lines)


def _sum(lines: Sequence[Line], kind: str) -> Amounts:
    sums: dict[str, int] = {}
    for line in lines:
        if line.kind == kind:
            sums[line.currency] = sums.get(line.currency, 0) + line.amount
    return sums


def _shift(row: Record, sold: Amounts, paid_out: Amounts) -> Shift:
    return Shift(
        row["shift_id"],
        row["operator_id"],
        row["user_id"],
        row["device_id"],
        row["opened_at"],
        _amounts(row["opening"]),
        sold,
        paid_out,
        row["closed_at"],
        None if row["counted"] is None else _amounts(row["counted"]),
    )


def _is_of(caller: Caller, row: Record) -> bool:
    """Whether a shift is of the caller's operator."""
    return bool(caller.operator_id == row["operator_id"])


def _may_see(caller: Caller, row: Record) -> bool:
    is_own = row["user_id"] is not None and row["user_id"] == caller.user_id
    if caller.role is Role.AGENT:
        return _is_of(caller, row) and (is_own or row["device_id"] is not None)
    return sees(caller, row["operator_id"])


def _may_close(caller: Caller, row: Record) -> bool:
    """Whether it is the caller's own, or a kiosk's that somebody has emptied; who manages the operator closes any."""
    if caller.device_id is not None:
        return bool(row["device_id"] == caller.device_id)
    is_own = row["device_id"] is not None or row["user_id"] == caller.user_id
    return is_own or caller.manages(row["operator_id"])


def _own_operator(caller: Caller) -> int:
    if caller.operator_id is None:
        raise Forbidden("shifts are of an operator's own people and kiosks")
    return caller.operator_id


def _person(caller: Caller) -> int | None:
    return caller.user_id if caller.device_id is None else None


async def _note(
    connection: Connection,
    caller: Caller,
    operator_id: int,
    shift_id: int,
    action: str,
    **detail: object,
) -> None:
    await note(connection, caller, operator_id, f"shift.{action}", f"shift {shift_id}", **detail)


def _amounts(text: str | None) -> Amounts:
    return {} if text is None else _read_amounts(text)


def _write(amounts: Amounts) -> str:
    return msgspec.json.encode(amounts).decode()
