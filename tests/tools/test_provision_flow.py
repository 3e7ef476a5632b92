"""A whole visit in one process: cut anywhere, resumed, refused with a sentence."""

import asyncio
import hashlib
import io
import random
import types

import pytest

from protocols import enrolment, kit, paper
from protocols.errors import Fault
from protocols.phrase import phrase
from tests.tools.cable_scene import NOW_MS, OLD_UNIT, UNIT, Box, CutPort, Hub, line
from tools import sheet
from tools.console import Console
from tools.provision_flow import Visit
from tools.visit_files import VisitFiles
from tools.visit_guides import Prepared, Terminal
from tools.visit_messages import SENTENCES

NOW_S = NOW_MS // 1000
ENTRY = {"unit": UNIT, "hamlet": "lang-kon", "name": "Cụm Làng Kon", "map": "13.98, 108.01"}
ENTRY |= {"pin": "1234", "apn": "m-wap", "heard": True}


def spoken(hub):
    return phrase(hashlib.sha256(hub.root).digest())


def start(box, port, tmp_path, hub=None, entry=ENTRY, tickets=None, now_s=NOW_S, name=b"visit--1"):
    """Return (line, visit) of one technician."""
    hub = hub or Hub()
    found, _ = kit.read(hub.kit(*(tickets if tickets is not None else [hub.ticket()])).encode())
    cable = line(box, port, name)
    guide = Prepared(entry, spoken(hub), None)
    return cable, Visit(cable, guide, found, [], VisitFiles(tmp_path), now_s)


async def whole(box, port, tmp_path, **names):
    cable, visit = start(box, port, tmp_path, **names)
    await cable.open()
    return await visit.run("Kỹ thuật viên 1")


def run(box, port, tmp_path, **names):
    return asyncio.run(whole(box, port, tmp_path, **names))


def test_a_box_becomes_a_node_and_its_sheet_proves_it(tmp_path):
    box = Box()
    made = run(box, CutPort(box), tmp_path)
    found = sheet.verify(made)
    assert found.unit == UNIT and found.place_e6 == (13_980_000, 108_010_000)
    verdicts = {one.name: one.verdict for one in found.checks}
    assert verdicts["relay"] == verdicts["tone"] == "good" and verdicts["board"] == "absent"
    config = box.installation.config()
    assert config.node == found.node and config.amplifier["idle_milliwatts"] == 8000
    assert tuple(config.sim) == ("m-wap", "1234")
    page = sheet.page(Console("vi"), found, made, None)
    assert sheet.read(page).digest() == made.digest() and b"1234" not in made.encode()
    changed = page.replace("Kỹ thuật viên 1".encode(), "Kỹ thuật viên 2".encode())
    with pytest.raises(Fault) as caught:
        sheet.verify(sheet.read(changed))
    assert caught.value.code == "sheet.signature"


def test_an_unplugged_cable_at_any_frame_or_byte_makes_one_whole_node(tmp_path):
    box = Box()
    port = CutPort(box)
    run(box, port, tmp_path / "first")
    places = [(cut, False) for cut in port.written]
    drawn = random.Random(6)
    places += [(drawn.randrange(port.bytes), drawn.random() < 0.5) for _ in range(200)]
    for cut, power in places:
        box, files = Box(), tmp_path / "q"
        made = run(box, CutPort(box, [cut], power), files)
        queue = VisitFiles(files).enrolments()
        assert [one.digest() for _, one in queue] == [made.digest()], (cut, power)
        assert box.installation.enrolment().digest() == made.digest(), (cut, power)
        assert box.installation.config().place.unit == UNIT
        for path in (files / "queue").iterdir():
            path.unlink()


def test_a_tool_that_dies_at_any_frame_is_run_again_and_finishes(tmp_path):
    box = Box()
    port = CutPort(box)
    run(box, port, tmp_path / "first")
    for cut in port.written[1::6]:
        box, files = Box(), tmp_path / str(cut)
        broken = CutPort(box, [cut])

        async def die(path=files, port=broken, box=box):
            cable, visit = start(box, port, path)
            await cable.open()
            port.is_missing = True
            await visit.run("Kỹ thuật viên 1")

        with pytest.raises(Fault):
            asyncio.run(die())
        before = box.installation.enrolment()
        made = run(box, CutPort(box), files, name=b"visit--2")
        assert box.installation.enrolment().digest() == made.digest()
        assert before is None or before.digest() == made.digest()
        assert len(VisitFiles(files).enrolments()) == 1


