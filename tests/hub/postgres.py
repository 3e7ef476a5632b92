"""A private PostgreSQL cluster: one for each test process, on a Unix socket, gone with it."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from hub import schema
from hub.database import migrate

# Nothing here outlives the tests, so nothing has to reach the disk; and no test waits for ever for
# what another has left locked.
SETTINGS = {
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "50",
    "shared_buffers": "16MB",
    "autovacuum": "off",
}


def programs() -> Path:
    """Return the folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[4])
    if not found:
        raise RuntimeError("no PostgreSQL: run make setup (Debian's package postgresql)")
    return found[-1].parent


def _owned() -> list[str]:
    """Return the words that run a program as somebody else than root, whom the server refuses.

    The server ends with the tests, however these end.
    """
    words = ["setpriv", "--pdeathsig", "QUIT"]
    if os.getuid() == 0:
        words += ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    return words


class Cluster:
    """Run one server under a folder of its own."""

    def __init__(self, **settings: str):
        self.folder = Path(tempfile.mkdtemp(prefix="chieng-pg-"))
        if os.getuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
        data = self.folder / "data"
        words = ["--no-sync", "--auth=trust", "--username=chieng", "--encoding=UTF8"]
        # It sorts as Vietnamese does, which the hub's tables must not.
        words += ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=vi", "-D", str(data)]
        done = self._start("initdb", *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = done.communicate(timeout=120)
        if done.returncode:
            raise RuntimeError(said.decode())
        given = {**SETTINGS, **settings, "unix_socket_directories": str(self.folder)}
        options = [f"--{name}={value}" for name, value in given.items()]
        with (self.folder / "log").open("wb") as log:
            words = ["-D", str(data), *options]
            self._server = self._start("postgres", *words, stdout=log, stderr=log)
        self._wait()

    def _start(self, program: str, *words: str, **options: Any) -> "subprocess.Popen[bytes]":
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"}
        whole = [*_owned(), str(programs() / program), *words]
        return subprocess.Popen(whole, cwd="/", env=environment, **options)

    def _wait(self) -> None:
        for _ in range(400):
            try:
                psycopg.connect(self.address("postgres")).close()
            except psycopg.OperationalError:
                if self._server.poll() is not None:
                    break
                time.sleep(0.02)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text())

    def address(self, name: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://chieng@/{name}?host={self.folder}&connect_timeout=20"

    def fresh(self) -> str:
        """Make an empty database and return its address."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.do(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        return self.address(name)

    def do(self, statement: str, name: str = "postgres") -> None:
        """Run a statement as the server's owner."""
        with psycopg.connect(self.address(name), autocommit=True) as connection:
            connection.execute(statement)

    def close(self) -> None:
        """Stop the server at once and remove its folder."""
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def cluster() -> Cluster:
    """Start this process's cluster, once."""
    started = Cluster()
    atexit.register(started.close)
    return started


def stop() -> None:
    """Stop this process's cluster, if it runs: workers of the tests end without `atexit`."""
    if cluster.cache_info().currsize:
        cluster().close()
        atexit.unregister(cluster().close)
        cluster.cache_clear()
        _shared.cache_clear()


@cache
def _shared() -> str:
    address = cluster().fresh()
    migrate(address)
    return address


def emptied() -> str:
    """Return the address of a database with the hub's tables and no row, for one test at a time."""
    with psycopg.connect(_shared()) as connection:
        connection.execute("SET session_replication_role = replica")
        for name in schema.metadata.tables:
            connection.execute(f"DELETE FROM {name}")
    return _shared()
