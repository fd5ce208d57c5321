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
    conflicts: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day so many days ago: what was sold by this time of it, and quarter by quarter all of it.

    Conflicts are requests with an idempotency key that found a seat taken.
    """

    days_ago: int
    by_now: Takings
    conflicts_by_now: int
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

            async def ask(query: str, ago: int) -> list[Record]:
                return await connection.fetch(query, mine, ago, timeout=_SECONDS + 1)

            days = [
                _day(ago, await ask(SQL["pace"], ago), await ask(SQL["conflicts"], ago))
                for ago in DAYS_AGO
            ]
            held = await connection.fetchrow(SQL["held"], mine)
            assert held is not None, "a count has a row"
            return Pace(tuple(days), held["holds"], int(held["seats"]))

        return await self._reader.read(scope_of(caller), read)


def _day(days_ago: int, paid: Sequence[Record], refused: Sequence[Record]) -> Day:
    conflicts = {row["minute"]: int(row["conflicts"]) for row in refused}
    minutes = sorted({row["minute"] for row in paid} | conflicts.keys())
    return Day(
        days_ago,
        _sum(paid, "_by_now"),
        sum(int(row["conflicts_by_now"]) for row in refused),
        tuple(
            Quarter(
                minute,
                _sum((row for row in paid if row["minute"] == minute), ""),
                conflicts.get(minute, 0),
            )
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
