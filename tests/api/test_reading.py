"""What is kept for those who read: pages of searches, and seats as they are. Each safeguard has a twin without it."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest

from realtime.effects import Head
from server import listings as kept_pages
from server.api.departures import write_page
from server.listings import Listings, Page
from server.seat_maps import SeatMaps, SeatsKept
from store.bulletin import Bulletin, Hearing, Readers
from store.catalogue import Departure, Search
from store.errors import NotFound
from store.events import Position, SeatsChanged
from store.facade import StoreOptions
from store.model import Leg
from tests.support.databases import Databases
from tests.support.waiting import wait_until
from tests.support.world import World

CROWD = 200
WHOLE = Leg(0, 1)


@dataclass
class Reader:
    """A process' memory of buses, as it would be wired up."""

    world: World
    seat_maps: SeatMaps
    listings: Listings
    is_fresh: bool = True
    is_told: bool = True

    async def search(self, bus: int) -> Page:
        return await self.listings.find(await self.wish(bus), write_page)

    async def wish(self, bus: int) -> Search:
        return Search(from_stop=(await self.world.stops(bus))[0])

    def hear(self, events: Sequence[SeatsChanged]) -> None:
        for event in events:
            self.seat_maps.note(event.bus_id, event.epoch, event.prev, event.rev, event.seats)


@pytest.fixture
async def world(databases: Databases) -> AsyncIterator[World]:
    async with databases.fresh() as url:
        opened = await World.open(url, StoreOptions(pool_size=4))
        yield opened
        await opened.close()


@pytest.fixture
def reader(world: World) -> Reader:
    return reader_of(world)


def reader_of(world: World, kind: type[SeatMaps] = SeatMaps) -> Reader:
    store = world.store
    seat_maps = kind(store.buses, is_fresh=lambda: made.is_fresh)
    made = Reader(world, seat_maps, Listings(store.catalogue, store.day_prices, seat_maps))
    made.listings.is_told = lambda: made.is_told
    return made


# Once for everybody.


async def test_a_crowd_that_misses_asks_the_database_once(reader: Reader) -> None:
    wish = await reader.wish(await reader.world.bus())
    pages = await asyncio.gather(*(reader.listings.find(wish, write_page) for _ in range(CROWD)))
    assert reader.listings.loads == 1
    assert len({page.body for page in pages}) == 1
    await reader.listings.find(wish, write_page)
    assert reader.listings.loads == 1


async def test_twin_without_a_common_search_each_of_the_crowd_asks(reader: Reader) -> None:
    class Forgetful(dict[Search, "asyncio.Task[Page]"]):
        def __setitem__(self, _key: Search, _task: "asyncio.Task[Page]") -> None:
            """Nobody joins what is not there."""

    reader.listings._finding = Forgetful()
    wish = await reader.wish(await reader.world.bus())
    await asyncio.gather(*(reader.listings.find(wish, write_page) for _ in range(20)))
    assert reader.listings.loads == 20


async def test_who_hangs_up_ends_nobody_elses_search(reader: Reader) -> None:
    wish = await reader.wish(await reader.world.bus())
    impatient = asyncio.create_task(reader.listings.find(wish, write_page))
    patient = asyncio.create_task(reader.listings.find(wish, write_page))
    await asyncio.sleep(0)
    impatient.cancel()
    assert b"The 10:05" in (await patient).body
    assert reader.listings.loads == 1


async def test_what_is_not_found_is_kept_for_nobody(reader: Reader) -> None:
    for _ in range(2):
        with pytest.raises(NotFound):
            await reader.listings.find(Search(from_stop=999_999), write_page)
    assert reader.listings.loads == 2
    assert reader.listings._finding == {}


