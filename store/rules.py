"""The rules of a sale, decided from locked rows alone.

Pure functions, so that one request or a whole batch, a test or a proof, all decide in the same way.

A seat's states are a string with one letter for every segment; a leg reads and writes a slice of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from store.buyers import seats_per_buyer
from store.errors import Departed, Forbidden, InvalidRequest, SalesClosed, SeatUnavailable
from store.model import (
    AVAILABLE,
    Bus,
    BusStop,
    Caller,
    Hold,
    LayoutSeat,
    Leg,
    PairFares,
    SaleStatus,
)

_WORST_FIRST = "BXLA"


def status_on(states: str, leg: Leg) -> str:
    """Return the worst letter of the leg's segments: B > X > L > A."""
    on_leg = states[leg.start : leg.end]
    if len(on_leg) == 1:
        return on_leg
    return next(letter for letter in _WORST_FIRST if letter in on_leg)


def with_leg(states: str, leg: Leg, letter: str) -> str:
    """Return `states` with every segment of the leg set to `letter`."""
    return states[: leg.start] + letter * (leg.end - leg.start) + states[leg.end :]


def leg_fare(fares: Sequence[int], pairs: PairFares, leg: Leg) -> int:
    """Return the adult fare of a leg in minor units: its own if it has one, else the sum of its segments."""
    if pairs and (fare := pairs.get((leg.start, leg.end))) is not None:
        return fare
    return sum(fares[leg.start : leg.end])


def seat_price(fare: int, percent: int) -> int:
    """Return `fare` × `percent` / 100 in minor units, half a unit rounded up."""
    return (fare * percent + 50) // 100


class Wanted(msgspec.Struct, frozen=True):
    """What a hold or a direct booking asks for: seats by number, ascending, on one leg."""

    bus: Bus
    leg: Leg
    seats: tuple[int, ...]

    @property
    def prices(self) -> tuple[int, ...]:
        fare = leg_fare(self.bus.fares, self.bus.pair_fares, self.leg)
        places = self.bus.layout.by_number
        return tuple(seat_price(fare, places[seat].price_percent) for seat in self.seats)


def require_on_sale(bus: Bus, leg: Leg, status: str, now: datetime) -> None:
    """Refuse what can no longer be sold: by the operator's word first, then by the clock of the boarding stop."""
    if status != SaleStatus.SCHEDULED or bus.is_suspended:
        raise SalesClosed
    boards_at = bus.stops[leg.start].departs_at
    if now >= boards_at:
        raise Departed
    if now >= boards_at - bus.sales_close:
        raise SalesClosed


def require_not_departed(bus: Bus, leg: Leg, now: datetime) -> None:
    if now >= bus.stops[leg.start].departs_at:
        raise Departed


def require_free(wanted: Wanted, states: Mapping[int, str]) -> None:
    """Refuse unless every seat is available on every segment of the leg; all or nothing.

    `states` are the locked seats' states, with what has expired already counted as available.
    """
    taken = tuple(
        (wanted.bus.layout.label(seat), letter)
        for seat in wanted.seats
        if (letter := status_on(states[seat], wanted.leg)) != AVAILABLE
    )
    if taken:
        raise SeatUnavailable(taken)


def set_leg(
    seats: Iterable[int], states: Mapping[int, str], leg: Leg, letter: str
) -> dict[int, str]:
    return {seat: with_leg(states[seat], leg, letter) for seat in seats}


class Replacement(msgspec.Struct, frozen=True):
    """What changes when a hold gets another set of seats; a seat that stays keeps the price it was held at."""

    added: Wanted
    dropped: tuple[int, ...]
    prices: tuple[int, ...]


def replace_seats(hold: Hold, seats: Sequence[int]) -> Replacement:
    """Compare a hold's seats with the set (ascending) that shall be held instead."""
    added = Wanted(hold.bus, hold.leg, tuple(seat for seat in seats if seat not in hold.seats))
    price = dict(zip(hold.seats, hold.prices, strict=True))
    price |= dict(zip(added.seats, added.prices, strict=True))
    return Replacement(
        added=added,
        dropped=tuple(seat for seat in hold.seats if seat not in seats),
        prices=tuple(price[seat] for seat in seats),
    )


def seats_by_label(bus: Bus, labels: Sequence[str], *, pointer: str = "/seats") -> tuple[int, ...]:
    """Return seat numbers in lock order (ascending); none at all, unknown or repeated labels make no sense."""
    if not labels:
        raise InvalidRequest(pointer, "required", "name at least one seat")
    if len(set(labels)) != len(labels):
        raise InvalidRequest(pointer, "duplicate_seat", "a seat is named twice")
    places: list[LayoutSeat] = []
    for index, label in enumerate(labels):
        place = bus.layout.by_label.get(label)
        if place is None:
            raise InvalidRequest(
                f"{pointer}/{index}", "unknown_seat", "this bus has no seat of that label"
            )
        places.append(place)
    return tuple(sorted(place.seat_no for place in places))


def find_leg(bus: Bus, from_stop: int | None, to_stop: int | None) -> Leg:
    """Return the leg between two stops of the bus; raise InvalidRequest if nobody can travel it."""
    return leg_between(bus.stops, from_stop, to_stop)


def leg_between(
    stops: Sequence[BusStop], from_stop: int | None, to_stop: int | None, *, pointer: str = ""
) -> Leg:
    """Return the leg between two of a bus's stops; a missing end means the end of the line.

    A station stands for any of its stops. Where a bus calls twice, boarding takes the first call that lets people on
    and alighting the first one after it that lets them off: what a search finds.
    """
    boardings = _calls(stops, from_stop, f"{pointer}/from_stop") if from_stop is not None else [0]
    start = next((i for i in boardings if stops[i].can_board), boardings[0])
    last = len(stops) - 1
    alightings = _calls(stops, to_stop, f"{pointer}/to_stop") if to_stop is not None else [last]
    ahead = [i for i in alightings if i > start]
    if not ahead:
        raise InvalidRequest(
            f"{pointer}/to_stop", "leg_reversed", "the bus calls there before it picks you up"
        )
    end = next((i for i in ahead if stops[i].can_alight), ahead[0])
    if not stops[start].can_board:
        raise InvalidRequest(f"{pointer}/from_stop", "no_boarding", "the bus only sets down there")
    if not stops[end].can_alight:
        raise InvalidRequest(f"{pointer}/to_stop", "no_alighting", "the bus only picks up there")
    return Leg(start, end)


def _calls(stops: Sequence[BusStop], stop_id: int, pointer: str) -> list[int]:
    calls = [i for i, stop in enumerate(stops) if stop.is_at(stop_id)]
    if not calls:
        raise InvalidRequest(pointer, "unknown_stop", "the bus does not call there")
    return calls


def seats_allowed(bus: Bus, caller: Caller) -> int:
    """Return how many seats of a bus a buyer may keep at a time, or book at once; staff only its own operator's."""
    return seats_per_buyer(bus.limits, is_staff=caller.sells_for(bus.operator_id))


def require_allowed(bus: Bus, caller: Caller, count: int) -> None:
    """Refuse a request that no count of held seats could ever satisfy, and devices on buses that are not theirs."""
    if caller.device_id is not None and not caller.sells_for(bus.operator_id):
        raise Forbidden("a kiosk sells the buses of its own operator")
    allowed = seats_allowed(bus, caller)
    if count > allowed:
        raise InvalidRequest("/seats", "too_many_seats", f"at most {allowed} seats at a time")
