"""What a mail brings along: the tickets to print, the trip for a calendar."""

from dataclasses import dataclass, field

from server.ticketing import calendar, pdf
from server.ticketing.token import TicketKeys
from store.errors import WrongState
from store.letters import Trip


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file; `media` is its type as MIME names it."""

    name: str
    media: str
    data: bytes = field(repr=False)


def attachments(trip: Trip, locale: str, keys: TicketKeys) -> tuple[Attachment, ...]:
    """Return the files that a ticket's mail carries, the same to the byte for the same trip and keys.

    Takes some ten milliseconds of computing for each passenger. There are none when nobody travels any more.
    """
    booking = trip.booking
    try:
        drawn = pdf.render(booking, keys, locale, "a4")
        entry = calendar.render(booking, locale)
    except WrongState:
        return ()
    return (
        Attachment(f"{booking.ref}.pdf", "application/pdf", drawn),
        Attachment(f"{booking.ref}.ics", "text/calendar", entry),
    )
