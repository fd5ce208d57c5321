"""The locked rows of a batch, as its requests see them one after the other, and what they change.

No I/O: a batch fills the ledger, requests decide on it in order of arrival, the batch writes what it holds then.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from store.buyers import Buyers, Change
from store.errors import NoOpenShift, NotFound
from store.model import AVAILABLE, Booking, Bus, Hold, Leg
from store.requests import Key, Reply, Till
from store.rules import require_on_sale, with_leg

Row = tuple[Any, ...]
Place = tuple[int, int]
"""A seat of a bus: (bus, seat number)."""

# Rows that change the same thing twice in a batch: the last word counts. Their first two columns say what they change.
_LAST_COUNTS = frozenset(
    {
        *("change_holds", "end_holds", "set_held", "move_bookings", "lift_blocks"),
        *("reseat_bookings", "move_tickets"),
    }
)


class Again(Exception):
    """The rows are not those the request was prepared for: the bus was edited, a hold replaced. Prepare it anew."""


class Changes(msgspec.Struct):
    """What one request changes, noted while it is decided; nothing of it counts if it is refused.

    `kind` names the event that everyone hears of, with the states noted here; without a kind nobody hears anything.
    """

    bus: Bus
    at: datetime
    states: dict[int, str] = {}
    given_up: list[tuple[int, int, int]] = []
    claims: list[Row] = []
    rows: dict[str, list[Row]] = {}
    hold: Hold | None = None
    booking: Booking | None = None
    buyer: Change | None = None
    kind: str | None = None
    is_sale: bool = False

    def write(self, statement: str, row: Row) -> None:
        """Add a row to one of the batch's statements (`store/batch.sql`)."""
        self.rows.setdefault(statement, []).append(row)

    def claim(
        self,
        seats: Iterable[int],
        leg: Leg,
        *,
        hold_id: uuid.UUID | None = None,
        booking_id: int | None = None,
        block_id: uuid.UUID | None = None,
    ) -> None:
        """Take seats on a leg for one owner."""
        bus = self.bus
        self.claims += [
            (bus.bus_id, bus.operator_id, seat, leg.start, leg.end, hold_id, booking_id, block_id)
            for seat in seats
        ]

    def give_up(self, seats: Iterable[int], leg: Leg) -> None:
        """Delete the claims on seats and leg, whoever has them: their owner is under lock."""
        self.given_up += [(seat, leg.start, leg.end) for seat in seats]

    def show(self, kind: str, states: Mapping[int, str], *, is_sale: bool = False) -> None:
        """Let everyone see new states. A sale counts only if the bus is still on sale when its revision is taken."""
        self.kind = kind
        self.states.update(states)
        self.is_sale = is_sale


class Event(msgspec.Struct, frozen=True):
    """One visible change, before its revision is known."""

    bus: Bus
    kind: str
    seats: tuple[tuple[str, str], ...]
    at: datetime
    is_sale: bool


