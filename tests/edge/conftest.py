"""The TUF client in each of its bodies.

A test that takes `world` runs in this process and, through one long-lived interpreter each, on
both MicroPythons; `world(...)` makes a repository and a client of it.
"""

import pytest

from tests.edge.clients import BODIES, Loop
from tests.edge.repository import Repository


@pytest.fixture(params=list(BODIES))
def world(request, tmp_path):
    """Make (repository, client); the arguments are the repository's."""

    def make(**options):
        repository = Repository(**options)
        return repository, BODIES[request.param](tmp_path, repository)

    return make


@pytest.fixture(scope="session", autouse=True)
def _interpreters():
    yield
    Loop.stop_all()
