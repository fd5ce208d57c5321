"""What mails about bookings tell of, as it is now, and how they get into the outbox."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec
from msgspec.structs import replace as replace_fields

from store.buses import Buses
from store.db import Connection, Database
from store.errors import NotFound
from store.job_inbox import enter
from store.jobs import Job, NewJob, queue_jobs
from store.lookup import read_booking
from store.mails import Template
from store.model import Booking, BookingStatus, SaleStatus
from store.queries import Queries

SQL = Queries.beside(__file__)
_MAIL = "mail"
"""What the inbox of jobs calls it."""
_TRAVELLING = frozenset({BookingStatus.CONFIRMED, BookingStatus.PARTIALLY_CANCELLED})


@dataclass(frozen=True, slots=True)
class Trip:
    """A booking with its bus as it is now; `bay` is where it leaves from, `locale` what its reader reads."""

    booking: Booking
    bus_status: SaleStatus
    bay: str | None
    locale: str
    now: datetime

    @property
    def is_travelling(self) -> bool:
        """Whether somebody has a ticket and the bus goes."""
        return self.booking.status in _TRAVELLING and self.bus_status is not SaleStatus.CANCELLED

    @property
    def leaves_at(self) -> datetime:
        return self.booking.bus.stops[self.booking.leg.start].departs_at

    @property
    def has_left(self) -> bool:
        return self.leaves_at <= self.now


@dataclass(frozen=True, slots=True)
class QueuedLetter:
    """One to be queued, once, however often that is asked: its number is made of what causes it."""

    mail_id: uuid.UUID
    template: Template
    parameters: Mapping[str, str] = field(default_factory=dict)


class Letters:
    def __init__(self, db: Database, buses: Buses) -> None:
        self._db = db
        self._buses = buses

    async def find(self, bus_id: int, booking_id: int) -> Trip:
        """Return what a mail about a booking tells of, as it is now. Locks nothing; raises NotFound.

        Its language is that which the buyer named, else that of the buyer's account, else the operator's.
        """
        bus = await self._buses.find(bus_id)

        async def read(connection: Connection) -> tuple[Trip, int]:
            booking = await read_booking(connection, bus, booking_id)
            around = await connection.fetchrow(SQL["around"], bus_id, booking.leg.start)
            if around is None:
                raise NotFound("bus")
            locale = booking.contact.locale
            if locale is None and booking.user_id is not None:
                locale = await connection.fetchval(SQL["locale_of_user"], booking.user_id)
            trip = Trip(
                booking=booking,
                bus_status=SaleStatus(around["status"]),
                bay=around["bay"],
                locale=locale or around["locale"],
                now=around["now"],
            )
            return trip, around["facts"]

        trip, facts = await self._db.read([bus.operator_id], read)
        # What is remembered of a bus may be old: this is its edition now.
        current = await self._buses.find_edition(bus_id, facts)
        return replace(trip, booking=replace_fields(trip.booking, bus=current))

    async def find_languages(self, booking: Booking) -> tuple[str | None, str]:
        """Return the language of who booked, the one they named or that of their account, and that of the operator.

        Locks nothing. Raises Overloaded.
        """
        row = await self._db.fetchrow(SQL["languages"], booking.user_id, booking.bus.operator_id)
        assert row is not None, "operators are never removed"
        return booking.contact.locale or row["account"], row["operator"]

    async def refunded(self, trip: Trip, refund_id: uuid.UUID) -> tuple[int, str | None]:
        """Return how much one refund gives back, 0 when there is none; and of what, if not of what the trip cost."""
        bus = trip.booking.bus

        async def read(connection: Connection) -> tuple[int, str | None]:
            row = await connection.fetchrow(SQL["refunded"], bus.bus_id, refund_id)
            return (0, None) if row is None else (row["amount"], row["currency"])

        return await self._db.read([bus.operator_id], read)

    async def queue(
        self,
        trip: Trip,
        letter: QueuedLetter,
        *,
        cause: Job | None = None,
        follow_up: Sequence[NewJob] = (),
    ) -> None:
        """Queue a mail to whoever booked, and jobs that are to come of the same, in one transaction.

        A job that is its cause queues one mail for good: mails are forgotten after a week, and a job that was given up
        may be tried again after that. Locks the job's place in the inbox. What is queued already stays as it is. The
        booking must have an address.
        """
        booking = trip.booking
        assert booking.contact.email is not None, "a mail goes to somebody"

        async def work(connection: Connection) -> None:
            if cause is not None and not await enter(connection, cause, _MAIL):
                return
            await connection.execute(
                SQL["queue"],
                letter.mail_id,
                booking.user_id,
                letter.template,
                booking.contact.email,
                msgspec.json.encode(letter.parameters).decode(),
                trip.locale,
                booking.bus.bus_id,
                booking.booking_id,
            )
            if follow_up:
                await queue_jobs(connection, booking.bus.bus_id, follow_up)

        await self._db.transaction([booking.bus.operator_id], work)
