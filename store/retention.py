"""Forgets what nobody can ask for any more."""

from collections import Counter
from datetime import timedelta

from store.db import Connection, Database
from store.queries import Queries

SQL = Queries.beside(__file__)
EVENTS_KEPT = timedelta(hours=6)
KEYS_KEPT = timedelta(hours=48)
COUNTS_KEPT = timedelta(hours=24)
JOBS_KEPT = timedelta(days=3)
CONFLICTS_KEPT = timedelta(days=9)
"""A week ago began at most eight days ago, and an hour when clocks were changed."""
_AT_A_TIME = 1000
_ROUNDS_MAX = 50


class Retention:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def purge(self) -> int:
        """Delete old events, keys, counts of buyers and conflicts, and jobs that are done; return how many.

        In small transactions, at most 50 rounds of each. A refusal because of a seat that goes with its key is counted
        in the same transaction: it is among the keys or among the counts, never in both.
        """
        deleted = 0
        for delete, query, age in (
            (self._delete, "purge_events", EVENTS_KEPT),
            (self._delete_keys, "purge_keys", KEYS_KEPT),
            (self._delete, "purge_counts", COUNTS_KEPT),
            (self._delete, "purge_jobs", JOBS_KEPT),
            (self._delete, "purge_conflicts", CONFLICTS_KEPT),
        ):
            for _ in range(_ROUNDS_MAX):
                count = await delete(SQL[query], age)
                deleted += count
                if count == 0:
                    break
        return deleted

    async def _delete(self, query: str, age: timedelta) -> int:
        async def work(connection: Connection) -> int:
            outcome = await connection.execute(query, age, _AT_A_TIME)
            return int(outcome.split()[-1])

        return await self._db.transaction(None, work)

    async def _delete_keys(self, query: str, age: timedelta) -> int:
        async def work(connection: Connection) -> int:
            gone = await connection.fetch(query, age, _AT_A_TIME)
            taken = Counter(
                (row["operator_id"], row["minute"]) for row in gone if row["is_conflict"]
            )
            if taken:
                operators, minutes = zip(*taken, strict=True)
                counts = list(taken.values())
                await connection.execute(SQL["count_conflicts"], operators, minutes, counts)
            return len(gone)

        return await self._db.transaction(None, work)
