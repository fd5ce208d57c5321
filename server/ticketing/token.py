"""The code of a ticket: what it is for, signed with Ed25519, so that a scanner needs no network to believe it.

A narrow code is 80 bytes in base45 (RFC 9285): 120 characters of the alphabet for which a QR code needs 5.5 bits each,
37 modules a side at medium error correction. In base64url the same bytes would be 107 characters of 8 bits: 45
modules, each a fifth smaller on the same paper. Buses and bookings whose numbers are too large for it get a wide code
in base64url, 120 characters as well. Its first character is none of base45's.

    narrow  version 1, key, bus (4), booking (5), seat, boards at, alights at, start of the ticket's code (2), signature
    wide    version 2, key, bus (8), booking (8), seat, boards at, alights at, start of the ticket's code (4), signature
"""

import base64
import re
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.ticketing.base45 import ALPHABET, decode45, encode45
from store.house_keys import HouseKey
from store.model import Booking, Leg, Ticket
from store.scans import BadSignature, SignedTicket

LONGEST: Final = 120
_NARROW, _WIDE = 1, 2
_NARROW_FIELDS: Final = struct.Struct(">BBIBIBBB2s")
_WIDE_FIELDS: Final = struct.Struct(">BBQQBBB4s")
_NARROW_BUSES, _NARROW_BOOKINGS = 1 << 32, 1 << 40
_NARROW_TEXT = re.compile(rf"[{re.escape(ALPHABET)}]{{120}}")
_WIDE_TEXT = re.compile(r"_[A-Za-z0-9_-]{119}")
_WIDE_MARK: Final = "_"
_SIGNATURE_BYTES: Final = 64
_PURPOSE: Final = b"omnibus ticket\0"
"""Signed along with the fields, so that a signature of this key is good for nothing else."""
_KEY_NUMBERS: Final = range(1, 256)


class KeysUsedUp(Exception):
    """Every number that a code has room for has been a key's: an installation of 250 rotations."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a scanner needs to believe a code: the key's number in the code, and its 32 bytes."""

    key_id: str
    number: int
    raw: bytes

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(self.raw).decode().rstrip("=")


def new_ticket_key(taken: Collection[str] = ()) -> HouseKey:
    """Return a key that signs tickets, with the first number that none of those `taken` has. Raises KeysUsedUp."""
    for number in _KEY_NUMBERS:
        # A code begins with its key's number: with some of them it would begin with a space, which readers cut off.
        begins = encode45(bytes((_NARROW, number)))[0]
        if begins != " " and (name := f"t{number}") not in taken:
            secret = Ed25519PrivateKey.generate().private_bytes_raw()
            return HouseKey(name, base64.urlsafe_b64encode(secret).decode())
    raise KeysUsedUp


class TicketKeys:
    """Signs with the first of its keys, and believes all of them."""

    def __init__(self, keys: Sequence[HouseKey]) -> None:
        self.use(keys)

    def use(self, keys: Sequence[HouseKey]) -> None:
        """Go on with these keys, the one that signs first."""
        pairs = [(key.key_id, _private(key)) for key in keys]
        self._number, self._signing = _number(pairs[0][0]), pairs[0][1]
        publics = {name: key.public_key() for name, key in pairs}
        self._verifying = {_number(name): key for name, key in publics.items()}
        self.public = tuple(
            PublicKey(name, _number(name), key.public_bytes_raw()) for name, key in publics.items()
        )
        digest = blake2b(b"".join(key.raw for key in self.public), digest_size=4)
        self.fingerprint = digest.hexdigest()
        """What these keys are called together: another word for every other set of them."""

    def mint(self, ticket: SignedTicket) -> str:
        """Return the code of a ticket, 120 characters; the same one as long as the same key signs."""
        raw = _write(ticket, self._number)
        return _spell(raw + self._signing.sign(_PURPOSE + raw))

    def read(self, text: str) -> SignedTicket | BadSignature | None:
        """Return what a code says; BadSignature if we never said it, None if it is no such code at all."""
        return read(text, self._verifying)


def read(text: str, keys: Mapping[int, Ed25519PublicKey]) -> SignedTicket | BadSignature | None:
    """Read a code with nothing but public keys, by their numbers: all that a scanner without a network has."""
    raw = _bytes(text)
    if raw is None:
        return None
    fields, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    key = keys.get(fields[1])
    if key is None or _spell(raw) != text:
        return BadSignature()
    try:
        key.verify(signature, _PURPOSE + fields)
    except InvalidSignature:
        return BadSignature()
    return _parse(fields)


def signed_ticket(booking: Booking, ticket: Ticket) -> SignedTicket:
    """Return what the code of a booking's ticket says."""
    bus_id, number = booking.bus.bus_id, booking.booking_id
    return SignedTicket(bus_id, number, ticket.seat_no, booking.leg, ticket.code.bytes[:4])


def _write(ticket: SignedTicket, key: int) -> bytes:
    bus, number, leg = ticket.bus_id, ticket.booking_id, ticket.leg
    end = ticket.seat_no, leg.start, leg.end
    if bus < _NARROW_BUSES and number < _NARROW_BOOKINGS:
        high, low = divmod(number, 1 << 32)
        return _NARROW_FIELDS.pack(_NARROW, key, bus, high, low, *end, ticket.code_start[:2])
    return _WIDE_FIELDS.pack(_WIDE, key, bus, number, *end, ticket.code_start[:4])


def _parse(fields: bytes) -> SignedTicket | BadSignature:
    if (fields[0], len(fields)) == (_NARROW, _NARROW_FIELDS.size):
        _, _, bus, high, low, seat, start, end, code = _NARROW_FIELDS.unpack(fields)
        return SignedTicket(bus, (high << 32) + low, seat, Leg(start, end), code)
    if (fields[0], len(fields)) == (_WIDE, _WIDE_FIELDS.size):
        _, _, bus, number, seat, start, end, code = _WIDE_FIELDS.unpack(fields)
        return SignedTicket(bus, number, seat, Leg(start, end), code)
    return BadSignature()  # of a version to come, signed by a key that we have


def _spell(raw: bytes) -> str:
    if len(raw) == _NARROW_FIELDS.size + _SIGNATURE_BYTES:
        return encode45(raw)
    return _WIDE_MARK + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    """Return what a code is made of; None for what has not the shape of one."""
    if _NARROW_TEXT.fullmatch(text):
        return decode45(text) or bytes(_NARROW_FIELDS.size + _SIGNATURE_BYTES)
    if _WIDE_TEXT.fullmatch(text):
        return base64.urlsafe_b64decode(text[1:] + "=")
    return None


def _number(key_id: str) -> int:
    return int(key_id.removeprefix("t"))


def _private(key: HouseKey) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(key.secret))
