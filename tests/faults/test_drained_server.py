"""The API is asked to leave while clients watch of which some read nothing: these must not keep it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing, suppress

import pytest

from tests.faults.client import Client, Unanswered
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.realtime.clients import RawClient, Watcher, raw, watch
from tests.support.waiting import wait_until

_LIVE = 45
_STALLED = 5
_SUBSCRIBES = 20
"""A burst, whose answers are more than the kernel takes for a client that does not read, and less than gets it cut."""
_ENDED_SECONDS = 15.0


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    opened = await Shop.open(database_url, buses=1, seats=200, segments=90)
    yield opened
    assert await opened.find_violations() == {}


async def test_every_client_hears_goodbye_and_those_that_never_read_keep_nobody(
    shop: Shop, api: Process
) -> None:
    (bus,) = shop.stops
    async with AsyncExitStack() as stack:
        live = [await stack.enter_async_context(watch(api.port, origin=None)) for _ in range(_LIVE)]
        stalled = [
            await stack.enter_async_context(raw(api.port, receive_bytes=4096))
            for _ in range(_STALLED)
        ]
        outside = stack.enter_context(closing(Client(api.port)))
        for client in stalled:
            for number in range(_SUBSCRIBES):
                client.send(b'{"type":"subscribe","id":%d,"bus":"%b"}' % (number, bus.encode()))
        for watcher in live:
            await watcher.say("subscribe", id=1, bus=bus)
            await watcher.get("subscribed")
        await wait_until(lambda: _count(outside, "sockets_full", _STALLED))
        leaving = asyncio.create_task(api.stop())
        try:
            await live[0].get("bye")
            with suppress(Unanswered):  # or it has closed the connection already
                assert (await outside.send("GET", "/readyz")).status == 503
            for watcher in live:
                await _is_dismissed(watcher)
            async with asyncio.timeout(_ENDED_SECONDS):
                assert await leaving == 0
        finally:
            leaving.cancel()
        for client in stalled:
            await _was_cut(client)
    assert api.errors() == []


async def _is_dismissed(watcher: Watcher) -> None:
    """It hears when to come back, then the code, and nothing after the one or between them."""
    assert await watcher.closed() == 4200
    bye = watcher.frames[-1]
    assert (bye["type"], bye["code"]) == ("bye", 4200)
    earliest, latest = bye["reconnect_in"]
    assert 0 <= earliest < latest


async def _was_cut(client: RawClient) -> None:
    """What the kernel held is all that comes: no goodbye fits in there, and the end is an end."""
    async with asyncio.timeout(_ENDED_SECONDS):
        assert b'"type":"bye"' not in await client.rest()


async def _count(outside: Client, name: str, wanted: int) -> bool:
    text = (await outside.send("GET", "/metrics")).body.decode()
    return f"\nomnibus_live_{name} {wanted}.0\n" in text
