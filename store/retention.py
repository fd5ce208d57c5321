"""Forgets what nobody can ask for any more."""

from datetime import timedelta

from store.db import Connection, Database
from store.queries import Queries

SQL = Queries.beside(__file__)
EVENTS_KEPT = timedelta(hours=6)
KEYS_KEPT = timedelta(hours=48)
COUNTS_KEPT = timedelta(hours=24)
JOBS_KEPT = timedelta(days=3)
_AT_A_TIME = 1000
_ROUNDS_MAX = 50


class Retention:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def purge(self) -> int:
        """Delete old events, keys, counts of buyers and jobs that are done, in small transactions; return how many.

        At most 50 rounds of each.
        """
        deleted = 0
        for query, age in (
            ("purge_events", EVENTS_KEPT),
            ("purge_keys", KEYS_KEPT),
            ("purge_counts", COUNTS_KEPT),
            ("purge_jobs", JOBS_KEPT),
        ):
            for _ in range(_ROUNDS_MAX):
                count = await self._delete(SQL[query], age)
                deleted += count
                if count == 0:
                    break
        return deleted

    async def _delete(self, query: str, age: timedelta) -> int:
        async def work(connection: Connection) -> int:
            outcome = await connection.execute(query, age, _AT_A_TIME)
            return int(outcome.split()[-1])

        return await self._db.transaction(None, work)
