"""Make a companion's folder (`hub.companion`) of a copy of the first hub."""

import os
import shutil
from pathlib import Path
from typing import Any

from hub import backup, bucket, companion, database_address, database_copy
from hub.config import Config
from hub.repository import durable
from protocols.errors import LocalFault, WorldFault

_KEYS = "timestamp.*.pem"


def join(config: Config, copy: Path) -> dict[str, Any]:
    """Make a companion's folder of a copy of the first hub and its database's address.

    Raises `LocalFault("companion.*")`, `("backup.copy")` or `("backup.target")`; then nothing is
    left behind.
    """
    broken = backup.verify(copy)
    if broken:
        raise LocalFault(
            "backup.copy", f"{len(broken)} files are damaged: {broken[0]}", "Choose another copy."
        )
    if config.data.exists() and any(config.data.iterdir()):
        raise LocalFault("backup.target", f"{config.data} is not empty", "Name an empty folder.")
    place = bucket.read(copy)
    if config.database_url is None or not (copy / database_copy.POSTGRESQL).exists():
        raise LocalFault(
            "companion.database",
            "hubs side by side share a database of PostgreSQL",
            "Move the first hub there (see README), copy it, and give --database or "
            "--database-file.",
        )
    if place is None:
        raise LocalFault(
            "companion.bucket",
            "hubs side by side share a bucket, and the copy names none",
            "Give the first hub a storage.json (see README) and copy it once more.",
        )
    companion.check_schema(config.database_url)
    # A key that is missing, or a bucket that is away, is told before anything is laid out.
    bucket.Bucket(place).listed("repository/metadata/")
    try:
        _lay_out(config, copy)
    except OSError as error:
        shutil.rmtree(config.data, ignore_errors=True)
        raise WorldFault(
            "backup.disk", f"the folder was not made: {error}", "Free some space and try again."
        ) from error
    return {"data": str(config.data), "bucket": str(place)}


def _lay_out(config: Config, copy: Path) -> None:
    # Marked before anything else: a folder of which only a part was made never publishes.
    companion.write_mark(config.data)
    keys = config.online_keys
    keys.mkdir(parents=True, mode=0o700)
    os.chmod(keys.parent, 0o700)
    for path in (copy / "keys" / "online").glob(_KEYS):
        durable.Disk().write(keys / path.name, path.read_bytes(), 0o600)
    for name in ("metadata", "targets", "units"):
        (config.repository / name).mkdir(parents=True)
        source = copy / "repository" / name
        if source.is_dir():
            shutil.copytree(source, config.repository / name, dirs_exist_ok=True)
    shutil.copy2(copy / bucket.FILE, config.data / bucket.FILE)
    database_address.write(config.data, str(config.database_url))
