"""Tickets on paper: a page of A4, or a strip of 80 mm, for each passenger.

The same booking gives the same bytes, so that what it is called (an ETag) can be told without drawing it.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from reportlab.pdfgen.canvas import Canvas
from segno import QRCode

from server.texts import Texts, texts
from server.texts.passengers import category_of
from server.ticketing.qr import make_qr
from server.ticketing.sheet import MM, Column, Ink, Sheet, Style
from server.ticketing.token import TicketKeys, signed_ticket
from store.errors import WrongState
from store.model import Booking, BusStop, Passenger, Ticket

Paper = Literal["a4", "80mm"]
PAPERS: Final[tuple[Paper, ...]] = ("a4", "80mm")
_A4 = (210 * MM, 297 * MM)
_A4_MARGIN, _STRIP_WIDTH, _STRIP_MARGIN = 20 * MM, 80 * MM, 4 * MM
_LABEL = Style(9, is_pale=True)
_VALUE = Style(13)
_NOTE = Style(10)


@dataclass(frozen=True, slots=True)
class _Page:
    """What stands on one passenger's page."""

    booking: Booking
    passenger: Passenger
    code: QRCode
    t: Texts

    @property
    def seat(self) -> str:
        return self.booking.bus.layout.label(self.passenger.seat_no)

    @property
    def category(self) -> str:
        return category_of(self.t, self.passenger.category)

    @property
    def price(self) -> str:
        paid = dict(zip(self.booking.seats, self.booking.prices, strict=True))
        return self.t.money(paid[self.passenger.seat_no], self.booking.bus.currency)

    @property
    def boards(self) -> BusStop:
        return self.booking.bus.stops[self.booking.leg.start]

    @property
    def alights(self) -> BusStop:
        return self.booking.bus.stops[self.booking.leg.end]

    def day(self, moment: datetime, stop: BusStop) -> str:
        """Return the day at a stop, with whose clock it is where that might be in doubt."""
        day = self.t.date(moment, stop.time_zone)
        has_one_clock = self.boards.time_zone == self.alights.time_zone
        return day if has_one_clock else f"{day} ({stop.time_zone})"


def valid_tickets(booking: Booking) -> list[Ticket]:
    """Return the tickets somebody may travel with; raise WrongState if there are none."""
    found = [ticket for ticket in booking.tickets if ticket.status == "VALID"]
    if not found:
        raise WrongState(booking.status, "there is no ticket to travel with")
    return found


def render(booking: Booking, keys: TicketKeys, locale: str, paper: Paper) -> bytes:
    """Draw the valid tickets of a booking. Takes milliseconds of computing; raises WrongState if there are none."""
    passengers = {person.seat_no: person for person in booking.passengers}
    t = texts(locale)
    pages = [
        _Page(
            booking,
            passengers[ticket.seat_no],
            make_qr(keys.mint(signed_ticket(booking, ticket))),
            t,
        )
        for ticket in valid_tickets(booking)
    ]
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=_A4, pageCompression=1, invariant=1, lang=t.locale)
    kind = t.gettext("Ticket")
    canvas.setTitle(f"{kind} {booking.ref}")
    canvas.setAuthor(booking.bus.operator)
    canvas.setSubject(booking.bus.name)
    canvas.setCreator("Omnibus")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    ink = Ink(canvas)
    for page in pages:
        _DRAW[paper](canvas, ink, page)
        ink.end_page()
    ink.finish()
    canvas.save()
    return file.getvalue()


def _draw_a4(canvas: Canvas, ink: Ink, page: _Page) -> None:
    width, height = _A4
    canvas.setPageSize(_A4)
    column = Column(_A4_MARGIN, width - _A4_MARGIN)
    _fill_a4(Sheet(column, height - _A4_MARGIN, is_rtl=page.t.is_rtl, ink=ink), page)


def _draw_strip(canvas: Canvas, ink: Ink, page: _Page) -> None:
    column = Column(_STRIP_MARGIN, _STRIP_WIDTH - _STRIP_MARGIN)
    is_rtl = page.t.is_rtl
    tried = Sheet(column, 0, is_rtl=is_rtl)
    _fill_strip(tried, page)
    height = 2 * _STRIP_MARGIN - tried.y
    canvas.setPageSize((_STRIP_WIDTH, height))
    _fill_strip(Sheet(column, height - _STRIP_MARGIN, is_rtl=is_rtl, ink=ink), page)


