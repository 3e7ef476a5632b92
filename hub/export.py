"""Everything a hub knows in open formats, for whoever takes over: JSON lines in one ZIP file."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from hub import schema
from hub.store import Row, Store
from protocols.errors import WorldFault

_PAGE = 2000
READ_ME = """Everything one hub knew at one moment.

tables/<name>.jsonl   one row a line; columns as in tables.json, times in Unix s or ms (UTC)
records.jsonl         what nodes signed and sent, byte for byte as text

Media stand in the hub's folder blobs/, signed metadata in repository/: both are public as they are.
Keys, passwords and approvers' wrapped keys are left out.
"""


def write(store: Store, path: Path, now_s: int) -> dict[str, int]:
    """Write the ZIP file, whole or not at all; return the rows of every table.

    Raises `WorldFault("export.disk")`.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        counts = _write(store, draft, now_s)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise WorldFault(
            "export.disk", f"{path} was not written: {error}", "Choose a folder with free space."
        ) from error
    return counts


def _write(store: Store, path: Path, now_s: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    tables = {
        name: [column.name for column in table.columns if column.info != schema.PRIVATE]
        for name, table in schema.metadata.tables.items()
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("README.txt", READ_ME)
        file.writestr("tables.json", json.dumps({"at_s": now_s, "tables": tables}, indent=1))
        for name, columns in tables.items():
            with file.open(f"tables/{name}.jsonl", "w", force_zip64=True) as out:
                counts[name] = _table(store, name, columns, out)
    return counts


def _table(store: Store, name: str, columns: list[str], out: IO[bytes]) -> int:
    count = 0
    for row in _rows(store, name):
        line = {column: _plain(row[column]) for column in columns}
        out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        count += 1
    return count


def _rows(store: Store, name: str) -> Iterator[Row]:
    key = [column.name for column in schema.metadata.tables[name].primary_key.columns]
    after: list[object] | None = None
    while True:
        page = store.find(name, after=after, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = [page[-1][column] for column in key]


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
