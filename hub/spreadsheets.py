"""Tables for spreadsheets: CSV that Excel opens as UTF-8, and XLSX; nothing becomes a formula."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Excel reads a CSV as UTF-8 only behind this mark.
MARK = "\ufeff".encode()
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: Any) -> Any:
    """Return a value that a spreadsheet does not take for a formula (OWASP: CSV injection)."""
    return "'" + value if isinstance(value, str) and value[:1] in _RISKY else value


def csv_lines(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as CSV, without the mark."""
    out = io.StringIO()
    csv.writer(out).writerows([[harmless(value) for value in row] for row in rows])
    return out.getvalue().encode()


def xlsx(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return one sheet as XLSX; texts stay texts whatever they begin with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    cells = []
    for name in head:
        cell = WriteOnlyCell(sheet, value=name)
        cell.font = Font(bold=True)
        cells.append(cell)
    sheet.append(cells)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: Any) -> Any:
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell
