"""Every refusal needs a cause that it can have seen: a state between the question and the answer.

A request reads the clock when it has its locks, so at one point of time on one clock; a seat's state at that point is
that of its last change before it.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain
from operator import attrgetter

from tests.histories.checker.deeds import Bus
from tests.histories.checker.history import FOREVER, Operation, Outcome
from tests.histories.checker.owners import BOOKED, LOCKED, Owner
from tests.histories.checker.verdict import Violation
from tests.histories.checker.walk import Moment, Walk
from tests.histories.records import Leg

OWN_LIMITS = frozenset({"too_many_seats", "too_many_holds", "address_limit", "seat_cooling_down"})
"""About the buyer, not the seats: not modelled."""
_NOTHING = frozenset({"not_found", "hold_not_found"})


def check_refusals(bus: Bus, walk: Walk) -> Iterator[Violation]:
    """Yield refusals that nothing explains."""
    for operation in bus.operations:
        if operation.outcome is not Outcome.REFUSED or operation.said is None:
            continue
        code = operation.said.code
        what = f"{code} to {operation}"
        if code in OWN_LIMITS:
            continue
        if operation.of is not None and operation.of not in bus.owners:
            yield Violation("vanished" if code in _NOTHING else "lost", bus.name, what)
        elif code in _NOTHING:
            yield Violation("vanished", bus.name, what)
        elif not _has_cause(bus, walk, operation, code or ""):
            yield Violation("no-cause", bus.name, what)


def _has_cause(bus: Bus, walk: Walk, operation: Operation, code: str) -> bool:
    owner = bus.owners.get(operation.of or "")
    if code == "seat_unavailable":
        return _were_in_the_way(walk, operation, owner)
    return owner is not None and _lies_in_the_owner(bus, operation, owner, code)


def _lies_in_the_owner(bus: Bus, operation: Operation, owner: Owner, code: str) -> bool:
    """Whether what a hold or booking was at the time explains why nothing could be done with it."""
    match code:
        case "hold_expired":
            return _was_over(owner, operation)
        case "already_extended":
            return any(one is not operation for one in bus.about("extend", owner.id))
        case "wrong_state":
            return _was_past_that(owner, operation)
        case "invalid_request":
            # Whoever names the seats of a hold that was replaced meanwhile.
            return any(
                seats != operation.seats for at, seats in owner.sets if at <= operation.until
            )
    return False


def _was_over(owner: Owner, operation: Operation) -> bool:
    has_ended = owner.ended is not None and owner.ended <= operation.until
    return has_ended or owner.surely_until(operation.since) <= operation.until


def _was_past_that(owner: Owner, operation: Operation) -> bool:
    """Whether a booking was, or can have been, in a state in which the operation makes no sense."""
    until = operation.until
    if owner.ended is not None and owner.ended <= until:
        return True
    if operation.op != "cancel":
        return (
            owner.confirmed is not None and owner.confirmed <= until and operation.op == "decline"
        )
    if owner.confirmed is None or owner.confirmed >= operation.since:
        # Unpaid: it can only be cancelled as a whole, and in time.
        is_part = bool(operation.seats) and operation.seats != owner.sets[0][1]
        return is_part or owner.surely_until(operation.since) <= until
    gone = chain.from_iterable(seats for at, seats in owner.cancelled if at <= until)
    return not set(operation.seats).isdisjoint(gone)


# Seats that were in the way.


def _were_in_the_way(walk: Walk, operation: Operation, owner: Owner | None) -> bool:
    """Whether all seats that were asked for were, at one point of time, as the refusal says."""
    assert operation.said is not None
    assert operation.said.answer is not None
    leg = operation.leg
    hurdles = dict(operation.said.answer.hurdles)
    if leg is None or not hurdles or not hurdles.keys() <= set(operation.seats):
        return False
    now = {seat: _surely_at(walk.story[seat], operation.since) for seat in operation.seats}
    later = sorted(
        (
            (moment.rev, seat, moment)
            for seat in operation.seats
            for moment in _possibly_until(walk.story[seat], now[seat], operation.until)
        ),
        key=lambda change: change[0],
    )
    since = operation.since
    for _, seat, moment in [*later, (0, "", None)]:
        until = operation.until if moment is None else moment.by
        if all(
            hurdles.get(asked, "AVAILABLE") in _statuses(now[asked], leg, (since, until), owner)
            for asked in operation.seats
        ):
            return True
        if moment is not None:
            now[seat], since = moment, max(since, moment.at)
    return False


def _surely_at(story: list[Moment], at: int) -> Moment:
    """Return the last change that had surely happened by then."""
    place = bisect_right(story, at, key=_at) - 1
    while story[place].by > at:
        place -= 1
    return story[place]


def _possibly_until(story: list[Moment], since: Moment, until: int) -> list[Moment]:
    """Return the changes after one that can have happened by then."""
    first = bisect_right(story, since.rev, key=_rev)
    return story[first : bisect_right(story, until, key=_at)]


_at, _rev = attrgetter("at"), attrgetter("rev")


def _statuses(moment: Moment, leg: Leg, span: tuple[int, int], asker: Owner | None) -> set[str]:
    """Return what a seat can have been called on a leg at some point of a span; a hold is not in its own way."""
    since, until = span
    start, end = leg
    places = [
        (letter, owner)
        for letter, owner in zip(moment.letters[start:end], moment.owners[start:end], strict=True)
        if owner is not asker
    ]
    if any(letter == BOOKED for letter, _ in places):
        return {"BOOKED"}
    lockers = [owner for letter, owner in places if letter == LOCKED and owner is not None]
    found = set()
    if any(owner.possibly_until(min(until, FOREVER)) > since for owner in lockers):
        found.add("LOCKED")
    if all(owner.surely_until(since) <= until for owner in lockers):
        found.add("AVAILABLE")
    return found
