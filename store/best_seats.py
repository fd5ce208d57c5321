"""Suggests seats for a party: free on the whole leg, best by rules of which an earlier one always outweighs the later.

1. Policy: accessible seats are kept for who asks for them, as long as others are left; a party travels in one class,
   the one it asks for or else the cheapest that has room and can meet its wishes.
2. The party stays together: side by side, else across the aisle, else in as few rows of one deck as it takes.
3. A gap on a seat that is sold before or after the leg is filled before a fresh seat is opened, the tightest first.
4. No free seat is left alone beside taken ones.
5. Wishes are met; a lower price comes before a higher one.
6. What is still alike is drawn by lot, so that rivals who ask at the same time are not sent to the same seats.

Pure: it reads states and promises nothing; whoever wants the seats holds them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, combinations, groupby, islice, pairwise
from random import Random

from store.model import AVAILABLE, Layout, LayoutSeat, Leg
from store.rules import status_on

_SUGGESTIONS = 5
# A party of eight in rows of five has some hundred ways to sit in three rows; beyond this it is no longer a choice.
_GROUPS_MAX = 4_000
_ACCESSIBLE = frozenset({"accessible", "wheelchair"})

Seats = tuple[LayoutSeat, ...]


class Preference(StrEnum):
    WINDOW = "window"
    AISLE = "aisle"
    FRONT = "front"
    LOWER_DECK = "lower_deck"
    UPPER_DECK = "upper_deck"
    ACCESSIBLE = "accessible"


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks: `count` people on one leg. Parties with the same `seed` are shown the same seats."""

    leg: Leg
    count: int
    prefer: Sequence[Preference] = ()
    seat_class: str | None = None
    seed: str = ""

    @property
    def wishes(self) -> frozenset[Preference]:
        """What it would like, apart from what it needs."""
        return frozenset(self.prefer) - {Preference.ACCESSIBLE}


@dataclass(frozen=True, slots=True)
class Group:
    seats: Seats
    is_together: bool


@dataclass(frozen=True, slots=True)
class Cabin:
    """A bus as one party finds it: `rows` front to back, `beside` who sits next to whom, `gaps` of what is free."""

    party: Party
    rows: dict[tuple[int, int], Seats]
    beside: dict[int, tuple[int, ...]]
    free: Seats
    gaps: dict[int, int]


Rule = Callable[[Cabin, Seats], int]
"""Says how bad a group of seats is, 0 for not at all."""


def idle_gap_left(cabin: Cabin, seats: Seats) -> int:
    """Count the segments before and after the leg that each seat would still stand empty between two sales."""
    return sum(cabin.gaps[seat.seat_no] for seat in seats)


def singles_stranded(cabin: Cabin, seats: Seats) -> int:
    """Count the free seats that would lose their last free neighbour."""
    taken = {seat.seat_no for seat in seats}
    touched = {near for seat in taken for near in cabin.beside[seat]} & cabin.gaps.keys() - taken
    return sum(
        not any(near in cabin.gaps and near not in taken for near in cabin.beside[seat])
        for seat in touched
    )


def wishes_missed(cabin: Cabin, seats: Seats) -> int:
    return sum(not _has(seat, wish) for seat in seats for wish in cabin.party.wishes)


def price(_cabin: Cabin, seats: Seats) -> int:
    return sum(seat.price_percent for seat in seats)


RULES: tuple[Rule, ...] = (idle_gap_left, singles_stranded, wishes_missed, price)
"""What decides between groups that policy allows and that sit equally close."""


def best_seats(
    layout: Layout, states: Mapping[int, str], party: Party, rules: Sequence[Rule] = RULES
) -> list[Group]:
    """Return up to five groups of seats, best first; none when fewer seats are free than are asked for."""
    cabin = _look(layout, states, party)
    for offer in _offers(cabin):
        found = [_closest(cabin, seats, must) for seats, must in offer if len(seats) >= party.count]
        if found:
            nearest = min(closeness for closeness, _ in found)
            groups = chain.from_iterable(each for closeness, each in found if closeness == nearest)
            ranked = _rank(cabin, islice(groups, _GROUPS_MAX), rules)
            return [Group(seats, nearest <= _ACROSS) for seats in ranked[:_SUGGESTIONS]]
    return []


def _look(layout: Layout, states: Mapping[int, str], party: Party) -> Cabin:
    rows: dict[tuple[int, int], list[LayoutSeat]] = {}
    for seat in sorted(layout.seats, key=lambda seat: (seat.deck, seat.row, seat.column)):
        rows.setdefault((seat.deck, seat.row), []).append(seat)
    beside: dict[int, list[int]] = {seat.seat_no: [] for seat in layout.seats}
    for row in rows.values():
        for left, right in pairwise(row):
            if right.column - left.column == 1:
                beside[left.seat_no].append(right.seat_no)
                beside[right.seat_no].append(left.seat_no)
    leg = party.leg
    free = [s for s in layout.seats if status_on(states[s.seat_no], leg) == AVAILABLE]
    return Cabin(
        party=party,
        rows={place: tuple(row) for place, row in rows.items()},
        beside={seat: tuple(others) for seat, others in beside.items()},
        free=tuple(s for s in free if party.seat_class in (None, s.seat_class)),
        gaps={s.seat_no: _gap(states[s.seat_no], leg) for s in free},
    )


