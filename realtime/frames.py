"""Bytes of a frame, made once and written to any number of sockets.

A server's WebSocket frames carry no mask, so header and payload are the same for every client.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

import msgspec
from msgspec import UNSET

from realtime.protocol import BusStatus, Delta, ServerFrame
from store.events import SeatsChanged

_FINAL_TEXT = 0x81

_encoder = msgspec.json.Encoder()
_deltas = msgspec.json.Decoder(Delta)


def frame(payload: bytes) -> bytes:
    """The payload as one whole, unmasked text frame."""
    size = len(payload)
    if size < 126:
        return bytes((_FINAL_TEXT, size)) + payload
    if size < 65536:
        return bytes((_FINAL_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_FINAL_TEXT, 127)) + size.to_bytes(8, "big") + payload


def unframe(wire: bytes) -> list[bytes]:
    """The payloads of frames made by `frame`, for servers that insist on framing themselves."""
    payloads = []
    start = 0
    while start < len(wire):
        size = wire[start + 1]
        start += 2
        if size == 126:
            size = int.from_bytes(wire[start : start + 2], "big")
            start += 2
        elif size == 127:
            size = int.from_bytes(wire[start : start + 8], "big")
            start += 8
        payloads.append(wire[start : start + size])
        start += size
    return payloads


def pack(message: ServerFrame) -> bytes:
    return frame(_encoder.encode(message))


def encode_change(event: SeatsChanged) -> bytes:
    return _encoder.encode(
        Delta(
            bus=str(event.bus_id),
            epoch=event.epoch,
            prev=event.prev,
            rev=event.rev,
            seats=event.seats,
            at=commit_time(event.at),
            status=UNSET if event.status is None else cast("BusStatus", event.status),
        )
    )


def decode_change(payload: bytes) -> Delta:
    """Raises msgspec.DecodeError for what is not a delta, RecursionError for what is too deep."""
    return _deltas.decode(payload)


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# The changes of one commit share their time.
commit_time = lru_cache(maxsize=16)(timestamp)


def age_seconds(moment: str) -> float:
    """How long ago it was, by this machine's clock; 0 for what lies ahead of it."""
    return max(0.0, time.time() - datetime.fromisoformat(moment).timestamp())


def timestamp_now() -> str:
    return timestamp(datetime.now(UTC))
