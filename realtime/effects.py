"""What a bus' feed asks the hub to do, and the two values all of it is about."""

from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

from realtime.protocol import BusStatus

W = TypeVar("W")  # a watcher; the feed only puts it into sets


class Head(NamedTuple):
    """A point in a bus' history; a greater epoch is later whatever its revision."""

    epoch: int
    rev: int


@dataclass(frozen=True, slots=True)
class Change:
    """Seats as they were at `rev`, for whoever is at `prev` or later. `wire` is made once.

    It may span several revisions: its values are absolute.
    """

    epoch: int
    prev: int
    rev: int
    seats: tuple[tuple[str, str], ...]
    wire: bytes | None = None  # none for a repair or a merger: the hub frames it when it is sent
    at: str | None = None  # when it was committed; for a repair nobody knows
    status: BusStatus | None = None  # what the bus is from now on, if that is what changed


@dataclass(frozen=True, slots=True)
class Load:
    """Read the bus; answer with exactly one of `loaded`, `missing` and `failed`."""


@dataclass(frozen=True, slots=True)
class Broadcast(Generic[W]):
    """One delta to each watcher, or nothing (then `fell_behind`); `delivered` when it is done.

    It may take several turns of the loop. Whoever is no longer current when its turn comes is
    passed over, and all are when the bus is in another epoch by then.
    """

    change: Change
    watchers: tuple[W, ...]


@dataclass(frozen=True, slots=True)
class Resync(Generic[W]):
    """The state at the head, unasked; `fell_behind` for a watcher whose socket is full."""

    watchers: tuple[W, ...]


@dataclass(frozen=True, slots=True)
class Answer(Generic[W]):
    """The reply to a subscribe: the state at the head, or that the watcher has it."""

    watcher: W
    request_id: int
    is_same: bool


@dataclass(frozen=True, slots=True)
class Refuse(Generic[W]):
    watcher: W
    request_id: int
    code: Literal["not_found", "overloaded"]


@dataclass(frozen=True, slots=True)
class Evict(Generic[W]):
    """What these watchers saw is no longer history: they start over."""

    watchers: tuple[W, ...]


@dataclass(frozen=True, slots=True)
class Forget:
    """Nobody watches, nothing is pending: the feed may be dropped."""


Effect: TypeAlias = Load | Broadcast[W] | Resync[W] | Answer[W] | Refuse[W] | Evict[W] | Forget
Effects: TypeAlias = list[Effect[W]]
