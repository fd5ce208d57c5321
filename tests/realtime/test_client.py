"""The Python client: its rule against random losses, and its ways over real sockets."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as server
from websockets.typing import Subprotocol

from realtime.client import Known, News, Stopped, follow, pause_before, receive
from realtime.protocol import SUBPROTOCOL, Delta, Heartbeat, ServerFrame, Snapshot, Subscribed
from tests.realtime.history import Ledger
from tests.realtime.living import Served, living, settings
from tests.realtime.waiting import wait_until

QUICKLY = settings(reconnect_in_ms=(0, 10))


def history(chance: random.Random, length: int) -> list[dict[str, str]]:
    states = [dict.fromkeys(("1A", "1B", "2A"), "AA")]
    for _ in range(length):
        seat, letters = chance.choice(list(states[0])), chance.choice(("AL", "BB", "LX", "AA"))
        states.append({**states[-1], seat: letters})
    return states


def delta(states: list[dict[str, str]], prev: int, rev: int) -> Delta:
    touched = {
        seat for seat in states[0] for at in range(prev, rev) if states[at] != states[at + 1]
    }
    seats = tuple((seat, states[rev][seat]) for seat in sorted(touched))
    return Delta("1", 1, prev, rev, seats, "")


def test_whatever_is_lost_or_repeated_what_is_known_was_committed() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        states = history(chance, 20)
        known: Known | None = None
        for _ in range(60):
            rev = chance.randint(1, 20)
            frame: ServerFrame = delta(states, chance.randint(0, rev - 1), rev)
            if chance.random() < 0.2:
                frame = Snapshot("1", 1, rev, tuple(states[rev].items()))
            before = known
            known, is_missing = receive(known, frame)
            assert known is None or known.seats == states[known.rev], seed
            if is_missing:
                assert known is before, seed
            elif before is not None and isinstance(frame, Delta):
                assert known is not None, seed
                assert known.rev >= before.rev, seed


def test_another_epoch_or_a_heartbeat_ahead_means_to_ask_again() -> None:
    known = Known(1, 4, {"1A": "A"})
    assert receive(known, Delta("1", 2, 4, 5, (), "")) == (known, True)
    assert receive(known, Delta("1", 1, 5, 6, (), "")) == (known, True)
    assert receive(known, Heartbeat({"1": 5}, "")) == (known, True)
    assert receive(known, Heartbeat({"1": 4}, "")) == (known, False)
    assert receive(known, Subscribed(1, "1", "same", 1, 4)) == (known, False)


def test_pauses_have_full_jitter_up_to_twenty_seconds() -> None:
    assert [pause_before(attempt, 1.0) for attempt in range(7)] == [0.5, 1, 2, 4, 8, 16, 20]
    assert pause_before(50, 1.0) == 20
    assert pause_before(3, 0.0) == 0


class Reader:
    """Follows a bus in the background and keeps all news."""

    def __init__(self) -> None:
        self.news: list[News] = []

    @property
    def known(self) -> Known | None:
        return self.news[-1].known if self.news else None

    async def read(self, url: str, known: Known | None) -> None:
        async with aclosing(follow(url, "1", known=known)) as following:
            async for news in following:
                self.news.append(news)


@asynccontextmanager
async def reading(port: int, known: Known | None = None) -> AsyncIterator[Reader]:
    reader = Reader()
    task = asyncio.create_task(reader.read(address(port), known))
    try:
        yield reader
    finally:
        if task.done():
            task.result()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def address(port: int) -> str:
    return f"ws://127.0.0.1:{port}/ws"


def is_at_head(served: Served, reader: Reader) -> bool:
    known = reader.known
    if known is None or (known.epoch, known.rev) != served.ledger.heads[1]:
        return False
    assert known.seats == served.ledger.state(1)
    return reader.news[-1].freshness == "live"


async def test_it_follows_a_bus(ledger: Ledger) -> None:
    async with living(ledger) as served, reading(served.port) as reader:
        await wait_until(lambda: is_at_head(served, reader))
        served.commit(1, A1="L")
        await wait_until(lambda: is_at_head(served, reader))
        served.commit(1, A1="B", B2="X")
        await wait_until(lambda: is_at_head(served, reader))
        assert [news.known and news.known.rev for news in reader.news] == [0, 1, 2]


async def test_it_hangs_up_when_it_is_closed(ledger: Ledger) -> None:
    async with living(ledger) as served:
        async with reading(served.port) as reader:
            await wait_until(lambda: reader.known)
        await wait_until(lambda: served.live.gauges()["connections"] == 0)


async def test_a_bus_that_is_not_there_ends_it(ledger: Ledger) -> None:
    async with living(ledger) as served:
        with pytest.raises(Stopped) as stopped:
            await anext(follow(address(served.port), "999"))
        assert stopped.value.code == "not_found"


async def test_after_a_goodbye_it_comes_back_in_the_time_named_and_goes_on(ledger: Ledger) -> None:
    async with living(ledger, with_settings=QUICKLY) as served, reading(served.port) as reader:
        await wait_until(lambda: is_at_head(served, reader))
        await served.live.drain()
        await wait_until(lambda: reader.news[-1].freshness == "lost")
        assert reader.known is not None, "what is known stays known"
        served.live.is_draining = False
        served.commit(1, A1="L")
        await wait_until(lambda: is_at_head(served, reader))


async def test_it_goes_on_from_what_it_knows(ledger: Ledger) -> None:
    async with living(ledger) as served:
        served.commit(1, A1="L")
        known = Known(1, 1, ledger.state(1))
        async with reading(served.port, known) as reader:
            await wait_until(lambda: reader.news)
            assert reader.known is known
            served.commit(1, A1="B")
            await wait_until(lambda: is_at_head(served, reader))


async def test_a_server_that_is_away_is_waited_for(ledger: Ledger) -> None:
    async with living(ledger) as served:
        port = served.port
    async with reading(port) as reader:
        await wait_until(lambda: reader.news)
        assert (reader.known, reader.news[0].freshness) == (None, "lost")


async def test_it_says_when_changes_may_be_late(ledger: Ledger) -> None:
    async with (
        living(ledger, is_only_process=False) as served,
        reading(served.port) as reader,
    ):
        await wait_until(lambda: reader.news)
        assert reader.news[-1].freshness == "late"
        served.ledger.commit(1, A1="L")  # elsewhere; the position check brings it
        await wait_until(lambda: reader.known is not None and reader.known.rev == 1)


async def test_heartbeats_are_answered(ledger: Ledger) -> None:
    quick = settings(connection={"heartbeat_seconds": 0.1})
    async with living(ledger, with_settings=quick) as served, reading(served.port) as reader:
        await wait_until(lambda: served.live.counters.acks >= 3)
        assert {news.freshness for news in reader.news} == {"live"}


async def test_a_server_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.client._GRACE_SECONDS", 0.05)

    async def say_little(socket: ServerConnection) -> None:
        await socket.send('{"type":"hello","session":"s","now":"","heartbeat":0.05}')
        await socket.wait_closed()

    async with (
        server(say_little, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as deaf,
        reading(next(iter(deaf.sockets)).getsockname()[1]) as reader,
    ):
        await wait_until(lambda: reader.news)
        assert reader.news[0].freshness == "lost"
