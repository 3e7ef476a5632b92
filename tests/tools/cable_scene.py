"""A box, a cable that can be cut at any byte, and a technician's line to it: all in one process."""

import asyncio
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.installation import Installation
from edge.service_desk import Desk, Tools
from hw.at_modem import AtModem
from hw.linux.verifier import Verifier
from hw.micropython.identity import Identity
from hw.sim.amplifier import Amplifier
from hw.sim.audio import AudioOut
from hw.sim.board import Board
from hw.sim.button import Button
from hw.sim.clock import Clock
from hw.sim.entropy import Entropy
from hw.sim.serial import Serial
from hw.sim.storage import Storage
from protocols import canonical, enrolment, framing, kit
from protocols.enrolment import Ticket
from protocols.errors import WorldFault
from protocols.provision_session import Answer, Doer
from tests.hw.at_double import AtDouble
from tools.node_line import NodeLine

NOW_MS = 1_800_000_000_000
UNIT, OLD_UNIT = "03.k7f2", "03.gone"
CANDIDATES = {
    "audio": [{"kind": "wav", "path": "out.wav"}],
    "amplifier": [{"kind": "modbus", "port": "line"}],
    "board": [],
}


class RunningClock(Clock):
    """A clock that passes as soon as somebody waits."""

    async def sleep_ms(self, duration_ms):
        until_ms = self.ticks_ms() + duration_ms
        while self.ticks_ms() < until_ms:
            await asyncio.sleep(0)
            self.advance(min(100, until_ms - self.ticks_ms()))
        await asyncio.sleep(0)

    def now_ms(self):
        return self.ticks_ms()


class Hub:
    """What a hub hands to a technician: a root, tickets and a kit, signed by its online key."""

    def __init__(self, seed=b"hub"):
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())
        public = self.key.public_key().public_bytes_raw().hex()
        key = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}}
        self.key_id = hashlib.sha256(canonical.encode(key)).hexdigest()
        roles = {"timestamp": {"keyids": [self.key_id], "threshold": 1}}
        signed = {"_type": "root", "version": 1, "keys": {self.key_id: key}, "roles": roles}
        self.root = canonical.encode({"signed": signed, "signatures": []})

    def ticket(self, unit=UNIT, count=9, days=30, name="ve-1", root=None):
        issued_s = NOW_MS // 1000
        root_sha256 = hashlib.sha256(root or self.root).hexdigest()
        made = Ticket(
            name, unit, issued_s, issued_s + days * 86400, count, root_sha256, self.key_id
        )
        return enrolment.build_ticket(made, self.key.sign)

    def kit(self, *tickets):
        hamlets = [
            {"id": "lang-kon", "name": "Làng Kon Chiêng"},
            {"id": "thon-2", "name": "Thôn 2"},
        ]
        units = [
            {"unit": UNIT, "name": "Xã Vĩnh Đông", "above": ["Tỉnh Thử"], "hamlets": hamlets},
            {"unit": "03.b", "name": "Xã Đông Hải", "above": ["Tỉnh Thử"], "hamlets": []},
            {"unit": OLD_UNIT, "name": "Xã Cũ", "is_ended": True, "successor": UNIT},
        ]
        body = {
            "issued_s": NOW_MS // 1000,
            "key_id": self.key_id,
            "hubs": ["http://hub.example"],
            "root": self.root.decode(),
            "units": units,
            "tickets": [one.value() for one in tickets],
        }
        return kit.build(body, self.key.sign)


class SimKit:
    """Simulated devices of one box; `has` names those that hang on it."""

    def __init__(self, clock):
        self.clock = clock
        self.out = AudioOut(clock)
        self.relay = Amplifier(clock, self.out)
        self.at, self.pin = None, ""

    def audio(self, settings, clock):
        return self.out

    def amplifier(self, settings, clock):
        return self.relay

    def modem(self, settings, clock, amplifier):
        self.at = AtDouble(settings["kind"], pin=self.pin) if self.at is None else self.at
        wire = Serial(clock, lambda data: wire.feed(self.at.receive(data)))
        return AtModem(wire, clock, settings["kind"])

    def board(self, settings, clock):
        return Board(settings["width_px"], settings["height_px"], settings["channels"])


class Box:
    """A node's box: what survives a power cut is its storage and its button."""

    def __init__(self, wall_ms=NOW_MS, seed=b"box", clock=None, **system):
        self.system = system
        self.clock = clock or RunningClock(wall_ms)
        self.storage = Storage()
        self.entropy = Entropy(seed)
        self.button = Button()
        self.kit = SimKit(self.clock)
        self.power_on()

    def power_on(self):
        """Start anew from what is on disk."""
        system = {"data": "data", "poll_s": 60, **self.system}
        installation = Installation(self.storage, system)
        identity = Identity(self.storage, self.entropy)
        if installation.is_wiping():
            installation.finish_wipe(identity)
            identity = Identity(self.storage, self.entropy)
        tools = Tools(
            self.kit, self.clock, self.storage, identity, Verifier(), self.entropy, self.button
        )
        self.installation = installation
        self.identity = identity
        self.desk = Desk(tools, installation, CANDIDATES)
        self.doer = Doer(["chieng", "0.1.0", "sim", "box"], framing.READY)

    async def work(self):
        """Do what was asked."""
        while (request := self.doer.next_event()) is not None:
            answer = await self.desk.answer(request.message)
            self.doer.submit(Answer(request.number, answer), self.clock.ticks_ms())
            self.doer.confirm(request.number)
            if self.desk.is_changed:
                doer = self.doer
                self.power_on()
                self.doer = doer


class CutPort:
    """The technician's end; `cuts` lists total byte counts at which the cable is pulled.

    `power` cuts the node's power at the same instant. Bytes count in both directions.
    """

    def __init__(self, box, cuts=(), power=False):
        self._box = box
        self._cuts = sorted(cuts)
        self._power = power
        self._back = b""
        self._is_open = False
        self.bytes = 0
        self.written = []
        self.is_missing = False

    async def open(self):
        if self.is_missing:
            raise WorldFault("serial.missing", "no port", "plug it in")
        self._is_open = True

    async def close(self):
        self._is_open = False

    async def write(self, data):
        passed, is_cut = self._pass(data)
        self._box.doer.receive(passed, self._box.clock.ticks_ms())
        await self._turn()
        if is_cut:
            self._pull()

    async def read(self, timeout_ms):
        if not self._back:
            await self._box.clock.sleep_ms(timeout_ms)
            self._box.doer.tick(self._box.clock.ticks_ms())
            await self._turn()
        data, self._back = self._back, b""
        passed, is_cut = self._pass(data)
        if is_cut:
            self._pull()
        return passed

    async def _turn(self):
        await self._box.work()
        self._back += self._box.doer.data_to_send()

    def _pass(self, data):
        if not self._is_open:
            raise WorldFault("serial.lost", "pulled", "plug it in")
        if self._cuts and self.bytes + len(data) > self._cuts[0]:
            passed = data[: self._cuts[0] - self.bytes]
            self.bytes = self._cuts.pop(0)
            return passed, True
        self.bytes += len(data)
        self.written.append(self.bytes)
        return data, False

    def _pull(self):
        self._is_open = False
        self._back = b""
        if self._power:
            self._box.power_on()
        else:
            self._box.doer.link_lost(self._box.clock.ticks_ms())
        raise WorldFault("serial.lost", "pulled", "plug it in")


def line(box, port, session=b"visit--1", notice=lambda word: None):
    """Return the technician's line."""
    return NodeLine(port, box.clock, session, notice)
