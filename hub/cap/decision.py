"""What a CAP message means here: its legal class, a drill or not, for us at all or not.

Pure. Classes are those of Circular 39/2020: emergency interrupts, priority goes first.
"""

from typing import NamedTuple

from hub.cap import message
from hub.cap.message import Info, Message

# A sender's clock may be ahead of ours; beyond that, somebody's date is wrong.
AHEAD_S = 3600
# Where no end is stated, what was sent holds no longer than this.
UNSTATED_S = 24 * 3600
_SOON = ("Immediate", "Expected")
_GRAVE = ("Extreme", "Severe")
_SURE = ("Observed", "Likely")
_RANKS = ("normal", "priority", "emergency")
DRILLS = (message.EXERCISE, message.TEST)


class Verdict(NamedTuple):
    """Say what is done: `state` is one of `hub.cap.intake`'s, `why` a code for the page."""

    state: str
    why: str
    legal_class: str
    drill: bool
    ends_s: int


def class_of(info: Info) -> str:
    """Return the legal class of one part."""
    grave = info.urgency in _SOON and info.severity in _GRAVE and info.certainty in _SURE
    if grave:
        return "emergency"
    return "priority" if info.severity == "Moderate" else "normal"


def legal_class(given: Message) -> str:
    """Return the highest class of a message's parts."""
    found = [class_of(info) for info in given.infos]
    return max(found, key=_RANKS.index) if found else "normal"


def ends_s(given: Message) -> int:
    """Return when a message ends: as stated, or a day after it was sent."""
    stated = given.expires_s()
    return stated if stated is not None else given.sent_s + UNSTATED_S


def decide(given: Message, now_s: int) -> Verdict:
    """Return what a message means by itself, before senders, places and other messages count."""
    drill, end_s = given.status in DRILLS, ends_s(given)
    state, why = "waiting", ""
    if given.status in (message.SYSTEM, message.DRAFT):
        state, why = "ignored", "status"
    elif given.kind in (message.ACK, message.ERROR):
        state, why = "ignored", "kind"
    elif given.scope != message.PUBLIC:
        state, why = "ignored", "scope"
    elif given.sent_s > now_s + AHEAD_S:
        state, why = "refused", "future"
    elif given.kind != message.CANCEL and end_s <= now_s:
        state, why = "expired", ""
    elif given.kind == message.CANCEL:
        # It holds as long as anything that it may cancel.
        end_s = max(end_s, now_s + UNSTATED_S)
    return Verdict(state, why, legal_class(given), drill, end_s)
