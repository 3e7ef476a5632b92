"""Do what a technician's tool asks for over the service cable, one step at a time.

Every step may be asked again with the same effect. Before enrolment the steps fill a draft and try
devices; after it the cable offers diagnostics to read, records to carry away, and packs, which are
verified like any other. Changing the root, the unit or the key takes the held button.
"""

import sys
from collections import namedtuple

from edge.bench import NAMES, READ_ONLY, Bench, modem_in_service
from edge.hub_keys import hub_keys_of
from edge.installation import (
    STAGED_ROOT,
    Installation,
    board_size,
    sha256_of,
    signed_enrolment,
)
from edge.service_carry import Carry
from protocols import canonical, enrolment, keys, paper, service_message
from protocols.clock_trust import ClockTrust, Instant
from protocols.enrolment import GOOD, TICKET, Check, check_values
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.fields import Fields
from protocols.limits import EPOCH_S_MAX, ID_BYTES_MAX, ROOT_BYTES_MAX, SERVICE_NAME_BYTES_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hw.button_port import Button

AGENT = "chieng"
RELEASE = "0.1.0"
PARTS = ("place", "network", "hub", "devices")
# Held this long without a break, so that nobody wipes a node by leaning on it.
WIPE_HELD_MS = 5_000
WIPE_WAIT_MS = 60_000
_LOOK_MS = 100
# A laptop's clock is set by hand or by a network that is not here: within a second is a guess.
LAPTOP_UNCERTAINTY_MS = 5_000

Tools = namedtuple(
    "Tools", ("kit", "clock", "storage", "identity", "verifier", "entropy", "button")
)
"""The ports of one desk; `button` is None where the box has none."""


