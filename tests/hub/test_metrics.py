"""Health and metrics on a listener of their own, on this machine alone."""

import asyncio

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.app import create_node_app
from hub.metrics import Metrics, create_operator_app
from hub.serve import Where, serve
from hub.serving import Listener
from protocols.errors import LocalFault


@pytest.fixture
async def both(services):
    """Serve nodes and the operator side by side."""
    counted = Metrics()
    apps = create_node_app(services, counted), create_operator_app(services, counted)
    listeners = [Listener(app) for app in apps]
    for one in listeners:
        await one.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:

        async def ask(which, path):
            async with session.get(f"http://127.0.0.1:{listeners[which].port}{path}") as answer:
                return answer, await answer.text()

        yield ask
    for one in listeners:
        await one.close()


async def test_a_scrape_counts_answers_by_route_never_by_address(both):
    for number in range(3):
        await both(0, f"/v1/blobs/{number:064}")
    answer, text = await both(1, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {one.name: one for one in text_string_to_metric_families(text)}
    answers = [(s.labels, s.value) for s in found["chieng_http_answers"].samples]
    assert ({"route": "/v1/blobs/{sha256}", "status": "404"}, 3.0) in answers
    assert found["chieng_nodes"].samples[0].value == 0
    assert found["chieng_disk_free_bytes"].samples[0].value > 0
    assert found["chieng_writes_waiting"].samples[0].value == 0


async def test_health_stands_with_the_operator_and_metrics_not_with_nodes(both):
    answer, text = await both(1, "/healthz")
    assert answer.status == 200 and '"ok": true' in text
    assert (await both(0, "/metrics"))[0].status == 404


async def test_a_hub_whose_database_is_gone_is_not_well(both, services):
    services.ledger._readers.dispose()
    services.config.database.unlink()
    services.config.database.mkdir()
    answer, text = await both(1, "/healthz")
    assert answer.status == 503 and "hub.storage" in text
    services.config.database.rmdir()


async def test_health_and_metrics_are_refused_on_an_open_address(config):
    where = Where("127.0.0.1:0", None, "0.0.0.0:0")
    with pytest.raises(LocalFault) as caught:
        await serve(config, where, asyncio.Event())
    assert caught.value.code == "hub.exposed"
