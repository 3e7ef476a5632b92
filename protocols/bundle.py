"""A unit's programme: items, rules, board pages, policy and fallback in one signed manifest."""

from collections import namedtuple

from protocols import canonical, media, tongues
from protocols.fields import Fields, check_id, refuse
from protocols.items import read_item, read_page
from protocols.limits import (
    ANCESTORS_MAX,
    BUNDLE_TIMES_MAX,
    EPOCH_S_MAX,
    FALLBACK_MAX,
    ID_BYTES_MAX,
    ITEMS_MAX,
    JSON_INTEGER_MAX,
    MANIFEST_BYTES_MAX,
    PAGES_MAX,
    RULES_MAX,
    UTC_OFFSET_MIN_MAX,
)
from protocols.media import Blob
from protocols.policy import read_policy
from protocols.rules import read_rule
from protocols.schedule import first_start_ms
from protocols.units import check_unit, take_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.items import Item, Page
    from protocols.policy import Asked, Policy
    from protocols.rules import Rule
    from protocols.targets import Place

FORMAT = "chieng-bundle/1"


class Bundle(
    namedtuple(
        "Bundle",
        (
            "version",
            "unit",
            "ancestors",
            "issued_s",
            "valid_from_s",
            "valid_until_s",
            "utc_offset_min",
            "items",
            "rules",
            "pages",
            "policy",
            "fallback",
        ),
    )
):
    """Hold one version of a unit's programme; `ancestors` nearest first, times in Unix seconds.

    `items` is a dict by id, `rules`, `pages` and `fallback` (item ids) are tuples.
    """

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form; reading it back gives an equal bundle."""
        return {
            "format": FORMAT,
            "version": self.version,
            "unit": self.unit,
            "ancestors": list(self.ancestors),
            "issued_s": self.issued_s,
            "valid_from_s": self.valid_from_s,
            "valid_until_s": self.valid_until_s,
            "utc_offset_min": self.utc_offset_min,
            "items": [self.items[name].to_dict() for name in sorted(self.items)],
            "rules": [rule.to_dict() for rule in self.rules],
            "pages": [page.to_dict() for page in self.pages],
            "policy": self.policy.to_dict(),
            "fallback": list(self.fallback),
        }

    def is_valid_at(self, wall_ms: int) -> bool:
        """Tell whether the programme's own validity holds at a wall time."""
        return bool(self.valid_from_s * 1000 <= wall_ms < self.valid_until_s * 1000)


def _ancestors(fields: Fields, unit: str) -> tuple[str, ...]:
    found: list[str] = []
    for index, value in enumerate(fields.entries("ancestors", 0, ANCESTORS_MAX, True)):
        path = fields.name("ancestors") + "[" + str(index) + "]"
        name = check_unit(value, path)
        if name == unit or name in found:
            raise refuse(path, "stands twice in the chain", "Name every unit above once.")
        found.append(name)
    return tuple(found)


def _items(fields: Fields) -> "dict[str, Item]":
    found: dict[str, Item] = {}
    for entry in fields.objects("items", ITEMS_MAX):
        item = read_item(entry)
        if item.id in found:
            raise refuse(entry.name("id"), "stands twice", "Give every item its own id.")
        found[item.id] = item
    for item in found.values():
        said = found.get(item.variant_of)
        if said is not None and said.variant_of:
            text = "has a variant of a variant: " + item.id
            raise refuse(fields.name("items"), text, "Name the item that all are variants of.")
    return found


def _rules(fields: Fields, items: "dict[str, Item]") -> "tuple[Rule, ...]":
    found: list[Rule] = []
    seen: set[str] = set()
    times = 0
    for entry in fields.objects("rules", RULES_MAX):
        rule = read_rule(entry, items)
        if rule.id in seen:
            raise refuse(entry.name("id"), "stands twice", "Give every rule its own id.")
        times += len(rule.times_s)
        if times > BUNDLE_TIMES_MAX:
            remedy = "Keep at most " + str(BUNDLE_TIMES_MAX) + " times in all rules together."
            raise refuse(entry.name("times"), "goes beyond the bundle's limit", remedy)
        seen.add(rule.id)
        found.append(rule)
    return tuple(found)


def _pages(fields: Fields) -> "tuple[Page, ...]":
    found: list[Page] = []
    seen: set[str] = set()
    for entry in fields.objects("pages", PAGES_MAX):
        page = read_page(entry)
        if page.id in seen:
            raise refuse(entry.name("id"), "stands twice", "Give every page its own id.")
        seen.add(page.id)
        found.append(page)
    return tuple(found)


def _known_items(fields: Fields, items: "dict[str, Item]") -> tuple[str, ...]:
    """Return the fallback's item ids, each of them an item of the bundle."""
    found: list[str] = []
    for index, value in enumerate(fields.entries("fallback", 0, FALLBACK_MAX, True)):
        path = fields.name("fallback") + "[" + str(index) + "]"
        name = check_id(value, path, ID_BYTES_MAX)
        if name not in items:
            raise refuse(path, "names no item of this bundle", "Add the item or drop the name.")
        found.append(name)
    return tuple(found)


