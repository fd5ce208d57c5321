"""All that is held about a person: shown to them whole, and erased when they want it.

What is sold stays in the books, by its ref, seats and amounts: it names nobody any more. `docs/privacy.md` is the map.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from store.accounts import User
from store.buyers import buyer_of_user
from store.db import Connection, Database
from store.errors import TripsAhead
from store.mails import Template
from store.profiles import lock_known
from store.queries import Queries
from store.session_ends import SessionEnd, SessionEnds, end_families

SQL = Queries.beside(__file__)
BLANK = "Erased"
_REFS_TOLD = 5


@dataclass(frozen=True, slots=True)
class AccountRecord:
    user_id: int
    name: str
    email: str
    role: str
    operator_id: int | None
    created_at: datetime
    email_verified_at: datetime | None
    disabled_at: datetime | None
    locale: str | None


@dataclass(frozen=True, slots=True)
class SessionRecord:
    started_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class HoldRecord:
    bus_id: int
    state: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    seats: list[str] | None


@dataclass(frozen=True, slots=True)
class BoardingRecord:
    """A passenger of one of the user's bookings got on a bus."""

    bus_id: int
    ref: str
    seat: str
    boarded_at: datetime


@dataclass(frozen=True, slots=True)
class DeedRecord:
    """A line of the audit log."""

    at: datetime
    operator_id: int | None
    action: str
    subject: str
    detail: Any


@dataclass(frozen=True, slots=True)
class MailRecord:
    template: str
    recipient: str
    state: str
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Records:
    """What is held about a user besides their bookings, which `Lookup.list_of` finds."""

    account: AccountRecord
    sessions: list[SessionRecord]
    holds: list[HoldRecord]
    boardings: list[BoardingRecord]
    deeds: list[DeedRecord]
    mails: list[MailRecord]


class Personal:
    def __init__(self, db: Database, ends: SessionEnds) -> None:
        self._db = db
        self._ends = ends

    async def show(self, user_id: int) -> Records:
        """Return what is held about a user, of all operators; no secrets, nor digests of any."""

        async def read(connection: Connection) -> Records:
            account = await connection.fetchrow(SQL["read_account"], user_id)
            assert account is not None, "users are emptied, never removed"
            sessions = await connection.fetch(SQL["list_sessions"], user_id)
            holds = await connection.fetch(SQL["list_holds"], buyer_of_user(user_id))
            boardings = await connection.fetch(SQL["list_boardings"], user_id)
            deeds = await connection.fetch(SQL["list_deeds"], user_id)
            mails = await connection.fetch(SQL["list_mails"], user_id)
            return Records(
                account=AccountRecord(**dict(account)),
                sessions=[SessionRecord(**dict(row)) for row in sessions],
                holds=[HoldRecord(**dict(row)) for row in holds],
                boardings=[BoardingRecord(**dict(row)) for row in boardings],
                deeds=[
                    DeedRecord(**{**dict(row), "detail": msgspec.json.decode(row["detail"])})
                    for row in deeds
                ],
                mails=[MailRecord(**dict(row)) for row in mails],
            )

        return await self._db.read(None, read)

    async def erase(self, user: User) -> None:
        """Take a person out of all that is kept: name, address, mails, and the words of their bookings.

        `user` is who has just shown their password. Locks the user's row, sessions, mails and tokens, then the
        bookings and their jobs. Raises TripsAhead while they have a trip that is neither over nor cancelled, Forbidden
        when the password was changed meanwhile. Seats, refs, amounts and the audit log stay; none of them names
        anybody.
        """

        async def work(connection: Connection) -> list[SessionEnd]:
            await lock_known(connection, user)
            ahead = await connection.fetch(SQL["trips_ahead"], user.user_id, _REFS_TOLD)
            if ahead:
                raise TripsAhead(tuple(row["ref"] for row in ahead))
            ended = await end_families(connection, user.user_id)
            await connection.execute(
                SQL["forget_mails"], user.user_id, user.email, Template.RESET_PASSWORD
            )
            await connection.execute(SQL["forget_tokens"], user.user_id)
            places = await connection.fetch(SQL["list_places"], user.user_id)
            await connection.execute(SQL["blank_bookings"], user.user_id, BLANK)
            await connection.execute(SQL["blank_jobs"], user.user_id, BLANK)
            await connection.execute(
                SQL["forget_answers"],
                [row["bus_id"] for row in places],
                [row["ref"] for row in places],
            )
            await connection.execute(SQL["erase_user"], user.user_id, BLANK, _nowhere(user))
            return ended

        self._ends.told(await self._db.transaction(None, work))


def _nowhere(user: User) -> str:
    # Reserved so that no mail ever goes there (RFC 2606), and unique as every address is.
    return f"erased-{user.user_id}@erased.invalid"
