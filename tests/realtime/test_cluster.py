"""Two processes' worth of live layer around three real nodes, one of which dies or loses a slot."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from realtime.bus.servers import find_servers
from realtime.settings import BusSettings
from tests.realtime.clients import Watcher, watch
from tests.realtime.history import Ledger
from tests.realtime.living import Served, living, settings
from tests.realtime.valkey import Valkey, ValkeyCluster
from tests.realtime.waiting import wait_until

SHARDS = 16
BUSES = range(101, 101 + SHARDS)  # one for each channel
BY_REDIS_ALONE = settings(hub={"check_seconds": 300.0, "check_degraded_seconds": 300.0})


def channel_of(bus_id: int) -> bytes:
    return b"omnibus:seats:{%d}" % (bus_id % SHARDS)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ValkeyCluster]:
    cluster = ValkeyCluster(tmp_path)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.stop()


@asynccontextmanager
async def processes(
    ledger: Ledger, cluster: ValkeyCluster, **options: Any
) -> AsyncIterator[tuple[Served, Served, Watcher]]:
    """Home commits; away has a client that watches a bus of every channel."""
    for bus_id in BUSES:
        ledger.add(bus_id)
    async with AsyncExitStack() as stack:
        home, away = [
            await stack.enter_async_context(living(ledger, redis_url=cluster.url, **options))
            for _ in range(2)
        ]
        client = await stack.enter_async_context(watch(away.port, ledger))
        for bus_id in BUSES:
            await client.say("subscribe", id=bus_id, bus=str(bus_id))
        await client.get("subscribed", id=BUSES[-1])
        await wait_until(lambda: home.live.healthy and away.live.healthy)
        yield home, away, client


async def test_changes_of_all_buses_come_through_all_nodes(
    ledger: Ledger, cluster: ValkeyCluster
) -> None:
    owners = {(await cluster.owner(channel_of(bus_id))).port for bus_id in BUSES}
    assert len(owners) == 3
    async with processes(ledger, cluster, with_settings=BY_REDIS_ALONE) as (home, away, client):
        for bus_id in BUSES:
            home.commit(bus_id, A1="L")
        for bus_id in BUSES:
            await client.reaches_head(bus_id)
        assert away.live.counters.deltas_applied == len(BUSES)
        await wait_until(lambda: home.live.counters.bus_own >= len(BUSES))
        assert home.live.counters.publish_dropped == 0


async def test_a_node_that_dies_holds_up_its_own_channels_only(
    ledger: Ledger, cluster: ValkeyCluster
) -> None:
    async with processes(ledger, cluster) as (home, away, client):
        dead = await cluster.owner(channel_of(BUSES[0]))
        others = [bus for bus in BUSES if await cluster.owner(channel_of(bus)) is not dead]
        await dead.stop()
        await client.get("status", live=False)
        heard = away.live.counters.bus_messages
        for bus_id in others:
            home.commit(bus_id, A1="L")
            await client.reaches_head(bus_id)
        await wait_until(lambda: away.live.counters.bus_messages >= heard + len(others))
        home.commit(BUSES[0], A1="L")
        await client.reaches_head(BUSES[0])  # by the position check
        await dead.start()
        await wait_until(lambda: home.live.healthy and away.live.healthy, seconds=20)
        heard = away.live.counters.bus_messages
        home.commit(BUSES[0], A1="B")
        await client.reaches_head(BUSES[0])
        await wait_until(lambda: away.live.counters.bus_messages > heard)


async def test_a_slot_that_moves_takes_its_channel_along(
    ledger: Ledger, cluster: ValkeyCluster
) -> None:
    async with processes(ledger, cluster, with_settings=BY_REDIS_ALONE) as (home, away, client):
        bus_id = BUSES[0]
        before = await cluster.owner(channel_of(bus_id))
        after = next(node for node in cluster.nodes if node is not before)
        await cluster.move(channel_of(bus_id), after)
        home.commit(bus_id, A1="L")  # to the node that has it no more, or nowhere yet
        await client.reaches_head(bus_id)
        for node in (home, away):
            await wait_until(lambda node=node: _listens(node, after, bus_id))  # type: ignore[misc]  # bound now
            await wait_until(lambda node=node: node.live.healthy)  # type: ignore[misc]  # bound now
        heard, loads = away.live.counters.bus_messages, away.live.counters.loads
        home.commit(bus_id, A1="B")
        await client.reaches_head(bus_id)
        assert away.live.counters.bus_messages > heard
        assert away.live.counters.loads == loads
        assert home.live.counters.publish_dropped == 0


def _listens(served: Served, node: Valkey, bus_id: int) -> bool:
    bus = served.live._bus
    assert bus is not None
    link = bus._routes.get(channel_of(bus_id))
    return link is not None and str(node.port) in link.url


async def test_any_node_that_answers_tells_of_all(cluster: ValkeyCluster) -> None:
    url = cluster.url.replace("://", "://127.0.0.1:1,")
    servers = find_servers(url, BusSettings())
    assert servers.are_sharded
    owners = await servers.owners([channel_of(bus_id) for bus_id in BUSES])
    assert sorted(channel for those in owners.values() for channel in those) == sorted(
        channel_of(bus_id) for bus_id in BUSES
    )
    assert set(owners) == {f"redis://127.0.0.1:{node.port}/0" for node in cluster.nodes}
