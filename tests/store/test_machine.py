"""Whatever is done in whatever order, the store ends where the model does; with a broken rule it does not."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from store import refund_rules, rules, settlement
from store.model import Leg
from store.refund_rules import Paid, Term, refund_of
from tests.store.machine import StoreMachine
from tests.store.ownership import Disagreement
from tests.store.rig import Rig
from tests.support.fault_proxy import Fault

PARTS = 4
EXAMPLES, STEPS = 300, 40
LONG_EXAMPLES, LONG_STEPS = 5000, 80

ENDS = {
    *("Hold", "Booking", "Block", "replayed"),
    # Not TooManySeats: a buyer has two holds more often than that many seats, so some parts never come to it.
    *("SeatUnavailable", "HoldExpired", "HoldNotFound", "SalesClosed"),
    *("WrongState", "KeyReused"),
}
log = logging.getLogger(__name__)

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def rig(database_url: str) -> Iterator[Rig]:
    with Rig(database_url) as opened:
        yield opened


def run(rig: Rig, number: int, *, examples: int, steps: int, **how: Any) -> Counter[str]:
    """Run so many examples of the seed `number`, the same ones each time; return how often things ended how."""

    class Machine(StoreMachine):
        pass

    Machine.rig, Machine.tally = rig, Counter()
    run_state_machine_as_test(
        seed(number)(Machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            **how,
        ),
    )
    return Machine.tally


@pytest.mark.parametrize("part", range(PARTS))
def test_the_store_and_its_model_agree_after_every_step(
    rig: Rig, request: pytest.FixtureRequest, part: int
) -> None:
    is_long = request.config.getoption("--long")
    examples, steps = (LONG_EXAMPLES, LONG_STEPS) if is_long else (EXAMPLES, STEPS)
    tally = run(rig, part, examples=examples // PARTS, steps=steps)
    log.info("%d deeds, %s, %s", tally.total(), tally, Counter(rig.proxy.struck))
    assert tally.keys() >= ENDS, "something was never tried"
    assert {*rig.proxy.struck} >= {Fault.CUT_BEFORE, Fault.CUT_AFTER}


def skip_the_last_segment(states: str, leg: Leg) -> str:
    on_leg = states[leg.start : max(leg.start + 1, leg.end - 1)]
    return next(letter for letter in "BXLA" if letter in on_leg)


def leave_out_the_last_segment(states: str, leg: Leg, letter: str) -> str:
    end = max(leg.start + 1, leg.end - 1)
    return states[: leg.start] + letter * (end - leg.start) + states[end:]


def pay_back_twice(paid: Paid, term: Term | None) -> int:
    return 2 * refund_of(paid, term)


def charge_the_whole_route(fares: tuple[int, ...], _leg: Leg) -> int:
    return sum(fares)


BROKEN: dict[str, tuple[Any, str, Callable[..., object]]] = {
    "the last segment is not looked at": (rules, "status_on", skip_the_last_segment),
    "the last segment is not taken": (rules, "with_leg", leave_out_the_last_segment),
    "a refund is paid twice": (refund_rules, "refund_of", pay_back_twice),
    "a leg costs as much as the route": (rules, "leg_fare", charge_the_whole_route),
    "time to pay is never over": (settlement, "_require_payable", lambda *_: None),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_twin_with_a_broken_rule_they_soon_disagree(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    module, name, rule = BROKEN[broken]
    monkeypatch.setattr(module, name, rule)
    with pytest.raises(Disagreement):
        try_again_and_again(rig)


def try_again_and_again(rig: Rig) -> None:
    """Run more parts than one: what is drawn depends on what came of it, which varies where connections are cut."""
    for number in range(PARTS):
        run(rig, number, examples=50, steps=STEPS, phases=[Phase.generate], print_blob=False)
