"""A mail server that takes what it is sent, with TLS or without, asks who it is, and can be told to refuse."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PARSER = BytesParser(policy=policy.default)
Said = Callable[[str], str | None]
"""What the server answers to a step (`mail`, `rcpt`, `data`), or None to take it."""


@dataclass(slots=True)
class Received:
    sender: str
    recipients: list[str]
    data: bytes
    was_encrypted: bool
    user: str | None

    @property
    def letter(self) -> EmailMessage:
        parsed = _PARSER.parsebytes(self.data)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass  # aiosmtpd looks at all its members, which Python 3.11.2 cannot do with slots
class MailServer:
    """`say` may be set to refuse; `took` is called when a mail is in, before that is answered."""

    host: str
    port: int = 0
    ca: Path | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    say: Said = lambda _step: None
    took: Callable[[], None] = lambda: None
    users: dict[str, str] = field(default_factory=dict)

    @property
    def plain_url(self) -> str:
        return f"smtp://{self.host}:{self.port}?starttls=never"

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}?ca={self.ca}"

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.say("mail"):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.say("rcpt"):
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if refusal := self.say("data"):
            return refusal
        assert isinstance(envelope.original_content, bytes)
        known: Any = session.auth_data
        who = known.login.decode() if known else None
        self.received.append(
            Received(
                envelope.mail_from or "",
                list(envelope.rcpt_tos),
                envelope.original_content,
                server.transport.get_extra_info("ssl_object") is not None,
                who,
            )
        )
        self.took()
        return "250 taken"

    def let_in(
        self, _server: Any, _session: Any, _envelope: Any, _how: str, said: Any
    ) -> AuthResult:
        assert isinstance(said, LoginPassword)
        is_known = self.users.get(said.login.decode()) == said.password.decode()
        return AuthResult(success=is_known, handled=False, auth_data=said if is_known else None)


@asynccontextmanager
async def serving(
    folder: Path | None = None,
    *,
    starttls: bool = False,
    tls: bool = False,
    users: dict[str, str] | None = None,
) -> AsyncIterator[MailServer]:
    """Serve on a port of its own; with a certificate made for the occasion where `folder` is given."""
    server = MailServer("127.0.0.1", users=users or {})
    context = None
    if folder is not None:
        server.ca, context = _certify(folder, server.host)

    def answer() -> SMTP:
        server.connections += 1
        return SMTP(
            server,
            hostname="mail.example",
            enable_SMTPUTF8=True,
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=bool(users),
            auth_require_tls=starttls,
            authenticator=server.let_in if users else None,
            loop=asyncio.get_running_loop(),
        )

    listener = await asyncio.get_running_loop().create_server(
        answer, server.host, 0, ssl=context if tls else None
    )
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()


def _certify(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate that nobody but the test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's mail server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown = folder / "certificate.pem"
    shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, secret)
    return shown, context
