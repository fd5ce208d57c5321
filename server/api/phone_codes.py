"""Codes that a kiosk shows to a phone: a link to one of our pages, or to a payment provider's."""

from typing import Annotated

import msgspec

from server.api.devices import site_of
from server.contract import Access, Call, Operation
from server.policies import Rate
from store.errors import Overloaded

# Eight hundred letters are more than any link of ours has, and a code that a phone still reads from a screen.
Link = Annotated[
    str,
    msgspec.Meta(pattern=r"^(/|https://)[!-~]{0,800}$(?!\n)", examples=["/bookings/K7QX2M"]),
]


class PhoneCodeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A path of ours, with what follows its `#` if anything does, or the address of a provider's page."""

    link: Link


class PhoneCodeShape(msgspec.Struct, frozen=True):
    """Where the code leads, and its picture: an SVG document, dark on light."""

    url: str
    svg: str


async def draw_phone_code(call: Call, body: PhoneCodeRequest) -> PhoneCodeShape:
    """Draw a link as a QR code. It stands in the body, for what follows a `#` is not for logs."""
    url = f"{site_of(call)}{body.link}" if body.link.startswith("/") else body.link
    svg = await call.services.ticket_desk.draw_link(url)
    return PhoneCodeShape(url, svg.decode())


OPERATIONS = (
    Operation(
        "POST",
        "/devices/me/qr",
        draw_phone_code,
        PhoneCodeShape,
        access=Access.KIOSKS,
        problems=(Overloaded,),
        rate=Rate.DEVICE,
    ),
)
