"""Callers' allowances, kept by several processes and one Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime.bus import Tally
from realtime.pace import Allowance, Pace
from realtime.settings import TallySettings
from tests.realtime.valkey import Valkey, ValkeyCluster
from tests.realtime.waiting import wait_until

PATIENT = TallySettings(answer_seconds=30.0, silence_seconds=30.0, retry_seconds=0.02)
SLOW = Pace("slow", burst=12, window_seconds=36_000)
QUICK = Pace("quick", burst=12, window_seconds=0.3)


@pytest.fixture(scope="module")
async def counting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("counting"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
async def tallies(counting: Valkey) -> AsyncIterator[list[Tally]]:
    async with processes(counting.url, 4) as opened:
        yield opened


@asynccontextmanager
async def processes(
    url: str, count: int, with_settings: TallySettings = PATIENT
) -> AsyncIterator[list[Tally]]:
    """Connect as so many processes would."""
    async with AsyncExitStack() as stack:
        tallies = [Tally(url, with_settings) for _ in range(count)]
        for tally in tallies:
            tally.start()
            stack.push_async_callback(tally.stop)
        await wait_until(lambda: all(tally.is_well for tally in tallies))
        yield tallies


def keep(pace: Pace, tallies: list[Tally]) -> list[Allowance]:
    return [Allowance(pace, tally, processes=len(tallies)) for tally in tallies]


async def use(allowance: Allowance, key: bytes) -> bool:
    standing = allowance.take(key)
    return (standing or await allowance.ask(key)).is_admitted


async def clock_of(server: Valkey) -> float:
    seconds, micros = cast("list[bytes]", await server.do("TIME"))
    return int(seconds) + int(micros) / 1e6


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([1, 1, 2, 9]), st.sampled_from([0, 0, 1, 4, 30])),
    min_size=5,
    max_size=40,
)
_rounds = iter(range(1_000_000))


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, count=st.integers(1, 4), burst=st.integers(1, 40))
async def test_no_order_of_arrival_gets_more_than_the_burst_and_what_has_come_back(
    counting: Valkey, tallies: list[Tally], steps: list[Any], count: int, burst: int
) -> None:
    pace = Pace("any", burst, window_seconds=burst * 0.01)
    allowances = keep(pace, tallies[:count])
    key = b"caller-%d" % next(_rounds)
    began_at = await clock_of(counting)
    under_way: list[asyncio.Task[bool]] = []
    for process, times, pause_ms in steps:
        # Several of a process arrive in one turn; those of others while their answers are under way.
        under_way += [
            asyncio.ensure_future(use(allowances[process % count], key)) for _ in range(times)
        ]
        await asyncio.sleep(pause_ms / 1000)
    admitted = sum(await asyncio.gather(*under_way))
    seconds = await clock_of(counting) - began_at
    assert admitted <= burst + seconds / pace.interval_seconds


@pytest.mark.parametrize("count", [1, 2, 3, 4])
async def test_processes_share_one_burst_and_give_most_of_it_out(
    tallies: list[Tally], count: int
) -> None:
    allowances = keep(Pace("burst", 100, 360_000), tallies[:count])
    admitted = [await use(allowance, b"b%d" % count) for allowance in allowances for _ in range(60)]
    assert sum(admitted) <= 100
    assert sum(admitted) >= min(75, 60 * count)
    if count == 1:
        assert [await use(allowances[0], b"c") for _ in range(101)] == [True] * 100 + [False]


async def test_most_requests_do_not_wait_for_redis(tallies: list[Tally]) -> None:
    allowance = keep(Pace("often", 400, 3600), tallies[:2])[0]
    for number in range(20):
        standing = allowance.take(b"caller-%d" % number)
        assert standing is not None
        assert standing.is_admitted


async def test_who_is_known_to_have_used_it_up_is_refused_without_asking(
    tallies: list[Tally],
) -> None:
    first, second = keep(SLOW, tallies[:2])
    while await use(first, b"greedy") or await use(second, b"greedy"):
        pass
    standing = second.take(b"greedy")
    assert standing is not None
    assert not standing.is_admitted
    assert 0 < standing.retry_seconds < standing.reset_seconds <= SLOW.window_seconds


async def test_callers_and_paces_do_not_touch_one_another(tallies: list[Tally]) -> None:
    slow, quick = Allowance(SLOW, tallies[0]), Allowance(QUICK, tallies[0])
    while await use(slow, b"one"):
        pass
    assert await use(slow, b"another")
    assert await use(quick, b"one")


async def test_what_was_used_comes_back_one_by_one(tallies: list[Tally]) -> None:
    allowance = Allowance(QUICK, tallies[0])
    while await use(allowance, b"waiting"):
        pass

    async def is_let_in() -> bool:
        return await use(allowance, b"waiting")

    await wait_until_async(is_let_in)
    assert not all([await use(allowance, b"waiting") for _ in range(QUICK.burst)])


async def wait_until_async(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_what_is_given_back_was_not_used(tallies: list[Tally]) -> None:
    first, second = keep(SLOW, tallies[:2])
    for _ in range(5 * SLOW.burst):
        assert await use(first, b"honest")
        first.give_back(b"honest")
        await first.ask(b"somebody")  # what was put before is counted by now
    assert await use(second, b"honest")


async def test_what_stands_in_redis_runs_out_by_itself(
    counting: Valkey, tallies: list[Tally]
) -> None:
    # A debt that is paid within milliseconds may be gone before anybody has looked.
    assert await Allowance(SLOW, tallies[0]).ask(b"passing")
    ttl = cast("int", await counting.do("PTTL", "omnibus:pace:{0}:slow:passing"))
    assert 0 < ttl <= SLOW.window_seconds * 1000


async def test_a_clock_that_was_set_back_keeps_nobody_longer_than_a_whole_burst(
    counting: Valkey, tallies: list[Tally]
) -> None:
    in_a_year = int((time.time() + 365 * 24 * 3600) * 1e6)
    await counting.do("SET", "omnibus:pace:{0}:quick:adrift", str(in_a_year))
    allowance = Allowance(QUICK, tallies[0])

    async def is_let_in() -> bool:
        return await use(allowance, b"adrift")

    await wait_until_async(is_let_in)


async def test_without_redis_each_process_keeps_its_share(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        opened = await stack.enter_async_context(processes(server.url, 3))
        allowances = keep(SLOW, opened)
        await server.stop()
        for allowance in allowances:
            await use(allowance, b"somebody")
        await wait_until(lambda: not any(tally.is_well for tally in opened))
        admitted = [await use(each, b"caller") for each in allowances for _ in range(SLOW.burst)]
        assert sum(admitted) == SLOW.burst
        tiny = [Allowance(Pace("tiny", 2, 3600), each, processes=3) for each in opened]
        assert [await use(each, b"caller") for each in tiny] == [True] * 3
        assert not any([await use(each, b"caller") for each in tiny])
        await server.start()
        await wait_until(lambda: all(tally.is_well for tally in opened))
        assert await use(allowances[0], b"new")


async def test_a_redis_that_does_not_answer_holds_nobody_up_for_long(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    await server.start()
    try:
        hasty = TallySettings(
            answer_seconds=0.05,
            silence_seconds=0.2,
            retry_seconds=0.02,
            connect_timeout_seconds=0.05,
        )
        async with processes(server.url, 1, hasty) as (tally,):
            allowance = Allowance(SLOW, tally)
            server.freeze()
            asked = [asyncio.ensure_future(allowance.ask(b"a%d" % each)) for each in range(50)]
            # Not a measure: far more than 50 ms, and far less than a frozen server takes.
            async with asyncio.timeout(5):
                assert all(standing.is_admitted for standing in await asyncio.gather(*asked))
            await wait_until(lambda: not tally.is_well)
            assert allowance.take(b"b") is not None
            server.thaw()
            await wait_until(lambda: tally.is_well)
    finally:
        await server.stop()


async def test_a_redis_that_is_full_is_no_error(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    await server.start()
    try:
        async with processes(server.url, 1) as (tally,):
            await server.do("CONFIG", "SET", "maxmemory", "1")
            allowance = Allowance(SLOW, tally)
            assert sum([await use(allowance, b"caller") for _ in range(20)]) == SLOW.burst
    finally:
        await server.stop()


async def test_a_process_knows_so_many_callers_and_forgets_no_debt(tallies: list[Tally]) -> None:
    first = Allowance(SLOW, tallies[0], known_max=10)
    for number in range(50):
        assert await use(first, b"many-%d" % number)
    assert len(first._known) <= 10
    second = Allowance(SLOW, tallies[1])
    for number in range(50):
        admitted = [await use(second, b"many-%d" % number) for _ in range(SLOW.burst)]
        assert sum(admitted) == SLOW.burst - 1
    alone = Allowance(SLOW, known_max=10)
    assert all([await use(alone, b"many-%d" % number) for number in range(50)])
    assert len(alone._known) <= 10


async def is_up(node: Valkey) -> bool:
    return b"cluster_state:ok" in cast("bytes", await node.do("CLUSTER", "INFO"))


async def test_in_a_cluster_every_node_counts_its_part(tmp_path: Path) -> None:
    cluster = ValkeyCluster(tmp_path)
    try:
        await cluster.start()
        for node in cluster.nodes:
            await wait_until_async(partial(is_up, node))
        async with processes(cluster.url, 2) as opened:
            first, second = keep(SLOW, opened)
            for number in range(30):
                key = b"caller-%d" % number
                used = await asyncio.gather(
                    *(use(each, key) for each in (first, second) for _ in range(SLOW.burst))
                )
                assert SLOW.burst * 3 // 4 <= sum(used) <= SLOW.burst
            counted = [cast("int", await node.do("DBSIZE")) for node in cluster.nodes]
            assert sum(counted) == 30
            assert all(counted)
            await cluster.nodes[0].stop()
            admitted = [await use(first, b"later-%d" % number) for number in range(30)]
            assert all(admitted)
    finally:
        await cluster.stop()
