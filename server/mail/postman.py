"""Takes mails from the outbox and sends them; nothing is awaited in a transaction but PostgreSQL."""

import asyncio
import logging
from email.errors import MessageError
from email.message import EmailMessage

from server.mail.carrier import Carrier, Never, NotNow
from server.mail.letters import WITH_TICKETS, House, Unwritable, write_letter
from server.mail.trip_words import is_still_true
from server.ticketing.token import TicketKeys, new_ticket_key
from store import Store
from store.errors import NotFound
from store.house_keys import TICKETS
from store.mails import Mail

log = logging.getLogger("omnibus.mail")
_AT_A_TIME = 20


class Postman:
    def __init__(self, store: Store, carrier: Carrier, house: House) -> None:
        self._letters = store.letters
        self._mails = store.mails
        self._house_keys = store.house_keys
        self._carrier = carrier
        self._house = house
        self._turns = asyncio.Semaphore(carrier.at_once)

    async def deliver(self) -> int:
        """Send what is due, in batches until there is no more; return how many left.

        A mail is taken, sent, and marked as sent, each by itself: a process that dies in between leaves one that is
        sent again a minute later, under the same Message-ID, and the same to the byte unless its trip was changed.
        """
        sent = 0
        while taken := await self._mails.take(_AT_A_TIME):
            sent += sum(await asyncio.gather(*(self._send(mail) for mail in taken)))
        await self._carrier.rest()
        return sent

    async def forget(self) -> None:
        """Remove old mails from the outbox and from where they went."""
        await self._mails.purge()
        await self._carrier.forget()

    async def close(self) -> None:
        """Let go of what the carrier keeps open."""
        await self._carrier.close()

    async def _send(self, mail: Mail) -> bool:
        async with self._turns:
            try:
                letter = await self._write(mail)
                if letter is None:
                    await self._mails.drop(mail)
                    return False
                await self._carrier.send(mail, letter)
            except Never as error:
                log.warning("mail %s refused: %s", mail.mail_id, error)
                await self._mails.bury(mail, str(error))
                return False
            except (NotNow, Unwritable, MessageError, OSError) as error:
                # Who it is for, and what it opens, is nobody's business here.
                log.warning("mail %s put off: %s", mail.mail_id, type(error).__name__)
                await self._mails.put_off(mail, _reason(error))
                return False
            await self._mails.mark_sent(mail)
            return True

    async def _write(self, mail: Mail) -> EmailMessage | None:
        """Return the letter, or None when what it would tell is not true any more, or not this reader's."""
        trip = keys = None
        if mail.about is not None:
            try:
                trip = await self._letters.find(*mail.about)
            except NotFound:
                return None
            if not is_still_true(mail, trip):
                return None
            if mail.template in WITH_TICKETS:
                # Asked each time: a worker is not told when keys take turns.
                found = await self._house_keys.find_or_make(TICKETS, new_ticket_key)
                keys = TicketKeys(found)
        # Documents of tickets take their time, and others wait for this loop.
        return await asyncio.to_thread(write_letter, mail, self._house, trip, keys)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
