"""From which grade of evidence (HARDWARE.md) on a play counts as proven."""

# Power at the loudspeaker or sound was measured; below it only commands and contacts were.
HEARD_GRADE = 3
# A board has read its picture back.
READ_BACK_GRADE = 2
# Outcomes of plays that were not heard whole; of a `cut` one (power, a crash) nobody saw the end.
ENDED_EARLY = ("interrupted", "cut")


def is_enough(grade: int, kind: str) -> bool:
    """Tell whether a grade proves a play of a kind of node."""
    return grade >= (READ_BACK_GRADE if kind == "board" else HEARD_GRADE)
