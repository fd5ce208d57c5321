"""Passengers who did not come: staff gives their seats to others."""

from typing import Annotated

import msgspec

from server.api.buses import bus_of
from server.api.shapes import Identifier, Named
from server.contract import Access, Call, Idempotency, Operation
from server.problems import bad_field
from store.errors import Forbidden, NotFound, Overloaded
from store.ids import parse_owned
from store.model import Bus
from store.no_shows import Released

_TICKETS_MAX = 200


class NoShowsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without `tickets`: everybody who has not come, though the bus has left their stop long enough ago."""

    tickets: (
        Annotated[list[Identifier], msgspec.Meta(min_length=1, max_length=_TICKETS_MAX)] | None
    ) = None


class ReleasedShape(msgspec.Struct, frozen=True):
    """Seats that are on sale again from one stop to another; the same stop twice when nothing was left to sell."""

    ref: str
    seats: list[str]
    from_stop: Named
    to_stop: Named


class NoShowsShape(msgspec.Struct, frozen=True):
    """What was done. Whoever is not in it has boarded, is waited for still, or was given up before."""

    items: list[ReleasedShape]


async def release_no_shows(call: Call, body: NoShowsRequest) -> NoShowsShape:
    """Give away the seats of passengers who have not come, for the way that is ahead; nothing is paid back."""
    bus_id = bus_of(call)
    codes = None
    if body.tickets is not None:
        owned = [parse_owned(ticket) for ticket in body.tickets]
        for index, each in enumerate(owned):
            if each is None or each[0] != bus_id:
                raise bad_field(f"/tickets/{index}", "not_of_this_bus", "no ticket of this bus")
        codes = [each[1] for each in owned if each is not None]
    store = call.services.store
    released = await store.no_shows.release(call.caller, bus_id, codes)
    bus = await store.buses.find(bus_id)
    return NoShowsShape([_shape(bus, each) for each in released])


def _shape(bus: Bus, released: Released) -> ReleasedShape:
    start, end = bus.stops[released.leg.start], bus.stops[released.leg.end]
    return ReleasedShape(
        ref=released.ref,
        seats=[bus.layout.label(seat) for seat in released.seats],
        from_stop=Named(str(start.stop_id), start.name),
        to_stop=Named(str(end.stop_id), end.name),
    )


OPERATIONS = (
    Operation(
        "POST",
        "/admin/buses/{bus}/no-shows",
        release_no_shows,
        NoShowsShape,
        access=Access.STAFF,
        idempotency=Idempotency.ACCEPTED,
        problems=(Forbidden, NotFound, Overloaded),
    ),
)
