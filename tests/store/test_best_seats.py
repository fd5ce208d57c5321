from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.best_seats import Group, Preference, best_seats
from store.layouts import SeatPlan, double_deck, mini, sleeper, two_plus_two
from store.model import Layout, Leg
from store.rules import status_on

PLANS = [two_plus_two(21), two_plus_two(40), mini(), double_deck(), sleeper()]
SEGMENTS = 3


def layout_of(plan: SeatPlan) -> Layout:
    return Layout(
        1,
        plan.name,
        plan.seats,
        {seat.label: seat for seat in plan.seats},
        {seat.seat_no: seat for seat in plan.seats},
    )


@st.composite
def questions(draw: st.DrawFn) -> tuple[Layout, dict[int, str], Leg, int, list[Preference]]:
    layout = layout_of(draw(st.sampled_from(PLANS)))
    letters = st.text(draw(st.sampled_from(["AAAB", "AB", "ALBX", "A"])), min_size=3, max_size=3)
    states = {seat.seat_no: draw(letters) for seat in layout.seats}
    start = draw(st.integers(0, SEGMENTS - 1))
    leg = Leg(start, draw(st.integers(start + 1, SEGMENTS)))
    prefer = draw(st.lists(st.sampled_from(Preference), max_size=3, unique=True))
    return layout, states, leg, draw(st.integers(1, 8)), prefer


@given(questions())
def test_what_is_suggested_is_free_and_of_the_right_number(
    question: tuple[Layout, dict[int, str], Leg, int, list[Preference]],
) -> None:
    layout, states, leg, count, prefer = question
    groups = best_seats(layout, states, leg, count, prefer)
    free = [seat for seat in layout.seats if status_on(states[seat.seat_no], leg) == "A"]
    assert bool(groups) == (len(free) >= count)
    assert len(groups) <= 5
    for group in groups:
        assert len({seat.seat_no for seat in group.seats}) == count
        assert all(seat in free for seat in group.seats)
    assert len({frozenset(seat.label for seat in group.seats) for group in groups}) == len(groups)


@given(questions())
def test_a_party_sits_together_whenever_it_can(
    question: tuple[Layout, dict[int, str], Leg, int, list[Preference]],
) -> None:
    layout, states, leg, count, prefer = question
    groups = best_seats(layout, states, leg, count, prefer)
    for group in groups:
        if group.is_together:
            assert len({(seat.deck, seat.row) for seat in group.seats}) == 1
            columns = sorted(seat.column for seat in group.seats)
            assert all(right - left <= 2 for left, right in pairwise(columns))
    if any(_fits_side_by_side(layout, states, leg, count)):
        assert all(group.is_together for group in groups)


def _fits_side_by_side(layout: Layout, states: dict[int, str], leg: Leg, count: int) -> list[bool]:
    by_place = {(seat.deck, seat.row, seat.column): seat.seat_no for seat in layout.seats}
    return [
        all(
            (place := by_place.get((seat.deck, seat.row, seat.column + step))) is not None
            and status_on(states[place], leg) == "A"
            for step in range(count)
        )
        for seat in layout.seats
    ]


def labels(group: Group) -> list[str]:
    return [seat.label for seat in group.seats]


def test_a_pair_gets_two_seats_beside_each_other_at_the_front() -> None:
    layout = layout_of(two_plus_two(40))
    best = best_seats(layout, dict.fromkeys(layout.by_number, "A"), Leg(0, 1), 2)[0]
    assert best.is_together
    assert labels(best) in (["1A", "1B"], ["1C", "1D"])


def test_no_neighbour_is_left_alone_when_it_can_be_helped() -> None:
    layout = layout_of(two_plus_two(8))
    states = dict.fromkeys(layout.by_number, "A")
    states[layout.by_label["1A"].seat_no] = "B"
    best = best_seats(layout, states, Leg(0, 1), 1)[0]
    assert labels(best) == ["1B"]


def test_gaps_on_other_segments_are_filled_first() -> None:
    layout = layout_of(two_plus_two(8))
    states = dict.fromkeys(layout.by_number, "AA")
    for label in ("2C", "2D"):
        states[layout.by_label[label].seat_no] = "AB"
    best = best_seats(layout, states, Leg(0, 1), 2)[0]
    assert labels(best) == ["2C", "2D"]


@pytest.mark.parametrize(
    ("wish", "check"),
    [
        (Preference.WINDOW, "window"),
        (Preference.AISLE, "aisle"),
        (Preference.FRONT, "front"),
    ],
)
def test_a_wish_is_met_when_it_can_be(wish: Preference, check: str) -> None:
    layout = layout_of(double_deck())
    best = best_seats(layout, dict.fromkeys(layout.by_number, "A"), Leg(0, 1), 1, [wish])[0]
    assert check in best.seats[0].attributes


def test_a_deck_can_be_wished_for() -> None:
    layout = layout_of(double_deck())
    states = dict.fromkeys(layout.by_number, "A")
    upper = best_seats(layout, states, Leg(0, 1), 2, [Preference.UPPER_DECK])[0]
    lower = best_seats(layout, states, Leg(0, 1), 2, [Preference.LOWER_DECK])[0]
    assert {seat.deck for seat in upper.seats} == {2}
    assert {seat.deck for seat in lower.seats} == {1}


def test_a_party_that_cannot_sit_together_sits_close() -> None:
    layout = layout_of(two_plus_two(40))
    states = dict.fromkeys(layout.by_number, "B")
    for label in ("2A", "3D", "9A"):
        states[layout.by_label[label].seat_no] = "A"
    best = best_seats(layout, states, Leg(0, 1), 2)[0]
    assert not best.is_together
    assert labels(best) == ["2A", "3D"]
