"""Holds: seats taken for a few minutes while a buyer decides."""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec

from server.api.admission import TOKEN_HEADER, require_admission
from server.api.shapes import Identifier, Money, SeatLabel, parse_id, utc
from server.contract import Access, Call, Idempotency, Operation
from server.policies import Rate
from store.errors import (
    AddressFull,
    AlreadyExtended,
    Departed,
    Forbidden,
    HoldExpired,
    HoldNotFound,
    InvalidRequest,
    MustWait,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    SalesClosed,
    SeatCoolingDown,
    SeatUnavailable,
    TooManyHolds,
    TooManySeats,
)
from store.holds import SeatRequest
from store.ids import format_owned, parse_bus, parse_owned
from store.model import Hold
from store.requests import Reply

Seats = Annotated[list[SeatLabel], msgspec.Meta(min_length=1, max_length=100)]


class HoldRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seats: Seats
    from_stop: Identifier | None = None
    to_stop: Identifier | None = None


class SeatSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole set a hold shall have."""

    seats: Seats


class ClaimRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in the fragment of the link that a kiosk has shown."""

    token: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{28}$(?!\n)")]


class HeldSeat(msgspec.Struct, frozen=True):
    seat: str
    price: Money


class HoldShape(msgspec.Struct, frozen=True):
    id: str
    bus_id: str
    seats: list[str]
    from_stop: str
    to_stop: str
    expires_at: datetime
    extended: bool
    total: Money
    prices: list[HeldSeat]


def hold_shape(hold: Hold) -> HoldShape:
    bus = hold.bus
    labels = [bus.layout.label(seat) for seat in hold.seats]
    return HoldShape(
        id=format_owned(bus.bus_id, hold.hold_id),
        bus_id=str(bus.bus_id),
        seats=labels,
        from_stop=str(bus.stops[hold.leg.start].stop_id),
        to_stop=str(bus.stops[hold.leg.end].stop_id),
        expires_at=utc(hold.expires_at),
        extended=hold.is_extended,
        total=Money(sum(hold.prices), bus.currency),
        prices=[
            HeldSeat(label, Money(price, bus.currency))
            for label, price in zip(labels, hold.prices, strict=True)
        ],
    )


def seat_request(
    bus_id: str, seats: list[str], from_stop: str | None, to_stop: str | None
) -> SeatRequest:
    bus = parse_bus(bus_id)
    if bus is None:
        raise NotFound("bus")
    return SeatRequest(
        bus,
        [label.upper() for label in seats],
        parse_id(from_stop, "/from_stop"),
        parse_id(to_stop, "/to_stop"),
    )


def owned(hold_id: str) -> tuple[int, uuid.UUID]:
    parsed = parse_owned(hold_id)
    if parsed is None:
        raise HoldNotFound
    return parsed


async def create_hold(call: Call, body: HoldRequest) -> Reply:
    """Hold seats of a bus for a leg: all of them or none."""
    request = seat_request(call.path["bus"], body.seats, body.from_stop, body.to_stop)
    if not call.services.usher.is_free(request.bus_id):
        await require_admission(call, request.bus_id)
    return await call.services.store.holds.hold(call.caller, request, call.ask(hold_shape))


async def read_hold(call: Call) -> HoldShape:
    """Show a live hold."""
    hold = await call.services.store.holds.find(call.caller, owned(call.path["hold"]))
    return hold_shape(hold)


async def replace_hold(call: Call, body: SeatSet) -> Reply:
    """Give a hold another set of seats, atomically; a refusal leaves it as it was, the deadline never moves."""
    labels = [label.upper() for label in body.seats]
    hold = owned(call.path["hold"])
    if not call.services.usher.is_free(hold[0]):
        await require_admission(call, hold[0])
    return await call.services.store.holds.replace(call.caller, hold, labels, call.ask(hold_shape))


async def release_hold(call: Call) -> None:
    """Give the seats back."""
    hold = owned(call.path["hold"])
    await call.services.store.holds.release(call.caller, hold, call.ask(hold_shape))


async def extend_hold(call: Call) -> Reply:
    """Move the deadline once, when it comes to paying; how far, and how long a hold may last, the bus's rules say."""
    hold = owned(call.path["hold"])
    return await call.services.store.holds.extend(call.caller, hold, call.ask(hold_shape))


async def claim_hold(call: Call, body: ClaimRequest) -> HoldShape:
    """Take over the hold of a kiosk that has shown its link; the deadline stays. Once more changes nothing."""
    hold = owned(call.path["hold"])
    claimed = await call.services.store.handover.claim(call.caller, hold, body.token)
    return hold_shape(claimed)


_LIMITS = (TooManySeats, TooManyHolds, AddressFull, SeatCoolingDown)
SALE = (
    *(NotFound, SeatUnavailable, Departed, SalesClosed, *_LIMITS),
    *(MustWait, InvalidRequest, Forbidden, Overloaded),
)
_HOLD = (HoldNotFound, HoldExpired, Overloaded)

OPERATIONS = (
    Operation(
        "POST",
        "/buses/{bus}/holds",
        create_hold,
        HoldShape,
        status=201,
        access=Access.BUYERS,
        idempotency=Idempotency.ACCEPTED,
        problems=SALE,
        headers=TOKEN_HEADER,
        tells_guests_apart=True,
        rate=Rate.HOLD,
    ),
    Operation("GET", "/holds/{hold}", read_hold, HoldShape, access=Access.BUYERS, problems=_HOLD),
    Operation(
        "PUT",
        "/holds/{hold}",
        replace_hold,
        HoldShape,
        access=Access.BUYERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            *_HOLD,
            SeatUnavailable,
            Departed,
            SalesClosed,
            *_LIMITS,
            MustWait,
            InvalidRequest,
        ),
        headers=TOKEN_HEADER,
        tells_guests_apart=True,
        rate=Rate.HOLD,
    ),
    Operation(
        "DELETE",
        "/holds/{hold}",
        release_hold,
        None,
        status=204,
        access=Access.BUYERS,
        problems=_HOLD,
        tells_guests_apart=True,
    ),
    Operation(
        "POST",
        "/holds/{hold}/extend",
        extend_hold,
        HoldShape,
        access=Access.BUYERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(*_HOLD, AlreadyExtended),
        tells_guests_apart=True,
        rate=Rate.HOLD,
    ),
    Operation(
        "POST",
        "/holds/{hold}/claim",
        claim_hold,
        HoldShape,
        problems=(*_HOLD, NotFound, *_LIMITS, OutcomeUnknown),
        tells_guests_apart=True,
        rate=Rate.HOLD,
    ),
)
