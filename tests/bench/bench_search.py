"""Search without diacritics at ten thousand nodes, bulletins and units, on SQLite and PostgreSQL.

The hub folds names when it stores them and looks for parts (`LIKE`); titles of bulletins, which no
page searches yet, are looked through the same way. Peer in the same run: SQLite's FTS5 over the
same folded texts, which finds beginnings of words. Prints `name value goal`.
"""

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.database import Database
from hub.folding import fold
from hub.store import Holds, Store
from tests.bench.station import say
from tests.hub import postgres

COUNT, ROUNDS, GOAL_MS = 10_000, 40, 300
WORDS = (
    "Làng Thôn Xóm Ngã Ba Đồng Đò Nhà Rông Chợ Trường Ủy Ban Bến Xe Cầu Suối Kon Chiêng Ia Thử "
    "Plei Cụm Tổ Dân Phố Sông Hồ Đập"
).split()
TWO, NONE = ("dong do", "suoi"), ("khong co",)


def names() -> list[str]:
    """Return as many names as there are nodes, bulletins and units; always the same."""
    chance = random.Random(1)
    return [f"{' '.join(chance.choices(WORDS, k=4))} {number}" for number in range(COUNT)]


def _node(number: int, name: str) -> dict[str, Any]:
    row = {"node": f"n{number}", "unit": f"03.u{number % 135}", "kind": "speaker", "name": name}
    row.update(groups_json="[]", public_key=str(number), state="enrolled", registered_s=1)
    return {**row, "search": fold(f"{name} n{number}")}


def _version(number: int, name: str) -> dict[str, Any]:
    row = {"bulletin": f"b{number}", "version": 1, "title": fold(name), "language": "vi-VN"}
    row.update(dict.fromkeys(("topic", "board_text", "voice", "spoken"), ""))
    row.update(dict.fromkeys(("hamlets_json", "timing_json", "renditions_json"), "[]"))
    return {**row, "frames_json": "[]", "class": "normal", "text": name * 50, "created_s": number}


def _bulletin(number: int) -> dict[str, Any]:
    row = {"bulletin": f"b{number}", "unit": "03.u1", "version": 1, "state": "on_air"}
    return {**row, "created_s": number, "changed_s": number}


def fill(store: Store) -> None:
    """Add nodes and bulletins."""
    some = list(enumerate(names()))
    store.add_many("nodes", [_node(number, name) for number, name in some])
    store.add_many("bulletins", [_bulletin(number) for number, _ in some])
    store.add_many("bulletin_versions", [_version(number, name) for number, name in some])


def _nodes(words: tuple[str, ...]) -> Callable[[Store], Any]:
    where = {"search": Holds(words)}
    return lambda store: store.find("nodes", where, order=["unit", "name"], limit=50)


def _titles(words: tuple[str, ...]) -> Callable[[Store], Any]:
    return lambda store: store.find("bulletin_versions", {"title": Holds(words)}, limit=50)


def p95(ask: Callable[[], Any]) -> float:
    """Return the 95th percentile of a question, in milliseconds."""
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        ask()
        took.append((time.perf_counter() - start) * 1000)
    return statistics.quantiles(took, n=20)[-1]


def _peer(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    db.execute("CREATE VIRTUAL TABLE found USING fts5 (node UNINDEXED, search)")
    rows = [(f"n{number}", fold(f"{name} n{number}")) for number, name in enumerate(names())]
    db.executemany("INSERT INTO found VALUES (?, ?)", rows)
    db.commit()
    return db


def main() -> None:
    """Fill both databases and the peer, ask, print."""
    with tempfile.TemporaryDirectory() as folder:
        peer = _peer(Path(folder) / "peer")
        query = ("SELECT node FROM found WHERE found MATCH ? LIMIT 50", ('"dong do"* suoi*',))
        quick = p95(lambda: peer.execute(*query).fetchall())
        say("FTS5, two words, p95, ms", f"{quick:.1f}")
        where = {"SQLite": Path(folder) / "hub", "PostgreSQL": postgres.cluster().fresh()}
        for kind, place in where.items():
            database = Database(place)
            database.submit(fill).result()
            for name, ask in (
                ("nodes, two words", _nodes(TWO)),
                ("nodes, no such", _nodes(NONE)),
                ("bulletins, two words", _titles(TWO)),
                ("bulletins, no such", _titles(NONE)),
            ):
                took = p95(lambda ask=ask, hub=database: hub.read_now(ask))  # type: ignore[misc]
                say(f"{kind}, {name}, p95, ms", f"{took:.1f}", f"<= {GOAL_MS}")
            database.close()
        some = names()
        took = p95(lambda: [one for one in some if "dong do" in fold(one)])
        say("units, folded when asked for, p95, ms", f"{took:.1f}", f"<= {GOAL_MS}")
        peer.close()


if __name__ == "__main__":
    main()
