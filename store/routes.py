"""Routes: patterns of stops that buses are made from. A bus keeps its own copy, so a route may change afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from store.authority import (
    Versions,
    note,
    operator_asked_for,
    operator_to_add_to,
    require_manager,
    require_version,
    scope_of,
    sees,
)
from store.db import Connection, Database, Record
from store.errors import InUse, InvalidRequest, NotFound
from store.model import Caller
from store.once import answer_once
from store.queries import Queries
from store.reader import Reader
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class RouteStop:
    """A call of the pattern, in seconds after the bus starts."""

    stop_id: int
    arrival_seconds: int
    departure_seconds: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class RouteCard:
    route_id: int
    operator_id: int
    name: str
    version: int
    stops: tuple[RouteStop, ...]


@dataclass(frozen=True, slots=True)
class NewRoute:
    name: str
    stops: Sequence[RouteStop]
    operator_id: int | None = None


class Routes:
    def __init__(self, db: Database, reader: Reader) -> None:
        self._db = db
        self._reader = reader

    async def list(
        self, caller: Caller, operator_id: int | None, *, after: int, limit: int
    ) -> list[RouteCard]:
        """Return routes with their stops, in the order they came; raise NotFound for another's operator."""
        mine = operator_asked_for(caller, operator_id)
        rows = await self._reader.fetch(SQL["list_routes"], mine, after, limit)
        return [_card(row) for row in rows]

    async def find(self, caller: Caller, route_id: int) -> RouteCard:
        """Return one route; raise NotFound, also for another's."""
        row = await self._db.fetchrow(SQL["find_route"], route_id)
        if row is None or not sees(caller, row["operator_id"]):
            raise NotFound("route")
        return _card(row)

    async def add(self, caller: Caller, new: NewRoute, ask: Ask[RouteCard]) -> Reply:
        """Add a route and write the audit log. Locks nothing.

        Raises NotFound (the operator, a stop), Forbidden, InvalidRequest (times that run backwards), KeyReused.
        """
        require_in_order(new.stops)

        async def work(connection: Connection) -> Reply:
            operator_id = await operator_to_add_to(connection, caller, new.operator_id)

            async def make() -> RouteCard:
                route_id: int = await connection.fetchval(SQL["add_route"], operator_id, new.name)
                await _add_stops(connection, operator_id, route_id, new.stops)
                await note(connection, caller, operator_id, "route.create", f"route {route_id}")
                return await _read(connection, route_id)

            return await answer_once(connection, ask, operator_id, make)

        return await self._db.transaction(scope_of(caller), work)

    async def rename(
        self, caller: Caller, route_id: int, name: str, expected: Versions
    ) -> RouteCard:
        """Rename a route and write the audit log. Locks it. Raises NotFound, Forbidden, Stale."""

        async def work(connection: Connection) -> RouteCard:
            route = await _lock(connection, caller, route_id, expected)
            if route.name != name:
                await connection.execute(SQL["rename_route"], route_id, name)
                subject, told = f"route {route_id}", [route.name, name]
                await note(
                    connection, caller, route.operator_id, "route.change", subject, name=told
                )
            return await _read(connection, route_id)

        return await self._db.transaction(scope_of(caller), work)

    async def set_stops(
        self, caller: Caller, route_id: int, stops: Sequence[RouteStop], expected: Versions
    ) -> RouteCard:
        """Replace the pattern of a route that no bus was made from, and write the audit log. Locks the route.

        Raises NotFound, Forbidden, Stale, InvalidRequest, InUse: then a new route is what is wanted.
        """
        require_in_order(stops)

        async def work(connection: Connection) -> RouteCard:
            await connection.execute(SQL["take_time"])
            route = await _lock(connection, caller, route_id, expected)
            if await connection.fetchval(SQL["is_used"], route.operator_id, route_id):
                raise InUse("route", "buses go by it; make another route")
            await connection.execute(SQL["drop_stops"], route_id)
            await _add_stops(connection, route.operator_id, route_id, stops)
            await connection.execute(SQL["rename_route"], route_id, route.name)
            subject, count = f"route {route_id}", [len(route.stops), len(stops)]
            await note(connection, caller, route.operator_id, "route.stops", subject, stops=count)
            return await _read(connection, route_id)

        return await self._db.transaction(scope_of(caller), work)

    async def remove(self, caller: Caller, route_id: int, expected: Versions) -> None:
        """Remove a route that no bus was made from, and write the audit log. Locks it.

        Raises NotFound, Forbidden, Stale, InUse.
        """

        async def work(connection: Connection) -> None:
            route = await _lock(connection, caller, route_id, expected)
            await connection.execute(SQL["drop_stops"], route_id)
            try:
                await connection.execute(SQL["remove_route"], route_id)
            except asyncpg.ForeignKeyViolationError:
                raise InUse("route", "buses go by it") from None
            subject = f"route {route_id}"
            await note(
                connection, caller, route.operator_id, "route.remove", subject, name=route.name
            )

        await self._db.transaction(scope_of(caller), work)


def require_in_order(stops: Sequence[RouteStop]) -> None:
    """Refuse a pattern that does not start at 0, runs backwards, or takes no time at all."""
    left_at = 0
    for index, stop in enumerate(stops):
        if index == 0 and stop.arrival_seconds != 0:
            raise InvalidRequest("/stops/0/arrival_seconds", "not_zero", "the bus starts at 0")
        if stop.arrival_seconds < left_at:
            raise InvalidRequest(
                f"/stops/{index}/arrival_seconds", "reversed", "it left the stop before later"
            )
        if stop.departure_seconds < stop.arrival_seconds:
            raise InvalidRequest(
                f"/stops/{index}/departure_seconds", "reversed", "it arrives there later"
            )
        left_at = stop.departure_seconds
    if stops[-1].arrival_seconds <= stops[0].departure_seconds:
        last = len(stops) - 1
        raise InvalidRequest(
            f"/stops/{last}/arrival_seconds", "not_after_departure", "it arrives before it left"
        )


async def _lock(
    connection: Connection, caller: Caller, route_id: int, expected: Versions
) -> RouteCard:
    operator_id = await connection.fetchval(SQL["lock_route"], route_id)
    if operator_id is None or not sees(caller, operator_id):
        raise NotFound("route")
    await require_manager(connection, caller, operator_id)
    route = await _read(connection, route_id)
    require_version(route.version, expected)
    return route


async def _read(connection: Connection, route_id: int) -> RouteCard:
    row = await connection.fetchrow(SQL["find_route"], route_id)
    assert row is not None, "it is under lock, or new"
    return _card(row)


async def _add_stops(
    connection: Connection, operator_id: int, route_id: int, stops: Sequence[RouteStop]
) -> None:
    try:
        await connection.execute(
            SQL["add_stops"],
            route_id,
            operator_id,
            [stop.stop_id for stop in stops],
            [stop.arrival_seconds for stop in stops],
            [stop.departure_seconds for stop in stops],
        )
    except asyncpg.ForeignKeyViolationError:
        raise NotFound("stop") from None


def _card(row: Record) -> RouteCard:
    stops = zip(row["stop_ids"], row["arrivals"], row["departures"], row["names"], strict=True)
    return RouteCard(
        row["route_id"],
        row["operator_id"],
        row["name"],
        row["version"],
        tuple(RouteStop(*stop) for stop in stops),
    )
