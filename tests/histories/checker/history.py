"""A history as it was written down, and its attempts put together to operations."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import msgspec

from tests.histories.records import (
    DATABASE,
    OPERATIONS,
    WATCHERS,
    WORLD,
    Attempt,
    Glimpse,
    Leg,
    Row,
    Seats,
    World,
    read,
    read_rows,
)

FOREVER = 1 << 62
MISUSE = "misuse"
NOT_YET = frozenset({"overloaded", "request_in_progress", "rate_limited", "unsent"})
"""Answers that promise that nothing was done, and settle nothing for the next attempt."""


class Outcome(Enum):
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """No attempt was answered for good: it may have happened, at any time since the first one."""
    NOT_DONE = "not done"
    """Every attempt was told that nothing had happened."""


@dataclass(slots=True)
class History:
    world: World
    attempts: list[Attempt] = field(default_factory=list)
    glimpses: list[Glimpse] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path) -> "History":
        world = msgspec.json.decode((folder / WORLD).read_bytes(), type=World)
        return cls(
            world,
            list(read(folder / OPERATIONS, Attempt)),
            list(read(folder / WATCHERS, Glimpse)),
            list(read_rows(folder / DATABASE)),
        )

    def of_bus(self, bus: str) -> "History":
        """Return the part that concerns one bus: buses have nothing in common, so each can be looked at alone."""
        buses = {bus: self.world.buses[bus]}
        return History(
            msgspec.structs.replace(self.world, buses=buses),
            [attempt for attempt in self.attempts if attempt.bus == bus],
            [glimpse for glimpse in self.glimpses if glimpse.bus == bus],
            [row for row in self.rows if row.bus == bus],
        )

    def split(self) -> list["History"]:
        """Return the parts of all buses, in one pass."""
        parts = {
            bus: History(msgspec.structs.replace(self.world, buses={bus: facts}))
            for bus, facts in self.world.buses.items()
        }
        for attempt in self.attempts:
            parts[attempt.bus].attempts.append(attempt)
        for glimpse in self.glimpses:
            parts[glimpse.bus].glimpses.append(glimpse)
        for row in self.rows:
            parts[row.bus].rows.append(row)
        return list(parts.values())


@dataclass(slots=True, eq=False)
class Operation:
    """One thing asked by one process, in one attempt or several under the same key.

    If it happened, then on the database's clock between `since` and `until`.
    """

    op: str
    seats: Seats
    leg: Leg | None
    of: str | None
    attempts: list[Attempt]
    outcome: Outcome
    said: Attempt | None
    """Its definite answer."""
    since: int
    until: int

    def spans(self, at: int) -> bool:
        return self.since <= at <= self.until

    def __str__(self) -> str:
        first = self.attempts[0]
        about = " ".join(filter(None, (",".join(self.seats), str(self.leg or ""), self.of)))
        return f"{self.op} {about} by {first.process}/{first.number} ({self.outcome.value}, {self.since}..{self.until})"


def operations(attempts: Iterable[Attempt]) -> list[Operation]:
    """Put attempts together; what misuses a key is no operation of its own."""
    grouped: defaultdict[tuple[int, int], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.op != MISUSE:
            grouped[attempt.process, attempt.number].append(attempt)
    return [_operation(sorted(found, key=lambda one: one.start)) for found in grouped.values()]


def _operation(attempts: list[Attempt]) -> Operation:
    first = attempts[0]
    said = next((one for one in attempts if is_definite(one)), None)
    unanswered = [one for one in attempts if one.outcome == "info"]
    if said is not None:
        outcome = Outcome.DONE if said.outcome == "ok" else Outcome.REFUSED
        # An answer that is not a repetition was decided while it was waited for.
        before = [one.start for one in unanswered if one.start < said.start]
        since = min([said.start, *before]) if said.is_replayed else said.start
        until = said.end
    elif unanswered:
        outcome, since, until = Outcome.UNKNOWN, unanswered[0].start, FOREVER
    else:
        outcome, since, until = Outcome.NOT_DONE, first.start, attempts[-1].end
    return Operation(
        first.op, first.seats, first.leg, first.of, attempts, outcome, said, since, until
    )


def is_definite(attempt: Attempt) -> bool:
    return attempt.outcome != "info" and attempt.code not in NOT_YET
