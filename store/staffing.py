"""Changing what someone may do, or how they prove who they are: whoever is signed in must sign in again."""

from store.db import Connection, Database
from store.errors import NotFound
from store.model import Role
from store.queries import Queries

SQL = Queries.beside(__file__)


class Staffing:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def set_role(self, user_id: int, role: Role, operator_id: int | None) -> None:
        """Give a user another role, at an operator if it is one of staff, and end their sessions.

        Locks the user, then their sessions; writes the audit log. Raises NotFound.
        """

        async def work(connection: Connection) -> None:
            if await connection.fetchval(SQL["set_role"], user_id, role, operator_id) is None:
                raise NotFound("user")
            await _end_sessions(connection, user_id)

        await self._db.transaction(None, work)

    async def set_password(self, user_id: int, password_hash: str) -> None:
        """Replace a user's password and end their sessions. Locks the user, then their sessions; writes the audit log.

        Raises NotFound.
        """

        async def work(connection: Connection) -> None:
            if await connection.fetchval(SQL["set_password"], user_id, password_hash) is None:
                raise NotFound("user")
            await _end_sessions(connection, user_id)

        await self._db.transaction(None, work)


async def _end_sessions(connection: Connection, user_id: int) -> None:
    # A rotation that we waited for has added a token that this statement could not see yet.
    while await connection.fetch(SQL["revoke_sessions"], user_id):
        pass
