"""Secrets that all processes of an installation share, made by whichever comes first."""

from collections.abc import Callable
from dataclasses import dataclass, field

from store.db import Connection, Database
from store.queries import Queries

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class HouseKey:
    key_id: str
    secret: str = field(repr=False)


class HouseKeys:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def find_or_make(self, purpose: str, make: Callable[[], HouseKey]) -> list[HouseKey]:
        """Return the live keys of a purpose, newest first, making the first one if there is none.

        Locks the purpose (an advisory lock), so that two processes never make two first keys.
        """

        async def work(connection: Connection) -> list[HouseKey]:
            await connection.execute(SQL["lock_purpose"], purpose)
            first = make()
            await connection.execute(SQL["add_first_key"], purpose, first.key_id, first.secret)
            rows = await connection.fetch(SQL["find_keys"], purpose)
            return [HouseKey(row["key_id"], row["secret"]) for row in rows]

        rows = await self._db.fetch(SQL["find_keys"], purpose)
        if rows:
            return [HouseKey(row["key_id"], row["secret"]) for row in rows]
        return await self._db.transaction([], work)
