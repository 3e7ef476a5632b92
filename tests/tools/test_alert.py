"""`chieng-tool alert`: signed on a laptop, judged as a node judges it."""

import hashlib
import wave

import pytest

from hw.linux.verifier import Verifier
from protocols import offline_alert
from protocols.errors import RemoteFault
from protocols.offline_alert import Replays
from tests.tools.tool_desk import Desk

TITLE = "Lũ lên nhanh: đến ngay nhà văn hóa thôn"


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    desk.found()
    desk.stick_out = tmp_path / "usb"
    return desk


@pytest.fixture
def audio(tmp_path):
    path = tmp_path / "warning.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    return path


def verdict(desk, data, now_s, replays=None):
    """Judge a file as a node does that stored the unit's registry."""
    try:
        found = offline_alert.read(data)
        registry = desk.repository().archive.current("registry-03").signed.to_dict()
        role = offline_alert.role(registry, found.unit, now_s)
        chain = ["03.a", "00.prov"]
        offline_alert.check(found, role, chain, now_s, replays or Replays(), Verifier())
    except RemoteFault as fault:
        return fault.code
    return "taken"


def make(desk, *options, approver="03.a.1"):
    words = ["--unit", "03.a", "--title", TITLE, "--out", desk.stick_out]
    key = ["--key", desk.key("approver", approver)]
    out = desk.ok("alert", *words, *options, *key, "--yes")
    (path,) = desk.stick_out.glob("*.offline-alert.json")
    return path, out


def test_a_signed_alert_is_taken_by_a_node_of_the_unit(desk, audio):
    path, out = make(desk, "--audio", audio, "--repeat-gap-s", "60", "--hours", "3")
    assert TITLE in out and "REAL ALERT" in out
    data = path.read_bytes()
    assert verdict(desk, data, desk.now_s + 30) == "taken"
    assert verdict(desk, data, desk.now_s + 3 * 3600) == "offline_alert.expired"
    one = offline_alert.read(data).alert
    (rendition,) = one.renditions
    assert rendition.duration_ms == 500
    blob = (desk.stick_out / "blobs" / rendition.sha256).read_bytes()
    assert hashlib.sha256(blob).hexdigest() == rendition.sha256 and blob == audio.read_bytes()
    replays = Replays()
    replays.add(offline_alert.read(data), desk.now_s)
    assert verdict(desk, data, desk.now_s, replays) == "offline_alert.replayed"


@pytest.mark.parametrize("scheme", ["ecdsa-sha2-nistp256", "rsassa-pss-sha256"])
def test_every_key_type_signs(desk, scheme):
    desk.ok("keys", "new", "--holder", desk.stick("other"), "--scheme", scheme)
    words = ["--unit", "03.a", "--approver", desk.key("approver", "other")]
    desk.keys("unit", *words, "--key", desk.key("registrar", "r"))
    path, _ = make(desk, approver="other")
    assert verdict(desk, path.read_bytes(), desk.now_s) == "taken"


def test_two_people_sign_one_after_the_other(desk):
    words = ["--unit", "03.a", "--alert-threshold", "2", "--key", desk.key("registrar", "r")]
    desk.keys("unit", *words)
    path, _ = make(desk)
    assert verdict(desk, path.read_bytes(), desk.now_s) == "trust.threshold"
    again = ["alert", "--cosign", path, "--yes", "--key"]
    assert "1 signatures" in desk.ok(*again, desk.key("approver", "03.a.1"))
    assert verdict(desk, path.read_bytes(), desk.now_s) == "trust.threshold"
    out = desk.ok(*again, desk.key("approver", "03.a.2"))
    assert TITLE in out and "2 signatures" in out
    assert verdict(desk, path.read_bytes(), desk.now_s) == "taken"


def test_another_units_approver_signs_in_vain(desk):
    path, _ = make(desk, approver="00.prov.1")
    assert verdict(desk, path.read_bytes(), desk.now_s) == "trust.threshold"


def test_a_drill_and_a_cancel_say_so(desk):
    path, out = make(desk, "--drill", "--cancel", "tay-0011")
    assert "DRILL" in out
    one = offline_alert.read(path.read_bytes()).alert
    assert one.drill and one.kind == "cancel" and one.references == ("tay-0011",)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--hours", "25"], "tool.time"),
        (["--hours", "0"], "tool.time"),
        (["--unit", "nowhere"], "format.field"),
        (["--audio", "none.wav"], "tool.file"),
        (["--title", ""], "format.field"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(desk, options, code):
    words = ["--unit", "03.a", "--title", TITLE, "--out", desk.stick_out, *options, "--yes"]
    key = ["--key", desk.key("approver", "03.a.1")]
    failed, _, errors = desk.run("alert", *words, *key)
    assert failed == 1 and code in errors and "→" in errors
    assert not desk.stick_out.exists()


def test_sound_in_another_form_is_refused(desk, tmp_path):
    path = tmp_path / "wide.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((2, 2, 44100, 0, "NONE", ""))
        sound.writeframes(bytes(4000))
    words = ["--unit", "03.a", "--title", TITLE, "--out", desk.stick_out, "--audio"]
    key = ["--key", desk.key("approver", "03.a.1")]
    failed, _, errors = desk.run("alert", *words, path, *key, "--yes")
    assert failed == 1 and "tool.audio" in errors
    path.write_bytes(b"no sound at all")
    failed, _, errors = desk.run("alert", *words, path, *key, "--yes")
    assert failed == 1 and "tool.file" in errors


def test_nothing_is_signed_without_a_yes(desk):
    words = ["--unit", "03.a", "--title", TITLE, "--out", desk.stick_out]
    key = ["--key", desk.key("approver", "03.a.1")]
    assert "Not signed" in desk.ok("alert", *words, *key, say=["no"])
    assert not desk.stick_out.exists()
    vietnamese = Desk(desk.folder, "vi")
    vietnamese.sheets = desk.sheets
    assert "Cảnh báo tay-" in vietnamese.ok("alert", *words, *key, say=["có"])
