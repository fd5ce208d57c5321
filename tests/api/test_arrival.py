"""Requests that arrive slowly, endlessly, or not as a whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.api.served import Served
from tests.api.shop import Shop
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

HASTY = ("tests.api.hasty_server", "serve")
HEAD = b"GET /livez HTTP/1.1\r\nhost: x\r\n"
BODY = b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
async def hasty(databases: Databases, valkey: ThrowawayValkey) -> AsyncIterator[Served]:
    async with databases.fresh() as url, Served(url, valkey.url, module=HASTY) as served:
        yield served
        assert await served.failures() == []


@pytest.mark.parametrize(
    "begin",
    [b"G", HEAD, HEAD + b"a: b", BODY + b"content-length: 9\r\n\r\n{", BODY],
    ids=["a letter", "half a head", "half a header", "half a body", "no body"],
)
async def test_a_request_that_never_ends_is_cut_off(hasty: Served, begin: bytes) -> None:
    assert (await outlast(hasty, begin))[:13] in {b"", b"HTTP/1.1 408 "}


async def test_drop_by_drop_is_cut_off_too_while_others_are_served(hasty: Served) -> None:
    slow = [await asyncio.open_connection(*hasty.address) for _ in range(100)]

    async def drip(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"a")
            await asyncio.sleep(0.02)

    for _, writer in slow:
        writer.write(HEAD)
    drops = [asyncio.create_task(drip(writer)) for _, writer in slow]
    reader, writer = await asyncio.open_connection(*hasty.address)
    writer.write(HEAD + b"\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await wait_until(
        lambda: all(
            reader.at_eof() or drop.done() for (reader, _), drop in zip(slow, drops, strict=True)
        )
    )
    for drop in drops:
        drop.cancel()
    for _, other in [*slow, (reader, writer)]:
        other.close()


async def test_a_connection_in_use_outlives_the_deadline_of_a_request(hasty: Served) -> None:
    reader, writer = await asyncio.open_connection(*hasty.address)
    for _ in range(3):
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        await outlast(hasty, HEAD)
    writer.close()


async def test_a_connection_that_stays_silent_is_closed(hasty: Served) -> None:
    never, once = await asyncio.gather(outlast(hasty, b""), outlast(hasty, HEAD + b"\r\n"))
    assert never == b""
    assert once.startswith(b"HTTP/1.1 200")


async def outlast(served: Served, begin: bytes) -> bytes:
    """Begin a request, send no more, and return what there is to read until the server hangs up."""
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(begin)
    told = await reader.read()
    writer.close()
    return told


@pytest.mark.parametrize("part", [b"a: b\r\n", b"a" * 1024], ids=["headers", "one header"])
async def test_a_head_without_end_is_refused(hasty: Served, part: bytes) -> None:
    reader, writer = await asyncio.open_connection(*hasty.address)
    with suppress(ConnectionError):
        writer.write(HEAD)
        while not reader.at_eof():
            writer.write(part * 100)
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        assert (await reader.read())[:10] in {b"", b"HTTP/1.1 4"}


async def test_what_was_cut_short_is_not_done(served_shop: tuple[Served, Shop], shop: Shop) -> None:
    served, _ = served_shop
    bus = await shop.bus()
    raw = b'{"seats": ["1A"]}'
    head = (
        f"POST /api/v1/buses/{bus}/holds HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"content-length: {len(raw) + 1}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(*served.address)
    writer.write(head.encode() + raw)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await shop.hold(shop.client(), bus, ["1A"])
