"""`chieng-tool provision`, `node …` and `verify-sheet` as scripts call them: words, JSON, codes."""

import base64
import http.server
import io
import json
import threading
import types
from pathlib import Path

import pytest

from protocols import enrolment
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.fields import Fields
from protocols.records import CHAINS
from tests.tools.cable_scene import NOW_MS, UNIT, Box, CutPort, Hub, RunningClock
from tests.tools.test_provision_flow import ENTRY, spoken
from tools import node_commands, readings, serial_port
from tools.console import Console
from tools.main import run
from tools.visit_files import VisitFiles

NOW_S = NOW_MS // 1000


class Bench:
    """A laptop with boxes on its ports."""

    def __init__(self, folder, monkeypatch, names=("/dev/a",)):
        clock = RunningClock(NOW_MS)
        self.boxes = {one: Box(seed=one.encode(), clock=clock) for one in names}
        self.strange = set()
        self.folder = folder
        self.hub = Hub()
        self.kit = folder / "kit.json"
        self.kit.write_bytes(self.hub.kit(self.hub.ticket()).encode())
        listed = [
            types.SimpleNamespace(device=one, description="USB", vid=0x0525, pid=0xA4A7)
            for one in names
        ]
        monkeypatch.setattr(serial_port.list_ports, "comports", lambda: listed)
        monkeypatch.setattr(serial_port, "SerialPort", self.port)
        monkeypatch.setattr(serial_port, "WallClock", lambda: clock)

    def port(self, path):
        if path in self.strange:
            port = CutPort(self.boxes[path])
            port.is_missing = True
            return port
        return CutPort(self.boxes[path])

    def tool(self, *words, typed=(), language="vi"):
        """Run a command; return (code, what it printed)."""
        out = io.StringIO()
        source = io.StringIO("".join(line + "\n" for line in typed))
        given = [str(one) for one in words]
        if given[0] in ("provision", "node", "enrolments"):
            given += ["--home", str(self.folder / "home")]
        code = run(given, Console(language, out, source, out), NOW_S)
        return code, out.getvalue()

    def provision(self, *words, **names):
        who = ("--kit", self.kit, "--technician", "Kỹ thuật viên 1")
        return self.tool("provision", *who, *words, **names)

    def batch(self, *entries, phrase=None):
        """Write a batch file and return its path."""
        path = self.folder / "batch.json"
        words = {"root_phrase": phrase or spoken(self.hub), "nodes": list(entries)}
        path.write_text(json.dumps(words), encoding="utf-8")
        return path


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return Bench(tmp_path, monkeypatch)


def test_many_nodes_are_installed_from_one_file_and_told_as_json(tmp_path, monkeypatch):
    bench = Bench(tmp_path, monkeypatch, ("/dev/a", "/dev/b"))
    batch = bench.batch(ENTRY, {**ENTRY, "hamlet": "thon-2", "name": "Cụm hai"})
    ports = ("--port", "/dev/a", "--port", "/dev/b")
    code, out = bench.provision("--batch", batch, "--json", *ports)
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [one["unit"] for one in told] == [UNIT, UNIT]
    assert len({one["node"] for one in told}) == 2
    names = [box.installation.enrolment().body.value("name") for box in bench.boxes.values()]
    assert names == ["Cụm Làng Kon", "Cụm hai"]
    for one in told:
        code, out = bench.tool("verify-sheet", one["sheet"])
        assert code == 0 and one["node"] in out and one["enrolment"] in out
    # Again: what is done stays, and the sheets are written once more.
    code, again = bench.provision("--batch", batch, "--json", *ports)
    assert code == 0 and [json.loads(line) for line in again.splitlines()] == told


