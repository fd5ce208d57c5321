"""A booking in a calendar, read back as a calendar reads it."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Component

from server.languages import LOCALES, Locale
from server.texts import texts
from server.ticketing.calendar import render
from store.errors import WrongState
from store.model import BookingStatus
from tests.ticketing.trips import STARTS, make_booking, make_bus


def event_of(written: bytes) -> tuple[Calendar, Component]:
    calendar = Calendar.from_ical(written)
    assert isinstance(calendar, Calendar)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


@pytest.mark.parametrize("locale", LOCALES)
def test_an_entry_says_when_by_the_clocks_of_the_stops(locale: Locale) -> None:
    calendar, event = event_of(render(make_booking(("Ann; Example", "Bob")), locale))
    assert calendar["METHOD"] == "PUBLISH"
    starts, ends = event.decoded("dtstart"), event.decoded("dtend")
    assert starts == STARTS.astimezone(ZoneInfo("Europe/Berlin"))
    assert str(event["DTSTART"].params["TZID"]) == "Europe/Berlin"
    assert str(event["DTEND"].params["TZID"]) == "Europe/London"
    assert ends.astimezone(UTC) == STARTS + timedelta(hours=1)
    zones = {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")}
    assert zones == {"Europe/Berlin", "Europe/London"}
    assert "Ahorn → Birke" in str(event["SUMMARY"])
    assert "K7QX2M" in str(event["DESCRIPTION"])
    seat = texts(locale).gettext("Seat {seat}", seat="1A")
    assert f"{seat}: Ann; Example" in str(event["DESCRIPTION"])
    assert event["ORGANIZER"].params["CN"] == "Northline"


def test_an_alarm_rings_an_hour_before() -> None:
    _, event = event_of(render(make_booking(), "en"))
    (alarm,) = event.walk("VALARM")
    assert alarm.decoded("trigger") == -timedelta(hours=1)
    assert str(alarm["DESCRIPTION"]) == "Your bus leaves in an hour"


def test_what_is_cancelled_is_withdrawn_under_the_same_name_with_a_higher_number() -> None:
    names = ("Ann", "Bob")
    whole = make_booking(names)
    partly = make_booking(
        names, status=BookingStatus.PARTIALLY_CANCELLED, tickets=("VALID", "CANCELLED")
    )
    gone = make_booking(names, status=BookingStatus.CANCELLED, tickets=("CANCELLED", "CANCELLED"))
    moved = make_booking(names, bus=make_bus(facts=2))
    told = [event_of(render(each, "en")) for each in (whole, partly, gone, moved)]
    assert len({str(event["UID"]) for _, event in told}) == 1
    numbers = [int(event.decoded("sequence")) for _, event in told]
    assert numbers[0] < numbers[1] < numbers[2]
    assert numbers[3] > numbers[0]
    assert "Bob" not in str(told[1][1]["DESCRIPTION"])
    calendar, event = told[2]
    assert (calendar["METHOD"], event["STATUS"]) == ("CANCEL", "CANCELLED")
    assert event.walk("VALARM") == []


def test_the_same_booking_gives_the_same_bytes_in_lines_that_every_reader_takes() -> None:
    booking = make_booking(("\u0623\u062d\u0645\u062f " * 20,))
    written = render(booking, "ar")
    assert written == render(booking, "ar")
    assert max(len(line) for line in written.split(b"\r\n")) <= 75


@pytest.mark.parametrize(
    "status", [BookingStatus.PENDING, BookingStatus.EXPIRED, BookingStatus.FAILED]
)
def test_what_was_never_paid_is_in_nobodys_calendar(status: BookingStatus) -> None:
    with pytest.raises(WrongState):
        render(make_booking(status=status), "en")
