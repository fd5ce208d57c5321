"""What handlers of these tests do: a row for each effect, which nothing but the inbox keeps from being doubled."""

from server.work.handler import Handler, Work
from store.db import Connection
from store.jobs import Job

TABLE = """
CREATE TABLE effects (
    number bigint GENERATED ALWAYS AS IDENTITY,
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    job_id uuid NOT NULL
)
"""


async def leave_effect(job: Job, work: Work) -> None:
    """Have the one effect of a job, once."""

    async def write(connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO effects (bus_id, booking_id, job_id) VALUES ($1, $2, $3)",
            *(job.bus_id, job.booking_id, job.job_id),
        )

    await work.store.job_inbox.once(job, "effect", write)


def failing_at_first(error: Exception) -> Handler:
    """Return a handler that has its effect and then fails, the first time that a job is tried."""

    async def handle(job: Job, work: Work) -> None:
        await leave_effect(job, work)
        if job.attempts == 1:
            raise error

    return handle
