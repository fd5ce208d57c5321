"""What searches find, kept in memory: timetables and prices until somebody edits them, seats as they are.

A page is found once, however many ask for it meanwhile, and kept for five minutes, or as long again while a newer one
is being found. Two things must never wait for that: an edit, which every process is told of with its commit (see
`store/bulletin.py`) and which lets go of every page; and seats, which are laid into the page from `SeatMaps`
whenever some have changed. While this process may miss either, a page lives for a second, seats and all.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b

from server.seat_maps import SeatMaps
from store.catalogue import Catalogue, Departure, Search
from store.day_prices import DayPrices
from store.errors import Overloaded
from store.reader import EVERYTHING, seeing

FRESH_SECONDS = 300.0
STALE_SECONDS = 300.0
UNTOLD_SECONDS = 1.0
PAGES_KEPT = 5_000
PAGES_KEPT_BYTES = 64 << 20
DEPARTURES_KEPT = 25_000
"""In all pages together: what they were made of is kept beside their bodies, 2.5 KiB each."""

Render = Callable[[Search, Sequence[Departure]], bytes]


class Page:
    """An answer: its body and ETag, and what they were made of."""

    __slots__ = ("body", "changes", "etag", "found", "found_at", "is_surely_new", "turns_at")

    def __init__(
        self,
        found: Sequence[Departure],
        found_at: float,
        now: datetime,
        *,
        is_surely_new: bool = True,
    ) -> None:
        self.is_surely_new = is_surely_new
        self.found = found
        self.found_at = found_at
        self.changes = -1
        self.body = b""
        self.etag = b""
        # A bus that leaves is another one then, or none.
        ahead = [each.departs_at for each in found if each.departs_at > now]
        until = (min(ahead) - now).total_seconds() if ahead else FRESH_SECONDS + STALE_SECONDS
        self.turns_at = found_at + until

    def write(self, body: bytes) -> None:
        self.body = body
        self.etag = b'"%b"' % blake2b(body, digest_size=9).hexdigest().encode()


class Listings:
    """`is_told` says whether this process hears of edits at once; that of seats is `SeatMaps`' affair."""

    def __init__(self, catalogue: Catalogue, day_prices: DayPrices, seat_maps: SeatMaps) -> None:
        self.is_told: Callable[[], bool] = lambda: False
        self.loads = 0
        """How often the database was asked."""
        self._catalogue = catalogue
        self._day_prices = day_prices
        self._seat_maps = seat_maps
        self._pages: OrderedDict[Search, Page] = OrderedDict()
        self._finding: dict[Search, asyncio.Task[Page]] = {}
        self._bytes = 0
        self._departures = 0

    async def find(self, search: Search, render: Render) -> Page:
        """Return the page for a search, as `render` writes it; raise what finding it raises."""
        now = asyncio.get_running_loop().time()
        page = self._pages.get(search)
        if page is not None and now < page.turns_at:
            age = now - page.found_at
            if not (self.is_told() and self._seat_maps.is_fresh()):
                if age < UNTOLD_SECONDS:
                    return page
            elif age < FRESH_SECONDS + STALE_SECONDS:
                self._pages.move_to_end(search)
                if age > FRESH_SECONDS and search not in self._finding:
                    self._begin(search, render)
                if page.changes != self._seat_maps.changes:
                    await self._lay_in_seats(page, search, render)
                return page
        # Whoever hangs up ends their own waiting, not everybody's.
        return await asyncio.shield(self._finding.get(search) or self._begin(search, render))

    def note_edit(self, what: str = "") -> None:
        """Something that pages show was edited: have all of them found anew, also those that are being found.

        `what` names it, by table or path; without a name it may have been anything.
        """
        self._pages.clear()
        self._finding.clear()
        self._bytes = self._departures = 0
        self._day_prices.forget()
        if not what or "operators" in what:
            self._seat_maps.distrust()  # they show whether an operator's buses are sold at all

    def _begin(self, search: Search, render: Render) -> asyncio.Task[Page]:
        with seeing(EVERYTHING):  # what is kept must not be older than the edit that made us forget
            task = self._finding[search] = asyncio.create_task(self._find(search, render))
        task.add_done_callback(lambda done: self._end(search, done))
        return task

    async def _find(self, search: Search, render: Render) -> Page:
        self.loads += 1
        found_at = asyncio.get_running_loop().time()
        is_surely_new = True
        try:
            found = await self._catalogue.search(search)
        except Overloaded:
            # The primary is away: what a standby shows is better than nothing, but nothing to keep.
            with seeing():
                found = await self._catalogue.search(search)
            is_surely_new = False
        # allow own-clock: it shows more or less, and sells nothing
        page = Page(found, found_at, datetime.now(UTC), is_surely_new=is_surely_new)
        if self._seat_maps.is_fresh():
            await self._lay_in_seats(page, search, render)
        else:
            page.write(render(search, page.found))
        return page

    def _end(self, search: Search, done: asyncio.Task[Page]) -> None:
        is_failed = done.cancelled() or done.exception() is not None
        if self._finding.get(search) is not done:
            return  # what it found may be older than an edit
        del self._finding[search]
        if is_failed:
            return
        page = done.result()
        if not page.is_surely_new:
            return
        if (before := self._pages.pop(search, None)) is not None:
            self._count(before, -1)
        self._pages[search] = page
        self._count(page, 1)
        while (
            len(self._pages) > PAGES_KEPT
            or self._bytes > PAGES_KEPT_BYTES
            or self._departures > DEPARTURES_KEPT
        ):
            self._count(self._pages.popitem(last=False)[1], -1)

    def _count(self, page: Page, times: int) -> None:
        self._bytes += times * len(page.body)
        self._departures += times * len(page.found)

    async def _lay_in_seats(self, page: Page, search: Search, render: Render) -> None:
        """Give a page the seats that are left now; the body is written anew only if that changed."""
        is_new = page.changes < 0
        # From before the first look: what changes while others are looked up is laid in by the next reader.
        changes = self._seat_maps.changes
        kept = await self._seat_maps.find_many(each.bus_id for each in page.found)
        found = [
            replace(each, seats_available=left)
            if each.bus_id in kept
            and (left := kept[each.bus_id].count_free(each.leg)) != each.seats_available
            else each
            for each in page.found
        ]
        if is_new or any(new is not old for new, old in zip(found, page.found, strict=True)):
            size = len(page.body)
            page.found = found
            page.write(render(search, found))
            if self._pages.get(search) is page:
                self._bytes += len(page.body) - size
        page.changes = changes
