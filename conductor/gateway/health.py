"""Whether the gateway lives, whether it can take tasks, and its numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Final, cast

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conductor.gateway.backend import Backend
from conductor.gateway.problems import dump
from hive.errors import HiveError

_LOCAL: Final = ""
_GAUGES: Final = ("open_tasks", "open_bytes", "finished_kept", "nodes", "sessions")
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The numbers of one gateway, in a registry of their own."""

    def __init__(self, backend: Backend) -> None:
        """Count requests from now on."""
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "hive_http_request_seconds",
            "Time to answer a request.",
            ["route"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.requests = Counter(
            "hive_http_requests", "Answers by status.", ["status"], registry=self.registry
        )
        waiting = Gauge("hive_http_waiting", "Callers that wait for an outcome.", registry=self.registry)
        waiting.set_function(lambda: backend.waiting)
        self._dispatcher = _Dispatcher()
        self.registry.register(self._dispatcher)

        self._status: dict[int, Counter] = {}
        self._route: dict[str, Histogram] = {}

    def answered(self, status: int, route: str, seconds: float) -> None:
        """Count an answer. Children are kept here: looking one up by its labels takes longer than to count."""
        counter = self._status.get(status)
        if counter is None:
            counter = self._status[status] = self.requests.labels(status)
        histogram = self._route.get(route)
        if histogram is None:
            histogram = self._route[route] = self.seconds.labels(route)
        counter.inc()
        histogram.observe(seconds)

    def render(self, status: Mapping[str, object] | None) -> bytes:
        """Return the exposition, with what the dispatcher said of itself; None where it said nothing."""
        self._dispatcher.status = status
        return generate_latest(self.registry)


class MetricsMiddleware:
    """Counts answers and their time. Plain ASGI: it costs a few microseconds."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Measure what `app` answers."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                self._metrics.answered(message["status"], route, perf_counter() - started)
            await send(message)

        await self._app(scope, receive, counted)


class _Dispatcher(Collector):
    """The dispatcher's counters as it last reported them."""

    def __init__(self) -> None:
        self.status: Mapping[str, object] | None = None

    def collect(self) -> Iterator[Metric]:
        status = self.status or {}
        yield GaugeMetricFamily(
            "hive_dispatcher_up", "Whether the dispatcher answers.", int(self.status is not None)
        )
        for name in _GAUGES:
            if name in status:
                yield GaugeMetricFamily(
                    f"hive_{name}", f"{name.replace('_', ' ')} now.", _number(status[name])
                )
        events = CounterMetricFamily(
            "hive_dispatcher_events", "What happened since the start.", labels=["event"]
        )
        for name, value in sorted(cast("Mapping[str, object]", status.get("counts") or {}).items()):
            events.add_metric([name], _number(value))
        yield events


def health_routes(backend: Backend, metrics: Metrics) -> APIRouter:
    """Return /healthz, /readyz and /metrics. They need no token: they tell nothing of any task."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Whether the gateway lives", response_model=None)
    async def healthz() -> Response:
        """Answer 200 as long as the gateway's loop turns."""
        return Response(b'{"alive":true}', 200, None, "application/json")

    @router.get("/readyz", summary="Whether the gateway can take tasks", response_model=None)
    async def readyz() -> Response:
        """Answer 200 if the dispatcher is connected and has its tables, a problem otherwise."""
        status = await _status(backend)
        if status is None:
            raise HiveError("unreachable", "The dispatcher does not answer the gateway.", retry_after_ms=1000)
        if not status.get("generation", 1):
            raise HiveError("planning_unavailable", "The dispatcher has no tables yet.", retry_after_ms=500)
        return Response(dump({"ready": True, "site": status.get("site")}), 200, None, "application/json")

    @router.get("/metrics", summary="Numbers for Prometheus", response_model=None)
    async def numbers() -> Response:
        """Answer counters and timings in Prometheus' text format."""
        return Response(metrics.render(await _status(backend)), 200, None, CONTENT_TYPE_LATEST)

    # Load balancers look with HEAD (RFC 9110, 9.3.2).
    for path, look in (("/healthz", healthz), ("/readyz", readyz)):
        router.add_api_route(path, look, methods=["HEAD"], include_in_schema=False, response_model=None)
    return router


async def _status(backend: Backend) -> Mapping[str, object] | None:
    if not backend.port.session.up:
        return None
    try:
        return cast("Mapping[str, object]", await backend.query("status", _LOCAL))
    except HiveError:
        return None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
