"""The asyncio shell around the feeds: loads, alarms, checks and health, through real sockets."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from realtime import frames
from realtime.counters import Counters
from realtime.hub import Hub
from realtime.outlet import PlainOutlet
from realtime.protocol import CloseCode, ErrorCode
from realtime.settings import FeedSettings, HubSettings
from tests.realtime.clients import watch
from tests.realtime.history import Ledger
from tests.realtime.living import living, settings
from tests.realtime.waiting import wait_until


async def test_subscribes_of_one_moment_share_queries(ledger: Ledger) -> None:
    for bus_id in range(100, 110):
        ledger.add(bus_id)
    async with living(ledger) as served, watch(served.port, ledger) as client:
        ledger.reading.clear()
        for bus_id in range(100, 110):
            await client.say("subscribe", id=bus_id, bus=str(bus_id))
            await client.say("subscribe", id=bus_id, bus=str(bus_id))
        await wait_until(lambda: served.live.counters.received == 20)
        ledger.reading.set()
        for bus_id in range(100, 110):
            await client.get("subscribed", bus=str(bus_id), count=2)
        assert sorted(bus_id for read in ledger.reads for bus_id in read) == list(range(100, 110))


async def test_many_watchers_of_a_cold_bus_cost_one_read(ledger: Ledger) -> None:
    async with living(ledger) as served:
        ledger.reading.clear()
        async with asyncio.TaskGroup() as group:
            for _ in range(30):
                group.create_task(_see(served.port, ledger))
            await wait_until(lambda: served.live.counters.received == 30)
            ledger.reading.set()
        assert ledger.reads == [[1]]


async def _see(port: int, ledger: Ledger) -> None:
    async with watch(port, ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")


async def test_a_bus_stays_warm_for_a_client_that_comes_back(ledger: Ledger) -> None:
    async with living(ledger) as served:
        await _see(served.port, ledger)
        served.commit(1, A1="L")
        await _see(served.port, ledger)
        assert ledger.reads == [[1]]


async def test_a_silent_commit_is_found_by_the_position_check(ledger: Ledger) -> None:
    async with living(ledger) as served, watch(served.port, ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        ledger.commit(1, A1="L")
        ledger.commit(1, B1="L")
        await client.reaches_head(1)
        (delta,) = [one for one in client.frames if one["type"] == "delta"]
        assert (delta["prev"], delta["rev"]) == (0, 2)
        assert delta["seats"] == [["1A", "L"], ["1B", "L"]]
        assert delta["at"].endswith("Z")


async def test_another_epoch_brings_an_unasked_snapshot(ledger: Ledger) -> None:
    async with living(ledger) as served, watch(served.port, ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        ledger.rebuild(1, {"1A": "B", "9Z": "A"}, epoch=2, rev=0)
        snapshot = await client.get("snapshot")
        assert list(snapshot) == ["type", "bus", "epoch", "rev", "seats"]
        assert (snapshot["bus"], snapshot["epoch"], snapshot["rev"]) == ("1", 2, 0)
        assert snapshot["seats"] == [["1A", "B"], ["9Z", "A"]]
        served.commit(1, A1="A")
        await client.reaches_head(1)


async def test_a_restored_history_sends_everybody_back_to_start(ledger: Ledger) -> None:
    async with living(ledger) as served:
        served.commit(1, A1="L")
        async with watch(served.port, ledger) as client:
            await client.say("subscribe", id=1, bus="1")
            await client.get("subscribed", rev=1)
            ledger.heads[1] = (1, 0)  # a restore that forgot to say so
            assert await client.closed() == 4203
        async with watch(served.port) as client:
            await client.say("subscribe", id=1, bus="1", epoch=1, rev=1)
            assert (await client.get("subscribed"))["rev"] == 0


async def test_a_bus_that_vanished_is_not_found_again(ledger: Ledger) -> None:
    async with living(ledger) as served:
        async with watch(served.port, ledger) as client:
            await client.say("subscribe", id=1, bus="1")
            await client.get("subscribed")
            head = ledger.heads.pop(1)
            assert await client.closed() == 4203
        async with watch(served.port, ledger) as client:
            await client.say("subscribe", id=1, bus="1")
            assert (await client.get("error"))["code"] == "not_found"
        ledger.heads[1] = head


async def test_a_database_that_hangs_counts_as_down(ledger: Ledger) -> None:
    hasty = settings(hub={"source_timeout_seconds": 0.05})
    async with (
        living(ledger, with_settings=hasty) as served,
        watch(served.port, ledger) as client,
    ):
        ledger.reading.clear()
        await client.say("subscribe", id=1, bus="1")
        await client.get("status", live=False)
        ledger.reading.set()
        await client.get("subscribed")
        await client.get("status", live=True)


async def test_a_process_that_holds_too_many_buses_drops_unwatched_ones(ledger: Ledger) -> None:
    small = settings(hub={"feeds_max": 2})
    async with (
        living(ledger, with_settings=small) as served,
        watch(served.port, ledger) as client,
    ):
        for bus in "12":
            await client.say("subscribe", id=int(bus), bus=bus)
        await client.get("subscribed", id=2)
        await client.say("subscribe", id=3, bus="3")
        assert (await client.get("error", id=3))["code"] == "overloaded"
        await client.say("unsubscribe", id=4, bus="1")
        await client.say("subscribe", id=5, bus="3")
        await client.get("subscribed", id=5)
        assert served.live.gauges()["buses_held"] == 2


async def test_what_is_committed_in_one_turn_leaves_as_one_delta(ledger: Ledger) -> None:
    async with living(ledger) as served, watch(served.port, ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        for states in "LBAX":
            served.commit(1, A1=states)
        last = ledger.commit(1, B1="L")
        served.live.announce(last)
        await client.reaches_head(1)
        (delta,) = [one for one in client.frames if one["type"] == "delta"]
        assert (delta["prev"], delta["rev"]) == (0, 5)
        assert delta["seats"] == [["1A", "X"], ["1B", "L"]]
        assert delta["at"] == frames.timestamp(last.at)
        assert served.live.counters.deltas_merged == 4


async def test_before_many_watchers_a_burst_leaves_in_ticks(ledger: Ledger) -> None:
    busy = settings(feed={"calm_watchers": 0, "tick_seconds": 0.1})
    async with (
        living(ledger, with_settings=busy) as served,
        watch(served.port, ledger) as client,
    ):
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        for number in range(200):
            served.commit(1, A1="LB"[number % 2])
            await asyncio.sleep(0)
        await client.reaches_head(1)
        deltas = [one for one in client.frames if one["type"] == "delta"]
        assert deltas[0]["rev"] == 1, "the first does not wait"
        assert len(deltas) < 20
        assert served.live.counters.deltas_merged == 200 - len(deltas)


async def test_a_large_crowd_is_told_in_slices_and_others_have_their_turn(ledger: Ledger) -> None:
    small = settings(hub={"slice_watchers": 2})
    async with living(ledger, with_settings=small) as served, AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(watch(served.port, ledger)) for _ in range(7)]
        for client in crowd:
            await client.say("subscribe", id=1, bus="1")
            await client.get("subscribed")
        told: set[int] = set()
        served.commit(1, A1="L")
        served.commit(2, A1="L")
        while served.live.counters.deliveries < 7:
            told.add(served.live.counters.deliveries)
            if served.live.counters.deliveries == 2:
                served.commit(1, A1="B")  # while the first is on its way
            await asyncio.sleep(0)
        assert {2, 4, 6} <= told
        for client in crowd:
            await client.reaches_head(1)


async def test_announcing_never_raises(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    async with living(ledger) as served, watch(served.port, ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        event: Any = ledger.commit(1, A1="L")
        broken: Any = type("Broken", (), {"bus_id": 1})()
        served.live.announce(broken)
        nothing: Any = None
        served.live.announce(nothing)
        assert served.live.counters.announce_failures == 2
        assert "announcing None failed" in caplog.text
        served.live.announce(event)
        await client.reaches_head(1)


class Fake:
    """A watcher whose socket takes nothing, with the real outlet of the slow path."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.may_send = asyncio.Event()
        self.outlet = PlainOutlet(self._send, linger_seconds=0.05)
        self.buses: set[int] = set()
        self.ended: list[CloseCode | str] = []

    async def _send(self, message: Any) -> None:
        await self.may_send.wait()
        self.sent.append(message.get("text", message["type"]))

    def refuse(self, request_id: int, code: ErrorCode) -> None:
        raise AssertionError(request_id, code)

    def close(self, code: CloseCode) -> None:
        self.ended.append(code)
        self.outlet.close(code, code.reason)

    def abort(self) -> None:
        self.ended.append("abort")
        self.outlet.abort()


async def test_the_plain_outlet_keeps_order_and_gives_up_when_told(ledger: Ledger) -> None:
    hub = Hub(ledger, HubSettings(feed=FeedSettings()), Counters())
    watcher, stuck = Fake(), Fake()
    hub.subscribe(watcher, 1, 1, None)
    hub.subscribe(stuck, 1, 2, None)
    watcher.may_send.set()
    await wait_until(lambda: len(watcher.sent) == 1)
    assert watcher.outlet.buffered() == 0
    watcher.outlet.close(4200, "over")
    watcher.outlet.write(b"too late")
    stuck.outlet.close(4200, "over")
    await wait_until(lambda: len(watcher.sent) == 2)
    assert watcher.sent[1] == "websocket.close"
    assert stuck.outlet.buffered() > 0
    await wait_until(stuck.outlet.aborted.is_set)
    assert (stuck.outlet.buffered(), stuck.sent) == (0, [])
    await hub.stop()
