"""What becomes of what was sold of a bus that is cancelled: the unpaid ends at once, the paid goes back, job by job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store.authority import scope_of, sees
from store.db import Connection, Database, Record
from store.errors import NotFound
from store.jobs import JobKind, NewJob, queue_jobs
from store.model import BookingStatus, Caller
from store.queries import Queries

SQL = Queries.beside(__file__)
_ENDS = {
    BookingStatus.CANCELLED: JobKind.BOOKING_CANCELLED,
    BookingStatus.EXPIRED: JobKind.BOOKING_EXPIRED,
}


@dataclass(frozen=True, slots=True)
class RefundProgress:
    """How far it is: bookings that were paid when the bus was cancelled, paid back or to be; what went back so far."""

    bus_id: int
    status: str
    refunded: int
    to_go: int
    amount: int
    currency: str
    cancelled_at: datetime | None

    @property
    def booked(self) -> int:
        return self.refunded + self.to_go


class BusRefunds:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, caller: Caller, bus_id: int) -> RefundProgress:
        """Return how far the refunds of a bus have come; nothing is booked of one that goes. Raises NotFound."""

        async def read(connection: Connection) -> Record | None:
            return await connection.fetchrow(SQL["find_progress"], bus_id)

        row = await self._db.read(scope_of(caller), read)
        if row is None or not sees(caller, row["operator_id"]):
            raise NotFound("bus")
        return RefundProgress(
            bus_id,
            row["status"],
            row["refunded"],
            row["to_go"],
            row["amount"],
            row["currency"],
            row["cancelled_at"],
        )


async def lock_unpaid(connection: Connection, bus_id: int) -> None:
    """Lock all seats of a bus, its live holds and its unpaid bookings, in this order; the bus row comes after them."""
    for query in ("lock_seats", "lock_holds", "lock_bookings"):
        await connection.execute(SQL[query], bus_id)


async def end_unpaid_of(
    connection: Connection, bus_id: int, now: datetime
) -> tuple[tuple[str, str], ...]:
    """End everything of a bus that is held or waits to be paid, all of it under lock; return its seats as they are now.

    Queues the jobs that tell of bookings. Counts of buyers stay as they are: whoever locks one counts anew.
    """
    holds = await connection.fetch(SQL["end_holds"], bus_id, now)
    bookings = await connection.fetch(SQL["end_bookings"], bus_id, now)
    owners = [row["hold_id"] for row in (*holds, *bookings) if row["hold_id"] is not None]
    await connection.execute(
        SQL["drop_claims"], bus_id, owners, [row["booking_id"] for row in bookings]
    )
    await queue_jobs(connection, bus_id, _news(bookings))
    freed = await connection.fetch(SQL["free_seats"], bus_id)
    freed.sort(key=lambda row: int(row["seat_no"]))
    return tuple((row["label"], row["states"]) for row in freed)


def _news(bookings: Sequence[Record]) -> list[NewJob]:
    return [
        NewJob(row["booking_id"], _ENDS[BookingStatus(row["status"])], {"seats": row["seats"]})
        for row in bookings
    ]
