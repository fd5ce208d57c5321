"""The whole judgement of one bus."""

from collections import Counter
from collections.abc import Sequence

from tests.histories.checker.deeds import Bus
from tests.histories.checker.history import History, Operation, Outcome, operations
from tests.histories.checker.keys import check_answers, check_keys
from tests.histories.checker.money import check_money
from tests.histories.checker.order import check_end, check_real_time, check_revisions
from tests.histories.checker.refusals import check_refusals
from tests.histories.checker.sights import PASSER_BY, Sights
from tests.histories.checker.verdict import Verdict
from tests.histories.checker.walk import WALKS_MAX, Walk
from tests.histories.records import BusRow, ClaimRow, EventRow


def judge(history: History) -> Verdict:
    """Judge a history bus by bus: nothing that is done to one can depend on another."""
    verdict = Verdict()
    for part in history.split():
        found = judge_bus(part)
        verdict.violations += found.violations
        verdict.counts += found.counts
    return verdict


def judge_bus(history: History) -> Verdict:
    """Judge the history of one bus. The first of its violations is the one to look at: others may follow from it."""
    (name,) = history.world.buses
    verdict = Verdict()
    wrong = verdict.violations
    found = operations(history.attempts)
    row = next(row for row in history.rows if isinstance(row, BusRow))
    events = sorted(
        (row for row in history.rows if isinstance(row, EventRow)), key=lambda event: event.rev
    )
    wrong += check_answers(history.attempts)
    wrong += check_keys(name, found)
    wrong += check_revisions(row, events)
    bus, walk = _explain(history, found, events)
    wrong += bus.violations
    wrong += walk.violations
    if not wrong:
        wrong += check_real_time(walk)
        wrong += check_end(row, (row for row in history.rows if isinstance(row, ClaimRow)), walk)
        wrong += check_refusals(bus, walk)
        wrong += check_money(bus, history.rows)
    if not check_revisions_failed(wrong):
        wrong += Sights(row, history.world.buses[name][1], events).check(history.glimpses)
    _count(verdict.counts, history, walk)
    return verdict


def check_revisions_failed(violations: Sequence[object]) -> bool:
    return any(getattr(violation, "reason", "") == "rev-gap" for violation in violations)


def _explain(
    history: History, found: Sequence[Operation], events: Sequence[EventRow]
) -> tuple[Bus, Walk]:
    """Walk through all revisions, and again with other choices while there are any and something is wrong."""
    (name,) = history.world.buses
    first: tuple[Bus, Walk] | None = None
    choices: Sequence[int] | None = ()
    for _ in range(WALKS_MAX):
        assert choices is not None
        bus = Bus.of(name, history.world, found, history.rows)
        walk = Walk(bus, events, choices)
        walk.go()
        if not walk.violations:
            return bus, walk
        first = first or (bus, walk)
        choices = _next(walk.taken)
        if choices is None:
            break
    assert first is not None
    return first


def _next(taken: Sequence[tuple[int, int]]) -> Sequence[int] | None:
    """Return the next combination of choices, or None after the last."""
    for place in range(len(taken) - 1, -1, -1):
        chosen, count = taken[place]
        if chosen + 1 < count:
            return [*(one for one, _ in taken[:place]), chosen + 1]
    return None


def _count(counts: Counter[str], history: History, walk: Walk) -> None:
    for operation in walk.bus.operations:
        counts["operations"] += 1
        counts[f"operations: {operation.outcome.value}"] += 1
        counts[f"{operation.op}: {operation.outcome.value}"] += 1
    counts["attempts"] += len(history.attempts)
    counts["revisions"] += len(walk.told)
    counts["choices"] += len(walk.taken)
    counts["refusals explained"] += sum(
        operation.outcome is Outcome.REFUSED for operation in walk.bus.operations
    )
    looks = sum(glimpse.watcher == PASSER_BY for glimpse in history.glimpses)
    counts["seat maps read"] += looks
    counts["states watched"] += len(history.glimpses) - looks
