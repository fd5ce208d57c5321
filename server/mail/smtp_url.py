"""Where a mail server is and how it is spoken to, in one URL. One that sent a password in the clear is refused."""

import ssl
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_KNOWN = frozenset({"starttls", "ca"})


class Security(Enum):
    """TLS from the first byte (`smtps:`), asked for before anything is told (STARTTLS), or none."""

    TLS = "TLS"
    STARTTLS = "STARTTLS"
    NONE = "no TLS"


@dataclass(frozen=True)
class SmtpServer:
    """`ca` is a file of certificates to trust in place of the system's, for a mail server of the house."""

    host: str
    port: int
    security: Security
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    def __str__(self) -> str:
        """What logs and `omnibus doctor` show: never who signs in, nor with what."""
        return f"{self.host}:{self.port} ({self.security.value})"

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """The server has to show a certificate for its name that we trust; nothing older than TLS 1.2."""
        if self.security is Security.NONE:
            return None
        context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def read_smtp_url(text: str) -> SmtpServer:
    """Read `smtp://user:pass@host:587?starttls=required` or `smtps://user:pass@host`.

    Raises ValueError, which repeats nothing of it.
    """
    parts = urlsplit(text)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("must be a URL such as smtp://user:password@mail.example:587 or smtps://…")
    try:
        port, asked = parts.port, parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError("has a port or a query that makes no sense") from None
    if unknown := asked.keys() - _KNOWN:
        raise ValueError(f"has something unknown in its query: {', '.join(sorted(unknown))}")
    security = _security(parts.scheme, asked.get("starttls", ["required"])[-1])
    server = SmtpServer(
        host=parts.hostname,
        port=port or (465 if security is Security.TLS else 587),
        security=security,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ca=Path(asked["ca"][-1]) if "ca" in asked else None,
    )
    if (server.user is None) != (server.password is None):
        raise ValueError("needs a user and a password, or neither")
    if server.user and security is Security.NONE and server.host not in _LOOPBACK:
        raise ValueError("would send a password in the clear: leave starttls=never out")
    return server


def check_smtp_url(text: str) -> str:
    """Return a setting that `read_smtp_url` can read; raise what that raises."""
    read_smtp_url(text)
    return text


def _security(scheme: str, starttls: str) -> Security:
    if starttls not in {"required", "never"}:
        raise ValueError("has a starttls that is neither `required` nor `never`")
    if scheme == "smtps":
        return Security.TLS
    return Security.STARTTLS if starttls == "required" else Security.NONE
