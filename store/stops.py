"""Stops as people keep them. They are shared: any operator's bus may call at any stop.

A stop has a source, which says who answers for it. An operator's administrators add, change and remove those of their
own sources (`operator:<id>` by hand, `gtfs:<id>` by import), the platform's administrators all of them.
"""

from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from store.authority import (
    Versions,
    note,
    operator_asked_for,
    require_manager,
    require_version,
    scope_of,
)
from store.db import Connection, Database, Record
from store.errors import AlreadyExists, Forbidden, InUse, InvalidRequest, NotFound
from store.model import Caller, Role
from store.once import answer_once
from store.operators import require_known_zone
from store.queries import Queries
from store.reader import Reader
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)
_SECONDS = 30.0
_PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class StopCard:
    """`code` is what the source calls it; two stops of a source never share one."""

    stop_id: int
    source: str
    code: str
    name: str
    time_zone: str
    station_id: int | None
    latitude: float | None
    longitude: float | None
    version: int

    @property
    def operator_id(self) -> int | None:
        """Whose administrators answer for it; None for the platform's."""
        kind, _, number = self.source.partition(":")
        return int(number) if kind in {"operator", "gtfs"} and number.isdigit() else None


@dataclass(frozen=True, slots=True)
class NewStop:
    """`operator_id` is whose source it belongs to: None is the caller's own, or the platform's."""

    code: str
    name: str
    time_zone: str
    station_id: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    operator_id: int | None = None


class Stops:
    def __init__(self, db: Database, reader: Reader) -> None:
        self._db = db
        self._reader = reader

    async def list(self, text: str, *, after: int, limit: int) -> list[StopCard]:
        """Return stops whose name contains `text`, whatever its case and accents, in the order they came."""
        rows = await self._reader.fetch(SQL["list_stops"], text, after, limit)
        return [_card(row) for row in rows]

    async def find(self, stop_id: int) -> StopCard:
        """Return one stop; raise NotFound."""
        row = await self._db.fetchrow(SQL["find_stop"], stop_id)
        if row is None:
            raise NotFound("stop")
        return _card(row)

    async def add(self, caller: Caller, new: NewStop, ask: Ask[StopCard]) -> Reply:
        """Add a stop, to a station perhaps, and write the audit log.

        Locks the station. Raises NotFound, Forbidden, AlreadyExists (the code), InvalidRequest.
        """

        async def work(connection: Connection) -> Reply:
            operator_id = operator_asked_for(caller, new.operator_id)
            await _require_keeper(connection, caller, operator_id)
            source = _PLATFORM if operator_id is None else f"operator:{operator_id}"

            async def make() -> StopCard:
                await require_known_zone(connection, new.time_zone)
                await _require_station(connection, new.station_id)
                row = await connection.fetchrow(
                    SQL["add_stop"],
                    source,
                    new.code,
                    new.name,
                    new.time_zone,
                    new.station_id,
                    new.latitude,
                    new.longitude,
                )
                if row is None:
                    raise AlreadyExists("code")
                subject = f"stop {row['stop_id']}"
                await note(connection, caller, operator_id, "stop.create", subject)
                return _card(row)

            return await answer_once(connection, ask, operator_id, make)

        return await self._db.transaction(scope_of(caller), work)

    async def change(
        self, caller: Caller, stop_id: int, changes: dict[str, Any], expected: Versions
    ) -> StopCard:
        """Set what `changes` names (`name`, `time_zone`, `latitude`, `longitude`) and write the audit log.

        Locks the stop, then the rows of all buses that still call there, in order: what is known of them is known
        anew. Raises NotFound, Forbidden, Stale, InvalidRequest.
        """

        async def work(connection: Connection) -> StopCard:
            before = await _lock(connection, caller, stop_id, expected)
            wanted = replace(before, **changes)
            if wanted == before:
                return before
            if (wanted.latitude is None) != (wanted.longitude is None):
                raise InvalidRequest("/longitude", "required", "a place has two coordinates")
            if wanted.time_zone != before.time_zone:
                await require_known_zone(connection, wanted.time_zone)
            version = await connection.fetchval(
                SQL["change_stop"],
                stop_id,
                wanted.name,
                wanted.time_zone,
                wanted.latitude,
                wanted.longitude,
            )
            changed = {
                name: [getattr(before, name), getattr(wanted, name)]
                for name in changes
                if getattr(before, name) != getattr(wanted, name)
            }
            await note(
                connection, caller, before.operator_id, "stop.change", f"stop {stop_id}", **changed
            )
            await connection.execute(SQL["take_time"])
            await connection.execute(SQL["touch_buses"], stop_id, timeout=_SECONDS)
            return replace(wanted, version=version)

        return await self._db.transaction(None, work)

    async def remove(self, caller: Caller, stop_id: int, expected: Versions) -> None:
        """Remove a stop that nothing calls at, and write the audit log. Locks it.

        Raises NotFound, Forbidden, Stale, InUse.
        """

        async def work(connection: Connection) -> None:
            stop = await _lock(connection, caller, stop_id, expected)
            try:
                await connection.execute(SQL["remove_stop"], stop_id)
            except asyncpg.ForeignKeyViolationError:
                raise InUse("stop", "routes, buses, devices or other stops have it") from None
            told = {"source": stop.source, "code": stop.code, "name": stop.name}
            await note(
                connection, caller, stop.operator_id, "stop.remove", f"stop {stop_id}", **told
            )

        await self._db.transaction(scope_of(caller), work)


async def _lock(
    connection: Connection, caller: Caller, stop_id: int, expected: Versions
) -> StopCard:
    row = await connection.fetchrow(SQL["lock_stop"], stop_id)
    if row is None:
        raise NotFound("stop")
    stop = _card(row)
    if stop.operator_id is not None and caller.role is not Role.ADMIN:
        if not caller.manages(stop.operator_id):
            raise Forbidden("this stop is another's to change")
        await require_manager(connection, caller, stop.operator_id)
    elif caller.role is not Role.ADMIN:
        raise Forbidden("this stop is the platform's to change")
    require_version(stop.version, expected)
    return stop


async def _require_keeper(connection: Connection, caller: Caller, operator_id: int | None) -> None:
    if operator_id is not None:
        await require_manager(connection, caller, operator_id)
    elif caller.role is not Role.ADMIN:
        raise Forbidden("only the platform's administrators add stops that are nobody's")


async def _require_station(connection: Connection, station_id: int | None) -> None:
    if station_id is None:
        return
    row = await connection.fetchrow(SQL["lock_station"], station_id)
    if row is None:
        raise NotFound("stop")
    if row["parent_id"] is not None:
        raise InvalidRequest("/station", "not_a_station", "that stop belongs to a station itself")


def _card(row: Record) -> StopCard:
    return StopCard(
        row["stop_id"],
        row["source"],
        row["code"],
        row["name"],
        row["time_zone"],
        row["parent_id"],
        row["latitude"],
        row["longitude"],
        row["version"],
    )
