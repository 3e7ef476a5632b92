"""Offline alerts: taken once, by enough keys, for their own unit and day, and nothing else."""

from binascii import hexlify

from hw.micropython.verifier import Verifier
from protocols import canonical, ed25519, limits, offline_alert
from protocols.errors import RemoteFault
from protocols.offline_alert import Replays

NOW_S = 1800000000
UNIT = "03.k7f2"
SEEDS = (b"first approver's seed, 32 bytes.", b"second approver, also 32 bytes..")
CHAIN = (UNIT, "00.prov")


def _key(seed):
    public = hexlify(ed25519.public(seed)).decode()
    return {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}}


def _registry(threshold, unit=UNIT, names=("a", "b"), seeds=SEEDS):
    keys = {}
    for name, seed in zip(names, seeds):
        keys[name] = _key(seed)
    entry = {
        "name": "alert-" + unit,
        "keyids": list(names),
        "threshold": threshold,
        "terminating": True,
        "paths": ["alerts/" + unit + "/alert.json"],
    }
    return {
        "_type": "targets",
        "spec_version": "1.0.31",
        "version": 1,
        "expires": "2027-06-01T00:00:00Z",
        "targets": {},
        "delegations": {"keys": keys, "roles": [entry]},
    }


def _alert(**changes):
    value = {
        "id": "flood-1",
        "kind": "alert",
        "references": [],
        "drill": False,
        "title": "Lũ trên sông Hà Thanh",
        "language": "vi-VN",
        "sent_s": NOW_S,
        "expires_s": NOW_S + 3600,
        "renditions": [],
        "pages": [],
    }
    value.update(changes)
    return value


def _signed(alerts=None, unit=UNIT):
    alerts = [_alert()] if alerts is None else alerts
    manifest = {"format": "chieng-alerts/1", "version": 1, "unit": unit, "issued_s": NOW_S}
    manifest["alerts"] = alerts
    return {"_type": "offline-alert", "manifest": manifest}


def _file(signed, signers=(("a", 0),)):
    message = canonical.encode(signed)
    signatures = {}
    for name, index in signers:
        signatures[name] = hexlify(ed25519.sign(SEEDS[index], message)).decode()
    return offline_alert.encode(signed, signatures)


def _verdict(data, threshold=1, now_s=NOW_S + 60, replays=None, registry=None):
    try:
        found = offline_alert.read(data)
        registry = registry or _registry(threshold, found.unit)
        role = offline_alert.role(registry, found.unit, now_s)
        offline_alert.check(found, role, CHAIN, now_s, replays or Replays(), Verifier())
    except RemoteFault as fault:
        assert fault.remedy and fault.message
        return fault.code
    return "taken"


def test_one_approver_is_enough_where_the_threshold_is_one():
    assert _verdict(_file(_signed())) == "taken"
    assert _verdict(_file(_signed(unit="00.prov"))) == "taken"


def test_two_people_sign_one_after_the_other():
    signed = _signed()
    assert _verdict(_file(signed), 2) == "trust.threshold"
    assert _verdict(_file(signed, (("a", 0), ("b", 1))), 2) == "taken"


def test_one_person_is_not_two():
    twice = _registry(2, seeds=(SEEDS[0], SEEDS[0]))
    data = _file(_signed(), (("a", 0), ("b", 0)))
    assert _verdict(data, registry=twice) == "trust.threshold"
    assert _verdict(data, 2) == "trust.bad_signature"


def test_other_keys_and_altered_alerts_are_refused():
    assert _verdict(_file(_signed(), (("c", 0),))) == "trust.threshold"
    assert _verdict(_file(_signed(), (("a", 1),))) == "trust.bad_signature"
    assert _verdict(_file(_signed(), ())) == "trust.threshold"
    data = _file(_signed())
    assert _verdict(data.replace(b"flood-1", b"flood-2")) == "trust.bad_signature"


def test_only_its_own_chain_takes_it():
    assert _verdict(_file(_signed(unit="03.else"))) == "offline_alert.unit"
    other = _registry(1, "03.else")
    assert _verdict(_file(_signed()), registry=other) == "offline_alert.role"


def test_only_its_own_day():
    day = 24 * 3600
    cases = (
        ({"expires_s": NOW_S + day}, NOW_S, "taken"),
        ({"expires_s": NOW_S + day + 1}, NOW_S, "offline_alert.life"),
        ({}, NOW_S - 600, "taken"),
        ({}, NOW_S - 601, "offline_alert.early"),
        ({}, NOW_S + 3599, "taken"),
        ({}, NOW_S + 3600, "offline_alert.expired"),
        ({"maximum_age_s": 100}, NOW_S + 100, "taken"),
        ({"maximum_age_s": 100}, NOW_S + 101, "offline_alert.expired"),
        ({"sent_s": NOW_S + 50}, NOW_S, "taken"),
    )
    for changes, now_s, expected in cases:
        found = _verdict(_file(_signed([_alert(**changes)])), now_s=now_s)
        assert found == expected, (changes, now_s - NOW_S, found)


