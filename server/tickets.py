"""What is read off a ticket, and which ticket that is: the signed code that is printed, or the ticket's id."""

from server.ticketing.token import TicketKeys
from store.ids import parse_owned
from store.scans import BadSignature, SignedTicket, TicketCode


def read_ticket(text: str, keys: TicketKeys) -> SignedTicket | TicketCode | BadSignature | None:
    """Return the ticket that a text stands for; None for a text that is no code of ours.

    BadSignature if it has the shape of a signed code and none of these keys has signed it.
    """
    signed = keys.read(text)
    if signed is not None:
        return signed
    owned = parse_owned(text)
    return None if owned is None else TicketCode(*owned)
