"""Finds bookings: by bus and number, by ref, by whose they are."""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from store.buses import Buses
from store.db import Connection, Database, Record
from store.errors import NotFound
from store.model import (
    Booking,
    BookingStatus,
    Bus,
    Caller,
    Contact,
    Leg,
    Passenger,
    Payment,
    PaymentStatus,
    Role,
    Ticket,
)
from store.queries import Queries

SQL = Queries.beside(__file__)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class Lookup:
    def __init__(self, db: Database, buses: Buses) -> None:
        self._db = db
        self._buses = buses

    async def find(self, bus_id: int, booking_id: int) -> Booking:
        """Return a booking as it is now; raise NotFound. Expiry is true when read, by the database's clock."""
        bus = await self._buses.find(bus_id)

        async def read(connection: Connection) -> Booking:
            return await read_booking(connection, bus, booking_id)

        return await self._db.read([bus.operator_id], read)

    async def find_by_ref(self, ref: str) -> Booking:
        """Return a booking; raise NotFound. The ref alone proves nothing."""

        async def read(connection: Connection) -> Record | None:
            return await connection.fetchrow(SQL["find_by_ref"], ref)

        row = await self._db.read(None, read)
        if row is None:
            raise NotFound("booking")
        return await self.find(row["bus_id"], row["booking_id"])

    async def find_for(
        self, caller: Caller, ref: str, is_key: Callable[[int], bool] | None
    ) -> Booking:
        """Return a booking to whoever may see it; raise NotFound to all others, as if there were none.

        Three doors, each with a scope of its own: whoever has the key (`is_key` tells by the number) finds what it
        opens, a buyer what they bought, and staff what row security shows to its operator.
        """
        reach = caller.reach
        row: Record | None = None
        if is_key is not None:
            row = await self._find_row(None, "find_by_ref", ref)
            row = row if row is not None and is_key(row["booking_id"]) else None
        if row is None and caller.user_id is not None:
            row = await self._find_row(None, "find_of_user", ref, caller.user_id)
        if row is None and (reach is None or reach):
            row = await self._find_row(reach, "find_of_operators", ref, reach)
            row = row if row is not None and _is_staff(caller, row["operator_id"]) else None
        if row is None:
            raise NotFound("booking")
        return await self.find(row["bus_id"], row["booking_id"])

    async def find_of_ticket(
        self,
        caller: Caller,
        owned: tuple[int, uuid.UUID],
        is_key: Callable[[int], bool] | None,
    ) -> Booking:
        """Return the booking that a ticket (bus, code) is of, as `find_for` does; raise NotFound."""
        row = await self._find_row(None, "find_by_ticket", *owned)
        if row is None:
            raise NotFound("ticket")
        return await self.find_for(caller, row["ref"], is_key)

    async def _find_row(
        self, scope: Sequence[int] | None, query: str, *arguments: object
    ) -> Record | None:
        async def read(connection: Connection) -> Record | None:
            return await connection.fetchrow(SQL[query], *arguments)

        return await self._db.read(scope, read)

    async def list_of(
        self, user_id: int, *, before: tuple[datetime, int, int] | None, limit: int
    ) -> list[Booking]:
        """Return a buyer's bookings, newest first, older than `before` (created, bus, booking)."""
        created, bus_id, booking_id = before or (_NEVER, 2**63 - 1, 2**63 - 1)

        async def read(connection: Connection) -> list[Record]:
            return await connection.fetch(
                SQL["list_of_user"], user_id, created, bus_id, booking_id, limit
            )

        rows = await self._db.read(None, read)
        return [await self.find(row["bus_id"], row["booking_id"]) for row in rows]


async def read_booking(connection: Connection, bus: Bus, booking_id: int) -> Booking:
    """Read a booking inside a transaction, under its lock where it matters; raise NotFound.

    One whose time to pay is over reads EXPIRED; it still has its deadline until it is swept.
    """
    row = await connection.fetchrow(SQL["read_booking"], bus.bus_id, booking_id)
    if row is None:
        raise NotFound("booking")
    seats = tuple(row["seats"])
    prices = tuple(row["prices"])
    lines = zip(seats, row["names"], row["categories"], strict=True)
    tickets = zip(
        row["ticket_seats"] or (),
        row["ticket_codes"] or (),
        row["ticket_statuses"] or (),
        strict=True,
    )
    status = BookingStatus(row["status"])
    attempts = tuple(
        zip(
            row["payment_ids"] or (),
            map(PaymentStatus, row["payment_statuses"] or ()),
            strict=True,
        )
    )
    # Only who has a ticket boards; a booking on its way to be paid is not asked about.
    boarded = (
        await connection.fetch(SQL["find_boarded"], bus.bus_id, booking_id)
        if row["ticket_seats"]
        else ()
    )
    on_board = {each["seat_no"] for each in boarded}
    return Booking(
        bus=bus,
        booking_id=booking_id,
        ref=row["ref"],
        status=status,
        user_id=row["user_id"],
        leg=Leg(row["from_idx"], row["to_idx"]),
        seats=seats,
        prices=prices,
        passengers=tuple(Passenger(*line) for line in lines),
        contact=Contact(row["email"], row["phone"], row["locale"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        payment=_payment(row, status, sum(prices)),
        confirmed_at=row["confirmed_at"],
        tickets=tuple(Ticket(*ticket, ticket[0] in on_board) for ticket in tickets),
        refunded=row["refunded"],
        attempts=attempts,
        sold_by=row["sold_by"],
        rules_id=row["rules_id"],
    )


def _is_staff(caller: Caller, operator_id: int) -> bool:
    return caller.role is Role.SUPPORT or caller.works_for(operator_id)


def _payment(row: Record, status: BookingStatus, amount: int) -> Payment:
    if not row["payment_ids"]:
        is_open = status is BookingStatus.PENDING
        not_tried = PaymentStatus.PENDING if is_open else PaymentStatus.CANCELLED
        return Payment(row["method"], not_tried, amount)
    return Payment(
        row["method"],
        PaymentStatus(row["payment_statuses"][0]),
        amount,
        row["payment_ids"][0],
        row["payment_devices"][0],
        row["payment_refs"][0],
        row["payment_takers"][0],
    )
