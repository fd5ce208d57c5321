from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.layouts import SeatPlan, double_deck, mini, sleeper, two_plus_two

PLANS = [two_plus_two(40), mini(), double_deck(), sleeper()]


def check(plan: SeatPlan) -> None:
    """Whatever the plan, the database must take it and a person must be able to read it."""
    seats = plan.seats
    assert [seat.seat_no for seat in seats] == list(range(1, len(seats) + 1))
    assert len({seat.label for seat in seats}) == len(seats)
    assert len({(seat.deck, seat.row, seat.column) for seat in seats}) == len(seats)
    for seat in seats:
        assert 1 <= len(seat.label) <= 6
        assert seat.label.isalnum()
        assert seat.label == seat.label.upper()
        assert 1 <= seat.row <= 60
        assert 1 <= seat.column <= 12
        assert 1 <= seat.deck <= 3
        assert len(set(seat.attributes)) == len(seat.attributes)
    assert {seat.row for seat in seats if "front" in seat.attributes} == {1}


@given(st.integers(1, 200))
def test_a_coach_has_exactly_the_seats_it_was_asked_for(total: int) -> None:
    plan = two_plus_two(total)
    check(plan)
    assert len(plan.seats) == total
    rows: dict[int, list[int]] = {}
    for seat in plan.seats:
        rows.setdefault(seat.row, []).append(seat.column)
    sizes = [len(columns) for _, columns in sorted(rows.items())]
    assert all(size == 4 for size in sizes[:-1])
    assert sizes[-1] <= 5
    assert total == 1 or sizes[-1] != 1


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_every_plan_that_is_offered_is_sound(plan: SeatPlan) -> None:
    check(plan)
    assert str(len(plan.seats)) in plan.name


def test_windows_are_at_the_sides_and_aisles_beside_gaps() -> None:
    row = [seat for seat in two_plus_two(40).seats if seat.row == 2]
    assert [seat.attributes for seat in row] == [("window",), ("aisle",), ("aisle",), ("window",)]
    assert [seat.label for seat in row] == ["2A", "2B", "2C", "2D"]
    assert [b.column - a.column for a, b in pairwise(row)] == [1, 2, 1]


def test_a_plan_may_be_given_a_name() -> None:
    assert two_plus_two(8, name="Old Bess").name == "Old Bess"
