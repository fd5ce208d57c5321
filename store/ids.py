"""Public ids that carry their bus, so that nothing has to be looked up before a bus can be locked.

- a bus is its number, in decimals;
- a hold, a payment or a block is `<8 bytes bus><16 random bytes>` in base64url: unguessable, 32 characters;
- a booking ref is a counter scattered over 32^6 codes by a keyed permutation: unique by construction,
  no index over all buses needed, and no ref tells how many were sold before it.
"""

import base64
import re
import uuid
from collections import deque
from collections.abc import Iterator
from hashlib import blake2b

_BUS = re.compile(r"[1-9][0-9]{0,18}")
_OWNED = re.compile(r"[A-Za-z0-9_-]{32}")
_REF = re.compile(r"[A-HJ-NP-Z2-9]{6,8}")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LARGEST_BUS = 2**63 - 1
_ROUNDS = 4


def parse_bus(text: str) -> int | None:
    """Return the bus number, or None when `text` cannot be the id of any bus."""
    if _BUS.fullmatch(text) is None:
        return None
    number = int(text)
    return number if number <= LARGEST_BUS else None


def format_owned(bus_id: int, secret: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(bus_id.to_bytes(8) + secret.bytes).decode()


def parse_owned(text: str) -> tuple[int, uuid.UUID] | None:
    """Return (bus, id) of a hold, payment or block, or None when it cannot be one."""
    # One spelling each: padding and the standard alphabet, which the decoder takes too, are not ours.
    if _OWNED.fullmatch(text) is None:
        return None
    raw = base64.urlsafe_b64decode(text)
    bus_id = int.from_bytes(raw[:8])
    return (bus_id, uuid.UUID(bytes=raw[8:])) if 0 < bus_id <= LARGEST_BUS else None


def is_ref(text: str) -> bool:
    return _REF.fullmatch(text) is not None


class RefCodec:
    """Booking number → ref: a balanced Feistel network, so every number has its own code.

    Six letters hold 2^30 bookings; beyond that refs grow by a letter (2^35), then another (2^40).
    """

    def __init__(self, key: bytes) -> None:
        self._keyed = blake2b(key=key, digest_size=4)

    def format(self, number: int) -> str:
        for letters, first in ((6, 0), (7, 1 << 30), (8, (1 << 30) + (1 << 35))):
            bits = letters * 5
            if number - first < 1 << bits:
                return self._spell(self._permute(number - first, bits), letters)
        raise OverflowError("booking numbers are used up")

    def _permute(self, number: int, bits: int) -> int:
        # Cycle walking: an odd width is permuted in the next even one until the result fits.
        half = (bits + 1) // 2
        while True:
            number = self._feistel(number, half)
            if number < 1 << bits:
                return number

    def _feistel(self, number: int, half: int) -> int:
        mask = (1 << half) - 1
        left, right = number >> half, number & mask
        for turn in range(_ROUNDS):
            seed = self._keyed.copy()  # taking in the key is half of the work
            seed.update(bytes((turn, half)) + right.to_bytes(4))
            left, right = right, left ^ (int.from_bytes(seed.digest()) & mask)
        return left << half | right

    @staticmethod
    def _spell(number: int, letters: int) -> str:
        return "".join(_LETTERS[number >> (5 * place) & 31] for place in range(letters))


class BookingNumbers:
    """Hands out booking numbers from blocks of 1,000 that a process takes from the database in one go."""

    BLOCK = 1000

    def __init__(self) -> None:
        self._blocks: deque[Iterator[int]] = deque()
        self.left = 0

    def take(self) -> int | None:
        """Return the next number, or None when all blocks are used up and `refill` is due."""
        while self._blocks:
            number = next(self._blocks[0], None)
            if number is not None:
                self.left -= 1
                return number
            self._blocks.popleft()
        return None

    def refill(self, start: int) -> None:
        self._blocks.append(iter(range(start, start + self.BLOCK)))
        self.left += self.BLOCK
