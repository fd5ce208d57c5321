"""What was done to one bus, put together from the rows at the end, and who asked for it.

Every deed that the database remembers has one operation that asked for it, and every acknowledged operation has its
deed: acknowledged ⊆ database ⊆ acknowledged ∪ unknown. Replacements leave no row; the walk through the revisions finds
them (`walk.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from tests.histories.checker.history import Operation, Outcome
from tests.histories.checker.owners import Owner
from tests.histories.checker.verdict import Violation
from tests.histories.records import BookingRow, HoldRow, Leg, RefundRow, Row, Seats, World

_ENDINGS = {
    "RELEASED": "released",
    "EXPIRED": "expired",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}
_ASKED_AS = {"released": "release", "failed": "decline", "cancelled": "cancel", "confirmed": "pay"}


@dataclass(slots=True, eq=False)
class Deed:
    """One visible change, as it ought to be: `kind` and `at` are those of its revision's event."""

    kind: str
    at: int
    seats: Seats
    leg: Leg
    owner: Owner
    op: Operation | None = None
    is_told: bool = False
    """Whether a revision tells of it."""

    def __str__(self) -> str:
        return f"{self.kind} {','.join(self.seats)} {self.leg} at {self.at} for {self.owner.id}"


@dataclass(slots=True)
class Bus:
    """One bus's sales, as rows and operations tell them."""

    name: str
    world: World
    operations: Sequence[Operation]
    holds: list[HoldRow] = field(default_factory=list)
    bookings: list[BookingRow] = field(default_factory=list)
    refunds: dict[str, list[RefundRow]] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    _of: defaultdict[tuple[str, str], list[Operation]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _claimed: set[int] = field(default_factory=set)
    _serial: "count[int]" = field(default_factory=count)

    @classmethod
    def of(cls, name: str, world: World, found: Sequence[Operation], rows: Iterable[Row]) -> "Bus":
        bus = cls(name, world, found)
        for row in rows:
            if isinstance(row, HoldRow):
                bus.holds.append(row)
            elif isinstance(row, BookingRow):
                bus.bookings.append(row)
            elif isinstance(row, RefundRow):
                bus.refunds.setdefault(row.booking, []).append(row)
        for operation in found:
            if operation.of is not None:
                bus._of[operation.op, operation.of].append(operation)
        bus._tell_holds()
        bus._tell_bookings()
        bus._find_lost()
        return bus

    def about(self, op: str, owner: str) -> list[Operation]:
        """Return the operations of one sort that are about a hold or booking."""
        return self._of.get((op, owner), [])

    def blame(self, reason: str, detail: object) -> None:
        self.violations.append(Violation(reason, self.name, str(detail)))

    # Holds and bookings, and who made them.

    def _tell_holds(self) -> None:
        makers = _Makers(self, "hold")
        for row in self.holds:
            maker = makers.find(row.id, row.seats, row.leg, None, row.created)
            seats = maker.seats if maker else row.seats
            owner = Owner(row.id, row.leg, sets=[(row.created, seats)])
            owner.terms.append((0, 0, _promised(maker, row.created + self.world.hold_us)))
            self.owners[row.id] = owner
            self._add_extensions(owner, row)
            self.deeds.append(Deed("held", row.created, seats, row.leg, owner, maker))
            if row.state in {"RELEASED", "EXPIRED"} and row.ended is not None:
                self._end(owner, _ENDINGS[row.state], row.ended, row.seats)
        makers.blame_lost()

    def _add_extensions(self, owner: Owner, row: HoldRow) -> None:
        latest = owner.terms[0][2]
        is_uncertain = False
        for extension in self.about("extend", row.id):
            said = extension.said
            if extension.outcome is Outcome.DONE and said is not None and said.answer is not None:
                deadline = _exact(said.answer.expires or 0, row.expires)
                owner.terms.append((extension.since, extension.until, deadline))
                latest = max(latest, deadline)
            elif extension.outcome is Outcome.UNKNOWN:
                owner.terms.append((extension.since, extension.until, row.expires))
                is_uncertain = True
        if row.expires < latest or (row.expires > latest and not is_uncertain):
            self.blame("deadline-moved", f"{row.id} lasts to {row.expires}, promised was {latest}")

    def _tell_bookings(self) -> None:
        makers = _Makers(self, "book")
        for row in self.bookings:
            seats = tuple(sorted(row.seats))
            maker = makers.find(row.id, seats, row.leg, row.hold, row.created)
            owner = Owner(row.id, row.leg, sets=[(row.created, seats)])
            owner.terms.append((0, 0, _promised(maker, row.created + self.world.pending_us)))
            if row.hold is not None:
                owner.hold = self.owners.get(row.hold)
                if owner.hold is None:
                    self.blame("mismatch", f"{row.id} is of hold {row.hold}, which is not there")
            self.owners[row.id] = owner
            self.deeds.append(Deed("booked", row.created, seats, row.leg, owner, maker))
            self._tell_settlement(row, owner, seats)
        makers.blame_lost()

    def _tell_settlement(self, row: BookingRow, owner: Owner, seats: Seats) -> None:
        if row.confirmed is not None:
            op = self._who("pay", owner, row.confirmed, is_once=False)
            self.deeds.append(Deed("confirmed", row.confirmed, seats, row.leg, owner, op))
            refunds = self.refunds.get(row.id, [])
            for refund, op in zip(refunds, self._cancellers(owner, refunds), strict=True):
                self.deeds.append(Deed("cancelled", refund.at, refund.seats, row.leg, owner, op))
        elif row.ended is not None:
            self._end(owner, _ENDINGS[row.status], row.ended, seats)

    def _end(self, owner: Owner, kind: str, at: int, seats: Seats) -> None:
        op = (
            None
            if kind == "expired"
            else self._who(_ASKED_AS[kind], owner, at, is_once=kind != "failed")
        )
        self.deeds.append(Deed(kind, at, seats, owner.leg, owner, op))

    def _cancellers(
        self, owner: Owner, refunds: Sequence[RefundRow]
    ) -> tuple[Operation | None, ...]:
        """Find who cancelled which part, so that as many as possible are accounted for.

        One who cancels all that is left, and one who never learned whether a seat is cancelled, may be the same to one
        refund, and only one of them to the next.
        """
        asked = self.about("cancel", owner.id)
        best = max(_matchings(refunds, asked), key=_accounted_for)
        self._claimed |= {id(one) for one in best if one is not None}
        for refund, one in zip(refunds, best, strict=True):
            if one is None:
                of_seats = [
                    other
                    for other in asked
                    if other.seats in {(), refund.seats} and id(other) not in self._claimed
                ]
                self._blame_unasked(f"cancel of {owner.id} at {refund.at}", of_seats, refund.at)
        return best

    def _who(self, op: str, owner: Owner, at: int, *, is_once: bool = True) -> Operation | None:
        """Find who asked for a deed: somebody who was told so, or else somebody who never learned.

        Paying twice is paying once, so one deed may be the answer to many; what is done once answers one operation.
        """
        asked = [one for one in self.about(op, owner.id) if id(one) not in self._claimed]
        fitting = [one for one in asked if one.spans(at)]
        for outcome in (Outcome.DONE, Outcome.UNKNOWN):
            chosen = [one for one in fitting if one.outcome is outcome]
            if chosen:
                best = min(chosen, key=lambda one: one.until)
                if is_once:
                    self._claimed.add(id(best))
                return best
        self._blame_unasked(f"{op} of {owner.id} at {at}", asked, at)
        return None

    def _blame_unasked(self, what: str, asked: Iterable[Operation], at: int) -> None:
        told = [one for one in asked if one.outcome in {Outcome.REFUSED, Outcome.NOT_DONE}]
        done = [one for one in asked if one.outcome is Outcome.DONE]
        if done:
            self.blame("out-of-window", f"{what}: {done[0]}")
        elif any(one.spans(at) for one in told):
            self.blame("refused-but-done", f"{what}: {told[0]}")
        else:
            self.blame("unasked", what)

    def _find_lost(self) -> None:
        """Blame acknowledgements that no deed answers for."""
        ended = {(deed.kind, deed.owner.id): deed for deed in self.deeds}
        blamed = {violation.detail for violation in self.violations}
        for operation in self.operations:
            if operation.outcome is not Outcome.DONE or operation.of is None:
                continue
            is_unclaimed = id(operation) not in self._claimed
            is_blamed = any(str(operation) in detail for detail in blamed)
            if operation.op in {"release", "cancel"} and is_unclaimed and not is_blamed:
                self.blame("lost", operation)
            if operation.op in {"pay", "decline"}:
                kind = "confirmed" if operation.op == "pay" else "failed"
                deed = ended.get((kind, operation.of))
                if deed is None or deed.at > operation.until:
                    self.blame("lost" if deed is None else "out-of-window", operation)


class _Makers:
    """Who made holds (or bookings): by the id they were given, or by what they asked for and never learned."""

    def __init__(self, bus: Bus, op: str) -> None:
        self._bus = bus
        self._asked = [one for one in bus.operations if one.op == op]
        self._by_id: dict[str, list[Operation]] = {}
        self._unknown: defaultdict[object, list[Operation]] = defaultdict(list)
        for one in self._asked:
            if one.outcome is Outcome.DONE and one.said and one.said.answer:
                self._by_id.setdefault(one.said.answer.id or "", []).append(one)
            elif one.outcome is Outcome.UNKNOWN:
                self._unknown[one.seats, one.leg, one.of].append(one)

    def find(self, id_: str, seats: Seats, leg: Leg, of: str | None, at: int) -> Operation | None:
        bus = self._bus
        told = self._by_id.pop(id_, [])
        if len(told) > 1:
            bus.blame("double-owner", f"{id_} was given to {' and to '.join(map(str, told))}")
        if told:
            _compare(bus, told[0], seats, leg, of, at)
            return told[0]
        unknown = self._unknown[seats, leg, of]
        for place, one in enumerate(unknown):
            if one.since <= at + bus.world.early_us:
                return unknown.pop(place)
        asked = [one for one in self._asked if (one.seats, one.leg, one.of) == (seats, leg, of)]
        what = f"{id_} with {','.join(seats)} {leg} at {at}"
        repeated = [one for one in asked if len(one.attempts) > 1 and one.outcome is Outcome.DONE]
        if any(one.attempts[0].start <= at + bus.world.early_us for one in repeated):
            bus.blame("two-effects", f"{what}: {repeated[0]}")
        else:
            refused = [one for one in asked if one.outcome is not Outcome.DONE]
            bus._blame_unasked(what, refused, at)
        return None

    def blame_lost(self) -> None:
        for found in self._by_id.values():
            self._bus.blame("lost", found[0])


def _matchings(
    refunds: Sequence[RefundRow], asked: Sequence[Operation]
) -> Iterator[tuple[Operation | None, ...]]:
    """Yield every way to give each refund an operation of its own, or none: a booking has a handful of either."""
    if not refunds:
        yield ()
        return
    first, *others = refunds
    fitting = [
        one
        for one in asked
        if one.outcome in {Outcome.DONE, Outcome.UNKNOWN} and one.spans(first.at)
        if one.seats in {(), first.seats}
    ]
    for one in (*fitting, None):
        for more in _matchings(others, [other for other in asked if other is not one]):
            yield one, *more


def _accounted_for(matching: Sequence[Operation | None]) -> tuple[int, int]:
    given = [one for one in matching if one is not None]
    return len(given), sum(one.outcome is Outcome.DONE for one in given)


def _promised(maker: Operation | None, usual: int) -> int:
    """Return the deadline that whoever made it was told, or what the rules say to those who were told nothing."""
    if maker is None or maker.said is None or maker.said.answer is None:
        return usual
    return _exact(maker.said.answer.expires or 0, usual)


def _exact(told: int, candidate: int) -> int:
    """Answers tell milliseconds; where the database remembers the rest, take it from there."""
    return candidate if candidate // 1000 == told // 1000 else told


def _compare(bus: Bus, maker: Operation, seats: Seats, leg: Leg, of: str | None, at: int) -> None:
    """Hold what was made against what was asked for and what was answered."""
    assert maker.said is not None
    answer = maker.said.answer
    assert answer is not None
    if not maker.since - bus.world.early_us <= at <= maker.until:
        bus.blame("out-of-window", f"at {at}: {maker}")
    if not set(maker.seats) <= set(answer.seats):
        bus.blame("partial", f"{maker} was answered {','.join(answer.seats)}")
    elif maker.op == "book" and not set(maker.seats) <= set(seats):
        bus.blame("partial", f"{maker} is of {','.join(seats)}")
    elif (maker.leg, maker.seats, maker.of) != (leg, answer.seats, of) or answer.leg != leg:
        bus.blame("mismatch", f"{maker} became {','.join(answer.seats)} {leg} of {of}")
    elif maker.op == "book" and seats != maker.seats:
        bus.blame("mismatch", f"{maker} is of {','.join(seats)}")
