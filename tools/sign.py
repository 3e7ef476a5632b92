"""`chieng-tool sign`: look at what an exported request says, then sign it on one's own machine."""

import hashlib
from pathlib import Path
from typing import Any

from tuf.api.metadata import Root, Targets

from hub.repository import request
from hub.repository.durable import Disk
from hub.repository.registry import read_grants
from hub.repository.request import Request
from protocols import alert, bundle, mandates
from tools.context import Context, date
from tools.key_files import read


def add_parser(commands: Any) -> None:
    """Add the command."""
    sign = commands.add_parser("sign", help="ký tệp xuất từ máy chủ / sign an exported request")
    sign.set_defaults(run=run)
    sign.add_argument("file", type=Path, nargs="+", help="request files, signed in place")
    sign.add_argument("--key", type=Path, required=True, help="your key file")
    sign.add_argument("--blobs", type=Path, help="folder of the media you listened to")
    sign.add_argument("--yes", action="store_true", help="do not ask")


def run(context: Context) -> None:
    """Show every request, ask once, sign all with one key, write them back in place."""
    options, console = context.options, context.console
    changes = [(path, request.read(read(path, request.REQUEST_BYTES_MAX))) for path in options.file]
    for _, change in changes:
        show(context, change)
    if not options.yes and not console.confirm("sign_confirm"):
        console.say("sign_left")
        return
    signer = context.key_files.open(options.key)
    for path, change in changes:
        change.sign([signer])
        Disk().write(path, change.to_bytes())
        console.say("signed", path=path, keyid=signer.public_key.keyid[:16])


def show(context: Context, change: Request) -> None:
    """Print what a signature would say."""
    say, signed = context.console.say, change.metadata.signed
    ends = date(signed.expires.timestamp())
    say("sign_what", role=change.role, version=change.version, date=ends)
    if isinstance(signed, Root):
        for role, given in signed.roles.items():
            _grant(context, role, given.threshold, list(given.keyids))
    if not isinstance(signed, Targets):
        return
    for role, grant in read_grants(signed).items():
        _grant(context, role, grant.threshold, [key.keyid for key in grant.keys])
    for path, target in signed.targets.items():
        if path in change.files:
            _manifest(context, path, change.files[path])
        else:
            say("sign_target", path=path, length=target.length)


def _grant(context: Context, role: str, threshold: int, keyids: list[str]) -> None:
    shown = " ".join(keyid[:16] for keyid in keyids)
    say = context.console.say
    say("sign_grant", role=role, threshold=threshold, count=len(keyids), keys=shown)


def _manifest(context: Context, path: str, data: bytes) -> None:
    if path.endswith("/bundle.json"):
        _bundle(context, bundle.read(data, path.split("/")[1]))
    elif path.endswith("/mandates.json"):
        _mandates(context, mandates.read(data, path.split("/")[1]))
    elif path.startswith("alerts/"):
        for one in alert.read(data, path.split("/")[1]).alerts:
            kind = context.console.text("alert_drill" if one.drill else "alert_real")
            context.console.say("sign_item", kind=f"{kind} {one.kind}", title=one.title)
            _renditions(context, one.renditions)
    else:
        context.console.say("sign_target", path=path, length=len(data))


def _mandates(context: Context, found: mandates.Mandates) -> None:
    for node in sorted(found.nodes):
        one = found.nodes[node]
        said = {name: value for name, value in one.to_dict().items() if name != "sequence"}
        text = " ".join(f"{name}={value}" for name, value in said.items())
        context.console.say("sign_item", kind=one.kind(), title=text)


def _bundle(context: Context, found: bundle.Bundle) -> None:
    for name in sorted(found.items):
        item = found.items[name]
        context.console.say("sign_item", kind=item.legal_class, title=item.title)
        for rule in found.rules:
            if name in rule.items:
                times = " ".join(f"{at // 3600:02d}:{at // 60 % 60:02d}" for at in rule.times_s)
                context.console.say("sign_rule", when=f"{times} ({rule.id})")
        if item.relay is not None:
            minutes = item.relay.duration_max_ms // 60_000
            context.console.say("sign_relay", source=item.relay.source, minutes=minutes)
        _renditions(context, item.renditions)
    for page in found.pages:
        context.console.say("sign_item", kind=page.legal_class, title=page.title)
        _renditions(context, page.renditions)


def _renditions(context: Context, renditions: Any) -> None:
    folder, console = context.options.blobs, context.console
    hashes = _hashes(folder) if folder is not None else set()
    for one in renditions:
        verdict = ""
        if folder is not None:
            verdict = console.text("blob_same" if one.sha256 in hashes else "blob_absent")
        console.say("sign_blob", profile=one.profile, sha256=one.sha256[:16], verdict=verdict)


def _hashes(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                found.add(hashlib.file_digest(file, "sha256").hexdigest())
    return found
