"""Whether a request was answered before, under its key, for those who are about to refuse it for another reason."""

import uuid
from collections.abc import Mapping

from store.db import Connection, Database
from store.gather import Gather
from store.queries import Queries
from store.requests import Key

SQL = Queries.beside(__file__)
_MOST = 256

Place = tuple[int, uuid.UUID]


class Answered:
    """One query at a time, however many ask: those who are refused by the thousand must cost next to nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._gather: Gather[Place, bool] = Gather(self._find, in_flight=1, most=_MOST)

    async def is_answered(self, bus_id: int, key: Key | None) -> bool:
        """Return whether an answer to this bus's request is stored under a key. Locks nothing. Raises Overloaded."""
        return key is not None and bool(await self._gather.find((bus_id, key.key_hash)))

    async def _find(self, places: list[Place]) -> Mapping[Place, bool]:
        async def read(connection: Connection) -> Mapping[Place, bool]:
            rows = await connection.fetch(SQL["find_answered"], *zip(*places, strict=True))
            return {(row["bus_id"], row["key_hash"]): True for row in rows}

        return await self._db.read(None, read)
