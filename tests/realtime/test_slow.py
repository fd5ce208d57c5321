"""Clients that do not read: they cost little, catch up in one step, or have to go."""

import asyncio
import json
from typing import Any

import pytest

from realtime.settings import LiveSettings
from tests.realtime.clients import raw, watch
from tests.realtime.history import Ledger
from tests.realtime.living import Served, living, settings
from tests.realtime.serving import RAW, STOCK
from tests.realtime.waiting import wait_until

SEATS = " ".join(f"{row}{letter}" for row in range(1, 251) for letter in "ABCD")
SUBSCRIBE = b'{"type":"subscribe","id":1,"bus":"9"}'


def impatient(**hub: Any) -> LiveSettings:
    """Nothing is merged, so that what is sent fills a socket soon."""
    return settings(feed={"calm_per_second": 10**9}, hub={"check_seconds": 60.0, **hub})


async def stall(served: Served, *, until: str) -> None:
    """Commit to a big bus until the counter of that name moves."""
    counters = served.live.counters
    before = getattr(counters, until)
    changes = {f"{letter}{row}": "LBXA" for row in range(1, 251) for letter in "ABCD"}
    for _ in range(2000):
        if getattr(counters, until) != before:
            return
        served.commit(9, **changes)
        await asyncio.sleep(0)
    raise AssertionError(f"{until} never moved")


@pytest.mark.parametrize("protocol", [RAW, STOCK], ids=["raw", "send"])
async def test_a_slow_client_gets_the_present_instead_of_the_past(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    ledger.add(9, SEATS)
    patient = impatient(hard_cap_bytes=2**30, slow_seconds=60.0)
    async with (
        living(ledger, protocol=protocol, with_settings=patient) as served,
        watch(served.port, ledger) as quick,
        watch(served.port, ledger, max_queue=1) as slow,
    ):
        for client in (quick, slow):
            await client.say("subscribe", id=1, bus="9")
            await client.get("subscribed")
        slow.is_reading.clear()
        await stall(served, until="fell_behind")
        held = served.live.gauges()["sockets_full"]
        assert held >= 1
        for _ in range(20):
            served.commit(9, A1="A")
            served.commit(9, A1="L")
        await quick.reaches_head(9)
        slow.is_reading.set()
        await slow.reaches_head(9)
        assert [one for one in slow.frames if one["type"] == "snapshot"]
        revs = [one["rev"] for one in slow.frames if "rev" in one]
        assert len(revs) < ledger.heads[9][1] - 30  # most of it was never sent
        served.commit(9, A1="B")
        await slow.reaches_head(9)
        assert slow.frames[-1]["type"] == "delta"
        await wait_until(lambda: served.live.gauges()["sockets_full"] == 0)


async def test_a_client_that_never_reads_is_let_go(ledger: Ledger) -> None:
    ledger.add(9, SEATS)
    strict = impatient(slow_seconds=0.2)
    async with (
        living(ledger, with_settings=strict) as served,
        watch(served.port, ledger) as quick,
        raw(served.port, receive_bytes=4096) as stuck,
    ):
        await quick.say("subscribe", id=1, bus="9")
        stuck.send(SUBSCRIBE)
        await wait_until(lambda: served.live.gauges()["buses_watched"] == 1)
        await quick.get("subscribed")
        await stall(served, until="fell_behind")
        await wait_until(lambda: served.live.counters.closed[4202] == 1)
        await quick.reaches_head(9)
        # It does not even take the close frame, and is cut off all the same.
        await wait_until(lambda: served.live.gauges()["connections"] == 1)
        await stuck.rest()


async def test_a_client_that_asks_and_never_reads_is_aborted(ledger: Ledger) -> None:
    ledger.add(9, SEATS)
    free = settings(
        hub={"check_seconds": 60.0, "hard_cap_bytes": 200_000},
        connection={"messages_per_second": 1e6, "messages_burst": 10**6},
    )
    async with (
        living(ledger, with_settings=free) as served,
        raw(served.port, receive_bytes=4096) as stuck,
    ):
        counters = served.live.counters
        while not counters.aborted:
            asked = counters.received
            stuck.send(SUBSCRIBE)
            await wait_until(
                lambda asked=asked: counters.received > asked or counters.aborted  # type: ignore[misc]
            )
        await wait_until(lambda: served.live.gauges()["connections"] == 0)
        assert not counters.closed


async def test_a_stalled_client_does_not_hold_up_the_exit(ledger: Ledger) -> None:
    ledger.add(9, SEATS)
    async with (
        living(ledger, with_settings=impatient(slow_seconds=60.0)) as served,
        raw(served.port, receive_bytes=4096) as stuck,
    ):
        stuck.send(SUBSCRIBE)
        await wait_until(lambda: served.live.gauges()["buses_watched"] == 1)
        await stall(served, until="fell_behind")
        await served.live.drain()
        await wait_until(lambda: served.live.gauges()["connections"] == 0)


async def test_the_first_frame_after_an_answer_continues_it(ledger: Ledger) -> None:
    """Commits race with the first load: none is lost between the snapshot and the deltas."""
    async with living(ledger) as served, raw(served.port) as client:
        ledger.reading.clear()
        client.send(b'{"type":"subscribe","id":1,"bus":"1"}')
        await wait_until(lambda: ledger.reads)
        served.commit(1, A1="L")
        served.commit(1, A1="B")
        ledger.reading.set()
        got: list[dict[str, Any]] = []
        while not got or got[-1].get("rev") != 2:
            got.append(json.loads((await client.receive())[1]))
        assert [one["type"] for one in got] == ["hello", "subscribed"]
        assert dict(got[-1]["seats"])["1A"] == "B"
