"""What a request wants, told from its bytes without decoding them: enough to see with whom it waits, and how long."""

import re
from enum import IntEnum

_HOLDS = "/holds"
_BUS = re.compile(rb'"bus_id"\s*:\s*"?([0-9]{1,19})')
_BOOKINGS = "/api/v1/bookings"
_OF_HOLDS = "/api/v1/holds/"
_PAYMENTS = "/api/v1/payments/"
_WEBHOOKS = "/api/v1/payments/webhooks/"
_STREAM = "/stream"


class Rank(IntEnum):
    """Who goes first when there is not room for all: who is nearer to having paid."""

    WEBHOOK = 0
    PAYMENT = 1
    CONFIRM = 2
    """A booking of a hold: until it is through, the seats are nobody else's."""
    HOLD = 3
    SEARCH = 4
    """And everything else."""
    JOIN = 5


def find_rank(method: str, path: str, body: bytes | bytearray) -> Rank:
    """Return the rank of a request. A lie only changes when it is served."""
    if path.startswith(_PAYMENTS):
        return Rank.WEBHOOK if path.startswith(_WEBHOOKS) else Rank.PAYMENT
    if method in {"GET", "HEAD"}:
        return Rank.JOIN if path.endswith(_STREAM) else Rank.SEARCH
    if path == _BOOKINGS:
        return Rank.CONFIRM if b'"hold_id"' in body else Rank.HOLD
    if path.endswith(_HOLDS) or path.startswith(_OF_HOLDS):
        return Rank.HOLD
    return Rank.SEARCH


def find_bus(path: str, body: bytes | bytearray) -> str:
    """Return the bus that a request wants seats of; empty if none is named.

    A lie or a repeated name only changes with whom the request waits.
    """
    if path.endswith(_HOLDS):
        return path.removesuffix(_HOLDS).rpartition("/")[2]
    found = _BUS.search(body)
    return found[1].decode() if found else ""
