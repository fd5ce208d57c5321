"""HTTP as nobody should speak it, to a bus on sale: refused with a 4xx, and nothing is held."""

import asyncio
import gzip
import re

import pytest

from tests.api.served import Served
from tests.api.shop import Shop

BODY = b'{"seats":["1A"]}'
CHUNKED = b"transfer-encoding: chunked\r\n"


def request(
    lines: bytes = b"",
    body: bytes = BODY,
    *,
    target: bytes = b"/api/v1/buses/BUS/holds",
    method: bytes = b"POST",
    version: bytes = b"HTTP/1.1",
    host: bytes = b"host: x\r\n",
    length: bool = True,
    type_: bytes = b"content-type: application/json\r\n",
) -> bytes:
    head = b"%b %b %b\r\n%b%b%b" % (method, target, version, host, type_, lines)
    if length:
        head += b"content-length: %d\r\n" % len(body)
    return head + b"\r\n" + body


def chunks(body: bytes = BODY) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def key(value: bytes) -> bytes:
    return b"idempotency-key: " + value + b"\r\n"


LENGTH = b"content-length: %d\r\n" % len(BODY)
CASES: dict[str, bytes] = {
    # Where a body ends.
    "length and chunks": request(LENGTH + CHUNKED, chunks(), length=False),
    "chunks and length": request(CHUNKED + LENGTH, chunks(), length=False),
    "two lengths": request(LENGTH + b"content-length: 2\r\n", length=False),
    "length with a sign": request(b"content-length: +16\r\n", length=False),
    "length below zero": request(b"content-length: -16\r\n", length=False),
    "length in hex": request(b"content-length: 0x10\r\n", length=False),
    "length in a list": request(b"content-length: 16, 16\r\n", length=False),
    "length without end": request(b"content-length: " + b"9" * 40 + b"\r\n", length=False),
    "chunk without a size": request(CHUNKED, b"\r\n" + BODY + b"\r\n0\r\n\r\n", length=False),
    "chunk of words": request(CHUNKED, b"zz\r\n" + BODY + b"\r\n0\r\n\r\n", length=False),
    "chunk below zero": request(CHUNKED, b"-1\r\n" + BODY + b"\r\n0\r\n\r\n", length=False),
    "chunk longer than its size": request(
        CHUNKED, b"2\r\n" + BODY + b"\r\n0\r\n\r\n", length=False
    ),
    "an encoding that is none": request(b"transfer-encoding: xchunked\r\n", chunks(), length=False),
    "chunked twice": request(b"transfer-encoding: chunked, chunked\r\n", chunks(), length=False),
    "chunked, then more": request(b"transfer-encoding: chunked, gzip\r\n", chunks(), length=False),
    # Heads.
    "a space before the colon": request(b"a : b\r\n"),
    "a folded line": request(b"a: b\r\n c\r\n"),
    "a line without colon": request(b"abc\r\n"),
    "NUL in a header": request(b"a: \x00\r\n"),
    "a bare return in a header": request(b"a: b\rc: d\r\n"),
    "65 KiB of header": request(b"a: " + b"b" * 66_560 + b"\r\n"),
    "1,000 headers": request(b"a: b\r\n" * 1_000),
    "10,000 headers": request(b"aaaa: b\r\n" * 10_000),
    "a path of 65 KiB": request(target=b"/api/v1/buses/BUS/holds?" + b"a" * 66_560),
    "no host": request(host=b""),
    "two hosts": request(b"host: y\r\n"),
    "two tokens": request(b"authorization: Bearer a\r\nauthorization: Bearer b\r\n"),
    "two types": request(b"content-type: text/plain\r\n"),
    "two origins": request(b"origin: http://a\r\norigin: http://b\r\n"),
    # Methods and versions.
    "TRACE": request(method=b"TRACE"),
    "CONNECT": request(method=b"CONNECT", target=b"x:443"),
    "DELETE": request(method=b"DELETE"),
    "a method of our own": request(method=b"BOOK"),
    "a method in small letters": request(method=b"post"),
    "HTTP 3.0 in words": request(version=b"HTTP/3.0"),
    "no HTTP": request(version=b"FTP/1.0"),
    "GET, meant as POST": request(b"x-http-method-override: POST\r\n", method=b"GET"),
    "GET, with the method in the query": request(
        method=b"GET", target=b"/api/v1/buses/BUS/holds?_method=POST"
    ),
    # Bodies.
    "gzip": request(b"content-encoding: gzip\r\n", gzip.compress(BODY)),
    "a gzip bomb": request(b"content-encoding: gzip\r\n", gzip.compress(b" " * 10_000_000)),
    "deflate": request(b"content-encoding: deflate\r\n"),
    "two encodings": request(b"content-encoding: identity\r\ncontent-encoding: gzip\r\n"),
    "no type": request(type_=b""),
    "a form": request(type_=b"content-type: application/x-www-form-urlencoded\r\n"),
    "a form, as browsers disguise it": request(type_=b"content-type: text/plain\r\n"),
    "more than 64 KiB": request(body=b" " * 65_537 + BODY),
    "more than 64 KiB in chunks": request(CHUNKED, chunks(b" " * 65_537 + BODY), length=False),
    "less than it says": request(b"content-length: 12\r\nconnection: close\r\n", length=False),
    # Idempotency keys.
    "two keys": request(key(b"a") + key(b"b")),
    "the same key twice": request(key(b"a") + key(b"a")),
    "an empty key": request(key(b"")),
    "an empty quoted key": request(key(b'""')),
    "a key of 256": request(key(b"k" * 256)),
    "a key of other letters": request(key("schlüssel".encode())),
    "a key with a tab": request(key(b"a\tb")),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_is_not_spoken_as_it_should_be_is_refused_and_changes_nothing(
    served_shop: tuple[Served, Shop], shop: Shop, case: str
) -> None:
    served, _ = served_shop
    bus = await shop.bus()
    status = await status_of(served.address, CASES[case].replace(b"BUS", bus.encode()))
    assert 400 <= status < 500
    assert await shop.rev(bus) == 0


async def test_the_same_spoken_well_is_done(served_shop: tuple[Served, Shop], shop: Shop) -> None:
    served, _ = served_shop
    for well in (
        request(),
        request(CHUNKED, chunks(), length=False),
        request(key(b'"quoted"')),
        request(b"a: b\r\n" * 150),
        request(target=b"http://x/api/v1/buses/BUS/holds"),
    ):
        bus = await shop.bus()
        assert await status_of(served.address, well.replace(b"BUS", bus.encode())) == 201
        assert await shop.rev(bus) == 1


BOTH = b"POST /api/v1/auth/logout HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"
FRONTS = {
    "chunks behind a length": BOTH + CHUNKED + b"\r\n0\r\n\r\n",
    "chunks behind a tab": BOTH + b"transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in another spelling": BOTH + b"Transfer-Encoding: cHuNkEd\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", FRONTS)
async def test_where_nobody_can_say_where_the_next_request_begins_the_connection_ends(
    served_shop: tuple[Served, Shop], shop: Shop, case: str
) -> None:
    served, _ = served_shop
    bus = await shop.bus()
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(FRONTS[case] + request().replace(b"BUS", bus.encode()))
    said = await reader.read()
    writer.close()
    assert re.findall(rb"HTTP/1\.1 (\d)", said) == [b"4"]
    assert await shop.rev(bus) == 0


async def status_of(address: tuple[str, int], raw: bytes) -> int:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(raw)
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])
