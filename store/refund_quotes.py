"""Refund quotes: what was shown, in words that only we can write. Nothing is stored: a quote carries all of itself."""

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from store.model import Booking
from store.refund_rules import Initiator, RuleSet, Share, Term
from store.seals import Seals

_ID = re.compile(r"[A-Za-z0-9_-]{24,2000}")
_SEAL = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Because(StrEnum):
    """Why so much goes back."""

    UNPAID = "unpaid"
    RULES = "rules"
    OPERATOR = "operator"
    BUS_CANCELLED = "bus_cancelled"


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """What a quote promises: these amounts for these seats, until a moment in milliseconds of Unix time."""

    bus_id: int
    booking_id: int
    initiator: Initiator
    until: int
    seats: tuple[int, ...]
    amounts: tuple[int, ...]
    is_unpaid: bool = False
    """Whether it was of a booking that nothing had been paid for."""

    @property
    def valid_until(self) -> datetime:
        return _EPOCH + self.until * _MILLISECOND


@dataclass(frozen=True, slots=True)
class RefundQuote:
    """What cancelling these seats pays back: `shares` seat by seat, and why; `term` of `rules`, if one applied."""

    booking: Booking
    shares: tuple[Share, ...]
    because: Because
    initiator: Initiator
    valid_until: datetime
    rules: RuleSet | None = None
    term: Term | None = None
    quote_id: str = ""

    @property
    def seats(self) -> tuple[int, ...]:
        return tuple(share.seat_no for share in self.shares)

    @property
    def amount(self) -> int:
        return sum(share.amount for share in self.shares)


def write_quote(seals: Seals, quote: RefundQuote) -> str:
    """Return the id under which what was shown can be asked for."""
    booking = quote.booking
    shown = Shown(
        booking.bus.bus_id,
        booking.booking_id,
        quote.initiator,
        (quote.valid_until - _EPOCH) // _MILLISECOND,
        quote.seats,
        tuple(share.amount for share in quote.shares),
        quote.because is Because.UNPAID,
    )
    told = msgspec.msgpack.encode(shown)
    return base64.urlsafe_b64encode(seals.quote(told) + told).decode().rstrip("=")


def read_quote(seals: Seals, quote_id: str) -> Shown | None:
    """Return what a quote of ours promises, None for anything else; compared in constant time."""
    if _ID.fullmatch(quote_id) is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(quote_id + "=" * (-len(quote_id) % 4))
    except ValueError:
        return None
    seal, told = raw[:_SEAL], raw[_SEAL:]
    if not hmac.compare_digest(seal, seals.quote(told)):
        return None
    return msgspec.msgpack.decode(told, type=Shown)
