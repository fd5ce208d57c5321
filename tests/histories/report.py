"""What a proof came to, as a page for somebody who was not there."""

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_CHECKED = """\
1. Every seat on every segment had at most one owner at any time: for each bus there is one order of all changes in
   which every answer makes sense, and it is the order of the bus's revisions (linearizability).
2. That order agrees with the clock: nothing happened before it was asked for or after it was answered, and of two
   changes of which one was answered before the other was asked for, the first has the lower revision.
3. Whatever was acknowledged is in the database, and whatever is in the database was asked for: by somebody who was
   told, or by somebody who never got an answer.
4. Every idempotency key had one effect, and every repetition got the same answer, to the byte.
5. Every refusal was justified: the seats were taken, the hold was over, at a moment between question and answer.
6. Several seats were taken together or not at all; nothing that had ended came back; no deadline moved by itself.
7. Every state that a watcher was shown is a committed one, no earlier than it was decided, and none went back; all
   reached the last.
8. Every payment is a confirmed booking or a refund; nothing more was paid back than was paid; every paid seat has its
   ticket.
9. At the end the claims in the database are those of the owners, and no invariant query of the product finds a row."""
_SORTS = {
    "hold": "hold seats",
    "replace": "change the seats of a hold",
    "extend": "extend a hold",
    "release": "release a hold",
    "book": "book, directly or from a hold",
    "pay": "pay",
    "decline": "have a payment declined",
    "cancel": "cancel, whole or in part",
}
_OUTCOMES = ("done", "refused", "unknown", "not done")


@dataclass(slots=True)
class Proof:
    """Sums over all rounds. `counts` are the checker's, the rest is what the runs say of themselves."""

    seed: int
    operations_wanted: int
    clients: int
    round_size: int
    versions: Mapping[str, str]
    counts: Counter[str] = field(default_factory=Counter)
    strikes: Counter[str] = field(default_factory=Counter)
    commits: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    rounds: int = 0
    seconds: float = 0.0
    kept_in: str = ""

    @property
    def operations(self) -> int:
        """How many were checked: what buyers did, and seat maps that were read."""
        return self.counts["operations"] + self.counts["seat maps read"]

    @property
    def is_right(self) -> bool:
        return not self.violations

    def data(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "operations": self.operations,
            "rounds": self.rounds,
            "seconds": round(self.seconds, 1),
            "counts": dict(self.counts),
            "strikes": dict(self.strikes),
            "commits": dict(self.commits),
            "violations": self.violations,
        }


def write(proof: Proof) -> str:
    """Return the report as Markdown."""
    verdict = (
        f"**Right: 0 violations in {proof.operations:,} operations, and no verdict left open.**"
        if proof.is_right
        else f"**Wrong: {len(proof.violations):,} violations in {proof.operations:,} operations.**"
    )
    parts = [
        "# Does Omnibus sell every seat once?",
        verdict,
        _what_was_done(proof),
        "## Operations, and what became of them",
        _operations(proof.counts),
        _outcomes_explained(proof.counts),
        "## Faults",
        _faults(proof),
        "## What was checked" if proof.is_right else "## What ought to be so",
        _CHECKED,
    ]
    if proof.violations:
        parts += ["## What is wrong", "\n".join(f"- {line}" for line in proof.violations[:50])]
    parts += ["## Once more", _how_to_repeat(proof)]
    return "\n\n".join(parts) + "\n"


def _what_was_done(proof: Proof) -> str:
    rounds = "One round" if proof.rounds == 1 else f"{proof.rounds} rounds, each on new buses"
    return f"""\
{proof.clients} buyers over HTTP at three API processes, each doing one thing at a time, all after the same few buses of
several segments; holds and unpaid bookings that last seconds; watchers on WebSockets. {rounds},
{proof.seconds / 60:,.1f} minutes, while PostgreSQL, Valkey, the processes and the connections between them were being
broken.
A separate program then read what everybody had asked and been told, what the watchers had seen and what the database
held, and knew nothing else."""


def _operations(counts: Mapping[str, int]) -> str:
    head = f"| operation | {' | '.join(_OUTCOMES)} |\n| --- | {' | '.join(['---:'] * len(_OUTCOMES))} |"
    rows = []
    for op, title in _SORTS.items():
        numbers = [f"{counts.get(f'{op}: {outcome}', 0):,}" for outcome in _OUTCOMES]
        rows.append(f"| {title} | {' | '.join(numbers)} |")
    rows.append(f"| read a seat map | {counts.get('seat maps read', 0):,} | | | |")
    return "\n".join([head, *rows])


def _outcomes_explained(counts: Mapping[str, int]) -> str:
    repeated = counts.get("attempts", 0) - counts.get("operations", 0)
    revisions, states = counts.get("revisions", 0), counts.get("states watched", 0)
    return f"""\
*Unknown* are operations to which no answer ever came: they may have happened. *Not done* were told that nothing had
happened. {repeated:,} requests were repetitions under the same key. The buses went through {revisions:,} revisions;
watchers were shown {states:,} states."""


def _faults(proof: Proof) -> str:
    rows: Sequence[tuple[str, int]] = sorted(proof.strikes.items())
    table = [
        "| fault | times |",
        "| --- | ---: |",
        *(f"| {name} | {times:,} |" for name, times in rows),
    ]
    for name, times in sorted(proof.commits.items()):
        form, _, fault = name.partition(", ")
        if fault:
            table.append(f"| {_commit_fault(form, fault)} | {times:,} |")
    return "\n".join(table)


def _commit_fault(form: str, fault: str) -> str:
    what = "COMMIT" if form == "COMMIT" else "statement that commits by itself"
    return {
        "cut_before": f"connection cut before a {what} reached PostgreSQL",
        "cut_after": f"connection cut after a {what}, before its answer",
        "late": f"connection cut, and the {what} delivered afterwards",
        "slow": f"{what} delayed",
    }[fault]


def _how_to_repeat(proof: Proof) -> str:
    options = (
        f"--seed {proof.seed} --operations {proof.operations_wanted} --clients {proof.clients}"
    )
    versions = ", ".join(f"{name} {version}" for name, version in proof.versions.items())
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    kept = f"\n\nThe history is kept in `{proof.kept_in}`." if proof.kept_in else ""
    return f"""\
`make prove ARGS="{options}"` brings the same faults at the same points of the work, and the same wishes of the same
buyers; how they interleave is the machine's affair, and differs.

{versions}; {machine}; {datetime.now(UTC):%Y-%m-%d}. How it works, and what it does not show: docs/proof.md.{kept}
"""
