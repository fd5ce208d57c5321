"""What is paid back of a ticket: rules as data, and how they are applied. Pure: no clock, no database.

A rule set is a bag of terms; their order says nothing. Of the terms that fit whoever cancels and where the ticket was
bought, the one with the longest time ahead counts that is not longer than the time left before the passenger's own
stop is left; of two alike, the one that names the channel. No term fits: nothing is paid back. Whoever operates the bus
pays everything back when it cancels, unless the rules have terms for that, too; whatever they say, when the bus itself
is cancelled.

Money is whole minor units, whatever a currency's minor unit is: a yen is one. The share of the fare is rounded half up,
ticket by ticket, so that passengers' amounts add up to the booking's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from store.rules import seat_price

TERMS_MAX = 50
MINUTES_MAX = 366 * 24 * 60
FEE_MAX = 100_000_000
QUOTE_LIFETIME = timedelta(minutes=10)


class Channel(StrEnum):
    """Where a ticket was bought."""

    WEB = "web"
    COUNTER = "counter"
    KIOSK = "kiosk"


class Initiator(StrEnum):
    """Who wants the ticket cancelled."""

    PASSENGER = "passenger"
    OPERATOR = "operator"


class Term(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row: `before_minutes` or more ahead, `percent` of the fare less a fixed `fee` comes back.

    `service_fee_paid_by` is who bears the service fee of the sale then: it is kept, or given back on top.
    """

    before_minutes: int
    percent: int
    fee: int = 0
    service_fee_paid_by: Initiator = Initiator.PASSENGER
    channel: Channel | None = None
    initiator: Initiator = Initiator.PASSENGER


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One version of an operator's rules; `rules_id` None for those of the house."""

    rules_id: int | None
    operator_id: int
    name: str
    version: int
    currency: str
    terms: tuple[Term, ...]
    published_at: datetime | None = None


ALL_BACK = Term(0, 100, service_fee_paid_by=Initiator.OPERATOR)
HOUSE_TERMS = (ALL_BACK,)
"""What counts without rules: everything back, until the passenger's stop is left."""


class Paid(msgspec.Struct, frozen=True):
    """What was paid for one ticket."""

    fare: int
    service_fee: int = 0

    @property
    def total(self) -> int:
        return self.fare + self.service_fee


class Share(msgspec.Struct, frozen=True):
    """What of one ticket goes back, and what is kept."""

    seat_no: int
    paid: int
    amount: int

    @property
    def kept(self) -> int:
        return self.paid - self.amount


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a rule set; `pointer` is where, from its list of terms."""

    pointer: str
    code: str
    detail: str


def find_term(
    terms: Iterable[Term], ahead: timedelta, *, channel: Channel, initiator: Initiator
) -> Term | None:
    """Return the term that applies with so much time ahead; None when nothing is paid back."""
    ours = [term for term in terms if term.initiator is initiator]
    if not ours and initiator is Initiator.OPERATOR:
        return ALL_BACK
    fitting = [
        term
        for term in ours
        if term.channel in (None, channel) and timedelta(minutes=term.before_minutes) <= ahead
    ]
    return max(
        fitting, key=lambda term: (term.before_minutes, term.channel is not None), default=None
    )


def refund_of(paid: Paid, term: Term | None) -> int:
    """Return what comes back of one ticket: never less than nothing, never more than was paid for it."""
    if term is None:
        return 0
    fare = max(0, seat_price(paid.fare, term.percent) - term.fee)
    is_ours = term.service_fee_paid_by is Initiator.OPERATOR
    return fare + (paid.service_fee if is_ours else 0)


def share_out(paid: Mapping[int, Paid], term: Term | None, *, left: int) -> tuple[Share, ...]:
    """Return what comes back of each seat, by number, and never more in all than is `left` of the payment."""
    shares: list[Share] = []
    for seat_no, price in sorted(paid.items()):
        amount = min(refund_of(price, term), left)
        left -= amount
        shares.append(Share(seat_no, price.total, amount))
    return tuple(shares)


def valid_until(now: datetime, ends_at: datetime | None) -> datetime:
    """Return until when what is shown now is paid, in whole milliseconds: ten minutes, or sooner if things change."""
    until = now + QUOTE_LIFETIME if ends_at is None else min(now + QUOTE_LIFETIME, ends_at)
    return until.replace(microsecond=until.microsecond // 1000 * 1000)


def band_ends_at(departs_at: datetime, term: Term | None) -> datetime:
    """Return when a term applies for the last time; where none does, nothing changes until departure."""
    return departs_at - timedelta(minutes=0 if term is None else term.before_minutes)


def find_faults(terms: Sequence[Term]) -> list[Fault]:
    """Return everything that is wrong with terms, each fault by its place; empty is good."""
    faults = [*_faults_of_all(terms)]
    seen: dict[tuple[object, ...], int] = {}
    for index, term in enumerate(terms):
        faults += _faults_of_one(term, f"/terms/{index}")
        same = (term.before_minutes, term.channel, term.initiator)
        if (first := seen.setdefault(same, index)) != index:
            what = f"terms {first} and {index} are for the same time, channel and initiator"
            faults.append(Fault(f"/terms/{index}", "duplicate_term", what))
    return faults


def _faults_of_all(terms: Sequence[Term]) -> Iterator[Fault]:
    if len(terms) > TERMS_MAX:
        yield Fault("/terms", "too_many_terms", f"at most {TERMS_MAX} terms")
    if not any(term.initiator is Initiator.PASSENGER for term in terms):
        yield Fault(
            "/terms",
            "no_passenger_term",
            "say what passengers get back, be it nothing: 0 percent from 0 minutes on",
        )


def _faults_of_one(term: Term, pointer: str) -> Iterator[Fault]:
    if not 0 <= term.before_minutes <= MINUTES_MAX:
        yield Fault(f"{pointer}/before_minutes", "out_of_range", f"from 0 to {MINUTES_MAX}")
    if not 0 <= term.percent <= 100:
        yield Fault(f"{pointer}/percent", "out_of_range", "from 0 to 100")
    if not 0 <= term.fee <= FEE_MAX:
        yield Fault(f"{pointer}/fee", "out_of_range", f"from 0 to {FEE_MAX}")
    elif term.fee and term.percent == 0:
        yield Fault(f"{pointer}/fee", "fee_of_nothing", "there is nothing to take a fee from")
