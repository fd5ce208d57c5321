"""Suggests seats for a party: free on the whole leg, together if possible, leaving no seat stranded.

Pure: it reads states and promises nothing; whoever wants the seats holds them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from store.model import AVAILABLE, Layout, LayoutSeat, Leg
from store.rules import status_on

_SUGGESTIONS = 5


class Preference(StrEnum):
    WINDOW = "window"
    AISLE = "aisle"
    FRONT = "front"
    LOWER_DECK = "lower_deck"
    UPPER_DECK = "upper_deck"


@dataclass(frozen=True, slots=True)
class Group:
    seats: tuple[LayoutSeat, ...]
    is_together: bool


def best_seats(
    layout: Layout,
    states: Mapping[int, str],
    leg: Leg,
    count: int,
    prefer: Sequence[Preference] = (),
) -> list[Group]:
    """Return up to five groups of `count` seats, best first; none when fewer seats are free.

    A group is side by side in one row, else within neighbouring rows of one deck. Ranked by: together, preference met,
    single seats left stranded, seats that are used on other segments already (gaps filled first), front to back.
    """
    free = [seat for seat in layout.seats if status_on(states[seat.seat_no], leg) == AVAILABLE]
    if len(free) < count:
        return []
    together = [Group(seats, is_together=True) for seats in _runs(free, count)]
    groups = together or [Group(seats, is_together=False) for seats in _windows(free, count)]
    free_numbers = {seat.seat_no for seat in free}
    ranked = sorted(
        groups,
        key=lambda group: (
            -_met(group.seats, prefer),
            _stranded(layout, group.seats, free_numbers),
            sum(states[seat.seat_no].count(AVAILABLE) for seat in group.seats),
            min((seat.deck, seat.row, seat.column) for seat in group.seats),
        ),
    )
    return ranked[:_SUGGESTIONS]


def _runs(free: Sequence[LayoutSeat], count: int) -> list[tuple[LayoutSeat, ...]]:
    """Return every run of seats beside each other, an aisle between them allowed only when no pair fits."""
    rows: dict[tuple[int, int], list[LayoutSeat]] = {}
    for seat in free:
        rows.setdefault((seat.deck, seat.row), []).append(seat)
    touching = [run for row in rows.values() for run in _touching(row, count, gap=1)]
    return touching or [run for row in rows.values() for run in _touching(row, count, gap=2)]


def _touching(row: Sequence[LayoutSeat], count: int, *, gap: int) -> list[tuple[LayoutSeat, ...]]:
    ordered = sorted(row, key=lambda seat: seat.column)
    slices = [tuple(ordered[i : i + count]) for i in range(len(ordered) - count + 1)]
    return [run for run in slices if all(b.column - a.column <= gap for a, b in pairwise(run))]


def _windows(free: Sequence[LayoutSeat], count: int) -> list[tuple[LayoutSeat, ...]]:
    """Return seats that follow each other front to back, those that span the fewest rows."""
    ordered = sorted(free, key=lambda seat: (seat.deck, seat.row, seat.column))
    slices = [tuple(ordered[i : i + count]) for i in range(len(ordered) - count + 1)]
    spans = [(run[-1].deck - run[0].deck) * 100 + run[-1].row - run[0].row for run in slices]
    return [run for run, span in zip(slices, spans, strict=True) if span == min(spans)]


def _met(seats: Sequence[LayoutSeat], prefer: Sequence[Preference]) -> int:
    return sum(_has(seat, wish) for seat in seats for wish in prefer)


def _has(seat: LayoutSeat, wish: Preference) -> bool:
    match wish:
        case Preference.LOWER_DECK:
            return seat.deck == 1
        case Preference.UPPER_DECK:
            return seat.deck > 1
        case _:
            return wish.value in seat.attributes


def _stranded(layout: Layout, seats: Sequence[LayoutSeat], free: set[int]) -> int:
    """Count the free seats that would lose their last free neighbour."""
    taken = {seat.seat_no for seat in seats}
    by_place = {(seat.deck, seat.row, seat.column): seat.seat_no for seat in layout.seats}

    def neighbours(seat: LayoutSeat) -> set[int]:
        places = ((seat.deck, seat.row, seat.column + step) for step in (-1, 1))
        return {by_place[place] for place in places if place in by_place}

    beside = {number for seat in seats for number in neighbours(seat)} & free - taken
    return sum(not (neighbours(layout.by_number[number]) & free - taken) for number in beside)