async def test_an_old_page_is_shown_while_a_newer_one_is_found(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await reader.world.bus()
    first = await reader.search(bus)
    monkeypatch.setattr(kept_pages, "FRESH_SECONDS", -1.0)
    assert await reader.search(bus) is first
    await wait_until(lambda: reader.listings._finding == {})
    assert reader.listings.loads == 2
    monkeypatch.setattr(kept_pages, "STALE_SECONDS", 0.0)
    assert await reader.search(bus) is not first
    assert reader.listings.loads == 3


# Seats are never those of the page.


async def test_a_sale_is_laid_into_the_page_without_another_search(reader: Reader) -> None:
    world, bus = reader.world, await reader.world.bus(segments=2)
    before = await reader.search(bus)
    old = before.etag
    assert b'"seats_available":40' in before.body
    await world.hold(bus, ["1A", "1B"])
    reader.hear(world.events)
    after = await reader.search(bus)
    assert b'"seats_available":38' in after.body
    assert after.etag != old
    assert reader.listings.loads == 1


async def test_a_writer_that_is_late_overwrites_nothing(reader: Reader) -> None:
    bus = await sell_twice_and_hear_backwards(reader)
    kept = await reader.seat_maps.find(bus)
    assert (kept.rev, kept.count_free(WHOLE)) == (2, 40)


async def test_twin_without_the_comparison_the_late_writer_brings_back_what_was(
    world: World,
) -> None:
    class Gullible(SeatMaps):
        def note(
            self, bus_id: int, _epoch: int, _prev: int, rev: int, seats: Sequence[tuple[str, str]]
        ) -> None:
            kept = self._kept[bus_id]
            kept.rev = rev
            kept.states.update(seats)
            kept.free.clear()

    reader = reader_of(world, Gullible)
    bus = await sell_twice_and_hear_backwards(reader)
    assert (await reader.seat_maps.find(bus)).count_free(WHOLE) == 39


async def sell_twice_and_hear_backwards(reader: Reader) -> int:
    """Hold a seat and let it go; the word of the first comes last, and the database is not asked again."""
    world, bus = reader.world, await reader.world.bus()
    await reader.seat_maps.find(bus)
    await world.release(await world.hold(bus, ["1A"]))
    held, let_go = world.events
    # What is spanned may come in one: absolute values fit to anything before.
    reader.hear([SeatsChanged(bus, 1, 0, 2, let_go.seats, let_go.at, "released")])
    reader.hear([held])
    return bus


async def test_a_change_that_overtook_another_waits_for_it_and_nothing_is_read_again(
    reader: Reader,
) -> None:
    """As when two processes sell one bus in turn: each hears of its own sale at once, of the other's a moment later."""
    world, bus = reader.world, await reader.world.bus()
    first = await reader.seat_maps.find(bus)
    for seat in ("1A", "1B", "1C"):
        await world.hold(bus, [seat])
    one, two, three = world.events
    reader.hear([three, two])
    assert first.ahead, "what it is like is not known here now"
    reader.hear([one])
    kept = await reader.seat_maps.find(bus)
    assert kept is first, "no other was read"
    assert (kept.rev, kept.count_free(WHOLE), kept.ahead) == (3, 37, [])


async def test_who_looks_while_a_change_is_missing_is_answered_by_the_database(
    reader: Reader,
) -> None:
    world, bus = reader.world, await reader.world.bus()
    first = await reader.seat_maps.find(bus)
    await world.hold(bus, ["1A"])
    await world.hold(bus, ["1B"])
    reader.hear(world.events[1:])
    found = await asyncio.gather(*(reader.seat_maps.find(bus) for _ in range(5)))
    assert {(kept.rev, kept.count_free(WHOLE)) for kept in found} == {(2, 38)}
    kept = await reader.seat_maps.find(bus)
    assert kept is not first
    reader.hear(world.events[:1])  # too late to matter
    assert await reader.seat_maps.find(bus) is kept


async def test_who_waits_for_what_never_comes_is_bounded_and_then_read_again(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.seat_maps.AHEAD_MAX", 3)
    bus = await reader.world.bus()
    await reader.seat_maps.find(bus)
    for rev in range(2, 5):
        reader.seat_maps.note(bus, 1, rev - 1, rev, [("1A", "L")])
    assert reader.seat_maps.is_known(bus)
    reader.seat_maps.note(bus, 1, 4, 5, [("1A", "L")])
    assert not reader.seat_maps.is_known(bus)


async def test_a_change_of_the_bus_itself_has_it_read_again(reader: Reader) -> None:
    bus = await reader.world.bus()
    await reader.seat_maps.find(bus)
    reader.seat_maps.note(bus, 1, 0, 1, [])
    assert not reader.seat_maps.is_known(bus)


async def test_a_commit_that_overtakes_a_read_is_written_through_to_what_was_read(
    reader: Reader,
) -> None:
    bus = await reader.world.bus()
    reading = asyncio.create_task(reader.seat_maps.find(bus))
    await asyncio.sleep(0)
    assert reader.seat_maps.is_known(bus), "or nobody would be told"
    reader.seat_maps.note(bus, 1, 0, 1, [("1A", "L")])
    kept = await reading
    assert (kept.rev, kept.count_free(WHOLE)) == (1, 39)
    assert await reader.seat_maps.find(bus) is kept


async def test_a_read_that_more_overtook_than_was_heard_of_is_not_kept_as_the_latest(
    reader: Reader,
) -> None:
    bus = await reader.world.bus()
    reading = asyncio.create_task(reader.seat_maps.find(bus))
    await asyncio.sleep(0)
    reader.seat_maps.note(bus, 1, 1, 2, [("1A", "L")])
    await reading
    assert not reader.seat_maps.is_known(bus)


async def test_who_reads_after_a_doubt_is_not_doubted_with_those_who_read_before(
    reader: Reader,
) -> None:
    bus = await reader.world.bus()
    before = asyncio.create_task(reader.seat_maps.find(bus))
    await asyncio.sleep(0)
    reader.seat_maps.distrust()
    after = asyncio.create_task(reader.seat_maps.find(bus))
    await asyncio.sleep(0)
    await before
    await after
    assert reader.seat_maps.heads().keys() == {bus}


async def test_who_has_seen_more_than_was_heard_of_is_answered_by_the_database(
    reader: Reader,
) -> None:
    world, bus = reader.world, await reader.world.bus()
    await reader.seat_maps.find(bus)
    await world.hold(bus, ["1A"])
    assert (await reader.seat_maps.find(bus)).rev == 0
    assert (await reader.seat_maps.find(bus, least=Head(1, 1))).rev == 1


@pytest.mark.parametrize(
    ("position", "is_kept"),
    [((1, 1), True), ((1, 2), False), ((2, 0), False), ((1, 0), False), (None, False)],
    ids=["the same", "ahead", "another epoch", "put back", "gone"],
)
async def test_a_position_that_differs_has_the_bus_read_again(
    reader: Reader, position: tuple[int, int] | None, *, is_kept: bool
) -> None:
    bus = await reader.world.bus()
    await reader.world.hold(bus, ["1A"])
    await reader.seat_maps.find(bus)
    asked = reader.seat_maps.heads()
    assert asked == {bus: Head(1, 1)}
    reader.seat_maps.learn(asked, [Position(bus, *position)] if position else [])
    assert reader.seat_maps.is_known(bus) is is_kept


async def test_while_updates_may_lag_the_database_answers(reader: Reader) -> None:
    world, bus = reader.world, await reader.world.bus()
    await reader.search(bus)
    reader.seat_maps.distrust()
    reader.is_fresh = False
    await world.hold(bus, ["1A"])  # and nobody says so
    assert (await reader.seat_maps.find(bus)).count_free(WHOLE) == 39
    assert not reader.seat_maps.is_known(bus)
    reader.listings._pages.clear()  # as a second does
    assert b'"seats_available":39' in (await reader.search(bus)).body


async def test_what_nobody_asks_for_any_more_is_let_go(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await reader.world.bus()
    await reader.seat_maps.find(bus)
    monkeypatch.setattr("server.seat_maps._IDLE_SECONDS", -1.0)
    assert reader.seat_maps.heads() == {}


async def test_memory_is_bounded(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.seat_maps.BUSES_KEPT", 2)
    monkeypatch.setattr("server.seat_maps.BODIES_KEPT_BYTES", 10)
    monkeypatch.setattr(kept_pages, "PAGES_KEPT_BYTES", 1)
    buses = [await reader.world.bus() for _ in range(3)]
    for bus in buses:
        kept: SeatsKept = await reader.seat_maps.find(bus)
        reader.seat_maps.keep_body(kept, WHOLE, b"x" * 8)
    assert [*reader.seat_maps.heads()] == buses[1:]
    await reader.search(buses[0])
    await wait_until(lambda: reader.listings._pages == {})
    assert reader.listings._bytes == 0


async def test_what_bodies_are_made_of_is_bounded_as_well(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.seat_maps.SEATS_KEPT", 85)
    monkeypatch.setattr(kept_pages, "DEPARTURES_KEPT", 5)
    buses = [await reader.world.bus() for _ in range(3)]
    wish = await reader.wish(buses[0])
    for limit in (1, 2, 3):
        await reader.listings.find(replace(wish, limit=limit), write_page)
        await wait_until(lambda: reader.listings._finding == {})
    assert [len(page.found) for page in reader.listings._pages.values()] == [2, 3]
    assert reader.listings._departures == 5
    reader.seat_maps.distrust()
    for bus in buses:
        await reader.seat_maps.find(bus)
    assert [*reader.seat_maps.heads()] == buses[1:], "of forty seats each"
    assert reader.seat_maps._seats == 80
    reader.seat_maps.note(buses[2], 1, 0, 1, [])
    assert reader.seat_maps._seats == 40
    reader.seat_maps.distrust()
    reader.listings.note_edit()
    assert (reader.seat_maps._seats, reader.listings._departures) == (0, 0)


async def test_a_departure_and_a_seat_take_no_more_memory_than_is_reckoned_with(
    reader: Reader,
) -> None:
    """As PostgreSQL would tell them again: nothing of one is shared with another but what always is."""
    bus = await reader.world.bus(segments=3)
    departures, states = 0, list[SeatsKept]()
    found: list[Sequence[Departure]] = []
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        for _ in range(50):
            found.append(await reader.world.store.catalogue.search(await reader.wish(bus)))
            departures += len(found[-1])
        after = tracemalloc.take_snapshot()
        assert grown(before, after) / departures < 3 * 1024
        before = tracemalloc.take_snapshot()
        for _ in range(50):
            states.append(SeatsKept(await reader.world.store.buses.seat_states(bus)))
        after = tracemalloc.take_snapshot()
        assert grown(before, after) / sum(len(each.states) for each in states) < 150
    finally:
        tracemalloc.stop()


def grown(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot) -> int:
    return sum(each.size_diff for each in after.compare_to(before, "filename"))


# Edits.


@asynccontextmanager
async def listening(
    reader: Reader, changed: Callable[[str], None] | None = None
) -> AsyncIterator[Bulletin]:
    world = reader.world
    bulletin = Bulletin(
        world.url,
        world.store.db,
        {},
        Readers(ended=lambda _: None, catalogue_changed=changed or reader.listings.note_edit),
    )
    reader.listings.is_told = lambda: bulletin.hearing is Hearing.AT_ONCE
    task = asyncio.create_task(bulletin.run())
    try:
        await wait_until(lambda: bulletin.hearing is Hearing.AT_ONCE)
        yield bulletin
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE buses SET name = 'Another' WHERE bus_id = $1",
        "UPDATE buses SET status = 'CLOSED' WHERE bus_id = $1",
        "UPDATE bus_stops SET departs_at = departs_at + interval '1 minute' WHERE bus_id = $1 AND idx = 1",
        "UPDATE stops SET name = 'Elsewhere' WHERE stop_id IN (SELECT stop_id FROM bus_stops WHERE bus_id = $1)",
        "UPDATE operators SET name = 'Southline' WHERE $1::bigint > 0",
        "UPDATE routes SET name = 'Line' WHERE route_id = (SELECT route_id FROM buses WHERE bus_id = $1)",
        "INSERT INTO leg_fares (amount, from_idx, to_idx, bus_id, operator_id) SELECT 9, 0, 2, $1, 1",
    ],
    ids=lambda edit: " ".join(edit.split()[:4]),
)
async def test_an_edit_is_heard_wherever_it_was_made(reader: Reader, edit: str) -> None:
    bus = await reader.world.bus(segments=3)
    async with listening(reader):
        await reader.search(bus)
        assert reader.listings._pages
        await reader.world.edit(edit, bus)
        await wait_until(lambda: not reader.listings._pages)


async def test_sales_let_go_of_no_page(reader: Reader) -> None:
    world, bus = reader.world, await reader.world.bus()
    heard: list[str] = []
    async with listening(reader, heard.append):
        page = await reader.search(bus)
        await world.pay(await world.book(bus, ["1A"], caller=world.rider(1)))
        await world.hold(bus, ["1B"])
        reader.hear(world.events)
        assert await reader.search(bus) is page
        assert b'"seats_available":38' in page.body
        assert reader.listings.loads == 1
        # Word of an edit comes after whatever was said before it.
        await world.edit("UPDATE buses SET name = 'Another' WHERE bus_id = $1", bus)
        await wait_until(lambda: len(heard) > 1)
        assert heard == ["", "buses"]


async def test_a_page_that_was_being_found_during_an_edit_is_not_kept(reader: Reader) -> None:
    bus = await reader.world.bus()
    wish = await reader.wish(bus)
    finding = asyncio.create_task(reader.listings.find(wish, write_page))
    await asyncio.sleep(0)
    assert reader.listings._finding
    reader.listings.note_edit()
    await finding
    assert not reader.listings._pages
    await reader.search(bus)
    assert reader.listings.loads == 2


async def test_who_may_not_hear_of_edits_keeps_a_page_for_a_moment_only(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await reader.world.bus()
    reader.is_told = False
    page = await reader.search(bus)
    assert await reader.search(bus) is page
    monkeypatch.setattr(kept_pages, "UNTOLD_SECONDS", 0.0)
    assert await reader.search(bus) is not page


async def test_a_bus_that_leaves_ends_its_page(reader: Reader) -> None:
    page = await reader.search(await reader.world.bus())
    (departure,) = page.found
    # It leaves in a day; the page would be good for ten minutes at most.
    assert page.turns_at > page.found_at + 600
    soon = Page(page.found, page.found_at, departure.departs_at)
    assert soon.turns_at == soon.found_at + 600
