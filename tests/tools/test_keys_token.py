"""A root key and an approver's key on a PKCS#11 token, used by the command itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.repository.signers import fingerprint
from tests.hub.repository_world import serving
from tests.tools.tool_desk import Desk
from tools.key_files import public_key

LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "271828"


@pytest.fixture
def environment(tmp_path):
    """Make a token with a P-256 and an RSA key; SoftHSM reads its settings once a process."""
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    environment = {**os.environ, "SOFTHSM2_CONF": str(settings)}
    login = ["--login", "--pin", PIN]
    for words in (
        ["--init-token", "--slot-index", "0", "--label", "holder", "--so-pin", "31415926"],
        ["--login", "--login-type", "so", "--so-pin", "31415926", "--init-pin", "--new-pin", PIN],
        [*login, "--keypairgen", "--key-type", "EC:prime256v1", "--id", "02"],
        [*login, "--keypairgen", "--key-type", "rsa:2048", "--id", "03"],
    ):
        command = ["pkcs11-tool", "--module", LIBRARY, *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    return environment


def tool(environment, *words, typed):
    command = [sys.executable, "-m", "tools.main", "--lang", "en", *map(str, words)]
    text = "".join(line + "\n" for line in typed)
    top = Path(__file__).parents[2]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, env=environment, cwd=top
    )


def test_keys_on_a_token_join_and_sign(tmp_path, environment):
    desk = Desk(tmp_path)
    desk.found()
    for kind, number in (("root", 2), ("approver", 3)):
        words = ["keys", "token", "--holder", desk.stick("card"), "--kind", kind]
        words += ["--library", LIBRARY, "--number", number, "--label", "holder"]
        done = tool(environment, *words, typed=[PIN])
        assert done.returncode == 0, done.stderr
        assert PIN not in desk.key(kind, "card").read_text(encoding="utf-8")
    root = ["keys", "root", "--data", desk.data, "--add-key", desk.key("root", "card")]
    typed = [desk.sheets["root-an"], desk.sheets["root-binh"], PIN]
    done = tool(environment, *root, *desk.roots("an", "binh"), typed=typed)
    assert done.returncode == 0, done.stderr
    assert fingerprint(public_key(desk.key("root", "card"))) in desk.key_ids("root")
    words = ["--unit", "03.a", "--approver", desk.key("approver", "card")]
    desk.keys("unit", *words, "--key", desk.key("registrar", "r"))
    path = desk.export(b'{"not":"a bundle"}', kind="alert")
    done = tool(
        environment, "sign", path, "--key", desk.key("approver", "card"), "--yes", typed=[PIN]
    )
    assert done.returncode == 1 and "format.field" in done.stderr
    out = ["--unit", "03.a", "--title", "Lũ", "--out", tmp_path / "usb", "--yes"]
    key = ["--key", desk.key("approver", "card")]
    done = tool(environment, "alert", *out, *key, typed=[PIN])
    assert done.returncode == 0, done.stderr
    done = tool(environment, "alert", *out, *key, typed=["999999"])
    assert done.returncode == 1 and "token." in done.stderr and "→" in done.stderr
    with serving(desk.data / "repository") as desk.url:
        desk.publish(b"programme")
        desk.still_reads()
