"""Puts many buses on sale at once: what importing a timetable and loading the demo have in common.

Rows go by COPY into temporary tables, since COPY may not write where row security rules; a few statements make
stops, routes, buses, their stops and seats from them. The server multiplies trips by days, so what travels is small.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import asyncpg

from store.db import CommitUnknown, Connection, Database
from store.errors import Overloaded
from store.model import PairFares
from store.queries import Queries

SQL = Queries.beside(__file__)
STATEMENT_SECONDS = 900.0
_BUSES_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A stop or station that may be new; `parent` is the number of its station."""

    number: int
    code: str
    name: str
    time_zone: str
    latitude: float | None
    longitude: float | None
    parent: int | None = None


class Call(NamedTuple):
    """A run stops at a place, in seconds after its base."""

    place: int
    arrives: int
    departs: int
    can_board: bool
    can_alight: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A journey as the timetable has it, whatever the day. `route` and `layout` are indexes.

    `fares` are those of its segments, `pairs` those of legs that do not cost the sum of theirs.
    """

    route: int
    name: str
    layout: int
    fares: Sequence[int]
    starts: int
    ends: int
    calls: Iterable[Call]
    pairs: PairFares = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A route that may be new: the stops of a run, with its times."""

    key: str
    name: str
    run: int


class Departure(NamedTuple):
    """A run on one day: a bus that may be new. Source key and day tell it from the operator's others."""

    source_key: str
    service_date: date
    run: int
    base: datetime


@dataclass(frozen=True, slots=True)
class Departures:
    """What one operator wants to sell; `buses` can be gone through again and again."""

    places: Sequence[Place]
    routes: Sequence[Pattern]
    runs: Sequence[Run]
    buses: Iterable[Departure]


@dataclass(frozen=True, slots=True)
class Seller:
    """Whose buses they are, in which currency, with which layouts, and which stops are already known as theirs."""

    operator_id: int
    currency: str
    source: str
    layouts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Added:
    """What is new, and what was there: `known` buses, of which `differing` ones have other stops or times.

    `unlisted` buses of the same days are on sale and not among the departures; `stops_differing` have another name
    or place than they had. All of them stay as they are: seats may be sold.
    """

    stops: int
    routes: int
    buses: int
    seats: int
    known: int
    differing: int
    unlisted: int
    stops_differing: int

    @property
    def is_nothing(self) -> bool:
        return not (self.stops or self.routes or self.buses)


async def prepare(connection: Connection) -> None:
    """Give the transaction time, and the temporary tables it needs."""
    await connection.execute(SQL["take_time"])
    await connection.execute(SQL["stage"])


async def lock_timetable(connection: Connection, operator: str, *, patiently: bool) -> bool:
    """Take the right to add to an operator's timetable until the transaction ends; whether it was to be had.

    No unique index can keep a bus from being added twice (on a sharded database it would have to include bus_id),
    so whoever adds by source key is alone with the operator.
    """
    if patiently:
        await connection.execute(SQL["wait_for_timetable"], operator, timeout=STATEMENT_SECONDS)
        return True
    got: bool = await connection.fetchval(SQL["take_timetable"], operator)
    return got


async def enter_scope(connection: Connection, operator_id: int) -> None:
    """Act for one operator, perhaps one that this transaction has only just made."""
    await connection.execute(SQL["enter_scope"], [operator_id])


async def add_departures(
    connection: Connection,
    seller: Seller,
    departures: Departures,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> Added:
    """Add the stops, routes and buses that are missing. Once `prepare`d, it may be done for several operators.

    The caller is in the operator's scope and holds its timetable. What exists is left alone.
    """
    await connection.execute(SQL["clear_stage"])
    await _stage(connection, seller, departures)
    stops = await _count(connection, "add_stations", seller.source)
    stops += await _count(connection, "add_stops", seller.source)
    await connection.execute(SQL["find_stops"], seller.source, timeout=STATEMENT_SECONDS)
    routes = await _count(connection, "add_routes", seller.operator_id)
    await connection.execute(SQL["find_known"], seller.operator_id, timeout=STATEMENT_SECONDS)
    buses = await _count(connection, "stage_fresh", seller.operator_id)
    await connection.execute(SQL["analyze_fresh"], timeout=STATEMENT_SECONDS)
    seats = 0
    for first in range(1, buses + 1, _BUSES_AT_A_TIME):
        last = min(first + _BUSES_AT_A_TIME - 1, buses)
        seats += await _add_buses(connection, seller, first, last)
        report(last, buses)
    return Added(
        stops=stops,
        routes=routes,
        buses=buses,
        seats=seats,
        known=await _count(connection, "count_known"),
        differing=await _count(connection, "count_differing"),
        unlisted=await _count(connection, "count_unlisted"),
        stops_differing=await _count(connection, "count_differing_stops", seller.source),
    )


async def refresh_statistics(db: Database) -> None:
    """Tell the planner what has been added: plans made while the tables were nearly empty would stay bad.

    As whoever has logged in, since only a table's owner may; the server skips tables of others with a warning.
    What fails here is made good by autovacuum, a minute later.
    """

    async def work(connection: Connection) -> None:
        await connection.execute(SQL["take_time"])
        await connection.execute(SQL["refresh_statistics"], timeout=STATEMENT_SECONDS)

    with suppress(asyncpg.PostgresError, Overloaded, CommitUnknown):
        await db.transaction([], work)


async def _add_buses(connection: Connection, seller: Seller, first: int, last: int) -> int:
    await connection.execute(
        SQL["add_buses"],
        seller.operator_id,
        seller.currency,
        first,
        last,
        timeout=STATEMENT_SECONDS,
    )
    await _count(connection, "add_calls", seller.operator_id, first, last)
    await connection.execute(
        SQL["add_pairs"], seller.operator_id, first, last, timeout=STATEMENT_SECONDS
    )
    return await _count(connection, "add_seats", seller.operator_id, first, last)


async def _count(connection: Connection, query: str, *args: object) -> int:
    counted: int = await connection.fetchval(SQL[query], *args, timeout=STATEMENT_SECONDS)
    return counted


async def _stage(connection: Connection, seller: Seller, departures: Departures) -> None:
    await _copy(
        connection,
        "staged_stops",
        (
            (p.number, p.code, p.name, p.parent, p.latitude, p.longitude, p.time_zone)
            for p in departures.places
        ),
    )
    await _copy(
        connection,
        "staged_routes",
        ((number, r.key, r.name, r.run) for number, r in enumerate(departures.routes)),
    )
    await _copy(
        connection,
        "staged_runs",
        (
            (number, r.route, r.name, seller.layouts[r.layout], r.fares, r.starts, r.ends)
            for number, r in enumerate(departures.runs)
        ),
    )
    await _copy(connection, "staged_calls", _calls(departures.runs))
    await _copy(connection, "staged_pairs", _pairs(departures.runs))
    await _copy(connection, "staged_buses", departures.buses)
    await connection.execute(SQL["analyze_stage"], timeout=STATEMENT_SECONDS)


def _calls(runs: Sequence[Run]) -> Iterator[tuple[object, ...]]:
    for number, run in enumerate(runs):
        for index, call in enumerate(run.calls):
            yield (number, index, *call)


def _pairs(runs: Sequence[Run]) -> Iterator[tuple[object, ...]]:
    for number, run in enumerate(runs):
        for leg, amount in run.pairs.items():
            yield (number, *leg, amount)


async def _copy(connection: Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    await connection.copy_records_to_table(table, records=rows, timeout=STATEMENT_SECONDS)
