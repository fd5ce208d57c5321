"""One try of one job: its handlers are run, and what they said is made into one word about it."""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta

from server.work.handler import GiveUp, Handler, Later, Work
from server.work.handlers import HANDLERS
from store.errors import StoreError
from store.jobs import ATTEMPTS_MAX, Ending, Job, JobKind, Outcome

log = logging.getLogger("omnibus.work")
HANDLER_SECONDS = 60.0
_PAUSE_SECONDS_MAX = 3600.0
_DONE = Outcome(Ending.DONE)


async def attempt(
    job: Job, work: Work, handlers: Mapping[JobKind, Sequence[Handler]] = HANDLERS
) -> Outcome:
    """Run every handler of the job's kind, one after the other, whatever became of those before.

    What one could not do is tried again, and then all of them are run again: those that were done find that they were.
    """
    if job.attempts > ATTEMPTS_MAX:
        # Tries that nobody told the end of: each took its worker with it.
        return Outcome(Ending.DEAD, job.last_error or "no worker got to its end")
    errors = [await _run(handler, job, work) for handler in handlers.get(job.kind, ())]
    return _judge(job, [error for error in errors if error is not None])


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many tries: a second, doubled each time up to an hour; from half of it up."""
    seconds = min(_PAUSE_SECONDS_MAX, 2.0 ** (attempts - 1))
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


async def _run(handler: Handler, job: Job, work: Work) -> Exception | None:
    try:
        async with asyncio.timeout(HANDLER_SECONDS):
            await handler(job, work)
    except (GiveUp, Later, StoreError) as error:
        log.warning("%s %s: %s", job.kind, job.job_id, _told(error))
        return error
    except Exception as error:
        log.exception("%s %s failed", job.kind, job.job_id)
        return error
    return None


def _judge(job: Job, errors: Sequence[Exception]) -> Outcome:
    """A failure outweighs a delay, and a delay that somebody gives up: the other handlers get their turn again."""
    if not errors:
        return _DONE
    failures = [error for error in errors if not isinstance(error, GiveUp | Later)]
    if failures and job.attempts < ATTEMPTS_MAX:
        return Outcome(Ending.RETRIED, _told(failures[0]), pause_after(job.attempts))
    delays = [error for error in errors if isinstance(error, Later)]
    if delays and not failures:
        longest = max(delays, key=lambda delay: delay.seconds)
        return Outcome(Ending.PUT_OFF, longest.reason, timedelta(seconds=longest.seconds))
    return Outcome(Ending.DEAD, _told((failures or errors)[0]))


def _told(error: Exception) -> str:
    if isinstance(error, GiveUp | Later):
        return error.reason
    # Its first line: PostgreSQL shows the row that it refused in another one, and there may be people in it.
    said = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
