"""Second factors: what proves somebody beside their password, counted and used up under lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.db import Connection, Database
from store.errors import NotFound, WrongState
from store.queries import Queries
from store.session_ends import SessionEnd, SessionEnds, end_families

SQL = Queries.beside(__file__)
FAILURES_MAX = 5
LOCKED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed, as far as the store needs to know it: pure, and asked while the factor is locked."""

    find_step: Callable[[str, datetime], int | None]
    """Given the sealed secret and the time, the number of the half minute whose code it is."""
    digest: bytes
    """In case it is a recovery code."""


class SecondFactors:
    def __init__(self, db: Database, ends: SessionEnds) -> None:
        self._db = db
        self._ends = ends

    async def is_confirmed(self, user_id: int) -> bool:
        """Return whether a user has a second factor that counts. Raises Overloaded."""
        return await self._db.fetchrow(SQL["find_confirmed"], user_id) is not None

    async def begin(self, user_id: int, sealed_secret: str) -> None:
        """Keep a secret until it is confirmed, in place of one that never was.

        Locks the factor. Raises WrongState if there is one that was confirmed.
        """

        async def work(connection: Connection) -> None:
            if await connection.fetchval(SQL["begin"], user_id, sealed_secret) is None:
                raise WrongState("confirmed", "there is a second factor already; remove it first")

        await self._db.transaction([], work)

    async def confirm(
        self, user_id: int, attempt: Attempt, recovery: Sequence[bytes], *, session_id: str
    ) -> bool:
        """Let a secret count from now on if the code shows that its owner has it; return whether it does.

        Ends the user's sessions but for the one that asks: they were begun with a password alone. Locks the user, the
        factor, then their sessions. Raises WrongState when nothing waits to be confirmed.
        """

        async def work(connection: Connection) -> list[SessionEnd] | None:
            await connection.execute(SQL["lock_user"], user_id)
            row = await connection.fetchrow(SQL["lock_factor"], user_id)
            if row is None or row["confirmed_at"] is not None:
                raise WrongState("none", "nothing waits to be confirmed; begin anew")
            step = attempt.find_step(row["sealed_secret"], row["now"])
            if step is None:
                return None
            await connection.execute(SQL["confirm"], user_id, step)
            await connection.execute(SQL["add_recovery"], user_id, list(recovery))
            return await end_families(connection, user_id, but=session_id)

        ended = await self._db.transaction([], work)
        self._ends.told(ended or [])
        return ended is not None

    async def use(self, user_id: int, attempt: Attempt) -> bool:
        """Return whether this proves the user; what did is used up, and what did not is counted.

        After five in a row that did not, nothing does for five minutes. Locks the factor.
        """

        async def work(connection: Connection) -> bool:
            row = await connection.fetchrow(SQL["lock_factor"], user_id)
            if row is None or row["confirmed_at"] is None:
                return False
            if row["locked_until"] is not None and row["locked_until"] > row["now"]:
                return False
            step = attempt.find_step(row["sealed_secret"], row["now"])
            if step is not None and step > row["last_step"]:
                await connection.execute(SQL["use_step"], user_id, step)
                return True
            if await connection.fetchval(SQL["use_recovery"], user_id, attempt.digest) is not None:
                await connection.execute(SQL["use_step"], user_id, row["last_step"])
                return True
            if row["failures"] + 1 < FAILURES_MAX:
                await connection.execute(SQL["count_failure"], user_id)
            else:
                await connection.execute(SQL["lock_out"], user_id, LOCKED)
            return False

        return await self._db.transaction([], work)

    async def remove(self, user_id: int) -> None:
        """Forget a user's second factor and recovery codes. Locks the factor. Raises NotFound if there is none."""

        async def work(connection: Connection) -> None:
            if await connection.fetchval(SQL["remove"], user_id) is None:
                raise NotFound("second factor")

        await self._db.transaction([], work)
