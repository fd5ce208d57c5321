"""Best seats: free ones that fit a party."""

from typing import Annotated

import msgspec

from server.api.buses import bus_of
from server.api.shapes import Identifier, Money, parse_id
from server.contract import Access, Call, Operation
from server.policies import Rate
from store.best_seats import Party, Preference, best_seats
from store.errors import InvalidRequest, NotFound, Overloaded
from store.rules import find_leg, leg_fare, seat_price


class BestSeatsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is equally good is drawn by lot: the same for the same `seed`, anew for each request without one."""

    count: Annotated[int, msgspec.Meta(ge=1, le=8)]
    from_stop: Identifier | None = None
    to_stop: Identifier | None = None
    prefer: list[Preference] = []
    seat_class: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,20}$(?!\n)")] | None = None
    seed: Identifier | None = None


class SeatGroup(msgspec.Struct, frozen=True):
    seats: list[str]
    total: Money
    together: bool


class BestSeats(msgspec.Struct, frozen=True):
    bus_id: str
    rev: int
    items: list[SeatGroup]


async def suggest_seats(call: Call, body: BestSeatsRequest) -> BestSeats:
    """Suggest free seats that fit a party, best first; locks nothing, promises nothing."""
    found = await call.services.store.buses.seat_states(bus_of(call))
    bus = found.bus
    leg = find_leg(bus, parse_id(body.from_stop, "/from_stop"), parse_id(body.to_stop, "/to_stop"))
    seed = call.request_id if body.seed is None else body.seed
    party = Party(leg, body.count, body.prefer, body.seat_class, seed)
    fare = leg_fare(bus.fares, bus.pair_fares, leg)
    return BestSeats(
        str(bus.bus_id),
        found.rev,
        [
            SeatGroup(
                [seat.label for seat in group.seats],
                Money(
                    sum(seat_price(fare, seat.price_percent) for seat in group.seats),
                    bus.currency,
                ),
                group.is_together,
            )
            for group in best_seats(bus.layout, found.states, party)
        ],
    )


OPERATIONS = (
    Operation(
        "POST",
        "/buses/{bus}/best-seats",
        suggest_seats,
        BestSeats,
        access=Access.BUYERS,
        problems=(NotFound, InvalidRequest, Overloaded),
        rate=Rate.SEARCH,
    ),
)
