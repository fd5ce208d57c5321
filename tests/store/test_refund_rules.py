"""What comes back of a ticket: the examples of docs/refunds.md, and what holds for any rules."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.refund_rules import (
    QUOTE_LIFETIME,
    TERMS_MAX,
    Channel,
    Initiator,
    Paid,
    Term,
    band_ends_at,
    find_faults,
    find_term,
    refund_of,
    share_out,
    valid_until,
)

GUIDE = (Path(__file__).parents[2] / "docs" / "refunds.md").read_text(encoding="utf-8")
_EXAMPLES = re.search(r"<!-- examples: (\{.*?\}) -->\n((?:\|[^\n]*\n)+)", GUIDE, re.DOTALL)
assert _EXAMPLES is not None
TERMS = msgspec.convert(json.loads(_EXAMPLES[1])["terms"], tuple[Term, ...])
LINES = [line.split("|")[1:-1] for line in _EXAMPLES[2].splitlines()[2:]]
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)

terms_any = st.builds(
    Term,
    before_minutes=st.integers(0, 20_000),
    percent=st.integers(0, 100),
    fee=st.integers(0, 3000),
    service_fee_paid_by=st.sampled_from(Initiator),
    channel=st.none() | st.sampled_from(Channel),
    initiator=st.sampled_from(Initiator),
)
paid_any = st.builds(Paid, fare=st.integers(0, 1_000_000), service_fee=st.integers(0, 1000))
times = st.timedeltas(timedelta(0), timedelta(days=20))


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(part.strip() for part in line))
def test_every_example_of_the_guide_comes_to_what_it_says(line: list[str]) -> None:
    left, channel, paid, who, back, _ = (part.strip() for part in line)
    parts = (part for part in re.findall(r"(\d+) ([dhm])", left))
    ahead = sum((int(count) * _UNITS[unit] for count, unit in parts), timedelta())
    term = find_term(TERMS, ahead, channel=Channel(channel), initiator=Initiator(who))
    prices = [Paid(int(amount)) for amount in re.findall(r"\d+", paid)]
    assert [refund_of(price, term) for price in prices] == [
        int(amount) for amount in back.split(", ")
    ]


def test_the_guide_has_examples() -> None:
    assert len(LINES) >= 10


@given(st.lists(terms_any, max_size=8), times, st.sampled_from(Channel), st.sampled_from(Initiator))
def test_the_term_that_applies_is_one_that_fits_and_none_that_fits_is_longer(
    terms: list[Term], ahead: timedelta, channel: Channel, initiator: Initiator
) -> None:
    term = find_term(terms, ahead, channel=channel, initiator=initiator)
    fitting = [
        each
        for each in terms
        if each.initiator is initiator
        and each.channel in (None, channel)
        and each.before_minutes * 60 <= ahead.total_seconds()
    ]
    if term is not None and term in terms:
        assert term in fitting
        assert term.before_minutes == max(each.before_minutes for each in fitting)
    elif term is None:
        assert fitting == []
    else:
        assert initiator is Initiator.OPERATOR


@given(st.lists(paid_any, min_size=1, max_size=8), st.none() | terms_any, st.integers(0, 2_000_000))
def test_no_passenger_gets_less_than_nothing_and_nobody_more_than_is_left(
    prices: list[Paid], term: Term | None, left: int
) -> None:
    paid = dict(enumerate(prices, start=1))
    shares = share_out(paid, term, left=left)
    assert [share.seat_no for share in shares] == list(paid)
    for share in shares:
        assert 0 <= share.amount <= paid[share.seat_no].total
        assert share.amount + share.kept == share.paid == paid[share.seat_no].total
    assert sum(share.amount for share in shares) <= left
    if left >= sum(price.total for price in prices):
        # Each is reckoned alone: whoever cancels one after the other comes to the same.
        alone = [refund_of(price, term) for price in prices]
        assert [share.amount for share in shares] == alone


@given(
    st.lists(st.integers(0, 20_000), min_size=1, max_size=6, unique=True),
    st.data(),
    paid_any,
    times,
    times,
)
def test_where_the_rows_give_less_the_later_it_is_no_later_moment_brings_more(
    minutes: list[int], data: st.DataObject, paid: Paid, one: timedelta, other: timedelta
) -> None:
    size = len(minutes)
    percents = data.draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))
    fees = data.draw(st.lists(st.integers(0, 3000), min_size=size, max_size=size))
    rows = zip(sorted(minutes), sorted(percents), sorted(fees, reverse=True), strict=True)
    terms = [Term(*row) for row in rows]

    def back(ahead: timedelta) -> int:
        term = find_term(terms, ahead, channel=Channel.WEB, initiator=Initiator.PASSENGER)
        return refund_of(paid, term)

    assert back(min(one, other)) <= back(max(one, other))


@given(paid_any, st.integers(0, 100))
def test_a_share_is_rounded_half_up_in_any_currency(paid: Paid, percent: int) -> None:
    exact = paid.fare * percent / 100
    assert abs(refund_of(paid, Term(0, percent)) - exact) <= 0.5
    assert refund_of(Paid(50), Term(0, 1)) == 1


@given(st.lists(terms_any, min_size=1, max_size=6), times)
def test_a_quote_never_outlives_its_time_band(terms: list[Term], ahead: timedelta) -> None:
    departs_at = NOON + ahead
    term = find_term(terms, ahead, channel=Channel.WEB, initiator=Initiator.PASSENGER)
    until = valid_until(NOON, band_ends_at(departs_at, term))
    assert until <= NOON + QUOTE_LIFETIME
    assert until <= departs_at
    assert until.microsecond % 1000 == 0
    still = find_term(terms, departs_at - until, channel=Channel.WEB, initiator=Initiator.PASSENGER)
    assert still == term


def test_what_is_wrong_with_terms_is_named_fault_by_fault() -> None:
    terms = [
        Term(-1, 101, -5),
        Term(60, 50),
        Term(60, 40),
        Term(0, 0, 100, initiator=Initiator.OPERATOR),
        Term(60, 30, channel=Channel.WEB),
    ]
    assert [(fault.pointer, fault.code) for fault in find_faults(terms)] == [
        ("/terms/0/before_minutes", "out_of_range"),
        ("/terms/0/percent", "out_of_range"),
        ("/terms/0/fee", "out_of_range"),
        ("/terms/2", "duplicate_term"),
        ("/terms/3/fee", "fee_of_nothing"),
    ]
    only_ours = [Term(0, 100, initiator=Initiator.OPERATOR)]
    assert [fault.code for fault in find_faults(only_ours)] == ["no_passenger_term"]
    many = [Term(minute, 1) for minute in range(TERMS_MAX + 1)]
    assert [fault.code for fault in find_faults(many)] == ["too_many_terms"]
    assert find_faults(TERMS) == []
