"""What came of a rush: counts, waits, and whether any seat was acknowledged twice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from server.simulation.exchange import Answer

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(slots=True)
class Journal:
    """`paid` are bookings that the server has confirmed: (bus, ref, key, seats)."""

    deeds: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)
    paid: list[tuple[str, str, str, tuple[str, ...]]] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    def note(self, what: str, answer: Answer) -> Answer:
        """Count an answer to a kind of request."""
        self.deeds[what] += 1
        self.seconds.setdefault(what, []).append(answer.seconds)
        if answer.code:
            self.refusals[f"{what}: {answer.code}"] += 1
        if answer.status >= 500 and answer.code not in {"overloaded", "outcome_unknown"}:
            self.wrongs.append(f"{what} answered {answer.status}")
        return answer

    def find_twice(self) -> list[str]:
        """Return the seats that were acknowledged to two bookings; every leg here is the whole route."""
        owners: dict[tuple[str, str], str] = {}
        return [
            f"seat {seat} of bus {bus} belongs to {other} and {ref}"
            for bus, ref, _, seats in self.paid
            for seat in seats
            if (other := owners.setdefault((bus, seat), ref)) != ref
        ]

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "requests": dict(sorted(self.deeds.items())),
            "refusals": dict(self.refusals.most_common()),
            "milliseconds": {
                what: {
                    f"p{round(each * 100)}": round(quantile(seconds, each) * 1000, 1)
                    for each in QUANTILES
                }
                for what, seconds in sorted(self.seconds.items())
            },
            "waited_seconds": {
                f"p{round(each * 100)}": round(quantile(self.waited, each), 1) for each in QUANTILES
            }
            if self.waited
            else {},
            "bookings": len(self.paid),
            "seats": sum(len(seats) for *_, seats in self.paid),
            "wrongs": self.wrongs,
        }


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of them does not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
