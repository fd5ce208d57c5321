"""What is read off a ticket, and which ticket that is.

Each kind of code has a reader here. Today that is a ticket's id; a signed code will be one more, which checks the
signature before it names a ticket.
"""

from collections.abc import Callable

from store.ids import parse_owned
from store.scans import TicketCode

Reader = Callable[[str], TicketCode | None]


def read_ticket(text: str) -> TicketCode | None:
    """Return the ticket that a text stands for; None when no reader knows what to make of it."""
    return next((found for read in READERS if (found := read(text)) is not None), None)


def _read_id(text: str) -> TicketCode | None:
    owned = parse_owned(text)
    return None if owned is None else TicketCode(*owned)


READERS: tuple[Reader, ...] = (_read_id,)
