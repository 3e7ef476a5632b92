"""Where this node stands: what approvers laid down since, over its configuration.

One small file, replaced whole: the new standing and the number of the mandate that made it become
durable in one step, so that a mandate counts once whatever is cut when. The other tasks never see a
standing change: the agent restarts and reads it at the start.
"""

from edge import state_file
from edge.config import Config
from hw import ports
from protocols import canonical
from protocols.errors import Fault
from protocols.fields import Fields
from protocols.limits import (
    ANCESTORS_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    ORDER_KIND_BYTES_MAX,
    STANDING_BYTES_MAX,
    TARGET_NAMES_MAX,
)
from protocols.mandates import Mandate
from protocols.targets import Place
from protocols.units import check_unit, take_unit

NAME = "state/standing"
# A node that is to be wiped is first sealed: it does nothing any more but empty itself and report.
# Then its key and its records go, and nothing is left.
SEALED = "sealed"
DUMB = "dumb"
WIPED = "wiped"
# Units whose mandates this node has carried out: its chain, and where it stood before.
_UNITS_MAX = 4 * ANCESTORS_MAX
# "mandate-", the longest unit and the longest number.
_OWED_BYTES_MAX = 64


class Standing:
    """Hold what differs from the configuration; `fault` says why a damaged file was left aside."""

    def __init__(self, storage: ports.Storage):
        self._storage = storage
        self.unit: str | None = None
        self.hamlet: str | None = None
        self.groups: tuple[str, ...] | None = None
        self.state = ""
        self.fault: Fault | None = None
        # What was carried out and is not written down yet, as the hub calls it.
        self.owed = ""
        self.owed_kind = ""
        # Unit whose manifests are in the store; another's are removed at the start.
        self._papers_of: str | None = None
        # [unit, sequence] of the newest mandate that was carried out, newest last.
        self._done: list[tuple[str, int]] = []
        try:
            data = state_file.read_either(storage, NAME, STANDING_BYTES_MAX)
            if data is not None:
                self._read(Fields(canonical.decode(data, STANDING_BYTES_MAX), "standing"))
        except Fault as fault:
            self.fault = fault

    def _read(self, fields: Fields) -> None:
        if fields.has("unit"):
            self.unit = take_unit(fields, "unit")
        if fields.has("hamlet"):
            self.hamlet = fields.text("hamlet", 0, ID_BYTES_MAX)
        if fields.has("groups"):
            self.groups = fields.ids("groups", TARGET_NAMES_MAX, ID_BYTES_MAX)
        if fields.has("papers_of"):
            self._papers_of = take_unit(fields, "papers_of")
        self.state = fields.choice("state", ("", SEALED, DUMB, WIPED), "")
        self.owed = fields.text("owed", 0, _OWED_BYTES_MAX)
        self.owed_kind = fields.text("owed_kind", 0, ORDER_KIND_BYTES_MAX)
        for entry in fields.objects("done", _UNITS_MAX):
            unit = check_unit(entry.value("unit"), entry.name("unit"))
            self._done.append((unit, entry.integer("sequence", 1, JSON_INTEGER_MAX)))

    def over(self, config: Config) -> Config:
        """Return the configuration as it counts now."""
        place = config.place
        standing = Place(
            self.unit or place.unit,
            place.hamlet if self.hamlet is None else self.hamlet,
            place.groups if self.groups is None else self.groups,
            place.kind,
            place.profiles,
        )
        values = list(config)
        values[Config.PLACE] = standing
        return Config(*values)

    def is_done(self, unit: str, mandate: Mandate) -> bool:
        """Tell whether a mandate of a unit was carried out before, or a newer one."""
        for known, sequence in self._done:
            if known == unit:
                return bool(sequence >= mandate.sequence)
        return False

    def carry_out(self, unit: str, mandate: Mandate) -> bool:
        """Take over what a mandate lays down, durably; tells whether the agent must restart.

        Hub addresses are the caller's (`edge.hubs`), before this.
        """
        if mandate.move is not None:
            self.unit = mandate.move
        if mandate.hamlet is not None:
            self.hamlet = mandate.hamlet
        if mandate.groups is not None:
            self.groups = mandate.groups
        if mandate.decommission:
            self.state = SEALED
        self.owed = "mandate-" + unit + "-" + str(mandate.sequence)
        self.owed_kind = mandate.kind()
        self._done = [pair for pair in self._done if pair[0] != unit]
        self._done.append((unit, mandate.sequence))
        self._done = self._done[-_UNITS_MAX:]
        self._write()
        return self.owed_kind != "re-home"

    def drop_foreign_papers(self, unit: str) -> None:
        """Remove the manifests of a unit that the node left; call it before they are read."""
        if self._papers_of == unit:
            return
        if self._papers_of is not None:
            for folder in ("manifests", "candidates"):
                for name in self._storage.names(folder):
                    self._storage.remove(folder + "/" + name)
        self._papers_of = unit
        self._write()

    def note_told(self) -> None:
        """Note that what was carried out is written down."""
        self.owed = self.owed_kind = ""
        self._write()

    def go_on(self, state: str) -> None:
        """Take the next step of a wipe (`DUMB`, `WIPED`), durably."""
        self.state = state
        self._write()

    def _write(self) -> None:
        value: dict[str, object] = {
            "unit": self.unit,
            "hamlet": self.hamlet,
            "groups": None if self.groups is None else list(self.groups),
            "papers_of": self._papers_of,
            "state": self.state,
            "owed": self.owed,
            "owed_kind": self.owed_kind,
            "done": [{"unit": unit, "sequence": sequence} for unit, sequence in self._done],
        }
        state_file.write_twice(self._storage, NAME, canonical.encode(value))
