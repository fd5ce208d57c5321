"""The worker's part, done in a test: every job that is due is tried, and what came of it is written."""

from datetime import UTC, datetime, timedelta

from server.config import Settings
from server.payments.cashier import Cashier
from server.work.attempt import attempt
from server.work.handler import Work
from store import Store
from store.jobs import Outcome

_LEASE = timedelta(seconds=60)


async def run_errands(store: Store, settings: Settings | None = None) -> list[Outcome]:
    """Do what is due until there is no more; return what came of each job."""
    settings = settings or Settings()
    work = Work(store, settings, Cashier(store, [], settings.address))
    outcomes: list[Outcome] = []
    while claimed := await store.jobs.claim(20, _LEASE):
        ended = [(job, await attempt(job, work), datetime.now(UTC)) for job in claimed]
        await store.jobs.finish(ended)
        outcomes += [outcome for _, outcome, _ in ended]
    return outcomes
