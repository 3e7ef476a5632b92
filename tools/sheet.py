"""The acceptance sheet and the cabinet's label: one page each, printable anywhere.

The sheet is the node's own signed enrolment made readable; the paper itself stands inside the page,
so that the file proves what it says. The QR names node, digest and signature: it proves that a
print-out belongs to the enrolment that the hub holds.
"""

import base64
import binascii
import hashlib
import html
import io
import re

import segno

from protocols import enrolment, paper
from protocols.enrolment import Enrolment
from protocols.errors import RemoteFault
from protocols.kit import Kit
from protocols.limits import PAPER_BYTES_MAX
from protocols.paper import Paper
from tools import readings, signature
from tools.console import Console
from tools.context import date

_OPEN, _CLOSE = '<script type="application/json" id="paper">', "</script>"
CHECKS = ("relay", "meter", "tone", "line", "board", "modem", "clock")
# A telephone's picture, and a third more in base64.
PHOTO_BYTES_MAX = 8 * 1024 * 1024
SHEET_BYTES_MAX = 12 * 1024 * 1024
_PHOTO = '<img class="photo" alt="" src="data:image/jpeg;base64,'
_STYLE = """
@page { size: A4; margin: 15mm } body { font: 11pt/1.35 'Noto Sans', sans-serif; max-width: 180mm }
h1 { font-size: 16pt } table { border-collapse: collapse; width: 100% } td, th { text-align: left;
border-bottom: 1px solid #999; padding: 3px 6px } .qr { float: right; width: 38mm }
.label .qr { width: 26mm } .qr svg { width: 100% }
.facts { width: auto; max-width: 135mm } .bad { color:
#a00; font-weight: bold } .sign { margin-top: 12mm }
.photo { max-width: 100%; max-height: 70mm } @media print { .label { page-break-before:
always } } .label { border: 1px solid #000; width: 90mm; padding: 4mm; margin-top: 10mm }
"""


def page(
    console: Console, found: Enrolment, given: Paper, kit: Kit | None, photo: bytes = b""
) -> bytes:
    """Return the sheet with the label below it, as one HTML file; `photo` is a JPEG, or empty."""
    text = console.text
    rows = [
        (text("sheet_" + name), value)
        for name, value in (
            ("node", found.node),
            ("name", found.name),
            ("unit", _unit(found, kit)),
            ("key", enrolment.spoken(found.public_key)),
            ("replaces", found.replaces),
            ("map", _point(found)),
            ("technician", found.technician),
            ("time", _time(console, found)),
        )
        if value
    ]
    checks = [
        f"<tr><td>{_check(console, one.name)}</td>"
        f"<td class='{one.verdict}'>{text('visit_' + one.verdict)}</td>"
        f"<td>{html.escape(readings.told(console.language, one.readings))}</td>"
        for one in found.checks
    ]
    facts = "".join(f"<tr><th>{a}</th><td>{html.escape(b)}</td></tr>" for a, b in rows)
    body = (
        f"<h1>{text('sheet_title')}</h1><div class='qr'>{_qr(code(given))}</div>"
        f"<table class='facts'>{facts}</table>"
        f"<h2>{text('sheet_checks')}</h2><table>{''.join(checks)}</table>"
        f"{_picture(photo)}<p class='sign'>{text('sheet_sign')}</p>"
        f"<p><small>SHA-256 {given.digest()}</small></p>"
        f"<div class='label'><div class='qr'>{_qr(found.node)}</div><b>{html.escape(found.name)}"
        f"</b><br>{html.escape(_unit(found, kit))}<br>{found.node}</div>"
    )
    whole = (
        f"<!doctype html><html lang='{console.language}'><meta charset='utf-8'>"
        f"<title>{found.node}</title><style>{_STYLE}</style>{body}"
        f"{_OPEN}{given.encode().decode().replace('<', chr(92) + 'u003c')}{_CLOSE}</html>"
    )
    return whole.encode()


def _check(console: Console, name: str) -> str:
    """Return what a check is called; one of a later release keeps its own name."""
    known = (*CHECKS, "place")
    return console.text("check_" + name) if name in known else html.escape(name)


def code(given: Paper) -> str:
    """Return what the sheet's QR says."""
    signed = str(binascii.hexlify(given.signature), "ascii")
    return f"CHIENG:{given.body.value('node')}:{given.digest()}:{signed}"


def read(data: bytes) -> Paper:
    """Return the paper in a sheet (HTML) or in a bare enrolment file.

    Raises `RemoteFault` (`sheet.format`, `json.*`, `format.field`).
    """
    text = data[:SHEET_BYTES_MAX].decode("utf-8", "replace")
    found = re.search(re.escape(_OPEN) + "(.*?)" + re.escape(_CLOSE), text, re.DOTALL)
    if found is not None:
        data = found[1].encode()
    if len(data) > PAPER_BYTES_MAX:
        raise RemoteFault("sheet.format", "this is no acceptance sheet", "Choose the sheet's file.")
    return paper.read(data, enrolment.ENROLMENT)


def check_photo(data: bytes, found: Enrolment) -> None:
    """Raise `RemoteFault("sheet.signature")` for a photo that is not the one that was signed; a
    sheet that shows none claims none."""
    _, mark, rest = data.decode("utf-8", "replace").partition(_PHOTO)
    if not mark:
        return
    try:
        photo = base64.b64decode(rest.partition('"')[0], validate=True)
    except ValueError:
        photo = b""
    if hashlib.sha256(photo).hexdigest() != found.photo_sha256:
        remedy = "Take the sheet as it was first written."
        raise RemoteFault("sheet.signature", "the photo is not the one that was signed", remedy)


def _picture(photo: bytes) -> str:
    return _PHOTO + base64.b64encode(photo).decode() + '">' if photo else ""


def verify(given: Paper) -> Enrolment:
    """Return what a sheet says after checking that its node signed it.

    Raises `RemoteFault("sheet.signature")`.
    """
    found = enrolment.read_enrolment(given)
    if not signature.is_by(found.public_key, given):
        raise RemoteFault(
            "sheet.signature", "the sheet was changed", "Read it from the node again: node info."
        )
    return found


def _qr(text: str) -> str:
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", xmldecl=False, omitsize=True)
    return out.getvalue().decode()


def _unit(found: Enrolment, kit: Kit | None) -> str:
    place = kit.places.get(found.unit) if kit is not None else None
    if place is None:
        return ", ".join(one for one in (found.hamlet, found.unit) if one)
    hamlet = dict(place.hamlets).get(found.hamlet, found.hamlet)
    parts = [hamlet, place.name, *place.above]
    return ", ".join(one for one in parts if one) + f" ({found.unit})"


def _point(found: Enrolment) -> str:
    if found.place_e6 is None:
        return ""
    return f"{found.place_e6[0] / 1e6:.6f}, {found.place_e6[1] / 1e6:.6f}"


def _time(console: Console, found: Enrolment) -> str:
    made = date(found.made_ms / 1000) if found.made_ms is not None else "—"
    clock = console.text("sheet_clock", clock=found.clock)
    return f"{made} ({clock}); {console.text('sheet_laptop')} {date(found.laptop_s)}"
