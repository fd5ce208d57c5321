"""Writes mails: headers that nobody breaks out of, the text and the same as HTML, and what is attached.

A mail is the same to the byte whenever it is written, as long as what it tells of has not changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from server.languages import DEFAULT
from server.mail.account_words import account_words
from server.mail.addresses import parse_address
from server.mail.attachments import Attachment, attachments
from server.mail.layout import as_html, as_text
from server.mail.trip_words import trip_words
from server.mail.words import Words, plain
from server.texts import Texts, texts
from server.ticketing.token import TicketKeys
from store.letters import Trip
from store.mails import Mail, Template

_NAME = "Omnibus"
WITH_TICKETS = frozenset(
    {Template.TICKET, Template.BUS_CHANGED, Template.PAYMENT_LATE, Template.SEAT_CHANGED}
)
_LINE_MAX, _BREAK = 76, "\r\n"


class _OnTheWire(EmailPolicy):
    """Writes a subject, or a name, of other letters as one run of encoded words (RFC 2047), one of ours as it stands.

    Left to itself `email` encodes word by word, and readers drop what is between two encoded words: a space.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name == "Subject" or (name == "From" and not str(value).isascii()):
            return _encoded(name, value).encode() + b"\r\n"
        return super().fold_binary(name, value)


# Bodies stay whole lines, for whoever reads the source, and pure ASCII, which every server takes.
_POLICY = _OnTheWire(linesep="\r\n", max_line_length=998, cte_type="7bit")


class Unwritable(Exception):
    """A mail that cannot be written, now or later."""


@dataclass(frozen=True, slots=True)
class House:
    """Who writes: where our pages are, and the address that mails come from."""

    public_url: str
    sender: str | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.public_url).hostname or "localhost"


def write_letter(
    mail: Mail, house: House, trip: Trip | None = None, keys: TicketKeys | None = None
) -> EmailMessage:
    """Return the message; `trip` is what a mail about a booking tells of. Raises Unwritable.

    With the `keys` that sign tickets, those that somebody travels with come along.
    """
    t = texts(mail.locale or DEFAULT)
    attached: Sequence[Attachment] = ()
    try:
        if trip is None:
            name, words = _NAME, account_words(mail, t, house.public_url)
        else:
            name = plain(trip.booking.bus.operator)
            if keys is not None and mail.template in WITH_TICKETS and trip.is_travelling:
                attached = attachments(trip, t.locale, keys)
            words = trip_words(mail, trip, t, house.public_url, len(attached))
    except KeyError as error:
        raise Unwritable(f"there is no text for {mail.template}") from error
    message = _with_headers(mail, house, name)
    message["Subject"] = words.subject
    _fill(message, words, t, name)
    for each in attached:
        maintype, _, subtype = each.media.partition("/")
        message.add_attachment(each.data, maintype=maintype, subtype=subtype, filename=each.name)
    # Last: whatever is added to a message takes its headers of content along.
    message["Content-Language"] = t.locale
    for number, part in enumerate(each for each in message.walk() if each.is_multipart()):
        part.set_boundary(f"omnibus-{number}-{mail.mail_id.hex}")
    return message


def as_bytes(letter: EmailMessage) -> bytes:
    """Return a letter as it travels: headers folded as old servers want them, bodies as they are."""
    return letter.as_bytes(policy=letter.policy.clone(max_line_length=_LINE_MAX))


def _encoded(name: str, value: Any) -> str:
    """Return a header in encoded words; of an address those of its name."""
    sender = value.addresses[0] if name == "From" else None
    words = str(value) if sender is None else sender.display_name
    charset = "us-ascii" if words.isascii() else "utf-8"
    head = f"{name}: {Header(words, charset, _LINE_MAX, header_name=name).encode(linesep=_BREAK)}"
    return head if sender is None else f"{head}{_BREAK} <{sender.addr_spec}>"


def _with_headers(mail: Mail, house: House, name: str) -> EmailMessage:
    # RFC 6531: an address that is not ASCII before its @ has no other spelling.
    is_foreign = not mail.recipient.rpartition("@")[0].isascii()
    message = EmailMessage(_POLICY.clone(utf8=is_foreign))
    try:
        message["From"] = _sender(house, name)
        message["To"] = parse_address(mail.recipient)
    except (ValueError, MessageError, IndexError) as error:
        raise Unwritable("the address cannot be written to") from error
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.mail_id}@{house.host}>"
    message["Auto-Submitted"] = "auto-generated"
    return message


def _sender(house: House, name: str) -> Address:
    return parse_address(house.sender or f"no-reply@{house.host}", name)


def _fill(message: EmailMessage, words: Words, t: Texts, name: str) -> None:
    message.set_content(as_text(words))
    message.add_alternative(as_html(words, t, name), subtype="html")
