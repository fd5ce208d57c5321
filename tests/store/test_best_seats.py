"""Suggestions: each rule by its name, and all of them against every group there is."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.best_seats import Group, Party, Preference, best_seats
from store.layouts import SeatPlan, double_deck, mini, sleeper, two_plus_two
from store.model import Layout, LayoutSeat, Leg

PLANS = [two_plus_two(21), two_plus_two(40), mini(), double_deck(), sleeper()]
SEGMENTS = 3
States = dict[int, str]
Seats = tuple[LayoutSeat, ...]


def layout_of(plan: SeatPlan) -> Layout:
    return Layout(
        1,
        plan.name,
        plan.seats,
        {seat.label: seat for seat in plan.seats},
        {seat.seat_no: seat for seat in plan.seats},
    )


def with_accessible(plan: SeatPlan, *labels: str) -> Layout:
    """Return the plan with some seats kept for wheelchair users."""
    seats = (
        replace(seat, attributes=(*seat.attributes, "accessible")) if seat.label in labels else seat
        for seat in plan.seats
    )
    return layout_of(SeatPlan(plan.name, tuple(seats)))


def all_free(layout: Layout, segments: int = 1) -> States:
    return dict.fromkeys(layout.by_number, "A" * segments)


def only_free(layout: Layout, *labels: str) -> States:
    return {seat.seat_no: "A" if seat.label in labels else "B" for seat in layout.seats}


def labels(group: Group) -> list[str]:
    return [seat.label for seat in group.seats]


def best(layout: Layout, states: States, party: Party) -> list[str]:
    return labels(best_seats(layout, states, party)[0])


WHOLE = Leg(0, 1)


# Whatever the bus looks like.


@st.composite
def parties(draw: st.DrawFn, *, most: int = 8) -> Party:
    start = draw(st.integers(0, SEGMENTS - 1))
    return Party(
        Leg(start, draw(st.integers(start + 1, SEGMENTS))),
        draw(st.integers(1, most)),
        draw(st.lists(st.sampled_from(Preference), max_size=3, unique=True)),
        draw(st.sampled_from([None, None, None, "standard", "comfort"])),
        draw(st.sampled_from(["one", "two"])),
    )


@st.composite
def states_of(draw: st.DrawFn, layout: Layout) -> States:
    alphabet = draw(st.sampled_from(["AAAB", "AAAAAAB", "AB", "ALBX", "A"]))
    letters = st.text(alphabet, min_size=SEGMENTS, max_size=SEGMENTS)
    return {seat.seat_no: draw(letters) for seat in layout.seats}


def is_free(states: States, seat: LayoutSeat, leg: Leg) -> bool:
    return set(states[seat.seat_no][leg.start : leg.end]) == {"A"}


@given(st.sampled_from(PLANS).map(layout_of), parties(), st.data())
def test_what_is_suggested_is_free_of_the_class_asked_for_and_of_the_right_number(
    layout: Layout, party: Party, data: st.DataObject
) -> None:
    states = data.draw(states_of(layout))
    groups = best_seats(layout, states, party)
    free = [seat for seat in layout.seats if is_free(states, seat, party.leg)]
    open_to_us = [seat for seat in free if party.seat_class in (None, seat.seat_class)]
    assert bool(groups) == (len(open_to_us) >= party.count)
    assert len(groups) <= 5
    for group in groups:
        assert len({seat.seat_no for seat in group.seats}) == party.count
        assert all(seat in open_to_us for seat in group.seats)
    assert len({frozenset(labels(group)) for group in groups}) == len(groups)
    assert best_seats(layout, states, party) == groups


# Every group there is, judged one by one: what the clever way finds is what this finds.


@st.composite
def small_buses(draw: st.DrawFn) -> Layout:
    decks = draw(st.sampled_from([[1], [1], [1, 2]]))
    every = [(deck, row, column) for deck in decks for row in (1, 2, 3) for column in (1, 2, 4, 5)]
    places = draw(st.permutations(every))[: draw(st.integers(4, 10))]
    kinds = st.sampled_from(
        [("standard", 100), ("standard", 100), ("standard", 110), ("comfort", 130)]
    )
    extras = st.lists(
        st.sampled_from(["window", "aisle", "front", "accessible", "wheelchair"]),
        max_size=draw(st.sampled_from([0, 1, 2])),
        unique=True,
    )
    seats = [
        LayoutSeat(number, f"{number}", *place, *_kind(draw(kinds), draw(extras)))
        for number, place in enumerate(sorted(places), 1)
    ]
    return layout_of(SeatPlan("small", tuple(seats)))


def _kind(kind: tuple[str, int], extras: list[str]) -> tuple[str, tuple[str, ...], int]:
    return kind[0], tuple(extras), kind[1]


Judgement = tuple[int, ...]


class Judge:
    """Says how bad a group is, straight from the rules as they are written down."""

    def __init__(self, layout: Layout, states: States, party: Party) -> None:
        self.layout, self.states, self.party = layout, states, party
        self.free = [seat for seat in layout.seats if is_free(states, seat, party.leg)]
        self.open = [s for s in self.free if party.seat_class in (None, s.seat_class)]
        self.wishes = [wish for wish in party.prefer if wish != "accessible"]
        self.classes = self._classes()

    def verdicts(self) -> list[tuple[Judgement, Seats]]:
        groups = combinations(self.open, self.party.count)
        return sorted(
            ((self.judge(group), group) for group in groups), key=lambda verdict: verdict[0]
        )

    def judge(self, group: Seats) -> Judgement:
        return (
            *self.policy(group),
            self.distance(group),
            sum(self.gap(seat) for seat in group),
            self.stranded(group),
            sum(not grants(seat, wish) for seat in group for wish in self.wishes),
            sum(seat.price_percent for seat in group),
        )

    def policy(self, group: Seats) -> tuple[int, int]:
        kept = sum(is_kept(seat) for seat in group)
        is_asked = Preference.ACCESSIBLE in self.party.prefer
        spent = abs(kept - 1) if is_asked and any(map(is_kept, self.open)) else kept
        classes = {seat.seat_class for seat in group}
        if kept:
            return spent, 0
        return spent, self.classes.index(classes.pop()) if len(classes) == 1 else 99

    def _classes(self) -> list[str]:
        ordinary = [seat for seat in self.open if not is_kept(seat)]

        def standing(name: str) -> tuple[int, int, str]:
            here = [seat for seat in ordinary if seat.seat_class == name]
            granted = [wish for wish in self.wishes if any(grants(seat, wish) for seat in here)]
            return -len(granted), min(seat.price_percent for seat in here), name

        return sorted({seat.seat_class for seat in ordinary}, key=standing)

    def distance(self, group: Seats) -> int:
        if len({seat.deck for seat in group}) > 1:
            return 100
        rows = [seat.row for seat in group]
        if len(set(rows)) > 1:
            return 2 + max(rows) - min(rows)
        columns = [seat.column for seat in group]
        between = [
            seat
            for seat in self.layout.seats
            if (seat.deck, seat.row) == (group[0].deck, group[0].row)
            and min(columns) < seat.column < max(columns)
            and seat not in group
        ]
        if between:
            return 2
        return 0 if max(columns) - min(columns) == len(columns) - 1 else 1

    def gap(self, seat: LayoutSeat) -> int:
        letters, leg = self.states[seat.seat_no], self.party.leg
        idle = 0
        for segment in range(len(letters)):
            reach = letters[min(segment, leg.start) : max(segment + 1, leg.end)]
            idle += segment not in leg.segments and set(reach) == {"A"}
        return idle

    def stranded(self, group: Seats) -> int:
        rest = [seat for seat in self.free if seat not in group]
        return sum(
            any(touch(seat, other) for other in group)
            and not any(touch(seat, other) for other in rest)
            for seat in rest
        )


def touch(one: LayoutSeat, other: LayoutSeat) -> bool:
    is_same_row = (one.deck, one.row) == (other.deck, other.row)
    return is_same_row and abs(one.column - other.column) == 1


def is_kept(seat: LayoutSeat) -> bool:
    return "accessible" in seat.attributes or "wheelchair" in seat.attributes


def grants(seat: LayoutSeat, wish: Preference) -> bool:
    decks = {"lower_deck": seat.deck == 1, "upper_deck": seat.deck > 1}
    return decks.get(wish, wish in seat.attributes)


@settings(max_examples=400)
@given(small_buses(), parties(most=5), st.data())
def test_no_group_is_better_than_those_suggested(
    layout: Layout, party: Party, data: st.DataObject
) -> None:
    states = data.draw(states_of(layout))
    judge = Judge(layout, states, party)
    verdicts = judge.verdicts()
    groups = best_seats(layout, states, party)
    judged = [judge.judge(group.seats) for group in groups]
    # The list ends where the next best sit further apart, or break a policy that these keep.
    alike = [verdict for verdict, _ in verdicts if verdict[:3] == verdicts[0][0][:3]]
    assert judged == alike[:5]
    assert [group.is_together for group in groups] == [verdict[2] < 2 for verdict in judged]


# Policy.


def test_an_accessible_seat_is_not_spent_on_whoever_does_not_ask_for_one() -> None:
    layout = with_accessible(two_plus_two(8), "1A", "1B")
    for seed in map(str, range(20)):
        for group in best_seats(layout, all_free(layout), Party(WHOLE, 1, seed=seed)):
            assert not {"1A", "1B"} & set(labels(group))
    party = Party(WHOLE, 2, [Preference.FRONT, Preference.WINDOW])
    assert best(layout, all_free(layout), party) == ["1C", "1D"]


def test_a_party_is_split_rather_than_given_an_accessible_seat() -> None:
    layout = with_accessible(two_plus_two(8), "1A", "1B")
    states = only_free(layout, "1A", "1B", "1C", "2B")
    assert best(layout, states, Party(WHOLE, 2)) == ["1C", "2B"]


def test_accessible_seats_are_sold_when_nothing_else_is_left_and_as_few_as_it_takes() -> None:
    layout = with_accessible(two_plus_two(8), "1A", "1B")
    states = only_free(layout, "1A", "1B", "2D")
    assert "2D" in best(layout, states, Party(WHOLE, 2))
    assert best(layout, states, Party(WHOLE, 3)) == ["1A", "1B", "2D"]


def test_who_asks_for_an_accessible_seat_gets_one_and_company_beside_it() -> None:
    layout = with_accessible(two_plus_two(16), "3A", "4D")
    for seed in map(str, range(10)):
        party = Party(WHOLE, 2, [Preference.ACCESSIBLE], seed=seed)
        assert best(layout, all_free(layout), party) in (["3A", "3B"], ["4C", "4D"])
    assert best(
        layout, only_free(layout, "1A", "4D"), Party(WHOLE, 1, [Preference.ACCESSIBLE])
    ) == ["4D"]
    assert best(layout, only_free(layout, "1A"), Party(WHOLE, 1, [Preference.ACCESSIBLE])) == ["1A"]


def test_a_party_is_given_the_cheapest_class_with_room_for_all_of_it() -> None:
    layout = layout_of(double_deck())
    for seed in map(str, range(10)):
        for group in best_seats(layout, all_free(layout), Party(WHOLE, 2, seed=seed)):
            assert {seat.seat_class for seat in group.seats} == {"standard"}
    states = only_free(layout, "U5A", "U1A", "U1B", "1B", "1C")
    assert best(layout, states, Party(WHOLE, 1)) == ["U5A"]
    assert best(layout, states, Party(WHOLE, 2)) == ["1B", "1C"]
    assert len(best(layout, states, Party(WHOLE, 5))) == 5


def test_a_class_that_is_asked_for_is_the_only_one() -> None:
    layout = layout_of(double_deck())
    party = Party(WHOLE, 2, seat_class="panorama")
    assert best(layout, all_free(layout), party) in (["U1A", "U1B"], ["U1C", "U1D"])
    assert best_seats(layout, only_free(layout, "1A", "1B"), party) == []


def test_a_wish_that_only_a_dearer_class_can_meet_is_a_wish_for_that_class() -> None:
    layout = layout_of(double_deck())
    low = best_seats(layout, all_free(layout), Party(WHOLE, 1, [Preference.LOWER_DECK]))
    assert {seat.seat_class for group in low for seat in group.seats} == {"comfort"}
    high = best_seats(layout, all_free(layout), Party(WHOLE, 1, [Preference.UPPER_DECK]))
    assert {seat.seat_class for group in high for seat in group.seats} == {"standard"}


# Contiguity.


@pytest.mark.parametrize(
    ("free", "count", "together"),
    [
        (("1A", "1C", "2C", "2D", "3A"), 2, ["2C", "2D"]),
        (("1A", "1B", "2B", "2C", "2D"), 3, ["2B", "2C", "2D"]),
        (("1B", "1C", "2A", "3A"), 2, ["1B", "1C"]),
        (("1B", "1C", "2C", "2D"), 2, ["2C", "2D"]),
    ],
)
def test_a_party_sits_side_by_side_or_else_across_the_aisle(
    free: tuple[str, ...], count: int, together: list[str]
) -> None:
    layout = layout_of(two_plus_two(40))
    found = best_seats(layout, only_free(layout, *free), Party(WHOLE, count))[0]
    assert (labels(found), found.is_together) == (together, True)


@pytest.mark.parametrize(
    ("free", "count", "close"),
    [
        (("2A", "3D", "9A"), 2, ["2A", "3D"]),
        (("1A", "4A", "4D", "5B", "9C"), 3, ["4A", "4D", "5B"]),
        (("1A", "3A", "3B", "4A", "4B", "4C", "4D", "7A"), 6, ["3A", "3B", "4A", "4B", "4C", "4D"]),
    ],
)
def test_a_party_that_cannot_sit_together_sits_in_neighbouring_rows(
    free: tuple[str, ...], count: int, close: list[str]
) -> None:
    layout = layout_of(two_plus_two(40))
    found = best_seats(layout, only_free(layout, *free), Party(WHOLE, count))[0]
    assert (labels(found), found.is_together) == (close, False)


def test_a_party_is_parted_by_rows_rather_than_by_decks() -> None:
    layout = layout_of(sleeper())
    assert best(layout, only_free(layout, "L1A", "L5A", "U1A"), Party(WHOLE, 2)) == ["L1A", "L5A"]
    assert best(layout, only_free(layout, "L1A", "U5A"), Party(WHOLE, 2)) == ["L1A", "U5A"]


def test_sitting_together_outweighs_a_gap_that_fits() -> None:
    layout = layout_of(two_plus_two(8))
    states = all_free(layout, 2)
    for label in ("1A", "2D"):
        states[layout.by_label[label].seat_no] = "AB"
    assert not {"1A", "2D"} & set(best(layout, states, Party(Leg(1, 2), 2)))
    assert best(layout, states, Party(Leg(0, 1), 2)) in (["1A", "1B"], ["2C", "2D"])


# Gaps along the route.


def test_a_seat_sold_before_or_after_the_leg_is_filled_before_a_fresh_one_is_opened() -> None:
    layout = layout_of(two_plus_two(8))
    for used in ("BAA", "AAB"):
        states = all_free(layout, 3)
        states[layout.by_label["2B"].seat_no] = used
        for seed in map(str, range(10)):
            assert best(layout, states, Party(Leg(1, 2), 1, seed=seed)) == ["2B"]


def test_the_tightest_gap_that_fits_is_filled_first() -> None:
    layout = layout_of(two_plus_two(8))
    states = all_free(layout, 6)
    for label, letters in {"1A": "BAAAAA", "1C": "BAAAAB", "2A": "BAAABA", "2D": "AABAAA"}.items():
        states[layout.by_label[label].seat_no] = letters
    assert best(layout, states, Party(Leg(1, 3), 1)) == ["2A"]
    assert best(layout, states, Party(Leg(1, 5), 1)) == ["1C"]
    assert best(layout, states, Party(Leg(3, 6), 1)) == ["2D"]


def test_a_gap_is_filled_though_a_wish_is_missed_and_a_neighbour_left_alone() -> None:
    layout = layout_of(two_plus_two(8))
    states = all_free(layout, 2)
    states[layout.by_label["2B"].seat_no] = "AB"
    states[layout.by_label["1B"].seat_no] = "BB"
    assert best(layout, states, Party(Leg(0, 1), 1, [Preference.WINDOW])) == ["2B"]


# No single seat left alone.


def test_no_neighbour_is_left_alone_when_it_can_be_helped() -> None:
    layout = layout_of(two_plus_two(8))
    states = all_free(layout)
    states[layout.by_label["1A"].seat_no] = "B"
    for wish in ([], [Preference.WINDOW]):
        assert best(layout, states, Party(WHOLE, 1, wish)) == ["1B"]


def test_a_pair_at_the_end_of_a_bench_leaves_three_rather_than_one() -> None:
    layout = layout_of(two_plus_two(21))
    states = only_free(layout, "5A", "5B", "5C")
    assert best(layout, states, Party(WHOLE, 2)) in (["5A", "5B"], ["5B", "5C"])
    states = only_free(layout, "5A", "5B", "5C", "4A", "4B")
    assert best(layout, states, Party(WHOLE, 2)) == ["4A", "4B"]


# Wishes.


@pytest.mark.parametrize(
    "wish",
    [
        Preference.WINDOW,
        Preference.AISLE,
        Preference.FRONT,
    ],
)
def test_a_wish_is_met_when_it_can_be(wish: Preference) -> None:
    layout = layout_of(double_deck())
    found = best_seats(layout, all_free(layout), Party(WHOLE, 1, [wish]))[0]
    assert wish.value in found.seats[0].attributes


def test_a_deck_can_be_wished_for() -> None:
    layout = layout_of(double_deck())
    for wish, deck in ((Preference.UPPER_DECK, 2), (Preference.LOWER_DECK, 1)):
        found = best_seats(layout, all_free(layout), Party(WHOLE, 2, [wish]))
        assert {seat.deck for group in found for seat in group.seats} == {deck}


def test_of_seats_that_differ_in_nothing_else_the_cheaper_is_suggested() -> None:
    layout = layout_of(sleeper())
    states = only_free(layout, "L1A", "U1A")
    for seed in map(str, range(10)):
        assert best(layout, states, Party(WHOLE, 1, seed=seed)) == ["U1A"]


# The lot.


def test_rivals_are_sent_to_different_seats_and_one_buyer_to_the_same() -> None:
    layout = layout_of(two_plus_two(40))
    parties = [Party(WHOLE, 2, seed=f"buyer {number}") for number in range(40)]
    found = [best(layout, all_free(layout), party) for party in parties]
    assert len({tuple(seats) for seats in found}) >= 12
    assert [best(layout, all_free(layout), party) for party in parties] == found


def test_a_large_party_on_an_odd_bus_is_seated_without_trying_every_way() -> None:
    seats = [
        LayoutSeat(number, f"{number}", deck, row, column, "standard", (), 100)
        for number, (deck, row, column) in enumerate(
            ((deck, row, column) for deck in (1, 2, 3) for row in range(1, 8) for column in (1,)), 1
        )
    ]
    layout = layout_of(SeatPlan("tower", tuple(seats)))
    assert len(best(layout, all_free(layout), Party(WHOLE, 8))) == 8