def test_exit_codes_tell_a_script_what_happened(bench):
    assert bench.provision("--batch", bench.batch(ENTRY, phrase="khac khac"))[0] == 1
    bench.boxes["/dev/a"].kit.relay.dead = True
    code, out = bench.provision("--batch", bench.batch(ENTRY))
    assert code == 3 and "Có mục kiểm tra không đạt" in out
    code, out = bench.provision("--batch", bench.batch({**ENTRY, "go_on_bad": True}))
    assert code == 0
    assert bench.provision("--batch", bench.batch({"unit": "dong"}))[0] == 0, "resumed"
    assert bench.provision("--batch", bench.folder / "none.json")[0] == 1
    assert bench.tool("verify-sheet", bench.kit)[0] == 1


def test_a_kit_that_was_changed_or_is_another_hubs_is_refused(bench):
    whole = bench.kit.read_bytes()
    other = Hub(b"other")
    forged = bench.hub.kit().value()
    forged["body"]["root"] = other.root.decode()
    for data, code in (
        (whole.replace(b"http://hub.example", b"http://bad.example"), "kit.signature"),
        (json.dumps(forged, separators=(",", ":"), sort_keys=True).encode(), "kit.key"),
    ):
        bench.kit.write_bytes(data)
        status, out = bench.provision("--batch", bench.batch(ENTRY))
        assert status == 1 and code in out
    # Another hub's own kit is whole; the phrase that people compare is another.
    bench.kit.write_bytes(other.kit(other.ticket()).encode())
    status, out = bench.provision("--batch", bench.batch(ENTRY))
    assert status == 1 and "kit.phrase" in out
    assert not bench.boxes["/dev/a"].installation.is_installed


def test_readings_are_said_in_a_persons_words():
    read = {"samples_25": 9, "milliwatts_25": 13300, "heard": 0, "wall_s": NOW_S, "neu": 3}
    assert readings.told("vi", read).startswith("mức 25 %: 13,3 W, người lắp nghe: ✗, 20")
    assert readings.told("en", read).startswith("at 25 %: 13.3 W, heard by ear: ✗, 20")
    assert readings.told("en", read).endswith(", neu 3")
    coils = {"coil_on": 1, "coil_off": 0}
    assert readings.told("vi", coils) == "lệnh đóng → đóng, lệnh ngắt → ngắt"
    assert readings.told("en", {"latitude_e6": -13_980_000}) == "-13.980000"
    # A node's clock may say anything.
    assert readings.told("vi", {"wall_s": 2**53 - 1}) == f"wall_s {2**53 - 1}"


def test_a_photo_on_the_sheet_is_signed_for(bench):
    photo = bench.folder / "tu.jpg"
    photo.write_bytes(b"GIF89a")
    code, out = bench.provision("--batch", bench.batch(ENTRY), "--photo", photo)
    assert code == 1 and "Ảnh phải là JPEG" in out
    photo.write_bytes(b"\xff\xd8\xff\xe0 a picture of the cabinet")
    _, out = bench.provision("--batch", bench.batch(ENTRY), "--photo", photo, "--json")
    path = Path(json.loads(out)["sheet"])
    page = path.read_bytes()
    encoded = base64.b64encode(photo.read_bytes())
    assert encoded in page and bench.tool("verify-sheet", path)[0] == 0
    for changed in (page.replace(encoded, encoded[::-1]), page.replace(encoded, b"!")):
        path.write_bytes(changed)
        assert bench.tool("verify-sheet", path)[0] == 1
    # Run again, without the photo: the sheet that shows it stays.
    path.write_bytes(page)
    assert bench.provision("--batch", bench.batch(ENTRY), "--json")[0] == 0
    assert path.read_bytes() == page


def test_a_batch_entry_that_names_nothing_exactly_is_refused_by_its_field(bench):
    code, out = bench.provision("--batch", bench.batch({**ENTRY, "unit": "nowhere"}))
    assert code == 1 and "tool.batch" in out and "unit" in out
    assert not bench.boxes["/dev/a"].installation.is_installed
    for words in ("[]", '{"nodes": 3, "root_phrase": "x"}', "{", '{"nodes": [1]}'):
        path = bench.folder / "batch.json"
        path.write_text(words)
        code, out = bench.provision("--batch", path)
        assert code == 1 and "tool.batch" in out


