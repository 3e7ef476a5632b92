"""What a letter says: as an e-mail (RFC 5322) and as the JSON of a webhook."""

import json
from datetime import datetime, timedelta, timezone
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, NamedTuple

from hub import fault_texts, notices
from hub.notify.dispatches import one_line
from hub.store import Row
from hub.translations import N_, Translations
from hub.words import Words

SUBJECT_CHARS_MAX = 180
_TEST = N_("This is a test: notices will arrive here.")
_STATES = {notices.SILENT: "offline"}


class Look(NamedTuple):
    """Hold how letters are written: the language, the province's clock, the pages' address."""

    said: Translations
    offset_min: int
    pages: str

    def words(self, now_ms: int) -> Words:
        """Return times in the reader's words."""
        return Words(self.said, now_ms, self.offset_min)

    def link(self, path: str) -> str:
        """Return the address of a page, empty where nobody said under which the hub is reached."""
        return self.pages.rstrip("/") + path if self.pages else ""


def trial() -> dict[str, Any]:
    """Return the body of a test."""
    return {"lines": [], "more": 0, "test": True}


def subject(body: dict[str, Any], look: Look) -> str:
    """Return the line by which a letter is known."""
    if body.get("test"):
        return f"Chiêng: {look.said.get(_TEST)}"
    first = body["lines"][0]
    text = fault_texts.explain_node(first["code"], look.said)["text"].rstrip(".")
    if not any(line["open"] for line in body["lines"]):
        text = look.said.get("it is over") + ": " + text
    others = len(body["lines"]) - 1 + body["more"]
    more = f" (+{others})" if others else ""
    return one_line(f"Chiêng · {first['unit_name']}: {text}{more}")[:SUBJECT_CHARS_MAX]


def text(body: dict[str, Any], look: Look, now_ms: int) -> str:
    """Return a letter as plain text."""
    _ = look.said.get
    if body.get("test"):
        return "\n".join([_(_TEST), "", look.link("/notices/sending")]).strip() + "\n"
    parts: list[str] = []
    for line in body["lines"]:
        parts += [*_line(line, look, look.words(now_ms)), ""]
    if body["more"]:
        parts += [_("And %(n)d more kinds: see the page.", n=body["more"]), ""]
    parts.append(look.link("/notices"))
    where = look.link("/notices/sending") or _("Notices, By e-mail and webhook")
    parts.append(_("Whoever set this up can change or end it: %(where)s", where=where))
    return "\n".join(parts) + "\n"


def _line(line: dict[str, Any], look: Look, words: Words) -> list[str]:
    _, said = look.said.get, fault_texts.explain_node(line["code"], look.said)
    head = f"{line['unit_name']}: {said['text']}"
    if line["kind"] == notices.URGENT:
        head = _("URGENT") + " · " + head
    names = ", ".join(one["name"] for one in line["nodes"])
    if line["count"] > len(line["nodes"]):
        names += " " + _("and %(n)d more", n=line["count"] - len(line["nodes"]))
    found = [one_line(head), "  " + one_line(names)]
    clock = _stamp(words, line["first_ms"])
    if not line["open"]:
        last = _stamp(words, line["last_ms"])
        found.append("  " + _("It is over: %(first)s to %(last)s.", first=clock, last=last))
    else:
        found.append("  " + _("Since %(when)s, still so at %(n)d.", when=clock, n=line["open"]))
        found.append("  " + said["remedy"])
    if line["times"] > line["count"]:
        found.append("  " + _("It came and went: %(n)d times.", n=line["times"]))
    where = look.link(f"/nodes?unit={line['unit']}&state={_STATES.get(line['code'], 'fault')}")
    return [*found, "  " + where] if where else found


def _stamp(words: Words, wall_ms: int) -> str:
    return f"{words.local(wall_ms):%H:%M %d/%m}"


def mail(row: Row, to: str, sender: str, look: Look) -> EmailMessage:
    """Return a letter as an e-mail; its Message-ID is the letter's, whatever the try."""
    body = json.loads(row["body_json"])
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Chiêng", addr_spec=sender)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject(body, look)
    zone = timezone(timedelta(minutes=look.offset_min))
    message["Date"] = format_datetime(datetime.fromtimestamp(row["created_ms"] // 1000, zone))
    message["Message-ID"] = f"<{row['dispatch']}@{sender.rpartition('@')[2]}>"
    # RFC 3834: no answering machine shall answer.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(body, look, row["created_ms"]))
    return message


def post(row: Row, unit: str, look: Look) -> bytes:
    """Return a letter as the body of a webhook."""
    body = json.loads(row["body_json"])
    lines = [
        {**line, "text": fault_texts.explain_node(line["code"], look.said)["text"]}
        for line in body["lines"]
    ]
    told = {
        "id": row["dispatch"],
        "test": bool(body.get("test")),
        "unit": unit,
        "created_ms": row["created_ms"],
        "subject": subject(body, look),
        "lines": lines,
        "more": body["more"],
        "link": look.link("/notices"),
    }
    return json.dumps(told, ensure_ascii=False).encode()
