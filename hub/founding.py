"""Found a hub: its folders, database, own keys, and the repository's first root."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from hub import database_address
from hub.approvers import Sheet
from hub.blobs import Blobs
from hub.config import Config
from hub.database import holds_rows, migrate
from hub.repository import ceremony, durable, wrapped_key
from hub.repository.layout import Layout
from hub.repository.online_keys import OnlineKeys
from protocols.errors import LocalFault


def prepare(config: Config) -> None:
    """Make a hub's folders and bring its database to the newest schema."""
    for folder in (config.data, config.data / "keys", config.online_keys):
        folder.mkdir(parents=True, exist_ok=True)
    os.chmod(config.data / "keys", 0o700)
    Blobs(config.blobs)
    migrate(config.where)
    if config.database_url:
        if holds_rows(config.database_url):
            raise LocalFault(
                "hub.database_taken",
                "the database holds a hub already",
                "Make a new one: createdb --template=template0 --encoding=UTF8 NAME",
            )
        database_address.write(config.data, config.database_url)


def found(config: Config, groups: Sequence[str], offline: Path, now_s: int) -> list[Sheet]:
    """Hold the first ceremony and return one sheet per key.

    Keys for `root`, `targets`, `firmware` go wrapped to the folder `offline` (a stick), those of
    registrars to the hub's `keys/registrars`. Raises `LocalFault("repository.exists")`.
    """
    if Layout(config.repository).role_versions():
        raise LocalFault(
            "repository.exists", f"{config.repository} is founded already", "Use it as it is."
        )
    prepare(config)
    founders = ceremony.Founders.generate()
    sheets: list[Sheet] = []
    for name, signers, folder in (
        ("root", founders.root, offline),
        ("targets", founders.targets, offline),
        ("firmware", founders.firmware, offline),
        ("registrar", founders.registrars, registrar_folder(config)),
    ):
        sheets += _keep(name, signers, folder)
    online = OnlineKeys.create(config.online_keys)
    ceremony.found(config.repository, online, founders, groups, now_s)
    return sheets


def _keep(name: str, signers: Sequence[Any], folder: Path) -> list[Sheet]:
    sheets = []
    for number, signer in enumerate(signers, 1):
        holder, passphrase = f"{name}-{number}", wrapped_key.generate_passphrase()
        document = wrapped_key.wrap_signer(signer, passphrase, holder)
        durable.Disk().write(folder / f"{holder}.json", wrapped_key.encode(document), 0o600)
        sheets.append(Sheet(holder, passphrase))
    return sheets


def registrar_folder(config: Config) -> Path:
    """Return the folder of the registrars' wrapped keys."""
    return config.data / "keys" / "registrars"


def open_registrar(config: Config, passphrase: str) -> CryptoSigner:
    """Open the registrar's key that this passphrase fits; raises a `Fault` ("keys.*")."""
    refusal: LocalFault | None = None
    for path in sorted(registrar_folder(config).glob("*.json")):
        try:
            return wrapped_key.unwrap_signer(wrapped_key.decode(path.read_bytes()), passphrase)
        except LocalFault as fault:
            refusal = fault
    if refusal is not None:
        raise refusal
    raise LocalFault("keys.missing", "this hub holds no registrar's key", "Run chieng-hub init.")
