"""Page cursors: opaque to clients, checked when they come back."""

import base64
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from server.problems import HttpProblem, bad_field

T = TypeVar("T", bound=tuple[Any, ...])
_LARGEST = 2**63 - 1


def write_cursor(moment: datetime, *ids: int) -> str:
    raw = msgspec.json.encode([moment.astimezone(UTC), *ids])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_cursor(text: str | None, position: type[T]) -> T | None:
    """Return the position that `write_cursor` wrote, None for none; a tampered one makes no sense.

    `position` is the tuple's type: a moment, then ids.
    """
    if text is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        read: T = msgspec.json.decode(raw, type=position)
        moment, *numbers = read
        moment.astimezone(UTC)
    except (ValueError, RecursionError, OverflowError):
        raise _unusable() from None
    if moment.tzinfo is None or not all(0 <= number <= _LARGEST for number in numbers):
        raise _unusable()
    return read


def write_id_cursor(last: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([last])).decode().rstrip("=")


def read_id_cursor(text: str | None) -> int:
    """Return the id that `write_id_cursor` wrote, 0 for none; a tampered one makes no sense."""
    if text is None:
        return 0
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        (last,) = msgspec.json.decode(raw, type=tuple[int])
    except (ValueError, RecursionError, OverflowError):
        raise _unusable() from None
    if not 0 <= last <= _LARGEST:
        raise _unusable()
    return last


def _unusable() -> HttpProblem:
    return bad_field("/cursor", "invalid", "this cursor is not one of ours")
