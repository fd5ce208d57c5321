"""What is measured of payment providers."""

from prometheus_client import Counter, Gauge, Histogram

from server.metrics import REGISTRY

CALLS = Counter(
    "omnibus_provider_calls_total",
    "Calls of payment providers, by outcome: answered, refused, down, late, not_asked",
    ["provider", "call", "outcome"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "omnibus_provider_call_duration_seconds",
    "Time that payment providers took, until the answer or until we gave up",
    ["provider", "call"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
    registry=REGISTRY,
)
CIRCUIT = Gauge(
    "omnibus_provider_circuit",
    "Whether a payment provider is asked: 0 yes, 1 as a trial, 2 not for now",
    ["provider"],
    registry=REGISTRY,
)


def note_call(provider: str, call: str, outcome: str, seconds: float | None = None) -> None:
    CALLS.labels(provider, call, outcome).inc()
    if seconds is not None:
        SECONDS.labels(provider, call).observe(seconds)
