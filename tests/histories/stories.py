"""Small histories made by hand: a bus that was sold without fault, to be broken in one place at a time.

Nothing here knows the checker, nor the product: every record is written as a flawless run would have written it.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from tests.histories.checker.history import History
from tests.histories.records import (
    Answer,
    Attempt,
    BookingRow,
    BusRow,
    ClaimRow,
    EventRow,
    Glimpse,
    HoldRow,
    Leg,
    PaymentRow,
    RefundRow,
    Row,
    Seats,
    TicketRow,
    World,
)

R = TypeVar("R", bound=msgspec.Struct)
BUS = "7"
LABELS = ("1A", "1B", "2A", "2B", "3A", "3B")
SEGMENTS = 2
WHOLE: Leg = (0, 2)
HOLD_US, PENDING_US = 2_000, 3_000
PRICE = 500
_STEP_US = 100
_DECIDES_US, _ANSWERS_US = 10, 20


@dataclass(slots=True)
class Story:
    """Tells what happens, one thing after the other, and keeps the books as a flawless system would."""

    attempts: list[Attempt] = field(default_factory=list)
    glimpses: list[Glimpse] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    holds: dict[str, HoldRow] = field(default_factory=dict)
    bookings: dict[str, BookingRow] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    time: int = 1_000_000
    early_us: int = 0
    _letters: dict[str, str] = field(default_factory=lambda: dict.fromkeys(LABELS, "A" * SEGMENTS))
    _owners: dict[tuple[str, int], str] = field(default_factory=dict)
    _numbers: dict[int, int] = field(default_factory=dict)

    @property
    def at(self) -> int:
        """When the step that is told now is decided."""
        return self.time + _DECIDES_US

    def say(self, process: int, op: str, answer: Answer | None = None, **more: Any) -> Attempt:
        """Write down an attempt: if nothing else is said, an operation of its own, with a key, answered with 201."""
        number = more.pop("number", None) or self._numbers.get(process, 0) + 1
        self._numbers[process] = max(number, self._numbers.get(process, 0))
        told: dict[str, Any] = {
            "outcome": "ok",
            "status": 201,
            "key": None if op == "release" else f"key {process}/{number}",
            "digest": f"{op} {process}/{number}",
            **more,
        }
        end = self.time + _ANSWERS_US
        attempt = Attempt(
            process=process,
            number=number,
            op=op,
            bus=BUS,
            start=self.time,
            end=end,
            answer=answer,
            **told,
        )
        self.attempts.append(attempt)
        self.time += _STEP_US
        return attempt

    def refuse(
        self, process: int, op: str, code: str, *hurdles: tuple[str, str], **more: Any
    ) -> None:
        answer = Answer(hurdles=hurdles)
        self.say(process, op, answer, outcome="fail", status=409, code=code, **more)

    def hold(self, process: int, id_: str, seats: Seats, leg: Leg = WHOLE, **more: Any) -> None:
        expires = self.at + HOLD_US
        self.holds[id_] = HoldRow(
            BUS, id_, "ACTIVE", seats, leg, PRICE * len(seats), self.at, expires, None
        )
        self._show("held", seats, leg, "L", id_)
        answer = Answer(id=id_, seats=seats, leg=leg, expires=expires, total=PRICE * len(seats))
        if more.get("outcome") == "info":
            self.say(process, "hold", None, seats=seats, leg=leg, status=0, **more)
        else:
            self.say(process, "hold", answer, seats=seats, leg=leg, **more)

    def replace(self, process: int, id_: str, seats: Seats) -> None:
        row = self.holds[id_]
        before, self.holds[id_] = row.seats, _changed(row, seats=seats)
        dropped = [seat for seat in before if seat not in seats]
        added = [seat for seat in seats if seat not in before]
        for seat in dropped:
            self._set(seat, row.leg, "A", None)
        for seat in added:
            self._set(seat, row.leg, "L", id_)
        self._tell("held", (*dropped, *added))
        answer = Answer(id=id_, seats=seats, leg=row.leg, expires=row.expires)
        self.say(process, "replace", answer, seats=seats, leg=row.leg, of=id_, status=200)

    def extend(self, process: int, id_: str, by: int = HOLD_US) -> None:
        row = self.holds[id_] = _changed(self.holds[id_], expires=self.holds[id_].expires + by)
        answer = Answer(id=id_, seats=row.seats, leg=row.leg, expires=row.expires)
        self.say(process, "extend", answer, of=id_, status=200)

    def release(self, process: int, id_: str) -> None:
        row = self.holds[id_]
        self.holds[id_] = _changed(row, state="RELEASED", ended=self.at)
        self._show("released", row.seats, row.leg, "A", None)
        self.say(process, "release", None, of=id_, status=204)

    def book(
        self, process: int, id_: str, seats: Seats, leg: Leg = WHOLE, *, of: str | None = None
    ) -> None:
        prices = (PRICE,) * len(seats)
        expires = self.at + PENDING_US
        self.bookings[id_] = BookingRow(
            BUS, id_, of, "PENDING", seats, prices, leg, self.at, expires, None, None
        )
        if of is not None:
            self.holds[of] = _changed(self.holds[of], state="BOOKED", ended=self.at)
        self._show("booked", seats, leg, "L", of or id_)
        self.say(process, "book", self._booked(id_), seats=seats, leg=leg, of=of)

    def pay(self, process: int, id_: str) -> None:
        row = self.bookings[id_]
        if row.confirmed is None:
            self.bookings[id_] = _changed(row, status="CONFIRMED", confirmed=self.at, expires=None)
            self.rows.append(PaymentRow(BUS, id_, "SUCCEEDED", sum(row.prices)))
            self.rows += [TicketRow(BUS, id_, seat, "VALID", None) for seat in row.seats]
            self._show("confirmed", row.seats, row.leg, "B", row.hold or id_)
        self.say(process, "pay", self._booked(id_), of=id_, status=200)

    def decline(self, process: int, id_: str) -> None:
        self._end_unpaid(id_, "FAILED", "failed")
        self.say(process, "decline", self._booked(id_), of=id_, status=200)

    def cancel(self, process: int, id_: str, seats: Seats) -> None:
        row = self.bookings[id_]
        self.rows.append(RefundRow(BUS, id_, PRICE * len(seats), seats, self.at))
        self.rows = [self._cancelled(one, id_, seats) for one in self.rows]
        mine = [one for one in self.rows if isinstance(one, RefundRow) and one.booking == id_]
        is_over = sum(len(one.seats) for one in mine) == len(row.seats)
        status, ended = ("CANCELLED", self.at) if is_over else ("PARTIALLY_CANCELLED", None)
        self.bookings[id_] = _changed(row, status=status, ended=ended)
        self._show("cancelled", seats, row.leg, "A", None)
        answer = _changed(self._booked(id_), refunded=sum(one.amount for one in mine))
        self.say(process, "cancel", answer, of=id_, seats=seats, status=200)

    def _cancelled(self, row: Row, booking: str, seats: Seats) -> Row:
        if isinstance(row, TicketRow) and row.booking == booking and row.seat in seats:
            return _changed(row, status="CANCELLED", cancelled=self.at)
        return row

    def expire_hold(self, id_: str, *, is_seen: bool = True) -> None:
        """Let the house end a hold, right after its deadline; unseen when its seats have gone to others."""
        row = self.holds[id_]
        self.time = max(self.time, row.expires)
        self.holds[id_] = _changed(row, state="EXPIRED", ended=self.at)
        if is_seen:
            self._show("expired", row.seats, row.leg, "A", None)
        self.time += _STEP_US

    def expire_booking(self, id_: str) -> None:
        self.time = max(self.time, self.bookings[id_].expires or 0)
        self._end_unpaid(id_, "EXPIRED", "expired")
        self.time += _STEP_US

    def wait_for_end_of(self, id_: str) -> None:
        self.time = max(self.time, self.holds[id_].expires)

    def look(self, watcher: int, *, prev: int | None = None) -> None:
        """Show everything to a watcher, or what is new since a revision."""
        told = {
            label: letters for event in self.events[prev or 0 :] for label, letters in event.seats
        }
        seats = tuple((told if prev is not None else self._letters).items())
        rev = len(self.events)
        self.glimpses.append(Glimpse(watcher, BUS, 1, rev, self.time, seats, prev))
        self.time += 1

    def history(self) -> History:
        """Write down the end."""
        claims = [ClaimRow(BUS, seat, at, owner) for (seat, at), owner in self._owners.items()]
        bus = BusRow(BUS, 1, len(self.events), dict(self._letters), self.time)
        world = World(1, HOLD_US, PENDING_US, self.early_us, {BUS: (LABELS, SEGMENTS)}, 9)
        sales: list[Row] = [*self.holds.values(), *self.bookings.values()]
        rows: list[Row] = [bus, *self.events, *sales, *claims, *self.rows]
        return History(world, list(self.attempts), list(self.glimpses), rows)

    def _end_unpaid(self, id_: str, status: str, kind: str) -> None:
        row = self.bookings[id_]
        self.bookings[id_] = _changed(row, status=status, ended=self.at, expires=None)
        self._show(kind, row.seats, row.leg, "A", None)

    def _booked(self, id_: str) -> Answer:
        row = self.bookings[id_]
        answer = Answer(id=id_, seats=row.seats, leg=row.leg, created=row.created)
        return _changed(answer, expires=row.expires, status=row.status, total=sum(row.prices))

    def _show(self, kind: str, seats: Seats, leg: Leg, letter: str, owner: str | None) -> None:
        for seat in seats:
            self._set(seat, leg, letter, owner)
        self._tell(kind, seats)

    def _set(self, seat: str, leg: Leg, letter: str, owner: str | None) -> None:
        letters = list(self._letters[seat])
        for segment in range(*leg):
            letters[segment] = letter
            self._owners.pop((seat, segment), None)
            if owner is not None:
                self._owners[seat, segment] = owner
        self._letters[seat] = "".join(letters)

    def _tell(self, kind: str, seats: Seats) -> None:
        told = tuple((seat, self._letters[seat]) for seat in seats)
        self.events.append(EventRow(BUS, 1, len(self.events) + 1, kind, told, self.at))


def _changed(record: R, **fields: Any) -> R:
    return msgspec.structs.replace(record, **fields)


def good_story() -> Story:
    """Tell a little of everything that can happen to a bus, rightly."""
    story = Story()
    story.look(1)
    story.hold(1, "h1", ("1A", "1B"))
    story.refuse(2, "hold", "seat_unavailable", ("1A", "LOCKED"), seats=("1A", "2A"), leg=(0, 1))
    story.look(1, prev=0)
    story.book(1, "b1", ("1A", "1B"), of="h1")
    story.pay(1, "b1")
    story.pay(2, "b1")
    story.refuse(3, "decline", "wrong_state", of="b1")
    story.refuse(2, "release", "hold_expired", of="h1")
    story.hold(3, "h2", ("2A",), (0, 1), outcome="info")
    story.look(1, prev=1)
    story.expire_hold("h2")
    story.hold(4, "h3", ("2B",))
    story.replace(4, "h3", ("2A", "2B"))
    story.extend(4, "h3")
    story.release(4, "h3")
    story.say(4, "hold", outcome="fail", status=503, code="overloaded", seats=("3A",), leg=WHOLE)
    story.book(5, "b2", ("2A",), (1, 2))
    again = story.attempts[-1]
    fields = ("seats", "leg", "digest", "key")
    story.say(
        5,
        "book",
        again.answer,
        number=again.number,
        is_replayed=True,
        **{name: getattr(again, name) for name in fields},
    )
    story.say(5, "misuse", outcome="fail", status=422, code="idempotency_key_reused", key=again.key)
    story.decline(6, "b2")
    story.cancel(1, "b1", ("1A",))
    story.refuse(1, "cancel", "wrong_state", of="b1", seats=("1A",))
    story.book(2, "b3", ("1A",), (0, 1))
    story.look(1, prev=4)
    story.expire_booking("b3")
    story.refuse(2, "pay", "hold_expired", of="b3")
    story.hold(6, "h4", ("2B",), (0, 1))
    story.wait_for_end_of("h4")
    story.book(7, "b4", ("2B",))
    story.expire_hold("h4", is_seen=False)
    story.pay(7, "b4")
    story.hold(8, "h5", ("3A",))
    story.hold(9, "h6", ("3B",))
    story.look(0)
    story.release(8, "h5")
    story.release(9, "h6")
    story.say(8, "hold", outcome="info", status=0, code="unanswered", seats=("3A",), leg=WHOLE)
    story.look(1, prev=12)
    return story
