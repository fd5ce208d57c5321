"""Secrets that need not be stored: keyed digests of the number of what they open.

Access keys and payment ids of bookings, the tokens of links that are mailed, and the secrets of webhooks.
"""

import base64
import hmac
import re
import uuid
from collections.abc import Sequence
from hashlib import blake2b

from store.ids import LARGEST_BUS

_PAYMENT = re.compile(r"[A-Za-z0-9_-]{32}")
_HANDOVER = re.compile(r"[A-Za-z0-9_-]{28}")


class Seals:
    """`mailed` are keys under which other seals make access keys, for mails: those open the same."""

    def __init__(self, key: bytes, mailed: Sequence[bytes] = ()) -> None:
        self._key = key
        self._mailed = [Seals(each) for each in mailed]

    def access_key(self, booking_id: int) -> str:
        """Return what lets a guest see their booking: 128 bits."""
        return _text(self._seal(b"access", booking_id.to_bytes(8), 16))

    def is_access_key(self, given: str, booking_id: int) -> bool:
        """Compare in constant time, also with those that were mailed."""
        is_ours = hmac.compare_digest(given.encode(), self.access_key(booking_id).encode())
        return is_ours or any(each.is_access_key(given, booking_id) for each in self._mailed)

    def payment(self, bus_id: int, booking_id: int) -> str:
        """Return the public id of a booking's payment; it tells where the booking is and cannot be made up."""
        place = bus_id.to_bytes(8) + booking_id.to_bytes(8)
        return _text(place + self._seal(b"payment", place, 8))

    def parse_payment(self, text: str) -> tuple[int, int] | None:
        """Return (bus, booking) of a payment id of ours, or None."""
        # One spelling each: padding and the standard alphabet, which the decoder takes too, are not ours.
        if _PAYMENT.fullmatch(text) is None:
            return None
        raw = base64.urlsafe_b64decode(text)
        place, seal = raw[:16], raw[16:]
        if not hmac.compare_digest(seal, self._seal(b"payment", place, 8)):
            return None
        bus_id, booking_id = int.from_bytes(place[:8]), int.from_bytes(place[8:])
        return (bus_id, booking_id) if bus_id <= LARGEST_BUS else None

    def mail_token(self, mail_id: uuid.UUID) -> str:
        """Return what the link of a mail carries: 256 bits that nobody can make who does not have the key."""
        return _text(self._seal(b"mail", mail_id.bytes, 32))

    def webhook_secret(self, endpoint_id: int, number: int) -> bytes:
        """Return what messages to an endpoint are signed with: 256 bits, others for each number."""
        return self._seal(b"webhook", endpoint_id.to_bytes(8) + number.to_bytes(4), 32)

    def handover(self, bus_id: int, hold_id: uuid.UUID, device_id: int, until: int) -> str:
        """Return what lets whoever has it take over a device's hold, up to a moment in seconds of Unix time."""
        moment = until.to_bytes(5)
        place = bus_id.to_bytes(8) + hold_id.bytes + device_id.to_bytes(8) + moment
        return _text(moment + self._seal(b"handover", place, 16))

    def is_handover(
        self, given: str, bus_id: int, hold_id: uuid.UUID, device_id: int
    ) -> int | None:
        """Return until when such a token of ours is good, None for anything else; compared in constant time."""
        if _HANDOVER.fullmatch(given) is None:
            return None
        until = int.from_bytes(base64.urlsafe_b64decode(given)[:5])
        is_ours = hmac.compare_digest(given, self.handover(bus_id, hold_id, device_id, until))
        return until if is_ours else None

    def quote(self, data: bytes) -> bytes:
        """Return what shows that a refund was quoted by us: 128 bits, to be compared in constant time."""
        return self._seal(b"quote", data, 16)

    def _seal(self, purpose: bytes, data: bytes, size: int) -> bytes:
        return blake2b(data, key=self._key, person=purpose, digest_size=size).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
