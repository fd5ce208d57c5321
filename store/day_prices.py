"""What a journey costs on each of some days, for whoever may travel on another. Reads only, nothing is locked."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from store.catalogue import Catalogue
from store.errors import Overloaded
from store.queries import Queries
from store.reader import EVERYTHING, Reader, seeing
from store.recent import Recent
from store.rules import seat_price

SQL = Queries.beside(__file__)
BUSES_MOST = 5_000
_KEPT_SECONDS = 20.0
_KEPT_MOST = 2_000


@dataclass(frozen=True, slots=True)
class DayWish:
    """From where, to where if that matters, on so many days; the first is today without one."""

    from_stop: int
    to_stop: int | None
    first: date | None
    days: int
    operator_id: int | None = None


@dataclass(frozen=True, slots=True)
class DayPrice:
    """A day at the boarding stop: how many buses can be booked, and what the cheapest seat of any costs."""

    on: date
    buses: int
    price: tuple[int, str] | None


class DayPrices:
    """Answers are up to twenty seconds old: prices of days are for looking around, and everybody looks at the same."""

    def __init__(self, reader: Reader, catalogue: Catalogue) -> None:
        self._reader = reader
        self._catalogue = catalogue
        self._recent: Recent[DayWish, list[DayPrice]] = Recent(
            seconds=_KEPT_SECONDS, most=_KEPT_MOST
        )

    async def of(self, wish: DayWish) -> list[DayPrice]:
        """Return every day of a wish in order; raise NotFound for an unknown stop or operator.

        Of more than BUSES_MOST departures the later ones are left out.
        """
        with seeing(EVERYTHING):  # what is kept must not be older than the edit that made us forget
            return await self._recent.get(wish, lambda: self._find_somewhere(wish))

    def forget(self) -> None:
        """Have all days priced anew: timetables or fares were edited."""
        self._recent.forget()

    async def _find_somewhere(self, wish: DayWish) -> list[DayPrice]:
        try:
            return await self._find(wish)
        except Overloaded:
            with (
                seeing()
            ):  # the primary is away: a standby is a few seconds behind, and better than nothing
                return await self._find(wish)

    async def _find(self, wish: DayWish) -> list[DayPrice]:
        view = await self._reader.view()
        ends = await self._catalogue.ends(wish.from_stop, wish.to_stop, wish.operator_id, view)
        # allow own-clock: it shows more or less, and sells nothing
        now = datetime.now(UTC)
        first = wish.first or now.astimezone(ends.zone).date()
        begin, end = _midnight(first, ends.zone), _midnight(_later(first, wish.days), ends.zone)
        rows = await view.fetch(
            SQL["price_days"],
            ends.boarding,
            ends.alighting or None,
            max(begin, now),
            end,
            wish.operator_id,
            BUSES_MOST,
            ends.zone.key,
        )
        found = {
            row["day"]: DayPrice(
                row["day"],
                int(row["buses"]),
                (seat_price(int(row["cheapest"]), 1), row["currency"]),
            )
            for row in rows
        }
        every = (_later(first, days) for days in range(wish.days))
        return [found.get(on) or DayPrice(on, 0, None) for on in every]


def _later(first: date, days: int) -> date:
    return first + timedelta(days=days)


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time.min, tzinfo=zone)
