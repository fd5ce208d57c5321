"""What is measured, by OpenTelemetry's names where it has one."""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

REQUESTS = Histogram(
    "http_server_request_duration_seconds",
    "Time to answer, by route (never by path)",
    ["method", "route", "status"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
EVENTS = Counter(
    "omnibus_seat_changes_total", "Committed seat changes, by kind", ["kind"], registry=REGISTRY
)
SEATS_READ = Counter(
    "omnibus_seats_read_total",
    "Buses whose seats were read from the database for those who search or look, as nothing fit was kept",
    registry=REGISTRY,
)
EXPIRED = Counter(
    "omnibus_expired_total", "Holds and unpaid bookings ended by the sweeper", registry=REGISTRY
)
LIMITED = Counter(
    "omnibus_rate_limited_total",
    "Requests refused because their caller asks too often, by policy",
    ["policy"],
    registry=REGISTRY,
)
LIMITS_SHARED = Gauge(
    "omnibus_rate_limits_shared",
    "1 while callers' requests are counted for all processes together, 0 while each keeps its share",
    registry=REGISTRY,
)
VIOLATIONS = Gauge(
    "omnibus_invariant_violations",
    "Rows that should not exist, by invariant, as the last round found them: 0, or somebody must look",
    ["invariant"],
    registry=REGISTRY,
)
CHECKED_AT = Gauge(
    "omnibus_invariants_checked_timestamp_seconds",
    "When the last round of all invariants began that was completed; 0 when there was none",
    registry=REGISTRY,
)
HEARING = Gauge(
    "omnibus_session_ends_heard",
    "How this process learns of sessions that ended: 2 at once, 1 a second later, 0 by asking before every write",
    registry=REGISTRY,
)


AUDIT_VIOLATIONS = Gauge(
    "omnibus_audit_violations",
    "Chains of the audit log that are not what was sealed, as the last look found them: 0, or somebody must look",
    registry=REGISTRY,
)
AUDIT_CHECKED_AT = Gauge(
    "omnibus_audit_checked_timestamp_seconds",
    "When the chain of the audit log was verified that has waited longest; 0 when none was",
    registry=REGISTRY,
)
WEBHOOKS_OVERDUE = Gauge(
    "omnibus_webhooks_overdue_seconds",
    "How long the oldest delivery is due that an enabled webhook waits for: seconds, or no worker sends",
    registry=REGISTRY,
)
WEBHOOKS_DISABLED = Gauge(
    "omnibus_webhooks_disabled",
    "Webhooks that are disabled: by staff, because they said they were gone, or failed for five days",
    ["because"],
    registry=REGISTRY,
)
WEBHOOK_ATTEMPTS = Gauge(
    "omnibus_webhook_attempts",
    "Attempts to deliver to webhooks, by outcome, of all workers since the beginning",
    ["outcome"],
    registry=REGISTRY,
)


REPLICA_LAG = Gauge(
    "omnibus_replica_lag_seconds",
    "How old what a standby shows may be, as this process last saw it; NaN while it does not say",
    ["replica"],
    registry=REGISTRY,
)
REPLICA_IN_ROTATION = Gauge(
    "omnibus_replica_in_rotation",
    "1 while a standby may answer reads of this process, 0 while it lags, does not answer or is none",
    ["replica"],
    registry=REGISTRY,
)


class _ReadCounter(Collector):
    """Where reads went that a standby may answer, of this process; none where no standby is named."""

    def __init__(self) -> None:
        self.reads: Mapping[str, int] = {}

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "omnibus_lagging_reads",
            "Questions that a standby may answer, by where they were answered",
            labels=["server"],
        )
        for server, reads in self.reads.items():
            family.add_metric([server], reads)
        yield family


READS = _ReadCounter()
REGISTRY.register(READS)


class _JobCounter(Collector):
    """Tries of jobs by kind and outcome, as all workers together have counted them in the database."""

    def __init__(self) -> None:
        self.tries: Mapping[tuple[str, str], int] = {}

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "omnibus_jobs",
            "Tries of jobs by kind and what came of them: done, retried, put_off, dead, dropped, lost",
            labels=["kind", "outcome"],
        )
        for labels, tries in self.tries.items():
            family.add_metric(labels, tries)
        yield family


JOBS = _JobCounter()
REGISTRY.register(JOBS)
JOBS_DUE = Gauge("omnibus_jobs_due", "Jobs that are due and not done", registry=REGISTRY)
JOBS_DEAD = Gauge(
    "omnibus_jobs_dead", "Jobs that were given up: 0, or somebody must look", registry=REGISTRY
)
JOBS_OLDEST = Gauge(
    "omnibus_jobs_oldest_due_seconds",
    "For how long the oldest job has been due that is not done; 0 when none is",
    registry=REGISTRY,
)


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    _requests_of(method, route, status).observe(seconds)


def note_events(kinds: Iterable[str]) -> None:
    for kind, count in Tally(kinds).items():
        _events_of(kind).inc(count)


# Finding a child by its labels costs more than counting with it. All three labels are ours: routes, never paths, and
# the methods that the parser knows.
@lru_cache(maxsize=4096)
def _requests_of(method: str, route: str, status: int) -> Histogram:
    return REQUESTS.labels(method, route, str(status))


@lru_cache(maxsize=256)
def _events_of(kind: str) -> Counter:
    return EVENTS.labels(kind)
