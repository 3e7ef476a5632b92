"""Lists that a province hands out as CSV: topics, codes of units. Bounded, checked line by line."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from protocols.errors import RemoteFault

LIST_BYTES_MAX = 256 * 1024
ROWS_MAX = 2000
_LETTERS_MAX = 200


def file_bytes(path: Path) -> bytes:
    """Return a list's bytes, cut one above what `read` takes."""
    with path.open("rb") as file:
        return file.read(LIST_BYTES_MAX + 1)


def read(data: bytes, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV list; the first column tells them apart.

    Every named column is filled in every row; others are left out. Raises
    `RemoteFault("list.broken")`.
    """
    try:
        if len(data) > LIST_BYTES_MAX:
            raise ValueError(f"more than {LIST_BYTES_MAX} bytes")
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True)
        if rows.fieldnames is None or not set(columns) <= set(rows.fieldnames):
            raise ValueError("the columns " + ", ".join(columns) + " are not all there")
        found, seen = [], set()
        for row in rows:
            one = {name: (row[name] or "").strip() for name in columns}
            is_good = all(0 < len(text) <= _LETTERS_MAX for text in one.values())
            if not is_good or one[columns[0]] in seen:
                raise ValueError(f"line {rows.line_num}: something is empty, too long or twice")
            seen.add(one[columns[0]])
            found.append(one)
        if not 1 <= len(found) <= ROWS_MAX:
            raise ValueError(f"{len(found)} rows; 1 to {ROWS_MAX} are read")
    except (ValueError, csv.Error) as error:
        raise RemoteFault("list.broken", f"no such list: {error}", "Correct the file.") from None
    return found
