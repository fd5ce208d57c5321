"""What a request brings, read within bounds: its body, its query, its idempotency key."""

from collections import Counter
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from server import wire
from server.headers import Headers
from server.problems import HttpProblem, bad_field

_KEY_LONGEST = 255
_REMEMBERED = 2_048  # queries,
_REMEMBERED_LENGTH = 256  # of so many bytes at most
# Given twice, each may be read as the one or the other by whoever looks.
_ONCE = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-type",
        b"host",
        b"if-match",
        b"origin",
        b"sec-fetch-site",
        b"x-booking-key",
    }
)


def check_headers(given: Headers, *, version: str = "1.1") -> None:
    """Raise if a header that has one meaning is given twice, or none says which host is meant."""
    counts = Counter(name for name, _ in given)
    for name, count in counts.items():
        if count > 1 and name in _ONCE:
            detail = f"the header {name.decode()} is given twice"
            raise bad_field("", "duplicate", detail, status=400)
    if not counts[b"host"] and version == "1.1":
        raise bad_field("", "required", "the header host is required", status=400)


async def read_body(
    receive: Receive, headers: dict[bytes, bytes], most: int = wire.BODY_BYTES_MAX
) -> bytes:
    """Read a request's body, at most 64 KiB of it unless it may be more, uncompressed JSON only."""
    length = headers.get(b"content-length")
    if length is not None and int(length) > most:
        raise _too_large(most)
    body = b""
    is_whole = False
    while not is_whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            # What has come may read like a whole request, but nobody stands behind it.
            raise bad_field("", "incomplete", "the body ended too soon", status=400)
        body += message.get("body", b"")
        if len(body) > most:
            raise _too_large(most)
        is_whole = not message.get("more_body")
    if body and headers.get(b"content-encoding", b"identity") != b"identity":
        raise _unsupported("send the body uncompressed")
    return body


def _too_large(most: int) -> HttpProblem:
    return HttpProblem(413, "too_large", "The body is too large", f"at most {most} bytes")


def _unsupported(detail: str) -> HttpProblem:
    return HttpProblem(
        415, "unsupported_media_type", "The body is not of a type that is read here", detail
    )


def decode_body(
    body: bytes, headers: dict[bytes, bytes], decoder: "msgspec.json.Decoder[Any]"
) -> Any:
    media = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if media != b"application/json":
        raise _unsupported("send the body as application/json")
    try:
        return wire.decode(body, decoder)
    except wire.Malformed as error:
        raise bad_field("", "malformed", str(error), status=400) from None
    except wire.Invalid as fault:
        raise bad_field(fault.pointer, fault.code, fault.detail) from None


def decode_query(query: bytes, query_type: Any) -> Any:
    """Return what a query string says; the same for the same string, so it may not be changed."""
    return (_decode_again if len(query) <= _REMEMBERED_LENGTH else _decode_query)(query, query_type)


def _decode_query(query: bytes, query_type: Any) -> Any:
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except (ValueError, UnicodeDecodeError):
        raise bad_field("", "invalid", "the query cannot be read", status=400) from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise bad_field("", "duplicate", "a parameter is given twice", status=400)
    try:
        return msgspec.convert(given, query_type, strict=False)
    except msgspec.ValidationError as error:
        fault = wire.invalid(error)
        raise bad_field(fault.pointer, fault.code, fault.detail) from None


# Many ask for the same, and to read it takes as long as to find the answer. What is refused is not remembered.
_decode_again = lru_cache(maxsize=_REMEMBERED)(_decode_query)


def find_key(given: Headers, headers: dict[bytes, bytes], *, is_required: bool) -> str | None:
    """Return a request's idempotency key: quoted, as the draft has it, or bare."""
    raw = headers.get(b"idempotency-key")
    if raw is None:
        if is_required:
            raise bad_field(
                "", "idempotency_key", "this request needs an Idempotency-Key header", status=400
            )
        return None
    key = raw.decode("latin-1").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if (
        [name for name, _ in given].count(b"idempotency-key") > 1
        or not 1 <= len(key) <= _KEY_LONGEST
        or not (key.isascii() and key.isprintable())
    ):
        raise bad_field(
            "",
            "idempotency_key",
            "an Idempotency-Key is one header of 1 to 255 printable ASCII characters",
            status=400,
        )
    return key
