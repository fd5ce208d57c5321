"""How hard the bench tries: the one place where sizes and lengths are set."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """Rounds are interleaved; `seconds` is the length of one. What a section measures says what it takes from here."""

    rounds: int = 3
    seconds: float = 6.0
    processes: int = 1
    """API processes wherever a section does not say otherwise."""
    buses: int = 10_000
    clients: int = 256
    warm_up_seconds: float = 2.0
    racers: int = 2_000
    races: int = 2
    existing: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    overload_seconds: float = 30.0
    overload_clients: int = 8_000
    sockets: int = 1_000
    many_sockets: int = 10_000
    returning_sockets: int = 5_000


SMOKE = Effort(
    rounds=1,
    seconds=1.0,
    buses=500,
    clients=32,
    warm_up_seconds=0.3,
    racers=100,
    races=1,
    existing=(100, 1_000, 4_000),
    overload_seconds=2.0,
    overload_clients=1_000,
    sockets=50,
    many_sockets=200,
    returning_sockets=100,
)
"""Everything once and short: whether the bench works, not what it would say."""
