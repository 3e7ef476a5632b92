"""What goes wrong on a visit: one sentence that says what to do; the node is as it was."""

import asyncio
import errno
import io
import os

import pytest
import serial

from hub.repository.durable import Disk
from protocols import enrolment, framing, kit, service_message
from protocols.errors import Fault, RemoteFault
from tests.tools.cable_scene import NOW_MS, OLD_UNIT, UNIT, Box, CutPort, Hub, RunningClock, line
from tests.tools.test_provision_flow import ENTRY, NOW_S, run, spoken, start
from tools import enrolments
from tools.console import Console
from tools.context import Context
from tools.node_line import NodeLine
from tools.provision_flow import Visit
from tools.serial_port import SerialPort
from tools.visit_files import VisitFiles
from tools.visit_guides import Prepared, Terminal
from tools.visit_messages import SENTENCES


class StrangePort:
    """A port at which something else hangs: `say(count)` is what it sends each time."""

    def __init__(self, clock, say):
        self._clock = clock
        self._say = say
        self.reads = 0

    async def open(self):
        self.reads = 0

    async def close(self):
        self.reads = 0

    async def write(self, data):
        assert data

    async def read(self, timeout_ms):
        await self._clock.sleep_ms(timeout_ms)
        self.reads += 1
        return self._say(self.reads)


def stranger(say):
    clock = RunningClock(NOW_MS)
    asyncio.run(NodeLine(StrangePort(clock, say), clock, b"visit--1").open())


def other_device(box, folder):
    words = framing.result(framing.CALL_DEVICE, ["esphome", "2024.6", "ESP32", "quạt"])
    stranger(lambda count: words if count % 3 == 0 else b"")


def noise(box, folder):
    stranger(lambda count: b"\r\nlogin: \xff\x00")


def nothing(box, folder):
    stranger(lambda count: b"")


def port_held_by_another_program(box, folder):
    master, slave = os.openpty()
    path = os.ttyname(slave)
    with serial.Serial(path, exclusive=True):
        try:
            asyncio.run(SerialPort(path).open())
        finally:
            os.close(master)
            os.close(slave)


def no_such_port(box, folder):
    asyncio.run(SerialPort(str(folder / "ttyUSB9")).open())


def two_tools(box, folder):
    """Another laptop is heard all the time, as through a serial server."""
    hello = framing.encode(1, bytes((1, 1)) + b"visit--0")

    class Shared(CutPort):
        async def read(self, timeout_ms):
            box.doer.receive(hello, box.clock.ticks_ms())
            box.doer.data_to_send()
            return await CutPort.read(self, timeout_ms)

    box.doer.receive(hello, box.clock.ticks_ms())
    asyncio.run(line(box, Shared(box)).open())


def cable_that_stays_out(box, folder):
    async def pulled():
        port = CutPort(box, [400])
        cable, visit = start(box, port, folder)
        await cable.open()
        port.is_missing = True
        await visit.run("Kỹ thuật viên 1")

    asyncio.run(pulled())


def other_release(box, folder):
    words = framing.encode(2, b"visit--1" + bytes((0, 7, 9)))
    stranger(lambda count: words)


def an_echo(box, folder):
    """A plug that sends back what it hears, session and all."""
    words = framing.encode(3, b"visit--1" + bytes(4))
    stranger(lambda count: words + b"\r\n")


class FullDisk(Disk):
    """A laptop's disk without room."""

    def write(self, path, data, mode=0o644):
        raise OSError(errno.ENOSPC, "No space left on device")


def full_laptop(box, folder):
    cable, visit = start(box, CutPort(box), folder)
    visit._files = VisitFiles(folder, FullDisk())
    asyncio.run(opened(cable, visit))


def full_node(box, folder):
    used = sum(map(len, box.storage.files.values()))
    box.storage.capacity_bytes = used + 500
    run(box, CutPort(box), folder)


def used_ticket(box, folder):
    tickets = [Hub().ticket(count=1)]
    other = Box(seed=b"other")
    run(other, CutPort(other), folder, tickets=tickets)
    run(box, CutPort(box), folder, tickets=tickets)


async def opened(cable, visit):
    await cable.open()
    return await visit.run("Kỹ thuật viên 1")


FAULTS = [
    (other_device, "service.other_device"),
    (noise, "service.noise"),
    (nothing, "service.silent"),
    (port_held_by_another_program, "serial.busy"),
    (no_such_port, "serial.missing"),
    (two_tools, "service.busy"),
    (cable_that_stays_out, "service.unplugged"),
    (other_release, "service.version"),
    (an_echo, "service.noise"),
    (full_laptop, "tool.disk"),
    (full_node, "storage.full"),
    (used_ticket, "ticket.used"),
]


@pytest.mark.parametrize(("cause", "code"), FAULTS, ids=[cause.__name__ for cause, _ in FAULTS])
def test_each_is_one_sentence_that_says_what_to_do(cause, code, tmp_path):
    box = Box()
    with pytest.raises(Fault) as caught:
        cause(box, tmp_path)
    assert caught.value.code == code
    for language in ("vi", "en"):
        errors = io.StringIO()
        Console(language, errors=errors).fault(caught.value)
        first, second = errors.getvalue().splitlines()[:2]
        said = first if language == "vi" else second.removeprefix("→ ")
        assert said == (SENTENCES[code] if language == "vi" else caught.value.remedy)
        assert 10 < len(said) < 120 and (language == "en" or said.endswith("."))
    # Mended, the same visit ends as it should: one whole node, one paper.
    box.storage.capacity_bytes = 64 * 1024 * 1024
    box.power_on()
    tickets = [Hub().ticket(name="ve-new")] if code == "ticket.used" else None
    made = run(box, CutPort(box), tmp_path, tickets=tickets, name=b"visit--9")
    papers = [one.digest() for _, one in VisitFiles(tmp_path).enrolments()]
    assert made.digest() in papers and len(papers) == (2 if code == "ticket.used" else 1)
    assert box.installation.enrolment().digest() == made.digest()


