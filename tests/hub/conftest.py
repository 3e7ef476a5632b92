"""What the hub's tests share."""

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.app import create_node_app
from hub.blobs import Blobs
from hub.config import Config
from hub.database import Database
from hub.services import AnswerKey, Services
from hub.serving import Listener
from hub.store_memory import MemoryLedger


@pytest.fixture(params=["sql", "memory"])
def ledger(request, tmp_path):
    """Give each adapter of the store port in turn."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    database = Database(tmp_path / "chieng.sqlite3")
    yield database
    database.close()


@pytest.fixture
def answer_private():
    """Give the key that stands for the hub's timestamp key."""
    return Ed25519PrivateKey.generate()


@pytest.fixture
def services(tmp_path, answer_private):
    """Give one hub's parts over a fresh folder."""
    config = Config(data=tmp_path)
    database = Database(config.database)
    key = AnswerKey("ab" * 32, answer_private.sign)
    yield Services(config, database, Blobs(config.blobs), key)
    database.close()


@pytest.fixture
async def listener(services):
    """Serve the node-facing endpoints on a real socket."""
    served = Listener(create_node_app(services))
    await served.start("127.0.0.1", 0)
    yield served
    await served.close()


@pytest.fixture
async def hub(listener):
    """Give `await hub(method, path, **options)` as (response, body)."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as session:

        async def ask(method, path, **options):
            async with session.request(method, path, **options) as response:
                return response, await response.read()

        yield ask
