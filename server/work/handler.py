"""What a handler of jobs is given, and what it may say beside that it is done.

A handler may be run twice for one job, for a worker can die between the work and the word that it is done. So what it
does must come to the same: rows under a key made of the job's number (`uuid.uuid5(job.job_id, "ticket-mail")`), calls
under an idempotency key likewise. What a booking is like by now it looks up: a job only says that something happened.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.config import Settings
from server.payments.cashier import Cashier
from store import Store
from store.jobs import Job


class GiveUp(Exception):
    """This will never come to anything: the job is given up at once, for somebody to look at."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Later(Exception):
    """Not yet, and nobody's fault: the job comes again after so many seconds, and this try does not count."""

    def __init__(self, seconds: float, reason: str = "put off") -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Work:
    """What handlers work with."""

    store: Store
    settings: Settings
    cashier: Cashier


Handler = Callable[[Job, Work], Awaitable[None]]