def test_noise_and_half_frames_before_and_between_frames_lose_nothing(tmp_path):
    box = Box()
    half = framing.encode(4, b"visit--1" + bytes(40))[:17]

    class Noisy(CutPort):
        async def read(self, timeout_ms):
            return half + b"\xff\xfe" + await CutPort.read(self, timeout_ms)

        async def write(self, data):
            box.doer.receive(half, box.clock.ticks_ms())
            await CutPort.write(self, data)

    made = run(box, Noisy(box), tmp_path)
    assert box.installation.enrolment().digest() == made.digest()


def test_a_unit_that_was_merged_offers_the_one_that_took_over(tmp_path):
    hub, box = Hub(), Box()
    found, _ = kit.read(hub.kit(hub.ticket()).encode())
    typed = ["xa cu", "có", "kon", "", "1", "", "", "", "", "có", "", "có"]
    out = io.StringIO()
    console = Console("vi", out, io.StringIO("\n".join(typed) + "\n"), out)
    cable = line(box, CutPort(box))
    visit = Visit(cable, Terminal(console), found, [], VisitFiles(tmp_path), NOW_S)
    asyncio.run(opened(cable, visit))
    assert "«Xã Cũ» đã sáp nhập vào «Xã Vĩnh Đông»" in out.getvalue()
    assert box.installation.config().place.unit == UNIT != OLD_UNIT


def test_a_laptop_whose_clock_is_ahead_is_told_and_expires_no_ticket(tmp_path):
    hub, box, told = Hub(), Box(), []
    found, _ = kit.read(hub.kit(hub.ticket()).encode())

    class Told(Prepared):
        async def tell(self, key, **values):
            told.append((key, values))

    cable = line(box, CutPort(box))
    ahead_s = NOW_S + 300 * 86400
    guide = Told(ENTRY, spoken(hub), None)
    visit = Visit(cable, guide, found, [], VisitFiles(tmp_path), ahead_s)
    made = enrolment.read_enrolment(asyncio.run(opened(cable, visit)))
    assert ("visit_clock_differs", {"minutes": 300 * 1440}) in told
    assert abs(made.made_ms - NOW_MS) < 3600_000 and made.laptop_s == ahead_s


def test_what_the_hub_refused_is_said_next_time_in_the_users_language(tmp_path):
    box, hub = Box(), Hub()
    made = run(box, CutPort(box), tmp_path)
    files = VisitFiles(tmp_path)
    node = str(made.body.value("node"))
    verdict = enrolment.Verdict(
        made.digest(), node, enrolment.REFUSED, "enrolment.unit_ended", "gone", UNIT
    )
    files.keep_answer(
        node, enrolment.build_answer(verdict, NOW_S, hub.key_id, hub.key.sign).encode()
    )
    out = io.StringIO()
    console = Console("vi", out, io.StringIO(), out)
    found, _ = kit.read(hub.kit(hub.ticket()).encode())
    cable = line(box, CutPort(box), b"visit--5")
    asyncio.run(opened(cable, Visit(cable, Terminal(console), found, [], files, NOW_S)))
    assert "Trung tâm đã trả lời: " + SENTENCES["enrolment.unit_ended"] in out.getvalue()
    for language, sentence in (("vi", SENTENCES["enrolment.unit_ended"]), ("en", "gone")):
        out = io.StringIO()
        options = type("Options", (), {"verb": "list", "home": tmp_path, "json": False})
        enrolments.run(Context(options, Console(language, out), NOW_S, None))
        assert sentence in out.getvalue() and "→ " + UNIT in out.getvalue()


def test_a_wrong_device_map_is_named_and_can_be_put_right_by_the_next_visit(tmp_path):
    box = Box()
    for given, code in (("{", "tool.devices"), ('{"audio": 3, "lamp": {}}', "format.field")):
        with pytest.raises(Fault) as caught:
            entry, session = {**ENTRY, "devices": given}, code[:8].encode()
            run(box, CutPort(box), tmp_path, entry=entry, name=session)
        assert caught.value.code == code and not box.installation.is_installed
    good = {"audio": {"kind": "wav", "path": "out.wav"}, "amplifier": {"kind": "modbus"}}
    run(box, CutPort(box), tmp_path, entry={**ENTRY, "devices": good}, name=b"visit--3")
    assert box.installation.config().audio == good["audio"]


def test_a_step_that_is_none_is_refused_and_the_next_goes_on():
    box = Box()

    async def scene():
        cable = line(box, CutPort(box))
        await cable.open()
        for step, words, code in (
            ("dance", {}, "service.step"),
            ("part", {"part": "moon", "value": {}}, "format.field"),
            ("check", {"name": "self-destruct"}, "format.field"),
            ("paper", {}, "provision.new"),
        ):
            with pytest.raises(RemoteFault) as caught:
                await cable.ask(step, **words)
            assert caught.value.code == code
        with pytest.raises(RemoteFault):
            service_message.raise_refusal(
                service_message.read(await box.desk.answer(b"\0\xff no words"))[0]
            )
        known, _ = await cable.ask("identity")
        assert known.value("state") == "new"

    asyncio.run(scene())
