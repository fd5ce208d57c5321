"""What edits of a bus have in common: whose it is, that it is as the caller saw it, and that everyone hears of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.authority import Versions, note, require_manager, require_version, sees
from store.db import Connection
from store.errors import NotFound
from store.events import SeatsChanged
from store.model import Caller, SaleStatus
from store.queries import Queries

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class LockedBus:
    """A bus's row under lock, and the time it is."""

    bus_id: int
    operator_id: int
    facts: int
    status: SaleStatus
    name: str
    departs_at: datetime
    arrives_at: datetime
    sales_close_seconds: int
    layout_id: int
    vehicle_id: int | None
    now: datetime


async def lock_bus(
    connection: Connection,
    caller: Caller,
    bus_id: int,
    expected: Versions = None,
    *,
    with_seats: bool = False,
) -> LockedBus:
    """Lock a bus's row, before it all of its seats if they shall change, too.

    Raises NotFound (also for another operator's), Forbidden, Stale.
    """
    if with_seats:
        await connection.execute(SQL["lock_seats"], bus_id)
    row = await connection.fetchrow(SQL["lock_bus"], bus_id)
    if row is None or not sees(caller, row["operator_id"]):
        raise NotFound("bus")
    await require_manager(connection, caller, row["operator_id"])
    require_version(row["facts"], expected)
    return LockedBus(**(dict(row) | {"status": SaleStatus(row["status"])}))


async def tell(
    connection: Connection,
    caller: Caller,
    bus: LockedBus,
    kind: str,
    *,
    detail: Mapping[str, Any],
    is_rebuilt: bool = False,
) -> SeatsChanged | None:
    """Give a locked bus's facts their next edition, its revision and its event; and write the audit log.

    The event has no seats: whoever watches asks again for what it knows besides them. None for a draft: nobody watches.
    `is_rebuilt` is for a bus whose seats are others now: they begin another epoch.
    """
    await note(connection, caller, bus.operator_id, f"bus.{kind}", f"bus {bus.bus_id}", **detail)
    row = await connection.fetchrow(SQL["tell"], bus.bus_id, f"bus_{kind}", int(is_rebuilt))
    assert row is not None, "it is under lock"
    if row["status"] == SaleStatus.DRAFT:
        return None
    rev = row["rev"]
    status = None if row["status"] == bus.status else row["status"]
    return SeatsChanged(
        bus.bus_id, row["epoch"], rev - 1, rev, (), row["at"], f"bus_{kind}", status
    )
