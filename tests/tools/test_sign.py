"""`chieng-tool sign`: an approver sees what is signed, and signs it on an own machine."""

import hashlib

import pytest

from protocols import alert, bundle
from tests.portable import manifests, recordings
from tests.tools.tool_desk import Desk

SOUND = b"RIFF what was listened to"


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    desk.found()
    return desk


def programme(unit="03.a"):
    value = manifests.bundle()
    value["unit"], value["ancestors"] = unit, ["00.prov"]
    value["items"][0]["renditions"][0]["sha256"] = hashlib.sha256(SOUND).hexdigest()
    return bundle.build(value)


def test_a_bundle_is_shown_then_signed_then_accepted(desk):
    path = desk.export(programme())
    (desk.folder / "media").mkdir()
    (desk.folder / "media" / "notice.wav").write_bytes(SOUND)
    words = [path, "--key", desk.key("approver", "03.a.1"), "--blobs", desk.folder / "media"]
    before = path.read_bytes()
    out = desk.ok("sign", *words, say=["no"])
    assert "Not signed." in out and path.read_bytes() == before
    out = desk.ok("sign", *words, say=["yes"])
    for item in bundle.read(programme()).items.values():
        assert item.title in out
    assert "is the file in the folder" in out and "is NOT in the folder" in out and "05:30" in out
    assert "Published" in desk.keys("accept", path)
    assert desk.repository().archive.current("unit-03.a").signed.targets


def test_a_slot_that_recordings_fill_is_named_as_such(desk):
    value = recordings.bundle(minutes=30)
    value["unit"], value["ancestors"] = "03.a", ["00.prov"]
    path = desk.export(bundle.build(value))
    out = desk.ok("sign", path, "--key", desk.key("approver", "03.a.1"), say=["no"])
    assert "AUTOMATIC: recordings of vov1, each without a signature, 30 min at most" in out


def test_two_approvers_sign_an_alert_one_after_the_other(desk):
    words = ["--unit", "03.a", "--alert-threshold", "2", "--key", desk.key("registrar", "r")]
    desk.keys("unit", *words)
    value = manifests.alerts([manifests.alert("flood", 1, desk.now_s)], "03.a")
    path = desk.export(alert.build(value), kind="alert")
    for approver, expected in (("03.a.1", "still missing"), ("03.a.2", "Published")):
        desk.ok("sign", path, "--key", desk.key("approver", approver), "--yes")
        assert expected in desk.keys("accept", path)


def test_what_must_not_be_signed_is_not(desk):
    path = desk.export(programme())
    key = ["--key", desk.key("approver", "03.a.1")]
    good = path.read_bytes()
    cases = {
        "request.file": good.replace(b'"length": ', b'"length": 1'),
        "request.format": good[:200],
        "repository.format": good.replace(b'"_type": "targets"', b'"_type": "other"'),
        "tool.file": b" " * 2_000_000,
    }
    for code, data in cases.items():
        path.write_bytes(data)
        failed, _, errors = desk.run("sign", path, *key, "--yes")
        assert failed == 1 and code in errors, (code, errors)
        assert path.read_bytes() == data
    path.write_bytes(desk.export(b"not a bundle").read_bytes())
    failed, _, errors = desk.run("sign", path, *key, "--yes")
    assert failed == 1 and "json.syntax" in errors
    failed, _, errors = desk.run("sign", desk.folder / "none", *key, "--yes")
    assert failed == 1 and "tool.file" in errors


def test_a_stranger_signs_in_vain(desk):
    desk.ok("keys", "new", "--holder", desk.stick("stranger"))
    path = desk.export(programme())
    desk.ok("sign", path, "--key", desk.key("approver", "stranger"), "--yes")
    failed, _, errors = desk.run("keys", "accept", "--data", desk.data, path)
    assert failed == 1 and "request.key" in errors
