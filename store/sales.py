"""What was sold today, as it stands: totals from the rows themselves, for those who run the operators. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from store.db import Connection, Record
from store.queries import Queries
from store.reader import Reader

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Hour:
    """What was paid for in an hour of the operator's clock, which begins at `at`."""

    at: datetime
    seats: int
    revenue: int


@dataclass(frozen=True, slots=True)
class RouteLoad:
    """Today's buses of a route; buses without one are together. `booked` of `places` seats on segments are sold."""

    route_id: int | None
    name: str | None
    buses: int
    places: int
    booked: int


@dataclass(frozen=True, slots=True)
class DayOfSales:
    """One operator's day, which began at midnight of its own time zone."""

    operator_id: int
    name: str
    currency: str
    today: date
    hours: tuple[Hour, ...]
    holds: int
    holds_paid: int
    conflicts: int
    routes: tuple[RouteLoad, ...]
    watchers: int


class Sales:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def today(
        self, operators: Sequence[int] | None, watching: Mapping[int, int]
    ) -> list[DayOfSales]:
        """Return the day of each of these operators (None: of all).

        `watching` says how many watch which bus. Every figure is of one committed state; a sale that commits meanwhile
        may be in one and not yet in another. Locks nothing; raises Overloaded.
        """

        async def read(connection: Connection) -> list[DayOfSales]:
            given = None if operators is None else list(operators)
            days = await connection.fetch(SQL["days"], given)
            ids, since = [day["operator_id"] for day in days], _earliest(days)
            if since is None:
                return []
            hours = await connection.fetch(SQL["hours"], ids, since)
            holds = await connection.fetch(SQL["conversion"], ids, since)
            conflicts = await connection.fetch(SQL["conflicts"], ids, since)
            watchers = await connection.fetch(
                SQL["watchers"], list(watching), list(watching.values())
            )
            counted = {row["operator_id"]: row["watchers"] for row in watchers}
            return [
                _day(
                    day,
                    (_of(day, hours), _of(day, holds), _of(day, conflicts)),
                    await _routes(connection, day),
                    counted.get(day["operator_id"], 0),
                )
                for day in days
            ]

        return await self._reader.read(operators, read)


def _earliest(days: Sequence[Record]) -> datetime | None:
    return min((day["since"] for day in days), default=None)


def _of(day: Record, rows: Sequence[Record]) -> list[Record]:
    """Return the rows of this operator's own day: midnight comes to others earlier."""
    mine = (row for row in rows if row["operator_id"] == day["operator_id"])
    return [row for row in mine if row["hour"] >= day["since"]]


async def _routes(connection: Connection, day: Record) -> tuple[RouteLoad, ...]:
    since = day["since"]
    rows = await connection.fetch(
        SQL["routes"], day["operator_id"], since, since + timedelta(days=1)
    )
    return tuple(
        RouteLoad(row["route_id"], row["name"], row["buses"], row["places"], row["booked"])
        for row in rows
    )


def _day(
    day: Record,
    rows: tuple[list[Record], list[Record], list[Record]],
    routes: tuple[RouteLoad, ...],
    watchers: int,
) -> DayOfSales:
    hours, holds, conflicts = rows
    return DayOfSales(
        operator_id=day["operator_id"],
        name=day["name"],
        currency=day["currency"],
        today=day["today"],
        hours=tuple(Hour(row["hour"], row["seats"], int(row["revenue"])) for row in hours),
        holds=sum(row["holds"] for row in holds),
        holds_paid=sum(row["paid"] for row in holds),
        conflicts=sum(row["conflicts"] for row in conflicts),
        routes=routes,
        watchers=watchers,
    )
