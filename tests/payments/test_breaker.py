"""The circuit breaker's rules, by a clock that the test moves: against a naive twin, and one by one."""

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.payments.breaker import Breaker, BreakerRules, Circuit, NotAsked, Permit

RULES = BreakerRules(
    window_seconds=10,
    calls_min=4,
    calls_max=20,
    bad_share=0.5,
    slow_seconds=2,
    rest_seconds=5,
    rest_seconds_max=15,
    trials=2,
)
Kind = Literal["good", "slow", "failed", "forgotten"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 4.9, 5.0, 11.0, 60.0])),
        st.tuples(st.just("ask"), st.just(0)),
        st.tuples(
            st.sampled_from(["good", "slow", "failed", "forgotten"]),
            st.integers(min_value=0, max_value=30),
        ),
    ),
    max_size=80,
)


def ask(breaker: Breaker, now: float) -> Permit | NotAsked:
    try:
        return breaker.admit(now)
    except NotAsked as refusal:
        return refusal


def tell(breaker: Breaker, permit: Permit, now: float, kind: Kind) -> None:
    if kind == "forgotten":
        breaker.forget(permit)
        return
    seconds = 2.0 if kind == "slow" else 0.1
    breaker.note(permit, now, seconds=seconds, is_answer=kind != "failed")


