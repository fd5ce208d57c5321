"""Linearizability of one bus, decided with a witness.

Each seat on each segment is a register: free, held by H, or sold to B. An operation reads and writes several of them at
once, so registers of one bus are checked together, and buses apart from each other (what Herlihy and Wing call
locality). In general the check must search for an order of all operations that explains every answer (Wing and Gong,
improved by Lowe), which may take exponential time. Here the system itself says in which order it did things: revisions
are handed out under a bus's lock at the end of a transaction, so their order claims to be the order of commits. That
claim is the witness, and a witness only needs to be verified, in linear time:

- in this order every change is possible: what it takes is free, or its owner's time is over; what it gives back is its
  own (this module);
- every change is one that somebody asked for, and lies between the question and the answer on the clock that both
  sides read; every acknowledged change is there (`deeds.py`);
- the order contradicts no pair of operations of which one ended before the other began (`order.py`);
- every refusal is explained by a state that it can have seen (`refusals.py`).

If the claimed order were wrong, this would be found as a violation, which it then is: everyone who watches relies on
it. What is unknown to the asker may have happened or not; the rows at the end say which. Only replacements leave
neither row nor time, so a revision may have two of them for an explanation; then all combinations are tried, each a
walk of linear time, `WALKS_MAX` at most. Expiry is an operation of the house that may happen at any time after the
deadline, also silently, when another takes the seat.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.histories.checker.deeds import Bus, Deed
from tests.histories.checker.history import Operation, Outcome
from tests.histories.checker.owners import BOOKED, FREE, Owner
from tests.histories.checker.verdict import Violation
from tests.histories.records import EventRow, Seats

WALKS_MAX = 256
Owners = list[Owner | None]
_BUCKET_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A seat as it is from some time between `at` and `by` on."""

    at: int
    by: int
    rev: int
    letters: str
    owners: tuple[Owner | None, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A revision with the deed that explains it."""

    event: EventRow
    deed: Deed


class Broken(Exception):
    """The walk cannot go on: a revision makes no sense."""

    def __init__(self, reason: str, detail: object) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, str(detail)


@dataclass(slots=True)
class Walk:
    """One walk through all revisions. `choices` says which explanation to take where there are several."""

    bus: Bus
    events: Sequence[EventRow]
    choices: Sequence[int] = ()
    seats: dict[str, Owners] = field(default_factory=dict)
    story: dict[str, list[Moment]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)
    """Where there was a choice: which one was taken, out of how many."""
    violations: list[Violation] = field(default_factory=list)
    _deeds: defaultdict[tuple[str, int], list[Deed]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _replacements: "_Replacements" = field(init=False)

    def __post_init__(self) -> None:
        labels, segments = self.bus.world.buses[self.bus.name]
        for label in labels:
            owners: Owners = [None] * segments
            self.seats[label] = owners
            self.story[label] = [Moment(0, 0, 0, FREE * segments, tuple(owners))]
        for deed in self.bus.deeds:
            self._deeds[deed.kind, deed.at].append(deed)
        self._replacements = _Replacements(self.bus)

    def go(self) -> None:
        """Walk until the end, or until something makes no sense: what comes after that would only be confused."""
        try:
            for event in self.events:
                self._follow(event)
            self._end()
        except Broken as broken:
            self._blame(broken.reason, broken.detail)

    def _blame(self, reason: str, detail: object) -> None:
        self.violations.append(Violation(reason, self.bus.name, str(detail)))

    def _follow(self, event: EventRow) -> None:
        deed, after = self._explain(event)
        self._judge(event, deed, after)
        deed.is_told = True
        self.told.append(Told(event, deed))
        _change_owner(deed)
        for label, owners in after.items():
            last = self.story[label][-1]
            at, by = self._decided(event, deed)
            if by < last.at:
                raise Broken(
                    "clock-order", f"{label} at rev {event.rev} is older than rev {last.rev}"
                )
            self.seats[label] = owners
            letters = dict(event.seats)[label]
            moment = Moment(max(at, last.at), by, event.rev, letters, tuple(owners))
            self.story[label].append(moment)

    def _decided(self, event: EventRow, deed: Deed) -> tuple[int, int]:
        """Return between which times a deed was decided: when its date says, or when a new sale's date allows."""
        early_us = self.bus.world.early_us if deed.kind in {"held", "booked"} else 0
        if deed.op is None:
            return event.at, event.at + early_us
        at = max(event.at, min(deed.op.since, event.at + early_us))
        return at, max(at, min(event.at + early_us, deed.op.until))

    # Which deed a revision tells of.

    def _explain(self, event: EventRow) -> tuple[Deed, dict[str, Owners]]:
        dated = [deed for deed in self._deeds[event.kind, event.at] if not deed.is_told]
        for deed in dated:
            if (after := self._outcome(deed, event)) is not None:
                return deed, after
        replacements = self._replacements.under_way(event) if event.kind == "held" else []
        outcomes = [(deed, self._outcome(deed, event)) for deed in replacements]
        fitting = [(deed, after) for deed, after in outcomes if after is not None]
        if not fitting:
            raise self._no_explanation(event, dated)
        chosen = 0
        if len(fitting) > 1:
            place = len(self.taken)
            chosen = self.choices[place] if place < len(self.choices) else 0
            self.taken.append((chosen, len(fitting)))
        self._replacements.use(fitting[chosen][0])
        return fitting[chosen]

    @staticmethod
    def _no_explanation(event: EventRow, dated: Sequence[Deed]) -> Broken:
        told = {label for label, _ in event.seats}
        for deed in dated:
            if told < set(deed.seats) and event.kind != "expired":
                return Broken("partial", f"rev {event.rev} tells of {sorted(told)}: {deed}")
        if dated:
            return Broken("wrong-event", f"rev {event.rev} {event.kind} {event.seats}: {dated[0]}")
        return Broken(
            "unexplained-event", f"rev {event.rev} {event.kind} {event.seats} at {event.at}"
        )

    def _outcome(self, deed: Deed, event: EventRow) -> dict[str, Owners] | None:
        """Return who owns the seats after a deed, or None if the revision tells of something else."""
        after = self._after(deed)
        told = dict(event.seats)
        if after.keys() != told.keys():
            return None
        start, end = deed.leg
        for label, owners in after.items():
            for segment, owner in enumerate(owners):
                letter = _letter(owner, deed)
                if letter == told[label][segment]:
                    continue
                # Whoever takes a seat also clears away what has run out elsewhere on it.
                is_cleared = told[label][segment] == FREE and not start <= segment < end
                if not (is_cleared and owner and owner.may_be_over(event.at)):
                    return None
                owners[segment] = None
        return after

    def _after(self, deed: Deed) -> dict[str, Owners]:
        start, end = deed.leg
        if deed.kind == "replaced":
            before = _seats_of(deed.owner)
            changed = {label: deed.owner for label in deed.seats if label not in before}
            owner_after: dict[str, Owner | None] = {
                **changed,
                **{label: None for label in before if label not in deed.seats},
            }
        elif deed.kind == "expired":
            mine = [label for label in self.seats if deed.owner in self.seats[label]]
            owner_after = dict.fromkeys(mine)
        else:
            is_kept = deed.kind in {"held", "booked", "confirmed"}
            owner_after = dict.fromkeys(deed.seats, deed.owner if is_kept else None)
        after = {}
        for label, owner in owner_after.items():
            owners = list(self.seats[label])
            for segment in range(start, end):
                # What has run out may have been taken by others in part; the rest ends now.
                if deed.kind != "expired" or owners[segment] is deed.owner:
                    owners[segment] = owner
            after[label] = owners
        return after

    # Whether it may happen now.

    def _judge(self, event: EventRow, deed: Deed, after: dict[str, Owners]) -> None:
        owner, at = deed.owner, event.at
        subject = owner.hold if deed.kind == "booked" and owner.hold else owner
        is_new = deed.kind == "held" or (deed.kind == "booked" and owner.hold is None)
        what = f"rev {event.rev}, {deed}"
        if not is_new and subject.ended is not None:
            raise Broken("revived", f"{what}: {subject.ending} at {subject.ended}")
        if deed.kind == "expired":
            if not owner.may_be_over(at):
                raise Broken("expired-early", f"{what}: lasts to {owner.surely_until(at)}")
            return
        if not is_new and not subject.may_be_live(at):
            raise Broken("after-deadline", f"{what}: over since {subject.possibly_until(at)}")
        for label in after:
            for segment in range(*deed.leg):
                self._judge_place(what, deed, subject if not is_new else None, (label, segment), at)

    def _judge_place(
        self, what: str, deed: Deed, subject: Owner | None, place: tuple[str, int], at: int
    ) -> None:
        before = self.seats[place[0]][place[1]]
        is_taken = subject is None or (
            deed.kind == "replaced" and place[0] not in _seats_of(deed.owner)
        )
        if is_taken:
            if before is not None and not before.may_be_over(at):
                raise Broken(
                    "double-owner",
                    f"{what}: {place} is of {before.id}, to {before.surely_until(at)}",
                )
        elif before is not subject:
            raise Broken(
                "double-owner", f"{what}: {place} is of {before.id if before else 'nobody'}"
            )

    # The end.

    def _end(self) -> None:
        for deed in self.bus.deeds:
            if not deed.is_told:
                self._end_silently(deed)
        owning = {owner for owners in self.seats.values() for owner in owners if owner}
        for owner in owning:
            if owner.ended is not None:
                self._blame("left-over", f"{owner.id}, {owner.ending} at {owner.ended}")
        self._replacements.blame_untold(self._blame)
        for row in self.bus.holds:
            seats = _seats_of(self.bus.owners[row.id])
            if seats != row.seats:
                self._blame("mismatch", f"{row.id} is of {row.seats}, told were {seats}")

    def _end_silently(self, deed: Deed) -> None:
        """A hold or booking that has lost every seat to others ends without news; nothing else does."""
        if deed.kind != "expired" or any(deed.owner in owners for owners in self.seats.values()):
            self._blame("missing-event", deed)
        elif not deed.owner.may_be_over(deed.at):
            self._blame("expired-early", deed)
        elif deed.owner.ended is not None:
            self._blame("revived", deed)
        else:
            _change_owner(deed)


class _Replacements:
    """Replacements that can have happened, by the second, since nothing but their time and their seats tells them."""

    def __init__(self, bus: Bus) -> None:
        self._used: set[int] = set()
        self._deeds: dict[int, Deed] = {}
        self._by_second: defaultdict[int, list[Operation]] = defaultdict(list)
        self._unknown: list[Operation] = []
        self._asked = [
            one for one in bus.operations if one.op == "replace" and one.of in bus.owners
        ]
        self._bus = bus
        final = {row.id: row.seats for row in bus.holds}
        for one in self._asked:
            if one.outcome is Outcome.DONE:
                for second in range(one.since // _BUCKET_US, one.until // _BUCKET_US + 1):
                    self._by_second[second].append(one)
            elif one.outcome is Outcome.UNKNOWN and final[one.of or ""] == one.seats:
                # Whoever never learned what became of it left the hold alone: it happened if its seats are the last.
                self._unknown.append(one)

    def under_way(self, event: EventRow) -> list[Deed]:
        """Return those that can be what a revision tells of, the most urgent first."""
        known = self._by_second[event.at // _BUCKET_US]
        found = [
            one
            for one in (*known, *self._unknown)
            if one.spans(event.at) and id(one) not in self._used
        ]
        found.sort(key=lambda one: one.until)
        return [self._deed(one, event.at) for one in found]

    def use(self, deed: Deed) -> None:
        self._used.add(id(deed.op))

    def _deed(self, one: Operation, at: int) -> Deed:
        owner = self._bus.owners[one.of or ""]
        return Deed("replaced", at, one.seats, owner.leg, owner, one)

    def blame_untold(self, blame: Callable[[str, object], None]) -> None:
        """Blame acknowledged replacements that no revision tells of, unless they changed nothing."""
        for one in self._asked:
            if one.outcome is not Outcome.DONE or id(one) in self._used:
                continue
            owner = self._bus.owners[one.of or ""]
            if one.seats not in _sets_during(owner, one.since, one.until):
                blame("lost", one)


def _sets_during(owner: Owner, since: int, until: int) -> list[Seats]:
    ends = [at for at, _ in owner.sets[1:]] + [until + 1]
    return [
        seats
        for (at, seats), end in zip(owner.sets, ends, strict=True)
        if at <= until and end >= since
    ]


def _seats_of(owner: Owner) -> Seats:
    return owner.sets[-1][1]


def _letter(owner: Owner | None, deed: Deed) -> str:
    if owner is None:
        return FREE
    return BOOKED if deed.kind == "confirmed" and owner is deed.owner else owner.letter


def _change_owner(deed: Deed) -> None:
    """Let a deed's owner live on as it is afterwards."""
    owner = deed.owner
    match deed.kind:
        case "held":
            pass
        case "replaced":
            owner.sets.append((deed.at, deed.seats))
        case "confirmed":
            owner.letter, owner.confirmed = BOOKED, deed.at
        case "booked":
            if owner.hold is not None:
                owner.hold.ended, owner.hold.ending = deed.at, "booked"
        case "cancelled" if owner.confirmed is not None:
            owner.cancelled.append((deed.at, deed.seats))
            if {seat for _, seats in owner.cancelled for seat in seats} == set(_seats_of(owner)):
                owner.ended, owner.ending = deed.at, deed.kind
        case _:
            owner.ended, owner.ending = deed.at, deed.kind
