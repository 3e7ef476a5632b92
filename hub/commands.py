"""What each command of `chieng-hub` does; every one returns what is printed as JSON."""

import json
import os
import re
from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from hub import (
    account_commands,
    approvers,
    audit,
    automatic,
    bulletins,
    enrolment,
    firmware_commands,
    fleet,
    fleet_commands,
    founding,
    order_commands,
    programme,
    timing,
    topic_commands,
    unit_codes,
    unit_commands,
)
from hub.approvers import Sheet
from hub.cap import commands as cap_commands
from hub.config import Config
from hub.database import Database
from hub.mirror import commands as peer_commands
from hub.passphrases import secret
from hub.production import new_name
from hub.services import Services
from hub.store import Store
from protocols import policy as policies
from protocols.errors import LocalFault, RemoteFault
from protocols.fields import Fields
from protocols.hub_limits import UPLOAD_BYTES_MAX

WHO = "command line"
_BAND = re.compile(r"([0-9:]{5})-([0-9:]{5})(?:=([0-9]{1,3}))?")

Command = Callable[[Services, Namespace], Awaitable[object]]


def init(config: Config, chosen: Namespace) -> object:
    """Found a hub and hand over the sheets and the first administrator's one-time code."""
    now_s = config.now_ms() // 1000
    sheets = founding.found(config, chosen.group, Path(chosen.offline_keys), now_s)
    database = Database(config.where)
    try:
        code = database.submit(lambda s: account_commands.first_administrator(s, now_s)).result()
    finally:
        database.close()
    return {
        "data": str(config.data),
        "sheets": _hand_over(sheets, chosen.sheets),
        "administrator": {"account": account_commands.FIRST, "page": f"/first?code={code}"},
    }


def _hand_over(sheets: Sequence[Sheet], path: str | None) -> object:
    """Return the passphrases for the screen, or add them to a file of mode 0600."""
    found = {sheet.holder: sheet.passphrase for sheet in sheets}
    if path is None:
        return found
    known = json.loads(Path(path).read_text()) if Path(path).exists() else {}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({**known, **found}, file, indent=1)
    return f"passphrases are in {path}: print them and delete it"


def _fresh(chosen: Namespace, unit: str) -> list[approvers.NewApprover]:
    found = []
    for pair in chosen.approver:
        name, _, title = pair.partition("=")
        found.append(approvers.generate(name, unit, title or name))
    return found


async def add_unit(services: Services, chosen: Namespace) -> object:
    """Add a unit with its approvers."""
    now_s = services.now_s()
    today = timing.local_time(now_s, services.config.utc_offset_min).date().isoformat()
    row = {
        "unit": chosen.id,
        "valid_from": chosen.valid_from or today,
        "parent": chosen.parent,
        "name": chosen.name,
        "kind": chosen.kind,
        "code_system": chosen.code_system,
        "code": chosen.code,
    }
    fresh = _fresh(chosen, chosen.id)
    registrar = secret(chosen.registrar_passphrase_file, "registrar-1")
    await enrolment.enrol_unit(services, row, fresh, registrar, chosen.alert_threshold, now_s)
    sheets = _hand_over([one.sheet for one in fresh], chosen.sheets)
    return {"unit": chosen.id, "sheets": sheets}


async def add_approver(services: Services, chosen: Namespace) -> object:
    """Add approvers to a unit."""
    fresh = _fresh(chosen, chosen.unit)
    registrar = secret(chosen.registrar_passphrase_file, "registrar-1")
    await enrolment.enrol_approvers(
        services, chosen.unit, fresh, registrar, chosen.alert_threshold, services.now_s()
    )
    return {"unit": chosen.unit, "sheets": _hand_over([one.sheet for one in fresh], chosen.sheets)}


async def set_policy(services: Services, chosen: Namespace) -> object:
    """Set quiet hours and ceilings; the next bundle of the unit carries them."""
    value = dict(programme.DEFAULT_POLICY)
    value["quiet"] = [list(_band(text)[:2]) for text in chosen.quiet]
    if chosen.ceiling:
        bands = [_band(text) for text in chosen.ceiling]
        value["ceilings"] = [[first, last, int(level or 100)] for first, last, level in bands]
    policies.read_policy(Fields(value, "policy"))
    row = {"unit": chosen.unit, "policy_json": json.dumps(value)}
    now_s = services.now_s()

    def keep(store: Any) -> None:
        if not store.change("unit_policies", (chosen.unit,), {"policy_json": row["policy_json"]}):
            store.add("unit_policies", row)
        audit.append(store, now_s, WHO, "policy.set", chosen.unit, policy=value)

    await services.ledger.write(keep)
    return {"unit": chosen.unit, "policy": value}


def _band(text: str) -> tuple[str, str, str | None]:
    match = _BAND.fullmatch(text)
    if match is None:
        raise RemoteFault("policy.band", f"{text!r} is no band", "Write 21:30-05:00, or …=80.")
    return match[1], match[2], match[3]


