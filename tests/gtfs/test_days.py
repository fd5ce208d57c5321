"""Service days: which they are, when they begin, and where a shift takes them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.gtfs.calendar import Service, choose_window, day_start

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(7))
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
MONDAY = date(2030, 6, 3)


def moment(day: date, seconds: int) -> datetime:
    return (day_start(day, BERLIN) + timedelta(seconds=seconds)).astimezone(BERLIN)


def test_a_service_runs_on_its_weekdays_between_its_ends() -> None:
    service = Service(frozenset({0, 4}), MONDAY, date(2030, 6, 14))
    days = [day for n in range(-7, 30) if service.runs_on(day := MONDAY + timedelta(n))]
    assert [day.day for day in days] == [3, 7, 10, 14]
    assert (service.first(), service.last()) == (MONDAY, date(2030, 6, 14))


def test_exceptions_add_days_and_take_days_away() -> None:
    service = Service(frozenset({0}), MONDAY, date(2030, 6, 30))
    service.removed |= {MONDAY, date(2030, 6, 24)}
    service.added.add(date(2030, 7, 4))
    assert not service.runs_on(MONDAY)
    assert (service.first(), service.last()) == (date(2030, 6, 10), date(2030, 7, 4))


def test_a_service_of_exceptions_alone_needs_no_calendar() -> None:
    service = Service(added={MONDAY})
    assert (service.runs_on(MONDAY), service.first(), service.last()) == (True, MONDAY, MONDAY)


def test_a_service_that_never_runs_has_no_first_day() -> None:
    assert Service(frozenset(), MONDAY, MONDAY).first() is None
    assert Service(EVERY_DAY, MONDAY, MONDAY, removed={MONDAY}).last() is None


@pytest.mark.parametrize(
    ("day", "seconds", "wall_clock"),
    [
        (date(2030, 6, 3), 8 * 3600, "2030-06-03T08:00:00+02:00"),
        (date(2030, 6, 3), 26 * 3600, "2030-06-04T02:00:00+02:00"),
        # Clocks go forward on 31 March 2030: there is no 02:30, and noon stays noon.
        (date(2030, 3, 31), 12 * 3600, "2030-03-31T12:00:00+02:00"),
        (date(2030, 3, 31), 4 * 3600, "2030-03-31T04:00:00+02:00"),
        (date(2030, 3, 31), 1 * 3600, "2030-03-31T00:00:00+01:00"),
        (date(2030, 3, 30), 28 * 3600, "2030-03-31T05:00:00+02:00"),
        # Clocks go back on 27 October 2030: 02:30 comes twice.
        (date(2030, 10, 27), 12 * 3600, "2030-10-27T12:00:00+01:00"),
        (date(2030, 10, 27), 2 * 3600 + 1800, "2030-10-27T02:30:00+01:00"),
        (date(2030, 10, 26), 28 * 3600, "2030-10-27T03:00:00+01:00"),
    ],
)
def test_times_count_from_noon_minus_twelve_hours(day: date, seconds: int, wall_clock: str) -> None:
    assert moment(day, seconds).isoformat() == wall_clock


@given(
    DAYS,
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
@settings(deadline=None)
def test_noon_is_noon_on_every_day_everywhere(day: date, zone: str) -> None:
    noon = (day_start(day, ZoneInfo(zone)) + timedelta(hours=12)).astimezone(ZoneInfo(zone))
    assert (noon.date(), noon.hour, noon.minute) == (day, 12, 0)


def test_a_window_begins_today_unless_told_otherwise() -> None:
    service = Service(EVERY_DAY, MONDAY, MONDAY)
    today = date(2031, 1, 1)
    window = choose_window([service], today=today, begin=None, days=14, is_shifted=False)
    assert (window.begin, window.end, window.on_sale(today)) == (today, date(2031, 1, 14), today)
    window = choose_window([service], today=today, begin=MONDAY, days=1, is_shifted=False)
    assert list(window) == [MONDAY]


@given(DAYS, DAYS, st.integers(1, 30))
@settings(deadline=None)
def test_a_shifted_window_begins_within_a_week_and_keeps_weekdays(
    begin: date, today: date, days: int
) -> None:
    window = choose_window([], today=today, begin=begin, days=days, is_shifted=True)
    assert next(iter(window)) == begin
    sold = [window.on_sale(day) for day in window]
    assert [day.weekday() for day in sold] == [day.weekday() for day in window]
    if begin <= today:
        assert timedelta(0) <= sold[0] - today < timedelta(7)
    else:
        assert sold[0] == begin


@given(DAYS, DAYS)
@settings(deadline=None)
def test_without_a_first_day_a_shifted_feed_is_sold_from_today_on(first: date, today: date) -> None:
    service = Service(EVERY_DAY, first, first + timedelta(365))
    window = choose_window([service], today=today, begin=None, days=14, is_shifted=True)
    assert timedelta(0) <= window.begin - first < timedelta(7)
    if first <= today - timedelta(7):
        assert window.on_sale(window.begin) == today
