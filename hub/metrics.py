"""What a monitoring system asks: health and Prometheus metrics, on this machine alone.

The operator's listener is a socket of its own: behind a reverse proxy every request comes from
loopback, so a path beside the pages would be open to the world.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from hub.answers import Handler, fault_answer, json_faults
from hub.database import Database
from hub.services import SERVICES, Services
from hub.store import Store
from protocols.errors import Fault, LocalFault

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# From a cached answer to an emergency's signature.
SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class Metrics:
    """Count what one hub answers; the rest is asked when somebody scrapes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._answers = Counter(
            "chieng_http_answers", "Answers by route and status.", ["route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "chieng_http_seconds", "Time to an answer.", ["route"],
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._children: dict[tuple[str, int], tuple[Any, Any]] = {}

    def watch(self, name: str, said: str, ask: Callable[[], float]) -> None:
        """Show what a part of this hub says of itself at each scrape."""
        Gauge("chieng_" + name, said, registry=self.registry).set_function(ask)

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        found = self._children.get((route, status))
        if found is None:
            found = self._answers.labels(route, str(status)), self._seconds.labels(route)
            self._children[(route, status)] = found
        found[0].inc()
        found[1].observe(seconds)


METRICS = web.AppKey("metrics", Metrics)


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count every answer under its route's pattern: an address is no label."""
    started, status = time.perf_counter(), 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        resource = request.match_info.route.resource
        route = "none" if resource is None else resource.canonical
        request.app[METRICS].note(route, status, time.perf_counter() - started)


class _Asked:
    """Give the gauges of one scrape to the client library."""

    def __init__(self, families: list[Any]):
        self._families = families

    def collect(self) -> Iterator[Any]:
        """Yield the gauges."""
        yield from self._families


def _gauge(name: str, said: str, values: Mapping[str, float], label: str = "") -> Any:
    family = GaugeMetricFamily("chieng_" + name, said, labels=[label] if label else [])
    for key, value in values.items():
        family.add_metric([key] if label else [], value)
    return family


def _states(store: Store) -> list[Any]:
    faults = store.count("faults", {"cleared_ms": None})
    waiting = store.count("publications", {"state": "approved", "missing": 0})
    nodes = {name: store.count("nodes", {"state": name}) for name in ("enrolled", "quarantined")}
    return [
        _gauge("nodes", "Nodes by state.", nodes, "state"),
        _gauge("faults_open", "Faults that nodes have not cleared.", {"": faults}),
        _gauge("publications_waiting", "Approved and not yet published.", {"": waiting}),
    ]


async def _gauges(services: Services) -> list[Any]:
    found = await services.ledger.read(_states)
    disk = shutil.disk_usage(services.config.data)
    found.append(_gauge("disk_free_bytes", "Free for the hub.", {"": disk.free}))
    if isinstance(services.ledger, Database):
        waiting = services.ledger.waiting()
        found.append(_gauge("writes_waiting", "Transactions queued.", {"": waiting}))
    return found


async def metrics(request: web.Request) -> web.Response:
    """Answer a scrape."""
    services = request.app[SERVICES]
    gauges = await _gauges(services)

    def text() -> bytes:
        asked = CollectorRegistry()
        asked.register(_Asked(gauges))
        return generate_latest(asked) + generate_latest(request.app[METRICS].registry)

    body = await asyncio.to_thread(text)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


async def health(services: Services) -> dict[str, Any]:
    """Return whether database and repository answer; raises a `Fault`."""
    counted = await services.ledger.read(lambda s: s.count("nodes"))
    waiting = await services.ledger.read(
        lambda s: s.count("publications", {"state": "approved", "missing": 0})
    )
    if not services.repository.archive.newest_version("root"):
        raise LocalFault("hub.not_founded", "no root", "Run chieng-hub init.")
    return {"ok": True, "nodes": counted, "publications_waiting": waiting}


async def healthz(request: web.Request) -> web.Response:
    """Tell whether database and repository answer."""
    try:
        body = await health(request.app[SERVICES])
    except Fault as fault:
        return fault_answer(fault)
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def create_operator_app(services: Services, counted: Metrics) -> web.Application:
    """Build the operator's endpoints; offer them on this machine only."""
    app = web.Application(middlewares=[json_faults])
    app[SERVICES] = services
    app[METRICS] = counted
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    return app