async def add_hamlet(services: Services, chosen: Namespace) -> object:
    """Add a hamlet."""
    now_s = services.now_s()
    await services.ledger.write(
        lambda s: fleet.add_hamlet(s, chosen.unit, chosen.id, chosen.name, WHO, now_s)
    )
    return {"unit": chosen.unit, "hamlet": chosen.id}


async def publish(services: Services, chosen: Namespace) -> object:
    """Write, make, approve and publish one bulletin."""
    passphrase = secret(chosen.passphrase_file, chosen.approver)
    row = await services.ledger.read(lambda s: s.get("approvers", chosen.approver))
    signature = await services.opener.open(row, passphrase)
    draft, bulletin, now_s = _draft(services, chosen), new_name(), services.now_s()
    await services.ledger.write(lambda s: bulletins.create(s, bulletin, draft, WHO, now_s))
    await services.production.make(bulletin, 1)
    made = await services.ledger.read(lambda s: bulletins.current(s, bulletin))
    if made["state"] != bulletins.READY:
        raise RemoteFault(made["fault_code"], "it could not be made", "Mend the text or file.")
    outcome = await services.publisher.approve(bulletin, [signature])
    row = await services.ledger.read(lambda s: bulletins.current(s, bulletin))
    config = services.config
    quiet = await services.ledger.read(
        lambda s: programme.quiet_hours(s, row, now_s, config.start_lead_s, config.utc_offset_min)
    )
    return {
        "bulletin": bulletin,
        "item": programme.item_id(row),
        "published": outcome.published,
        "signatures_missing": outcome.missing,
        "timing": row["timing"],
        "in_quiet_hours": quiet,
        "renditions": row["renditions"],
    }


def _draft(services: Services, chosen: Namespace) -> bulletins.Draft:
    upload = None
    if chosen.audio:
        source = Path(chosen.audio)
        if source.stat().st_size > UPLOAD_BYTES_MAX:
            raise RemoteFault("blob.too_long", "the recording is too large", "Compress it.")
        upload = services.blobs.put_file(source).sha256
    text = Path(chosen.text_file).read_text() if chosen.text_file else ""
    board = Path(chosen.board_text_file).read_text() if chosen.board_text_file else ""
    return bulletins.Draft(
        chosen.unit,
        chosen.title,
        chosen.language,
        chosen.legal_class,
        text,
        board,
        chosen.voice,
        upload,
        chosen.hamlet,
        _timing(services, chosen),
        chosen.topic,
    )


def _timing(services: Services, chosen: Namespace) -> timing.Timing:
    if chosen.legal_class == "emergency":
        return timing.alert(chosen.hours, chosen.gap_min, chosen.drill)
    today = timing.local_time(services.now_s(), services.config.utc_offset_min).date().isoformat()
    if chosen.daily:
        return timing.daily(chosen.daily, range(1, 8), today, chosen.until or today)
    if chosen.at:
        day, _, clock = chosen.at.partition("T")
        return timing.once(day, clock)
    return {"mode": "now"}


async def recall(services: Services, chosen: Namespace) -> object:
    """Take a published bulletin off the air."""
    passphrase = secret(chosen.passphrase_file, chosen.approver)
    row = await services.ledger.read(lambda s: s.get("approvers", chosen.approver))
    signature = await services.opener.open(row, passphrase)
    outcome = await services.publisher.approve(chosen.bulletin, [signature], "recall")
    return {"bulletin": chosen.bulletin, "recalled": outcome.published}


async def check_audit(services: Services, _chosen: Namespace) -> object:
    """Verify the audit chain; raises `LocalFault("audit.broken")`."""
    broken = await services.ledger.read(audit.first_broken)
    if broken is not None:
        raise LocalFault(
            "audit.broken", f"entry {broken} does not follow", "Compare it with a backup."
        )
    return {"entries": await services.ledger.read(lambda s: s.count("audit")), "whole": True}


async def report(services: Services, chosen: Namespace) -> object:
    """Return how many records are stored, and the newest plays, newest first."""

    def read(store: Store) -> object:
        plays = store.find("plays", order=["started_ms"], descending=True, limit=chosen.most)
        return {"records": store.count("records"), "plays": plays}

    return await services.ledger.read(read)


COMMANDS: dict[str, Command] = {
    "unit": add_unit,
    "approver": add_approver,
    "policy": set_policy,
    "hamlet": add_hamlet,
    "node": fleet_commands.change_node,
    "ticket": fleet_commands.change_ticket,
    "kit": fleet_commands.write_kit,
    "publish": publish,
    "recall": recall,
    "report": report,
    "audit": check_audit,
    "firmware": firmware_commands.firmware,
    "order": order_commands.order,
    "setting": order_commands.setting,
    "mandate": order_commands.mandate,
    "account": account_commands.run,
    "peer": peer_commands.peer,
    "topics": topic_commands.command,
    "codes": unit_codes.command,
    "units": unit_commands.command,
    "automatic": automatic.command,
    "cap": cap_commands.cap,
}
