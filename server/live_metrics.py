"""The live layer's numbers as Prometheus reads them: collected when somebody asks, kept by nobody twice."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from realtime.histogram import BOUNDS_SECONDS, Histogram
from realtime.live import Live

PREFIX = "omnibus_live"
_LABELS = {
    "refused": "reason",
    "closed": "code",
    "ended": "code",
    "errors": "code",
    "repaired": "cause",
}
_BOUNDS = [*map(str, BOUNDS_SECONDS), "+Inf"]


class LiveCollector(Collector):
    def __init__(self, live: Live) -> None:
        self._live = live

    def collect(self) -> Iterator[Metric]:
        """Yield gauges, then a counter or a histogram for every field of the live layer's counters."""
        for name, value in self._live.gauges().items():
            yield GaugeMetricFamily(f"{PREFIX}_{name}", _describe(name), value)
        counters = self._live.counters
        for each in fields(counters):
            yield _metric(each.name, getattr(counters, each.name))


def registry_of(live: Live) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(LiveCollector(live))
    return registry


def _metric(name: str, value: "int | Counter[str] | Histogram") -> Metric:
    full, text = f"{PREFIX}_{name}", _describe(name)
    if isinstance(value, Histogram):
        buckets = list(zip(_BOUNDS, accumulate(value.counts), strict=True))
        return HistogramMetricFamily(f"{full}_seconds", text, buckets, value.sum_seconds)
    if isinstance(value, int):
        return CounterMetricFamily(full, text, value)
    family = CounterMetricFamily(full, text, labels=[_LABELS.get(name, "kind")])
    for label, count in value.items():
        family.add_metric([str(label)], count)
    return family


def _describe(name: str) -> str:
    return f"Live layer: {name.replace('_', ' ')}"