@pytest.mark.parametrize(
    "code",
    [
        "ticket.none",
        "ticket.unit",
        "ticket.expired",
        "ticket.root",
        "ticket.signature",
        "provision.enrolled",
        "tool.clock",
        "kit.phrase",
        "kit.unit_ended",
        "provision.check",
    ],
)
def test_bad_input_is_one_sentence_and_leaves_the_node_as_it_was(code, tmp_path):
    hub, box, names = Hub(), Box(), {}
    if code == "ticket.none":
        names["tickets"] = []
    elif code == "ticket.unit":
        names["tickets"] = [hub.ticket("03.b")]
    elif code == "ticket.expired":
        names["tickets"] = [hub.ticket(days=-1)]
    elif code == "ticket.root":
        names["tickets"] = [hub.ticket(root=b"another")]
    elif code == "ticket.signature":
        good = hub.ticket()
        names["tickets"] = [paper.Paper(good.format, good.body, bytes(64), good.message)]
    elif code == "provision.enrolled":
        run(box, CutPort(box), tmp_path / "other", name=b"visit--0")
        names["tickets"] = [hub.ticket(name="ve-2")]
    elif code == "tool.clock":
        names["now_s"] = NOW_S - 10 * 86400
    elif code == "kit.unit_ended":
        names["entry"] = {**ENTRY, "unit": OLD_UNIT}
    elif code == "provision.check":
        box.kit.relay.dead = True
    before = box.installation.enrolment()
    with pytest.raises(Fault) as caught:
        if code == "kit.phrase":
            cable, visit = start(box, CutPort(box), tmp_path)
            visit._guide = Prepared(ENTRY, "another phrase", None)
            asyncio.run(opened(cable, visit))
        else:
            run(box, CutPort(box), tmp_path, **names)
    assert caught.value.code == code
    errors = io.StringIO()
    Console("vi", errors=errors).fault(caught.value)
    assert errors.getvalue().splitlines()[0] == SENTENCES[code]
    after = box.installation.enrolment()
    assert after == before or after.digest() == before.digest()
    assert VisitFiles(tmp_path).enrolments() == []


def test_a_wipe_needs_the_held_button_and_makes_a_new_key(tmp_path):
    box = Box()
    first = run(box, CutPort(box), tmp_path)

    async def wipe(session):
        cable = line(box, CutPort(box), session)
        await cable.open()
        return await cable.ask("wipe", wipes=0)

    with pytest.raises(Fault) as caught:
        asyncio.run(wipe(b"visit--2"))
    assert caught.value.code == "provision.button" and box.installation.is_installed
    box.button.held = True
    asyncio.run(wipe(b"visit--4"))
    again = enrolment.read_enrolment(run(box, CutPort(box), tmp_path, name=b"visit--3"))
    assert again.wipes == 1
    assert again.public_key != enrolment.read_enrolment(first).public_key


def test_after_enrolment_the_cable_looks_and_carries_and_changes_nothing(tmp_path):
    hub, box = Hub(), Box()
    tape = []

    class Tapped(CutPort):
        async def read(self, timeout_ms):
            tape.append(await CutPort.read(self, timeout_ms))
            return tape[-1]

    made = run(box, Tapped(box), tmp_path, hub=hub)
    files, switched = dict(box.storage.files), list(box.kit.relay.switched)
    root, other = hub.root, hub.ticket(name="ve-2")
    sha256 = hashlib.sha256(root).hexdigest()
    refused = [
        ("part", b"", {"part": "place", "value": {"unit": UNIT}}),
        ("part", b"", {"part": "network", "value": {"apn": "x", "pin": ""}}),
        ("part", b"", {"part": "hub", "value": {"addresses": ["http://evil.example"]}}),
        ("part", b"", {"part": "devices", "value": {}}),
        ("root", b"evil", {"sha256": sha256, "length": 4, "offset": 0}),
        ("probe", b"", {}),
        ("heard", b"", {"heard": True}),
        ("enrol", other.encode(), {"technician": "x", "laptop_s": NOW_S}),
        ("check", b"", {"name": "relay"}),
        ("check", b"", {"name": "tone"}),
        ("wipe", b"", {"wipes": 0}),
    ]

    async def scene():
        cable = line(box, Tapped(box), b"visit--7")
        await cable.open()
        for step, piece, words in refused:
            with pytest.raises(Fault):
                await cable.ask(step, piece, **words)
        known, _ = await cable.ask("identity")
        return known, (await cable.ask("paper"))[1]

    known, data = asyncio.run(scene())
    assert box.storage.files == files and data == made.encode()
    assert sorted(box.desk._steps) == sorted({one[0] for one in refused} | LOOKS)
    assert known.value("draft") == {} and box.kit.relay.switched == switched
    secret, said = box.storage.files["identity.key"][:32], b"".join(tape)
    assert secret not in said and secret.hex().encode() not in said and b"1234" not in said


