"""What a run writes down and a checker reads: one folder, five files of JSON, nothing else between the two.

Times are microseconds of one machine's wall clock, which its PostgreSQL reads, too. Seats are sorted labels, a leg is
[from, to) in segments.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

import msgspec

T = TypeVar("T")
Seats = tuple[str, ...]
Leg = tuple[int, int]

WORLD = "world.json"
OPERATIONS = "operations.jsonl"
WATCHERS = "watchers.jsonl"
NEMESIS = "nemesis.jsonl"
DATABASE = "database.jsonl"


class World(msgspec.Struct, frozen=True):
    """What the run was told before it began. `buses` maps each to its seats' labels and its number of segments.

    A new hold or booking may be dated up to `early_us` before the moment at which it was decided, never after it.
    """

    seed: int
    hold_us: int
    pending_us: int
    early_us: int
    buses: dict[str, tuple[Seats, int]]
    clients: int
    versions: dict[str, str] = {}


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of an answer that says what has happened; `hurdles` are the seats in a refusal's way."""

    id: str | None = None
    seats: Seats = ()
    leg: Leg | None = None
    created: int | None = None
    expires: int | None = None
    status: str | None = None
    total: int | None = None
    refunded: int = 0
    valid: Seats = ()
    """Seats with a valid ticket."""
    hurdles: tuple[tuple[str, str], ...] = ()


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request and what came back. Attempts of one operation have its `process` and `number`, and its key.

    `info` is a request of which nobody knows what became; `fail` says that nothing did.
    """

    process: int
    number: int
    op: str
    bus: str
    start: int
    end: int
    outcome: Literal["ok", "fail", "info"]
    seats: Seats = ()
    leg: Leg | None = None
    of: str | None = None
    """The hold or the booking that it is about."""
    key: str | None = None
    status: int = 0
    code: str | None = None
    is_replayed: bool = False
    digest: str | None = None
    answer: Answer | None = None


class Glimpse(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a watcher was shown: the whole bus, or what changed since `prev`."""

    watcher: int
    bus: str
    epoch: int
    rev: int
    at: int
    seats: tuple[tuple[str, str], ...]
    prev: int | None = None


class Strike(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fault: what was done, after how many operations, to whom, for how long."""

    fault: str
    after: int
    seconds: float = 0.0
    target: str = ""
    at: int = 0
    healed: int = 0


class BusRow(msgspec.Struct, frozen=True, tag_field="table", tag="bus"):
    bus: str
    epoch: int
    rev: int
    seats: dict[str, str]
    read_at: int


class EventRow(msgspec.Struct, frozen=True, tag_field="table", tag="event"):
    bus: str
    epoch: int
    rev: int
    kind: str
    seats: tuple[tuple[str, str], ...]
    at: int


class HoldRow(msgspec.Struct, frozen=True, tag_field="table", tag="hold"):
    bus: str
    id: str
    state: str
    seats: Seats
    leg: Leg
    total: int
    created: int
    expires: int
    ended: int | None


class BookingRow(msgspec.Struct, frozen=True, tag_field="table", tag="booking"):
    """`prices` are those of `seats`, in their order; `hold` is the one that it came from."""

    bus: str
    id: str
    hold: str | None
    status: str
    seats: Seats
    prices: tuple[int, ...]
    leg: Leg
    created: int
    expires: int | None
    confirmed: int | None
    ended: int | None


class ClaimRow(msgspec.Struct, frozen=True, tag_field="table", tag="claim"):
    """`owner` is a hold or a booking; what was held and then booked stays the hold's."""

    bus: str
    seat: str
    segment: int
    owner: str


class TicketRow(msgspec.Struct, frozen=True, tag_field="table", tag="ticket"):
    bus: str
    booking: str
    seat: str
    status: str
    cancelled: int | None


class PaymentRow(msgspec.Struct, frozen=True, tag_field="table", tag="payment"):
    bus: str
    booking: str
    status: str
    amount: int


class RefundRow(msgspec.Struct, frozen=True, tag_field="table", tag="refund"):
    bus: str
    booking: str
    amount: int
    seats: Seats
    at: int


Row = BusRow | EventRow | HoldRow | BookingRow | ClaimRow | TicketRow | PaymentRow | RefundRow


class Writer:
    """Appends records to a file, a line each."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=1 << 16)
        self._encode = msgspec.json.Encoder().encode

    def write(self, record: msgspec.Struct) -> None:
        self._file.write(self._encode(record) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def read(path: Path, kind: type[T]) -> Iterator[T]:
    """Read a file's records one by one; a file that is not there holds none."""
    if not path.exists():
        return
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)


def read_rows(path: Path) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(Row)
    with path.open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)
