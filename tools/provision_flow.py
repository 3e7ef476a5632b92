"""One visit: from a box that is nobody to an enrolled node with its acceptance sheet.

The flow knows no terminal. It asks a `Guide`, which may be a terminal, a file or a page; every step
is repeatable, so a visit that broke off goes on where it stopped: what the node's draft holds is
offered as the answer.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Protocol

from protocols import enrolment, paper
from protocols.enrolment import ABSENT, BAD, GOOD, Enrolment, Ticket
from protocols.errors import Fault, LocalFault, RemoteFault
from protocols.fields import Fields
from protocols.kit import Kit, Place
from protocols.limits import SERVICE_PIECE_BYTES_MAX
from protocols.paper import Paper
from protocols.phrase import phrase
from tools import unit_search
from tools.node_line import NodeLine
from tools.sheet import CHECKS
from tools.visit_files import VisitFiles

# A kit made "tomorrow" means that the laptop's clock is behind.
CLOCK_S_MAX = 86400
# The node's clock and the laptop's may differ by this without a word.
DIFFERS_MS_MAX = 120_000


class Guide(Protocol):
    """Who answers: a person at a terminal, a prepared file, a page."""

    async def tell(self, key: str, **values: object) -> None:
        """Say something."""

    async def ask(self, key: str, default: str, **values: object) -> str:
        """Ask for a text; an empty answer means the default."""

    async def choose(self, key: str, options: Sequence[tuple[str, str]]) -> str:
        """Let one of (id, text) be chosen; return its id."""

    async def agree(self, key: str, **values: object) -> bool:
        """Ask a yes-or-no question."""


class Visit:
    """Install one node; `tickets` are those at hand beside the kit's."""

    def __init__(
        self,
        line: NodeLine,
        guide: Guide,
        kit: Kit,
        tickets: Sequence[Paper],
        files: VisitFiles,
        now_s: int,
        photo: bytes = b"",
    ):
        self._line = line
        self._guide = guide
        self._kit = kit
        self._tickets = [*tickets, *kit.tickets]
        self._files = files
        self._photo = photo
        self._now_s = now_s
        self._ticket_s = now_s
        self._draft: dict[str, Any] = {}

    async def run(self, technician: str, old: Enrolment | None = None) -> Paper:
        """Do the whole visit and return the node's signed enrolment.

        `old` is the node whose place the new one takes. Raises the faults of line, node and kit;
        the node is then as it was, or as it should be.
        """
        if self._now_s < self._kit.issued_s - CLOCK_S_MAX:
            raise LocalFault(
                "tool.clock", "this laptop's clock is behind", "Set its date and time, try again."
            )
        known, _ = await self._line.ask("identity")
        node = str(known.value("node"))
        await self._guide.tell("visit_node", node=node, spoken=known.value("spoken"))
        if known.value("state") == "enrolled":
            return await self._enrolled_already(known)
        self._draft = dict(known.nested("draft").values)
        await self._set_clock()
        unit = await self._place(old)
        await self._network()
        await self._root()
        await self._devices()
        await self._checks()
        return await self._enrol(unit, technician)

    async def _enrolled_already(self, known: Fields) -> Paper:
        """Fetch the enrolment again when it is by a ticket at hand; else the node is another's."""
        node = str(known.value("node"))
        _, data = await self._line.ask("paper")
        made = enrolment.read_enrolment(paper.read(data, enrolment.ENROLMENT))
        mine = {one.digest() for one in self._tickets}
        if made.ticket_paper.digest() not in mine:
            unit, name = str(known.value("unit")), str(known.value("name"))
            place = self._kit.places.get(unit)
            where = place.name if place is not None else unit
            raise RemoteFault(
                "provision.enrolled",
                f"{node} is enrolled already: {name}, {where}",
                "To move it, hold its wipe button: chieng-tool node wipe; then provision it anew.",
            )
        self._files.keep_enrolment(data)
        await self._guide.tell("visit_resumed", node=node)
        verdict = self._files.answer(node)
        if verdict is not None and verdict.code:
            await self._guide.tell("visit_hub_said", reason=(verdict.code, verdict.message))
        return paper.read(data, enrolment.ENROLMENT)

    async def _set_clock(self) -> None:
        told, _ = await self._line.ask("clock", wall_ms=self._now_s * 1000)
        differs = told.value("differs_ms")
        if isinstance(differs, int) and abs(differs) > DIFFERS_MS_MAX:
            await self._guide.tell("visit_clock_differs", minutes=abs(differs) // 60_000)
            # The node judges its ticket by its own clock, whatever this laptop says.
            self._ticket_s = self._now_s + differs // 1000

    # Where it stands

    async def _place(self, old: Enrolment | None) -> str:
        kept = dict(self._draft.get("place", {}))
        if old is not None:
            kept = {
                "unit": old.unit,
                "hamlet": old.hamlet,
                "name": old.name,
                "kind": old.kind,
                "replaces": old.node,
            }
            if old.place_e6 is not None:
                kept["place_e6"] = {"latitude": old.place_e6[0], "longitude": old.place_e6[1]}
        place = await self._unit(str(kept.get("unit", "")))
        value: dict[str, object] = {"unit": place.unit}
        hamlet, hamlet_name = await self._hamlet(place, str(kept.get("hamlet", "")))
        if hamlet:
            value["hamlet"] = hamlet
        name = str(kept.get("name", "")) or "Cụm " + (hamlet_name or place.name)
        value["name"] = await self._guide.ask("visit_ask_name", name)
        kinds = [("speaker", "loa"), ("board", "bảng tin")]
        value["kind"] = str(kept.get("kind", "")) or await self._guide.choose("visit_kind", kinds)
        point = await self._point(kept.get("place_e6"))
        if point is not None:
            value["place_e6"] = point
        if kept.get("replaces"):
            value["replaces"] = kept["replaces"]
        await self._line.ask("part", part="place", value=value)
        return str(place.unit)

    async def _unit(self, default: str) -> Place:
        while True:
            text = await self._guide.ask("visit_ask_unit", default)
            found = unit_search.units(self._kit, text)
            if not found:
                await self._guide.tell("visit_no_unit", text=text)
                continue
            place = found[0]
            if len(found) > 1:
                options = [(one.unit, ", ".join([one.name, *one.above])) for one in found]
                place = self._kit.places[await self._guide.choose("visit_units", options)]
            if not place.is_ended:
                return place
            then = self._kit.places.get(place.successor)
            if then is not None and await self._guide.agree(
                "visit_unit_ended", old=place.name, new=then.name
            ):
                return unit_search.in_force(self._kit, then)
            return unit_search.in_force(self._kit, place)

    async def _hamlet(self, place: Place, default: str) -> tuple[str, str]:
        if not place.hamlets:
            return "", ""
        while True:
            text = await self._guide.ask("visit_ask_hamlet", default)
            found = unit_search.hamlets(place, text)
            if len(found) == 1:
                return found[0]
            options = found or list(place.hamlets)
            chosen = await self._guide.choose("visit_hamlets", options)
            return chosen, dict(place.hamlets)[chosen]

    async def _point(self, kept: Any) -> dict[str, int] | None:
        default = ""
        if isinstance(kept, dict):
            default = f"{kept['latitude'] / 1e6:.6f}, {kept['longitude'] / 1e6:.6f}"
        while True:
            text = await self._guide.ask("visit_ask_map", default)
            if not text:
                return None
            if text.casefold() == "gps":
                default = await self._satellites() or default
                continue
            try:
                latitude, longitude = (round(float(one) * 1e6) for one in text.split(","))
            except ValueError:
                await self._guide.tell("visit_no_map", text=text)
                continue
            if abs(latitude) <= 90_000_000 and abs(longitude) <= 180_000_000:
                return {"latitude": latitude, "longitude": longitude}
            await self._guide.tell("visit_no_map", text=text)

    async def _satellites(self) -> str:
        """Ask the node's modem where it stands; return it as a person would type it, or nothing."""
        await self._guide.tell("visit_gps")
        told, _ = await self._line.ask("check", name="place")
        found = told.nested("check")
        if found.value("verdict") != GOOD:
            await self._guide.tell("visit_no_gps")
            return ""
        read = found.nested("readings")
        latitude = read.integer("latitude_e6", -90_000_000, 90_000_000)
        longitude = read.integer("longitude_e6", -180_000_000, 180_000_000)
        return f"{latitude / 1e6:.6f}, {longitude / 1e6:.6f}"

    # How it reaches the hub, and whom it believes

    async def _network(self) -> None:
        kept = self._draft.get("network", {})
        apn = await self._guide.ask("visit_ask_apn", str(kept.get("apn", "")))
        pin = await self._guide.ask("visit_ask_pin", "")
        if apn or pin or not kept:
            await self._line.ask("part", part="network", value={"apn": apn, "pin": pin})
        known = self._draft.get("hub", {}).get("addresses", list(self._kit.hubs))
        text = await self._guide.ask("visit_ask_hub", " ".join(known))
        await self._line.ask("part", part="hub", value={"addresses": text.split()})

    async def _root(self) -> None:
        root = self._kit.root
        digest = hashlib.sha256(root)
        if not await self._guide.agree("visit_root", phrase=phrase(digest.digest())):
            raise RemoteFault(
                "kit.phrase", "the root of trust is not the hub's", "Fetch a new kit from the hub."
            )
        position = 0
        while position < len(root):
            told, _ = await self._line.ask(
                "root",
                root[position : position + SERVICE_PIECE_BYTES_MAX],
                offset=position,
                length=len(root),
                sha256=digest.hexdigest(),
            )
            position = told.integer("position", 0, len(root))

    # What hangs on it

    async def _devices(self) -> None:
        kept = self._draft.get("devices")
        if kept is None:
            await self._guide.tell("visit_probing")
            found, _ = await self._line.ask("probe")
            kept = found.nested("devices").values
        for kind in ("audio", "amplifier", "board"):
            settings = kept.get(kind)
            if isinstance(settings, dict):
                told = ", ".join(f"{name} {value}" for name, value in sorted(settings.items()))
                await self._guide.tell("visit_device", check="device_" + kind, settings=told)
        if not kept:
            await self._guide.tell("visit_no_device")
        text = await self._guide.ask("visit_ask_devices", "")
        try:
            devices = json.loads(text) if text else kept
        except ValueError:
            raise LocalFault("tool.devices", "the device map is no JSON", "Correct it.") from None
        await self._line.ask("part", part="devices", value=devices)
        if devices != self._draft.get("devices"):
            self._draft["checks"] = {}

    async def _checks(self) -> None:
        done = self._draft.get("checks", {})
        is_bad = False
        for name in CHECKS:
            found = done.get(name)
            if found is None or found["verdict"] == BAD:
                told, _ = await self._line.ask("check", name=name)
                found = told.nested("check").values
            if name == "tone" and found["verdict"] != ABSENT and "heard" not in found["readings"]:
                heard = await self._guide.agree("visit_heard")
                await self._line.ask("heard", heard=heard)
                found = {**found, "verdict": found["verdict"] if heard else BAD}
            is_bad = is_bad or found["verdict"] == BAD
            verdict = "visit_" + found["verdict"]
            said = {"check": "check_" + name, "verdict": verdict, "readings": found["readings"]}
            await self._guide.tell("visit_check", **said)
        if is_bad and not await self._guide.agree("visit_go_on_bad"):
            raise LocalFault(
                "provision.check", "a check failed", "Mend what failed, then run the command again."
            )

    # Becoming a node

    async def _enrol(self, unit: str, technician: str) -> Paper:
        ticket = self._ticket(unit)
        kept: list[bytes] = []

        def keep(words: Fields, data: bytes) -> None:
            self._files.keep_enrolment(data)
            kept.append(data)

        words: dict[str, object] = {"technician": technician, "laptop_s": self._now_s}
        if self._photo:
            words["photo_sha256"] = hashlib.sha256(self._photo).hexdigest()
        await self._line.ask("enrol", ticket.encode(), keep=keep, **words)
        made = paper.read(kept[0], enrolment.ENROLMENT)
        await self._guide.tell("visit_enrolled", node=made.body.value("node"))
        return made

    def _ticket(self, unit: str) -> Paper:
        """Return the ticket that fits, the longest valid; else say exactly what is missing."""
        fitting: list[tuple[Ticket, Paper]] = []
        refusal: Fault | None = None
        root = hashlib.sha256(self._kit.root).hexdigest()
        for one in self._tickets:
            ticket = enrolment.read_ticket(one)
            try:
                enrolment.check_ticket(ticket, unit, root, self._ticket_s)
                self._check_left(ticket)
            except RemoteFault as fault:
                if refusal is None or fault.code != "ticket.unit":
                    refusal = fault
                continue
            fitting.append((ticket, one))
        if fitting:
            return max(fitting, key=lambda pair: (pair[0].expires_s, pair[0].id))[1]
        raise refusal or RemoteFault(
            "ticket.none", "no ticket is at hand", "Ask the administrator for one: --ticket FILE."
        )

    def _check_left(self, ticket: Ticket) -> None:
        """Refuse a ticket by which this laptop has enrolled as many nodes as it allows."""
        papers = [enrolment.read_enrolment(one) for _, one in self._files.enrolments()]
        if sum(one.ticket.id == ticket.id for one in papers) >= ticket.count:
            raise RemoteFault(
                "ticket.used",
                f"the ticket was for {ticket.count} nodes, all have joined",
                "Ask the administrator for a new ticket.",
            )
