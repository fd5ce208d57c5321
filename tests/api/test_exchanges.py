"""What HTTP/1.1 promises about connections, asked of answers that leave in one piece and of those that do not."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from tests.api.answers import problem
from tests.api.served import Served
from tests.api.shop import Shop

WHOLE, PIECEMEAL = "/api/v1/stops", "/login"
BOTH = pytest.mark.parametrize("path", [WHOLE, PIECEMEAL])


@dataclass
class Wire:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def ask(self, path: str, *lines: str, method: str = "GET", version: str = "1.1") -> None:
        head = "\r\n".join([f"{method} {path} HTTP/{version}", "host: x", *lines, "", ""])
        self.writer.write(head.encode())

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        assert len(headers) == len(lines) - 3, lines
        return int(lines[0].split()[1]), headers

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        return status, headers, await self.reader.readexactly(int(headers["content-length"]))


@pytest.fixture
async def wire(served_shop: tuple[Served, Shop]) -> AsyncIterator[Wire]:
    opened = Wire(*await asyncio.open_connection(*served_shop[0].address))
    yield opened
    opened.writer.close()
    await opened.writer.wait_closed()


@BOTH
async def test_a_connection_is_kept_for_the_next_request(wire: Wire, path: str) -> None:
    for _ in range(3):
        wire.ask(path)
        status, headers, body = await wire.answer()
        assert status == 200
        assert body
        assert "connection" not in headers


@BOTH
async def test_a_connection_that_shall_close_is_closed(wire: Wire, path: str) -> None:
    wire.ask(path, "connection: close")
    status, headers, _ = await wire.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert await wire.reader.read() == b""


@BOTH
async def test_an_older_client_is_hung_up_on(wire: Wire, path: str) -> None:
    wire.ask(path, version="1.0")
    assert (await wire.answer())[1]["connection"] == "close"
    assert await wire.reader.read() == b""


@BOTH
async def test_a_head_has_a_length_and_no_body(wire: Wire, path: str) -> None:
    wire.ask(path, method="HEAD")
    status, headers = await wire.head()
    assert status == 200
    wire.ask(path)
    _, same, body = await wire.answer()
    assert int(headers["content-length"]) == int(same["content-length"]) == len(body)


async def test_what_has_no_body_says_no_length(wire: Wire) -> None:
    wire.ask(WHOLE, method="OPTIONS")
    status, headers = await wire.head()
    assert (status, headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert "content-length" not in headers
    wire.ask(WHOLE)
    assert (await wire.answer())[0] == 200


@BOTH
async def test_an_answer_has_an_id_a_date_and_safe_headers(wire: Wire, path: str) -> None:
    ids = set()
    for _ in range(20):
        wire.ask(path)
        _, headers, _ = await wire.answer()
        assert headers["date"].endswith("GMT")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        ids.add(headers["x-request-id"])
    assert len(ids) == 20
    assert all(len(one) == 16 for one in ids)


async def test_requests_sent_at_once_are_answered_in_order(wire: Wire, shop: Shop) -> None:
    buses = [await shop.bus() for _ in range(5)]
    paths = [path for bus in buses for path in (f"/api/v1/buses/{bus}/seats", "/livez")]
    for path in [*paths, "/api/v1/nowhere"]:
        wire.ask(path)
    for path in paths:
        status, _, body = await wire.answer()
        assert status == 200
        assert json.loads(body).get("bus_id", "livez") in path
    assert (await wire.answer())[0] == 404


async def test_who_reads_late_gets_everything(wire: Wire, shop: Shop) -> None:
    bus = await shop.bus(seats=60)
    for _ in range(300):
        wire.ask(f"/api/v1/buses/{bus}/seats")
    await wire.writer.drain()
    assert {(await wire.answer())[0] for _ in range(300)} == {200}


async def test_a_body_is_asked_for_before_it_is_sent(wire: Wire, shop: Shop) -> None:
    raw = b'{"seats": ["1A"]}'
    wire.ask(
        f"/api/v1/buses/{await shop.bus()}/holds",
        "content-type: application/json",
        f"content-length: {len(raw)}",
        "expect: 100-continue",
        method="POST",
    )
    assert (await wire.head())[0] == 100
    wire.writer.write(raw)
    assert (await wire.answer())[0] == 201


async def test_a_body_may_come_in_pieces(wire: Wire, shop: Shop) -> None:
    path = f"/api/v1/buses/{await shop.bus()}/holds"
    wire.ask(path, "content-type: application/json", "transfer-encoding: chunked", method="POST")
    for piece in (b'{"seats"', b': ["1', b'A"]}'):
        wire.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await wire.writer.drain()
        await asyncio.sleep(0.01)
    wire.writer.write(b"0\r\n\r\n")
    assert (await wire.answer())[0] == 201


async def test_an_address_may_be_written_in_full(wire: Wire) -> None:
    wire.ask("http://x/api/v1/stops?q=a#there")
    assert (await wire.answer())[0] == 200
    wire.ask("/api/v1/%73tops?q=a")
    assert (await wire.answer())[0] == 200


async def test_nobody_is_told_of_what_is_not_there(guest: httpx2.AsyncClient) -> None:
    for path in ("/", "/nowhere", "/buses/1/seats/", "/buses//seats"):
        answer = await guest.get(path, headers={"accept": "text/html"})
        problem(answer, 404, "not_found")
