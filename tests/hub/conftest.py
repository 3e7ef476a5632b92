"""What the hub's tests share."""

import pytest

from hub.database import Database
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
