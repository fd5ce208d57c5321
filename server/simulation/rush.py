"""Who comes when, and what they are like: a Poisson stream, and a burst at the opening. Pure: a seed is a crowd."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Somebody who buys, somebody who takes seats and walks away, somebody who only looks, a program that grabs."""

    BUYER = "buyer"
    WAVERER = "waverer"
    LOOKER = "looker"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class Rush:
    """`visitors` come within `seconds`: `burst` of them (a share) at the opening, the others all the time.

    `opening` is when that is, as a share of the time. The shares of kinds are those of all visitors; the rest buys.
    """

    visitors: int = 200
    seconds: float = 20.0
    burst: float = 0.6
    opening: float = 0.2
    burst_seconds: float = 1.0
    waverers: float = 0.15
    lookers: float = 0.15
    bots: float = 0.05
    declined: float = 0.05


@dataclass(frozen=True, slots=True)
class Visitor:
    """`number` names them, `at` is when they come; `seed` is what their own dice are thrown by."""

    number: int
    at: float
    kind: Kind
    seats: int
    is_declined: bool
    seed: int

    @property
    def address(self) -> str:
        """An address of their own, for servers that believe this one's word on it."""
        high, low = divmod(self.number, 250)
        return f"10.{high // 250 % 250}.{high % 250}.{low + 1}"


def plan(rush: Rush, seed: int) -> Sequence[Visitor]:
    """Return everybody, in order of arrival."""
    dice = random.Random(seed)  # noqa: S311 - a play that can be played again
    crowd = round(rush.visitors * rush.burst)
    opening = rush.seconds * rush.opening
    arrivals = [
        *_burst(dice, crowd, opening, rush.burst_seconds),
        *_stream(dice, rush.visitors - crowd, rush.seconds),
    ]
    return [_visitor(dice, rush, number, at) for number, at in enumerate(sorted(arrivals))]


def _stream(dice: random.Random, visitors: int, seconds: float) -> Iterator[float]:
    """Yield a Poisson process that has so many arrivals in all: then their times are uniform."""
    for _ in range(visitors):
        yield dice.uniform(0.0, seconds)


def _burst(
    dice: random.Random, visitors: int, opening: float, mean_seconds: float
) -> Iterator[float]:
    """Yield a crowd that has waited for the hour: at once, and then ever fewer."""
    for _ in range(visitors):
        yield opening + dice.expovariate(1.0 / mean_seconds)


def _visitor(dice: random.Random, rush: Rush, number: int, at: float) -> Visitor:
    chances = (1 - rush.waverers - rush.lookers - rush.bots, rush.waverers, rush.lookers, rush.bots)
    return Visitor(
        number=number,
        at=at,
        kind=dice.choices(list(Kind), chances)[0],
        seats=dice.choices((1, 2, 3, 4), (45, 35, 12, 8))[0],
        is_declined=dice.random() < rush.declined,
        seed=dice.getrandbits(48),
    )
