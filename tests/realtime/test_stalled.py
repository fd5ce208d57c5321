"""A hundred of a thousand clients read nothing: what they may cost, and for how long."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from realtime import lane
from realtime.outlet import HIGH_WATER_BYTES
from realtime.settings import AdmissionSettings, LiveSettings
from tests.realtime.clients import RawClient, raw
from tests.realtime.history import Ledger
from tests.realtime.living import Served, living, settings
from tests.realtime.test_slow import SEATS
from tests.realtime.waiting import wait_until

_CLIENTS, _STALLED = 1_000, 100
_BUSY, _QUIET = 9, 1
_COMMITS_MAX = 400
_EVICTED_SECONDS = 20.0
_BYTES_EACH_MAX = 256 * 1024


def test_a_client_that_reads_nothing_is_gone_in_time_and_stays_small() -> None:
    """As it is set; the test below has less patience than the product."""
    hub = LiveSettings().hub
    assert hub.slow_seconds + hub.relief_seconds + lane.LINGER_SECONDS < _EVICTED_SECONDS
    assert HIGH_WATER_BYTES < hub.hard_cap_bytes <= _BYTES_EACH_MAX


async def test_those_who_read_nothing_are_let_go_and_the_others_miss_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "LINGER_SECONDS", 0.3)
    ledger.add(_BUSY, SEATS)
    admission = {"connections_per_client": AdmissionSettings().connections_max}
    impatient = settings(hub={"check_seconds": 60.0, "slow_seconds": 1.0}, admission=admission)
    async with living(ledger, with_settings=impatient) as served, AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                raw(served.port, receive_bytes=4096 if number < _STALLED else None)
            )
            for number in range(_CLIENTS)
        ]
        stalled, reading = clients[:_STALLED], clients[_STALLED:]
        _subscribe(clients, _QUIET)
        _subscribe(stalled, _BUSY)  # whose frames are large
        total = _CLIENTS + _STALLED
        await wait_until(lambda: served.live.gauges()["subscriptions"] == total)
        readers = [asyncio.create_task(_read_to_the_last(client)) for client in reading]
        assert await _sell_until_all_are_full(served) <= _BYTES_EACH_MAX
        served.commit(_QUIET, A1="B")
        served.commit(_QUIET, A2="X")  # the last word
        heard = await asyncio.gather(*readers)
        assert set(heard) == {ledger.heads[_QUIET][1]}
        await wait_until(lambda: served.live.gauges()["connections"] == len(reading))
        assert served.live.counters.closed == {4202: _STALLED}
        assert served.live.gauges()["sockets_full"] == 0


def _subscribe(clients: Sequence[RawClient], bus: int) -> None:
    for client in clients:
        client.send(b'{"type":"subscribe","id":1,"bus":"%d"}' % bus)


async def _sell_until_all_are_full(served: Served) -> int:
    """Return the most that this process ever held for a client."""
    everything = {f"{letter}{row}": "LBXA" for row in range(1, 251) for letter in "ABCD"}
    most = 0
    for _ in range(_COMMITS_MAX):
        served.commit(_BUSY, **everything)
        served.commit(_QUIET, A1="L")
        await asyncio.sleep(0.01)
        connections = served.live._connections
        most = max(most, *(connection.outlet.buffered() for connection in connections))
        if served.live.counters.fell_behind >= _STALLED:
            return most
    raise AssertionError(f"only {served.live.counters.fell_behind} are full")


async def _read_to_the_last(client: RawClient) -> int:
    """Return the revision that says `X`, to which deltas without a gap have led."""
    rev = 0
    while True:
        frame = json.loads((await client.receive())[1])
        if frame["type"] == "subscribed":
            rev = int(frame["rev"])
        elif frame["type"] == "delta":
            assert frame["prev"] <= rev < frame["rev"]
            rev = int(frame["rev"])
            if "X" in dict(frame["seats"]).values():
                return rev
