"""Changing what someone may do, or how they prove who they are: whoever is signed in must sign in again, at once."""

from store.db import Connection, Database
from store.errors import NotFound
from store.model import Role
from store.queries import Queries
from store.session_ends import SessionEnd, SessionEnds, end_families

SQL = Queries.beside(__file__)


class Staffing:
    """Without `ends`, other processes hear of it all the same; this one only if it listens, too."""

    def __init__(self, db: Database, ends: SessionEnds | None = None) -> None:
        self._db = db
        self._ends = ends or SessionEnds(db)

    async def set_role(self, user_id: int, role: Role, operator_id: int | None) -> None:
        """Give a user another role, at an operator if it is one of staff, and end their sessions.

        Locks the user, then their sessions; writes the audit log. Raises NotFound.
        """
        await self._change("set_role", user_id, role, operator_id)

    async def set_password(self, user_id: int, password_hash: str) -> None:
        """Replace a user's password and end their sessions. Locks the user, then their sessions; writes the audit log.

        Raises NotFound.
        """
        await self._change("set_password", user_id, password_hash)

    async def disable(self, user_id: int) -> None:
        """Close an account and end its sessions. Locks the user, then their sessions. Raises NotFound."""
        await self._change("disable", user_id)

    async def enable(self, user_id: int) -> None:
        """Open a closed account; sessions stay ended. Locks the user. Raises NotFound."""
        await self._change("enable", user_id)

    async def _change(self, query: str, user_id: int, *values: object) -> None:
        async def work(connection: Connection) -> list[SessionEnd]:
            if await connection.fetchval(SQL[query], user_id, *values) is None:
                raise NotFound("user")
            return await end_families(connection, user_id)

        self._ends.told(await self._db.transaction(None, work))
