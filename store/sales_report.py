"""What was sold of the buses of some days: by day, route, bus or channel. Reads only, nothing is locked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from store.authority import operator_asked_for, scope_of
from store.db import Connection, Record
from store.errors import InvalidRequest
from store.model import Caller
from store.queries import Queries
from store.reader import Reader

SQL = Queries.beside(__file__)
DAYS_MAX = 366
LINES_MAX = 1000
# A year of a large operator, read beside the sales and not before them.
_SECONDS = 20.0


class Group(StrEnum):
    DAY = "day"
    ROUTE = "route"
    BUS = "bus"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Revenue:
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class SalesLine:
    """`key` is a day, the id of a route or bus, or a channel; None for buses without a route.

    `bookings` and `seats` are paid for and not cancelled: a seat that somebody did not come for and that was sold again
    was sold twice. `revenue` is what was paid less what was paid back, whatever became of the booking. `occupancy` is
    the share of all seats on all segments that is somebody's, each once; None where there is no such share: by channel,
    and of cancelled buses alone. `departs_at` is of one bus: a bus of every day may have the same name.
    """

    key: str | None
    name: str | None
    buses: int
    bookings: int
    seats: int
    revenue: tuple[Revenue, ...]
    occupancy: float | None
    departs_at: datetime | None


@dataclass(frozen=True, slots=True)
class SalesPeriod:
    """Buses that leave on the days from `first` to `last`, by the clock of each one's operator."""

    first: date
    last: date
    operator_id: int | None = None
    group: Group = Group.DAY


class SalesReport:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def of(self, caller: Caller, period: SalesPeriod) -> list[SalesLine]:
        """Return what was sold of the buses of a period: one line more than LINES_MAX when there are more.

        Raises NotFound for another's operator, InvalidRequest for a period that is reversed or too long, Overloaded.
        """
        if period.last < period.first:
            raise InvalidRequest("/to", "reversed", "it ends before it begins")
        if (period.last - period.first).days >= DAYS_MAX:
            raise InvalidRequest("/to", "too_long", f"at most {DAYS_MAX} days")
        mine = operator_asked_for(caller, period.operator_id)

        async def read(connection: Connection) -> list[SalesLine]:
            await connection.execute(SQL["take_time"])
            operators = None if mine is None else [mine]
            rows = await connection.fetch(
                SQL["sales"],
                operators,
                period.first,
                period.last,
                period.group,
                LINES_MAX + 1,
                timeout=_SECONDS + 1,
            )
            return [_line(row) for row in rows]

        return await self._reader.read(scope_of(caller), read)


def _line(row: Record) -> SalesLine:
    taken, places = int(row["taken"]), int(row["places"])
    is_shared = row["has_places"] and places > 0
    amounts: Sequence[int] = row["amounts"]
    return SalesLine(
        key=row["key"],
        name=row["name"],
        buses=row["buses"],
        bookings=int(row["bookings"]),
        seats=int(row["seats"]),
        revenue=tuple(
            Revenue(int(amount), currency)
            for amount, currency in zip(amounts, row["currencies"], strict=True)
        ),
        occupancy=round(taken / places, 4) if is_shared else None,
        departs_at=row["departs_at"],
    )
