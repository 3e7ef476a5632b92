"""Grade what proves that a play was heard.

0 command sent, 1 command accepted, 2 coil read back, 3 watts above this node's calibrated idle,
4 speaker-line sense or microphone. Only grade 4 proves sound. The grade is that of the strongest
observation; weaker ones missing below it (a relay without read-back) do not lower it.
"""

SENT = 0
ACCEPTED = 1
COIL = 2
WATTS = 3
SOUND = 4

# The keys of an observation, as `hw.ports.Amplifier.observe` gives them.
KEYS = ("accepted", "coil", "milliwatts", "idle_milliwatts", "line")

# A meter that resolves 0.1 W and an amplifier whose idle draw wanders with mains voltage: speech
# must draw one eighth and at least 1 W more than idle before the draw proves anything.
_MARGIN_DIVISOR = 8
_MARGIN_MILLIWATTS_MIN = 1000


def threshold_milliwatts(idle_milliwatts: int) -> int:
    """Return the draw above which an amplifier with this idle draw is delivering power."""
    margin = idle_milliwatts // _MARGIN_DIVISOR
    return idle_milliwatts + max(margin, _MARGIN_MILLIWATTS_MIN)


def idle_milliwatts(readings: list[int]) -> int:
    """Return the idle draw from readings with the amplifier on and silent: the largest of them."""
    return max(readings)


def grade(observed: dict[str, int]) -> int:
    """Return the grade (0-4) that one observation, or the strongest of a play, reaches."""
    if observed.get("line") == 1:
        return SOUND
    milliwatts = observed.get("milliwatts")
    idle = observed.get("idle_milliwatts")
    if milliwatts is not None and idle is not None and milliwatts > threshold_milliwatts(idle):
        return WATTS
    if observed.get("coil") == 1:
        return COIL
    return ACCEPTED if observed.get("accepted") == 1 else SENT


def strongest(observed: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """Merge two observations of one play: per key the larger, so that a pause hides nothing."""
    merged: dict[str, int] = {}
    for key in KEYS:
        values = [o[key] for o in (observed, other) if o.get(key) is not None]
        if values:
            merged[key] = max(values)
    return merged


def record_fields(observed: dict[str, int]) -> dict[str, int]:
    """Return the `evidence` object of a play record: the grade and what it rests on."""
    fields = {"grade": grade(observed)}
    for key in KEYS:
        value = observed.get(key)
        if value is not None:
            fields[key] = value
    return fields
