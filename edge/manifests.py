"""The verified manifests a node acts on, kept so that it acts on them after any reboot.

A programme is a *candidate* from the moment it was verified until the media it needs soon are here;
then it replaces the active one in one durable step. Alerts and settings count at once.
"""

from hw import ports
from protocols import alert, bundle, settings
from protocols.alert import Alerts
from protocols.bundle import Bundle
from protocols.errors import Fault, RemoteFault
from protocols.limits import MANIFEST_BYTES_MAX
from protocols.settings import Settings
from protocols.units import alert_path, auto_alert_path, bundle_path, settings_path

_FOLDER = "manifests/"
_CANDIDATES = "candidates/"


class Manifests:
    """Hold what is active; `node` and `unit` are this node's."""

    def __init__(self, storage: ports.Storage, node: str, unit: str):
        self._storage = storage
        self._node = node
        self._unit = unit
        self._bundles: dict[str, Bundle] = {}
        self._candidates: dict[str, Bundle] = {}
        self._alerts: dict[str, Alerts] = {}
        self.settings: Settings | None = None

    def units(self) -> list[str]:
        """Return the own unit and its ancestors as far as the own programme names them."""
        own = self._candidates.get(self._unit) or self._bundles.get(self._unit)
        return [self._unit] + (list(own.ancestors) if own is not None else [])

    def paths(self) -> "list[str]":
        """Return the target paths to look at, in order: alerts, settings, programmes."""
        units = self.units()
        found = [alert_path(unit) for unit in units]
        found.extend(auto_alert_path(unit) for unit in units)
        found.append(settings_path(self._unit, self._node))
        found.extend(bundle_path(unit) for unit in units)
        return found

    def bundles(self) -> tuple[Bundle, ...]:
        """Return the active programmes, the own unit's first."""
        return tuple(self._bundles[unit] for unit in self.units() if unit in self._bundles)

    def alerts(self) -> tuple[Alerts, ...]:
        """Return the alert manifests, the own unit's first, by hand before automatic."""
        found = []
        for unit in self.units():
            for path in (alert_path(unit), auto_alert_path(unit)):
                if path in self._alerts:
                    found.append(self._alerts[path])
        return tuple(found)

    def has_cancel(self, path: str) -> bool:
        """Tell whether the alerts of a path end or replace others."""
        return any(one.references for one in self._alerts[path].alerts)

    def candidates(self) -> list[Bundle]:
        """Return the programmes that wait for their media."""
        return [self._candidates[unit] for unit in sorted(self._candidates)]

    def stored_name(self, path: str) -> str:
        """Return the name under which a verified manifest of a path is stored."""
        folder = _CANDIDATES if path.startswith("units/") else _FOLDER
        return folder + path.replace("/", "+")

    def load(self) -> "list[Fault]":
        """Read what was stored before; returns the faults of what could not be read."""
        own = bundle_path(self._unit)
        faults = self._load(own)
        for path in self.paths():
            if path != own:
                faults.extend(self._load(path))
        return faults

    def _load(self, path: str) -> "list[Fault]":
        try:
            if path.startswith("units/"):
                data = _read(self._storage, _FOLDER + path.replace("/", "+"))
                if data is not None:
                    found = bundle.read(data, path.split("/")[1])
                    self._bundles[found.unit] = found
            self.take(path)
        except Fault as fault:
            return [fault]
        return []

    def take(self, path: str) -> bool:
        """Read the stored manifest of a path; tells whether it is news.

        Raises `RemoteFault` (`json.*`, `format.*`, `manifest.rollback`) and keeps what was held.
        """
        data = _read(self._storage, self.stored_name(path))
        if data is None:
            return False
        kind, unit = path.split("/")[:2]
        if kind == "units":
            return self._take_bundle(bundle.read(data, unit))
        if kind == "alerts":
            return self._take_alerts(path, alert.read(data, unit))
        wanted = settings.read_settings(data, self._unit, self._node)
        if self.settings is not None and wanted.sequence < self.settings.sequence:
            raise _rollback(path, wanted.sequence, self.settings.sequence)
        changed = wanted != self.settings
        self.settings = wanted
        return changed

    def activate(self, unit: str) -> None:
        """Make a candidate the active programme; durable when this returns."""
        candidate = self._candidates[unit]
        name = bundle_path(unit).replace("/", "+")
        data = _read(self._storage, _CANDIDATES + name)
        if data is None:
            raise RemoteFault("manifest.absent", name + " is gone", "It is fetched again")
        writer = self._storage.stage("activation")
        writer.write(data)
        writer.commit(_FOLDER + name)
        self._bundles[unit] = candidate
        del self._candidates[unit]

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

    def _take_alerts(self, path: str, found: Alerts) -> bool:
        held = self._alerts.get(path)
        if held is not None and found.version < held.version:
            raise _rollback(path, found.version, held.version)
        self._alerts[path] = found
        return found != held


def _rollback(path: str, offered: int, held: int) -> RemoteFault:
    message = path + ": version " + str(offered) + " is older than " + str(held)
    return RemoteFault("manifest.rollback", message, "Publish again with a higher version.")


def _read(storage: ports.Storage, name: str) -> bytes | None:
    reader = storage.open(name)
    if reader is None:
        return None
    try:
        data = reader.read(MANIFEST_BYTES_MAX + 1)
    finally:
        reader.close()
    if len(data) > MANIFEST_BYTES_MAX:
        raise RemoteFault("manifest.length", name + " is too long", "Drop old items and rules.")
    return data
