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
    other_buses: tuple[int, ...] = (90_000, 990_000)
    """Beside `buses`, so that there are ten times as many, and ten times that."""
    overload_seconds: float = 30.0
    overload_clients: int = 8_000
    sockets: int = 1_000
    many_sockets: int = 10_000
    returning_sockets: int = 5_000
    backlog: int = 10_000
    mails: int = 1_000
    timetables: tuple[int, ...] = (10_000, 1_000_000)
    searches: int = 400
    reads: int = 10_000


SMOKE = Effort(
    rounds=1,
    seconds=0.4,
    buses=250,
    clients=32,
    warm_up_seconds=0.1,
    racers=100,
    races=1,
    existing=(100, 500, 1_000),
    other_buses=(1_000,),
    overload_seconds=2.0,
    overload_clients=1_000,
    sockets=50,
    many_sockets=200,
    returning_sockets=100,
    backlog=200,
    mails=40,
    timetables=(1_000, 2_000),
    searches=20,
    reads=200,
)
"""Everything once and short: whether the bench works, not what it would say."""
