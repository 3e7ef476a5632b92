"""`chieng-hub` as a person types it: processes, files, exit codes."""

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from hub.addresses import address, is_loopback
from hub.main import main
from hub.serve import Where, lasting, serve
from protocols.errors import LocalFault, WorldFault
from tests.deadline import killed_after
from tests.hub.conftest import COMMUNE

HUB = [sys.executable, "-m", "hub.main"]


@pytest.fixture
def sheets_file(passphrases, tmp_path):
    path = tmp_path / "sheets.json"
    path.write_text(json.dumps(passphrases))
    return str(path)


@pytest.fixture
def run(config, capsys):
    """Run one command on the founded hub; give its exit code and output."""

    def command(*words, data=None):
        code = main([words[0], "--data", str(data or config.data), *words[1:]])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out.startswith("{") else out, err

    return command


def test_a_hub_is_founded_once_and_its_sheets_open_it(run, tmp_path):
    new, stick = tmp_path / "new", tmp_path / "stick"
    sheets = str(tmp_path / "new-sheets.json")
    words = ("init", "--group", "03", "--offline-keys", str(stick), "--sheets", sheets)
    code, printed, _ = run(*words, data=new)
    assert code == 0 and "sheets.json" in printed["sheets"]
    assert (tmp_path / "new-sheets.json").stat().st_mode & 0o777 == 0o600
    assert sorted(path.stem for path in stick.glob("*.json")) == [
        "firmware-1",
        "root-1",
        "root-2",
        "root-3",
        "targets-1",
    ]
    assert not any("PRIVATE" in path.read_text() for path in stick.glob("*.json"))
    code, _, complaint = run(*words, data=new)
    assert code == 1 and "[repository.exists]" in complaint
    code, printed, _ = run(
        *("unit", "add", "--id", "03.a1", "--name", "Xã Mới", "--approver", "moi-1=Người mới"),
        *("--registrar-passphrase-file", sheets, "--sheets", sheets),
        data=new,
    )
    assert code == 0
    assert set(json.loads((tmp_path / "new-sheets.json").read_text())) >= {"moi-1", "root-1"}


def test_a_node_is_registered_and_revoked(run):
    key = "ab" * 32
    words = ("node", "add", "--id", "loa-9", "--unit", COMMUNE, "--public-key", key)
    assert run(*words, "--name", "Cụm 9", "--hamlet", "thon-2")[0] == 0
    code, _, complaint = run(*words)
    assert code == 1 and "[fleet.node_id]" in complaint and complaint.count("\n") == 2
    assert run("node", "revoke", "--id", "loa-9")[1]["state"] == "revoked"
    assert run("hamlet", "add", "--unit", COMMUNE, "--id", "thon-9", "--name", "Thôn 9")[0] == 0
    code, printed, _ = run("audit")
    assert code == 0 and printed["whole"] and printed["entries"] > 3


def test_a_bulletin_is_published_and_recalled_by_hand(run, sheets_file, tmp_path):
    text = tmp_path / "tin.txt"
    text.write_text("Mời bà con họp thôn lúc 19h.")
    words = ("--approver", "xa-1", "--passphrase-file", sheets_file)
    base = ("publish", "--unit", COMMUNE, "--title", "Họp thôn", "--text-file", str(text), *words)
    assert run("policy", "set", "--unit", COMMUNE, "--quiet", "22:00-04:30")[0] == 0
    code, printed, _ = run(*base, "--daily", "05:30", "--daily", "23:00", "--until", "2099-01-01")
    assert code == 1
    code, printed, _ = run(*base, "--at", "2099-01-01T23:00")
    assert code == 0 and printed["published"] and printed["in_quiet_hours"] == "22:00–04:30"
    code, printed, _ = run("recall", "--bulletin", printed["bulletin"], *words)
    assert code == 0 and printed["recalled"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("audit",), "[hub.not_founded]"),
        (("policy", "set", "--unit", "x", "--quiet", "late"), "[hub.not_founded]"),
    ],
)
def test_a_folder_without_a_hub_says_what_to_do(run, tmp_path, words, said):
    code, _, complaint = run(*words, data=tmp_path / "nowhere")
    assert code == 1 and said in complaint and "chieng-hub init" in complaint


def test_wrong_words_and_files_are_told(run, sheets_file):
    for words, said in (
        (("policy", "set", "--unit", COMMUNE, "--quiet", "late"), "[policy.band]"),
        (("policy", "set", "--unit", COMMUNE, "--quiet", "99:00-05:00"), "[format.field]"),
        (
            ("publish", "--unit", COMMUNE, "--title", "x", "--text-file", "/nowhere")
            + ("--approver", "xa-1", "--passphrase-file", sheets_file),
            "/nowhere: No such file",
        ),
        (
            ("recall", "--bulletin", "b0", "--approver", "nobody", "--passphrase-file")
            + (sheets_file,),
            "[keys.sheets]",
        ),
        (("node", "add", "--id", "x", "--unit", COMMUNE, "--public-key", "ab"), "ab: No such"),
    ):
        code, _, complaint = run(*words)
        assert code == 1 and said in complaint, (words, complaint)


@pytest.mark.parametrize("listen", ["0.0.0.0", "192.168.1.5", "::", "hub.example"])
async def test_pages_are_never_offered_to_others(config, listen):
    assert not is_loopback(listen)
    stop = asyncio.Event()
    with pytest.raises(LocalFault) as caught:
        await serve(config, Where("0.0.0.0:0", f"{listen}:0"), stop)
    assert caught.value.code == "hub.exposed"


def test_addresses_are_read_or_refused():
    assert address("[::1]:80") == ("::1", 80)
    for wrong in ("", "80", ":80", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999"):
        with pytest.raises(LocalFault):
            address(wrong)


async def test_serve_answers_until_it_is_told_to_stop(config):
    command = [*HUB, "serve", "--data", str(config.data), "--listen", "0.0.0.0:0"]
    command += ["--pages", "127.0.0.1:0"]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        stack.callback(process.kill)
        stack.enter_context(killed_after(process))
        found, said = {}, []
        while len(found) < 2:
            said.append(await asyncio.to_thread(process.stderr.readline))
            assert said[-1], said
            match = re.search(r"(nodes|pages): http://[0-9.]+:(\d+)/", said[-1])
            if match:
                found[match[1]] = f"http://127.0.0.1:{match[2]}"
        path = f"/v1/units/{COMMUNE}/metadata/timestamp.json"
        with await asyncio.to_thread(urllib.request.urlopen, found["nodes"] + path) as answer:
            assert answer.status == 200
        with await asyncio.to_thread(urllib.request.urlopen, found["pages"] + "/") as answer:
            assert answer.url.endswith("/login?next=/")
            assert "Đăng nhập" in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError):
            await asyncio.to_thread(urllib.request.urlopen, found["nodes"] + "/")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


async def test_what_broke_off_begins_again():
    begun = []

    async def work():
        begun.append(True)
        if len(begun) < 3:
            raise WorldFault("hub.storage", "a full disk", "Free some space.")
        await asyncio.Event().wait()

    task = asyncio.create_task(lasting(work, 0.01))
    async with asyncio.timeout(5):
        while len(begun) < 3:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
