"""The MicroPython type stubs, laid out as mypy wants to read them."""

import shutil
from importlib import metadata
from pathlib import Path

DISTRIBUTIONS = ("micropython-esp32-stubs", "micropython-stdlib-stubs")


def prepare(top: Path) -> Path:
    """Copy the installed stubs to `.cache/typings` once a version; return that folder.

    mypy refuses a search path inside site-packages, where pip puts them.
    """
    folder = top / ".cache" / "typings"
    stamp = folder / ".versions"
    versions = " ".join(f"{name}={metadata.version(name)}" for name in DISTRIBUTIONS)
    if stamp.exists() and stamp.read_text(encoding="ascii") == versions:
        return folder
    for name in DISTRIBUTIONS:
        for file in metadata.files(name) or []:
            if file.suffix == ".pyi" or file.name == "VERSIONS":
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target)
    stamp.write_text(versions, encoding="ascii")
    return folder
