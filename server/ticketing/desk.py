"""Draws tickets in a thread of its own, one after the other, so that nobody else waits for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import TypeVar

from server.ticketing import calendar, pdf, qr
from server.ticketing.pdf import Paper
from server.ticketing.token import TicketKeys, new_ticket_key, signed_ticket
from store import Store
from store.errors import Overloaded, WrongState
from store.house_keys import TICKETS
from store.model import Booking, Ticket

T = TypeVar("T")
# Drawing is Python: a second thread would only take turns with the first, and with whoever serves.
_THREADS = 1
_QUEUE = 16
_DEADLINE_SECONDS = 5.0
_EDITION = b"2"
"""Another one for every change of how tickets look: what readers have kept is not that any more."""


class TicketDesk:
    def __init__(self, keys: TicketKeys) -> None:
        self.keys = keys
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tickets")
        self._waiting = 0

    @classmethod
    async def open(cls, store: Store) -> "TicketDesk":
        """Return a desk with the keys that there are, or the first one."""
        return cls(TicketKeys(await store.house_keys.find_or_make(TICKETS, new_ticket_key)))

    async def draw_pdf(self, booking: Booking, locale: str, paper: Paper) -> bytes:
        """Return the tickets of a booking as a PDF. Raises WrongState if there are none, Overloaded."""
        return await self._run(lambda: pdf.render(booking, self.keys, locale, paper))

    async def write_calendar(self, booking: Booking, locale: str) -> bytes:
        """Return a booking as a calendar. Raises WrongState if it was never paid, Overloaded."""
        return await self._run(lambda: calendar.render(booking, locale))

    async def draw_code(self, booking: Booking, ticket: Ticket) -> bytes:
        """Return the code of a ticket as a picture. Raises WrongState for a ticket that opens no door, Overloaded."""
        if ticket.status != "VALID":
            raise WrongState(ticket.status, "nobody travels with this ticket any more")
        text = self.keys.mint(signed_ticket(booking, ticket))
        title = f"{booking.ref} {booking.bus.layout.label(ticket.seat_no)}"
        return await self._run(lambda: qr.svg(text, title))

    async def draw_link(self, url: str) -> bytes:
        """Return the code of a link, for a phone to follow. Raises Overloaded."""
        return await self._run(lambda: qr.svg(url, "QR"))

    def edition(self, booking: Booking, *kind: str) -> str:
        """Return what the drawing of a booking would be called: another word for every other drawing."""
        bus = booking.bus
        # With everything of the bus that is drawn: its facts are counted up by every edit.
        said = (
            *(booking.ref, booking.status, booking.leg, booking.prices, booking.confirmed_at),
            *(booking.passengers, booking.tickets, bus.bus_id, bus.facts),
            *(self.keys.fingerprint, *kind),
        )
        return blake2b(repr(said).encode(), key=_EDITION, digest_size=12).hexdigest()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        """Do something when its turn comes; raise Overloaded when too many wait, or it takes too long to come."""
        if self._waiting >= _QUEUE:
            raise Overloaded
        self._waiting += 1
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError as error:
            raise Overloaded from error
        finally:
            self._waiting -= 1
