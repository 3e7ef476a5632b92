"""Units: who approves, where nodes find them, splitting, merging, closing."""

from typing import Any

from hub.repository.registry import Unit
from hub.repository.repository import Repository
from hub.repository.signers import find
from tools.context import Context
from tools.key_files import public_key


def unit(context: Context) -> None:
    """Put a unit in force, or change its approvers, thresholds and place.

    Keys given are the registrar's, and an approver's who stays where another leaves: then the
    programme in force is signed again in the same step.
    """
    options, repository = context.options, context.repository()
    wanted = _wanted(repository, options)
    signers = context.open_keys()
    outcome = repository.change_unit(wanted, signers, context.now_s, signers)
    if not context.report(outcome, f"registry of {wanted.unit}"):
        return
    known = repository.views.load(wanted.unit)
    if known is None or options.ancestor is not None or options.after:
        ancestors = options.ancestor if options.ancestor is not None else _above(known)
        repository.place_unit(wanted.unit, ancestors, context.now_s, options.after)
    context.console.say("unit_in_force", unit=wanted.unit)


def close(context: Context) -> None:
    """Take a unit out of force."""
    unit_id = context.options.unit
    outcome = context.repository().close_unit(unit_id, context.open_keys(), context.now_s)
    if context.report(outcome, f"registry of {unit_id}"):
        context.console.say("unit_closed", unit=unit_id)


def _above(view: Any) -> list[str]:
    return list(view.chain[1:]) if view else []


def _wanted(repository: Repository, options: Any) -> Unit:
    found = repository.proposals.units_beside(options.unit).get(options.unit)
    current = found or Unit(options.unit, [])
    keys = list(current.approvers)
    for start in options.remove:
        keys.remove(find(keys, start))
    joining = [public_key(path) for path in options.approver]
    keys += [key for key in joining if key.keyid not in {one.keyid for one in keys}]
    auto = {"on": True, "off": False, None: current.auto_alert}[options.auto_alert]
    return Unit(
        options.unit,
        keys,
        options.bundle_threshold or current.bundle_threshold,
        options.alert_threshold or current.alert_threshold,
        auto,
    )
