"""`chieng-tool keys`: ceremony, record, expiry, rotation, units, recovery."""

import argparse
from pathlib import Path
from typing import Any

from hub.repository.signers import SCHEMES
from tools import keys_found, keys_recover, keys_rotate, keys_units


def add_parser(commands: Any) -> None:
    """Add the command and its verbs."""
    keys = commands.add_parser("keys", help="lập khóa, thay khóa, phục hồi / keys")
    verbs = keys.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_founding(verbs)
    _add_token(verbs)
    _add_rotation(verbs)
    _add_units(verbs)
    _add_recovery(verbs)


def _verb(verbs: Any, name: str, run: Any, text: str, data: bool = True) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    verb.set_defaults(run=run)
    if data:
        verb.add_argument("--data", type=Path, required=True, help="the hub's data folder")
    return verb


def _with_keys(verb: argparse.ArgumentParser, export: bool = True) -> None:
    verb.add_argument("--key", type=Path, action="append", default=[], help="a key file; repeat")
    if export:
        verb.add_argument("--export", type=Path, help="write what is to be signed to this folder")


def _add_founding(verbs: Any) -> None:
    found = _verb(verbs, "found", keys_found.found, "hold the first ceremony")
    found.add_argument("--group", action="append", required=True, help="a group of units, e.g. 03")
    place = "HOLDER=FOLDER, a stick of its own; repeat"
    found.add_argument("--root", action="append", required=True, help=place)
    found.add_argument("--root-threshold", type=int, default=2)
    found.add_argument("--targets", action="append", required=True, help=place)
    found.add_argument("--firmware", action="append", required=True, help=place)
    found.add_argument("--registrar", action="append", required=True, help=place)
    found.add_argument("--scheme", choices=SCHEMES, default="ed25519")
    found.add_argument("--record", type=Path, help="write the record to print (HTML) here")
    record = _verb(verbs, "record", keys_found.record, "print the record of what is in force")
    record.add_argument("--record", type=Path, help="write it as HTML here")
    fresh = _verb(verbs, "new", keys_found.new, "make one key for a person", data=False)
    fresh.add_argument("--holder", required=True, help="HOLDER=FOLDER")
    fresh.add_argument("--kind", default="approver")
    fresh.add_argument("--scheme", choices=SCHEMES, default="ed25519")


def _add_token(verbs: Any) -> None:
    token = _verb(verbs, "token", keys_found.token, "use a key on a PKCS#11 token", data=False)
    token.add_argument("--holder", required=True, help="HOLDER=FOLDER of the file that names it")
    token.add_argument("--kind", default="approver")
    token.add_argument("--library", required=True, help="the token's PKCS#11 module")
    token.add_argument("--number", type=int, required=True, help="the key's id on the token")
    token.add_argument("--label", required=True, help="the token's label")


def _add_rotation(verbs: Any) -> None:
    for name, run in keys_rotate.VERBS.items():
        verb = _verb(verbs, name, run, f"change the keys of {name}")
        verb.add_argument("--add", action="append", default=[], help="HOLDER=FOLDER of a new key")
        verb.add_argument(
            "--add-key", type=Path, action="append", default=[], help="file of a key made before"
        )
        verb.add_argument("--remove", action="append", default=[], help="begin of a key id")
        verb.add_argument("--threshold", type=int)
        verb.add_argument("--scheme", choices=SCHEMES, default="ed25519")
        _with_keys(verb)
    online = _verb(verbs, "online", keys_rotate.online, "replace the hub's own keys")
    online.add_argument("--stolen", action="store_true", help="the old keys are in other hands")
    _with_keys(online)
    groups = _verb(verbs, "groups", keys_rotate.groups, "open further groups of units")
    groups.add_argument("--group", action="append", required=True)
    _with_keys(groups)
    accept = _verb(verbs, "accept", keys_rotate.accept, "publish what was signed elsewhere")
    accept.add_argument("file", type=Path, nargs="+")
    accept.add_argument("--stolen", action="store_true")


def _add_units(verbs: Any) -> None:
    unit = _verb(verbs, "unit", keys_units.unit, "add a unit, or change who approves for it")
    unit.add_argument("--unit", required=True)
    unit.add_argument("--ancestor", action="append", help="units above, nearest first; repeat")
    unit.add_argument("--approver", type=Path, action="append", default=[], help="key file: joins")
    unit.add_argument("--remove", action="append", default=[], help="begin of a key id: leaves")
    unit.add_argument("--bundle-threshold", type=int)
    unit.add_argument("--alert-threshold", type=int)
    unit.add_argument("--auto-alert", choices=("on", "off"))
    unit.add_argument("--after", action="append", default=[], help="units whose nodes move here")
    _with_keys(unit, export=False)
    close = _verb(verbs, "close", keys_units.close, "take a unit out of force")
    close.add_argument("--unit", required=True)
    _with_keys(close, export=False)


def _add_recovery(verbs: Any) -> None:
    expiry = _verb(verbs, "expiry", keys_recover.expiry, "list what ends soon or waits")
    expiry.add_argument("--days", type=int, default=30)
    recover = _verb(verbs, "recover", keys_recover.recover, "go on after an old backup")
    recover.add_argument(
        "--copy", type=Path, action="append", default=[], help="a mirror, pack or node's store"
    )
