"""Revisions against real time, and the seats at the end against all revisions together."""

from collections.abc import Iterable, Iterator, Sequence

from tests.histories.checker.history import FOREVER
from tests.histories.checker.owners import Owner
from tests.histories.checker.verdict import Violation
from tests.histories.checker.walk import Walk
from tests.histories.records import BusRow, ClaimRow, EventRow


def check_revisions(bus: BusRow, events: Sequence[EventRow]) -> Iterator[Violation]:
    """Yield gaps, and epochs that nobody asked for."""
    if [event.rev for event in events] != list(range(1, bus.rev + 1)):
        yield Violation("rev-gap", bus.bus, f"{len(events)} events up to rev {bus.rev}")
    if any(event.epoch != bus.epoch for event in events):
        yield Violation("epoch-changed", bus.bus, f"events of other epochs than {bus.epoch}")


def check_real_time(walk: Walk) -> Iterator[Violation]:
    """Yield changes whose answer was there before an earlier revision's change had even begun.

    In the order of revisions, no answer may precede the latest beginning so far: one pass, one number to remember.
    """
    latest, latest_rev = 0, 0
    for told in walk.told:
        since = max(told.event.at, told.deed.op.since if told.deed.op else 0)
        if since > latest:
            latest, latest_rev = since, told.event.rev
        until = told.deed.op.until if told.deed.op else FOREVER
        if until < latest:
            yield Violation(
                "real-time-order",
                walk.bus.name,
                f"rev {told.event.rev} was answered by {until}, rev {latest_rev} not begun before {latest}",
            )


def check_end(bus: BusRow, claims: Iterable[ClaimRow], walk: Walk) -> Iterator[Violation]:
    """Yield seats and claims that are not what the walk came to."""
    shown = {label: story[-1].letters for label, story in walk.story.items()}
    if shown != bus.seats:
        wrong = sorted(label for label in bus.seats if shown.get(label) != bus.seats[label])
        yield Violation("wrong-end", bus.bus, ", ".join(wrong))
    owned = {
        (label, segment): owner.name
        for label, owners in walk.seats.items()
        for segment, owner in enumerate(owners)
        if owner is not None
    }
    claimed: dict[tuple[str, int], str] = {}
    for claim in claims:
        place = claim.seat, claim.segment
        if place in claimed:
            yield Violation("double-owner", bus.bus, f"{place}: {claimed[place]} and {claim.owner}")
        claimed[place] = claim.owner
    if owned != claimed:
        wrong_places = sorted(place for place, _ in owned.items() ^ claimed.items())
        yield Violation("wrong-claims", bus.bus, str(wrong_places[:5]))
    yield from _overdue(bus, walk)


def _overdue(bus: BusRow, walk: Walk) -> Iterator[Violation]:
    owners: set[Owner] = {
        owner for kept in walk.seats.values() for owner in kept if owner is not None
    }
    for owner in owners:
        if owner.letter == "L" and owner.possibly_until(bus.read_at) <= bus.read_at:
            yield Violation("left-over", bus.bus, f"{owner.id}: over, and never swept")
