"""Which days a service runs on, where a service day begins, and which days an import covers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


@dataclass(slots=True, eq=False)
class Service:
    """A row of calendar.txt with its exceptions from calendar_dates.txt; either may be absent."""

    weekdays: frozenset[int] = frozenset()
    begin: date = date.max
    end: date = date.min
    added: set[date] = field(default_factory=set)
    removed: set[date] = field(default_factory=set)

    def runs_on(self, day: date) -> bool:
        if day in self.added:
            return True
        is_regular = self.begin <= day <= self.end and day.weekday() in self.weekdays
        return is_regular and day not in self.removed

    def first(self) -> date | None:
        return min((*self.added, *self._regular(self.begin, 1)), default=None)

    def last(self) -> date | None:
        return max((*self.added, *self._regular(self.end, -1)), default=None)

    def _regular(self, start: date, step: int) -> Iterator[date]:
        """Yield the outermost regular day, if there is any: only exceptions make the search longer than a week."""
        if not self.weekdays:
            return
        day = start
        while self.begin <= day <= self.end:
            if self.runs_on(day):
                yield day
                return
            day += step * _DAY


@dataclass(frozen=True, slots=True)
class Window:
    """The days to put on sale, as the feed counts them, and how far they are moved."""

    begin: date
    days: int
    shift: timedelta = timedelta()

    @property
    def end(self) -> date:
        """Return the last day."""
        return self.begin + (self.days - 1) * _DAY

    def __iter__(self) -> Iterator[date]:
        return (self.begin + n * _DAY for n in range(self.days))

    def on_sale(self, day: date) -> date:
        """Return the day on which the feed's `day` is sold."""
        return day + self.shift


def choose_window(
    services: Iterable[Service], *, today: date, begin: date | None, days: int, is_shifted: bool
) -> Window:
    """Decide which days of the feed are sold when; weekdays stay what they are.

    Unshifted, the window begins with `begin`, or today. Shifted, it moves by whole weeks: `begin` to the first day of
    its weekday from today on. Without `begin`, today is sold what the feed has on its first day of today's weekday.
    """
    if not is_shifted:
        return Window(begin or today, days)
    if begin is None:
        first = min((day for service in services if (day := service.first())), default=today)
        begin = first + (today - first) % _WEEK
    weeks = max(0, -((begin - today) // _WEEK))
    return Window(begin, days, weeks * _WEEK)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment GTFS times of a service day count from: noon minus 12 hours.

    That is midnight, except on the days on which clocks change.
    """
    noon = datetime.combine(day, time(12), tzinfo=zone)
    return noon.astimezone(UTC) - timedelta(hours=12)