_DRAW: Final[Mapping[Paper, Callable[[Canvas, Ink, _Page], None]]] = {
    "a4": _draw_a4,
    "80mm": _draw_strip,
}


def _fill_a4(sheet: Sheet, page: _Page) -> None:
    t, top = page.t, sheet.y
    first, second = sheet.columns(0.7, 4 * MM)
    sheet.write(page.booking.bus.operator, Style(17, is_heavy=True), first)
    below, sheet.y = sheet.y, top
    sheet.write(t.gettext("Ticket"), Style(17, is_pale=True, edge="end"), second, is_label=True)
    sheet.y = min(below, sheet.y)
    sheet.rule()
    first, second = sheet.columns(0.62, 6 * MM)
    top = sheet.y
    _write_way(sheet, page, first)
    below, sheet.y = sheet.y, top
    sheet.draw_code(page.code, second.width, second)
    sheet.write(page.booking.ref, Style(18, is_heavy=True, edge="middle"), second)
    sheet.y = min(below, sheet.y)
    sheet.rule()
    first, second = sheet.columns(0.62, 6 * MM)
    top = sheet.y
    _write_field(
        sheet, t.gettext("Passenger"), page.passenger.name, Style(18, is_heavy=True), first
    )
    _write_field(sheet, t.gettext("Bus"), page.booking.bus.name, _VALUE, first)
    _write_field(sheet, t.gettext("Price"), f"{page.price} ({page.category})", _VALUE, first)
    below, sheet.y = sheet.y, top
    _write_field(sheet, t.gettext("Seat"), page.seat, Style(34, is_heavy=True), second)
    _write_field(sheet, t.gettext("Booking code"), page.booking.ref, _VALUE, second)
    sheet.y = min(below, sheet.y)
    sheet.rule()
    sheet.write(_how_to_use(t), _NOTE, is_label=True)


def _fill_strip(sheet: Sheet, page: _Page) -> None:
    t = page.t
    sheet.write(page.booking.bus.operator, Style(14, is_heavy=True, edge="middle"))
    sheet.rule()
    _write_way(sheet, page, sheet.page)
    sheet.rule()
    _write_field(sheet, t.gettext("Passenger"), page.passenger.name, Style(14, is_heavy=True))
    first, second = sheet.columns(0.5, 3 * MM)
    top = sheet.y
    _write_field(sheet, t.gettext("Seat"), page.seat, Style(26, is_heavy=True), first)
    below, sheet.y = sheet.y, top
    _write_field(
        sheet, t.gettext("Booking code"), page.booking.ref, Style(15, is_heavy=True), second
    )
    sheet.y = min(below, sheet.y)
    _write_field(sheet, t.gettext("Bus"), page.booking.bus.name, _VALUE)
    _write_field(sheet, t.gettext("Price"), f"{page.price} ({page.category})", _VALUE)
    sheet.draw_code(page.code, 56 * MM)
    sheet.write(_how_to_use(t), Style(9, edge="middle"), is_label=True)


def _how_to_use(t: Texts) -> str:
    return t.gettext(
        "Show this code when you board, on paper or on a screen. It is good for one passenger."
    )


def _write_way(sheet: Sheet, page: _Page, column: Column) -> None:
    """Write from where to where, and when by the clocks there."""
    t = page.t
    ends = (
        (t.gettext("Departure"), page.boards.departs_at, page.boards),
        (t.gettext("Arrival"), page.alights.arrives_at, page.alights),
    )
    for label, moment, stop in ends:
        sheet.write(label, _LABEL, column, is_label=True)
        sheet.write(t.time(moment, stop.time_zone), Style(24, is_heavy=True), column)
        sheet.write(page.day(moment, stop), Style(11), column, is_label=True)
        sheet.write(stop.name, Style(15, is_heavy=True), column)
        sheet.skip(2.5 * MM)


def _write_field(
    sheet: Sheet, label: str, value: str, style: Style, column: Column | None = None
) -> None:
    sheet.write(label, _LABEL, column, is_label=True)
    sheet.write(value, style, column)
    sheet.skip(1.5 * MM)
