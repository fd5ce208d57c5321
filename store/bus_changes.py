"""What edits of a bus have in common: whose it is, that it is as the caller saw it, and that everyone hears of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.authority import Versions, note, require_manager, require_version, sees
from store.db import Connection
from store.errors import NotFound
from store.events import SeatsChanged
from store.jobs import JobKind, NewJob, queue_jobs
from store.ledger import wire_json
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


async def tell(  # noqa: PLR0913 - each says one thing about one event
    connection: Connection,
    caller: Caller,
    bus: LockedBus,
    kind: str,
    *,
    detail: Mapping[str, Any],
    is_rebuilt: bool = False,
    seats: tuple[tuple[str, str], ...] = (),
) -> SeatsChanged | None:
    """Give a locked bus's facts their next edition, its revision and its event; and write the audit log.

    The event has no `seats` unless some are others now: whoever watches asks again for what it knows besides them. None
    for a draft: nobody watches.
    `is_rebuilt` is for a bus whose seats are others now: they begin another epoch.
    """
    await note(connection, caller, bus.operator_id, f"bus.{kind}", f"bus {bus.bus_id}", **detail)
    row = await connection.fetchrow(
        SQL["tell"], bus.bus_id, f"bus_{kind}", int(is_rebuilt), wire_json(seats)
    )
    assert row is not None, "it is under lock"
    if row["status"] == SaleStatus.DRAFT:
        return None
    rev = row["rev"]
    status = None if row["status"] == bus.status else row["status"]
    return SeatsChanged(
        bus.bus_id, row["epoch"], rev - 1, rev, seats, row["at"], f"bus_{kind}", status
    )


async def queue_news(connection: Connection, bus: LockedBus, news: Mapping[str, Any]) -> None:
    """Queue a job for each booking that is paid, under the lock of the bus row: nobody is added meanwhile."""
    paid = await connection.fetch(SQL["find_paid"], bus.bus_id)
    jobs = [NewJob(row["booking_id"], JobKind.BUS_CHANGED, news) for row in paid]
    await queue_jobs(connection, bus.bus_id, jobs)
