"""The part of a form that says on which days: lunar days, Tết and around, days left out."""

import re
from datetime import date
from typing import Any

from hub.form import Form
from protocols.errors import RemoteFault

BLANK: dict[str, Any] = {
    "lunar": [],
    "lunar_days": "",
    "tet_from": "",
    "tet_to": "",
    "except_days": "",
}
# Each month's first and fifteenth have a box of their own.
BOXES = ("1", "15")
TET_DAYS_MAX = 30
_TET = re.compile(r"tet([+-]?[0-9]{1,2})")
_LOCAL = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("timing." + code, message, remedy)


def typed(sent: Form) -> dict[str, Any]:
    """Return what was typed."""
    found = {name: sent.one(name) for name in BLANK if name != "lunar"}
    return {**found, "lunar": [one for one in sent.all("lunar") if one in BOXES]}


def read(values: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the lunar days as tokens (`hub.lunar`) and the days left out (ISO).

    Raises `RemoteFault` (`timing.tet`, `timing.except`); tokens are checked where they are used.
    """
    tokens = [*values["lunar"], *values["lunar_days"].replace(",", " ").split()]
    if values["tet_from"].strip() or values["tet_to"].strip():
        before, after = _days(values["tet_from"]), _days(values["tet_to"])
        tokens += ["tet" + (f"{one:+}" if one else "0") for one in range(-before, after + 1)]
    excepted = [_day(one) for one in values["except_days"].replace(",", " ").split()]
    return tokens, sorted(set(excepted))


def _days(text: str) -> int:
    clean = text.strip() or "0"
    is_number = clean.isascii() and clean.isdigit() and len(clean) < 4
    if not is_number or int(clean) > TET_DAYS_MAX:
        raise _refuse("tet", "days around Tết are no number", f"Write 0 to {TET_DAYS_MAX}.")
    return int(clean)


def _day(text: str) -> str:
    local = _LOCAL.fullmatch(text)
    iso = f"{local[3]}-{int(local[2]):02}-{int(local[1]):02}" if local else text
    try:
        return date.fromisoformat(iso).isoformat()
    except ValueError:
        raise _refuse("except", f"{text[:20]!r} is no day", "Write 24/12/2026.") from None


def shown(when: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of what stands."""
    tokens = when.get("lunar", [])
    tet = [int(found[1]) for one in tokens if (found := _TET.fullmatch(one))]
    days = [date.fromisoformat(one) for one in when.get("except", [])]
    return {
        "lunar": [one for one in tokens if one in BOXES],
        "lunar_days": " ".join(
            one for one in tokens if one not in BOXES and not _TET.fullmatch(one)
        ),
        "tet_from": str(-min(tet)) if tet else "",
        "tet_to": str(max(tet)) if tet else "",
        "except_days": " ".join(f"{one:%d/%m/%Y}" for one in days),
    }
