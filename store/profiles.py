"""One's own account: a proven address, a name, a password. What changes who may enter is told by mail.

Every operation locks the user's row first, then mails, then tokens of mails, then sessions.
"""

import asyncpg

from store.accounts import User, user_of
from store.db import Connection, Database
from store.errors import AlreadyExists, Forbidden, LinkExpired
from store.mailed_tokens import Purpose, end_tokens, look_at, use
from store.mails import VERIFYING, Template, drop_queued, queue_mail, require_few
from store.queries import Queries
from store.session_ends import SessionEnd, SessionEnds, end_families

SQL = Queries.beside(__file__)


class Profiles:
    def __init__(self, db: Database, ends: SessionEnds) -> None:
        self._db = db
        self._ends = ends

    async def rename(self, user_id: int, name: str) -> User:
        """Change how somebody is called. Raises Forbidden when the account is closed."""

        async def work(connection: Connection) -> User:
            await lock_user(connection, user_id)
            await connection.execute(SQL["rename"], user_id, name)
            return await lock_user(connection, user_id)

        return await self._db.transaction([], work)

    async def set_locale(self, user_id: int, locale: str) -> User:
        """Change the language of mails to somebody. Raises Forbidden when the account is closed."""

        async def work(connection: Connection) -> User:
            await lock_user(connection, user_id)
            await connection.execute(SQL["set_locale"], user_id, locale)
            return await lock_user(connection, user_id)

        return await self._db.transaction([], work)

    async def resend_verification(self, user_id: int) -> None:
        """Queue the mail that proves the account's address once more, unless it is proven.

        Raises TooManyMails, Forbidden.
        """

        async def work(connection: Connection) -> None:
            user = await lock_user(connection, user_id)
            if user.is_verified:
                return
            await require_few(connection, user_id, VERIFYING)
            await queue_mail(connection, Template.VERIFY_EMAIL, user_id, user.email)

        await self._db.transaction([], work)

    async def ask_new_email(self, user: User, email: str) -> None:
        """Mail a link to a new address, which counts once the link was followed, and tell the old one.

        `user` is who has just shown their password. An address asked for earlier no longer counts. Raises AlreadyExists
        when it is somebody else's, TooManyMails, Forbidden when the password was changed meanwhile.
        """

        async def work(connection: Connection) -> None:
            await lock_known(connection, user)
            if await connection.fetchval(SQL["is_taken"], email, user.user_id):
                raise AlreadyExists("email")
            await require_few(connection, user.user_id, VERIFYING)
            await drop_queued(connection, user.user_id, VERIFYING)
            await end_tokens(connection, user.user_id, Purpose.VERIFY_EMAIL)
            await queue_mail(connection, Template.CONFIRM_NEW_EMAIL, user.user_id, email)
            await queue_mail(connection, Template.EMAIL_CHANGING, user.user_id, user.email)

        await self._db.transaction([], work)

    async def verify_email(self, token: str) -> None:
        """Make the address that a token was mailed to the account's own, and proven.

        Raises LinkExpired, also for an account that is closed, and AlreadyExists when somebody else has it by now.
        """

        async def work(connection: Connection) -> None:
            shown = await look_at(connection, token, Purpose.VERIFY_EMAIL)
            await _lock_or_expire(connection, shown.user_id)
            # One that still waits would be a way back to the address it was meant to prove.
            await drop_queued(connection, shown.user_id, VERIFYING)
            proof = await use(connection, token, Purpose.VERIFY_EMAIL)
            await connection.execute(SQL["set_email"], proof.user_id, proof.email)

        try:
            await self._db.transaction([], work)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists("email") from error

    async def find_by_reset(self, token: str) -> User:
        """Return whose password a token may replace, without using it; raise LinkExpired."""

        async def read(connection: Connection) -> User:
            proof = await look_at(connection, token, Purpose.RESET_PASSWORD)
            row = await connection.fetchrow(SQL["find_user"], proof.user_id)
            assert row is not None, "tokens point at users"
            return user_of(row)

        return await self._db.read([], read)

    async def reset_password(self, token: str, password_hash: str) -> None:
        """Replace the password of whoever reads the mail of the account's address, and end all their sessions.

        Raises LinkExpired, also when the account is closed or has another address by now.
        """

        async def work(connection: Connection) -> list[SessionEnd]:
            shown = await look_at(connection, token, Purpose.RESET_PASSWORD)
            user = await _lock_or_expire(connection, shown.user_id)
            await drop_queued(connection, user.user_id, [Template.RESET_PASSWORD])
            proof = await use(connection, token, Purpose.RESET_PASSWORD)
            if proof.email.lower() != user.email.lower():
                raise LinkExpired
            await _replace_password(connection, user, password_hash, is_proven=True)
            return await end_families(connection, user.user_id)

        self._ends.told(await self._db.transaction([], work))

    async def change_password(self, user: User, password_hash: str, *, session: str | None) -> None:
        """Replace a password and end all sessions but one.

        `user` is who has just shown the old one; raises Forbidden when it was changed meanwhile.
        """

        async def work(connection: Connection) -> list[SessionEnd]:
            await lock_known(connection, user)
            await drop_queued(connection, user.user_id, [Template.RESET_PASSWORD])
            await _replace_password(connection, user, password_hash, is_proven=False)
            return await end_families(connection, user.user_id, but=session)

        self._ends.told(await self._db.transaction([], work))


async def lock_user(connection: Connection, user_id: int) -> User:
    """Lock a user's row and return it; raise Forbidden when the account is closed."""
    row = await connection.fetchrow(SQL["lock_user"], user_id)
    if row is None:
        raise Forbidden("this account is closed")
    return user_of(row)


async def lock_known(connection: Connection, user: User) -> None:
    """Lock the row of a user who has just shown their password; raise Forbidden when it is another one by now."""
    locked = await lock_user(connection, user.user_id)
    # allow compared-secret: two rows of our own, of which nobody sends either
    if locked.password_hash != user.password_hash:
        raise Forbidden("the password was changed a moment ago")


async def _lock_or_expire(connection: Connection, user_id: int) -> User:
    try:
        return await lock_user(connection, user_id)
    except Forbidden as error:
        raise LinkExpired from error


async def _replace_password(
    connection: Connection, user: User, password_hash: str, *, is_proven: bool
) -> None:
    await connection.execute(SQL["set_password"], user.user_id, password_hash, is_proven)
    await end_tokens(connection, user.user_id, Purpose.RESET_PASSWORD)
    await queue_mail(connection, Template.PASSWORD_CHANGED, user.user_id, user.email)
