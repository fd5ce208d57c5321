"""(h) Thousands race for the last seat of a bus, and what those notice who book on other buses meanwhile.

The racers are a process of their own with their connections open beforehand. A racer's clock starts when its request is
written to its socket and ends with the last byte of its answer. Two kinds of race: all at one instant, which shows how
long the queue is that they form, and over two seconds, as when a popular bus goes on sale.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import NamedTuple

import uvloop

from store.model import Role
from tests.bench import load
from tests.bench.connection import Connection, body_of, connect
from tests.bench.effort import Effort
from tests.bench.fleet import SEATS, Fleets, book
from tests.bench.machine import allow_files
from tests.bench.report import Bound, Ratio, Section, Subject
from tests.bench.rig import Address
from tests.bench.shop import Shop, open_shop

_BESIDE_RATE = 200.0
_BESIDE_CLIENTS = 1_000  # five seconds of answers that do not come
_CONNECT_SECONDS = 3.0
_QUIET_SECONDS = 2.5
_AFTER_SECONDS = 1.0
_MARGIN_SECONDS = 0.5  # what is due just before the start is still under way when it comes
_OVER_SECONDS = 2.0
_LAST_ANSWER_SECONDS = 30.0
_LABELS = [f"{row}{letter}" for row in range(1, SEATS // 4 + 1) for letter in "ABCD"]


@dataclass(slots=True)
class Race:
    """What became of one race; times by `time.perf_counter`, which is one clock for all processes."""

    started_at: float
    ended_at: float = 0.0
    winners: int = 0
    refusals: list[float] = field(default_factory=list)
    others: int = 0
    """Who was told neither that the seat is theirs nor that it is taken."""

    def covers(self, due_at: float) -> bool:
        return self.started_at <= due_at <= self.ended_at


class _Other(NamedTuple):
    """A booking on another bus."""

    due_at: float
    took: float
    is_sold: bool


async def last_seats(fleets: Fleets, effort: Effort) -> Section:
    """Run races of both kinds in turn, with bookings at a steady rate on other buses around them."""
    count = f"{effort.racers:,} racers"
    kinds = {
        0.0: (Subject(f"{count} at one instant"), Subject("the two seconds before that")),
        _OVER_SECONDS: (Subject(f"{count} over two seconds"), Subject("the two seconds before")),
    }
    allow_files(2 * effort.racers + 1_000)
    races = effort.rounds * effort.races * len(kinds)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        async with open_shop(fleets, effort, kept=races) as shop:
            track = _Track(shop, pool, iter(shop.fleet.bus_ids[-races:]), effort)
            await track.sign_in()
            for _ in range(effort.rounds):
                for over, (racing, quiet) in kinds.items():
                    await track.measure(over, racing, quiet)
    at_once, over_time = (racing for racing, _ in kinds.values())
    return Section(
        "h",
        "the last seat of a bus: winners, refusals, and bookings on other buses",
        [subject for kind in kinds.values() for subject in kind],
        [Ratio("others p95 ms", racing, quiet, "≤ 1.5") for racing, quiet in kinds.values()],
        [
            Bound(figure, racing, wanted)
            for racing in (at_once, over_time)
            for figure, wanted in (
                ("winners", "= 1"),
                ("told otherwise", "≤ 0"),
                ("refusal p99 ms", "≤ 250"),
            )
        ],
        (
            "winners: of the race farthest from one; told otherwise: neither 201 nor 409 seat_unavailable",
            "a racer's clock runs from its own write to its whole answer, connections were open before",
            f"others: {_BESIDE_RATE:.0f} bookings/s on other buses, due between the race's first write and last answer",
        ),
    )


@dataclass(slots=True)
class _Track:
    """Where races are run: one bus each."""

    shop: Shop
    pool: ProcessPoolExecutor
    buses: Iterator[int]
    effort: Effort
    tokens: Sequence[bytes] = ()
    agent: bytes = b""

    async def sign_in(self) -> None:
        self.tokens = await self.shop.fleet.sign_in(self.effort.racers)
        (self.agent,) = await self.shop.fleet.sign_in(1, role=Role.AGENT)

    async def measure(self, over: float, racing: Subject, quiet: Subject) -> None:
        """Run a round's races of one kind, and put what they and the others met into a round of each subject."""
        races: list[Race] = []
        during: list[float] = []
        before: list[float] = []
        refused = 0
        for _ in range(self.effort.races):
            race, others = await self._run(over)
            quiet_until = race.started_at - _MARGIN_SECONDS
            races.append(race)
            during += [each.took for each in others if race.covers(each.due_at)]
            before += [each.took for each in others if each.due_at < quiet_until]
            refused += sum(not each.is_sold for each in others)
        refusals = [latency for race in races for latency in race.refusals]
        if not (refusals and during and before):
            raise RuntimeError("a race, or the quiet before it, was too short to measure anything")
        racing.rounds.append(
            {
                "winners": max((race.winners for race in races), key=lambda count: abs(count - 1)),
                "told otherwise": sum(race.others for race in races),
                "refusal p50 ms": load.percentile(refusals, 0.5) * 1e3,
                "refusal p99 ms": load.percentile(refusals, 0.99) * 1e3,
                "others p95 ms": load.percentile(during, 0.95) * 1e3,
                "others refused": refused,
            }
        )
        quiet.rounds.append({"others p95 ms": load.percentile(before, 0.95) * 1e3})

    async def _run(self, over: float) -> tuple[Race, list[_Other]]:
        bus = next(self.buses)
        await self._sell_all_but_one(bus)
        others: list[_Other] = []
        starts_at = time.perf_counter() + _CONNECT_SECONDS + _QUIET_SECONDS
        requests = [
            book(token, f"race-{bus}-{number}", bus, _LABELS[-1:])
            for number, token in enumerate(self.tokens)
        ]
        addresses = self.shop.served.addresses
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self.pool, run, addresses, requests, starts_at, over)
        await asyncio.sleep(starts_at - _QUIET_SECONDS - time.perf_counter())
        await load.open_loop(
            addresses,
            self.shop.requests,
            rate=_BESIDE_RATE,
            seconds=_QUIET_SECONDS + over + _AFTER_SECONDS,
            clients=_BESIDE_CLIENTS,
            on_answer=lambda *told: others.append(_Other(*told)),
        )
        return await running, others

    async def _sell_all_but_one(self, bus: int) -> None:
        request = book(self.agent, f"all-{bus}", bus, _LABELS[:-1], method="cash")
        sold = await load.closed_loop(
            self.shop.served.addresses, iter([request]), clients=1, seconds=1.0
        )
        sold.require(201)


