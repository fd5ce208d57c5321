"""Filling gaps pays: a season of travellers, seated by best fit, by the first free seat, and without the gap rule."""

from collections.abc import Callable, Sequence
from random import Random

from store.best_seats import RULES, Party, Rule, best_seats, idle_gap_left
from store.layouts import two_plus_two
from store.model import AVAILABLE, BOOKED, Layout, Leg
from store.rules import status_on, with_leg
from tests.store.test_best_seats import layout_of

SEGMENTS = 20
LONGEST = 6
TRAVELLERS = 150
SEASONS = 60
COACH = layout_of(two_plus_two(40))
Usher = Callable[[Layout, dict[int, str], Leg, str], int | None]


def usher_by(rules: Sequence[Rule]) -> Usher:
    def usher(layout: Layout, states: dict[int, str], leg: Leg, seed: str) -> int | None:
        groups = best_seats(layout, states, Party(leg, 1, seed=seed), rules)
        return groups[0].seats[0].seat_no if groups else None

    return usher


def first_free(layout: Layout, states: dict[int, str], leg: Leg, _seed: str) -> int | None:
    free = (s.seat_no for s in layout.seats if status_on(states[s.seat_no], leg) == AVAILABLE)
    return next(free, None)


def idle_beside_sales(usher: Usher, season: int) -> int:
    """Return how many segments stand empty on seats that are in use once all travellers have asked."""
    chance = Random(season)
    states = dict.fromkeys(COACH.by_number, AVAILABLE * SEGMENTS)
    for number in range(TRAVELLERS):
        start = chance.randrange(SEGMENTS)
        leg = Leg(start, chance.randint(start + 1, min(SEGMENTS, start + LONGEST)))
        if (seat := usher(COACH, states, leg, str(number))) is not None:
            states[seat] = with_leg(states[seat], leg, BOOKED)
    return sum(letters.count(AVAILABLE) for letters in states.values() if BOOKED in letters)


def mean_idle(usher: Usher) -> float:
    return sum(idle_beside_sales(usher, season) for season in range(SEASONS)) / SEASONS


def test_best_fit_strands_fewer_segments_than_the_first_free_seat_does() -> None:
    """Twin: without the gap rule nothing of the advantage is left."""
    best_fit, first = mean_idle(usher_by(RULES)), mean_idle(first_free)
    assert best_fit < 0.98 * first
    without = mean_idle(usher_by([rule for rule in RULES if rule is not idle_gap_left]))
    assert without > 1.4 * first
