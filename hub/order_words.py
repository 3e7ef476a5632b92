"""What pages say about what a node was asked, ready for translation."""

from typing import Any

from hub.translations import N_

KINDS = {
    "self-test": N_("Self-test"),
    "upload-log": N_("Sending of the log"),
    "restart": N_("Restart"),
    "update": N_("Software update"),
    "settings": N_("Volume and quiet hours"),
    "zones": N_("Change of place and groups"),
    "re-home": N_("Change of hub address"),
    "move": N_("Move to another unit"),
    "decommission": N_("Decommissioning and wipe"),
}
STATES = {
    "waiting": N_("waiting for signature"),
    "sent": N_("on its way to the node"),
    "done": N_("done"),
    "refused": N_("refused by the node"),
    "failed": N_("did not succeed"),
    "withdrawn": N_("withdrawn"),
}
_CHIPS = {"done": "good", "refused": "bad", "failed": "bad", "waiting": "warn"}


def kind(row: dict[str, Any]) -> str:
    """Return what was asked."""
    return KINDS.get(row["kind"], str(row["kind"]))


def state(row: dict[str, Any]) -> str:
    """Return how far it is."""
    return STATES[row["state"]]


def chip(row: dict[str, Any]) -> str:
    """Return the colour of the state."""
    return _CHIPS.get(row["state"], "")
