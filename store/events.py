"""Facts about seats, as every observer receives them: what was committed, never what might be."""

from dataclasses import dataclass
from datetime import datetime

import msgspec


class SeatsChanged(msgspec.Struct, frozen=True):
    """One committed change of a bus: `prev` + 1 == `rev`, and `seats` holds absolute values.

    `seats` pairs a seat label with its states, one letter (A, L, B, X) for every segment of the bus. Without seats
    something else is otherwise: `status` if that is what the bus is from now on, else fares or times.
    """

    bus_id: int
    epoch: int
    prev: int
    rev: int
    seats: tuple[tuple[str, str], ...]
    at: datetime
    kind: str
    status: str | None = None


@dataclass(frozen=True, slots=True)
class SeatMap:
    """The committed state of every seat of a bus at one revision, in layout order."""

    bus_id: int
    epoch: int
    rev: int
    seats: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a bus has come: what the periodic check compares with what a process believes."""

    bus_id: int
    epoch: int
    rev: int