def test_the_port_is_found_asked_for_or_named(tmp_path, monkeypatch):
    bench = Bench(tmp_path, monkeypatch, ("/dev/a", "/dev/b", "/dev/c"))
    bench.strange = {"/dev/c"}
    code, out = bench.tool("node", "info", "--json")
    assert code == 1 and "Có nhiều cụm thu đang cắm" in out
    code, out = bench.tool("node", "info", typed=["7", "x", "2"])
    second = out.rpartition("Mã cụm thu: ")[2].splitlines()[0]
    assert code == 0 and "  2. /dev/b  " + second in out
    assert "/dev/c" not in out, "nobody answers there"
    bench.strange = {"/dev/b", "/dev/c"}
    code, out = bench.tool("node", "info", "--json")
    assert code == 0 and json.loads(out)["state"] == "new"
    bench.strange = set(bench.boxes)
    assert bench.tool("node", "info", "--json")[0] == 1
    monkeypatch.setattr(serial_port.list_ports, "comports", list)
    code, out = bench.tool("node", "info")
    assert code == 4 and "Không có cổng USB nối tiếp nào" in out


def test_a_node_is_looked_after_by_words(bench):
    assert bench.provision("--batch", bench.batch(ENTRY))[0] == 0
    code, out = bench.tool("node", "info")
    assert code == 0 and "Tên: Cụm Làng Kon" in out and "đã ghi danh" in out
    code, out = bench.tool("node", "set-clock", "--json")
    assert code == 0 and abs(json.loads(out)["differs_ms"]) < 600_000
    code, out = bench.tool("node", "test")
    assert code in (0, 1)
    code, out = bench.tool("node", "wipe", "--json")
    assert code == 1 and "Nút xóa chưa được giữ đủ năm giây" in out
    bench.boxes["/dev/a"].button.held = True
    code, out = bench.tool("node", "wipe", "--json")
    assert code == 0 and json.loads(out) == {"wipes": 1}
    assert not bench.boxes["/dev/a"].installation.is_installed


def test_a_swap_takes_the_old_nodes_place_from_the_laptop_or_its_sheet(tmp_path, monkeypatch):
    bench = Bench(tmp_path, monkeypatch, ("/dev/a", "/dev/b"))
    _, out = bench.provision("--batch", bench.batch(ENTRY), "--json", "--port", "/dev/a")
    first = json.loads(out)
    typed = ["", "", "", "", "", "", "", "có", "", "có"]
    who = ("--kit", bench.kit, "--technician", "Kỹ thuật viên 2", "--port", "/dev/b")
    code, out = bench.tool("node", "swap", *who, "--old", "n-000000000000")
    assert code == 1 and "Máy này không biết cụm cũ" in out
    code, out = bench.tool("node", "swap", *who, "--old", first["sheet"], typed=typed)
    assert code == 0, out
    body = bench.boxes["/dev/b"].installation.enrolment().body
    assert body.value("replaces") == first["node"] and body.value("hamlet") == "lang-kon"
    code, out = bench.tool("enrolments", "export", "--out", tmp_path / "usb", "--json")
    assert code == 0 and json.loads(out)["files"] == 2
    assert len(list((tmp_path / "usb").glob("*.enrolment.json"))) == 2


def test_without_a_network_nothing_is_lost(bench):
    assert bench.provision("--batch", bench.batch(ENTRY))[0] == 0
    words = ("--kit", bench.kit, "--hub", "http://127.0.0.1:1")
    code, out = bench.tool("enrolments", "send", *words)
    assert code == 1 and "Chưa tới được trung tâm" in out
    code, out = bench.tool("enrolments", "list")
    assert code == 0 and "chờ gửi" in out
    assert bench.tool("enrolments", "send")[0] == 1, "no kit"