class Ledger(msgspec.Struct):
    """Rows under lock. `now` is the database's clock, read after the last lock."""

    now: datetime
    states: dict[Place, str]
    facts: dict[int, int]
    sale_status: dict[int, str]
    holds: dict[tuple[int, uuid.UUID], Hold] = {}
    bookings: dict[tuple[int, int], Booking] = {}
    buyers: Buyers = msgspec.field(default_factory=Buyers)
    overdue: dict[Place, list[int]] = {}
    owned: dict[tuple[int, uuid.UUID | int], list[tuple[int, int]]] = {}
    tills: frozenset[Till] = frozenset()
    """Those of this batch that have an open shift."""

    changed: dict[Place, str] = {}
    given_up: list[Row] = []
    claims: list[Row] = []
    rows: dict[str, dict[Any, Row]] = {}
    keys: dict[Place | tuple[int, uuid.UUID], Row] = {}
    events: list[Event] = []

    def require_current(self, bus: Bus) -> None:
        """Raise NotFound for a bus that is gone, Again for one that was edited since its facts were read."""
        edition = self.facts.get(bus.bus_id)
        if edition is None:
            raise NotFound("bus")
        if edition != bus.facts:
            raise Again

    def require_on_sale(self, bus: Bus, leg: Leg) -> None:
        require_on_sale(bus, leg, self.sale_status[bus.bus_id], self.now)

    def require_till(self, bus: Bus, till: Till) -> None:
        """Refuse cash outside of a shift, where the operator wants it in shifts only."""
        if bus.cash_needs_shift and till not in self.tills:
            raise NoOpenShift

    def shown(self, bus: Bus, seats: Iterable[int]) -> dict[int, str]:
        """Return seats' states as everyone sees them."""
        return {seat: self.states[bus.bus_id, seat] for seat in seats}

    def for_sale(self, bus: Bus, seats: Iterable[int]) -> dict[int, str]:
        """Return seats' states with expired claims counted as gone: expiry is true when read.

        Whoever takes such a seat must `take_over` it.
        """
        found: dict[int, str] = {}
        for seat in seats:
            states = self.states[bus.bus_id, seat]
            for segment in self.overdue.get((bus.bus_id, seat), ()):
                states = with_leg(states, Leg(segment, segment + 1), AVAILABLE)
            found[seat] = states
        return found

    def require_locked(self, bus: Bus, seats: Iterable[int]) -> None:
        """Raise Again unless all seats are locked.

        A hold was replaced while we waited for it, or a passenger was moved.
        """
        if any((bus.bus_id, seat) not in self.states for seat in seats):
            raise Again

    def take_over(self, bus: Bus, seats: Iterable[int], changes: Changes) -> None:
        """Note that the overdue claims of seats that are taken now must go."""
        for seat in seats:
            for segment in tuple(self.overdue.get((bus.bus_id, seat), ())):
                changes.give_up([seat], Leg(segment, segment + 1))

    def apply(self, changes: Changes) -> None:
        """Make a decided request's changes part of what the next one sees."""
        bus = changes.bus
        for seat, states in changes.states.items():
            self.states[bus.bus_id, seat] = states
            self.changed[bus.bus_id, seat] = states
        for place in changes.given_up:
            self._give_up((bus.bus_id, *place))
        self.claims += changes.claims
        for statement, rows in changes.rows.items():
            kept = self.rows.setdefault(statement, {})
            for row in rows:
                kept[row[:2] if statement in _LAST_COUNTS else len(kept)] = row
        if changes.hold is not None:
            self.holds[bus.bus_id, changes.hold.hold_id] = changes.hold
        if changes.booking is not None:
            self.bookings[bus.bus_id, changes.booking.booking_id] = changes.booking
        if changes.buyer is not None:
            self.buyers.apply(bus, changes.buyer, changes.at)
        if changes.kind is not None:
            seats = wire_seats(bus, changes.states)
            self.events.append(Event(bus, changes.kind, seats, changes.at, changes.is_sale))

    def _give_up(self, place: tuple[int, int, int, int]) -> None:
        # What an earlier request of this batch has claimed is not in the database yet: it simply is not written.
        bus_id, seat, start, end = place
        if (overdue := self.overdue.get((bus_id, seat))) is not None:
            overdue[:] = [segment for segment in overdue if not start <= segment < end]
        for (owner_bus, _), owned in self.owned.items():
            if owner_bus == bus_id:
                owned[:] = [
                    (s, segment) for s, segment in owned if s != seat or not start <= segment < end
                ]
        for index, claim in enumerate(self.claims):
            if (claim[0], claim[2], claim[3], claim[4]) == (bus_id, seat, start, end):
                del self.claims[index]
                return
        self.given_up.append(place)

    def answer(self, bus: Bus, key: Key, reply: Reply) -> None:
        """Store an answer under its key."""
        self.keys[bus.bus_id, key.key_hash] = (
            bus.bus_id,
            bus.operator_id,
            key.key_hash,
            key.request_hash,
            reply.status,
            reply.body,
        )


def wire_seats(bus: Bus, states: Mapping[int, str]) -> tuple[tuple[str, str], ...]:
    """Pair labels with states, as observers know them."""
    return tuple((bus.layout.label(seat), letters) for seat, letters in sorted(states.items()))


def wire_json(seats: Sequence[tuple[str, str]]) -> str:
    """Return the seats as the event row stores them and clients receive them."""
    return msgspec.json.encode(seats).decode()


def literal(values: Iterable[object]) -> str:
    """Return numbers as the text of a PostgreSQL array: rows of different lengths cannot share a parameter."""
    return "{" + ",".join(map(str, values)) + "}"


def text_literal(values: Iterable[str]) -> str:
    """Return texts as the text of a PostgreSQL array."""
    texts = [*values]
    if not texts:
        return "{}"
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') > 2 * (len(texts) - 1):
        joined = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '{"' + joined + '"}'
