"""One effect per key, and the same answer for everyone who asks again."""

from collections.abc import Iterable, Iterator

from tests.histories.checker.history import MISUSE, NOT_YET, Operation, is_definite
from tests.histories.checker.verdict import Violation
from tests.histories.records import Attempt

_REUSED = "idempotency_key_reused"
_HONEST = frozenset({"overloaded", "outcome_unknown"})


def check_answers(attempts: Iterable[Attempt]) -> Iterator[Violation]:
    """Yield servers that broke, and keys that were taken for another request than their own."""
    for attempt in attempts:
        if attempt.status >= 500 and attempt.code not in _HONEST:
            yield Violation(
                "server-error", attempt.bus, f"{attempt.status} {attempt.code} to {attempt.op}"
            )
        is_taken = attempt.code != _REUSED and attempt.code not in NOT_YET
        if attempt.op == MISUSE and attempt.outcome != "info" and is_taken:
            yield Violation("key-crossed", attempt.bus, f"key {attempt.key}: {attempt.status}")


def check_keys(bus: str, found: Iterable[Operation]) -> Iterator[Violation]:
    """Yield operations whose attempts were told different things."""
    for operation in found:
        answers = [attempt for attempt in operation.attempts if is_definite(attempt)]
        if len(answers) < 2 or answers[0].key is None:
            continue
        first, *others = answers
        ids = {one.answer.id for one in answers if one.outcome == "ok" and one.answer}
        if len(ids) > 1:
            yield Violation("two-effects", bus, f"{operation}: {sorted(map(str, ids))}")
        elif any((one.status, one.digest) != (first.status, first.digest) for one in others):
            yield Violation("replay-differs", bus, str(operation))
        elif not all(one.is_replayed for one in others):
            yield Violation("replay-unmarked", bus, str(operation))
