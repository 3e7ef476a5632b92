"""Where a hub keeps its files and which clock it reads."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hub.facts import DEFAULT_OFFSET_MIN


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Config:
    """Hold one hub's folder and settings.

    `utc_offset_min` is the province's wall clock, `now_ms` the hub's (Unix UTC, ms), `start_lead_s`
    how long after approval a bulletin "for now" starts, so that nodes have fetched it by then.
    `public_name` is the host name under which pages are offered over TLS; None offers them on this
    machine alone. `database_url` is the address of a PostgreSQL database; None is SQLite.
    """

    data: Path
    utc_offset_min: int = DEFAULT_OFFSET_MIN
    start_lead_s: int = 60
    public_name: str | None = None
    database_url: str | None = None
    now_ms: Callable[[], int] = _wall_ms

    @property
    def where(self) -> Path | str:
        """Return the database's address, or the path of the SQLite file."""
        return self.database_url or self.database

    @property
    def database(self) -> Path:
        """Return the path of the SQLite file."""
        return self.data / "chieng.sqlite3"

    @property
    def blobs(self) -> Path:
        """Return the folder of content-addressed media."""
        return self.data / "blobs"

    @property
    def repository(self) -> Path:
        """Return the folder of the TUF repository."""
        return self.data / "repository"

    @property
    def online_keys(self) -> Path:
        """Return the folder of the hub's own keys."""
        return self.data / "keys" / "online"

    @property
    def work(self) -> Path:
        """Return the folder for files being made; it is emptied at start."""
        return self.data / "work"

    @property
    def uploads(self) -> Path:
        """Return the folder of recordings that are on their way."""
        return self.data / "uploads"
