"""The life of a bus: drafted, published, closed and opened again, cancelled for good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from store.authority import Versions, require_version, scope_of
from store.bus_cancellation import end_unpaid_of, lock_unpaid
from store.bus_changes import LockedBus, lock_bus, queue_news, tell
from store.buses import Buses
from store.db import Connection, Database
from store.errors import Departed, WrongState
from store.events import SeatsChanged
from store.model import Caller, SaleStatus
from store.once import answer_once
from store.queries import Queries
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)


class Step(Enum):
    """From where, to where, and what the log and the event call it."""

    PUBLISH = (SaleStatus.DRAFT,), SaleStatus.SCHEDULED, "publish"
    CLOSE = (SaleStatus.SCHEDULED,), SaleStatus.CLOSED, "close"
    REOPEN = (SaleStatus.CLOSED,), SaleStatus.SCHEDULED, "reopen"
    CANCEL = (SaleStatus.SCHEDULED, SaleStatus.CLOSED), SaleStatus.CANCELLED, "cancel"

    def __init__(self, before: tuple[SaleStatus, ...], after: SaleStatus, kind: str) -> None:
        self.before = before
        self.after = after
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Affected:
    """Who had bought: bookings that are paid with their valid seats and what was paid for these, and unpaid ones."""

    bookings: int
    seats: int
    amount: int
    unpaid: int


@dataclass(frozen=True, slots=True)
class Moved:
    bus_id: int
    status: SaleStatus
    version: int
    currency: str
    affected: Affected


class BusStatus:
    def __init__(
        self, db: Database, buses: Buses, announce: Callable[[Sequence[SeatsChanged]], None]
    ) -> None:
        self._db = db
        self._buses = buses
        self._announce = announce

    async def move(
        self, caller: Caller, bus_id: int, step: Step, expected: Versions, ask: Ask[Moved]
    ) -> Reply:
        """Take a bus one step on in its life; sales begin or stop with the commit. Of two who ask, one does it.

        Locks the bus row, before it the seats, live holds and unpaid bookings of one that is cancelled. These end with
        the commit; each booking that was paid gets a job, by which a worker pays it back, and the answer tells how much
        that is. Otherwise what was held or is unpaid runs out by itself. Raises NotFound, Forbidden, Stale, WrongState,
        Departed (published too late), KeyReused. Emits `bus_publish`, `bus_close`, `bus_reopen` or `bus_cancel`, a
        revision in which seats change only where they were held, and writes the audit log.
        """
        events: list[SeatsChanged] = []

        async def work(connection: Connection) -> Reply:
            events.clear()
            if step is Step.CANCEL:
                await lock_unpaid(connection, bus_id)
            bus = await lock_bus(connection, caller, bus_id)

            async def make() -> Moved:
                require_version(bus.facts, expected)
                moved, event = await _move(connection, caller, bus, step)
                if event is not None:
                    events.append(event)
                return moved

            return await answer_once(connection, ask, bus.operator_id, make)

        try:
            reply = await self._db.transaction(scope_of(caller), work)
        finally:
            self._buses.forget(bus_id)
        if events:
            self._announce(events)
        return reply


async def _move(
    connection: Connection, caller: Caller, bus: LockedBus, step: Step
) -> tuple[Moved, SeatsChanged | None]:
    if bus.status not in step.before:
        raise WrongState(bus.status, f"a bus that is {bus.status} cannot be asked to {step.kind}")
    if step is Step.PUBLISH and bus.departs_at <= bus.now:
        raise Departed
    row = await connection.fetchrow(SQL["affected"], bus.bus_id)
    assert row is not None
    affected = Affected(row["bookings"], row["seats"], int(row["amount"]), row["unpaid"])
    told = {"bookings": affected.bookings, "seats": affected.seats} if affected.bookings else {}
    seats: tuple[tuple[str, str], ...] = ()
    if step is Step.CANCEL:
        seats = await end_unpaid_of(connection, bus.bus_id, bus.now)
        await queue_news(connection, bus, {"change": "cancelled"})
    cancelled_at = bus.now if step is Step.CANCEL else None
    await connection.execute(SQL["set_status"], bus.bus_id, step.after, cancelled_at)
    event = await tell(connection, caller, bus, step.kind, detail=told, seats=seats)
    return Moved(bus.bus_id, step.after, bus.facts + 1, row["currency"], affected), event