def test_another_role_of_the_registry_gives_no_keys():
    registry = _registry(1)
    registry["delegations"]["roles"][0]["name"] = "unit-" + UNIT
    assert _verdict(_file(_signed()), registry=registry) == "offline_alert.role"


def test_an_expired_registry_gives_no_keys():
    end_s = 1811808000
    alerts = [_alert(sent_s=end_s - 10, expires_s=end_s + 100)]
    data = _file(_signed(alerts))
    assert _verdict(data, now_s=end_s - 1) == "taken"
    assert _verdict(data, now_s=end_s) == "trust.expired"


def test_each_alert_is_taken_once_even_over_a_power_cut():
    replays = Replays()
    data = _file(_signed())
    assert _verdict(data, replays=replays) == "taken"
    replays.add(offline_alert.read(data), NOW_S)
    assert _verdict(data, replays=replays) == "offline_alert.replayed"
    again = offline_alert.read_replays(replays.to_bytes())
    assert _verdict(data, replays=again) == "offline_alert.replayed"
    # A second signature does not make it another alert; another id does.
    both = _file(_signed(), (("a", 0), ("b", 1)))
    assert _verdict(both, replays=again) == "offline_alert.replayed"
    assert _verdict(_file(_signed([_alert(id="flood-2")])), replays=again) == "taken"
    assert _verdict(_file(_signed(unit="00.prov")), replays=again) == "taken"


def test_the_memory_is_bounded_and_forgets_only_what_expired():
    replays = Replays()
    for number in range(limits.OFFLINE_ALERTS_MAX):
        data = _file(_signed([_alert(id="a" + str(number))]), ())
        replays.add(offline_alert.read(data), NOW_S)
    one_more = offline_alert.read(_file(_signed(), ()))
    try:
        replays.add(one_more, NOW_S)
        code = "added"
    except RemoteFault as fault:
        code = fault.code
    assert code == "offline_alert.full"
    replays.add(one_more, NOW_S + 3600)
    assert replays.holds(UNIT, "flood-1") and not replays.holds(UNIT, "a1")


def test_a_node_that_lost_the_time_takes_todays_alert_and_never_an_old_one_again():
    floor_s = NOW_S - 30 * 86400
    found = offline_alert.read(_file(_signed()))
    role = offline_alert.role(_registry(1), UNIT, floor_s)
    replays = Replays()

    def verdict(knows_time):
        try:
            offline_alert.check(found, role, CHAIN, floor_s, replays, Verifier(), knows_time)
        except RemoteFault as fault:
            return fault.code
        return "taken"

    assert verdict(True) == "offline_alert.early"
    assert verdict(False) == "taken"
    replays.add(found, NOW_S)
    other = offline_alert.read(
        _file(_signed([_alert(id="a2", sent_s=NOW_S + 7200, expires_s=NOW_S + 9000)]), ())
    )
    replays.add(other, NOW_S + 7200)
    replays = offline_alert.read_replays(replays.to_bytes())
    assert not replays.holds(UNIT, "flood-1")
    assert replays.forgotten_s == NOW_S + 3600
    assert verdict(False) == "offline_alert.replayed"


def test_a_file_beyond_the_limit_is_refused():
    assert _verdict(b" " * (limits.OFFLINE_ALERT_BYTES_MAX + 1)) == "json.long"


def test_other_documents_are_refused():
    extra = _signed()
    extra["more"] = 1
    cases = (
        (b"", "json.syntax"),
        (b"[]", "trust.format"),
        (b"{}", "trust.format"),
        (_file({"_type": "targets", "manifest": 1}), "offline_alert.format"),
        (_file(_signed([])), "offline_alert.format"),
        (_file(_signed([_alert(), _alert(id="flood-2")])), "offline_alert.format"),
        (_file(extra), "offline_alert.format"),
        (_file(_signed(unit="nowhere")), "format.field"),
        (b'{"signed":{},"signed":{}}', "json.duplicate"),
    )
    for data, expected in cases:
        assert _verdict(data) == expected, (data[:60], expected, _verdict(data))
    for data in (b"{}", b"[1]", b'{"format":"chieng-replays/1","taken":{"x":1}}'):
        try:
            offline_alert.read_replays(data)
            code = "read"
        except RemoteFault as fault:
            code = fault.code
        assert code == "format.field"
