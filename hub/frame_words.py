"""What pages say about the frame of a programme, ready for translation: by kind, then by name."""

from hub.translations import N_

TEXTS = {
    "slot": {
        "own": N_("own programme"),
        "relay": N_("relay of a broadcaster"),
        "province": N_("matter of the province"),
    },
    "source": {"feed": N_("podcast"), "stream": N_("stream")},
    "again": {
        "nothing": N_("nothing"),
        "last": N_("the last one again"),
    },
    "state": {
        "waiting": N_("waits for a signature"),
        "approved": N_("signed, being published"),
        "in_force": N_("in force"),
        "replaced": N_("replaced by a later change"),
        "withdrawn": N_("withdrawn"),
    },
    "change": {
        "slot": N_("Slot"),
    },
}
CHIPS = {"waiting": "warn", "approved": "warn", "in_force": "good"}


def text(kind: str, name: str) -> str:
    """Return what something of a kind is called, in English."""
    return TEXTS[kind].get(name, name)
