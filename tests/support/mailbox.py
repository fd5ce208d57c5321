"""The mails that people get: sent by the product's own postman into a folder, read back as a mail program would."""

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from server.mail.letters import House
from server.mail.postman import Postman
from server.mail.sink import FileSink
from store import Store

ADDRESS = "https://tickets.example"
_PARSER = BytesParser(policy=policy.default)
_LINK = re.compile(rf"^{re.escape(ADDRESS)}/login\?(verify|reset)=([\w-]+)$", re.MULTILINE)


class Mailbox:
    def __init__(self, store: Store, folder: Path) -> None:
        self.folder = folder
        self.postman = Postman(store, FileSink(folder), House(ADDRESS))

    async def to(self, address: str) -> list[EmailMessage]:
        """Have everything that waits delivered and return what an address has got so far, oldest first."""
        await self.postman.deliver()
        return [
            letter
            for letter in map(_read, sorted(self.folder.glob("*.eml")))
            if letter["To"].addresses[0].addr_spec == address
        ]

    async def subjects(self, address: str) -> list[str]:
        return [str(letter["Subject"]) for letter in await self.to(address)]

    async def token(self, address: str, kind: str) -> str:
        """Return the token of the newest link of a kind that an address has got."""
        tokens = [
            token
            for letter in await self.to(address)
            for found, token in _LINK.findall(text_of(letter))
            if found == kind
        ]
        return str(tokens[-1])


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def _read(path: Path) -> EmailMessage:
    letter = _PARSER.parsebytes(path.read_bytes())
    assert isinstance(letter, EmailMessage)
    return letter
