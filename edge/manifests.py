"""The verified manifests a node acts on, kept so that it acts on them after any reboot.

What arrives stands in `candidates/`, verified by its signature. What was read and found good stands
in `manifests/`, and only that is acted on: a manifest that was signed but is broken, or older than
the one held, never takes a good one's place, not even over a reboot. Alerts, settings, orders and
mandates count as soon as they were read; a programme stays a *candidate* until the media it needs
soon are here, then it replaces the active one in one durable step.
"""

from edge import state_file
from edge.bell import Bell
from hw import ports
from protocols import alert, auto_alert, bundle, image, mandates, relays, settings
from protocols.alert import Alerts
from protocols.bundle import Bundle
from protocols.errors import Fault, RemoteFault
from protocols.image import Image
from protocols.limits import AUTO_SEEN_BYTES_MAX, MANIFEST_BYTES_MAX, RELAY_BYTES_MAX
from protocols.mandates import Mandates
from protocols.relays import Relay
from protocols.settings import Orders, Settings
from protocols.units import (
    alert_path,
    auto_alert_path,
    bundle_path,
    image_path,
    mandates_path,
    orders_path,
    relay_path,
    settings_path,
)

_ACTIVE = "manifests/"
_CANDIDATES = "candidates/"
_AUTO = "state/auto"


