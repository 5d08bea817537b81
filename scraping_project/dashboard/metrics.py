"""``/metrics``: what the monitor reads, for Prometheus."""

from collections.abc import Iterable, Iterator

from litestar import Response, get
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from scraping_project.dashboard.reading import shared
from scraping_project.dashboard.rendering import Asked
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.figures import Figures, read_figures


class TowerCollector(Collector):
    """One reading as metrics.

    Several dashboards say the same: take ``max by (...)`` of them, never a sum. Labels are of closed lists,
    but for the names of frontiers, which are as many as somebody made.
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        yield from self._parts()
        yield from self._frontiers()
        yield from self._attempts()

    def _parts(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("scraping_part_up", "Whether a part answers.", labels=["part"])
        for part, is_up in self._figures.parts.items():
            up.add_metric([part], float(is_up))
        yield up

    def _frontiers(self) -> Iterator[Metric]:
        if self._figures.frontiers is None:
            return
        requests = GaugeMetricFamily(
            "scraping_frontier_requests", "Requests of a frontier.", labels=["frontier", "state"]
        )
        workers = GaugeMetricFamily(
            "scraping_frontier_workers", "Workers that have joined.", labels=["frontier"]
        )
        paused = GaugeMetricFamily("scraping_frontier_paused", "Whether it is paused.", labels=["frontier"])
        seeds = GaugeMetricFamily("scraping_frontier_seeds", "Seeds that wait.", labels=["frontier"])
        for each in self._figures.frontiers:
            for state in ("queued", "delayed", "leased", "done", "dead"):
                requests.add_metric([each.name, state], getattr(each, state))
            workers.add_metric([each.name], each.workers)
            paused.add_metric([each.name], float(each.paused))
            seeds.add_metric([each.name], each.seeds)
        yield from (requests, workers, paused, seeds)

    def _attempts(self) -> Iterator[Metric]:
        if self._figures.attempts is None:
            return
        attempts = CounterMetricFamily(
            "scraping_attempts", "Attempts that have ended.", labels=["status", "reason"]
        )
        size = CounterMetricFamily("scraping_answer_bytes", "Bytes of answers.")
        latency = CounterMetricFamily("scraping_latency_seconds", "Latency of answers, added up.")
        timed = CounterMetricFamily("scraping_timed_attempts", "Attempts that have a latency.")
        for each in self._figures.attempts:
            attempts.add_metric([each.status, each.reason], each.attempts)
        size.add_metric([], sum(each.bytes for each in self._figures.attempts))
        latency.add_metric([], sum(each.latency_ms for each in self._figures.attempts) / 1000)
        timed.add_metric([], sum(each.timed for each in self._figures.attempts))
        yield from (attempts, size, latency, timed)


@get("/metrics", machines=True, include_in_schema=False)
@in_thread
def metrics(request: Asked) -> Response[bytes]:
    registry = CollectorRegistry()
    registry.register(TowerCollector(shared(request, read_figures)))
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
