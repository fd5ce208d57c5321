"""One run: buyers and watchers at work, the nemesis at theirs, then quiet, and everything written down in a folder."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec

from store.facade import StoreOptions
from tests.faults.watchers import Frame, Watcher
from tests.histories.buyers import Board, Bus, Buyer
from tests.histories.dump import Heads, dump, settle
from tests.histories.exchange import Journal, now
from tests.histories.nemesis import Nemesis, plan
from tests.histories.records import (
    DATABASE,
    NEMESIS,
    OPERATIONS,
    WATCHERS,
    WORLD,
    Glimpse,
    World,
    Writer,
)
from tests.histories.rig import HOLD_SECONDS, PENDING_SECONDS, Rig
from tests.support.waiting import wait_until
from tests.support.world import World as Sellers

BUSES, SEGMENTS, SEATS = 8, 4, 36
_WATCHERS = 12
_BUSES_EACH = 3
_HEALED_SECONDS = 5.0
_EARLY_US = 500_000
"""A process may date a sale by what it believes the database's clock to say, if it is off by no more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to be; the seed decides the faults and what every buyer wants."""

    seed: int
    operations: int = 20_000
    clients: int = 100
    is_calm: bool = False
    """Whether nothing shall be broken."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run came to, in counts; whether it was right is for the checker to say."""

    operations: int
    attempts: int
    outcomes: Counter[str]
    strikes: Counter[str]
    commits: Counter[str]
    seconds: float


class Scribe(Watcher):
    """A watcher that writes down what it is shown, right or wrong."""

    def __init__(
        self, number: int, written: Writer, ports: Sequence[int], buses: Sequence[str], seed: str
    ) -> None:
        super().__init__(ports, buses, random.Random(seed))
        self._number = number
        self._written = written

    def _arrive(self, frame: Frame, *, is_whole: bool) -> None:
        bus, epoch, rev = frame["bus"], frame["epoch"], frame["rev"]
        self.at[bus] = epoch, rev
        seats = tuple((label, letters) for label, letters in frame["seats"])
        prev = None if is_whole else frame["prev"]
        self._written.write(Glimpse(self._number, bus, epoch, rev, now(), seats, prev))


async def put_on_sale(url: str, count: int) -> list[Bus]:
    """Make buses for a run, or for many."""
    world = await Sellers.open(url, StoreOptions(pool_size=2))
    try:
        buses = []
        for _ in range(count):
            number = await world.bus(segments=SEGMENTS, seats=SEATS, departs_in=timedelta(days=3))
            stops = [str(stop) for stop in await world.stops(number)]
            buses.append(Bus(str(number), stops, list(await world.states(number))))
        return buses
    finally:
        await world.close()


async def run(
    rig: Rig, buses: Sequence[Bus], folder: Path, todo: Plan, progress: Callable[[int], None]
) -> Ran:
    """Do what was planned and leave the history in `folder`; `progress` is told how far it is, now and then."""
    world = World(
        seed=todo.seed,
        hold_us=HOLD_SECONDS * 1_000_000,
        pending_us=PENDING_SECONDS * 1_000_000,
        early_us=_EARLY_US,
        buses={bus.id: (tuple(sorted(bus.labels)), len(bus.stops) - 1) for bus in buses},
        clients=todo.clients,
        versions=rig.versions,
    )
    (folder / WORLD).write_bytes(msgspec.json.encode(world))
    began = asyncio.get_running_loop().time()
    rig.proxy.commits.clear()
    with (
        Writer(folder / OPERATIONS) as operations,
        Writer(folder / WATCHERS) as watched,
        Writer(folder / NEMESIS) as strikes,
    ):
        journal = Journal(operations, watched, todo.operations)
        planned = plan(todo.seed, todo.operations, len(rig.apis))
        nemesis = Nemesis(rig, [] if todo.is_calm else planned, todo.seed, strikes)
        watchers = _watchers(rig, buses, watched, todo.seed)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(watcher.watch()) for watcher in watchers]
            tasks.append(group.create_task(_tell(journal, progress)))
            await _sell(rig, buses, journal, nemesis, todo)
            heads = await settle(rig.postgres.url, [bus.id for bus in buses])
            await _catch_up(watchers, heads)
            for task in tasks:
                task.cancel()
    await dump(rig.postgres.url, [bus.id for bus in buses], folder / DATABASE)
    seconds = asyncio.get_running_loop().time() - began
    return Ran(
        journal.begun,
        journal.attempts,
        journal.outcomes,
        nemesis.struck,
        Counter(rig.proxy.commits),
        seconds,
    )


async def _sell(
    rig: Rig, buses: Sequence[Bus], journal: Journal, nemesis: Nemesis, todo: Plan
) -> None:
    """Have all buyers shop under the nemesis, until enough has been begun and all of that has ended."""
    board = Board()
    is_over = False
    async with asyncio.TaskGroup() as haunted:
        haunted.create_task(nemesis.haunt(lambda: journal.begun, lambda: is_over))
        async with asyncio.TaskGroup() as group:
            for number in range(1, todo.clients + 1):
                buyer = Buyer(
                    number, buses, rig.ports, journal, board, f"{todo.seed} buyer {number}"
                )
                group.create_task(buyer.shop())
        is_over = True
    await wait_until(rig.is_well, seconds=60)


def _watchers(rig: Rig, buses: Sequence[Bus], written: Writer, seed: int) -> list[Scribe]:
    chance = random.Random(f"{seed} watchers")
    ids = [bus.id for bus in buses]
    return [
        Scribe(
            number,
            written,
            rig.ports,
            chance.sample(ids, min(_BUSES_EACH, len(ids))),
            f"{seed} watcher {number}",
        )
        for number in range(1, _WATCHERS + 1)
    ]


async def _catch_up(watchers: Sequence[Watcher], heads: Heads) -> None:
    """Give watchers the time they have to be at the head; who is not by then is the checker's to find."""
    with suppress(AssertionError):
        await wait_until(
            lambda: all(watcher.is_at(heads) for watcher in watchers), seconds=_HEALED_SECONDS
        )


async def _tell(journal: Journal, progress: Callable[[int], None]) -> None:
    while True:
        progress(journal.begun)
        await asyncio.sleep(0.2)