@dataclass
class NaiveTwin:
    """The same rules, written down without any thought of cost."""

    circuit: Circuit = Circuit.CLOSED
    era: list[tuple[float, bool]] = field(default_factory=list)
    since: int = 0
    """Counts the changes: who asked before one is not heard after it."""
    outstanding: int = 0
    rests: list[float] = field(default_factory=list)
    opened_at: float = 0.0

    def may_ask(self, now: float) -> bool:
        if self.circuit is Circuit.OPEN:
            if now < self.opened_at + self.rests[-1]:
                return False
            self.change(Circuit.HALF_OPEN)
        if self.circuit is Circuit.HALF_OPEN:
            if self.outstanding + len(self.era) >= RULES.trials:
                return False
            self.outstanding += 1
        return True

    def hear(self, since: int, now: float, kind: Kind) -> None:
        if since != self.since:
            return
        if self.circuit is Circuit.HALF_OPEN:
            self.outstanding -= 1
        if kind == "forgotten":
            return
        self.era.append((now, kind != "good"))
        if self.circuit is Circuit.HALF_OPEN:
            if kind != "good":
                self.open(now)
            elif len(self.era) == RULES.trials:
                self.rests.clear()
                self.change(Circuit.CLOSED)
            return
        lately = [bad for at, bad in self.era if at > now - RULES.window_seconds]
        lately = lately[-RULES.calls_max :]
        if len(lately) >= RULES.calls_min and sum(lately) >= RULES.bad_share * len(lately):
            self.open(now)

    def open(self, now: float) -> None:
        self.rests.append(min(RULES.rest_seconds * 2 ** len(self.rests), RULES.rest_seconds_max))
        self.opened_at = now
        self.change(Circuit.OPEN)

    def change(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.era = []
        self.outstanding = 0
        self.since += 1


@settings(max_examples=400, deadline=None)
@given(steps=STEPS)
def test_it_does_what_its_naive_twin_does_whatever_happens(
    steps: list[tuple[str, float]],
) -> None:
    now, breaker, twin = 1000.0, Breaker(RULES), NaiveTwin()
    asked: list[tuple[Permit, int]] = []
    for what, value in steps:
        if what == "wait":
            now += value
        elif what == "ask":
            may = twin.may_ask(now)
            answer = ask(breaker, now)
            assert may == isinstance(answer, Permit)
            if isinstance(answer, NotAsked):
                assert 0 < answer.retry_after <= RULES.rest_seconds_max
            else:
                asked.append((answer, twin.since))
        elif asked:
            permit, since = asked.pop(int(value) % len(asked))
            kind: Kind = what  # type: ignore[assignment] # one of the four by now
            tell(breaker, permit, now, kind)
            twin.hear(since, now, kind)
        assert breaker.circuit is twin.circuit


@settings(max_examples=100, deadline=None)
@given(
    gaps=st.lists(st.floats(min_value=0, max_value=30), max_size=60),
    kinds=st.lists(st.sampled_from(["good", "forgotten"]), min_size=60, max_size=60),
)
def test_who_always_answers_in_time_is_always_asked(gaps: list[float], kinds: list[Kind]) -> None:
    now, breaker = 0.0, Breaker(RULES)
    for gap, kind in zip(gaps, kinds, strict=False):
        now += gap
        tell(breaker, breaker.admit(now), now, kind)
    assert breaker.circuit is Circuit.CLOSED


@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_whatever_was_before_good_answers_close_it_in_the_end(
    steps: list[tuple[str, float]],
) -> None:
    now, breaker = 0.0, Breaker(RULES)
    asked: list[Permit] = []
    for what, value in steps:
        if what == "wait":
            now += value
        elif what == "ask":
            answer = ask(breaker, now)
            if isinstance(answer, Permit):
                asked.append(answer)
        elif asked:
            tell(breaker, asked.pop(), now, what)  # type: ignore[arg-type] # one of the four by now
    for permit in asked:
        breaker.forget(permit)
    for _ in range(RULES.trials):
        now += RULES.rest_seconds_max
        tell(breaker, breaker.admit(now), now, "good")
    assert breaker.circuit is Circuit.CLOSED


def opened(kind: Kind = "failed") -> Breaker:
    breaker = Breaker(RULES)
    for _ in range(RULES.calls_min):
        tell(breaker, breaker.admit(0.0), 0.0, kind)
    return breaker


@pytest.mark.parametrize("kind", ["failed", "slow"])
def test_failures_and_slowness_open_it_and_it_says_for_how_long(kind: Kind) -> None:
    breaker = opened(kind)
    assert breaker.circuit is Circuit.OPEN
    with pytest.raises(NotAsked) as refusal:
        breaker.admit(1.0)
    assert refusal.value.retry_after == 4.0


def test_a_few_failures_are_not_enough() -> None:
    breaker = Breaker(RULES)
    for _ in range(RULES.calls_min - 1):
        tell(breaker, breaker.admit(0.0), 0.0, "failed")
    assert breaker.circuit is Circuit.CLOSED


def test_what_is_long_ago_counts_no_more() -> None:
    breaker = Breaker(RULES)
    for _ in range(RULES.calls_min - 1):
        tell(breaker, breaker.admit(0.0), 0.0, "failed")
    tell(breaker, breaker.admit(10.0), 10.0, "failed")
    assert breaker.circuit is Circuit.CLOSED


def test_after_its_rest_it_is_tried_by_two_and_by_nobody_else() -> None:
    breaker = opened()
    first, second = breaker.admit(5.0), breaker.admit(5.0)
    with pytest.raises(NotAsked):
        breaker.admit(5.0)
    tell(breaker, first, 5.0, "good")
    assert breaker.circuit.name == "HALF_OPEN"
    tell(breaker, second, 5.0, "good")
    assert breaker.circuit.name == "CLOSED"


def test_a_failed_trial_makes_the_rest_longer_up_to_a_bound() -> None:
    breaker, now, rests = opened(), 0.0, []
    for _ in range(4):
        with pytest.raises(NotAsked) as refusal:
            breaker.admit(now)
        rests.append(refusal.value.retry_after)
        now += refusal.value.retry_after
        tell(breaker, breaker.admit(now), now, "failed")
    assert rests == [5.0, 10.0, 15.0, 15.0]


def test_what_is_told_of_calls_from_before_it_opened_is_not_heard() -> None:
    breaker = Breaker(RULES)
    early = [breaker.admit(0.0) for _ in range(10)]
    for permit in early[:4]:
        tell(breaker, permit, 0.0, "failed")
    trial = breaker.admit(5.0)
    for permit in early[4:]:
        tell(breaker, permit, 5.0, "failed")
    assert breaker.circuit.name == "HALF_OPEN"
    tell(breaker, trial, 5.0, "good")
    tell(breaker, breaker.admit(5.0), 5.0, "good")
    assert breaker.circuit.name == "CLOSED"


def test_a_trial_that_nobody_hears_of_makes_room_for_another() -> None:
    breaker = opened()
    for _ in range(10):
        breaker.forget(breaker.admit(5.0))
    assert breaker.circuit is Circuit.HALF_OPEN
