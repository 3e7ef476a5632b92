"""`make deb`: Debian packages of hub and node, from this tree and the locked wheels in `.venv`.

Debian's own versions of most of what the hub imports are years old, so each package carries its
Python libraries in a folder of its own. The same tree and the same wheels make the same bytes.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

TOP = Path(__file__).parents[1]
KIT = TOP / "tools" / "package"
# What a machine in the field never runs.
_LEFT_OUT = {"__pycache__", "sim", "micropython"}


class Kind(NamedTuple):
    """Describe one package: which folders and extras it holds, and what Debian must add."""

    name: str
    said: str
    folders: tuple[str, ...]
    module: str
    extra: str
    depends: tuple[str, ...]
    units: tuple[str, ...]
    examples: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


KINDS = (
    Kind(
        "chieng-hub",
        "hub for commune loudspeakers and public boards",
        ("hub", "protocols"),
        "hub.main",
        "hub",
        ("adduser", "ffmpeg", "espeak-ng", "fonts-noto-core"),
        ("chieng-hub.service", "chieng-hub-backup.service", "chieng-hub-backup.timer"),
        ("nginx.conf",),
    ),
    Kind(
        "chieng-node",
        "node agent for a loudspeaker cluster or a public board",
        ("edge", "hw", "protocols"),
        "edge.main",
        "node",
        ("adduser", "ffmpeg", "libasound2"),
        ("chieng-node.service",),
        settings=("node.json",),
        rules=("60-chieng-node.rules",),
    ),
)


def main() -> int:
    """Build every package into a folder; print their paths."""
    parser = argparse.ArgumentParser(description="Build the Debian packages.")
    parser.add_argument("--out", type=Path, default=TOP / "dist")
    parser.add_argument("--only", choices=[kind.name for kind in KINDS])
    chosen = parser.parse_args()
    for kind in KINDS:
        if chosen.only in (None, kind.name):
            print(build(kind, chosen.out))
    return 0


def _project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    return found


def build(kind: Kind, out: Path) -> Path:
    """Return the path of one package, freshly built."""
    version = _project()["version"]
    tree = out / f".{kind.name}"
    shutil.rmtree(tree, ignore_errors=True)
    lay_out(kind, tree, version)
    machine = _machine()
    path = out / f"{kind.name}_{version}_{machine}.deb"
    # One date for all files, whatever the day: the same tree makes the same bytes.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1751328000"}
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", str(tree), str(path)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return path


def lay_out(kind: Kind, tree: Path, version: str) -> None:
    """Make the tree of files that a package holds."""
    library = tree / "usr" / "lib" / kind.name
    for folder in kind.folders:
        shutil.copytree(TOP / folder, library / folder, ignore=_left_out)
    for found in closure(kind.extra):
        _copy_library(found, library)
    # `importlib.metadata` finds the version here, as it does where pip installed the tree.
    about = library / f"chieng-{version}.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text(f"Metadata-Version: 2.1\nName: chieng\nVersion: {version}\n")
    words = {"NAME": kind.name, "MODULE": kind.module}
    _copy(KIT / "launcher", tree / "usr" / "bin" / kind.name, 0o755, **words)
    for unit in kind.units:
        _copy(KIT / unit, tree / "lib" / "systemd" / "system" / unit)
    for rule in kind.rules:
        _copy(KIT / rule, tree / "lib" / "udev" / "rules.d" / rule)
    papers = tree / "usr" / "share" / "doc" / kind.name
    for name in ("README.md", "CHANGELOG.md", "THREATS.md", "HARDWARE.md"):
        _copy(TOP / name, papers / name)
    for name in kind.examples:
        _copy(KIT / name, papers / "examples" / name)
    for name in kind.settings:
        _copy(KIT / name, tree / "etc" / kind.name / name)
    _copy(KIT / f"{kind.name}.postinst", tree / "DEBIAN" / "postinst", 0o755)
    _copy(KIT / "prerm", tree / "DEBIAN" / "prerm", 0o755)
    # What an operator changes there outlives the next version.
    kept = "".join(f"/etc/{kind.name}/{name}\n" for name in kind.settings)
    (tree / "DEBIAN" / "conffiles").write_text(kept)
    (tree / "DEBIAN" / "control").write_text(_control(kind, tree, version))


def _control(kind: Kind, tree: Path, version: str) -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    after = f"{sys.version_info.major}.{sys.version_info.minor + 1}"
    # Compiled wheels fit one Python alone.
    depends = [f"python3 (>= {python})", f"python3 (<< {after})", *kind.depends]
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    return (
        f"Package: {kind.name}\nVersion: {version}\nArchitecture: {_machine()}\n"
        "Maintainer: the operator who built it <root@localhost>\nSection: net\n"
        f"Priority: optional\nInstalled-Size: {size // 1024}\nDepends: {', '.join(depends)}\n"
        f"Description: Chieng, {kind.said}\n"
        " Signed programmes that keep playing with no network, and records of what was heard.\n"
    )


def _machine() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def closure(extra: str) -> list[Distribution]:
    """Return the installed distributions that an extra needs, with all that they need."""
    waiting = [Requirement(one) for one in _project()["optional-dependencies"][extra]]
    found: dict[str, Distribution] = {}
    while waiting:
        wanted = waiting.pop()
        name = wanted.name.lower().replace("_", "-")
        if name in found:
            continue
        found[name] = distribution(wanted.name)
        extras = [*wanted.extras, ""]
        for one in map(Requirement, found[name].requires or []):
            if one.marker is None or any(one.marker.evaluate({"extra": x}) for x in extras):
                waiting.append(one)
    return [found[name] for name in sorted(found)]


def _copy_library(found: Distribution, library: Path) -> None:
    for file in found.files or []:
        if file.parts[0] in ("..", "/") or "__pycache__" in file.parts:
            continue
        _copy(Path(str(found.locate_file(file))), library / file)


def _left_out(_folder: str, names: list[str]) -> set[str]:
    return set(names) & _LEFT_OUT


def _copy(source: Path, target: Path, mode: int = 0o644, **words: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if words:
        text = source.read_text()
        for name, value in words.items():
            text = text.replace(f"@{name}@", value)
        target.write_text(text)
    else:
        shutil.copyfile(source, target)
    target.chmod(mode)


if __name__ == "__main__":
    sys.exit(main())
