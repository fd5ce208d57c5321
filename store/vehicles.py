"""Vehicles: the things with wheels. A bus may name the one it goes by; a vehicle keeps its layout for life."""

from dataclasses import dataclass, replace

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
from store.errors import AlreadyExists, NotFound
from store.model import Caller
from store.once import answer_once
from store.queries import Queries
from store.reader import Reader
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Vehicle:
    vehicle_id: int
    operator_id: int
    registration: str
    name: str
    layout_id: int
    layout: str
    is_retired: bool
    version: int


@dataclass(frozen=True, slots=True)
class NewVehicle:
    registration: str
    name: str
    layout_id: int
    operator_id: int | None = None


@dataclass(frozen=True, slots=True)
class VehicleEdit:
    """What shall be otherwise; None stays as it is."""

    registration: str | None = None
    name: str | None = None
    is_retired: bool | None = None


class Vehicles:
    def __init__(self, db: Database, reader: Reader) -> None:
        self._db = db
        self._reader = reader

    async def list(
        self, caller: Caller, operator_id: int | None, *, after: int, limit: int
    ) -> list[Vehicle]:
        """Return vehicles in the order they came; raise NotFound for another's operator."""
        mine = operator_asked_for(caller, operator_id)

        async def read(connection: Connection) -> list[Vehicle]:
            rows = await connection.fetch(SQL["list_vehicles"], mine, after, limit)
            return [_vehicle(row) for row in rows]

        return await self._reader.read(scope_of(caller), read)

    async def find(self, caller: Caller, vehicle_id: int) -> Vehicle:
        """Return one vehicle; raise NotFound, also for another's."""

        async def read(connection: Connection) -> Vehicle:
            row = await connection.fetchrow(SQL["find_vehicle"], vehicle_id)
            if row is None or not sees(caller, row["operator_id"]):
                raise NotFound("vehicle")
            return _vehicle(row)

        return await self._db.read(scope_of(caller), read)

    async def add(self, caller: Caller, new: NewVehicle, ask: Ask[Vehicle]) -> Reply:
        """Add a vehicle and write the audit log. Locks nothing.

        Raises NotFound (the operator, the layout), Forbidden, AlreadyExists (the registration), InvalidRequest,
        KeyReused.
        """

        async def work(connection: Connection) -> Reply:
            operator_id = await operator_to_add_to(connection, caller, new.operator_id)

            async def make() -> Vehicle:
                if not await connection.fetchval(SQL["has_layout"], operator_id, new.layout_id):
                    raise NotFound("layout")
                vehicle_id = await connection.fetchval(
                    SQL["add_vehicle"], operator_id, new.registration, new.name, new.layout_id
                )
                if vehicle_id is None:
                    raise AlreadyExists("registration")
                subject = f"vehicle {vehicle_id}"
                await note(connection, caller, operator_id, "vehicle.create", subject)
                row = await connection.fetchrow(SQL["find_vehicle"], vehicle_id)
                assert row is not None
                return _vehicle(row)

            return await answer_once(connection, ask, operator_id, make)

        return await self._db.transaction(scope_of(caller), work)

    async def change(
        self, caller: Caller, vehicle_id: int, edit: VehicleEdit, expected: Versions
    ) -> Vehicle:
        """Give a vehicle another name or registration, or retire it; and write the audit log. Locks it.

        Buses that name it keep it; a retired one is named by no other. Raises NotFound, Forbidden, Stale,
        AlreadyExists (the registration).
        """

        async def work(connection: Connection) -> Vehicle:
            row = await connection.fetchrow(SQL["lock_vehicle"], vehicle_id)
            if row is None or not sees(caller, row["operator_id"]):
                raise NotFound("vehicle")
            before = _vehicle(row)
            await require_manager(connection, caller, before.operator_id)
            require_version(before.version, expected)
            wanted = replace(
                before,
                registration=edit.registration or before.registration,
                name=edit.name or before.name,
                is_retired=before.is_retired if edit.is_retired is None else edit.is_retired,
            )
            if wanted == before:
                return before
            return await _write(connection, caller, before, wanted)

        return await self._db.transaction(scope_of(caller), work)


async def _write(
    connection: Connection, caller: Caller, before: Vehicle, wanted: Vehicle
) -> Vehicle:
    vehicle_id = wanted.vehicle_id
    try:
        version = await connection.fetchval(
            SQL["change_vehicle"], vehicle_id, wanted.registration, wanted.name, wanted.is_retired
        )
    except asyncpg.UniqueViolationError:
        raise AlreadyExists("registration") from None
    changed = {
        name: [getattr(before, name), getattr(wanted, name)]
        for name in ("registration", "name", "is_retired")
        if getattr(before, name) != getattr(wanted, name)
    }
    subject = f"vehicle {vehicle_id}"
    await note(connection, caller, wanted.operator_id, "vehicle.change", subject, **changed)
    return replace(wanted, version=version)


def _vehicle(row: Record) -> Vehicle:
    return Vehicle(
        row["vehicle_id"],
        row["operator_id"],
        row["registration"],
        row["name"],
        row["layout_id"],
        row["layout"],
        row["is_retired"],
        row["version"],
    )
