"""How today's sales go beside those of yesterday and of a week ago, and what is held now. Reads only, locks nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from store.authority import operator_asked_for, scope_of
from store.db import Connection, Record
from store.model import Caller
from store.queries import Queries
from store.reader import Reader

SQL = Queries.beside(__file__)
DAYS_AGO = (0, 1, 7)
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Takings:
    """What was paid for: revenue is minor units by currency, as it was sold, whatever became of it."""

    bookings: int
    seats: int
    revenue: dict[str, int]


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter of an hour that begins so many minutes after midnight of the operator's clock."""

    minute: int
    takings: Takings


@dataclass(frozen=True, slots=True)
class Day:
    """A day so many days ago: what was sold by this time of it, and quarter by quarter all of it."""

    days_ago: int
    by_now: Takings
    quarters: tuple[Quarter, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    days: tuple[Day, ...]
    holds: int
    seats_held: int


class SalesPace:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def of(self, caller: Caller, operator_id: int | None) -> Pace:
        """Return the pace of an operator, or of all; raise NotFound for another's operator, Overloaded."""
        mine = operator_asked_for(caller, operator_id)

        async def read(connection: Connection) -> Pace:
            await connection.execute(SQL["take_time"])
            days = [
                _day(ago, await connection.fetch(SQL["pace"], mine, ago, timeout=_SECONDS + 1))
                for ago in DAYS_AGO
            ]
            held = await connection.fetchrow(SQL["held"], mine)
            assert held is not None, "a count has a row"
            return Pace(tuple(days), held["holds"], int(held["seats"]))

        return await self._reader.read(scope_of(caller), read)


def _day(days_ago: int, rows: Sequence[Record]) -> Day:
    minutes = sorted({row["minute"] for row in rows})
    return Day(
        days_ago,
        _sum(rows, "_by_now"),
        tuple(
            Quarter(minute, _sum((row for row in rows if row["minute"] == minute), ""))
            for minute in minutes
        ),
    )


def _sum(rows: Iterable[Record], which: str) -> Takings:
    """Add lines up; there is one for each currency."""
    bookings = seats = 0
    revenue: Counter[str] = Counter()
    for row in rows:
        bookings += row[f"bookings{which}"]
        seats += int(row[f"seats{which}"])
        revenue[row["currency"]] += int(row[f"amount{which}"])
    return Takings(bookings, seats, dict(sorted(revenue.items())))
