"""Two processes' worth of live layer around a real Valkey that lags, freezes, dies and forgets."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from realtime import frames
from realtime.bus import Bus, BusCallbacks
from realtime.counters import Counters
from realtime.settings import BusSettings
from tests.realtime.clients import Watcher, watch
from tests.realtime.history import Ledger
from tests.realtime.living import Served, living, settings
from tests.realtime.valkey import Valkey
from tests.realtime.waiting import wait_until
from tests.support.servers import ThrowawayValkey

CHANNEL = b"omnibus:seats:{0}"  # where all buses live
BY_REDIS_ALONE = settings(hub={"check_seconds": 300.0, "check_degraded_seconds": 300.0})
# Nor because this machine was slow to deliver a change.
NEVER_CHECKED = settings(
    hub={"check_seconds": 300.0, "check_degraded_seconds": 300.0, "lag_seconds": 300.0}
)
# Answers to probes are late by what else this machine does; a Redis that is frozen gives none.
PATIENT = settings(bus={"probe_timeout_seconds": 2.0})


@asynccontextmanager
async def processes(
    ledger: Ledger, redis_url: str, **options: Any
) -> AsyncIterator[tuple[Served, Served, Watcher]]:
    """Home commits; away has a client that watches bus 1."""
    async with AsyncExitStack() as stack:
        home, away = [
            await stack.enter_async_context(living(ledger, redis_url=redis_url, **options))
            for _ in range(2)
        ]
        client = await stack.enter_async_context(watch(away.port, ledger))
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        yield home, away, client


async def test_a_change_reaches_the_other_process(ledger: Ledger, valkey: Valkey) -> None:
    async with processes(ledger, valkey.url, with_settings=BY_REDIS_ALONE) as (home, away, client):
        assert home.live.healthy
        assert away.live.healthy
        async with watch(home.port, ledger) as neighbour:
            await neighbour.say("subscribe", id=1, bus="1")
            await neighbour.get("subscribed")
            for states in "LBAX":
                home.commit(1, A1=states)
                await client.reaches_head(1)
                await neighbour.reaches_head(1)
            deltas = [one for one in client.frames if one["type"] == "delta"]
            assert [one["rev"] for one in deltas] == [1, 2, 3, 4]
            # Encoded once, by the process that committed.
            assert deltas == [one for one in neighbour.frames if one["type"] == "delta"]
        home.commit(2, A1="L")
        await wait_until(lambda: away.live.counters.bus_unwatched == 1)
        # Its own probes, if a slow machine gave it reason to send any, come back as well.
        await wait_until(lambda: home.live.counters.bus_own == 5 + home.live.counters.probes)
        assert away.live.counters.loads == 1
        assert not [one for one in client.frames if one["type"] == "status"]


async def test_lost_doubled_reordered_and_garbled_messages_do_no_harm(
    ledger: Ledger, valkey: Valkey
) -> None:
    async with processes(ledger, valkey.url) as (_, away, client):
        messages = []
        for number in range(8):
            event = ledger.commit(1, A1="LBXA"[number % 4])
            messages.append(b"1|elsewhere|1|" + frames.encode_change(event))
        for garbage in (
            *(b"", b"\xff", b"1|x|1", b"2|x|1|{}", b"1|x|one|{}", b"1|x|1|", b"1|x|1|{}"),
            *(b"1|x|1|null", b"1|x|" + b"9" * 40 + b"|{}", b"1|x|3|" + messages[0][14:]),
            messages[0].replace(b'"rev":1', b'"rev":0'),
            b'1|x|1|{"type":"delta","x":' + b"[" * 5000,
            messages[0].replace(b'"rev":1', b'"rev":"1"'),
        ):
            await valkey.do("PUBLISH", CHANNEL, garbage)
        for number in (1, 0, 0, 2, 6, 5, 1, 7):  # the rest is lost
            await valkey.do("PUBLISH", CHANNEL, messages[number])
        await client.reaches_head(1)
        await wait_until(lambda: away.live.counters.bus_messages >= 20)
        assert away.live.counters.bus_garbage >= 10
        assert away.live.counters.deltas_duplicate
        assert away.live.counters.subscriber_rebuilds == 0


async def test_a_change_that_comes_late_has_positions_checked(
    ledger: Ledger, valkey: Valkey
) -> None:
    async with processes(ledger, valkey.url, with_settings=BY_REDIS_ALONE) as (home, away, client):
        home.commit(1, A1="L")
        await client.reaches_head(1)
        checks = away.live.counters.checks
        delayed = msgspec.structs.replace(
            ledger.commit(1, A1="B"), at=datetime.now(UTC) - timedelta(seconds=5)
        )
        ledger.commit(1, A1="X")  # lost on the way that the other was late on
        home.live.announce(delayed)
        await client.reaches_head(1)
        assert away.live.counters.checks > checks


@pytest.mark.parametrize("is_checked", [True, False], ids=["checked", "twin without the check"])
async def test_what_redis_loses_is_found_by_the_position_check_and_by_nothing_else(
    ledger: Ledger, valkey: Valkey, *, is_checked: bool
) -> None:
    async with processes(
        ledger, valkey.url, with_settings=settings() if is_checked else NEVER_CHECKED
    ) as (home, away, client):
        await client.say("subscribe", id=2, bus="2")
        await client.get("subscribed", bus="2")
        checks = away.live.counters.checks
        ledger.commit(1, A1="B")  # and nobody hears of it
        for number in range(20):
            home.commit(2, A1="LB"[number % 2])
            await client.reaches_head(2)
        if is_checked:
            await client.reaches_head(1)
            assert away.live.counters.checks > checks
        else:
            assert away.live.counters.checks == checks
            assert client.at["1"] == (1, 0)


async def test_a_message_from_nowhere_is_hearsay(ledger: Ledger, valkey: Valkey) -> None:
    async with processes(ledger, valkey.url) as (home, away, client):
        event = ledger.commit(1, A1="L")
        ledger.heads[1] = (1, 0)  # it never happened
        forged = frames.encode_change(event).replace(b'"prev":0,"rev":1', b'"prev":6,"rev":7')
        await valkey.do("PUBLISH", CHANNEL, b"1|elsewhere|1|" + forged)
        await wait_until(lambda: away.live.counters.loads == 2)
        home.commit(1, A1="B")
        await client.reaches_head(1)


async def test_a_killed_subscription_is_rebuilt_and_positions_are_checked(
    ledger: Ledger, valkey: Valkey
) -> None:
    async with processes(ledger, valkey.url, with_settings=BY_REDIS_ALONE) as (home, away, client):
        checks = away.live.counters.checks
        ledger.commit(1, A1="L")  # a message that was lost
        await valkey.do("CLIENT", "KILL", "TYPE", "pubsub")
        await client.reaches_head(1)
        assert away.live.counters.checks > checks
        await wait_until(lambda: home.live.healthy and away.live.healthy)
        home.commit(1, A1="B")
        await client.reaches_head(1)
        assert away.live.counters.subscriber_rebuilds >= 1


async def test_a_frozen_redis_holds_up_nothing(ledger: Ledger, valkey: Valkey) -> None:
    async with processes(ledger, valkey.url) as (home, away, client):
        valkey.freeze()
        async with watch(home.port, ledger) as neighbour:
            await neighbour.say("subscribe", id=1, bus="1")
            await neighbour.get("subscribed")
            for states in "LBAX":
                home.commit(1, A1=states)
            await neighbour.reaches_head(1)  # the same process needs no Redis
            await neighbour.get("status", live=False)
            assert home.live.counters.publish_dropped >= 1
            await client.reaches_head(1)  # the other one has the position check
            valkey.thaw()
            await neighbour.get("status", live=True)
        await wait_until(lambda: away.live.healthy)
        checks = away.live.counters.checks
        home.commit(1, A1="A")
        await client.reaches_head(1)
        assert checks > 0


async def test_a_subscription_that_went_deaf_is_found_out(ledger: Ledger, valkey: Valkey) -> None:
    async with processes(ledger, valkey.url, with_settings=PATIENT) as (home, away, client):
        # A probe of either is heard by both, so the one that is quicker to ask may ask for the two.
        await wait_until(lambda: home.live.counters.probes + away.live.counters.probes >= 2)
        assert away.live.counters.probes_lost == 0
        assert away.live.counters.subscriber_rebuilds == 0
        valkey.freeze()
        await wait_until(lambda: away.live.counters.probes_lost >= 1)
        await wait_until(lambda: not away.live.healthy)
        home.commit(1, A1="L")
        await client.reaches_head(1)
        valkey.thaw()
        await wait_until(lambda: away.live.healthy)
        await wait_until(lambda: home.live.healthy)


async def test_a_redis_that_died_and_came_back_empty_is_taken_up_again(
    ledger: Ledger, valkey: Valkey
) -> None:
    async with processes(ledger, valkey.url) as (home, away, client):
        await valkey.stop()
        await client.get("status", live=False)
        home.commit(1, A1="L")
        await client.reaches_head(1)
        await valkey.start()
        await client.get("status", live=True)
        await wait_until(lambda: home.live.healthy)
        received = away.live.counters.bus_messages
        home.commit(1, A1="B")
        await client.reaches_head(1)
        await wait_until(lambda: away.live.counters.bus_messages > received)


async def test_a_process_starts_without_redis_and_takes_it_up_later(
    ledger: Ledger, valkey: Valkey
) -> None:
    await valkey.stop()
    async with processes(ledger, valkey.url) as (home, away, client):
        assert not away.live.healthy
        await client.get("status", live=False)
        home.commit(1, A1="L")
        await client.reaches_head(1)
        await valkey.start()
        await client.get("status", live=True)


async def test_without_any_redis_positions_are_all_there_is(ledger: Ledger) -> None:
    async with (
        living(ledger, is_only_process=False) as served,
        watch(served.port, ledger) as client,
    ):
        await client.get("status", live=False)
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        served.commit(1, A1="L")
        ledger.commit(1, A1="B")
        await client.reaches_head(1)


async def test_a_full_queue_drops_and_never_waits() -> None:
    counters = Counters()
    calls = BusCallbacks(
        lambda _: True, lambda *_: None, lambda *_: False, lambda: None, lambda _: None
    )
    bus = Bus("redis://127.0.0.1:1", BusSettings(queue_max=10), calls, counters)
    for _ in range(25):
        bus.publish(1, b"{}")
    assert counters.publish_dropped == 15
    bus.start()
    await wait_until(lambda: counters.publish_dropped == 25)
    assert not bus.is_healthy
    await bus.stop()


async def test_a_burst_shares_round_trips(ledger: Ledger, valkey: Valkey) -> None:
    async with processes(ledger, valkey.url, with_settings=BY_REDIS_ALONE) as (home, _, client):
        before: Any = await valkey.do("INFO", "stats")
        for _ in range(2000):
            home.commit(1, A1="L")
        await client.reaches_head(1)
        after: Any = await valkey.do("INFO", "stats")
        read = after["total_reads_processed"] - before["total_reads_processed"]
        assert read < 1000
        assert [one["type"] for one in client.frames].count("snapshot") == 0


async def test_what_is_announced_together_is_one_message(ledger: Ledger, valkey: Valkey) -> None:
    async with processes(ledger, valkey.url, with_settings=BY_REDIS_ALONE) as (home, away, client):
        nothing: Any = None
        first, second = ledger.commit(1, A1="L"), ledger.commit(2, B2="L")
        home.live.announce(first, nothing, second, ledger.commit(1, A1="B"))
        await client.reaches_head(1)
        there, here = away.live.counters, home.live.counters
        assert there.bus_unwatched == 1
        assert here.announce_failures == 1
        # A probe is counted when it sets out, so for a moment it is on its way.
        await wait_until(lambda: here.published == 3 + here.probes)
        await wait_until(lambda: there.bus_messages == 1 + there.probes + here.probes)
        await wait_until(lambda: here.bus_own == here.published)


async def test_redis_may_be_behind_a_unix_socket(ledger: Ledger) -> None:
    with ThrowawayValkey() as server:
        assert server.url.startswith("unix:")
        async with processes(ledger, server.url, with_settings=BY_REDIS_ALONE) as (home, _, client):
            home.commit(1, A1="L")
            await client.reaches_head(1)
