"""Search without diacritics at ten thousand nodes, bulletins and units, on SQLite and PostgreSQL.

The hub folds names, and the words of bulletins' texts, when it stores them, and looks for parts
(`LIKE`). Bulletins are asked as their page asks, each with 1.5 KB of real Vietnamese (the page's
own). Peer in the same run: SQLite's FTS5 over the same folded names and whole texts, which finds
beginnings of words. Prints `name value goal`.
"""

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

from hub import bulletin_list, bulletins, translations
from hub.database import Database
from hub.folding import fold
from hub.store import Holds, Store
from tests.bench.station import say
from tests.hub import postgres

COUNT, ROUNDS, GOAL_MS = 10_000, 40, 300
LETTERS = 1500
CLOCK = bulletin_list.Clock(1_795_000_000, 420)
CATALOGUE = Path(translations.__file__).parent / "locale/vi/LC_MESSAGES/chieng.po"
WORDS = (
    "Làng Thôn Xóm Ngã Ba Đồng Đò Nhà Rông Chợ Trường Ủy Ban Bến Xe Cầu Suối Kon Chiêng Ia Thử "
    "Plei Cụm Tổ Dân Phố Sông Hồ Đập"
).split()
PEER = '"dong do"* suoi*'
TWO, NONE = ("dong do", "suoi"), ("khongco",)


def names() -> list[str]:
    """Return as many names as there are nodes, bulletins and units; always the same."""
    chance = random.Random(1)
    return [f"{' '.join(chance.choices(WORDS, k=4))} {number}" for number in range(COUNT)]


def _node(number: int, name: str) -> dict[str, Any]:
    row = {"node": f"n{number}", "unit": f"03.u{number % 135}", "kind": "speaker", "name": name}
    row.update(groups_json="[]", public_key=str(number), state="enrolled", registered_s=1)
    return {**row, "search": fold(f"{name} n{number}")}


@cache
def texts() -> list[str]:
    """Return a text for each bulletin, cut from running Vietnamese; always the same."""
    with CATALOGUE.open("rb") as file:
        whole = " ".join(str(one.string) for one in read_po(file, "vi"))
    chance = random.Random(2)
    starts = [chance.randrange(len(whole) - LETTERS) for _ in range(COUNT)]
    return [whole[start : start + LETTERS] for start in starts]


def _version(number: int, name: str) -> dict[str, Any]:
    row = {"bulletin": f"b{number:012}", "version": 1, "title": name, "language": "vi-VN"}
    row.update(dict.fromkeys(("topic", "board_text", "voice", "spoken"), ""))
    row.update(dict.fromkeys(("hamlets_json", "timing_json", "renditions_json"), "[]"))
    text = texts()[number]
    row["search"] = bulletins.search_text(f"b{number:012}", name, text, "", ())
    return {**row, "frames_json": "[]", "class": "normal", "text": text, "created_s": number}


def _bulletin(number: int) -> dict[str, Any]:
    row = {"bulletin": f"b{number:012}", "unit": "03.u1", "version": 1, "state": "published"}
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


def _bulletins(words: tuple[str, ...]) -> Callable[[Store], Any]:
    asked = bulletin_list.read({"q": " ".join(words)})
    return lambda store: bulletin_list.found(store, asked, CLOCK, {}, None)


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
    db.execute("CREATE VIRTUAL TABLE told USING fts5 (bulletin UNINDEXED, search)")
    both = zip(names(), texts(), strict=True)
    rows = [(f"b{number}", fold(" ".join(one))) for number, one in enumerate(both)]
    db.executemany("INSERT INTO told VALUES (?, ?)", rows)
    db.commit()
    return db


def main() -> None:
    """Fill both databases and the peer, ask, print."""
    with tempfile.TemporaryDirectory() as folder:
        peer = _peer(Path(folder) / "peer")
        for what, table in (("nodes", "found"), ("bulletins", "told")):
            query = f"SELECT * FROM {table} WHERE {table} MATCH ? LIMIT 50"
            took = p95(lambda asked=query: peer.execute(asked, (PEER,)).fetchall())  # type: ignore
            say(f"FTS5, {what}, two words, p95, ms", f"{took:.1f}")
        where = {"SQLite": Path(folder) / "hub", "PostgreSQL": postgres.cluster().fresh()}
        for kind, place in where.items():
            database = Database(place)
            database.submit(fill).result()
            for name, ask in (
                ("nodes, two words", _nodes(TWO)),
                ("nodes, no such", _nodes(NONE)),
                ("bulletins, two words", _bulletins(TWO)),
                ("bulletins, no such", _bulletins(NONE)),
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
