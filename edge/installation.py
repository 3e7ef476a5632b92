"""What a technician has set up on this node, in files that survive a cut at any moment.

A draft grows step by step and has no effect. One file, written in one commit, makes the node what
it is: `provision/config.json` holds the configuration together with the signed enrolment, so that
there is no half-configured node. A wipe is noted before it begins and goes on after a cut.
"""

import hashlib

from edge import config as configs
from edge import state_file
from edge.config import Config
from hw import ports
from protocols import canonical, enrolment
from protocols.enrolment import ENROLMENT
from protocols.errors import RemoteFault, WorldFault
from protocols.fields import Fields
from protocols.limits import CONFIG_BYTES_MAX, ROOT_BYTES_MAX
from protocols.paper import Paper, take

DRAFT = "provision/draft.json"
INSTALLED = "provision/config.json"
WIPES = "provision/wipes.json"
ROOT = "metadata/root.json"
STAGED_ROOT = "provision/root.json"
# Of the file that came with the system: what the technician's answers do not touch.
_SYSTEM = (
    "data",
    "storage",
    "sticks",
    "sets_clock",
    "poll_s",
    "status_s",
    "budget",
    "interface",
    "tls_ca",
    "time_servers",
    "indicator",
    "modem",
    "rtc",
    "watchdog",
    "lan",
)


class Installation:
    """Hold the installation of one store; `base` is the system's own settings as decoded."""

    def __init__(self, storage: ports.Storage, base: "dict[str, object]"):
        self._storage = storage
        self._base = base
        self.draft: dict[str, object] = _read(storage, DRAFT)
        self._installed: dict[str, object] = _read(storage, INSTALLED)

    @property
    def is_installed(self) -> bool:
        """Tell whether this node is somebody."""
        return "config" in self._installed

    def config(self) -> Config:
        """Return the configuration to run with; raises `RemoteFault("format.field")`."""
        return configs.read(canonical.encode(self._merged(self._installed["config"])))

    def system(self, name: str) -> object:
        """Return a setting of the file that came with the system, or None."""
        return self._base.get(name)

    def enrolment(self) -> "Paper | None":
        """Return the signed enrolment, or None before there is one."""
        if not self.is_installed:
            return None
        return take(self._installed["enrolment"], ENROLMENT)

    def summary(self) -> "dict[str, object]":
        """Return the draft without its secrets: for a tool that goes on where another stopped."""
        shown = dict(self.draft)
        if "network" in shown:
            network = Fields(shown["network"], "network")
            shown["network"] = {"apn": network.text("apn", 0, 100, ""), "given": True}
        return shown

    def keep(self, part: str, value: object) -> None:
        """Put one part of the draft on disk; the same part again replaces it."""
        changed = dict(self.draft)
        changed[part] = value
        data = canonical.encode(changed)
        if len(data) > CONFIG_BYTES_MAX:
            remedy = "Shorten names, or begin again with a wipe."
            raise RemoteFault("provision.draft", "the answers are too long", remedy)
        state_file.write(self._storage, DRAFT, data)
        self.draft = changed

    def root(self) -> "bytes | None":
        """Return the root of trust that was handed over, or None."""
        return state_file.read(self._storage, STAGED_ROOT, ROOT_BYTES_MAX)

    def root_sha256(self) -> str:
        """Return the hash of the handed-over root, or nothing."""
        root = self.root()
        return "" if root is None else sha256_of(root)

    def check(self, config: "dict[str, object]") -> None:
        """Raise `RemoteFault("format.field")` when a configuration would not do."""
        configs.read(canonical.encode(self._merged(config)))

    def install(self, config: "dict[str, object]", paper: Paper) -> None:
        """Make the node what the draft says: the root first, then all else in one commit."""
        root = self.root()
        if root is None:
            raise RemoteFault("provision.root", "no root of trust yet", "Hand over the hub's kit.")
        state_file.write(self._storage, ROOT, root)
        value: dict[str, object] = {"config": config, "enrolment": paper.value()}
        state_file.write(self._storage, INSTALLED, canonical.encode(value))
        self._installed = value

    def _merged(self, config: object) -> "dict[str, object]":
        merged = {name: self._base[name] for name in _SYSTEM if name in self._base}
        merged.update(config)  # type: ignore[call-overload]
        merged["root"] = ROOT
        # Packs that came by cable are looked at as on a stick.
        sticks = merged.get("sticks")
        merged["sticks"] = list(sticks if isinstance(sticks, list) else []) + [self._handed()]
        return merged

    def _handed(self) -> str:
        return str(self._base["data"]) + "/handed"

    # The held button

    def wipes(self) -> int:
        """Return how often this box has lost its key."""
        return Fields(_read(self._storage, WIPES), "wipes").integer("count", 0, 1 << 30, 0)

    def is_wiping(self) -> bool:
        """Tell whether a wipe was begun and not finished."""
        return Fields(_read(self._storage, WIPES), "wipes").flag("going", False)

    def begin_wipe(self, identity: ports.Identity) -> None:
        """Become nobody: what the agent may still be writing goes with `finish_wipe`."""
        if not self.is_wiping():
            self._note_wipe(self.wipes() + 1, True)
        self._storage.remove(INSTALLED)
        identity.forget()
        self.draft, self._installed = {}, {}

    def finish_wipe(self, identity: ports.Identity) -> None:
        """Forget everything, when no agent runs any more; also after a cut amid a wipe."""
        self.begin_wipe(identity)
        if self._storage.wipe((WIPES,)):
            text = "files could not be removed"
            raise WorldFault("wipe.left", text, "Destroy the node's medium by hand.")
        self._note_wipe(self.wipes(), False)

    def _note_wipe(self, count: int, going: bool) -> None:
        state_file.write(self._storage, WIPES, canonical.encode({"count": count, "going": going}))


def sha256_of(data: bytes) -> str:
    """Return a hash in hex."""
    digest = hashlib.sha256(data).digest()
    return "".join(["%02x" % byte for byte in digest])


def board_size(settings: object) -> str:
    """Return the size in a board's settings as an enrolment tells it, or nothing."""
    if not isinstance(settings, dict):
        return ""
    return "%sx%sx%s" % (settings["width_px"], settings["height_px"], settings["channels"])


def signed_enrolment(
    installation: Installation, body: "dict[str, object]", identity: ports.Identity
) -> Paper:
    """Return the enrolment that this node signs."""
    full = dict(body)
    full["node"] = enrolment.node_id(identity.public_key())
    full["public_key"] = "".join(["%02x" % byte for byte in identity.public_key()])
    full["wipes"] = installation.wipes()
    return enrolment.build(full, identity.sign)


def _read(storage: ports.Storage, name: str) -> "dict[str, object]":
    data = state_file.read(storage, name, CONFIG_BYTES_MAX)
    if data is None:
        return {}
    try:
        value = canonical.decode(data, CONFIG_BYTES_MAX)
    except RemoteFault:
        return {}
    return value if isinstance(value, dict) else {}
