"""What the demo's passengers have bought before anybody looks: made up, but by the same rules as real sales.

Pure and seeded by the bus, so that the same bus on the same day always looks the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from store.demo.world import FIRST_NAMES, LAST_NAMES
from store.model import AVAILABLE, BOOKED, LayoutSeat, Leg, PairFares
from store.rules import leg_fare, seat_price, status_on, with_leg

LEFT_ON_LAST_SEATS = 2
_PARTIES = (1, 1, 1, 1, 2, 2, 2, 3, 4)
_BUSY_WEEKDAYS = (4, 6)  # Friday, Sunday
_ADULTS_OF_TEN = 8


@dataclass(frozen=True, slots=True)
class FreshBus:
    """A bus of the demo that nobody has seen yet."""

    bus_id: int
    key: str
    service_date: date
    departs_at: datetime
    fares: Sequence[int]
    layout: Sequence[LayoutSeat]
    pairs: PairFares = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DemoBooking:
    bus_id: int
    leg: Leg
    seats: tuple[int, ...]
    prices: tuple[int, ...]
    names: tuple[str, ...]
    categories: tuple[str, ...]
    method: str
    created_at: datetime


def sell(
    bus: FreshBus, now: datetime, *, is_nearly_full: bool
) -> tuple[list[DemoBooking], dict[int, str]]:
    """Return the bookings of a bus, and what its sold seats look like afterwards."""
    # Not for secrets: the point is that every run of the demo is alike.
    chance = Random(f"{bus.key} {bus.service_date}")  # noqa: S311
    states = {seat.seat_no: AVAILABLE * len(bus.fares) for seat in bus.layout}
    bookings: list[DemoBooking] = []
    wanted = _demand(bus, chance, is_nearly_full=is_nearly_full)
    while wanted > 0:
        leg = Leg(0, len(bus.fares)) if is_nearly_full else _leg(len(bus.fares), chance)
        party = _sit(bus, states, leg, min(wanted, chance.choice(_PARTIES)), chance)
        wanted -= max(1, len(party))
        if party:
            states |= {seat.seat_no: with_leg(states[seat.seat_no], leg, BOOKED) for seat in party}
            bookings.append(_booking(bus, leg, party, now, chance))
    return bookings, {seat: letters for seat, letters in states.items() if BOOKED in letters}


def _demand(bus: FreshBus, chance: Random, *, is_nearly_full: bool) -> int:
    """Return how many seats to sell: a tenth of the bus on average, more before and after weekends."""
    if is_nearly_full:
        return len(bus.layout) - LEFT_ON_LAST_SEATS
    busy = 0.35 if bus.service_date.weekday() in _BUSY_WEEKDAYS else 0.18
    return round(len(bus.layout) * busy * chance.random())


def _leg(segments: int, chance: Random) -> Leg:
    if chance.random() < 0.5:
        return Leg(0, segments)
    start = chance.randrange(segments)
    return Leg(start, chance.randint(start + 1, segments))


def _sit(
    bus: FreshBus, states: dict[int, str], leg: Leg, count: int, chance: Random
) -> tuple[LayoutSeat, ...]:
    """Return neighbouring seats that are free on the leg, from somewhere in the bus on."""
    free = [seat for seat in bus.layout if status_on(states[seat.seat_no], leg) == AVAILABLE]
    start = chance.randrange(len(free)) if free else 0
    return tuple((free[start:] + free[:start])[:count])


def _booking(
    bus: FreshBus, leg: Leg, party: Sequence[LayoutSeat], now: datetime, chance: Random
) -> DemoBooking:
    party = sorted(party, key=lambda seat: seat.seat_no)
    fare = leg_fare(bus.fares, bus.pairs, leg)
    return DemoBooking(
        bus_id=bus.bus_id,
        leg=leg,
        seats=tuple(seat.seat_no for seat in party),
        prices=tuple(seat_price(fare, seat.price_percent) for seat in party),
        names=tuple(_names(len(party), chance)),
        categories=tuple(
            "adult" if chance.random() < _ADULTS_OF_TEN / 10 else "student" for _ in party
        ),
        method=chance.choice(("demo", "demo", "demo", "cash")),
        created_at=min(now, bus.departs_at) - timedelta(minutes=chance.randint(5, 10 * 24 * 60)),
    )


def _names(count: int, chance: Random) -> Iterator[str]:
    family = chance.choice(LAST_NAMES)
    for _ in range(count):
        yield f"{chance.choice(FIRST_NAMES)} {family}"
