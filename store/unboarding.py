"""Takes a boarding back: the wrong passenger was waved through, the wrong ticket was read."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.authority import note
from store.buses import Buses
from store.db import Connection, Database, Record
from store.errors import Forbidden, NotFound, WrongState
from store.model import Bus, Caller, Leg
from store.queries import Queries
from store.scans import Passenger, Verdict
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)
WINDOW = timedelta(minutes=15)
"""So long after it was told of: later the bus is under way, and somebody may have relied on it."""


@dataclass(frozen=True, slots=True)
class Undone:
    """A boarding that counts no more, and whose it was."""

    bus: Bus
    scan_id: uuid.UUID
    passenger: Passenger
    undone_at: datetime


class Unboarding:
    def __init__(self, db: Database, buses: Buses, tenancy: Tenancy) -> None:
        self._db = db
        self._buses = buses
        self._tenancy = tenancy

    async def undo(self, caller: Caller, bus_id: int, scan_id: uuid.UUID) -> Undone:
        """Let a boarding count no more, so that its ticket may board again; a second time changes nothing.

        For the device that scanned it, and the operator's staff. Locks the booking. Raises NotFound, Forbidden,
        WrongState (nobody boarded by this scan, or it is too long ago), Overloaded, OutcomeUnknown (ask again). Emits
        nothing, writes the audit log.
        """
        bus = await self._buses.find(bus_id)
        asking = await self._tenancy.at(caller, bus.operator_id)
        if not asking.boards_for(bus.operator_id):
            raise NotFound("scan")

        async def work(connection: Connection) -> Undone:
            found = await connection.fetchrow(SQL["find_scan"], bus_id, scan_id)
            if found is None:
                raise NotFound("scan")
            if caller.device_id is not None and caller.device_id != found["device_id"]:
                raise Forbidden("the device that scanned it takes it back, or staff")
            if found["booking_id"] is None:
                raise WrongState("SCANNED", "nobody boarded by this scan")
            await connection.execute(SQL["lock_booking"], bus_id, found["booking_id"])
            row = await connection.fetchrow(SQL["read_scan"], bus_id, scan_id)
            assert row is not None, "scans are never removed"
            return await _undo(connection, caller, bus, row)

        return await self._db.transaction(caller.scope_at(bus.operator_id), work)


async def _undo(connection: Connection, caller: Caller, bus: Bus, row: Record) -> Undone:
    name = row["names"][row["seats"].index(row["seat_no"])]
    passenger = Passenger(name, row["ref"], row["seat_no"], Leg(row["from_idx"], row["to_idx"]))
    if row["undone_at"] is not None:
        return Undone(bus, row["scan_id"], passenger, row["undone_at"])
    if row["verdict"] != Verdict.OK:
        raise WrongState(row["verdict"], "nobody boarded by this scan")
    now: datetime = row["now"]
    if now > row["received_at"] + WINDOW:
        minutes = WINDOW // timedelta(minutes=1)
        raise WrongState("BOARDED", f"a boarding is taken back within {minutes} minutes")
    await connection.execute(SQL["undo"], bus.bus_id, row["scan_id"], now)
    await note(
        connection,
        caller,
        bus.operator_id,
        "boarding.undo",
        f"bus {bus.bus_id}",
        ref=row["ref"],
        seat=bus.layout.label(row["seat_no"]),
        scan=str(row["scan_id"]),
        device=caller.device_id,
    )
    return Undone(bus, row["scan_id"], passenger, now)