def _gap(states: str, leg: Leg) -> int:
    """Return how many free segments border on the leg."""
    before, after = states[: leg.start], states[leg.end :]
    left = len(before) - len(before.rstrip(AVAILABLE))
    return left + len(after) - len(after.lstrip(AVAILABLE))


# Policy: who may sit where at all.

Offer = Sequence[tuple[Seats, Seats]]
"""Alternatives of one standing: the seats to choose from, and those of them that must be taken."""


def _offers(cabin: Cabin) -> Iterator[Offer]:
    """Yield what the party may be given, each only if the one before has too few seats."""
    ordinary = tuple(seat for seat in cabin.free if not _is_kept(seat))
    kept = filter(_is_kept, cabin.free)
    if Preference.ACCESSIBLE in cabin.party.prefer:
        # One such seat, whichever lets the others sit closest, and no second one.
        yield [((*ordinary, seat), (seat,)) for seat in kept]
    for seat_class in _classes(ordinary, cabin.party):
        yield [(tuple(seat for seat in ordinary if seat.seat_class == seat_class), ())]
    yield [(ordinary, ())]
    # Nothing else is left: as few of the kept seats as it takes.
    yield [(cabin.free, ordinary)]


def _is_kept(seat: LayoutSeat) -> bool:
    return not _ACCESSIBLE.isdisjoint(seat.attributes)


def _classes(seats: Seats, party: Party) -> list[str]:
    """Return classes in the order in which the party is offered them: wishes that can be met, then the price."""

    def standing(seat_class: str) -> tuple[int, int, str]:
        here = [seat for seat in seats if seat.seat_class == seat_class]
        granted = sum(any(_has(seat, wish) for seat in here) for wish in party.wishes)
        return -granted, min(seat.price_percent for seat in here), seat_class

    return sorted({seat.seat_class for seat in seats}, key=standing)


# Contiguity: how close a party can sit.

_SIDE_BY_SIDE, _ACROSS, _NEAR, _APART = 0, 1, 2, 100
"""In one row without and with an aisle between; on one deck, plus the rows between first and last; on several."""


def _closest(cabin: Cabin, seats: Seats, must: Seats) -> tuple[int, Iterable[Seats]]:
    """Return how close the party can sit on `seats`, `must` among them, and every group that sits so close."""
    runs = _runs(cabin, {seat.seat_no for seat in seats}, {seat.seat_no for seat in must})
    for closeness in (_SIDE_BY_SIDE, _ACROSS):
        if runs[closeness]:
            return closeness, runs[closeness]
    spans = list(_spans(cabin, seats, must))
    if not spans:
        return _APART, _choices(cabin, seats, must)
    shortest = min(span for span, _ in spans)
    groups = (_choices(cabin, window, must) for span, window in spans if span == shortest)
    return _NEAR + shortest, chain.from_iterable(groups)


def _runs(cabin: Cabin, free: set[int], must: set[int]) -> tuple[list[Seats], list[Seats]]:
    """Return the groups of neighbours in a row: those side by side, those with an aisle between."""
    count = cabin.party.count
    side_by_side: list[Seats] = []
    across: list[Seats] = []
    for row in cabin.rows.values():
        for first in range(len(row) - count + 1):
            run = row[first : first + count]
            numbers = {seat.seat_no for seat in run}
            if must <= numbers <= free:
                is_unbroken = run[-1].column - run[0].column == count - 1
                (side_by_side if is_unbroken else across).append(run)
    return side_by_side, across


def _spans(cabin: Cabin, seats: Seats, must: Seats) -> Iterator[tuple[int, Seats]]:
    """Yield, for every row that a group on one deck can begin in, how many rows on it ends and what is free there."""
    for deck in sorted({seat.deck for seat in seats}):
        here = sorted((seat for seat in seats if seat.deck == deck), key=lambda seat: seat.row)
        for first in sorted({seat.row for seat in here}):
            window: list[LayoutSeat] = []
            for _, row in groupby(here, key=lambda seat: seat.row):
                window += [seat for seat in row if seat.row >= first]
                if len(window) >= cabin.party.count and {*must} <= {*window}:
                    yield window[-1].row - first, tuple(window)
                    break


def _choices(cabin: Cabin, seats: Seats, must: Seats) -> Iterator[Seats]:
    """Yield every group of these seats, the tightest gaps first."""
    others = sorted(
        (seat for seat in seats if seat not in must), key=lambda seat: cabin.gaps[seat.seat_no]
    )
    for chosen in combinations(others, cabin.party.count - len(must)):
        yield tuple(sorted((*must, *chosen), key=lambda s: (s.deck, s.row, s.column)))


# Choice among equals.


def _rank(cabin: Cabin, groups: Iterable[Seats], rules: Sequence[Rule]) -> list[Seats]:
    lot = Random(cabin.party.seed)  # noqa: S311 - spreads rivals, hides nothing

    def standing(seats: Seats) -> tuple[float, ...]:
        return *(rule(cabin, seats) for rule in rules), lot.random()

    return sorted(groups, key=standing)


def _has(seat: LayoutSeat, wish: Preference) -> bool:
    match wish:
        case Preference.LOWER_DECK:
            return seat.deck == 1
        case Preference.UPPER_DECK:
            return seat.deck > 1
        case _:
            return wish.value in seat.attributes
