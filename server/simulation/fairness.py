"""Whether an order is the one that was promised, from what anybody can see who was there. Pure."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from server.simulation.hall import Reading, Turn

NEWS_SECONDS = 2.0
"""So much later every process tells what one has told."""


def judge_draw(
    promised: str, draw: Mapping[str, Any], order: Sequence[str], turns: Sequence[Turn]
) -> list[str]:
    """Draw once more by the seed that was promised; `order` are all numbered places, later ones too."""
    drawn = {turn.place: turn.number for turn in turns if turn.is_drawn}
    seed = bytes.fromhex(draw["seed"])
    if hashlib.sha256(seed).hexdigest() != promised or draw["commitment"] != promised:
        return ["the seed is not the one that was promised"]
    if not drawn:
        return []
    ids = [uuid.UUID(each).bytes for each in order[: max(each or 0 for each in drawn.values())]]
    digest = hashlib.sha256(seed + hashlib.sha256(b"".join(sorted(ids))).digest()).digest()
    wrongs = []
    if digest.hex() != draw["draw"]:
        wrongs.append("the draw is not that of the seed and all places")
    if ids != sorted(ids, key=lambda each: hashlib.sha256(digest + each).digest()):
        wrongs.append("the order is not that of the draw")
    number_of = {place: number for number, place in enumerate(order, 1)}
    wrongs += [
        f"place {place} was told number {number} and is {number_of.get(place)} in the draw"
        for place, number in drawn.items()
        if number_of.get(place) != number
    ]
    return wrongs


def judge_late(turns: Sequence[Turn]) -> list[str]:
    """After the draw nobody has a lower number than one who was told theirs before they asked."""
    drawn = max((turn.number or 0 for turn in turns if turn.is_drawn), default=0)
    late = sorted((turn for turn in turns if not turn.is_drawn), key=lambda turn: turn.number or 0)
    wrongs = []
    if late and (late[0].number or 0) <= drawn:
        wrongs.append("somebody who came late is among those who were drawn")
    first_told = float("inf")
    for turn in reversed(late):
        if first_told < turn.asked:
            wrongs.append(f"number {turn.number} came after somebody with a higher one was told it")
        first_told = min(first_told, turn.told)
    return wrongs


def judge_turns(turns: Sequence[Turn], readings: Sequence[Reading]) -> list[str]:
    """Nobody came in whose number the counter had not reached, nobody shares one, and the counter never goes back."""
    wrongs = []
    numbers = [turn.number for turn in turns if turn.number is not None]
    if len(set(numbers)) != len(numbers):
        wrongs.append("two places have one number")
    moments = sorted(readings, key=lambda reading: reading.asked)
    events = sorted(
        ((turn.entered + NEWS_SECONDS, turn.number or 0) for turn in turns if turn.entered),
        key=lambda event: event[0],
    )
    served, passed = 0, iter(events)
    due = next(passed, None)
    highest = 0
    for reading in moments:
        while due is not None and due[0] <= reading.asked:
            highest = max(highest, due[1])
            due = next(passed, None)
        if reading.serving < highest:
            wrongs.append(f"number {highest} came in, and {reading.serving} is served later")
        if reading.serving < served:
            wrongs.append(f"the counter went back from {served} to {reading.serving}")
        served = max(served, reading.serving)
    return wrongs
