"""What staff does for passengers who have paid: another seat, or the same mail once more."""

import msgspec

from server.api.bookings import BookingShape, ask_booking, find_allowed
from server.api.shapes import SeatLabel
from server.contract import Access, Call, Idempotency, Operation
from store.errors import (
    Departed,
    Forbidden,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    SeatUnavailable,
    TooManyMails,
    WrongState,
)
from store.ids import parse_owned
from store.requests import Reply
from store.resends import Resend


class MoveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The seat that the passenger gets: free from where they board to where they leave."""

    seat: SeatLabel


class MailedAgain(msgspec.Struct, frozen=True):
    """To whom a mail goes, as whoever knows the address recognises it; and how many more may follow this hour."""

    to: str
    left: int


async def move_passenger(call: Call, body: MoveRequest) -> Reply:
    """Give a passenger another seat of their bus; the price and the ticket stay, and they are told by mail."""
    owned = parse_owned(call.path["ticket"])
    if owned is None:
        raise NotFound("ticket")
    store = call.services.store
    booking = await store.lookup.find_of_ticket(call.caller, owned, None)
    label = body.seat.upper()
    return await store.passenger_moves.move(
        call.caller, booking, owned[1], label, ask_booking(call)
    )


async def resend_mail(call: Call) -> Reply:
    """Mail what stands of a booking once more, to the address that was left with it."""
    booking = await find_allowed(call)
    return await call.services.store.resends.send(call.caller, booking, call.ask(_mailed_again))


def _mailed_again(resend: Resend) -> MailedAgain:
    return MailedAgain(resend.to, resend.left)


OPERATIONS = (
    Operation(
        "POST",
        "/admin/tickets/{ticket}/move",
        move_passenger,
        BookingShape,
        access=Access.STAFF,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            *(Forbidden, NotFound, SeatUnavailable, WrongState, Departed, InvalidRequest),
            *(KeyInUse, KeyReused, OutcomeUnknown, Overloaded),
        ),
    ),
    Operation(
        "POST",
        "/admin/bookings/{ref}/mail",
        resend_mail,
        MailedAgain,
        access=Access.STAFF,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            *(Forbidden, NotFound, WrongState, TooManyMails),
            *(KeyReused, OutcomeUnknown, Overloaded),
        ),
    ),
)
