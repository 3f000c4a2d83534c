"""What the service counts, for Prometheus, in a registry of its own."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sandbox.types import Health, Language, Status

PREFIX: Final = "plumb_sandbox"
BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class ServiceMetrics:
    """Counters and histograms of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            f"{PREFIX}_requests",
            "Requests by route and outcome: ok, or the kind of the error.",
            ["route", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            f"{PREFIX}_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._judgements = Counter(
            f"{PREFIX}_judgements",
            "Judgements by status and language.",
            ["status", "language"],
            registry=self._registry,
        )
        self._runs = Counter(
            f"{PREFIX}_runs",
            "Runs by status and language.",
            ["status", "language"],
            registry=self._registry,
        )
        self._boxes = _Boxes()
        self._registry.register(self._boxes)

    def note_request(self, route: str, outcome: str, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(route, outcome).inc()
        self._seconds.labels(route).observe(seconds)

    def note_judgement(self, status: Status, language: Language) -> None:
        """Count a judgement."""
        self._judgements.labels(status.value, language).inc()

    def note_run(self, status: Status, language: Language) -> None:
        """Count a run."""
        self._runs.labels(status.value, language).inc()

    def text(self, health: Health, held: int) -> bytes:
        """Everything in Prometheus' text format; `held` requests are at work or waiting."""
        self._boxes.health, self._boxes.held = health, held
        return generate_latest(self._registry)


class _Boxes(Collector):
    """What the sandbox itself knows, read when it is asked for."""

    def __init__(self) -> None:
        self.health: Health | None = None
        self.held = 0

    def collect(self) -> Iterator[Metric]:
        health = self.health
        if health is None:
            return
        gauges = {
            "requests_held": ("Requests at work or waiting.", self.held),
            "queue_length": ("Runs that wait for a slot.", health.waiting),
            "slots": ("Runs at a time.", health.slots),
            "slots_busy": ("Slots at work.", health.busy),
            "boxes": ("Boxes that there should be.", health.boxes),
            "boxes_live": ("Boxes that are up.", health.live),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)
        yield CounterMetricFamily(
            f"{PREFIX}_boxes_replaced", "Boxes replaced since the start.", value=health.replaced
        )
