"""The inbox of jobs: which handlers are done with which job, so that it has each effect once, however often it comes.

An effect in PostgreSQL is committed together with its row here (`once`, `enter`). Of an effect elsewhere the row is
written afterwards (`note`): a worker that dies in between leaves it to the key under which that effect was asked for.
"""

from collections.abc import Awaitable, Callable

from store.db import Connection, Database
from store.jobs import Job
from store.queries import Queries

SQL = Queries.beside(__file__)


class JobInbox:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def has(self, job: Job, handler: str) -> bool:
        """Return whether a handler is done with a job. Raises Overloaded."""
        return await self._db.fetchrow(SQL["find"], *_place(job), handler) is not None

    async def note(self, job: Job, handler: str) -> None:
        """Note that a handler is done with a job, and is not to run again for it. Raises Overloaded."""
        await self._db.fetch(SQL["enter"], *_place(job), handler)

    async def once(
        self, job: Job, handler: str, write: Callable[[Connection], Awaitable[None]]
    ) -> bool:
        """Run `write` in a transaction of the job's operator, unless one was committed before for this job and handler.

        Returns whether it ran. Locks the handler's place in the inbox first, then what `write` locks. Raises
        Overloaded, CommitUnknown (asking again finds out), and what `write` raises.
        """

        async def work(connection: Connection) -> bool:
            is_first = await enter(connection, job, handler)
            if is_first:
                await write(connection)
            return is_first

        return await self._db.transaction([job.operator_id], work)


async def enter(connection: Connection, job: Job, handler: str) -> bool:
    """Return whether the handler's effect belongs into this transaction: whoever comes first commits it, nobody else.

    Locks the handler's place in the inbox: whoever comes while another is there waits for its COMMIT.
    """
    return await connection.fetchval(SQL["enter"], *_place(job), handler) is not None


def _place(job: Job) -> tuple[object, ...]:
    return job.bus_id, job.booking_id, job.job_id
