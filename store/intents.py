"""Payments that were begun at a provider: what it calls them, what the payer's page needs, when to ask it next.

An intent never changes, but for the moment at which its provider is asked; what came of it is a row of `payments`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from store.db import Connection, Database, Record
from store.model import Booking
from store.queries import Queries

SQL = Queries.beside(__file__)
LOOK_EVERY = timedelta(seconds=60)
"""So often a provider is asked about a payment that its webhooks are silent about."""
_LEASE = timedelta(seconds=30)
"""A look is over by then: a provider answers within 8 seconds, or not."""
_PAYMENTS = uuid.UUID("6f0c1f0e-3b5e-5d0a-9a42-6b1b7f0f6a11")


def payment_id_of(booking: Booking) -> uuid.UUID:
    """Return the number of a booking's payment at a provider: the same however often it is begun.

    With the code that is drawn for a booking: after a restore numbers come again, and what was paid under one before
    is known to the provider still.
    """
    return uuid.uuid5(_PAYMENTS, f"{booking.bus.bus_id}:{booking.booking_id}:{booking.ref}")


@dataclass(frozen=True, slots=True)
class Intent:
    bus_id: int
    booking_id: int
    payment_id: uuid.UUID
    operator_id: int
    method: str
    provider_ref: str
    action: Mapping[str, Any]
    amount: int
    look_at: datetime | None
    looks: int

    @property
    def place(self) -> tuple[int, int]:
        return self.bus_id, self.booking_id


@dataclass(frozen=True, slots=True)
class DueIntent:
    """One that this process is to ask about; `is_waiting`: its booking may still be paid, until `expires_at`."""

    intent: Intent
    is_waiting: bool
    expires_at: datetime | None
    now: datetime


class Intents:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, booking: Booking, provider_ref: str, action: Mapping[str, Any]) -> Intent:
        """Keep what was begun for a booking; return what is kept, which is what the first one began.

        Locks nothing. Raises Overloaded, and OutcomeUnknown: adding it again finds out.
        """
        bus, place = booking.bus, (booking.bus.bus_id, booking.booking_id)
        text = msgspec.json.encode(action).decode()

        async def work(connection: Connection) -> Record | None:
            now: datetime = await connection.fetchval(SQL["clock"], bus.bus_id)
            look_at = min(now + LOOK_EVERY, booking.expires_at or now)
            await connection.execute(
                SQL["add_intent"],
                *(bus.bus_id, bus.operator_id, booking.booking_id, payment_id_of(booking)),
                *(booking.payment.method, provider_ref, text, booking.total, now, look_at),
            )
            return await connection.fetchrow(SQL["find_intent"], *place)

        row = await self._db.transaction([bus.operator_id], work)
        assert row is not None
        return _read(row)

    async def find(self, booking: Booking) -> Intent | None:
        """Return what was begun for a booking. Locks nothing; raises Overloaded."""
        place = booking.bus.bus_id, booking.booking_id
        return await self._fetch([booking.bus.operator_id], "find_intent", *place)

    async def find_by_ref(self, method: str, provider_ref: str) -> Intent | None:
        """Return what a provider knows by this name. Locks nothing; raises Overloaded."""
        return await self._fetch(None, "find_by_ref", method, provider_ref)

    async def take_due(self, limit: int, methods: Sequence[str]) -> list[DueIntent]:
        """Take intents whose provider is to be asked now, each for half a minute, for this process alone.

        Locks each row while its moment is moved: whoever comes later finds it moved. Raises Overloaded.
        """

        async def find(connection: Connection) -> list[Record]:
            return await connection.fetch(SQL["find_due"], limit, list(methods))

        found = [_due(row) for row in await self._db.read(None, find)]
        return [due for due in found if await self._lease(due)]

    async def put_off(self, intent: Intent, until: datetime | None) -> None:
        """Ask again then; with None never: the provider has said its last word. Raises Overloaded."""

        async def work(connection: Connection) -> None:
            await connection.execute(SQL["put_off"], *intent.place, until)

        await self._db.transaction([intent.operator_id], work)

    async def _lease(self, due: DueIntent) -> bool:
        intent = due.intent

        async def work(connection: Connection) -> bool:
            until = due.now + _LEASE
            row = await connection.fetchrow(SQL["lease"], *intent.place, intent.look_at, until)
            return row is not None

        return await self._db.transaction([intent.operator_id], work)

    async def _fetch(
        self, scope: Sequence[int] | None, query: str, *arguments: object
    ) -> Intent | None:
        async def read(connection: Connection) -> Record | None:
            return await connection.fetchrow(SQL[query], *arguments)

        row = await self._db.read(scope, read)
        return None if row is None else _read(row)


def _due(row: Record) -> DueIntent:
    return DueIntent(_read(row), row["is_waiting"], row["expires_at"], row["now"])


def _read(row: Record) -> Intent:
    return Intent(
        bus_id=row["bus_id"],
        booking_id=row["booking_id"],
        payment_id=row["payment_id"],
        operator_id=row["operator_id"],
        method=row["method"],
        provider_ref=row["provider_ref"],
        action=msgspec.json.decode(row["action"]),
        amount=row["amount"],
        look_at=row["look_at"],
        looks=row["looks"],
    )
