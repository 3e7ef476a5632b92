"""One day written down by CPython: every interpreter must read, expand and play it alike."""

import binascii
import hashlib
import json

from protocols import alert, bundle, canonical, preview, schedule, settings
from tests.portable import manifests
from tests.portable.play_shell import PLACE, local

VECTORS = "tests/vectors/playout_day.json"


def source():
    """Return the manifests of the day."""
    value = manifests.bundle()
    value["items"].append(manifests.item("storm-notice", 5, 95, "priority"))
    value["rules"].append(manifests.rule("afternoon", ["storm-notice", "music"], ["17:00"]))
    value["rules"].append(manifests.rule("tet", ["music"], ["05:35:30"]))
    value["rules"][-1]["dates"] = ["2026-11-06", "2027-02-06"]
    storm = manifests.alert("storm", 20, manifests.at_ms("05:00") // 1000)
    storm["expires_s"] = manifests.at_ms("18:00") // 1000
    storm["repeat"] = {"gap_s": 1200, "until_s": manifests.at_ms("05:50") // 1000}
    return {
        "bundle": value,
        "alerts": manifests.alerts([storm]),
        "settings": manifests.settings(),
    }


def results(value):
    """Return what this interpreter makes of the manifests."""
    read = bundle.from_dict(value["bundle"])
    alerts = alert.from_dict(value["alerts"])
    narrow = settings.settings_from_dict(value["settings"])
    start, end = manifests.at_ms("05:00"), manifests.at_ms("04:00", 1)
    digests = []
    for one in (read, alerts, narrow):
        state = hashlib.sha256()
        for piece in canonical.encode_chunks(one.to_dict()):
            state.update(piece)
        digests.append(binascii.hexlify(state.digest()).decode())
    found = schedule.occurrences(read.rules, start, end, read.utc_offset_min)
    played = []
    for fact in preview.what_will_play(PLACE, (read,), (alerts,), narrow, start, end):
        moment = fact.started_ms if fact.kind == "played" else fact.scheduled_ms
        row = [fact.kind, fact.item, local(moment), fact.occurrence, fact.reason]
        if fact.kind == "played":
            row.extend((fact.from_ms, fact.until_ms, fact.outcome, fact.volume_percent))
        played.append(row)
    return {
        "sha256": digests,
        "occurrences": [[one.id, one.start_ms, one.end_ms] for one in found],
        "played": played,
    }


def test_the_committed_day_is_reproduced():
    with open(VECTORS) as file:
        vectors = json.load(file)
    assert vectors["source"] == source()
    found = results(vectors["source"])
    for name in ("sha256", "occurrences", "played"):
        assert found[name] == vectors["expected"][name], name
