"""Omnibus open for business: a fleet, its servers, and the rounds that sell from it."""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets, book_held
from tests.bench.machine import Cpu
from tests.bench.report import Round
from tests.bench.rig import SERVER, Rig, Served


@dataclass(slots=True)
class Shop:
    """Counts what was acknowledged, so that `check` can compare it with what is stored."""

    rig: Rig
    fleet: Fleet
    served: Served
    requests: load.Requests
    follow: load.Follow | None
    clients: int
    sold: int = 0
    spent: list[tuple[Cpu, int]] = field(default_factory=list)
    """CPU of each round, and what was sent and sold in it."""

    async def run(self, seconds: float, clients: int | None = None) -> load.Outcome:
        """Sell as fast as the clients get their answers; raise unless everything was sold."""
        outcome = await load.closed_loop(
            self.served.addresses,
            self.requests,
            clients=clients or self.clients,
            seconds=seconds,
            follow=self.follow,
        )
        outcome.require(201)
        self.sold += outcome.sales
        return outcome

    async def sell(self, seconds: float, clients: int | None = None) -> Round:
        """Return a round's figures: sales a second and what each cost."""
        before = self.rig.read_cpu(self.served)
        outcome = await self.run(seconds, clients)
        cpu = self.rig.read_cpu(self.served) - before
        self.spent.append((cpu, outcome.sales))
        return {
            "per second": outcome.rate,
            **cpu.each(outcome.sales),
            "p50 ms": outcome.percentile(0.5) * 1e3,
        }

    async def check(self) -> str:
        """Raise unless what was acknowledged is what is stored; say so."""
        stored = await self.fleet.count_booked()
        if stored != self.sold:
            raise RuntimeError(f"{self.sold} bookings were acknowledged, {stored} are stored")
        return f"every acknowledged booking is in the database: {self.sold:,} in all"

    def breakdown(self) -> str:
        """Say where the CPU of a sale goes: medians of the rounds, in microseconds."""
        each = {
            part: statistics.median(cpu.of(part) / sales * 1e6 for cpu, sales in self.spent)
            for part in self.spent[0][0].parts
        }
        told = ", ".join(f"{part} {used:.0f}" for part, used in each.items() if used >= 0.5)
        return f"µs a sale: {told}; every other part less than 1"


@asynccontextmanager
async def open_shop(
    fleets: Fleets,
    effort: Effort,
    *,
    processes: int | None = None,
    segments: int = 1,
    is_holding: bool = False,
    is_cash: bool = False,
    kept: int = 0,
    program: Sequence[str] = SERVER,
    settings: Mapping[str, str] = MappingProxyType({}),
    prepare: Callable[[Fleet], Awaitable[int]] | None = None,
) -> AsyncIterator[Shop]:
    """Serve a fresh fleet and warm it up.

    With `is_holding` every sale is a hold, then a booking; with `is_cash` it is an agent's, paid at once. From the
    last `kept` buses nobody buys. `prepare` has the database before the server sees it, and says how many bookings it
    put there.
    """
    rig = fleets.rig
    async with fleets.lend(segments=segments) as fleet:
        sold = await prepare(fleet) if prepare else 0
        sold_from = replace(fleet, buses=fleet.buses - kept)
        make, follow = (sold_from.holds, book_held) if is_holding else (sold_from.bookings, None)
        make = sold_from.cash_sales if is_cash else make
        requests = await make(seed=1)
        count = processes or effort.processes
        async with rig.omnibus(
            fleet.url, processes=count, program=program, settings=settings
        ) as served:
            shop = Shop(rig, fleet, served, requests, follow, effort.clients, sold)
            # Each process reads the facts of every bus once: two have twice as much to warm up.
            await shop.run(effort.warm_up_seconds * count)
            yield shop
