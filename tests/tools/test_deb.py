"""The Debian packages: laid out, unpacked, their units verified and their programs run."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from edge.service import is_service
from tools import deb

# The package's programs run with Debian's own Python; this suite's must be the same minor version.
PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """Lay every package out as a root file system."""
    top = tmp_path_factory.mktemp("deb")
    for kind in deb.KINDS:
        deb.lay_out(kind, top, "0.0.1")
        shutil.move(top / "DEBIAN", top / kind.name)
    return top


def run(trees, name, module, *words):
    environment = {"PYTHONPATH": str(trees / "usr" / "lib" / name), "PATH": os.environ["PATH"]}
    command = [PYTHON, "-s", "-P", "-m", module, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def test_the_hub_of_the_package_runs_with_all_its_libraries(trees, tmp_path):
    said = run(trees, "chieng-hub", "hub.main", "doctor", "--data", tmp_path / "hub")
    assert said.returncode == 1 and "holds no hub" in said.stderr, said.stderr
    library = trees / "usr" / "lib" / "chieng-hub"
    ask = "from importlib.metadata import version; print(version('chieng'))"
    told = subprocess.run(
        [PYTHON, "-s", "-P", "-c", ask],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(library)},
        timeout=60,
    )
    assert told.stdout.strip() == "0.0.1", told.stderr


def test_the_node_of_the_package_runs_and_holds_no_simulation(trees, tmp_path):
    said = run(trees, "chieng-node", "edge.main", "run", "--config", tmp_path / "none.json")
    assert said.returncode == 2 and "none.json" in said.stdout + said.stderr
    library = trees / "usr" / "lib" / "chieng-node"
    assert not (library / "hw" / "sim").exists() and (library / "serial").is_dir()
    chooser = subprocess.run(
        [PYTHON, "-s", "-P", library / "hw/linux/chooser.py", tmp_path / "images", "run"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(library)},
        timeout=60,
    )
    assert "usage: chieng-node" in chooser.stdout + chooser.stderr


def test_a_node_as_shipped_waits_on_its_service_cable(trees):
    shipped = trees / "etc" / "chieng-node" / "node.json"
    assert is_service(shipped.read_bytes())
    config = json.loads(shipped.read_text())
    assert config["data"] == "/var/lib/chieng-node"
    unit = (trees / "lib/systemd/system/chieng-node.service").read_text()
    assert "ConditionPathExists=/etc/chieng-node/node.json" in unit
    # Pins, the clock chip and the watchdog belong to root unless a rule says otherwise.
    rules = (trees / "lib/udev/rules.d/60-chieng-node.rules").read_text()
    assert re.findall(r'KERNEL=="([^"]+)", GROUP="chieng-node", MODE="0660"', rules) == [
        "gpiochip[0-9]*",
        "i2c-[0-9]*",
        "watchdog|watchdog[0-9]*",
    ]
    assert (trees / "chieng-node" / "conffiles").read_text() == "/etc/chieng-node/node.json\n"


def test_systemd_accepts_the_units(trees):
    shell = trees / "bin"
    shell.mkdir(exist_ok=True)
    (trees / "usr" / "bin" / "python3").symlink_to(PYTHON)
    units = [unit for kind in deb.KINDS for unit in kind.units]
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no"]
    paths = [str(trees / "lib/systemd/system" / unit) for unit in units]
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": str(trees / "lib/systemd/system") + ":"}
    said = subprocess.run(
        [*command, *paths], capture_output=True, text=True, env=environment, timeout=60
    )
    # What is not installed here is all that may be missing.
    ours = [line for line in said.stderr.splitlines() if "chieng" in line]
    assert [line for line in ours if "is not executable" not in line] == []


def test_a_package_is_built_twice_with_the_same_bytes(tmp_path, monkeypatch):
    kind = deb.KINDS[1]._replace(extra="none", folders=("protocols",))
    project = {"version": "1.2", "optional-dependencies": {"none": []}}
    monkeypatch.setattr(deb, "_project", lambda: project)
    first = deb.build(kind, tmp_path / "a").read_bytes()
    assert first == deb.build(kind, tmp_path / "b").read_bytes()
    listed = subprocess.run(
        ["dpkg-deb", "--field", next((tmp_path / "a").glob("*.deb"))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"python3 (>= 3.{sys.version_info.minor})" in listed
    assert "Version: 1.2" in listed
