"""Whoever can own seats: a hold or a booking, with the deadline that it surely and possibly has at a time."""

from dataclasses import dataclass, field

from tests.histories.checker.history import FOREVER
from tests.histories.records import Leg, Seats

LOCKED, BOOKED, FREE = "L", "B", "A"


@dataclass(slots=True, eq=False)
class Owner:
    """`letter` is what its seats show. `terms` are deadlines with the times between which each came into force."""

    id: str
    leg: Leg
    letter: str = LOCKED
    hold: "Owner | None" = None
    """What it was booked from."""
    terms: list[tuple[int, int, int]] = field(default_factory=list)
    sets: list[tuple[int, Seats]] = field(default_factory=list)
    """Its seats, and since when: what a hold was replaced by."""
    ended: int | None = None
    ending: str = ""
    confirmed: int | None = None
    cancelled: list[tuple[int, Seats]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What its claims are filed under: what was held and then booked stays the hold's."""
        return self.hold.id if self.hold else self.id

    def surely_until(self, at: int) -> int:
        """Return the latest deadline that was in force by then, whatever was under way."""
        return max((deadline for _, until, deadline in self.terms if until <= at), default=0)

    def possibly_until(self, at: int) -> int:
        """Return the latest deadline that can have been in force by then; answers tell it in milliseconds."""
        latest = max(
            (deadline for since, _, deadline in self.terms if since <= at), default=FOREVER
        )
        return latest + 999 if latest % 1000 == 0 else latest

    def may_be_over(self, at: int) -> bool:
        return self.letter == LOCKED and self.surely_until(at) <= at

    def may_be_live(self, at: int) -> bool:
        return self.letter != LOCKED or self.possibly_until(at) > at
