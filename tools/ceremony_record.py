"""The record of a key ceremony: who holds what, printed and signed by hand."""

import hashlib
import html
from typing import NamedTuple

from securesystemslib.signer import Key

from hub.repository.policy import moment
from hub.repository.registry import read_grants
from hub.repository.repository import Repository
from hub.repository.signers import fingerprint
from protocols.phrase import phrase
from tools.console import Console

STYLE = (
    "body{font:12pt/1.4 'Noto Sans',sans-serif;margin:2cm}table{border-collapse:collapse;"
    "width:100%}td,th{border:1px solid #444;padding:4px 6px;text-align:left;vertical-align:top}"
    "code{font:8pt monospace;overflow-wrap:anywhere}.phrase{font-size:16pt;font-weight:bold}"
    ".line{margin-top:2.2em;border-top:1px solid #444;width:60%}@page{size:A4}"
)


class Row(NamedTuple):
    """Describe one role: its keys' fingerprints (and holders), how many must sign, when it ends."""

    role: str
    keys: list[str]
    threshold: int
    expires: str


class Record(NamedTuple):
    """Hold what the record states."""

    version: int
    sha256: str
    phrase: str
    made_on: str
    rows: list[Row]


def build(repository: Repository, now_s: int, holders: dict[str, str]) -> Record:
    """Collect the record of what is in force; `holders` names people by fingerprint."""
    archive = repository.archive
    archive.reload()
    root = archive.root()
    data = repository.layout.role_file("root", root.signed.version).read_bytes()
    digest = hashlib.sha256(data).digest()
    rows = [
        Row(
            role,
            [_named(root.signed.keys[keyid], holders) for keyid in given.keyids],
            given.threshold,
            _expires(repository, role),
        )
        for role, given in root.signed.roles.items()
    ]
    targets = archive.current("targets")
    grants = read_grants(targets.signed) if targets else {}
    for role, grant in grants.items():
        keys = [_named(key, holders) for key in grant.keys]
        rows.append(Row(role, keys, grant.threshold, _expires(repository, role)))
    made_on = moment(now_s).strftime("%Y-%m-%d %H:%M UTC")
    return Record(root.signed.version, digest.hex(), phrase(digest), made_on, rows)


def _named(key: Key, holders: dict[str, str]) -> str:
    found = fingerprint(key)
    return f"{found} {holders[found]}" if found in holders else found


def _expires(repository: Repository, role: str) -> str:
    if role in {"timestamp", "snapshot"}:
        return f"{repository.policy.days[role]} d"
    archive = repository.archive
    current = archive.root() if role == "root" else archive.current(role)
    return current.signed.expires.strftime("%Y-%m-%d") if current else "-"


def as_text(record: Record, console: Console) -> str:
    """Return the record for a terminal."""
    lines = [
        console.text("record_title"),
        console.text("record_date", date=record.made_on),
        console.text("record_root", version=record.version, sha256=record.sha256),
        console.text("record_phrase", phrase=record.phrase),
    ]
    for row in record.rows:
        lines.append(f"{row.role}  {row.threshold}/{len(row.keys)}  {row.expires}")
        lines += [f"    {key}" for key in row.keys]
    return "\n".join(lines)


def as_html(record: Record, console: Console) -> str:
    """Return the record as one page to print, without anything fetched from elsewhere."""
    heads = ("record_role", "record_threshold", "record_expires", "record_keys")
    cells = [
        (
            row.role,
            f"{row.threshold} / {len(row.keys)}",
            row.expires,
            "<br>".join(f"<code>{html.escape(key)}</code>" for key in row.keys),
        )
        for row in record.rows
    ]
    table = "".join(
        f"<tr><td>{html.escape(role)}</td><td>{threshold}</td><td>{expires}</td><td>{keys}</td></tr>"
        for role, threshold, expires, keys in cells
    )
    head = "".join(f"<th>{console.text(key)}</th>" for key in heads)
    root = console.text("record_root", version=record.version, sha256=record.sha256)
    holders = max((len(row.keys) for row in record.rows if row.role == "root"), default=1)
    return (
        f'<!doctype html><html lang="{console.language}"><meta charset="utf-8">'
        f"<title>{console.text('record_title')}</title><style>{STYLE}</style>"
        f"<h1>{console.text('record_title')}</h1>"
        f"<p>{console.text('record_date', date=record.made_on)}</p><p><code>{root}</code></p>"
        f'<p class="phrase">{console.text("record_phrase", phrase=record.phrase)}</p>'
        f"<table><tr>{head}</tr>{table}</table><p>{console.text('record_advice')}</p>"
        f"<h2>{console.text('record_signatures')}</h2>" + '<p class="line">&nbsp;</p>' * holders
    )