LOOKS = {"identity", "paper", "clock"}


def test_a_draft_that_is_shown_to_the_next_tool_holds_no_secret(tmp_path):
    box = Box()
    port = CutPort(box)
    box.kit.relay.dead = True
    with pytest.raises(Fault):
        run(box, port, tmp_path)

    async def scene():
        cable = line(box, CutPort(box), b"visit--7")
        await cable.open()
        return (await cable.ask("identity"))[0]

    known = asyncio.run(scene())
    draft = known.nested("draft")
    assert draft.nested("network").values == {"apn": "m-wap", "given": True}
    assert draft.nested("place").value("unit") == UNIT and "1234" not in str(known.values)


MODEM = {"modem": {"kind": "ec25", "port": "x"}, "interface": "wwan0"}


@pytest.mark.parametrize("pin", ["", "1234", "9999"])
def test_the_modem_tells_its_signal_and_its_place(tmp_path, pin):
    hub, box = Hub(), Box(**MODEM)
    box.kit.pin = pin
    found, _ = kit.read(hub.kit(hub.ticket()).encode())
    typed = ["vinh dong", "kon", "", "1", "gps", "", "", "1234", "", "có", "", "có", "có"]
    out = io.StringIO()
    console = Console("vi", out, io.StringIO("\n".join(typed) + "\n"), out)
    cable = line(box, CutPort(box))
    visit = Visit(cable, Terminal(console), found, [], VisitFiles(tmp_path), NOW_S)
    made = asyncio.run(opened(cable, visit))
    told = enrolment.read_enrolment(made)
    assert told.place_e6 == (13_980_000, 108_010_000)
    (modem,) = [one for one in told.checks if one.name == "modem"]
    if pin == "9999":
        # The wrong PIN was given once, and will not be given again by the agent either.
        assert modem.verdict == "bad" and modem.readings["sim_ready"] == 0
        assert box.kit.at.tries == 2
    else:
        assert modem.verdict == "good"
        assert modem.readings == {"sim_ready": 1, "registered": 1, "signal_dbm": -79}
    page = sheet.page(console, told, made, found).decode()
    assert "Sóng modem" in page and "Tọa độ theo vệ tinh" in page


async def opened(cable, visit):
    await cable.open()
    return await visit.run("Kỹ thuật viên 1")


def test_in_service_the_modem_is_told_as_the_agent_saw_it_last(tmp_path):
    box = Box(**MODEM)
    run(box, CutPort(box), tmp_path)
    watched = types.SimpleNamespace(seen={"sim": "ready", "registration": "home"})
    box.desk._node = types.SimpleNamespace(modem=watched)

    async def ask():
        told, _ = await cable.ask("check", name="modem")
        return told.nested("check").values

    async def scene():
        await cable.open()
        good = await ask()
        watched.seen = {}
        return good, await ask()

    cable = line(box, CutPort(box), b"visit--7")
    good, silent = asyncio.run(scene())
    assert good["verdict"] == "good" and good["readings"] == {"sim_ready": 1, "registered": 1}
    assert silent["verdict"] == "bad"


def test_a_person_types_the_visit_without_diacritics(tmp_path):
    hub, box = Hub(), Box()
    found, _ = kit.read(hub.kit(hub.ticket()).encode())
    typed = ["vinh dong", "kon", "", "1", "13.98, 108.01", "", "", "", "có", "", "có"]
    out = io.StringIO()
    console = Console("vi", out, io.StringIO("\n".join(typed) + "\n"), out)
    cable = line(box, CutPort(box))
    visit = Visit(cable, Terminal(console), found, [], VisitFiles(tmp_path), NOW_S)
    asyncio.run(opened(cable, visit))
    name = box.installation.enrolment().body.value("name")
    assert name == "Cụm Làng Kon Chiêng"
    assert spoken(hub) in out.getvalue() and "đạt" in out.getvalue()
