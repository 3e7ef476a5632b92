"""Read CAP 1.2 strictly: elements in their places, words of their lists, times with a zone.

Tables follow the published schema (CAP-v1.2.xsd); what the text of the specification asks for
beyond it (closed polygons, references, names without spaces) is checked as well. Attributes are
passed over, altitude and ceiling are checked and left out. Faults name the element.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from hub.cap import message, tree
from hub.cap.message import Area, Circle, Code, Info, Message, Point, Reference
from hub.cap.tree import Node
from protocols.errors import RemoteFault
from protocols.hub_limits import (
    CAP_BYTES_MAX,
    CAP_CIRCLES_MAX,
    CAP_POINTS_MAX,
    CAP_REFERENCES_MAX,
    CAP_WORD_BYTES_MAX,
)
from protocols.limits import EPOCH_S_MAX

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"
# The specification's own, where a part names no language.
LANGUAGE = "en-US"

# Name, how often at least, whether more than once; in the schema's order.
Line = tuple[str, int, bool]
_ALERT: tuple[Line, ...] = (
    ("identifier", 1, False),
    ("sender", 1, False),
    ("sent", 1, False),
    ("status", 1, False),
    ("msgType", 1, False),
    ("source", 0, False),
    ("scope", 1, False),
    ("restriction", 0, False),
    ("addresses", 0, False),
    ("code", 0, True),
    ("note", 0, False),
    ("references", 0, False),
    ("incidents", 0, False),
    ("info", 0, True),
)
_INFO: tuple[Line, ...] = (
    ("language", 0, False),
    ("category", 1, True),
    ("event", 1, False),
    ("responseType", 0, True),
    ("urgency", 1, False),
    ("severity", 1, False),
    ("certainty", 1, False),
    ("audience", 0, False),
    ("eventCode", 0, True),
    ("effective", 0, False),
    ("onset", 0, False),
    ("expires", 0, False),
    ("senderName", 0, False),
    ("headline", 0, False),
    ("description", 0, False),
    ("instruction", 0, False),
    ("web", 0, False),
    ("contact", 0, False),
    ("parameter", 0, True),
    ("resource", 0, True),
    ("area", 0, True),
)
_RESOURCE: tuple[Line, ...] = (
    ("resourceDesc", 1, False),
    ("mimeType", 1, False),
    ("size", 0, False),
    ("uri", 0, False),
    ("derefUri", 0, False),
    ("digest", 0, False),
)
_AREA: tuple[Line, ...] = (
    ("areaDesc", 1, False),
    ("polygon", 0, True),
    ("circle", 0, True),
    ("geocode", 0, True),
    ("altitude", 0, False),
    ("ceiling", 0, False),
)
_PAIR: tuple[Line, ...] = (("valueName", 1, False), ("value", 1, False))

_WORDS = {
    "status": "Actual Exercise System Test Draft",
    "msgType": "Alert Update Cancel Ack Error",
    "scope": "Public Restricted Private",
    "category": "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
    "responseType": "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None",
    "urgency": "Immediate Expected Future Past Unknown",
    "severity": "Extreme Severe Moderate Minor Unknown",
    "certainty": "Observed Likely Possible Unlikely Unknown",
}
_LISTS = {name: tuple(words.split()) for name, words in _WORDS.items()}
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_NUMBER = re.compile(r"[+-]?([0-9]{1,9}(\.[0-9]{0,20})?|\.[0-9]{1,20})")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_WHOLE = re.compile(r"[+-]?[0-9]+")
# What XML calls white space, and nothing else that Python does.
_BLANK = " \t\r\n"
_EARTH_M = 20_100_000


def _refuse(path: str, what: str, remedy: str) -> RemoteFault:
    shown = what if len(what) <= 160 else what[:160] + "…"
    return RemoteFault("cap.element", f"{path}: {shown}", remedy)


def read(data: bytes) -> Message:
    """Return the message in a file; raises `RemoteFault` `cap.size`, `cap.xml`, `cap.element`."""
    return from_tree(tree.parse(data, CAP_BYTES_MAX))


def from_tree(root: Node) -> Message:
    """Return the message of a parsed document."""
    if (root.namespace, root.name) != (NAMESPACE, "alert"):
        raise _refuse(
            root.name or "-",
            f"is not the alert of CAP 1.2 but of {root.namespace or 'no namespace'}",
            f"Ask for CAP 1.2: <alert xmlns={NAMESPACE!r}>.",
        )
    signatures = [one for one in root.children if one.namespace == SIGNATURES]
    tail = root.children[len(root.children) - len(signatures) :]
    if any(one.namespace != SIGNATURES for one in tail):
        raise _refuse("alert/Signature", "stands between other elements", "Put it last.")
    own = root._replace(children=root.children[: len(root.children) - len(signatures)])
    found = _children(own, "alert", _ALERT)
    for name in ("source", "code", "incidents"):
        _texts(found, name, "alert")
    kind = _word(found, "msgType", "alert")
    scope = _word(found, "scope", "alert")
    references = _references(found)
    if kind in (message.UPDATE, message.CANCEL) and not references:
        raise _refuse("alert/references", f"is missing in a {kind}", "Name what it replaces.")
    budget = [CAP_POINTS_MAX, CAP_CIRCLES_MAX]
    infos = [
        _info(one, f"alert/info[{place}]", budget) for place, one in enumerate(found["info"], 1)
    ]
    if kind in (message.ALERT, message.UPDATE) and not infos:
        raise _refuse("alert/info", "is missing: nothing is told", "Add an info block.")
    restriction, addresses = (_text(found, one, "alert") for one in ("restriction", "addresses"))
    if scope == message.RESTRICTED and not restriction.strip():
        raise _refuse("alert/restriction", "is missing", "Say to whom a restricted one goes.")
    if scope == message.PRIVATE and not addresses.strip():
        raise _refuse("alert/addresses", "is missing", "Say to whom a private one goes.")
    return Message(
        _name(found, "identifier"),
        _name(found, "sender"),
        _moment(found["sent"][0], "alert/sent"),
        _word(found, "status", "alert"),
        kind,
        scope,
        restriction,
        addresses,
        _text(found, "note", "alert"),
        references,
        tuple(infos),
        bool(signatures),
    )


def _children(node: Node, path: str, lines: Sequence[Line]) -> dict[str, list[Node]]:
    """Return an element's children by name, in the schema's order and numbers."""
    if node.text.strip(_BLANK):
        raise _refuse(path, "holds text beside its elements", "Put the text into an element.")
    names = [name for name, _, _ in lines]
    found: dict[str, list[Node]] = {name: [] for name in names}
    at = 0
    for child in node.children:
        if child.namespace != NAMESPACE or child.name not in found:
            raise _refuse(f"{path}/{child.name}", "is no element of CAP 1.2 here", "Leave it out.")
        place = names.index(child.name)
        if place < at:
            raise _refuse(
                f"{path}/{child.name}", f"stands after {names[at]}", "Keep the schema's order."
            )
        if found[child.name] and not lines[place][2]:
            raise _refuse(f"{path}/{child.name}", "stands twice", "Keep one.")
        at = place
        found[child.name].append(child)
    for name, least, _ in lines:
        if len(found[name]) < least:
            raise _refuse(f"{path}/{name}", "is missing", "Add it: CAP 1.2 requires it.")
    return found


def _leaf(node: Node, path: str) -> str:
    if node.children:
        raise _refuse(path, "holds elements where text belongs", "Write text only.")
    return node.text


def _texts(found: dict[str, list[Node]], name: str, path: str) -> list[str]:
    return [_leaf(one, f"{path}/{name}") for one in found[name]]


def _text(found: dict[str, list[Node]], name: str, path: str) -> str:
    return "".join(_texts(found, name, path))


def _word(found: dict[str, list[Node]], name: str, path: str) -> str:
    return _listed(_text(found, name, path), name, path)


def _listed(text: str, name: str, path: str) -> str:
    if text not in _LISTS[name]:
        allowed = ", ".join(_LISTS[name])
        raise _refuse(
            f"{path}/{name}", f"{text!r} is no word of its list", f"Use one of {allowed}."
        )
    return text


def _name(found: dict[str, list[Node]], name: str) -> str:
    text, path = _text(found, name, "alert").strip(_BLANK), f"alert/{name}"
    if not text or len(text.encode()) > CAP_WORD_BYTES_MAX:
        raise _refuse(path, "is empty or too long", f"Use 1 to {CAP_WORD_BYTES_MAX} bytes.")
    if any(letter.isspace() or letter in ",<&" for letter in text):
        raise _refuse(path, "holds a space, a comma, < or &", "Leave those out (CAP 1.2, 3.2.1).")
    return text


def _moment(node: Node, path: str) -> int:
    return _seconds(_leaf(node, path).strip(_BLANK), path)


def _seconds(text: str, path: str) -> int:
    remedy = "Write it as 2026-11-28T05:30:00+07:00 (no Z)."
    if not _MOMENT.fullmatch(text):
        raise _refuse(path, f"{text!r} is no time of CAP", remedy)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _refuse(path, f"{text!r} is no time", remedy) from None
    offset = found.utcoffset()
    if offset is None or abs(offset.total_seconds()) > 14 * 3600:
        raise _refuse(path, f"{text!r} has no zone of this world", remedy)
    seconds = int(found.timestamp())
    if not 0 <= seconds <= EPOCH_S_MAX:
        raise _refuse(path, f"{text!r} is before 1970 or after 2100", remedy)
    return seconds


def _maybe(found: dict[str, list[Node]], name: str, path: str) -> int | None:
    return _moment(found[name][0], f"{path}/{name}") if found[name] else None


def _references(found: dict[str, list[Node]]) -> tuple[Reference, ...]:
    path, groups = "alert/references", _text(found, "references", "alert").split()
    if len(groups) > CAP_REFERENCES_MAX:
        raise _refuse(path, f"{len(groups)} are too many", f"Name at most {CAP_REFERENCES_MAX}.")
    listed = []
    for group in groups:
        parts = group.split(",")
        if len(parts) != 3 or not all(parts):
            raise _refuse(path, f"{group!r} names no message", "Write sender,identifier,sent.")
        listed.append(Reference(parts[0], parts[1], _seconds(parts[2], path)))
    return tuple(listed)


def _info(node: Node, path: str, budget: list[int]) -> Info:
    found = _children(node, path, _INFO)
    for name in ("audience", "web", "contact"):
        _texts(found, name, path)
    for name in ("eventCode", "parameter"):
        for one in found[name]:
            _code(one, f"{path}/{name}")
    for one in found["resource"]:
        _resource(one, f"{path}/resource")
    areas = [
        _area(one, f"{path}/area[{place}]", budget) for place, one in enumerate(found["area"], 1)
    ]
    event = _text(found, "event", path)
    if not event.strip():
        raise _refuse(f"{path}/event", "is empty", "Say what happens.")
    return Info(
        _language(found, path),
        tuple(_listed(one, "category", path) for one in _texts(found, "category", path)),
        event,
        tuple(_listed(one, "responseType", path) for one in _texts(found, "responseType", path)),
        _word(found, "urgency", path),
        _word(found, "severity", path),
        _word(found, "certainty", path),
        _maybe(found, "effective", path),
        _maybe(found, "onset", path),
        _maybe(found, "expires", path),
        _text(found, "senderName", path),
        _text(found, "headline", path),
        _text(found, "description", path),
        _text(found, "instruction", path),
        tuple(areas),
    )


def _language(found: dict[str, list[Node]], path: str) -> str:
    text = _text(found, "language", path).strip(_BLANK) or LANGUAGE
    if not _LANGUAGE.fullmatch(text):
        raise _refuse(f"{path}/language", f"{text!r} is no language", "Use a tag such as vi-VN.")
    return text


def _resource(node: Node, path: str) -> None:
    """Check a resource; what it names is not fetched: sound and pictures are made here."""
    found = _children(node, path, _RESOURCE)
    for name, _, _ in _RESOURCE:
        _texts(found, name, path)
    size = _text(found, "size", path).strip(_BLANK)
    if found["size"] and not _WHOLE.fullmatch(size):
        raise _refuse(f"{path}/size", f"{size!r} is no number", "Write bytes as digits.")


def _code(node: Node, path: str) -> Code:
    found = _children(node, path, _PAIR)
    return Code(_text(found, "valueName", path).strip(), _text(found, "value", path).strip())


def _area(node: Node, path: str, budget: list[int]) -> Area:
    found = _children(node, path, _AREA)
    for name in ("altitude", "ceiling"):
        for text in _texts(found, name, path):
            if not _DECIMAL.fullmatch(text.strip(_BLANK)):
                raise _refuse(f"{path}/{name}", f"{text!r} is no number", "Write feet as digits.")
    return Area(
        _text(found, "areaDesc", path).strip(),
        tuple(_polygon(one, f"{path}/polygon", budget) for one in _texts(found, "polygon", path)),
        tuple(_circle(one, f"{path}/circle", budget) for one in _texts(found, "circle", path)),
        tuple(_code(one, f"{path}/geocode") for one in found["geocode"]),
    )


def _polygon(text: str, path: str, budget: list[int]) -> tuple[Point, ...]:
    pairs = text.split()
    budget[0] -= len(pairs)
    if budget[0] < 0:
        raise _refuse(path, "too many points in one message", f"Use at most {CAP_POINTS_MAX}.")
    points = tuple(_point(pair, path) for pair in pairs)
    if len(points) < 4 or points[0] != points[-1]:
        raise _refuse(path, "is not closed", "Give at least four points, the last as the first.")
    return points


def _circle(text: str, path: str, budget: list[int]) -> Circle:
    budget[1] -= 1
    if budget[1] < 0:
        raise _refuse(path, "too many circles in one message", f"Use at most {CAP_CIRCLES_MAX}.")
    parts = text.split()
    if len(parts) != 2:
        raise _refuse(path, f"{text!r} is no circle", "Write latitude,longitude radius_km.")
    radius_m = _micro(parts[1], path) // 1000
    if not 0 <= radius_m <= _EARTH_M:
        raise _refuse(path, "its radius is not of this Earth", "Give kilometres.")
    return Circle(_point(parts[0], path), radius_m)


def _point(text: str, path: str) -> Point:
    parts = text.split(",")
    if len(parts) != 2:
        raise _refuse(path, f"{text!r} is no point", "Write latitude,longitude in degrees.")
    latitude, longitude = _micro(parts[0], path), _micro(parts[1], path)
    if abs(latitude) > 90_000_000 or abs(longitude) > 180_000_000:
        raise _refuse(path, f"{text!r} is not on Earth", "Write latitude,longitude in degrees.")
    return latitude, longitude


def _micro(text: str, path: str) -> int:
    """Return a decimal number in millionths."""
    if not _NUMBER.fullmatch(text):
        raise _refuse(path, f"{text!r} is no number", "Write degrees as 13.97,108.0.")
    return round(float(text) * 1_000_000)
