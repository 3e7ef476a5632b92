"""What the hub's tests share."""

import asyncio
import contextlib
import shutil
from pathlib import Path

import aiohttp
import pytest

from hub import accounts, fleet, founding, roles, sessions
from hub.app import create_node_app
from hub.approvers import generate
from hub.config import Config
from hub.database import Database, migrate
from hub.enrolment import enrol_unit
from hub.main import event_loop
from hub.repository import wrapped_key
from hub.services import open_hub
from hub.serving import Listener
from hub.store import Ledger
from hub.store_memory import MemoryLedger
from tests.hub import postgres


@pytest.fixture(scope="session", autouse=True)
def no_server_left():
    """Stop this process's PostgreSQL, if any test has started it."""
    yield
    postgres.stop()


@pytest.fixture(scope="session")
def ready_file(tmp_path_factory):
    """Give a database file with the hub's tables and no row, to be copied."""
    path = tmp_path_factory.mktemp("ready") / "chieng.sqlite3"
    migrate(path)
    return path


class Together(Ledger):
    """Run every decision as one that may be run twice, on rows in memory."""

    def __init__(self, database):
        self.read = database.read
        self.write = database.write_small


@pytest.fixture(params=["sql", "together", "postgresql", "memory"])
def ledger(request, tmp_path, ready_file):
    """Give each adapter of the store port in turn."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    is_file = request.param != "postgresql"
    where = Path(shutil.copy(ready_file, tmp_path)) if is_file else postgres.emptied()
    database = Database(where)
    yield Together(database) if request.param == "together" else database
    database.close()


PROVINCE, COMMUNE = "00.prov", "03.k7f2"
TODAY = "2025-07-01"


def unit_row(unit, name, kind="commune", parent=None):
    """Return a row of `units` in force since 2025."""
    return {"unit": unit, "valid_from": TODAY, "name": name, "kind": kind, "parent": parent}


async def enrol(config, registrar):
    """Put a province and a commune with two approvers in force; return their passphrases."""
    services, database = open_hub(config)
    now_s = services.now_s()
    found = {}
    for unit, name, kind, parent, approvers in (
        (PROVINCE, "Tỉnh Thử Nghiệm", "province", None, ["tinh-1"]),
        (COMMUNE, "Xã Ia Thử", "commune", PROVINCE, ["xa-1", "xa-2"]),
    ):
        fresh = [generate(one, unit, f"Người duyệt {one}") for one in approvers]
        row = unit_row(unit, name, kind, parent)
        await enrol_unit(services, row, fresh, registrar, 1, now_s)
        found.update({one.sheet.holder: one.sheet.passphrase for one in fresh})
    for hamlet, name in (("lang-kon", "Làng Kon Chiêng"), ("thon-2", "Thôn 2")):
        await services.ledger.write(
            lambda s, h=hamlet, n=name: fleet.add_hamlet(s, COMMUNE, h, n, "test", now_s)
        )
    database.close()
    return found


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    """Found one hub for all tests; give its folder and every passphrase by holder."""
    folder = tmp_path_factory.mktemp("founded")
    config = Config(data=folder / "hub")
    now_s = config.now_ms() // 1000
    sheets = founding.found(config, ["00", "03"], folder / "stick", now_s)
    passphrases = {sheet.holder: sheet.passphrase for sheet in sheets}
    # Hundreds of tests open these keys again; each says itself what that costs.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrapped_key, "COST", wrapped_key.Cost(memory_kib=8, passes=1))
        passphrases.update(asyncio.run(enrol(config, passphrases["registrar-1"])))
    return config.data, passphrases


@pytest.fixture
def passphrases(founded):
    """Give every passphrase of the founded hub by holder."""
    return founded[1]


@pytest.fixture
def config(founded, tmp_path):
    """Give a copy of the founded hub's folder for one test."""
    shutil.copytree(founded[0], tmp_path / "hub")
    return Config(data=tmp_path / "hub", start_lead_s=5)


@pytest.fixture
def services(config):
    """Give one founded hub's parts."""
    opened, database = open_hub(config)
    yield opened
    database.close()


@contextlib.asynccontextmanager
async def serving(app):
    """Serve an application on a real socket of this machine."""
    served = Listener(app)
    await served.start("127.0.0.1", 0)
    try:
        yield served
    finally:
        await served.close()


WHOLE = tuple(roles.Grant(role, roles.EVERYWHERE) for role in roles.ROLES)


async def signed_in(services, account="thu-nghiem", grants=WHOLE, strong=False):
    """Open a session of an account with some grants; return its cookie."""
    now_s = services.now_s()

    def open_it(store):
        if store.get("accounts", account) is None:
            accounts.add(store, account, f"Tài khoản {account}", "test", now_s)
        for one in grants:
            accounts.grant(store, account, one, "test", now_s)
        row = accounts.active(store, account)
        return sessions.open_session(store, row, "test", strong, now_s)

    return {sessions.cookie_name(services): await services.ledger.write(open_it)}


def pytest_asyncio_loop_factories(config, item):
    """Run the tests at the sockets under both event loops that a hub may have."""
    both = {"python": asyncio.new_event_loop, "uvloop": event_loop()}
    at_sockets = item.path.name in ("test_events.py", "test_serving.py", "test_file_watch.py")
    return both if at_sockets else {"python": asyncio.new_event_loop}


@pytest.fixture
async def listener(services):
    """Serve the node-facing endpoints."""
    async with serving(create_node_app(services)) as served:
        yield served


@pytest.fixture
async def hub(listener):
    """Give `await hub(method, path, **options)` as (response, body)."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as session:

        async def ask(method, path, **options):
            async with session.request(method, path, **options) as response:
                return response, await response.read()

        yield ask
