"""Metrics as Prometheus reads them, written in pieces: bookings are answered between them."""

import asyncio
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, disable_created_metrics, generate_latest
from prometheus_client.registry import Collector

# Some 8 us each: a piece keeps the event loop for two milliseconds. To collect a family is done at once, and takes as
# long as a third of its text.
SAMPLES_AT_ONCE = 200

# When a series began says nothing that a restart does not, and costs a line for each.
disable_created_metrics()  # type: ignore[no-untyped-call]


async def expose(*registries: CollectorRegistry) -> bytes:
    """Return the text format (0.0.4) of what these registries hold, one after the other.

    The event loop runs others between pieces, so the first families are a moment older than the last;
    the samples of one are of one instant. Raises nothing of its own.
    """
    written: list[bytes] = []
    for registry in registries:
        for family in registry.collect():
            for piece in _pieces(family):
                written.append(piece)
                await asyncio.sleep(0)
    return b"".join(written)


class _Only(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family


def _pieces(family: Metric) -> Iterator[bytes]:
    """Yield a family's text; what it is (`# HELP`, `# TYPE`) stands before the first of its samples only."""
    samples = family.samples
    for start in range(0, max(len(samples), 1), SAMPLES_AT_ONCE):
        part = Metric(family.name, family.documentation, family.type, family.unit)
        part.samples = samples[start : start + SAMPLES_AT_ONCE]
        text = generate_latest(_Only(part))
        yield text if start == 0 else text.split(b"\n", 2)[2]
