"""Tickets to take along: on paper, in a calendar, as a code to show."""

from typing import Literal

import msgspec

from server.api.bookings import KEY_HEADER, find_allowed, key_given
from server.api.buses import is_known
from server.contract import Access, Answer, Call, Operation
from server.headers import Headers
from server.languages import Locale, negotiate
from server.policies import Rate
from server.ticketing import calendar
from server.ticketing.pdf import Paper
from store.errors import NotFound, Overloaded, WrongState
from store.ids import parse_owned
from store.model import Booking

_PDF = "application/pdf"
_SVG = "image/svg+xml"


class TicketQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`locale` outweighs every other language; `paper=80mm` is for the printers of kiosks and counters."""

    locale: Locale | None = None
    paper: Literal["a4", "80mm"] = "a4"


class CalendarQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`locale` outweighs every other language."""

    locale: Locale | None = None


async def read_ticket_pdf(call: Call, query: TicketQuery) -> Answer:
    """Print a booking's tickets, a page for each passenger."""
    booking = await find_allowed(call)
    locale = query.locale or await _find_locale(call, booking)
    paper: Paper = query.paper
    desk = call.services.ticket_desk
    headers = _headers(_PDF, desk.edition(booking, "pdf", locale, paper), f"{booking.ref}.pdf")
    if (known := _unchanged(call, headers)) is not None:
        return known
    return Answer(200, await desk.draw_pdf(booking, locale, paper), headers)


async def read_ticket_calendar(call: Call, query: CalendarQuery) -> Answer:
    """Show a booking as a calendar's entry; when it is cancelled, as one that withdraws it."""
    booking = await find_allowed(call)
    locale = query.locale or await _find_locale(call, booking)
    desk = call.services.ticket_desk
    name = f"{booking.ref}.ics"
    headers = _headers(calendar.MEDIA, desk.edition(booking, "ics", locale), name)
    if (known := _unchanged(call, headers)) is not None:
        return known
    return Answer(200, await desk.write_calendar(booking, locale), headers)


async def read_ticket_code(call: Call) -> Answer:
    """Draw the code of one ticket, dark on light, to be shown at the door."""
    is_key = key_given(call)
    owned = parse_owned(call.path["ticket"])
    if owned is None:
        raise NotFound("ticket")
    booking = await call.services.store.lookup.find_of_ticket(call.caller, owned, is_key)
    ticket = next(each for each in booking.tickets if each.code == owned[1])
    desk = call.services.ticket_desk
    label = booking.bus.layout.label(ticket.seat_no)
    edition = desk.edition(booking, "svg", label)
    headers = _headers(_SVG, edition, f"{booking.ref}-{label}.svg")
    if (known := _unchanged(call, headers)) is not None:
        return known
    return Answer(200, await desk.draw_code(booking, ticket), headers)


def _headers(media: str, edition: str, name: str) -> Headers:
    """Whoever has it may keep it, and asks each time whether it is still so; nobody on the way keeps it."""
    return (
        (b"content-type", media.encode()),
        (b"content-disposition", f'inline; filename="{name}"'.encode()),
        (b"etag", f'"{edition}"'.encode()),
        (b"cache-control", b"private, no-cache"),
        (b"vary", b"authorization, x-booking-key, accept-language"),
    )


def _unchanged(call: Call, headers: Headers) -> Answer | None:
    etag = dict(headers)[b"etag"]
    if not is_known(call, etag):
        return None
    kept = {b"etag", b"cache-control", b"vary"}
    return Answer(304, headers=tuple(each for each in headers if each[0] in kept))


async def _find_locale(call: Call, booking: Booking) -> str:
    """Return the language of who travels: that of the booking's mails, so that both say the same.

    Whoever prints may be somebody else, a counter say: what their browser likes counts where nothing is known.
    """
    named, operators = await call.services.store.letters.find_languages(booking)
    asked = call.headers.get(b"accept-language", b"").decode("latin-1")
    return named or negotiate(asked) or operators


def _operation(path: str, handler: object, media: str) -> Operation:
    assert callable(handler)
    return Operation(
        "GET",
        path,
        handler,
        returns=None,
        access=Access.BUYERS,
        headers=KEY_HEADER,
        problems=(NotFound, WrongState, Overloaded),
        text=media,
        has_etag=True,
        rate=Rate.TICKET,
    )


OPERATIONS = (
    _operation("/bookings/{ref}/ticket.pdf", read_ticket_pdf, _PDF),
    _operation("/bookings/{ref}/ticket.ics", read_ticket_calendar, calendar.MEDIA),
    _operation("/tickets/{ticket}/qr.svg", read_ticket_code, _SVG),
)