@pytest.mark.parametrize("who", ["hub", "stranger", "page", "other-node"])
def test_only_the_kits_own_hub_can_say_that_a_node_is_enrolled(bench, who):
    _, out = bench.provision("--batch", bench.batch(ENTRY), "--json")
    told = json.loads(out)
    signer = Hub(b"stranger") if who == "stranger" else bench.hub
    digest = "0" * 64 if who == "other-node" else told["enrolment"]
    verdict = enrolment.Verdict(digest, told["node"], enrolment.ENROLLED, "", "", "")
    answer = enrolment.build_answer(verdict, NOW_S, bench.hub.key_id, signer.key.sign).encode()
    body = b"<html>log in</html>" if who == "page" else answer

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        code, out = bench.tool("enrolments", "send", "--kit", bench.kit, "--hub", address)
        server.shutdown()
    assert (code == 0) == (who == "hub"), out
    code, out = bench.tool("enrolments", "list", "--json")
    assert json.loads(out)["state"] == ("enrolled" if who == "hub" else "waiting")


def test_a_lost_port_in_a_command_is_one_sentence(bench, monkeypatch):
    async def broken(self):
        raise WorldFault("serial.permission", "no", "Join the group dialout.")

    monkeypatch.setattr(CutPort, "open", broken)
    code, out = bench.tool("node", "info", "--port", "/dev/a")
    assert code == 1 and out.startswith("Máy tính không cho mở cổng")


SHARED = {"content-digest": "d", "content-type": "t", "signature": "s", "signature-input": "i"}
BATCH = {"epoch": "e1", "position": 1, "length": 14, "host": "h", "path": "/v1/records",
         "headers": SHARED}  # fmt: skip


class Liar:
    """A box that answers as it likes: one batch of one record, under any name."""

    def __init__(self, node="n-1", body=b'{"records":[1]}', **batch):
        self.node, self.body = node, body
        self.batch = {**BATCH, "length": len(body), **batch}

    async def ask(self, step, _piece=b"", **words):
        if step == "identity":
            return Fields({"node": self.node}, "answer"), b""
        if step == "piece":
            return Fields({}, "answer"), self.body
        done = words["position"] >= 1
        return Fields({**self.batch, "length": 0} if done else self.batch, "answer"), b""


async def pulled(home, liar):
    options = types.SimpleNamespace(home=home, hub="http://hub", json=True)
    context = types.SimpleNamespace(options=options)
    return await node_commands.pull_records(context, liar)


async def test_records_of_a_box_stand_in_their_folder(tmp_path):
    assert (await pulled(tmp_path / "home", Liar()))["records"] == len(CHAINS)
    names = sorted(one.name for one in (tmp_path / "home" / "records").iterdir())
    assert names == sorted(f"n-1~{chain}~e1~1-1.http" for chain in CHAINS)


@pytest.mark.parametrize(
    "liar",
    [
        Liar(node="../../out"),
        Liar(node="/" + "x" * 9),
        Liar(node="n\n1"),
        Liar(epoch="../e"),
        Liar(epoch="a~b"),
        Liar(position=5, body=b'{"records":[]}'),
        Liar(body=b"[" * 9000),
        Liar(body=b"no json"),
        Liar(body=b"{}"),
        Liar(headers=[]),
        Liar(headers={**SHARED, "signature": "a\r\nhost: b"}),
        Liar(path="v1"),
        Liar(host=7),
    ],
)
async def test_a_box_puts_nothing_elsewhere_and_breaks_no_tool(tmp_path, liar):
    with pytest.raises(Fault):
        await pulled(tmp_path / "home", liar)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_a_node_without_a_possible_name_has_no_files(tmp_path):
    files = VisitFiles(tmp_path)
    for ask in (files.answer, files.sheet, lambda name: files.keep_answer(name, b"")):
        with pytest.raises(RemoteFault, match=r"visit\.name"):
            ask("../x")
    assert files.enrolment("../x") is None