class Manifests:
    """Hold what is active; `node` and `unit` are this node's."""

    def __init__(
        self,
        storage: ports.Storage,
        node: str,
        unit: str,
        board: str = "",
        clock: ports.Clock | None = None,
    ):
        """`board` names the images for this node's hardware; none are looked for without.

        `clock` tells the believed time, by which relayed alerts are counted.
        """
        self._storage = storage
        self._node = node
        self._unit = unit
        self._board = board
        self._clock = clock
        self.wants_image = False
        # Rung when something that counts as soon as it was read is news.
        self.news = Bell()
        self._bundles: dict[str, Bundle] = {}
        self._candidates: dict[str, Bundle] = {}
        # What counts as soon as it was read, by path.
        self._papers: dict[str, Alerts | Settings | Orders | Mandates | Image | Relay] = {}

    def units(self) -> list[str]:
        """Return the own unit and its ancestors as far as the own programme names them."""
        own = self._candidates.get(self._unit) or self._bundles.get(self._unit)
        return [self._unit] + (list(own.ancestors) if own is not None else [])

    def paths(self) -> "list[str]":
        """Return the target paths to look at, in order: alerts, settings and orders, programmes,
        what is recorded for them."""
        units = self.units()
        found = [alert_path(unit) for unit in units]
        found.extend(auto_alert_path(unit) for unit in units)
        found.append(settings_path(self._unit, self._node))
        found.append(orders_path(self._unit, self._node))
        found.extend(mandates_path(unit) for unit in units)
        found.extend(bundle_path(unit) for unit in units)
        found.extend(relay_path(source) for source in self._sources())
        if self.wants_image and self._board:
            found.append(image_path(self._board))
        return found

    def _sources(self) -> tuple[str, ...]:
        """Return the broadcasters whose recordings the own programme lets in."""
        own = self._candidates.get(self._unit) or self._bundles.get(self._unit)
        return () if own is None else tuple(own.policy.relays)

    def relays(self) -> dict[str, Relay]:
        """Return what is recorded of those broadcasters, by source."""
        found = {}
        for source in self._sources():
            held = self._papers.get(relay_path(source))
            if isinstance(held, Relay):
                found[source] = held
        return found

    def bundles(self) -> tuple[Bundle, ...]:
        """Return the active programmes, the own unit's first."""
        return tuple([self._bundles[unit] for unit in self.units() if unit in self._bundles])

    def waiting(self) -> Bundle | None:
        """Return the nearest unit's candidate, where no programme of it or a nearer one is active:
        its policy counts already."""
        for unit in self.units():
            if unit in self._bundles:
                return None
            if unit in self._candidates:
                return self._candidates[unit]
        return None

    def alerts(self) -> tuple[Alerts, ...]:
        """Return the alert manifests, the own unit's first, by hand before automatic."""
        found = []
        for unit in self.units():
            for path in (alert_path(unit), auto_alert_path(unit)):
                held = self._papers.get(path)
                if isinstance(held, Alerts):
                    found.append(held)
        return tuple(found)

    @property
    def settings(self) -> Settings | None:
        """Return what narrows the policy here, or None."""
        found = self._papers.get(settings_path(self._unit, self._node))
        return found if isinstance(found, Settings) else None

    @property
    def orders(self) -> Orders | None:
        """Return the node's open orders, or None."""
        found = self._papers.get(orders_path(self._unit, self._node))
        return found if isinstance(found, Orders) else None

    @property
    def image(self) -> Image | None:
        """Return the image that is wanted, as far as it is known."""
        found = self._papers.get(image_path(self._board)) if self.wants_image else None
        return found if isinstance(found, Image) else None

    def mandates(self) -> tuple[Mandates, ...]:
        """Return what the approvers of the chain lay down about nodes, the own unit's first."""
        found = []
        for unit in self.units():
            held = self._papers.get(mandates_path(unit))
            if isinstance(held, Mandates):
                found.append(held)
        return tuple(found)

    def has_cancel(self, path: str) -> bool:
        """Tell whether the alerts of a path end or replace others."""
        held = self._papers.get(path)
        return isinstance(held, Alerts) and any([one.references for one in held.alerts])

    def candidates(self) -> list[Bundle]:
        """Return the programmes that wait for their media."""
        return [self._candidates[unit] for unit in sorted(self._candidates)]

    def stored_name(self, path: str) -> str:
        """Return the name under which a manifest of a path is stored as it arrives."""
        return _CANDIDATES + _flat(path)

    def bytes_max(self, path: str) -> int:
        """Return how long the manifest of a path may be."""
        return RELAY_BYTES_MAX if path.startswith("relays/") else MANIFEST_BYTES_MAX

    def load(self) -> "list[tuple[str, Fault]]":
        """Read what was stored before; returns (path, fault) of what could not be read."""
        own = bundle_path(self._unit)
        faults = self._load(own)
        for path in self.paths():
            if path != own:
                faults.extend(self._load(path))
        return faults

    def _load(self, path: str) -> "list[tuple[str, Fault]]":
        faults = []
        try:
            stored = self._stored(_ACTIVE + _flat(path), path)
            if stored is not None:
                self._hold(path, stored[1])
        except Fault as fault:
            faults.append((path, fault))
        try:
            self.take(path)
        except Fault as fault:
            faults.append((path, fault))
        return faults

    def take(self, path: str) -> bool:
        """Read the manifest of a path that arrived; tells whether it is news.

        Raises `RemoteFault` (`json.*`, `format.*`, `manifest.*`) and keeps what was held.
        """
        stored = self._stored(self.stored_name(path), path)
        if stored is None:
            return False
        data, found = stored
        if isinstance(found, Bundle):
            return self._take_bundle(found)
        held = self._papers.get(path)
        if held is not None and _version(found) < _version(held):
            raise _rollback(path, _version(found), _version(held))
        if found == held:
            return False
        if isinstance(found, Alerts) and path == auto_alert_path(found.unit):
            self._allow(found, held)  # type: ignore[arg-type]
        state_file.write(self._storage, _ACTIVE + _flat(path), data)
        self._hold(path, found)
        self.news.ring()
        return True

    def activate(self, unit: str) -> bool:
        """Make a candidate the active programme, durable when this returns.

        False when its file is no longer the one that was read: then it is no candidate any more and
        comes with the next check.
        """
        candidate = self._candidates[unit]
        path = bundle_path(unit)
        try:
            stored = self._stored(self.stored_name(path), path)
        except RemoteFault:
            stored = None
        if stored is None or stored[1] != candidate:
            del self._candidates[unit]
            self._storage.remove(self.stored_name(path))
            return False
        state_file.write(self._storage, _ACTIVE + _flat(path), stored[0])
        self._bundles[unit] = candidate
        del self._candidates[unit]
        return True

    def _stored(
        self, name: str, path: str
    ) -> "tuple[bytes, Bundle | Alerts | Settings | Orders | Mandates | Image | Relay] | None":
        """Return the bytes of a stored manifest and what they say, or None.

        One that this node's memory does not hold is refused like one that is too long: whoever may
        sign it must not end the node, now or at its next start.
        """
        try:
            data = state_file.read(self._storage, name, self.bytes_max(path))
            if data is None or len(data) <= self.bytes_max(path):
                return None if data is None else (data, self._parse(path, data))
        except (MemoryError, RuntimeError):
            data = None
        raise RemoteFault("manifest.length", name + " is too long", "Drop old items and rules.")

    def _parse(
        self, path: str, data: bytes
    ) -> "Bundle | Alerts | Settings | Orders | Mandates | Image | Relay":
        kind, unit = path.split("/")[:2]
        if kind == "firmware":
            return image.read(data, self._board)
        if kind == "relays":
            return relays.read(data, unit)
        if kind == "alerts":
            alerts = alert.read(data, unit)
            if path == auto_alert_path(unit):
                auto_alert.check(alerts)
            return alerts
        if path == mandates_path(unit):
            return mandates.read(data, unit)
        if kind == "units":
            return bundle.read(data, unit)
        if path == orders_path(self._unit, self._node):
            return settings.read_orders(data, self._unit, self._node)
        return settings.read_settings(data, self._unit, self._node)

    def _allow(self, found: Alerts, held: Alerts | None) -> None:
        """Count relayed alerts, durably; raises `RemoteFault("alert.auto_rate")`."""
        try:
            data = state_file.read(self._storage, _AUTO, AUTO_SEEN_BYTES_MAX)
            allowance = auto_alert.Allowance() if data is None else auto_alert.read(data)
        except RemoteFault:
            # A spoilt count is a fresh one: an alert may be the one that matters.
            allowance = auto_alert.Allowance()
        wall_ms = None if self._clock is None else self._clock.wall_ms()
        if allowance.admit(found, held, None if wall_ms is None else wall_ms // 1000):
            state_file.write(self._storage, _AUTO, allowance.export())

    def _hold(
        self, path: str, found: "Bundle | Alerts | Settings | Orders | Mandates | Image | Relay"
    ) -> None:
        if isinstance(found, Bundle):
            self._bundles[found.unit] = found
        else:
            self._papers[path] = found

    def _take_bundle(self, found: Bundle) -> bool:
        for held in (self._bundles.get(found.unit), self._candidates.get(found.unit)):
            if held is not None and found.version < held.version:
                raise _rollback(bundle_path(found.unit), found.version, held.version)
        if found == self._bundles.get(found.unit):
            self._candidates.pop(found.unit, None)
            return False
        changed = found != self._candidates.get(found.unit)
        self._candidates[found.unit] = found
        return changed


def _flat(path: str) -> str:
    return path.replace("/", "+")


def _version(found: "Alerts | Settings | Orders | Mandates | Image | Relay") -> int:
    return int(found.version if isinstance(found, (Alerts, Image, Relay)) else found.sequence)


def _rollback(path: str, offered: int, held: int) -> RemoteFault:
    message = path + ": version " + str(offered) + " is older than " + str(held)
    return RemoteFault("manifest.rollback", message, "Publish again with a higher version.")