def run(
    addresses: Sequence[Address], requests: Sequence[bytes], starts_at: float, over: float
) -> Race:
    """Race in this process: connect, wait for the start, send everything `over` seconds, wait for all answers."""
    allow_files(len(requests) + 1_000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_race(addresses, requests, starts_at, over))


async def _race(
    addresses: Sequence[Address], requests: Sequence[bytes], starts_at: float, over: float
) -> Race:
    race = Race(starts_at)
    done = asyncio.Event()
    answers = 0

    def answered(_: Connection, answer: bytes, latency: float) -> None:
        nonlocal answers
        answers += 1
        race.ended_at = time.perf_counter()
        if answer[9:12] == b"201":
            race.winners += 1
        elif answer[9:12] == b"409" and b'"code":"seat_unavailable"' in body_of(answer):
            race.refusals.append(latency)
        else:
            race.others += 1
        if answers == len(requests):
            done.set()

    racers = await connect(addresses, len(requests), answered)
    if (pause := starts_at - time.perf_counter()) < 0:
        raise RuntimeError(f"the racers were {-pause:.1f} s late at the start")
    await asyncio.sleep(pause)
    with load.undisturbed():
        race.started_at = time.perf_counter()
        for number, (racer, request) in enumerate(zip(racers, requests, strict=True)):
            due_at = race.started_at + over * number / len(requests)
            if (pause := due_at - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            racer.send(request)
        async with asyncio.timeout(_LAST_ANSWER_SECONDS):
            await done.wait()
    for racer in racers:
        racer.close()
    return race
