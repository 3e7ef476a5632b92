"""`chieng-tool alert`: sign an alert on a laptop for nodes that no network reaches.

The folder written holds `<id>.offline-alert.json` and `blobs/<sha256>`; a stick carries it. A
second approver adds a signature with `--cosign`.
"""

import binascii
import hashlib
import os
import wave
from pathlib import Path
from typing import Any

from hub.repository.durable import Disk
from protocols import alert, canonical, limits, offline_alert
from protocols.errors import LocalFault, RemoteFault
from protocols.offline_alert import OfflineAlert
from tools.context import Context, date
from tools.key_files import no_file, read

RATE_HZ = 16000


def add_parser(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("alert", help="ký cảnh báo mang tay / sign an offline alert")
    command.set_defaults(run=run)
    command.add_argument("--key", type=Path, required=True, help="your key file")
    command.add_argument("--out", type=Path, help="folder to write, e.g. on a stick")
    command.add_argument("--cosign", type=Path, help="add a second signature to this file")
    command.add_argument("--unit")
    command.add_argument("--title")
    command.add_argument("--language", default="vi-VN")
    command.add_argument("--audio", type=Path, help="WAV, 16 kHz mono 16 bit")
    command.add_argument("--hours", type=int, default=6, help="how long it holds, at most 24")
    command.add_argument("--repeat-gap-s", type=int, help="play again after so many seconds")
    command.add_argument("--drill", action="store_true", help="diễn tập")
    command.add_argument("--cancel", action="append", default=[], help="id of an alert that ends")
    command.add_argument("--yes", action="store_true", help="do not ask")


def run(context: Context) -> None:
    """Sign a new alert, or add a signature to one."""
    options = context.options
    if options.cosign is not None:
        cosign(context)
        return
    if options.unit is None or options.title is None or options.out is None:
        raise LocalFault("tool.file", "an alert needs --unit, --title and --out", "Give all three.")
    if not 1 <= options.hours <= limits.OFFLINE_ALERT_LIFE_S_MAX // 3600:
        raise LocalFault("tool.time", f"{options.hours} hours", "Use 1 to 24 hours.")
    audio = read(options.audio, limits.BLOB_BYTES_MAX) if options.audio else b""
    one = _alert(context, audio)
    manifest = {
        "version": context.now_s,
        "unit": options.unit,
        "issued_s": context.now_s,
        "alerts": [one],
    }
    signed = offline_alert.signed_part(alert.build(manifest))
    found = offline_alert.read(offline_alert.encode(signed, {}))
    if not _agreed(context, found):
        return
    path = options.out / f"{found.alert.id}.offline-alert.json"
    if audio:
        digest = hashlib.sha256(audio).hexdigest()
        Disk().write(options.out / "blobs" / digest, audio)
    _sign(context, found, path)
    ends = date(found.alert.expires_s)
    context.console.say("alert_written", id=found.alert.id, path=path, date=ends)


def cosign(context: Context) -> None:
    """Add a signature to an alert file in place."""
    path = context.options.cosign
    found = offline_alert.read(read(path, limits.OFFLINE_ALERT_BYTES_MAX))
    if found.alert.expires_s <= context.now_s:
        raise RemoteFault("offline_alert.expired", f"{path} has expired", "Sign a new alert.")
    if _agreed(context, found):
        count = _sign(context, found, path)
        context.console.say("alert_cosigned", id=found.alert.id, count=count)


def _agreed(context: Context, found: OfflineAlert) -> bool:
    console, one = context.console, found.alert
    kind = console.text("alert_drill" if one.drill else "alert_real")
    ends = date(one.expires_s)
    console.say("alert_what", kind=kind, unit=found.unit, title=one.title, date=ends)
    if context.options.yes or console.confirm("sign_confirm"):
        return True
    console.say("sign_left")
    return False


def _sign(context: Context, found: OfflineAlert, path: Path) -> int:
    signer = context.key_files.open(context.options.key)
    signature = signer.sign(canonical.encode(found.signed))
    signatures = {**found.signatures, signature.keyid: signature.signature}
    Disk().write(path, offline_alert.encode(found.signed, signatures))
    return len(signatures)


def _alert(context: Context, audio: bytes) -> dict[str, object]:
    options, now_s = context.options, context.now_s
    value: dict[str, object] = {
        "id": "tay-" + binascii.hexlify(os.urandom(8)).decode(),
        "kind": "cancel" if options.cancel else "alert",
        "references": list(options.cancel),
        "drill": options.drill,
        "title": options.title,
        "language": options.language,
        "sent_s": now_s,
        "expires_s": now_s + options.hours * 3600,
        "renditions": [_rendition(options.audio, audio)] if audio else [],
        "pages": [],
    }
    if options.repeat_gap_s is not None:
        value["repeat"] = {"gap_s": options.repeat_gap_s, "until_s": value["expires_s"]}
    return value


def _rendition(path: Path, data: bytes) -> dict[str, object]:
    try:
        with wave.open(str(path), "rb") as sound:
            form = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            frames = sound.getnframes()
    except (wave.Error, EOFError) as error:
        raise no_file(path, f"is no WAV file: {error}") from error
    if form != (RATE_HZ, 1, 2) or not frames:
        raise LocalFault(
            "tool.audio", f"{path} is {form}", "Use a WAV of 16 kHz, one channel, 16 bit."
        )
    return {
        "profile": "pcm16",
        "media_type": "audio/wav",
        "sha256": hashlib.sha256(data).hexdigest(),
        "length": len(data),
        "duration_ms": max(1, frames * 1000 // RATE_HZ),
    }
