"""A booking as an entry of a calendar (RFC 5545): at the stops' own times, with an alarm; withdrawn if cancelled."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, vCalAddress, vText

from server.texts import Texts, texts
from store.errors import WrongState
from store.model import Booking, BookingStatus

MEDIA = "text/calendar; charset=utf-8"
_ALARM_BEFORE = timedelta(hours=1)
_SOLD = {BookingStatus.CONFIRMED, BookingStatus.PARTIALLY_CANCELLED}


def render(booking: Booking, locale: str) -> bytes:
    """Return a calendar with one entry, always of the same UID; the same booking gives the same bytes.

    Raises WrongState for what was never paid: nobody has an entry of it.
    """
    is_cancelled = booking.status is BookingStatus.CANCELLED
    if booking.confirmed_at is None or not (is_cancelled or booking.status in _SOLD):
        raise WrongState(booking.status, "there is no trip to enter")
    calendar = Calendar()
    calendar.add("prodid", "-//Omnibus//Tickets//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if is_cancelled else "PUBLISH")
    calendar.add_component(_event(booking, texts(locale), is_cancelled=is_cancelled))
    calendar.add_missing_timezones()
    written: bytes = calendar.to_ical()
    return written


def _event(booking: Booking, t: Texts, *, is_cancelled: bool) -> Event:
    bus = booking.bus
    boards, alights = bus.stops[booking.leg.start], bus.stops[booking.leg.end]
    event = Event()
    event.add("uid", f"{booking.ref.lower()}-{bus.bus_id}@omnibus.invalid")
    # What is edited has a higher number: a bus's facts count its edits, and tickets are cancelled one after the other.
    gone = sum(ticket.status == "CANCELLED" for ticket in booking.tickets)
    event.add("sequence", bus.facts + gone)
    event.add("dtstamp", booking.confirmed_at)
    event.add("dtstart", _local(boards.departs_at, boards.time_zone))
    event.add("dtend", _local(alights.arrives_at, alights.time_zone))
    event.add("summary", f"{bus.name}: {boards.name} → {alights.name}")
    event.add("location", boards.name)
    event.add("description", _description(booking, t))
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if is_cancelled else "OPAQUE")
    organizer = vCalAddress("mailto:nobody@omnibus.invalid")
    organizer.params["cn"] = vText(bus.operator)
    event.add("organizer", organizer)
    if not is_cancelled:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("trigger", -_ALARM_BEFORE)
        alarm.add("description", t.gettext("Your bus leaves in an hour"))
        event.add_component(alarm)
    return event


def _local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))


def _description(booking: Booking, t: Texts) -> str:
    bus = booking.bus
    valid = {ticket.seat_no for ticket in booking.tickets if ticket.status == "VALID"}
    lines = [(t.gettext("Booking code"), booking.ref)]
    lines += [
        (t.gettext("Seat {seat}", seat=bus.layout.label(person.seat_no)), person.name)
        for person in booking.passengers
        if person.seat_no in valid
    ]
    code, *travellers = (f"{name}: {value}" for name, value in lines)
    return "\n".join((code, bus.operator, *travellers))
