"""Hands mails to a mail server, over connections that are kept while there is something to send.

A server that says "later" (4xx), says nothing, or does not let us in, gets the mail again. One that refuses this mail
or its reader (5xx) is believed: trying again would only cost us its good will.
"""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from server.mail.carrier import Never, NotNow
from server.mail.letters import as_bytes
from server.mail.smtp_url import Security, SmtpServer
from store.mails import Mail

log = logging.getLogger("omnibus.mail")
_CONNECTIONS = 4
_CONNECT_SECONDS = 5.0
# Less than a worker's minute with a mail, for all of a batch one after the other on these connections.
_WHOLE_SECONDS = 9.0
_IDLE_SECONDS = 20.0
_REASON = 160


@dataclass(slots=True)
class _Line:
    client: SMTP
    used_at: float


class SmtpCarrier:
    at_once = _CONNECTIONS

    """`name` is what we say who we are: asking the DNS for it would be one more thing to wait for."""

    def __init__(
        self, server: SmtpServer, *, name: str = "localhost", whole_seconds: float = _WHOLE_SECONDS
    ) -> None:
        self._server = server
        self._name = name
        self._whole_seconds = whole_seconds
        self._idle: list[_Line] = []

    async def send(self, mail: Mail, letter: EmailMessage) -> None:  # noqa: ARG002 - a file needs to know which
        """Hand a mail over; once this returns the server has it. Raises NotNow, Never.

        If the answer to the whole mail is lost nobody knows: it goes again, under the same Message-ID.
        """
        try:
            async with asyncio.timeout(self._whole_seconds):
                await self._send(letter)
        except TimeoutError:
            raise NotNow("the mail server did not answer in time") from None
        except (SMTPRecipientsRefused, SMTPResponseException) as error:
            raise _meaning(error) from None
        except SMTPNotSupported as error:
            raise _unsupported(error) from None
        except (SMTPException, OSError, ValueError) as error:
            raise NotNow(f"the mail server cannot be used: {_cause(error)}") from None

    async def check(self) -> None:
        """Connect as for a mail, sign in, and send nothing; raise NotNow."""
        try:
            async with asyncio.timeout(self._whole_seconds):
                line = await self._connect()
                await self._hang_up(line)
        except TimeoutError:
            raise NotNow("it did not answer in time") from None
        except SMTPResponseException as error:
            raise NotNow(_told(error.code, error.message)) from None
        except (SMTPException, OSError, ValueError) as error:
            raise NotNow(_cause(error)) from None

    async def rest(self) -> None:
        """Let go of connections that nobody has used lately."""
        await self._hang_up_idle(time.monotonic() - _IDLE_SECONDS)

    async def forget(self) -> None:
        """What was sent is the server's."""

    async def close(self) -> None:
        """Say goodbye on every connection."""
        await self._hang_up_idle(float("inf"))

    async def _send(self, letter: EmailMessage) -> None:
        line = await self._line()
        sender = letter["From"].addresses[0].addr_spec
        recipient = letter["To"].addresses[0].addr_spec
        is_foreign = not recipient.isascii()
        if is_foreign and not line.client.supports_extension("smtputf8"):
            self._keep(line)
            raise SMTPNotSupported("smtputf8")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if is_foreign else []
        try:
            await line.client.sendmail(sender, [recipient], as_bytes(letter), mail_options=options)
        except (SMTPRecipientsRefused, SMTPResponseException):
            # An answer is an answer: the connection is as good as before.
            self._keep(line)
            raise
        except BaseException:
            line.client.close()
            raise
        self._keep(line)

    async def _line(self) -> _Line:
        """Return a connection that is alive: servers close those that are silent for long."""
        while self._idle:
            line = self._idle.pop()
            if time.monotonic() - line.used_at < _IDLE_SECONDS:
                with suppress(SMTPException, OSError):
                    await line.client.noop()
                    return line
            line.client.close()
        return await self._connect()

    async def _connect(self) -> _Line:
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._name,
            username=server.user,
            password=server.password,
            timeout=_CONNECT_SECONDS,
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            tls_context=server.tls,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except BaseException:
            client.close()
            raise
        return _Line(client, time.monotonic())

    def _keep(self, line: _Line) -> None:
        if line.client.is_connected:
            line.used_at = time.monotonic()
            self._idle.append(line)

    async def _hang_up_idle(self, before: float) -> None:
        kept, self._idle = self._idle, []
        for line in kept:
            if line.used_at < before:
                await self._hang_up(line)
            else:
                self._idle.append(line)

    async def _hang_up(self, line: _Line) -> None:
        with suppress(SMTPException, OSError, TimeoutError):
            await line.client.quit()
        line.client.close()


def _meaning(error: SMTPRecipientsRefused | SMTPResponseException) -> NotNow | Never:
    """Tell a refusal of this mail from all else: that we are not let in is not its fault."""
    if isinstance(error, SMTPRecipientsRefused):
        refused = error.recipients[0]
        return _judge(refused.code, refused.message, is_of_mail=True)
    is_of_mail = isinstance(error, SMTPDataError | SMTPRecipientRefused)
    if isinstance(error, SMTPAuthenticationError):
        return NotNow("the mail server does not let us in: " + _told(error.code, ""))
    return _judge(error.code, error.message, is_of_mail=is_of_mail)


def _judge(code: int, message: str, *, is_of_mail: bool) -> NotNow | Never:
    reason = _told(code, message)
    return Never(reason) if is_of_mail and 500 <= code < 600 else NotNow(reason)


def _unsupported(error: SMTPNotSupported) -> NotNow | Never:
    if "smtputf8" in str(error).lower():
        return Never("the mail server takes no addresses of other letters than ASCII's (SMTPUTF8)")
    return NotNow("the mail server does not offer STARTTLS, which is required")


def _told(code: int, message: str) -> str:
    """Return what a server said without whom it said it about: servers repeat addresses."""
    words = " ".join(message.split())
    shown = " ".join(word for word in words.split(" ") if "@" not in word)
    return f"{code} {shown}".strip()[:_REASON]


def _cause(error: BaseException) -> str:
    """Return what kind of thing went wrong: a certificate's fault by its name, nothing in words of others."""
    while error.__cause__ is not None:
        error = error.__cause__
    verify = getattr(error, "verify_message", None)
    return (
        f"its certificate: {verify}"
        if verify
        else (getattr(error, "strerror", None) or type(error).__name__)
    )
