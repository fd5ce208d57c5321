"""The checker itself: it passes what is right, and names the reason of what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.histories.breakages import BROKEN
from tests.histories.checker.bus import judge
from tests.histories.checker.verdict import REASONS
from tests.histories.records import RefundRow
from tests.histories.stories import Story, good_story

_ROOT = Path(__file__).resolve().parents[2]


def test_a_flawless_history_is_right() -> None:
    assert judge(good_story().history()).violations == []


def test_nothing_is_right_too() -> None:
    assert judge(Story().history()).violations == []


def test_one_who_never_learned_may_have_cancelled_what_another_left() -> None:
    story = Story()
    story.book(1, "b1", ("1A", "1B"))
    story.pay(1, "b1")
    story.cancel(2, "b1", ("1A",))
    story.cancel(1, "b1", ("1B",))
    unlearned, rest = story.attempts[-2:]
    story.attempts[-2] = replace(unlearned, outcome="info", status=0, answer=None)
    story.attempts[-1] = replace(rest, seats=(), start=unlearned.start)
    assert judge(story.history()).violations == []


def test_parts_cancelled_at_one_instant_are_summed_in_the_order_of_revisions() -> None:
    story = Story()
    story.book(1, "b1", ("1A", "1B", "2A"))
    story.pay(1, "b1")
    together = story.time
    story.cancel(2, "b1", ("2A",))
    story.time = together
    story.cancel(1, "b1", ("1A", "1B"))
    history = story.history()
    refunds = [row for row in history.rows if isinstance(row, RefundRow)]
    first, second = map(history.rows.index, refunds)
    history.rows[first], history.rows[second] = refunds[1], refunds[0]
    assert judge(history).violations == []


@pytest.mark.parametrize(("early_us", "is_right"), [(0, False), (4, False), (5, True)])
def test_a_sale_may_be_dated_early_by_as_much_as_the_world_allows(
    early_us: int, *, is_right: bool
) -> None:
    story = Story(early_us=early_us)
    story.hold(1, "h1", ("1A",))
    story.release(1, "h1")
    held = story.attempts[0]
    story.attempts[0] = replace(held, start=story.holds["h1"].created + 5)
    assert judge(story.history()).is_right == is_right


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_is_wrong_for_its_own_reason(name: str) -> None:
    reason, make = BROKEN[name]
    violations = judge(make()).violations
    assert [violation.reason for violation in violations[:1]] == [reason], list(
        map(str, violations)
    )


def test_every_reason_has_a_history_that_is_broken_by_it() -> None:
    assert {reason for reason, _ in BROKEN.values()} == REASONS.keys()


def test_the_checker_knows_nothing_of_the_product() -> None:
    asked = (
        "import sys, tests.histories.check;"
        "print([name for name in sys.modules if name.partition('.')[0] in {'server', 'store', 'realtime', 'asyncpg'}])"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", asked], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
