"""Which alerts stand: manifests of the own unit and its ancestors, merged by id and reference.

An alert or its end counts from the unit that sent it downwards: an ancestor may update or cancel a
unit's alert, never the other way round, and a drill never ends a real alert. Where one id stands at
two units the higher one's alert counts. So a stolen commune key cannot silence the province.
"""

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.alert import Alert, Alerts
    from protocols.targets import Place


Standing = namedtuple("Standing", ("key", "unit", "version", "alert"))
"""An alert that is neither cancelled nor replaced; `key` is unit/id."""

Ending = namedtuple("Ending", ("key", "reason", "drill", "expires_s"))
"""An alert id that a unit may no longer speak under: `cancelled` or `superseded`."""


def endings(manifests: "tuple[Alerts, ...] | list[Alerts]", place: "Place") -> list[Ending]:
    """Return what the updates and cancels among manifests (nearest first) end.

    An update counts for everyone, whomever it reaches itself; a cancel only where it reaches.
    """
    units: list[str] = []
    found = []
    for manifest in manifests:
        if manifest.unit not in units:
            units.append(manifest.unit)
    for manifest in manifests:
        below = units[: units.index(manifest.unit) + 1]
        for alert in manifest.alerts:
            if alert.is_cancel() and not alert.targets.reach(place):
                continue
            reason = "cancelled" if alert.is_cancel() else "superseded"
            for name in alert.references:
                for unit in below:
                    key = unit + "/" + name
                    found.append(Ending(key, reason, alert.drill, alert.expires_s))
    return found


def is_ended(key: str, alert: "Alert", ended: list[Ending]) -> Ending | None:
    """Return the ending that holds for an alert, or None."""
    for ending in ended:
        if ending.key == key and (alert.drill or not ending.drill):
            return ending
    return None


def standing(manifests: "tuple[Alerts, ...] | list[Alerts]", place: "Place") -> list[Standing]:
    """Return the alerts for a place that stand, by time sent and key; expiry is not looked at."""
    ended = endings(manifests, place)
    by_id: dict[str, Standing] = {}
    for manifest in manifests:
        for alert in manifest.alerts:
            key = manifest.unit + "/" + alert.id
            if alert.is_cancel() or not alert.targets.reach(place):
                continue
            if is_ended(key, alert, ended) is None:
                # Manifests come nearest first: a later one is the higher unit's and replaces.
                by_id[alert.id] = Standing(key, manifest.unit, manifest.version, alert)
    found = list(by_id.values())
    found.sort(key=lambda entry: (entry.alert.sent_s, entry.key))
    return found
