"""What `chieng-hub peer` does."""

import asyncio
from argparse import Namespace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hub.addresses import is_loopback
from hub.mirror import peers, webhook
from hub.mirror.service import secrets_folder
from hub.passphrases import secret
from hub.services import Services
from hub.store import Store
from protocols.errors import LocalFault

WHO = "command line"


async def peer(services: Services, chosen: Namespace) -> object:
    """Add, list, pause or resume provinces; tell one its past."""
    now_ms = services.config.now_ms()
    if chosen.verb == "list":
        return await services.ledger.read(lambda s: peers.listed(s, now_ms))
    if not chosen.id:
        raise LocalFault("mirror.peer", "which province?", "Give --id.")
    if chosen.verb in ("pause", "resume"):
        state = "paused" if chosen.verb == "pause" else "active"
        await services.ledger.write(lambda s: peers.set_state(s, chosen.id, state, WHO, now_ms))
        return {"peer": chosen.id, "state": state}
    if chosen.verb == "webhook":
        known = await services.ledger.read(lambda s: s.get("peers", chosen.id))
        if known is None:
            raise LocalFault("mirror.peer", f"no peer {chosen.id}", "List them.")
        secret_word = await asyncio.to_thread(webhook.new_secret, services, chosen.id)
        return {"path": f"/v1/peers/{chosen.id}/directives", "secret": secret_word}
    if chosen.verb == "backfill":
        return await _backfill(services, chosen, now_ms)
    settings = await asyncio.to_thread(_settings, services, chosen)
    row = {
        "peer": chosen.id,
        "connector": chosen.connector,
        "name": chosen.name or chosen.id,
        "settings": settings,
    }
    await services.ledger.write(lambda s: peers.add(s, row, WHO, now_ms))
    return {"peer": chosen.id, "connector": chosen.connector, "state": "active"}


def _settings(services: Services, chosen: Namespace) -> dict[str, Any]:
    if chosen.connector == "file-drop":
        if not chosen.folder:
            raise LocalFault("mirror.peer", "which folder?", "Give --folder.")
        return {"folder": str(Path(chosen.folder).resolve()), "public_key": chosen.public_key or ""}
    if not (chosen.url and chosen.user):
        raise LocalFault("mirror.peer", "address or user is missing", "Give --url and --user.")
    _check_url(chosen.url)
    password = secret(chosen.password_file, chosen.user)
    peers.keep_secret(secrets_folder(services.config), chosen.id, password)
    found = {
        "url": chosen.url,
        "user": chosen.user,
        "source_id": chosen.source_id,
        "source_name": chosen.source_id,
        "target_id": chosen.target_id or chosen.id,
        "command_code": chosen.command_code == "required",
    }
    if chosen.mapping:
        found["mapping"] = str(Path(chosen.mapping).resolve())
    return found


def _check_url(url: str) -> None:
    """Refuse an address over which the password would travel in clear."""
    parts = urlsplit(url)
    is_clear = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not is_clear:
        raise LocalFault(
            "mirror.url",
            f"{url}: the password would travel in clear",
            "Give an https:// address, or http:// on this machine (a tunnel or a proxy).",
        )


async def _backfill(services: Services, chosen: Namespace, now_ms: int) -> object:
    """Tell a province the plays of the last days, page by page, others writing in between."""
    since_ms = now_ms - chosen.days * 86_400_000
    after: list[object] | None = None
    pages = 0
    while True:
        start = after

        def page(store: Store, start: list[object] | None = start) -> list[object] | None:
            return peers.backfill(store, chosen.id, since_ms, start, now_ms)

        after = await services.ledger.write(page)
        pages += 1
        if after is None:
            return {"peer": chosen.id, "days": chosen.days, "pages": pages}


def add_arguments(command: Any) -> None:
    """Add the words of `chieng-hub peer`."""
    command.add_argument("verb", choices=("add", "list", "pause", "resume", "backfill", "webhook"))
    command.add_argument("--id", metavar="NAME")
    command.add_argument("--connector", choices=peers.CONNECTORS, default="htttn-v2")
    command.add_argument("--name", help="the province's name")
    command.add_argument("--url", help="of the province's service")
    command.add_argument("--user")
    command.add_argument("--password-file", metavar="FILE", help="asked for when not given")
    command.add_argument("--source-id", default="chieng", help="who we are there")
    command.add_argument("--target-id", help="who the province is")
    command.add_argument("--mapping", metavar="FILE", help="other field names than the draft's")
    command.add_argument(
        "--command-code",
        choices=("required", "none"),
        default="required",
        help="whether device commands ask the administrator for a code from a telephone",
    )
    command.add_argument("--folder", metavar="DIR", help="for file-drop")
    command.add_argument("--public-key", metavar="HEX", help="the province's, for file-drop")
    command.add_argument("--days", type=int, default=30, help="how far back")
