"""Addresses of mails: parsed as one person's and nothing else, and written as mail servers take them."""

import re
from email.errors import MessageError
from email.headerregistry import Address

import idna

_FOREIGN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+")


def parse_address(text: str, name: str = "") -> Address:
    """Parse an address that is one and nothing else; raise what `email` raises, ValueError and its own.

    A domain of other letters than ASCII's is written as the DNS knows it, which every server takes. Before the @ there
    is no such spelling: such an address stays as it is, for servers that speak SMTPUTF8 (RFC 6531).
    """
    local, _, domain = text.rpartition("@")
    if not local.isascii():
        # Its parser takes ASCII only before the @: the rest is held to letters, figures and what never has a meaning.
        if _FOREIGN.fullmatch(text) is None:
            raise ValueError("not an address")
        return Address(name, username=local, domain=domain)
    if not domain.isascii():
        # As of 2008, not as Python's own codec has it: that one would write to strasse.example for straße.example.
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return Address(name, addr_spec=f"{local}@{domain}")


def check_sender(text: str) -> str:
    """Return a setting that is one address; raise ValueError."""
    try:
        parse_address(text)
    except (ValueError, MessageError, IndexError):
        raise ValueError("must be an address such as tickets@example.com, no more") from None
    return text
