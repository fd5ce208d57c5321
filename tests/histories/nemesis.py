"""The nemesis: breaks what a run stands on, by a schedule that its seed alone decides.

A fault is due after so many operations, not seconds, so that the same seed strikes at the same point of the work on a
slow machine and on a fast one. What is between two strikes is the machine's own affair: a schedule comes again, an
interleaving does not.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import asyncpg
import msgspec

from tests.histories.exchange import now
from tests.histories.records import Strike, Writer
from tests.histories.rig import Rig
from tests.support.fault_proxy import Fault
from tests.support.waiting import wait_until

# How often, for every 20,000 operations, and for how long at most.
_RATES: dict[str, tuple[int, float]] = {
    "kill an API process": (6, 1.0),
    "freeze an API process": (4, 2.5),
    "terminate backends": (30, 0.0),
    "cut all connections": (4, 0.0),
    "storm of lost commits": (14, 1.5),
    "kill Valkey": (2, 2.0),
    "freeze Valkey": (2, 3.0),
    "kill PostgreSQL": (2, 1.5),
}
_FAULTS_PER = 20_000
FAULTS = tuple(_RATES)
_CALM = {Fault.CUT_BEFORE: 0.01, Fault.CUT_AFTER: 0.01, Fault.LATE: 0.015, Fault.SLOW: 0.002}
_STORM = {Fault.CUT_BEFORE: 0.12, Fault.CUT_AFTER: 0.12, Fault.LATE: 0.2, Fault.SLOW: 0.05}
_LONGEST_SECONDS = 3600.0
_BACKENDS = """
SELECT pg_terminate_backend(pid) FROM (
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'omnibus' AND pid <> pg_backend_pid()
    ORDER BY md5(pid::text || $1) LIMIT $2
) AS victims
"""


def plan(seed: int, operations: int, processes: int) -> list[Strike]:
    """Return all strikes of a run in their order: the same for the same seed, and every fault at least once."""
    chance = random.Random(f"{seed} nemesis")
    strikes = []
    for fault, (rate, seconds) in _RATES.items():
        for _ in range(max(1, rate * operations // _FAULTS_PER)):
            strikes.append(  # noqa: PERF401 - the order of the dice is what a seed stands for
                Strike(
                    fault=fault,
                    after=int(operations * chance.uniform(0.03, 0.9)),
                    seconds=round(chance.uniform(0.2, 1.0) * seconds, 3),
                    target=str(chance.randrange(processes)) if "API" in fault else "",
                )
            )
    return sorted(strikes, key=lambda strike: (strike.after, strike.fault))


@dataclass(slots=True)
class Nemesis:
    rig: Rig
    strikes: Sequence[Strike]
    seed: int
    written: Writer
    struck: Counter[str] = field(default_factory=Counter)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    """One fault at a time for each victim."""

    async def haunt(self, operations: Callable[[], int], is_over: Callable[[], bool]) -> None:
        """Strike as planned until it is over; then heal everything, and return when all is well again."""
        if self.strikes:
            self.rig.proxy.leave_to_chance(self.seed, _CALM)
        async with asyncio.TaskGroup() as group:
            for strike in self.strikes:
                is_due = partial(_is_due, strike, operations, is_over)
                await wait_until(is_due, seconds=_LONGEST_SECONDS)
                if is_over():
                    break
                group.create_task(self._strike(strike))
            await wait_until(is_over, seconds=_LONGEST_SECONDS)
        self.rig.proxy.calm()

    async def _strike(self, strike: Strike) -> None:
        async with self._turns.setdefault(_victim(strike), asyncio.Lock()):
            at = now()
            await self._do(strike)
            self.struck[strike.fault] += 1
            self.written.write(msgspec.structs.replace(strike, at=at, healed=now()))

    async def _do(self, strike: Strike) -> None:
        rig, seconds = self.rig, strike.seconds
        match strike.fault:
            case "kill an API process":
                api = rig.apis[int(strike.target)]
                await api.kill()
                await asyncio.sleep(seconds)
                await api.start()
            case "freeze an API process":
                api = rig.apis[int(strike.target)]
                api.freeze()
                await asyncio.sleep(seconds)
                api.thaw()
            case "terminate backends":
                await self._terminate_backends(f"{self.seed}-{strike.after}")
            case "cut all connections":
                rig.proxy.cut_all()
            case "storm of lost commits":
                rig.proxy.leave_to_chance(self.seed + strike.after, _STORM)
                await asyncio.sleep(seconds)
                rig.proxy.leave_to_chance(self.seed - strike.after, _CALM)
            case "kill Valkey":
                await rig.restart_valkey(seconds)
            case "freeze Valkey":
                rig.valkey.freeze()
                await asyncio.sleep(seconds)
                rig.valkey.thaw()
            case "kill PostgreSQL":
                await rig.restart_postgres(seconds)
            case _:
                raise AssertionError(strike)

    async def _terminate_backends(self, salt: str) -> None:
        # In turn with PostgreSQL's own death, or there would be nobody to ask.
        connection = await asyncpg.connect(self.rig.postgres.superuser_url)
        try:
            await connection.fetch(_BACKENDS, salt, 3)
        finally:
            await connection.close()


def _is_due(strike: Strike, operations: Callable[[], int], is_over: Callable[[], bool]) -> bool:
    return operations() >= strike.after or is_over()


def _victim(strike: Strike) -> str:
    match strike.fault:
        case "kill PostgreSQL" | "terminate backends":
            return "PostgreSQL"
        case "kill Valkey" | "freeze Valkey":
            return "Valkey"
        case "storm of lost commits" | "cut all connections":
            return "proxy"
    return strike.target
