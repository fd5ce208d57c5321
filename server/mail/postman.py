"""Takes mails from the outbox and sends them; nothing is awaited in a transaction but PostgreSQL."""

import asyncio
import logging
from email.errors import MessageError

from server.mail.letters import Unwritable, write_letter
from server.mail.sink import FileSink
from store.mails import Mail, Mails

log = logging.getLogger("omnibus.mail")
_AT_A_TIME = 20


class Postman:
    def __init__(self, mails: Mails, sink: FileSink, public_url: str) -> None:
        self._mails = mails
        self._sink = sink
        self._public_url = public_url

    async def deliver(self) -> int:
        """Send what is due, in batches until there is no more; return how many left.

        A mail is taken, sent, and marked as sent, each by itself: a process that dies in between leaves one that is
        sent again a minute later, the same to the byte and under the same Message-ID.
        """
        sent = 0
        while taken := await self._mails.take(_AT_A_TIME):
            for mail in taken:
                sent += await self._send(mail)
        return sent

    async def forget(self) -> None:
        """Remove old mails from the outbox and from where they went."""
        await self._mails.purge()
        await asyncio.to_thread(self._sink.forget)

    async def _send(self, mail: Mail) -> bool:
        try:
            letter = write_letter(mail, self._public_url)
            await asyncio.to_thread(self._sink.send, mail, letter)
        except (Unwritable, MessageError, OSError) as error:
            # Who it is for, and what it opens, is nobody's business here.
            log.warning("mail %s put off: %s", mail.mail_id, type(error).__name__)
            await self._mails.put_off(mail, _reason(error))
            return False
        await self._mails.mark_sent(mail)
        return True


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
