"""Whom a rule, a page or an alert is for: units, hamlets, groups of nodes and kinds of nodes."""

from collections import namedtuple

from protocols.fields import Fields
from protocols.limits import ID_BYTES_MAX, TARGET_NAMES_MAX

Place = namedtuple("Place", ("unit", "hamlet", "groups", "kind", "profiles"))
"""Where a node stands and what it is: its unit, hamlet, groups, kind (`speaker` or `board`) and the
profiles it can play or show, best first."""


class Targets(namedtuple("Targets", ("units", "hamlets", "groups", "kinds"))):
    """List whom something is for; an empty list of everything is for all."""

    def reach(self, place: Place) -> bool:
        """Tell whether a node at `place` is meant.

        Units, hamlets and groups add up (any of them reaches the node); kinds restrict.
        """
        if self.kinds and place.kind not in self.kinds:
            return False
        if not (self.units or self.hamlets or self.groups):
            return True
        if place.unit in self.units or place.hamlet in self.hamlets:
            return True
        for group in place.groups:
            if group in self.groups:
                return True
        return False

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form: only the lists that are not empty."""
        value: dict[str, object] = {}
        for name, names in (
            ("units", self.units),
            ("hamlets", self.hamlets),
            ("groups", self.groups),
            ("kinds", self.kinds),
        ):
            if names:
                value[name] = list(names)
        return value


def read_targets(fields: Fields) -> Targets:
    """Return the optional `targets` of an object; without them it is for all."""
    if not fields.has("targets"):
        return Targets((), (), (), ())
    inner = fields.nested("targets")
    return Targets(
        inner.ids("units", TARGET_NAMES_MAX, ID_BYTES_MAX),
        inner.ids("hamlets", TARGET_NAMES_MAX, ID_BYTES_MAX),
        inner.ids("groups", TARGET_NAMES_MAX, ID_BYTES_MAX),
        inner.ids("kinds", TARGET_NAMES_MAX, ID_BYTES_MAX),
    )
