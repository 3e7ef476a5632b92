"""The merged programme of a node: bundles of its unit and its ancestors under its settings.

The nearest bundle's policy rules: the commune decides about its own loudspeakers' hours. Mourning
counts from any unit on the chain. What an ancestor schedules as normal waits in the commune's
library (Circular 39/2020) and is not played by the ancestor's own rule.
"""

from collections import namedtuple

from protocols import policy as policies
from protocols import relays as recorded
from protocols import schedule, tongues
from protocols.items import NORMAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.bundle import Bundle
    from protocols.items import Item, Page
    from protocols.relays import Relay
    from protocols.rules import Rule
    from protocols.settings import Settings
    from protocols.targets import Place

# Before the first bundle says otherwise: Viet Nam.
UTC_OFFSET_MIN_DEFAULT = 420

Due = namedtuple("Due", ("start_ms", "key", "late_ms", "bundle", "occurrence"))
"""One occurrence of the chain: `key` is unit/rule/date/time, `late_ms` how late it may start."""

Spare = namedtuple("Spare", ("bundle", "item"))
"""An item that stands ready: of the fallback, or the announcement of drills."""


class Programme:
    """Answer what is due, and under which policy."""

    def __init__(
        self,
        place: "Place",
        bundles: "tuple[Bundle, ...]" = (),
        settings: "Settings | None" = None,
        waiting: "Bundle | None" = None,
        relays: "dict[str, Relay] | None" = None,
    ):
        """`waiting` is a verified bundle whose media are not here yet, of a unit nearer than those
        of `bundles`: its policy counts already, nothing else of it does. `relays` holds what is
        recorded, by source."""
        self.place = place
        self.bundles = bundles
        self.settings = settings
        self.waiting = waiting
        self.relays = relays or {}
        nearest = bundles[0] if bundles and waiting is None else waiting
        self.offset_min = nearest.utc_offset_min if nearest else UTC_OFFSET_MIN_DEFAULT
        policy = nearest.policy if nearest else policies.DEFAULT
        if settings is not None:
            policy = policy.narrowed(settings.volume_percent, settings.quiet)
        self.policy = policy

    def bundle_of(self, unit: str) -> "Bundle | None":
        """Return the bundle of a unit, or None."""
        for bundle in self.bundles:
            if bundle.unit == unit:
                return bundle
        return None

    def rank(self, unit: str) -> int:
        """Return how far up the chain a unit stands, 0 the own one."""
        for index, bundle in enumerate(self.bundles):
            if bundle.unit == unit:
                return index
        return len(self.bundles)

    def items(self, bundle: "Bundle", rule: "Rule") -> "list[Item]":
        """Return the items of a rule that play here, in order."""
        found = [bundle.items[name] for name in rule.items]
        if bundle.unit != self.place.unit:
            found = [item for item in found if item.legal_class != NORMAL]
        return tongues.chosen(found, tongues.order_of(self.policy.languages, self.place.hamlet))

    def pages(self, pages: "tuple[Page, ...]") -> "list[Page]":
        """Return those of some pages that are drawn for the languages asked for here."""
        return tongues.shown(pages, tongues.order_of(self.policy.languages, self.place.hamlet))

    def sounding(self, unit: str, item: "Item", at_ms: int) -> "tuple[Item, str]":
        """Return an item of a unit as it sounds at a time, and why nothing of it might."""
        if item.relay is None:
            return item, ""
        return recorded.fill(item, unit, self.relays.get(item.relay.source), at_ms)

    def late_ms(self, rule: "Rule") -> int:
        """Return how late an occurrence of a rule may start."""
        return int(rule.late_max_s or self.policy.late_max_s) * 1000

    def late_ms_max(self) -> int:
        """Return how far back an occurrence may lie that could still start."""
        longest = self.policy.late_max_s
        for bundle in self.bundles:
            for rule in bundle.rules:
                longest = max(longest, rule.late_max_s)
        return int(longest) * 1000

    def due(self, from_ms: int, until_ms: int) -> list[Due]:
        """Return what starts in [from_ms, until_ms), by start and key.

        An occurrence before its bundle was issued was never promised and does not count.
        """
        found = []
        for bundle in self.bundles:
            first_ms = max(from_ms, bundle.issued_s * 1000, bundle.valid_from_s * 1000)
            last_ms = min(until_ms, bundle.valid_until_s * 1000)
            if first_ms >= last_ms:
                continue
            for rule in bundle.rules:
                if rule.targets.reach(self.place) and self.items(bundle, rule):
                    found.extend(self._of_rule(bundle, rule, first_ms, last_ms))
        found.sort(key=lambda due: (due.start_ms, due.key))
        return found

    def _of_rule(self, bundle: "Bundle", rule: "Rule", from_ms: int, until_ms: int) -> list[Due]:
        late_ms = self.late_ms(rule)
        found = []
        for occurrence in schedule.starts(rule, from_ms, until_ms, bundle.utc_offset_min):
            key = bundle.unit + "/" + occurrence.id
            found.append(Due(occurrence.start_ms, key, late_ms, bundle, occurrence))
        return found

    def local(self, wall_ms: int) -> tuple[int, int]:
        """Return (day number, second of the day) on the local clock."""
        return schedule.local_day_second(wall_ms, self.offset_min)

    def mourns(self, wall_ms: int) -> bool:
        """Tell whether any unit of the chain mourns on the local day."""
        day = self.local(wall_ms)[0]
        for bundle in self.bundles:
            if bundle.policy.mourns(day):
                return True
        return False

    def is_quiet(self, legal_class: str, wall_ms: int | None) -> bool:
        """Tell whether a class must be silent now; at an unknown hour, whether it might have to."""
        if wall_ms is None:
            return bool(self.policy.may_be_quiet(legal_class))
        return bool(self.policy.is_quiet(legal_class, self.local(wall_ms)[1]))

    def volume_percent(self, legal_class: str, wall_ms: int | None) -> int:
        """Return the volume of a class now."""
        second = None if wall_ms is None else self.local(wall_ms)[1]
        return int(self.policy.volume(legal_class, second))

    def next_edge_ms(self, wall_ms: int) -> int:
        """Return the wall time of the next edge of a quiet or ceiling band, or of midnight."""
        second = self.local(wall_ms)[1]
        ahead_s = min(86400 - second, self.policy.seconds_to_change(second))
        return wall_ms - wall_ms % 1000 + int(ahead_s) * 1000

    def fallback(self) -> list[Spare]:
        """Return the items that fill a slot when nothing of it can be played, own unit's first."""
        found = []
        for bundle in self.bundles:
            for name in bundle.fallback:
                found.append(Spare(bundle, bundle.items[name]))
        return found

    def drill_intro(self) -> Spare | None:
        """Return the announcement that goes before every drill, or None."""
        for bundle in self.bundles:
            if bundle.policy.drill_intro:
                return Spare(bundle, bundle.items[bundle.policy.drill_intro])
        return None
