"""People who can sign in. Passwords arrive and leave as hashes only."""

from dataclasses import dataclass, field

from store.db import Connection, Database, Record
from store.errors import AlreadyExists
from store.mails import Template, queue_mail
from store.model import Role
from store.queries import Queries

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class User:
    user_id: int
    name: str
    email: str
    role: Role
    operator_id: int | None
    is_disabled: bool
    is_verified: bool
    """Whether they have shown that they read the mail of `email`."""
    password_hash: str = field(repr=False)
    locale: str | None = None
    """The language of mails to them."""


@dataclass(frozen=True, slots=True)
class NewUser:
    name: str
    email: str
    password_hash: str = field(repr=False)
    role: Role = Role.RIDER
    operator_id: int | None = None
    is_verified: bool = False
    locale: str | None = None


class Accounts:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def register(self, new: NewUser) -> User:
        """Add a user and queue the mail that lets them show whose address it is; raises what `add` does."""
        return await self.add(new, welcome=Template.VERIFY_EMAIL)

    async def add(self, new: NewUser, *, welcome: Template | None = None) -> User:
        """Add a user, and log it if they are staff.

        Raises AlreadyExists when the e-mail is taken, whatever its case, and OutcomeUnknown.
        """

        async def work(connection: Connection) -> int | None:
            added: int | None = await connection.fetchval(
                SQL["add_user"],
                new.name,
                new.email,
                new.password_hash,
                new.role,
                new.operator_id,
                new.is_verified,
                new.locale,
            )
            if added is not None and welcome is not None:
                await queue_mail(connection, welcome, added, new.email)
            return added

        scope = [] if new.operator_id is None else [new.operator_id]
        user_id = await self._db.transaction(scope, work)
        if user_id is None:
            raise AlreadyExists("email")
        return User(
            user_id=user_id,
            name=new.name,
            email=new.email,
            role=new.role,
            operator_id=new.operator_id,
            is_disabled=False,
            is_verified=new.is_verified,
            password_hash=new.password_hash,
            locale=new.locale,
        )

    async def find_by_email(self, email: str) -> User | None:
        row = await self._db.fetchrow(SQL["find_by_email"], email)
        return user_of(row) if row else None

    async def find(self, user_id: int) -> User | None:
        row = await self._db.fetchrow(SQL["find_by_id"], user_id)
        return user_of(row) if row else None

    async def list(self, *, limit: int) -> list[User]:
        return [user_of(row) for row in await self._db.fetch(SQL["list_users"], limit)]


def user_of(row: Record) -> User:
    return User(
        user_id=row["user_id"],
        name=row["name"],
        email=row["email"],
        role=Role(row["role"]),
        operator_id=row["operator_id"],
        is_disabled=row["disabled_at"] is not None,
        is_verified=row["email_verified_at"] is not None,
        password_hash=row["password_hash"],
        locale=row["locale"],
    )
