"""The primary goes while the API sells, and a standby takes over: by accident, then on purpose, of the same process."""

import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.errors import NotFound
from store.facade import StoreOptions
from store.invariants import find_violations
from store.migrate import migrate
from tests.faults.buyers import Buyers, Journal
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.support.memory import in_memory
from tests.support.servers import ThrowawayPostgres, ThrowawayValkey
from tests.support.standbys import (
    ThrowawayStandby,
    fence_off,
    forget_changes,
    several,
    wait_caught_up,
    wait_for,
)
from tests.support.waiting import wait_until
from tests.support.world import World

log = logging.getLogger(__name__)

_ENOUGH = 48
_WRITABLE = "&target_session_attrs=read-write"


@dataclass(frozen=True, slots=True)
class Line:
    """A primary, the standby that each of its commits waits for, and one that is to follow whoever takes over."""

    primary: ThrowawayPostgres
    one: ThrowawayStandby
    two: ThrowawayStandby

    @property
    def url(self) -> str:
        return several(self.primary, self.one, self.two)


@pytest.fixture
def pair(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[ThrowawayPostgres, ThrowawayStandby]]:
    with ExitStack() as stack, in_memory():
        primary = stack.enter_context(
            ThrowawayPostgres(bindir=request.config.getoption("--bindir"))
        )
        yield primary, stack.enter_context(ThrowawayStandby(primary, "one"))


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    with ExitStack() as stack, in_memory():
        bindir = request.config.getoption("--bindir")
        primary = stack.enter_context(ThrowawayPostgres(bindir=bindir))
        one, two = (stack.enter_context(ThrowawayStandby(primary, name)) for name in ("one", "two"))
        yield Line(primary, one, two)
        primary.stop()
        forget_changes(primary)  # it would wait for a standby that follows it no more


@pytest.fixture
async def shop(line: Line) -> AsyncIterator[Shop]:
    await migrate(line.primary.url)
    await wait_for(line.primary, line.one)
    opened = await Shop.open(line.url + _WRITABLE, buses=60, seats=100)
    yield opened
    assert await opened.find_violations() == {}


@pytest.fixture
async def api(
    line: Line, shop: Shop, valkey: ThrowawayValkey, tmp_path: Path
) -> AsyncIterator[Process]:
    """A server that is told all three, and not which of them takes writes."""
    process = Process(
        tmp_path / "api.log",
        database_url=line.url,
        redis_url=valkey.url,
        hold_seconds="1200",
        pending_seconds="3600",
    )
    async with process:
        yield process


async def test_nothing_that_was_acknowledged_is_lost_when_a_standby_takes_over(
    line: Line, shop: Shop, api: Process, chance: random.Random
) -> None:
    journal = Journal()
    buyers = Buyers(shop, journal, chance, [api.port])
    async with buyers.buying():
        await buyers.get(chance.randint(50, 300))
        line.primary.kill()
        await buyers.get(8, status=503)
        await wait_until(api.is_unready)
        await line.one.promote()
        await buyers.get(_ENOUGH, status=201)
        assert await api.is_ready()
        # The dead primary's other standby may have what this one never got, so it starts over as a copy of this one.
        line.two.copy_anew(line.one)
        await line.two.start_soon()
        await buyers.get(_ENOUGH, status=201)
        # Now on purpose: sessions live on, and are told that nothing can be written.
        await fence_off(line.one)
        await wait_caught_up(line.one, line.two)
        await buyers.get(8, status=503)
        await line.two.promote()
        await buyers.get(_ENOUGH, status=201)
    made, acknowledged = await shop.made(), journal.acknowledged()
    assert acknowledged.items() <= made.items()
    assert await shop.find_faults() == {}
    assert journal.complaints() == []
    replayed = await journal.settle(api.port)
    assert acknowledged | replayed == made
    log.info("%s, %d of them done unknown to us", journal.statuses(), len(replayed))


async def test_twin_a_standby_that_nobody_waits_for_may_lack_what_was_acknowledged(
    pair: tuple[ThrowawayPostgres, ThrowawayStandby],
) -> None:
    primary, standby = pair
    await migrate(primary.url)
    world = await World.open(several(primary, standby) + _WRITABLE, StoreOptions(pool_size=2))
    try:
        bus = await world.bus()
        early = await world.book(bus, ["1A"])
        await wait_caught_up(primary, standby)
        await standby.receive_no_more()
        late = await world.book(bus, ["1B"])
        primary.kill()
        await standby.promote()
        assert (await world.store.lookup.find(bus, early.booking_id)).ref == early.ref
        with pytest.raises(NotFound):
            await world.store.lookup.find(bus, late.booking_id)
        assert await find_violations(world.store.db) == {}
    finally:
        await world.close()
