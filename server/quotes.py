"""What is told of a refund, by whoever quotes it and by whoever refuses a quote: plain values, for both."""

from typing import Any

from store.refund_quotes import RefundQuote
from store.refund_rules import HOUSE_TERMS, Channel, Initiator, RuleSet, Term


def told(quote: RefundQuote) -> dict[str, Any]:
    """Return a quote as `QuoteShape` (`server/api/cancellations.py`) has it."""
    booking, bus = quote.booking, quote.booking.bus
    names = {person.seat_no: person.name for person in booking.passengers}

    def money(amount: int) -> dict[str, Any]:
        return {"amount": amount, "currency": bus.currency}

    return {
        "ref": booking.ref,
        "seats": [bus.layout.label(share.seat_no) for share in quote.shares],
        "refund": money(quote.amount),
        "total": money(booking.total),
        "fees": money(sum(share.kept for share in quote.shares)),
        "passengers": [
            {
                "seat": bus.layout.label(share.seat_no),
                "name": names[share.seat_no],
                "paid": money(share.paid),
                "refund": money(share.amount),
                "fee": money(share.kept),
            }
            for share in quote.shares
        ],
        "because": quote.because.value,
        "initiator": quote.initiator.value,
        "rule": _rule(quote.rules, quote.term, bus.currency),
        "valid_until": quote.valid_until,
        "quote_id": quote.quote_id,
    }


def terms_of_riders(rules: RuleSet | None) -> list[Term]:
    """Return what riders who buy here get back, the longest time ahead first."""
    terms = HOUSE_TERMS if rules is None else rules.terms
    ours = [term for term in terms if term.initiator is Initiator.PASSENGER]
    # Of two for one time, that which names the channel comes last and stays.
    fitting = sorted(
        (term for term in ours if term.channel in (None, Channel.WEB)),
        key=lambda term: term.channel is not None,
    )
    by_time = {term.before_minutes: term for term in fitting}
    return [by_time[minutes] for minutes in sorted(by_time, reverse=True)]


def in_words(rules: RuleSet | None) -> str:
    """Return the same as a sentence."""
    if rules is None:
        return "what was paid, until departure from the passenger's own stop"
    parts = [
        f"{term.percent} %{' less a fee' if term.fee else ''} until {_how_long(term.before_minutes)}"
        for term in terms_of_riders(rules)
    ]
    return ", ".join(parts) + ", as the passenger's own stop has it; nothing later"


def _how_long(minutes: int) -> str:
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes and minutes % size == 0:
            count = minutes // size
            return f"{count} {name}{'' if count == 1 else 's'} before departure"
    return "departure"


def _rule(rules: RuleSet | None, term: Term | None, currency: str) -> dict[str, Any] | None:
    """Return the row that applied; of rules none of whose rows did, only which rules they are."""
    if rules is None and term is None:
        return None
    return {
        "rules": None if rules is None else str(rules.rules_id),
        "name": None if rules is None else rules.name,
        "version": None if rules is None else rules.version,
        "before_minutes": None if term is None else term.before_minutes,
        "percent": 0 if term is None else term.percent,
        "fee": {"amount": 0 if term is None else term.fee, "currency": currency},
        "service_fee_paid_by": None if term is None else term.service_fee_paid_by.value,
        "channel": None if term is None or term.channel is None else term.channel.value,
    }
