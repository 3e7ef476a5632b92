"""The described API is the served one: no undocumented route or answer, no server error."""

import asyncio
import threading

import hypothesis
import msgspec
import openapi_spec_validator
import pytest
from aiohttp import web

from hub import api_types, enrolment_api, openapi
from hub.answers import fault_body
from hub.app import create_node_app
from hub.serving import Listener
from protocols import paper, records
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE

EXAMPLES = 12
CHECKED = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]


def test_every_node_facing_route_is_described_and_nothing_else(services):
    app = create_node_app(services)
    assert openapi.routes(app) == set(openapi.OPERATIONS)
    openapi_spec_validator.validate(openapi.describe(app))
    app.add_routes([web.get("/v1/new", enrolment_api.post)])
    assert openapi.routes(app) != set(openapi.OPERATIONS), "the comparison must see a new route"


def test_what_nodes_really_send_and_get_fits_the_described_types():
    entry = records.Chain("loa-1", "plays", "0" * 16).build(1, "hub", 0, "play", {"item": "a"})
    batch = records.build_batch("loa-1", "plays", "0" * 16, 0, [entry.data])
    answer = records.build_answer("plays", "0" * 16, 1, 2, "n")
    sealed = paper.seal("chieng-ticket", {"unit": COMMUNE}, lambda message: b"s" * 64)
    for data, kind in (
        (batch, api_types.Batch),
        (answer, api_types.BatchAnswer),
        (sealed.encode(), api_types.Paper),
        (fault_body(RemoteFault("a.b", "c", "d")), api_types.Fault),
    ):
        assert msgspec.json.decode(data, type=kind)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(batch.replace(b'"after":0', b'"after":-1'), type=api_types.Batch)


class Served:
    """Serve an application in a thread of its own, for clients that know no event loop."""

    def __init__(self, make):
        self._make = make
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        asyncio.run(self._main())

    async def _main(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        listener = Listener(self._make())
        await listener.start("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listener.port}"
        self._started.set()
        await self._stop.wait()
        await listener.close()

    def __enter__(self):
        self._thread.start()
        assert self._started.wait(20)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)


@pytest.fixture
def served(services):
    with Served(lambda: create_node_app(services)) as one:
        yield one.url


@pytest.mark.filterwarnings("ignore")
def test_schemathesis_finds_no_undocumented_answer(served, services):
    # Slow to load, and needed nowhere else.
    import schemathesis
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    checks = CHECKS.get_by_names(CHECKED)
    schema = schemathesis.openapi.from_url(served + openapi.PATH)
    # A stream never ends; `test_events` reads it.
    tried = 0
    for result in schema.exclude(path="/v1/events").get_all_operations():
        operation = result.ok()

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy())
        def trying(case):
            nonlocal tried
            tried += 1
            if "unit" in case.path_parameters and tried % 2:
                case.path_parameters["unit"] = COMMUNE
            response = case.call(timeout=20)
            case.validate_response(response, checks=checks)

        trying()
    assert tried > 6 * 5
