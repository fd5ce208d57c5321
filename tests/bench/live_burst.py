"""(l) Seat changes delivered by a second of CPU while a bus sells out before a thousand eyes: in ticks, and one by one.

Server and hub run here as in (b); a round is a burst of changes at a fixed pace, and counts until every watcher has the
last one.
"""

import asyncio
import gc
import time
from contextlib import AsyncExitStack

from realtime.live import Live
from realtime.settings import FeedSettings, HubSettings
from tests.bench.deliveries import BUS, LABELS, watched
from tests.bench.effort import Effort
from tests.bench.machine import allow_files
from tests.bench.report import Bound, Ratio, Section, Subject
from tests.bench.watchers import Crowd
from tests.realtime.history import Ledger

_PER_SECOND = 200
_CHANGES = 300
_PATIENCE_SECONDS = 30.0
# Without slices, too: what comes up while a crowd is being told would gather.
_ONE_BY_ONE = HubSettings(
    feed=FeedSettings(calm_watchers=10**9, calm_per_second=10**9), slice_watchers=10**9
)


async def changes_in_a_burst(effort: Effort) -> Section:
    """Measure both in turn; what is not merged may take longer than the burst."""
    sockets = effort.sockets
    allow_files(6 * sockets)
    ticks = Subject("omnibus: in ticks")
    singly = Subject("each change by itself")
    async with AsyncExitStack() as stack:
        ways = []
        for subject, settings in ((ticks, HubSettings()), (singly, _ONE_BY_ONE)):
            ledger = Ledger()
            ledger.add(BUS, LABELS)
            live, _, crowd = await stack.enter_async_context(
                watched(ledger, sockets, hub=settings, is_timing=True)
            )
            ways.append((subject, live, ledger, crowd))
        gc.collect()
        gc.freeze()
        shares = []
        for _ in range(effort.rounds):
            for subject, live, ledger, crowd in ways:
                figures, share = await _burst(live, ledger, crowd, sockets)
                subject.rounds.append(figures)
                shares.append(share)
        gc.unfreeze()
    return Section(
        "l",
        f"a burst of {_PER_SECOND} changes a second on one bus before {sockets:,} watchers",
        (ticks, singly),
        (Ratio("changes delivered per CPU second", ticks, singly, "≥ 4"),),
        (Bound("last change seen after ms", ticks, "≤ 500"),),
        notes=(
            "a change counts once for every watcher who has it, also as part of a later one",
            f"the crowd's process took up to {max(shares):.0f} % of a core",
        ),
    )


async def _burst(
    live: Live, ledger: Ledger, crowd: Crowd, sockets: int
) -> tuple[dict[str, float], float]:
    await crowd.report()
    deliveries = live.counters.deliveries
    spent, started_at = time.process_time(), time.monotonic()
    for number in range(_CHANGES):
        await asyncio.sleep(max(0.0, started_at + number / _PER_SECOND - time.monotonic()))
        label = "ABCD"[number % 4] + str(1 + number % 10)
        live.announce(ledger.commit(BUS, **{label: "LBA"[number % 3]}))
    committed_at = time.monotonic()
    last, seen = ledger.heads[BUS][1], 0
    share = 0.0
    while seen < sockets:
        if time.monotonic() > committed_at + _PATIENCE_SECONDS:
            raise TimeoutError(f"{sockets - seen} watchers never saw the last change")
        await asyncio.sleep(0.02)
        report = await crowd.report()
        share = max(share, report.share)
        seen += report.last_revs.get(str(last), 0)
    spent, ended_at = time.process_time() - spent, time.monotonic()
    return {
        "changes delivered per CPU second": _CHANGES * sockets / spent,
        "frames a watcher": (live.counters.deliveries - deliveries) / sockets,
        "last change seen after ms": (ended_at - committed_at) * 1e3,
        "CPU s": spent,
    }, share
