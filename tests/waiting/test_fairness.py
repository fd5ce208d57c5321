"""What judges a played sale: an order as promised passes, and every kind of unfairness is named."""

import hashlib
import random
import uuid
from typing import Any

from server.simulation.fairness import judge_draw, judge_late, judge_turns
from server.simulation.hall import Reading, Turn

SEED = bytes(range(32))
PROMISED = hashlib.sha256(SEED).hexdigest()


def drawn(people: int) -> tuple[dict[str, Any], list[str], list[Turn]]:
    """Return a fair draw, its order, and what everybody was told."""
    dice = random.Random(5)
    ids = [uuid.UUID(int=dice.getrandbits(128)) for _ in range(people)]
    everybody = b"".join(sorted(each.bytes for each in ids))
    draw = hashlib.sha256(SEED + hashlib.sha256(everybody).digest()).digest()
    ids.sort(key=lambda each: hashlib.sha256(draw + each.bytes).digest())
    order = list(map(str, ids))
    turns = [
        Turn(place, nth, is_drawn=True, asked=0, told=1, entered=nth)
        for nth, place in enumerate(order, 1)
    ]
    return {"seed": SEED.hex(), "commitment": PROMISED, "draw": draw.hex()}, order, turns


def late(number: int, asked: float, told: float) -> Turn:
    return Turn(f"late {number}", number, is_drawn=False, asked=asked, told=told)


def test_a_draw_as_promised_has_nothing_wrong_also_with_later_ones_behind_it() -> None:
    draw, order, turns = drawn(50)
    assert judge_draw(PROMISED, draw, [*order, str(uuid.uuid4())], turns) == []
    assert judge_draw(PROMISED, draw, [], []) == []


def test_another_seed_a_swapped_pair_and_a_place_left_out_are_seen() -> None:
    draw, order, turns = drawn(50)
    other = hashlib.sha256(b"another").hexdigest()
    assert judge_draw(other, draw, order, turns) == ["the seed is not the one that was promised"]
    swapped = [order[1], order[0], *order[2:]]
    told = judge_draw(PROMISED, draw, swapped, turns)
    assert told[0] == "the order is not that of the draw"
    assert len(told) == 3, "and both of them were told another number"
    without = [str(uuid.UUID(int=7)), *order[1:]]
    assert "the draw is not that of the seed and all places" in judge_draw(
        PROMISED, draw, without, turns
    )


def test_who_asked_after_another_was_told_is_behind_them_and_who_asked_together_may_be_either() -> (
    None
):
    assert judge_late([late(3, asked=1, told=2), late(4, asked=3, told=4)]) == []
    assert judge_late([late(4, asked=1, told=3), late(3, asked=2, told=4)]) == []
    assert judge_late([late(4, asked=1, told=2), late(3, asked=3, told=4)]) == [
        "number 3 came after somebody with a higher one was told it"
    ]
    _, _, turns = drawn(5)
    assert judge_late([*turns, late(5, asked=9, told=10)]) == [
        "somebody who came late is among those who were drawn"
    ]


def test_nobody_comes_in_ahead_of_the_counter_and_it_never_goes_back() -> None:
    _, _, turns = drawn(5)
    fair = [Reading(second, second, second) for second in range(10)]
    assert judge_turns(turns, fair) == []
    early = Turn("early", 9, is_drawn=False, asked=0, told=1, entered=1.0)
    assert judge_turns([*turns, early], fair)[0] == "number 9 came in, and 3 is served later"
    assert judge_turns(turns, [*fair, Reading(11, 11, 4)])[-1] == (
        "the counter went back from 9 to 4"
    )
    assert judge_turns([*turns, late(5, 1, 2)], fair) == ["two places have one number"]
