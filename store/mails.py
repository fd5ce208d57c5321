"""The outbox: mails are written with what causes them, in one transaction, and sent by a worker.

Nothing secret is stored: the token of a link is a keyed digest of its mail's number, made when the mail leaves, and
only its own digest stays (`store/mailed_tokens.py`). A mail that is sent twice, because a worker died in between, is
the same to the byte, and its Message-ID says so.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from store.db import Connection, Database, Record
from store.errors import NotFound, Overloaded, TooManyMails, WrongState
from store.mailed_tokens import Proof, Purpose, mint, purge_tokens
from store.queries import Queries
from store.seals import Seals

SQL = Queries.beside(__file__)
LINKS = "mail_links"
"""The key of the tokens in links: the one secret that workers, who make them, may know."""
WAITING_MAX = 10_000
"""Mails of people we do not know yet are taken in until so many wait."""
ATTEMPTS_MAX = 12
"""As they are spaced that takes five hours: mail servers are away for one now and then."""
KEPT = timedelta(days=7)
MAILS_PER_HOUR = 5
HOUR = timedelta(hours=1)
_LEASE = timedelta(seconds=60)
_FIRST_PAUSE = timedelta(seconds=10)
_ERROR_LENGTH = 300
_AT_A_TIME = 1000


class Template(StrEnum):
    """What a mail says: first those about accounts, then those about bookings (`server/mail`)."""

    VERIFY_EMAIL = "verify_email"
    CONFIRM_NEW_EMAIL = "confirm_new_email"
    EMAIL_CHANGING = "email_changing"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a mail
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the same
    TICKET = "ticket"
    BOOKING_CANCELLED = "booking_cancelled"
    BUS_CANCELLED = "bus_cancelled"
    BUS_CHANGED = "bus_changed"
    PAYMENT_LATE = "payment_late"
    REMINDER = "reminder"
    SEAT_CHANGED = "seat_changed"
    WEBHOOK_DISABLED = "webhook_disabled"


PURPOSES: Mapping[str, Purpose] = {
    Template.VERIFY_EMAIL: Purpose.VERIFY_EMAIL,
    Template.CONFIRM_NEW_EMAIL: Purpose.VERIFY_EMAIL,
    Template.RESET_PASSWORD: Purpose.RESET_PASSWORD,
}
"""What the link of a mail proves; the others have none."""
VERIFYING = tuple(
    template for template in Template if PURPOSES.get(template) is Purpose.VERIFY_EMAIL
)


@dataclass(frozen=True, slots=True)
class Mail:
    """One that is to be sent now; `token` is what its link proves, if it has one.

    `about` is the bus and the number of a booking, for a mail that is about one; its link opens that.
    """

    mail_id: uuid.UUID
    template: str
    recipient: str
    parameters: Mapping[str, str]
    attempts: int
    created_at: datetime
    token: str | None = field(default=None, repr=False)
    locale: str | None = None
    about: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class MailLine:
    """One as the outbox lists it."""

    mail_id: uuid.UUID
    template: str
    recipient: str
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    last_error: str | None


class Mails:
    def __init__(self, db: Database, seals: Seals) -> None:
        self._db = db
        self._seals = seals

    async def ask(self, template: Template, recipient: str) -> None:
        """Queue a mail for whoever has this address, if anybody does: that is found out when it is taken.

        So asking is the same work for every address. One that waits already is not queued again. Raises Overloaded when
        10,000 mails wait.
        """
        row = await self._db.fetchrow(
            SQL["queue_unresolved"], uuid.uuid4(), template, recipient, WAITING_MAX
        )
        if row is None or not row["is_left"]:
            raise Overloaded(retry_after_seconds=30)

    async def take(self, limit: int) -> list[Mail]:
        """Take mails that are due, and make the tokens of their links; what nobody is to get is dropped.

        Locks the mails (SKIP LOCKED, so that workers share them), then adds digests of tokens. Commits before anything
        is sent: whoever has taken a mail says within a minute what came of it, or it is taken again.
        """

        async def work(connection: Connection) -> list[Mail]:
            await connection.execute(SQL["give_up"], ATTEMPTS_MAX)
            taken = [row["mail_id"] for row in await connection.fetch(SQL["take"], limit, _LEASE)]
            if not taken:
                return []
            await connection.execute(SQL["resolve"], taken, HOUR, MAILS_PER_HOUR)
            await connection.execute(SQL["drop_unresolved"], taken)
            rows = await connection.fetch(SQL["read"], taken)
            return [await self._with_token(connection, row) for row in rows]

        return await self._db.transaction([], work)

    async def mark_sent(self, mail: Mail) -> None:
        """Note that a mail has left; one whose user was erased meanwhile is gone, and stays so."""
        await self._db.fetch(SQL["mark_sent"], mail.mail_id)

    async def put_off(self, mail: Mail, reason: str) -> None:
        """Note why a mail could not leave: it is tried again after ten seconds, twenty, forty, twelve times in all."""
        pause = _FIRST_PAUSE * 2 ** (mail.attempts - 1)
        await self._db.fetch(
            SQL["put_off"], mail.mail_id, reason[:_ERROR_LENGTH], pause, ATTEMPTS_MAX
        )

    async def bury(self, mail: Mail, reason: str) -> None:
        """Note that a mail was refused for good: it is not tried again unless somebody says so."""
        await self._db.fetch(SQL["bury"], mail.mail_id, reason[:_ERROR_LENGTH])

    async def drop(self, mail: Mail) -> None:
        """Take a mail back that would tell what is not so any more."""
        await self._db.fetch(SQL["drop"], mail.mail_id)

    async def list(self, *, limit: int) -> list[MailLine]:
        """Return mails, newest first."""
        return [MailLine(**dict(row)) for row in await self._db.fetch(SQL["list_mails"], limit)]

    async def retry(self, mail_id: uuid.UUID) -> None:
        """Have a mail tried again at once, given up or not; raise NotFound, WrongState when it has left."""
        state = await self._db.fetchrow(SQL["retry"], mail_id)
        if state is None:
            raise NotFound("mail")
        if state["state"] == "SENT":
            raise WrongState("SENT", "this mail has left already")

    async def purge(self) -> None:
        """Forget mails that are a week old, sent or not, and tokens whose time is long over."""

        async def work(connection: Connection) -> None:
            await connection.execute(SQL["purge"], KEPT, _AT_A_TIME)
            await purge_tokens(connection)

        await self._db.transaction([], work)

    async def _with_token(self, connection: Connection, row: Record) -> Mail:
        token = about = None
        if row["about_bus"] is not None:
            about = row["about_bus"], row["about_booking"]
            token = self._seals.access_key(row["about_booking"])
        elif (purpose := PURPOSES.get(row["template"])) is not None:
            token = self._seals.mail_token(row["mail_id"])
            await mint(connection, token, purpose, Proof(row["user_id"], row["recipient"]))
        return Mail(
            mail_id=row["mail_id"],
            template=row["template"],
            recipient=row["recipient"],
            parameters=msgspec.json.decode(row["parameters"], type=dict[str, str]),
            attempts=row["attempts"],
            created_at=row["created_at"],
            token=token,
            locale=row["locale"],
            about=about,
        )


async def queue_mail(
    connection: Connection, template: Template, user_id: int, recipient: str
) -> None:
    """Queue a mail in the transaction of what causes it."""
    await connection.execute(SQL["queue"], uuid.uuid4(), user_id, template, recipient)


async def require_few(connection: Connection, user_id: int, templates: Sequence[Template]) -> None:
    """Raise TooManyMails when a user, whose row is locked, has caused five of these within an hour."""
    count = await connection.fetchval(SQL["count_recent"], user_id, list(templates), HOUR)
    if count >= MAILS_PER_HOUR:
        raise TooManyMails(MAILS_PER_HOUR, int(HOUR.total_seconds()))


async def drop_queued(connection: Connection, user_id: int, templates: Sequence[Template]) -> None:
    """Take back mails that have not left; waits for whoever has taken one and is not done with its token."""
    await connection.execute(SQL["drop_queued"], user_id, list(templates))
