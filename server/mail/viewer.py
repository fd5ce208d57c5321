"""`/dev/outbox`: what a demo has mailed, to look at in the browser. There as long as mails are files and it is a demo.

Mails hold links that open accounts and bookings, so only whoever sits at this machine sees them: asked from it, by one
of its own names, which no other site and no proxy in front of it can do. A mail's HTML is shown in a frame of its own
that runs nothing, loads nothing and belongs to no origin.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER = Path(__file__).parent / "templates"
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = _PAGES.get_template("outbox.css").render()
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f-]{36}")
_LINK = re.compile(r"https?://[^\s<>\"]+")
_OUR_NAMES = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_PARSER = BytesParser(policy=policy.default)
_MOST = 200
_PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
    f" sandbox {_SANDBOX}"
)


@dataclass(frozen=True)
class Shown:
    """A mail as its file has it."""

    name: str
    letter: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.letter["Subject"])

    @property
    def sender(self) -> str:
        return str(self.letter["From"])

    @property
    def recipient(self) -> str:
        return str(self.letter["To"])

    @property
    def language(self) -> str:
        return str(self.letter["Content-Language"] or "")

    @property
    def sent_at(self) -> datetime:
        moment: datetime = self.letter["Date"].datetime
        return moment

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in self.letter.items()]

    @cached_property
    def text(self) -> str:
        return self._body("plain").replace("\r\n", "\n")

    @property
    def html(self) -> str:
        # Links open beside the frame: our pages let nobody frame them.
        return self._body("html").replace("<head>", '<head><base target="_blank">', 1)

    @cached_property
    def attachments(self) -> list[tuple[str, str, bytes]]:
        return [
            (part.get_filename("file"), part.get_content_type(), _data(part))
            for part in self.letter.iter_attachments()
        ]

    def _body(self, kind: str) -> str:
        part = self.letter.get_body((kind,))
        return "" if part is None else str(part.get_content())


def routes(folder: Path) -> Iterator[Route]:
    """Return the pages that show the mails of a folder."""

    def page(path: str, show: Callable[[Path, Request], Response]) -> Route:
        async def serve(request: Request) -> Response:
            if not _is_from_here(request):
                return Response(status_code=404)
            return await asyncio.to_thread(show, folder, request)

        return Route(path, serve)

    yield page("/dev/outbox", _list)
    yield page("/dev/outbox/{name}", _mail)
    yield page("/dev/outbox/{name}/html", _html)
    yield page("/dev/outbox/{name}/attachments/{number:int}", _attachment)


def _list(folder: Path, _request: Request) -> Response:
    paths = sorted(folder.glob("*.eml"), reverse=True)
    mails = [_read(path) for path in paths[:_MOST]]
    return _page("outbox.html", mails=mails, total=len(paths))


def _mail(folder: Path, request: Request) -> Response:
    if (mail := _find(folder, request)) is None:
        return Response(status_code=404)
    return _page("outbox_mail.html", mail=mail, pieces=_pieces(mail.text))


def _html(folder: Path, request: Request) -> Response:
    if (mail := _find(folder, request)) is None:
        return Response(status_code=404)
    return _answer(mail.html, _MAIL_POLICY)


def _attachment(folder: Path, request: Request) -> Response:
    mail, number = _find(folder, request), request.path_params["number"]
    if mail is None or number >= len(mail.attachments):
        return Response(status_code=404)
    name, media, data = mail.attachments[number]
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    headers = {
        "content-disposition": f'attachment; filename="{plain}"',
        "cache-control": "no-store",
    }
    return Response(data, headers=headers, media_type=media)


def _find(folder: Path, request: Request) -> Shown | None:
    name = request.path_params["name"]
    path = folder / f"{name}.eml"
    return _read(path) if _NAME.fullmatch(name) and path.is_file() else None


def _read(path: Path) -> Shown:
    letter = _PARSER.parsebytes(path.read_bytes())
    assert isinstance(letter, EmailMessage), "the policy says of which class messages are"
    return Shown(path.stem, letter)


def _data(part: EmailMessage) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Yield a mail's text in pieces, and whether each is a link."""
    end = 0
    for found in _LINK.finditer(text):
        yield text[end : found.start()], False
        yield found[0], True
        end = found.end()
    yield text[end:], False


def _page(template: str, **values: object) -> Response:
    html = _PAGES.get_template(template).render(**values)
    return _answer(html, _PAGE_POLICY)


def _answer(html: str, policy: str) -> Response:
    headers = {"content-security-policy": policy, "cache-control": "no-store"}
    return Response(html, headers=headers, media_type="text/html")


def _is_from_here(request: Request) -> bool:
    client = request.client
    host = request.headers.get("host", "")
    return (
        client is not None
        and _OUR_NAMES.fullmatch(host) is not None
        and "x-forwarded-for" not in request.headers
        and ip_address(client.host).is_loopback
    )
