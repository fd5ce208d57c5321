"""Bookings found again without account or link: by what stands on the ticket, and the contact given with it."""

import hmac
from typing import Annotated

import msgspec

from server.api.bookings import Email, Phone
from server.contract import Call, Operation
from server.policies import Rate
from server.problems import bad_field
from store.errors import NotFound, Overloaded
from store.ids import is_ref
from store.model import Contact

_DIGITS_MIN = 4


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code of a booking, and the e-mail address or the phone number that was given with it."""

    ref: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    email: Email | None = None
    phone: Phone | None = None


class FoundBooking(msgspec.Struct, frozen=True):
    ref: str
    access_key: str


async def find_booking(call: Call, body: Finding) -> FoundBooking:
    """Tell the access key of a booking to whoever knows its code and the contact given with it.

    Nobody learns what there is: a wrong code, a wrong contact and none at all are answered alike. Tries count against
    the code, so that nobody guesses the contact of one, and against the address, so that nobody guesses codes.
    """
    if body.email is None and body.phone is None:
        raise bad_field("/email", "required", "say the email or the phone that the booking has")
    ref = body.ref.strip().upper()
    await call.count(Rate.FIND, ref)
    if not is_ref(ref):
        raise NotFound("booking")
    store = call.services.store
    booking = await store.lookup.find_by_ref(ref)
    if not _is_theirs(booking.contact, body):
        raise NotFound("booking")
    call.forgive(Rate.FIND, ref)
    return FoundBooking(booking.ref, store.seals.access_key(booking.booking_id))


def _is_theirs(contact: Contact, body: Finding) -> bool:
    """Compare what is given; people type addresses in any case, and phone numbers with any spaces."""
    pairs = (
        (contact.email, body.email, _plain_email),
        (contact.phone, body.phone, _plain_phone),
    )
    given = [(known, said, plain) for known, said, plain in pairs if said is not None]
    return all(
        known is not None and plain(said) and hmac.compare_digest(plain(known), plain(said))
        for known, said, plain in given
    )


def _plain_email(text: str) -> bytes:
    return text.strip().casefold().encode()


def _plain_phone(text: str) -> bytes:
    """Return the digits; nothing for so few that they are no number of anybody's."""
    digits = "".join(char for char in text if char.isdigit()).lstrip("0")
    return digits.encode() if len(digits) >= _DIGITS_MIN else b""


OPERATIONS = (
    Operation(
        "POST",
        "/bookings/find",
        find_booking,
        FoundBooking,
        problems=(NotFound, Overloaded),
        rate=Rate.FIND,
    ),
)