def _policy(fields: Fields, items: "dict[str, Item]") -> "Policy":
    inner = fields.nested("policy")
    policy = read_policy(inner)
    if policy.drill_intro and policy.drill_intro not in items:
        path = inner.name("drill_intro")
        raise refuse(path, "names no item of this bundle", "Add the item or drop the name.")
    for item in items.values():
        if item.relay is not None and item.relay.source not in policy.relays:
            text = "does not list the source of " + item.id
            raise refuse(inner.name("relays"), text, "List it, or drop the item.")
    return policy


def from_dict(value: object, unit: str | None = None) -> Bundle:
    """Return the bundle of a decoded manifest, completely checked.

    With `unit` (the one its path names) a bundle of another unit is refused. Raises
    `RemoteFault("format.field")` naming the field (`bundle.items[3].title`).
    """
    fields = Fields(value, "bundle")
    fields.choice("format", (FORMAT,))
    name = take_unit(fields, "unit")
    if unit is not None and name != unit:
        raise refuse("bundle.unit", "is another unit's", "Publish it at its own unit's path.")
    valid_from_s = fields.integer("valid_from_s", 0, EPOCH_S_MAX)
    items = _items(fields)
    return Bundle(
        fields.integer("version", 1, JSON_INTEGER_MAX),
        name,
        _ancestors(fields, name),
        fields.integer("issued_s", 0, EPOCH_S_MAX),
        valid_from_s,
        fields.integer("valid_until_s", valid_from_s + 1, EPOCH_S_MAX),
        fields.integer("utc_offset_min", -UTC_OFFSET_MIN_MAX, UTC_OFFSET_MIN_MAX),
        items,
        _rules(fields, items),
        _pages(fields),
        _policy(fields, items),
        _known_items(fields, items),
    )


def read(data: bytes, unit: str | None = None) -> Bundle:
    """Return the bundle in a manifest's bytes; raises `RemoteFault` (`json.*`, `format.field`)."""
    return from_dict(canonical.decode(data, MANIFEST_BYTES_MAX), unit)


def build(value: dict[str, object]) -> bytes:
    """Return the canonical bytes of a manifest after checking it as a node will.

    `format` may be left out. Raises `RemoteFault` for a wrong field, and for a manifest above
    `MANIFEST_BYTES_MAX`.
    """
    fields = dict(value)
    fields["format"] = FORMAT
    data = canonical.encode(from_dict(fields).to_dict())
    if len(data) > MANIFEST_BYTES_MAX:
        raise refuse("bundle", "is larger than a node reads", "Drop old items and rules.")
    return data


def _item_blobs(item: "Item", profiles: tuple[str, ...], at_ms: int) -> list[Blob]:
    steps = media.ladder(item.renditions, profiles)[:1]
    return [Blob(at_ms, step.sha256, step.length, step.media_type) for step in steps]


def blobs_named(bundle: Bundle, place: "Place") -> list[str]:
    """Return the hashes of all that a node at `place` would play of a bundle at any time."""
    found = []
    for item in bundle.items.values():
        found.extend([blob.sha256 for blob in _item_blobs(item, place.profiles, 0)])
    for page in bundle.pages:
        found.extend([step.sha256 for step in media.ladder(page.renditions, place.profiles)[:1]])
    return found


def blobs_needed(
    bundle: Bundle,
    place: "Place",
    from_ms: int,
    until_ms: int,
    languages: "tuple[Asked, ...]" = (),
) -> list[Blob]:
    """Return what a node at `place` needs of a bundle in a window, what plays soonest first.

    `languages` are those of the policy that rules there (`protocols.programme`). Fallback and drill
    announcement come first (`at_ms` 0): they are needed at any moment. Of each item and page the
    node's best rendition counts.
    """
    found: list[Blob] = []
    order = tongues.order_of(languages, place.hamlet)
    spare = list(bundle.fallback)
    if bundle.policy.drill_intro:
        spare.append(bundle.policy.drill_intro)
    if place.kind != "board":
        for name in spare:
            found.extend(_item_blobs(bundle.items[name], place.profiles, 0))
    offset_min = bundle.utc_offset_min
    for rule in bundle.rules:
        if not rule.targets.reach(place):
            continue
        earliest_ms = from_ms - rule.duration_ms
        start_ms = first_start_ms(rule, earliest_ms, until_ms, offset_min)
        if start_ms is not None:
            items = [bundle.items[name] for name in rule.items]
            for item in tongues.chosen(items, order):
                found.extend(_item_blobs(item, place.profiles, max(1, start_ms)))
                start_ms += item.duration_ms()
    for page in tongues.shown(bundle.pages, order):
        shown_ms = page.from_s * 1000
        if shown_ms < until_ms and page.until_s * 1000 > from_ms and page.targets.reach(place):
            for step in media.ladder(page.renditions, place.profiles)[:1]:
                found.append(Blob(max(1, shown_ms), step.sha256, step.length, step.media_type))
    return media.in_order(found)
