"""What mails say: a text of its own for each, and the same as HTML, in a message that any mail server takes.

A mail may go to an address that somebody made up, so nothing in it is a stranger's to choose: no names, no words, only
our sentences and our links. `email` refuses what would break out of a header.
"""

import html
import re
from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from string import Template as Text
from textwrap import fill
from urllib.parse import urlsplit

from store.mailed_tokens import Purpose
from store.mails import PURPOSES, Mail

_FOLDER = Path(__file__).parent / "templates"
_PARAMETERS = {Purpose.VERIFY_EMAIL: "verify", Purpose.RESET_PASSWORD: "reset"}
_FOREIGN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+")
_STYLE = "font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem"


class Unwritable(Exception):
    """A mail that cannot be written, now or later."""


def write_letter(mail: Mail, public_url: str) -> EmailMessage:
    """Return the message, the same to the byte whenever it is written; raise Unwritable."""
    paragraphs = _fill(mail, _links(mail, public_url))
    subject, *body = paragraphs
    host = urlsplit(public_url).hostname or "localhost"
    # Links stay whole for whoever reads the source. RFC 6531: an address that is not ASCII has no other spelling.
    message = EmailMessage(SMTP.clone(max_line_length=998, utf8=not mail.recipient.isascii()))
    try:
        message["From"] = Address("Omnibus", "no-reply", host)
        message["To"] = _address(mail.recipient)
    except (ValueError, MessageError, IndexError) as error:
        raise Unwritable("the address cannot be written to") from error
    message["Subject"] = subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.mail_id}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(map(_wrapped, body)) + "\n")
    message.add_alternative(_as_html(subject, body), subtype="html")
    message.set_boundary(f"omnibus-{mail.mail_id.hex}")
    return message


def _address(recipient: str) -> Address:
    """Parse an address that is one and nothing else; raise what `email` raises, ValueError and its own."""
    if recipient.isascii():
        return Address(addr_spec=recipient)
    # Its parser takes ASCII only before the @, so the rest is held to letters, figures and what never has a meaning.
    if _FOREIGN.fullmatch(recipient) is None:
        raise ValueError
    local, _, domain = recipient.rpartition("@")
    return Address(username=local, domain=domain)


def _links(mail: Mail, public_url: str) -> dict[str, str]:
    login = f"{public_url}/login"
    purpose = PURPOSES.get(mail.template)
    if purpose is None:
        return {"home": login}
    return {"home": login, "link": f"{login}?{_PARAMETERS[purpose]}={mail.token}"}


def _fill(mail: Mail, links: Mapping[str, str]) -> list[str]:
    """Return the subject and the paragraphs, a link being one by itself."""
    try:
        text = _read(mail.template).substitute(links)
    except (KeyError, ValueError, OSError) as error:
        raise Unwritable(f"there is no text for {mail.template}") from error
    return [paragraph.strip() for paragraph in text.split("\n\n")]


@cache
def _read(template: str) -> Text:
    return Text((_FOLDER / f"{template}.txt").read_text(encoding="utf-8"))


def _wrapped(paragraph: str) -> str:
    return fill(paragraph, 76, break_long_words=False, break_on_hyphens=False)


def _as_html(subject: str, paragraphs: list[str]) -> str:
    body = "\n".join(
        f'<p><a href="{html.escape(each)}">{html.escape(each)}</a></p>'
        if each.startswith(("http://", "https://"))
        else f"<p>{html.escape(each)}</p>"
        for each in paragraphs
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(subject)}</title></head>\n'
        f'<body style="{_STYLE}">\n<h1 style="font-size:1.3rem">{html.escape(subject)}</h1>\n{body}\n</body></html>\n'
    )
