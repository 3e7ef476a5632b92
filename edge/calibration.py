"""What was learned of this node's amplifier by a test tone, kept in its store.

The numbers are this node's own: horns, cable and mains differ. Every play's evidence rests on them.
"""

from collections import namedtuple

from edge import state_file
from edge.faults import Faults
from hw import ports
from protocols import canonical
from protocols.errors import Fault
from protocols.fields import Fields
from protocols.limits import CALIBRATION_BYTES_MAX, WARM_UP_MS_MAX

_STATE = "state/amplifier"
_MILLIWATTS_MAX = 10_000_000


class Calibration(
    namedtuple(
        "Calibration", ("off_milliwatts", "idle_milliwatts", "tone_milliwatts", "warm_up_ms")
    )
):
    """Hold what an amplifier draws off, on and silent, and with the tone; and its warm-up."""


def store(storage: ports.Storage, found: Calibration) -> None:
    """Keep a calibration; raises `WorldFault("storage.*")`."""
    value = {
        "off_milliwatts": found.off_milliwatts,
        "idle_milliwatts": found.idle_milliwatts,
        "tone_milliwatts": found.tone_milliwatts,
        "warm_up_ms": found.warm_up_ms,
    }
    state_file.write_twice(storage, _STATE, canonical.encode(value))


def load(storage: ports.Storage) -> Calibration | None:
    """Return the calibration kept, or None; raises `RemoteFault` when the file is broken."""
    data = state_file.read_either(storage, _STATE, CALIBRATION_BYTES_MAX)
    if data is None:
        return None
    fields = Fields(canonical.decode(data, CALIBRATION_BYTES_MAX), "calibration")
    return Calibration(
        fields.integer("off_milliwatts", 0, _MILLIWATTS_MAX),
        fields.integer("idle_milliwatts", 0, _MILLIWATTS_MAX),
        fields.integer("tone_milliwatts", 0, _MILLIWATTS_MAX),
        fields.integer("warm_up_ms", 0, WARM_UP_MS_MAX),
    )


def settings_with(
    settings: "dict[str, object]", storage: ports.Storage, faults: Faults
) -> "dict[str, object]":
    """Return an amplifier's settings with what was learned in the place of what was typed."""
    merged: dict[str, object] = {}
    merged.update(settings)
    try:
        found = load(storage)
    except Fault as fault:
        faults.note("store.amplifier", fault)
        return merged
    if found is not None:
        merged["idle_milliwatts"] = found.idle_milliwatts
        merged["warm_up_ms"] = found.warm_up_ms
    return merged
