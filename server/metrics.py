"""What is measured, by OpenTelemetry's names where it has one."""

from collections import Counter as Tally
from collections.abc import Iterable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
