"""What the province has taken: its own SQLite file, durable before it is answered."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS records (
  key TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, number INTEGER NOT NULL,
  taken INTEGER NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (
  kind TEXT, subject TEXT, number INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tallies (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS directives (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS media (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
"""


class Store:
    """Keep records once by key, and of each subject the newest state by number."""

    def __init__(self, path: Path | str):
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.execute("PRAGMA synchronous=FULL")
        self._base.executescript(_TABLES)
        row = self._base.execute("SELECT max(taken) FROM records").fetchone()
        self._taken = (row[0] or 0) + 1

    def close(self) -> None:
        """Release the file."""
        self._base.close()

    def held(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the bodies of those keys that were taken before."""
        asked = list(keys)
        marks = ",".join("?" * len(asked))
        query = f"SELECT key, body FROM records WHERE key IN ({marks})"  # noqa: S608
        return dict(self._base.execute(query, asked).fetchall())

    def take(self, kind: str, records: list[dict[str, Any]], again: int) -> None:
        """Store new records in one transaction and count those that came again."""
        rows, states = [], []
        for record in records:
            body = json.dumps(record, ensure_ascii=False, sort_keys=True)
            subject, number = record["ChuDe"], record["SoThuTu"]
            rows.append((record["MaBanGhi"], kind, subject, number, self._taken, body))
            states.append((kind, subject, number, body))
            self._taken += 1
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany("INSERT INTO records VALUES (?,?,?,?,?,?)", rows)
        self._base.executemany(
            "INSERT INTO states VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET "
            "number=excluded.number, body=excluded.body WHERE excluded.number > states.number",
            states,
        )
        self._count("taken", len(rows))
        self._count("again", again)
        self._base.execute("COMMIT")

    def _count(self, name: str, more: int) -> None:
        self._base.execute(
            "INSERT INTO tallies VALUES (?,?) ON CONFLICT DO UPDATE SET value=value+excluded.value",
            (name, more),
        )

    def tallies(self) -> dict[str, Any]:
        """Return how many records were taken, came again, and stand by kind."""
        found: dict[str, Any] = dict(self._base.execute("SELECT name, value FROM tallies"))
        query = "SELECT kind, count(*) FROM records GROUP BY kind"
        return {**found, "kinds": dict(self._base.execute(query))}

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Return every record of a kind in the order in which it was taken."""
        query = "SELECT body FROM records WHERE kind=? ORDER BY taken"
        return [json.loads(row[0]) for row in self._base.execute(query, (kind,))]

    def states(self, kind: str) -> list[dict[str, Any]]:
        """Return the newest record of every subject of a kind."""
        query = "SELECT body FROM states WHERE kind=? ORDER BY subject"
        return [json.loads(row[0]) for row in self._base.execute(query, (kind,))]

    def direct(self, directive: dict[str, Any]) -> int:
        """Append a directive and return its number."""
        row = self._base.execute("SELECT max(number) FROM directives").fetchone()
        number = (row[0] or 0) + 1
        body = json.dumps({**directive, "SoThuTu": number}, ensure_ascii=False)
        self._base.execute("INSERT INTO directives VALUES (?,?)", (number, body))
        return number

    def directives(self, after: int, most: int) -> list[dict[str, Any]]:
        """Return the directives after a number."""
        query = "SELECT body FROM directives WHERE number > ? ORDER BY number LIMIT ?"
        return [json.loads(row[0]) for row in self._base.execute(query, (after, most))]

    def keep(self, sha256: str, data: bytes) -> None:
        """Keep a file under its hash."""
        self._base.execute("INSERT OR IGNORE INTO media VALUES (?,?)", (sha256, data))

    def media(self, sha256: str) -> bytes | None:
        """Return a kept file."""
        query = "SELECT data FROM media WHERE sha256=?"
        row = self._base.execute(query, (sha256,)).fetchone()
        return None if row is None else bytes(row[0])
