"""Who comes to a sale that opens at an hour: most before it, some after. Pure: a seed is a crowd."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from server.simulation.rush import Kind, Visitor

_ALONE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Sale:
    """`buyers` want `seats`. They come in the `seconds` before the opening; `late` of them (a share) just after it.

    `others` are bookings a second of other buses, also for the `alone_seconds` before anybody comes.
    """

    seats: int = 400
    buyers: int = 20_000
    seconds: float = 60.0
    late: float = 0.05
    late_seconds: float = 10.0
    waverers: float = 0.1
    others: float = 10.0

    @property
    def alone_seconds(self) -> float:
        return min(self.seconds, _ALONE_SECONDS)


def plan_sale(sale: Sale, seed: int) -> Sequence[Visitor]:
    """Return everybody, in order of arrival; `at` counts from when the doors are opened for the first."""
    dice = random.Random(seed)  # noqa: S311 - a play that can be played again
    late = round(sale.buyers * sale.late)
    arrivals = [
        *(dice.uniform(0.0, sale.seconds) for _ in range(sale.buyers - late)),
        *(sale.seconds + dice.uniform(0.0, sale.late_seconds) for _ in range(late)),
    ]
    return [
        Visitor(
            number=number,
            at=at,
            kind=Kind.WAVERER if dice.random() < sale.waverers else Kind.BUYER,
            seats=dice.choices((1, 2, 3, 4), (45, 35, 12, 8))[0],
            is_declined=False,
            seed=dice.getrandbits(48),
        )
        for number, at in enumerate(sorted(arrivals))
    ]
