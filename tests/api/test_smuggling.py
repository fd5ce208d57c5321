"""Two readings of where a body ends, before nginx and us: what hides in the one is not done in the other."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.nginx import for_one_machine
from tests.api.served import Served, free_port
from tests.api.shop import Shop
from tests.support.cluster_up import NGINX, needs_nginx
from tests.support.waiting import wait_until

SPELLINGS: dict[str, bytes] = {
    "plain": b"Transfer-Encoding: chunked",
    "in capitals": b"TRANSFER-ENCODING: CHUNKED",
    "a space before the colon": b"Transfer-Encoding : chunked",
    "no space after it": b"Transfer-Encoding:chunked",
    "a tab after it": b"Transfer-Encoding:\tchunked",
    "a vertical tab": b"Transfer-Encoding:\x0bchunked",
    "a space at the end": b"Transfer-Encoding: chunked ",
    "folded": b"Transfer-Encoding:\r\n chunked",
    "in a list": b"Transfer-Encoding: identity, chunked",
    "twice, once wrong": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
}
pytestmark = needs_nginx


@pytest.fixture
async def front(served_shop: tuple[Served, Shop], tmp_path: Path) -> AsyncIterator[int]:
    """The port of an nginx with the configuration that we ship, before one API process."""
    assert NGINX is not None
    served, _ = served_shop
    port = free_port()
    upstreams = [f"127.0.0.1:{served.port}"]
    (tmp_path / "state").mkdir()
    conf = for_one_machine(tmp_path, host="127.0.0.1", port=port, upstreams=upstreams).render()
    (tmp_path / "nginx.conf").write_text(conf)
    process = await asyncio.create_subprocess_exec(
        *(NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log")
    )
    try:

        async def answers() -> bool:
            try:
                return b" 200 " in await say(
                    port, b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
                )
            except ConnectionError:
                return False

        await wait_until(answers)
        yield port
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("measure", ["length", "chunks"])
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_nothing_is_done_that_hides_in_a_body(
    front: int, shop: Shop, spelling: str, measure: str
) -> None:
    bus = await shop.bus()
    body = b'{"seats":["1A"]}'
    hidden = (
        b"POST /api/v1/buses/%b/holds HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (bus.encode(), len(body), body)
    )
    if measure == "length":
        inside = b"0\r\n\r\n" + hidden
        length = len(inside)
    else:
        inside = b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
        length = len(b"%x\r\n" % len(hidden))
    outer = (
        b"POST /api/v1/auth/logout HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n%b\r\n"
        b"connection: close\r\n\r\n%b" % (length, SPELLINGS[spelling], inside)
    )
    said = await say(front, outer)
    assert len(re.findall(rb"^HTTP/1\.1 \d", said, re.MULTILINE)) <= 1
    # Nor is it left on the connection to us, where the next in line would get its answer.
    after = await say(front, b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b'"alive"' in after
    assert await shop.rev(bus) == 0


async def say(port: int, raw: bytes) -> bytes:
    """Send bytes and read until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        return await reader.read()
    finally:
        writer.close()
