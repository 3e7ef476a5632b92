"""What pages say about installations, ready for translation: by kind of word, then by name."""

from hub.translations import N_

TEXTS = {
    "brought": {
        "taken": N_("taken"),
        "waits": N_("waits for earlier records"),
        "refused": N_("not taken"),
    },
    "node": {
        "enrolled": N_("enrolled"),
        "quarantined": N_("in quarantine"),
        "revoked": N_("revoked"),
        "replaced": N_("replaced"),
    },
    "ticket": {
        "open": N_("valid"),
        "withdrawn": N_("withdrawn"),
        "expired": N_("expired"),
        "used": N_("used up"),
    },
    "check": {
        "relay": N_("Amplifier relay"),
        "meter": N_("Power meter"),
        "tone": N_("Tone at three levels"),
        "line": N_("Speaker line"),
        "board": N_("Board pattern"),
        "modem": N_("Modem signal"),
        "clock": N_("Clock"),
        "place": N_("Place by satellites"),
    },
    "verdict": {"good": N_("good"), "bad": N_("bad"), "absent": N_("absent")},
    "clock": {
        "unknown": N_("not known"),
        "rtc": N_("clock chip"),
        "network": N_("network time"),
        "hub": N_("the hub's signed time"),
    },
}
CHIPS = {
    "taken": "good", "waits": "warn", "refused": "bad", "enrolled": "good", "quarantined": "warn",
    "revoked": "bad", "open": "good", "good": "good", "bad": "bad",
}  # fmt: skip


def text(kind: str, name: str) -> str:
    """Return what something is called; what has no word keeps its own name."""
    return TEXTS[kind].get(name, name)
