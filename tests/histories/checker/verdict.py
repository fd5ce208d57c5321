"""What a checker can find, in words that a reader of the report understands."""

from collections import Counter
from dataclasses import dataclass, field

REASONS = {
    "double-owner": "a seat was taken on a segment that somebody else still owned",
    "lost": "something was acknowledged and is not there",
    "unasked": "something is there that nobody asked for",
    "refused-but-done": "somebody was told that nothing had happened, and it had",
    "two-effects": "one idempotency key had two effects",
    "replay-differs": "the same request under the same key was answered differently",
    "replay-unmarked": "a repeated answer does not say that it is one",
    "key-crossed": "a key was accepted for another request than its own",
    "out-of-window": "something happened before it was asked for, or after it was answered",
    "partial": "less was taken than was asked for",
    "mismatch": "what was done is not what was asked for",
    "revived": "something that had ended acted again",
    "after-deadline": "something was done with a hold or booking whose time was over",
    "expired-early": "a hold or booking was ended before its time was over",
    "left-over": "something whose time is over still owns seats",
    "deadline-moved": "a deadline is not the one that was promised",
    "no-cause": "something was refused and nothing stood in its way",
    "vanished": "a hold or booking that exists was said not to exist",
    "rev-gap": "the revisions of a bus are not 1, 2, 3, ...",
    "epoch-changed": "history was rebuilt, and nobody asked for that",
    "real-time-order": "a change that was answered before another began has the later revision",
    "clock-order": "a seat's changes are not in the order of the database's clock",
    "unexplained-event": "a revision changes seats for no reason that anybody gave",
    "missing-event": "something changed and no revision tells of it",
    "wrong-event": "a revision tells of other states than the change made",
    "wrong-end": "the seats at the end are not what all revisions together make of them",
    "wrong-claims": "the claims at the end are not those of the owners",
    "uncommitted-state": "a watcher saw a state that was never committed",
    "seen-too-early": "a watcher saw a state before it was decided",
    "watcher-went-back": "a watcher was sent back, or past a revision that it did not have",
    "watcher-behind": "a watcher did not reach the last revision",
    "money": "payments, refunds, tickets and prices do not add up",
    "refund-exceeds-payment": "more was paid back than was paid",
    "server-error": "the server broke: a 5xx that does not say what is known",
}


@dataclass(frozen=True, slots=True)
class Violation:
    reason: str
    bus: str
    detail: str

    def __post_init__(self) -> None:
        assert self.reason in REASONS, self.reason

    def __str__(self) -> str:
        return f"{self.reason} on bus {self.bus}: {REASONS[self.reason]}: {self.detail}"


@dataclass(slots=True)
class Verdict:
    """All violations, and how much was looked at. There is no third verdict beside right and wrong."""

    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_right(self) -> bool:
        return not self.violations