class Desk:
    """Answer steps for one box; `node` is the running node, or None before enrolment.

    `candidates` are the devices this make of box may have. After a step `is_changed` tells that the
    node must start anew: it has become somebody, or nobody.
    """

    def __init__(
        self,
        tools: Tools,
        installation: Installation,
        candidates: "dict[str, object]",
        node: object = None,
    ):
        self._tools = tools
        self._installation = installation
        self._candidates = candidates
        self._node = node
        self._trust = ClockTrust(0, tools.clock.wall_ms(), tools.clock.ticks_ms())
        self._carry = None if node is None else Carry(node, tools.entropy)
        self.is_changed = False
        self._steps = {
            "identity": self._identity,
            "part": self._part,
            "root": self._root,
            "probe": self._probe,
            "check": self._check,
            "heard": self._heard,
            "enrol": self._enrol,
            "paper": self._paper,
            "clock": self._clock,
            "wipe": self._wipe,
        }

    def public_key(self) -> bytes:
        """Return the key of this box."""
        public: bytes = self._tools.identity.public_key()
        return public

    async def answer(self, message: bytes) -> bytes:
        """Do one step and return its answer; a fault is an answer too."""
        try:
            words, piece = service_message.read(message)
            name = words.id("do", ID_BYTES_MAX)
            if name in self._steps:
                result, tail = await self._steps[name](words, piece)
            elif self._carry is not None and self._carry.knows(name):
                result, tail = self._carry.do(name, words, piece)
            else:
                text = "this node does no step called " + name
                remedy = "Enrol the node first, or use tools of the same release."
                raise RemoteFault("service.step", text, remedy)
            return service_message.encode(result, tail)
        except Fault as fault:
            return service_message.refusal(fault)
        except (MemoryError, OSError) as error:
            text = "the step failed: " + str(error)
            return service_message.refusal(WorldFault("service.failed", text, "Try it once more."))

    # Reading

    async def _identity(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        known = self._installation
        public = self._tools.identity.public_key()
        instant = self._now()
        held = known.enrolment()
        return {
            "agent": AGENT,
            "release": RELEASE,
            # Which of a board's two slots runs (`hw.micropython.board_main`).
            "slot": sys.path[0] if sys.implementation.name == "micropython" else "",
            "node": enrolment.node_id(public),
            "public_key": "".join(["%02x" % byte for byte in public]),
            "spoken": enrolment.spoken(public),
            "state": "new" if held is None else "enrolled",
            "unit": "" if held is None else str(held.body.value("unit")),
            "name": "" if held is None else str(held.body.value("name")),
            "enrolment": "" if held is None else held.digest(),
            "draft": known.summary() if held is None else {},
            "root_sha256": known.root_sha256(),
            "wipes": known.wipes(),
            "has_button": self._tools.button is not None,
            "clock": instant.source,
            "wall_ms": instant.wall_ms,
            "free_bytes": self._tools.storage.free_bytes(),
            "faults": [] if self._carry is None else self._carry.faults(),
        }, b""

    async def _paper(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        held = self._installation.enrolment()
        if held is None:
            raise RemoteFault("provision.new", "this node is not enrolled", "Enrol it first.")
        return {}, held.encode()

    # The draft

    async def _part(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        self._must_be_new()
        part = words.choice("part", PARTS)
        given = words.nested("value")
        value = given.values
        for kind in value if part == "devices" else ():
            given.nested(kind)
        if part == "devices" and self._installation.draft.get("devices") != value:
            # Checks of other devices say nothing about these.
            kept = [one for one in self._checks() if one.name == "place"]
            self._installation.keep("checks", {one.name: check_values([one])[0] for one in kept})
        self._installation.keep(part, value)
        return {}, b""

    async def _root(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        """Take a piece of the root of trust; the answer says where to go on."""
        self._must_be_new()
        wanted = words.text("sha256", 64, 64)
        length = words.integer("length", 1, ROOT_BYTES_MAX)
        if self._installation.root_sha256() == wanted:
            return {"position": length}, b""
        storage = self._tools.storage
        writer = storage.stage("provision.root", True)
        try:
            if words.integer("offset", 0, ROOT_BYTES_MAX) == 0 and writer.position > 0:
                writer.close()
                storage.discard("provision.root")
                writer = storage.stage("provision.root")
            if words.integer("offset", 0, ROOT_BYTES_MAX) != writer.position:
                return {"position": writer.position}, b""
            writer.write(piece)
            writer.flush()
            if writer.position < length:
                return {"position": writer.position}, b""
        finally:
            writer.close()
        self._finish_root(wanted)
        return {"position": length}, b""

    def _finish_root(self, wanted: str) -> None:
        storage = self._tools.storage
        reader = storage.open_staged("provision.root")
        data = b""
        if reader is not None:
            data = reader.read(ROOT_BYTES_MAX + 1)
            reader.close()
        storage.discard("provision.root")
        if sha256_of(data) != wanted or not hub_keys_of(canonical.decode(data, ROOT_BYTES_MAX)):
            remedy = "Take the kit from the hub again."
            raise RemoteFault("provision.root", "the root of trust did not arrive whole", remedy)
        writer = storage.stage("provision.root")
        try:
            writer.write(data)
            writer.commit(STAGED_ROOT)
        finally:
            writer.close()

    async def _probe(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        self._must_be_new()
        return {"devices": await self._bench().probe(self._candidates)}, b""

    async def _check(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        installed = self._installation.is_installed
        name = words.choice("name", READ_ONLY if installed else NAMES)
        if installed and name == "modem" and self._node is not None:
            found = modem_in_service(self._node)
        else:
            found = await self._bench().run(name)
        if not installed:
            self._note(found)
        return {"check": check_values([found])[0]}, b""

    async def _heard(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        """Take what the technician's own ears say of the tones."""
        self._must_be_new()
        for one in self._checks():
            if one.name == "tone":
                readings = dict(one.readings)
                readings["heard"] = 1 if words.flag("heard") else 0
                self._note(Check("tone", GOOD if words.flag("heard") else "bad", readings))
        return {}, b""

    def _note(self, found: Check) -> None:
        kept = self._installation.draft.get("checks")
        kept = dict(kept) if isinstance(kept, dict) else {}
        kept[found.name] = check_values([found])[0]
        self._installation.keep("checks", kept)

    def _checks(self) -> "list[Check]":
        kept = self._installation.draft.get("checks")
        found = []
        for name in NAMES:
            if isinstance(kept, dict) and name in kept:
                one = kept[name]
                found.append(Check(name, one["verdict"], one["readings"]))
        return found

    def _bench(self) -> Bench:
        devices = self._installation.draft.get("devices")
        devices = devices if isinstance(devices, dict) else {}
        tools, modem = self._tools, self._installation.system("modem")
        if modem is None:
            return Bench(tools.kit, tools.clock, devices)
        from edge.sim_pin import SimPin  # noqa: PLC0415 - few boards have a modem

        network = Fields(self._installation.draft.get("network", {}), "network")
        pin = SimPin(tools.storage, network.text("pin", 0, 16, ""))
        return Bench(tools.kit, tools.clock, devices, modem, pin)

    # Becoming somebody, and nobody

    async def _enrol(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        """Become a node of the ticket's unit; asked again with the same ticket, say so again."""
        ticket_paper = paper.read(piece, TICKET)
        held = self._installation.enrolment()
        if held is not None:
            if paper.take(held.body.value("ticket"), TICKET).digest() != ticket_paper.digest():
                raise self._enrolled()
            return {"enrolment": held.digest()}, held.encode()
        self._check_ticket(ticket_paper, words)
        config = self._config()
        self._installation.check(config)
        made = signed_enrolment(
            self._installation, self._body(ticket_paper, words, config), self._tools.identity
        )
        self._installation.install(config, made)
        self.is_changed = True
        return {"enrolment": made.digest()}, made.encode()

    def _check_ticket(self, ticket_paper: paper.Paper, words: Fields) -> None:
        ticket = enrolment.read_ticket(ticket_paper)
        root = self._installation.root()
        if root is None:
            raise RemoteFault("provision.root", "no root of trust yet", "Hand over the hub's kit.")
        instant = self._now()
        laptop_s = words.integer("laptop_s", 0, EPOCH_S_MAX, 0)
        now_s = instant.wall_ms // 1000 if instant.wall_ms is not None else laptop_s
        unit = str(self._place().value("unit"))
        enrolment.check_ticket(ticket, unit, sha256_of(root), now_s or None)
        public = hub_keys_of(canonical.decode(root, ROOT_BYTES_MAX)).get(ticket.key_id)
        verify = self._tools.verifier.verify
        if public is None or not verify(
            keys.ED25519, public, ticket_paper.signature, [ticket_paper.message]
        ):
            remedy = "Take the ticket from the hub again; do not type it by hand."
            raise RemoteFault("ticket.signature", "the hub did not sign this ticket", remedy)

    def _place(self) -> Fields:
        return Fields(self._installation.draft.get("place"), "place")

    def _config(self) -> "dict[str, object]":
        """Return the configuration that the draft makes."""
        draft, place = self._installation.draft, self._place()
        config: dict[str, object] = {"node": enrolment.node_id(self._tools.identity.public_key())}
        for name in ("unit", "hamlet", "kind", "groups"):
            if place.has(name):
                config[name] = place.value(name)
        config["hub"] = Fields(draft.get("hub"), "hub").value("addresses")
        config["sim"] = draft.get("network")
        devices = draft.get("devices")
        if isinstance(devices, dict):
            config.update(devices)
        amplifier = config.get("amplifier")
        for one in self._checks():
            if one.name == "meter" and one.verdict == GOOD and isinstance(amplifier, dict):
                calibrated = dict(amplifier)
                calibrated["idle_milliwatts"] = one.readings["idle_milliwatts"]
                config["amplifier"] = calibrated
        return config

    def _body(
        self, ticket: paper.Paper, words: Fields, config: "dict[str, object]"
    ) -> "dict[str, object]":
        place, instant = self._place(), self._now()
        body: dict[str, object] = {
            "ticket": ticket.value(),
            "clock": instant.source,
            "technician": words.text("technician", 1, SERVICE_NAME_BYTES_MAX),
            "laptop_s": words.integer("laptop_s", 0, EPOCH_S_MAX, 0),
            "checks": check_values(self._checks()),
            "board": board_size(config.get("board")),
        }
        if instant.wall_ms is not None:
            body["made_ms"] = instant.wall_ms
        if words.has("photo_sha256"):
            body["photo_sha256"] = words.value("photo_sha256")
        for name in ("unit", "hamlet", "name", "kind", "groups", "replaces", "place_e6"):
            if place.has(name):
                body[name] = place.value(name)
        return body

    async def _wipe(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        """Forget everything once the button has been held; the key is gone for good."""
        wipes = words.integer("wipes", 0, 1 << 30)
        if self._installation.wipes() > wipes:
            return {"wipes": self._installation.wipes()}, b""
        if self._tools.button is None:
            text = "this box has no wipe button"
            raise RemoteFault("provision.no_button", text, "Write its card anew instead.")
        await self._held(self._tools.button)
        self._installation.begin_wipe(self._tools.identity)
        self.is_changed = True
        return {"wipes": self._installation.wipes()}, b""

    async def _held(self, button: "Button") -> None:
        clock = self._tools.clock
        until_ms = clock.ticks_ms() + WIPE_WAIT_MS
        since_ms: int | None = None
        while clock.ticks_ms() < until_ms:
            if not button.is_held():
                since_ms = None
            elif since_ms is None:
                since_ms = clock.ticks_ms()
            elif clock.ticks_ms() - since_ms >= WIPE_HELD_MS:
                return
            await clock.sleep_ms(_LOOK_MS)
        text = "the wipe button was not held for five seconds"
        raise RemoteFault("provision.button", text, "Hold the button inside the cabinet, then ask.")

    # The time

    async def _clock(self, words: Fields, piece: bytes) -> "tuple[dict[str, object], bytes]":
        """Offer the laptop's time: believed where nothing better is known, else held as suspect."""
        wall_ms = words.integer("wall_ms", 0, EPOCH_S_MAX * 1000)
        clock = self._tools.clock
        if self._node is not None:
            time = self._node.time  # type: ignore[attr-defined]
            time.offer_network(wall_ms, clock.ticks_ms(), LAPTOP_UNCERTAINTY_MS)
            outcome = ""
        else:
            offered = self._trust.offer_network(wall_ms, clock.ticks_ms(), LAPTOP_UNCERTAINTY_MS)
            outcome = offered.verdict
        instant = self._now()
        difference_ms = None if instant.wall_ms is None else instant.wall_ms - wall_ms
        return {"verdict": outcome, "clock": instant.source, "differs_ms": difference_ms}, b""

    def _now(self) -> Instant:
        if self._node is not None:
            instant: Instant = self._node.time.now()  # type: ignore[attr-defined]
            return instant
        return self._trust.now(self._tools.clock.ticks_ms())

    def _must_be_new(self) -> None:
        if self._installation.is_installed:
            raise self._enrolled()

    def _enrolled(self) -> RemoteFault:
        held = self._installation.enrolment()
        unit = "" if held is None else str(held.body.value("unit"))
        text = "this node is enrolled in unit " + unit + " already"
        remedy = "To move it, hold its wipe button: chieng-tool node wipe; then provision it anew."
        return RemoteFault("provision.enrolled", text, remedy)
