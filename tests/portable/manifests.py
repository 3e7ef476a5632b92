"""Small manifests that tests change one field at a time; plain values, made anew on each call."""

# 2026-11-06 00:00 in Viet Nam (UTC+7): the day a typhoon met this province a year before.
DAY_MS = 86400000
MIDNIGHT_MS = 1793898000000
MIDNIGHT_S = MIDNIGHT_MS // 1000
OFFSET_MIN = 420
COMMUNE = "03.k7f2"
PROVINCE = "01.prov"


def at_ms(clock, day=0):
    """Return the wall time of `HH:MM[:SS]` on the test's day (or `day` days later)."""
    second = int(clock[0:2]) * 3600 + int(clock[3:5]) * 60
    if len(clock) == 8:
        second += int(clock[6:8])
    return MIDNIGHT_MS + day * DAY_MS + second * 1000


def digest(number):
    """Return a made-up SHA-256 in hex."""
    return "%064x" % number


def rendition(number, seconds=60, profile="opus"):
    """Return a rendition of so many seconds."""
    return {
        "profile": profile,
        "media_type": "audio/ogg",
        "sha256": digest(number),
        "length": 4000 * seconds,
        "duration_ms": seconds * 1000,
    }


def item(name, number, seconds=60, legal_class="normal"):
    """Return an item with one rendition."""
    return {
        "id": name,
        "title": "Bản tin " + name,
        "language": "vi-VN",
        "topic": "khí tượng",
        "class": legal_class,
        "renditions": [rendition(number, seconds)],
    }


def rule(name, items, times):
    """Return a daily rule."""
    return {"id": name, "items": items, "times": times}


def page(name, number, legal_class="normal"):
    """Return a board page valid through the test's day."""
    return {
        "id": name,
        "title": "Trang " + name,
        "language": "vi-VN",
        "class": legal_class,
        "dwell_s": 10,
        "from_s": MIDNIGHT_S,
        "until_s": MIDNIGHT_S + 86400,
        "renditions": [
            {
                "profile": "board-192x64x1",
                "media_type": "image/png",
                "sha256": digest(number),
                "length": 1500,
            }
        ],
    }


def policy():
    """Return the usual hours of a commune."""
    return {
        "quiet": [["21:30", "05:00"]],
        "ceilings": [["05:00", "06:00", 60], ["06:00", "21:30", 80]],
        "emergency_ceiling_percent": 100,
        "emergency_in_quiet": True,
        "tie_break": [],
        "late_max_s": 1800,
    }


def bundle(unit=COMMUNE, ancestors=None):
    """Return a bundle: news at 05:30, a priority notice at 11:00, one page, a fallback."""
    return {
        "format": "chieng-bundle/1",
        "version": 1,
        "unit": unit,
        "ancestors": [PROVINCE] if ancestors is None else ancestors,
        "issued_s": MIDNIGHT_S - 86400,
        "valid_from_s": MIDNIGHT_S - 86400,
        "valid_until_s": MIDNIGHT_S + 365 * 86400,
        "utc_offset_min": OFFSET_MIN,
        "items": [
            item("news", 1, 600),
            item("notice", 2, 120, "priority"),
            item("music", 3, 180),
        ],
        "rules": [rule("morning", ["news"], ["05:30"]), rule("noon", ["notice"], ["11:00"])],
        "pages": [page("welcome", 10)],
        "policy": policy(),
        "fallback": ["music"],
    }


def alert(name, number, sent_s, seconds=30):
    """Return an alert that lives six hours."""
    return {
        "id": name,
        "kind": "alert",
        "references": [],
        "drill": False,
        "title": "Lũ khẩn cấp " + name,
        "language": "vi-VN",
        "sent_s": sent_s,
        "expires_s": sent_s + 6 * 3600,
        "maximum_age_s": 3600,
        "renditions": [rendition(number, seconds)],
        "pages": [],
    }


def alerts(entries, unit=COMMUNE, version=1):
    """Return an alerts manifest."""
    return {
        "format": "chieng-alerts/1",
        "version": version,
        "unit": unit,
        "issued_s": MIDNIGHT_S,
        "alerts": entries,
    }


def settings():
    """Return the settings of a node."""
    return {
        "format": "chieng-settings/1",
        "node": "node-1",
        "unit": COMMUNE,
        "sequence": 1,
        "volume_percent": 70,
        "quiet": [["12:00", "13:00"]],
    }


def orders():
    """Return the orders of a node, one of every kind and one of a later version's."""
    kinds = ["self-test", "upload-log", "restart", "update", "sing"]
    entries = []
    for number, kind in enumerate(kinds):
        entry = {"id": "o%d" % number, "kind": kind, "expires_s": MIDNIGHT_S + 86400}
        if kind == "update":
            entry["version"] = 3
        entries.append(entry)
    return {
        "format": "chieng-orders/1",
        "node": "node-1",
        "unit": COMMUNE,
        "sequence": 4,
        "orders": entries,
    }


def mandates():
    """Return what approvers laid down about three nodes."""
    return {
        "format": "chieng-mandates/1",
        "unit": COMMUNE,
        "sequence": 7,
        "nodes": [
            {
                "node": "node-1",
                "sequence": 7,
                "hamlet": "h2",
                "groups": ["market"],
                "hubs": ["https://hub.example", "http://10.0.0.1:8080"],
            },
            {"node": "node-2", "sequence": 3, "move": "03.other", "hamlet": ""},
            {"node": "node-3", "sequence": 5, "decommission": True},
        ],
    }
