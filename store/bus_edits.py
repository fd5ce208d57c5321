"""Edits of a bus: what it is called, when it goes, when sales end, by which vehicle, from which bay and how late."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from msgspec import UNSET, UnsetType

from store.authority import Versions, scope_of
from store.bus_changes import LockedBus, lock_bus, queue_news, tell
from store.buses import Buses
from store.db import Connection, Database
from store.errors import InvalidRequest, NotFound, WrongState
from store.events import SeatsChanged
from store.model import Caller, SaleStatus
from store.queries import Queries

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class BusEdit:
    """What shall be otherwise; what is unset stays as it is. `vehicle_id` None takes the vehicle off.

    Another departure moves all stops by as much; another arrival is that at the last stop.
    """

    name: str | UnsetType = UNSET
    departs_at: datetime | UnsetType = UNSET
    arrives_at: datetime | UnsetType = UNSET
    sales_close_seconds: int | UnsetType = UNSET
    vehicle_id: int | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True)
class CallEdit:
    """How a bus calls at one stop today. `place` is its number among the stops, for a bus that calls there twice."""

    stop_id: int
    bay: str | None = None
    delay_seconds: int | None = None
    place: int | None = None


class BusEdits:
    def __init__(
        self, db: Database, buses: Buses, announce: Callable[[Sequence[SeatsChanged]], None]
    ) -> None:
        self._db = db
        self._buses = buses
        self._announce = announce

    async def change(self, caller: Caller, bus_id: int, edit: BusEdit, expected: Versions) -> None:
        """Edit a bus; what is sold stays sold. Doing it twice is once.

        Locks the seats if a vehicle is named, then the bus row. A vehicle of another layout brings that along as long
        as nobody has ever wanted a seat of the bus. Raises NotFound (the bus, the vehicle), Forbidden, Stale,
        WrongState (cancelled; seats wanted), InvalidRequest (times that make no sense). Emits `bus_change`, a revision
        in which no seat changes, or the first one of another epoch; and writes the audit log. Of a bus that goes at
        other times each paid booking gets a job that says so.
        """

        async def work(connection: Connection) -> SeatsChanged | None:
            names_vehicle = isinstance(edit.vehicle_id, int)
            bus = await lock_bus(connection, caller, bus_id, expected, with_seats=names_vehicle)
            return await _apply(connection, caller, bus, edit)

        await self._run(caller, bus_id, work)

    async def set_call(
        self, caller: Caller, bus_id: int, edit: CallEdit, expected: Versions
    ) -> None:
        """Say from which bay a bus leaves a stop and how late, or that nobody knows. Doing it twice is once.

        Locks the bus row. Raises NotFound (the bus, the stop), Forbidden, Stale, InvalidRequest (which of two calls).
        Emits `bus_call`, a revision in which no seat changes: boards are read again; and writes the audit log.
        """

        async def work(connection: Connection) -> SeatsChanged | None:
            bus = await lock_bus(connection, caller, bus_id, expected)
            idx = await _find_call(connection, bus_id, edit)
            is_new = await connection.fetchval(
                SQL["set_call"], bus_id, idx, edit.bay, edit.delay_seconds
            )
            if is_new is None:
                return None
            told = {"stop": edit.stop_id, "bay": edit.bay, "delay_seconds": edit.delay_seconds}
            return await tell(connection, caller, bus, "call", detail=told)

        await self._run(caller, bus_id, work)

    async def _run(
        self,
        caller: Caller,
        bus_id: int,
        work: Callable[[Connection], Any],
    ) -> None:
        try:
            event = await self._db.transaction(scope_of(caller), work)
        finally:
            self._buses.forget(bus_id)
        if event is not None:
            self._announce([event])


async def _apply(
    connection: Connection, caller: Caller, bus: LockedBus, edit: BusEdit
) -> SeatsChanged | None:
    if bus.status is SaleStatus.CANCELLED:
        raise WrongState(bus.status, "a cancelled bus stays as it is")
    changed: dict[str, Any] = {}
    is_rebuilt = False
    if edit.vehicle_id is not UNSET and edit.vehicle_id != bus.vehicle_id:
        is_rebuilt = await _set_vehicle(connection, bus, edit.vehicle_id)
        changed["vehicle"] = [bus.vehicle_id, edit.vehicle_id]
    name = bus.name if edit.name is UNSET else edit.name
    closes = bus.sales_close_seconds
    if edit.sales_close_seconds is not UNSET:
        closes = edit.sales_close_seconds
    if (name, closes) != (bus.name, bus.sales_close_seconds):
        changed |= {"name": [bus.name, name], "sales_close": [bus.sales_close_seconds, closes]}
        await connection.execute(SQL["set_words"], bus.bus_id, name, closes)
    if moved := await _move(connection, bus, edit):
        changed |= moved
        await queue_news(connection, bus, {"change": "rescheduled", **moved})
    if not changed:
        return None
    return await tell(connection, caller, bus, "change", detail=changed, is_rebuilt=is_rebuilt)


async def _move(connection: Connection, bus: LockedBus, edit: BusEdit) -> dict[str, Any]:
    departs_at = bus.departs_at if edit.departs_at is UNSET else edit.departs_at
    by = departs_at - bus.departs_at
    arrives_at = bus.arrives_at + by if edit.arrives_at is UNSET else edit.arrives_at
    later = arrives_at - (bus.arrives_at + by)
    if not by and not later:
        return {}
    if by and departs_at <= bus.now:
        raise InvalidRequest("/departs_at", "in_the_past", "that moment has passed")
    if arrives_at <= departs_at:
        raise InvalidRequest("/arrives_at", "not_after_departure", "it arrives before it left")
    try:
        await connection.execute(SQL["move_stops"], bus.bus_id, by, later)
    except asyncpg.CheckViolationError:
        raise InvalidRequest(
            "/arrives_at", "reversed", "it leaves the stop before the last one later"
        ) from None
    await connection.execute(SQL["set_times"], bus.bus_id, departs_at, arrives_at)
    return {"departs_at": [bus.departs_at, departs_at], "arrives_at": [bus.arrives_at, arrives_at]}


async def _set_vehicle(
    connection: Connection, bus: LockedBus, vehicle_id: int | UnsetType | None
) -> bool:
    """Have a bus go by a vehicle, or by none; return whether it has the vehicle's layout from now on."""
    layout_id = bus.layout_id
    if vehicle_id is not None:
        row = await connection.fetchrow(SQL["find_vehicle"], bus.operator_id, vehicle_id)
        if row is None:
            raise NotFound("vehicle")
        if row["is_retired"]:
            raise WrongState("retired", "that vehicle is retired")
        layout_id = row["layout_id"]
    await connection.execute(SQL["set_vehicle"], bus.bus_id, vehicle_id)
    if layout_id == bus.layout_id:
        return False
    if await connection.fetchval(SQL["is_wanted"], bus.bus_id):
        raise WrongState(
            bus.status,
            "seats of this bus were held, sold or blocked, and that vehicle has another layout",
        )
    await connection.execute(SQL["drop_seats"], bus.bus_id)
    await connection.execute(SQL["set_layout"], bus.bus_id, bus.operator_id, layout_id)
    return True


async def _find_call(connection: Connection, bus_id: int, edit: CallEdit) -> int:
    rows = await connection.fetch(SQL["find_calls"], bus_id, edit.stop_id)
    places: list[int] = [row["idx"] for row in rows]
    if edit.place is not None:
        places = [place for place in places if place == edit.place]
    if not places:
        raise NotFound("stop")
    if len(places) > 1:
        raise InvalidRequest("/place", "ambiguous", f"it calls there as {places}: say which")
    return places[0]
