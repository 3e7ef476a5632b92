"""Passphrases of people at the command line."""

import getpass
import json
from pathlib import Path

from protocols.errors import LocalFault


def secret(path: str | None, holder: str) -> str:
    """Return a holder's passphrase from a file (plain, or the JSON of --sheets) or by asking."""
    if path is None:
        return getpass.getpass(f"Passphrase of {holder}: ")
    text = Path(path).read_text().strip()
    if not text.startswith("{"):
        return text
    try:
        return str(json.loads(text)[holder])
    except (ValueError, KeyError):
        raise LocalFault(
            "keys.sheets", f"{path} holds no passphrase of {holder}", "Check file and id."
        ) from None
