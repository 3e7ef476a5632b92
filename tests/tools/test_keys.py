"""`chieng-tool keys`: the ceremony, its record, rotation, units and recovery, by their commands."""

import os
import shutil
import stat
import subprocess
import sys

import pytest
from tuf.api.exceptions import RepositoryError

from hub.repository.signers import fingerprint
from tests.hub.repository_world import serving
from tests.tools.tool_desk import Desk
from tools.key_files import public_key


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    desk.founded = desk.found()
    desk.publish(b"programme")
    with serving(desk.data / "repository") as desk.url:
        assert desk.reads() == b"programme"
        yield desk


def test_the_ceremony_gives_one_sealed_key_to_each_holder(desk):
    names = {"root-an", "root-binh", "root-chi", "targets-t", "firmware-f", "registrar-r"}
    assert names <= set(desk.sheets)
    assert len(set(desk.sheets.values())) == len(desk.sheets)
    for path in (desk.folder / "sticks").rglob("*-*.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"PRIVATE KEY" not in path.read_bytes()
    for path in (desk.data / "keys" / "online").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    root = (desk.data / "repository/metadata/1.root.json").read_bytes()
    for holder in ("an", "binh", "chi"):
        assert (desk.folder / "sticks" / holder / "1.root.json").read_bytes() == root
    assert "Root of trust:" in desk.founded
    for holder in ("an", "binh", "chi"):
        assert f"{fingerprint(public_key(desk.key('root', holder)))} {holder}\n" in desk.founded


def test_the_record_names_every_key_and_is_one_page_to_print(desk):
    page = desk.folder / "record.html"
    out = desk.keys("record", "--record", page)
    html = page.read_text(encoding="utf-8")
    root = desk.repository().archive.root().signed
    for keyid in root.keys:
        assert keyid in out and keyid in html
    for role in ("root", "targets", "registry-00", "registry-03", "relays", "firmware"):
        assert role in html
    assert "2 / 3" in html and "http" not in html and "<script" not in html
    vietnamese = Desk(desk.folder, "vi")
    assert "Biên bản lễ lập khóa" in vietnamese.keys("record")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda words: words[: words.index("--root")] + words[words.index("--targets") :], None),
        (lambda words: [w.replace("binh=", "an=").replace("/binh", "/an") for w in words], "apart"),
        (lambda words: words + ["--root-threshold", "4"], "repository.threshold"),
    ],
)
def test_a_ceremony_that_would_not_hold_is_refused(tmp_path, change, code):
    desk = Desk(tmp_path)
    words = ["keys", "found", "--data", str(desk.data), "--group", "03"]
    for holder in ("an", "binh", "chi"):
        words += ["--root", desk.stick(holder)]
    for kind in ("targets", "firmware", "registrar"):
        words += [f"--{kind}", desk.stick(kind[0])]
    if code is None:
        with pytest.raises(SystemExit):
            desk.run(*change(words))
        return
    failed, _, errors = desk.run(*change(words))
    assert failed == 1 and {"apart": "keys.folders"}.get(code, code) in errors and "→" in errors


def test_an_existing_key_or_repository_is_never_replaced(desk):
    before = desk.key("approver", "03.a.1").read_bytes()
    code, _, errors = desk.run("keys", "new", "--holder", desk.stick("03.a.1"))
    assert code == 1 and "keys.exists" in errors
    assert desk.key("approver", "03.a.1").read_bytes() == before
    words = ["--group", "03", "--root", desk.stick("x")]
    for kind in ("targets", "firmware", "registrar"):
        words += [f"--{kind}", desk.stick("y")]
    code, _, errors = desk.run("keys", "found", "--data", desk.data, *words)
    assert code == 1 and "repository.exists" in errors
    assert not list((desk.folder / "sticks" / "x").iterdir())


def test_a_typo_is_told_and_a_wrong_sheet_refused(desk):
    right = desk.sheets["registrar-r"]
    typo = ("2" if right[0] != "2" else "3") + right[1:]
    words = ["keys", "unit", "--data", desk.data, "--unit", "03.a", "--key"]
    words.append(desk.key("registrar", "r"))
    desk.now_s += 5
    assert "group 1" in desk.ok(*words, typed=[typo, right])
    code, _, errors = desk.run(*words, typed=[desk.sheets["targets-t"]])
    assert code == 1 and "keys.passphrase:" in errors


def test_root_holders_change(desk):
    leaving = desk.key_ids("root")[0][:12]
    added = ["--add", desk.stick("dung"), "--remove", leaving]
    desk.keys("root", *added, *desk.roots("an", "binh", "chi"))
    assert (desk.folder / "sticks/dung/2.root.json").exists()
    desk.still_reads()
    assert leaving not in " ".join(desk.key_ids("root"))
    words = ["keys", "root", "--data", desk.data, "--threshold", "3"]
    code, out, _ = desk.run(*words, *desk.roots("an", "binh"))
    assert code == 0 and "still missing" in out
    desk.keys("root", "--threshold", "3", *desk.roots("binh", "chi", "dung"))
    desk.still_reads()


def test_root_holders_far_apart_sign_on_their_own_machines(desk):
    folder = desk.folder / "post"
    leaving = desk.key_ids("root")[0][:12]
    desk.keys("root", "--remove", leaving, "--threshold", "2", "--export", folder)
    path = folder / "root.request.json"
    copies = [desk.folder / "binh.json", desk.folder / "chi.json"]
    for copy, holder in zip(copies, ("binh", "chi"), strict=True):
        shutil.copy(path, copy)
        desk.ok("sign", copy, "--key", desk.key("root", holder), "--yes")
    assert "still missing" in desk.keys("accept", copies[0])
    assert "waits" in desk.keys("expiry")
    assert "Published" in desk.keys("accept", copies[1])
    desk.still_reads()


def test_targets_registrar_and_firmware_keys_change(desk):
    old = {role: desk.key_ids(role)[0][:12] for role in ("targets", "registry-03", "firmware")}
    t, r = desk.key("targets", "t"), desk.key("registrar", "r")
    swap = ["--add", desk.stick("new"), "--remove"]
    desk.keys("targets", *swap, old["targets"], *desk.roots("an", "chi"), "--key", t)
    desk.still_reads()
    t = desk.key("targets", "new")
    desk.keys("registrar", *swap, old["registry-03"], "--key", t)
    desk.still_reads()
    desk.keys("firmware", *swap, old["firmware"], "--key", t)
    desk.still_reads()
    code, _, errors = desk.run("keys", "close", "--data", desk.data, "--unit", "03.a", "--key", r)
    assert code == 1 and "request.key" in errors


def test_online_keys_change_in_plan_and_after_a_theft(desk):
    people = [*desk.roots("an", "binh"), "--key", desk.key("targets", "t")]
    people += ["--key", desk.key("registrar", "r")]
    for stolen in ([], ["--stolen"]):
        before = set(desk.repository().online.signers())
        out = desk.keys("online", *stolen, *people)
        assert out.count("Deleted the old key") == 5
        assert not before & set(desk.repository().online.signers())
        desk.still_reads()


def test_online_keys_are_replaced_by_people_far_apart(desk):
    folder = desk.folder / "post"
    before = set(desk.repository().online.signers())
    desk.keys("online", "--export", folder)
    files = sorted(folder.iterdir())
    for kind, holder in (("root", "an"), ("root", "chi"), ("targets", "t"), ("registrar", "r")):
        desk.ok("sign", *files, "--key", desk.key(kind, holder), "--yes")
    desk.keys("accept", "--stolen", *files)
    assert not before & set(desk.repository().online.signers())
    desk.still_reads()


def test_an_approver_leaves_another_joins_and_the_programme_goes_on(desk):
    leaving = desk.repository().unit("03.a").approvers[0].keyid[:12]
    desk.ok("keys", "new", "--holder", desk.stick("joins"))
    words = ["--unit", "03.a", "--remove", leaving, "--approver", desk.key("approver", "joins")]
    words += ["--alert-threshold", "2", "--key", desk.key("registrar", "r")]
    desk.keys("unit", *words, "--key", desk.key("approver", "03.a.2"))
    desk.still_reads()
    assert desk.repository().unit("03.a").alert_threshold == 2
    desk.publish(b"by the new one", approver="joins")
    desk.still_reads(b"by the new one")
    with pytest.raises(AssertionError, match=r"request\.key"):
        desk.publish(b"by the leaver", approver="03.a.1")


def test_leaving_without_a_signature_is_reported(desk):
    leaving = desk.repository().unit("03.a").approvers[0].keyid[:12]
    desk.keys("unit", "--unit", "03.a", "--remove", leaving, "--key", desk.key("registrar", "r"))
    assert "unit-03.a has no signature that counts" in desk.keys("expiry")
    with pytest.raises(RepositoryError):
        desk.reads()
    desk.publish(b"programme", approver="03.a.2")
    assert "no signature" not in desk.keys("expiry", "--days", "1").replace("No signature ends", "")
    desk.still_reads()


def test_a_unit_splits_and_merges_back(desk):
    registrar = ["--key", desk.key("registrar", "r")]
    desk.ok("keys", "new", "--holder", desk.stick("north"))
    words = ["--unit", "03.n", "--approver", desk.key("approver", "north")]
    desk.keys("unit", *words, "--ancestor", "00.prov", "--after", "03.a", *registrar)
    desk.publish(b"the north", approver="north", unit="03.n")
    assert desk.reads(unit="03.n") == b"the north"
    desk.keys("unit", "--unit", "03.a", "--after", "03.n", *registrar)
    desk.keys("close", "--unit", "03.n", *registrar)
    assert desk.reads() == b"programme"
    assert desk.repository().units() == ["00.prov", "03.a"]


def test_a_new_group_opens(desk):
    people = ["--key", desk.key("targets", "t"), "--key", desk.key("registrar", "r")]
    desk.keys("groups", "--group", "07", *people)
    desk.ok("keys", "new", "--holder", desk.stick("seven"))
    words = ["--unit", "07.x", "--approver", desk.key("approver", "seven")]
    desk.keys("unit", *words, "--ancestor", "00.prov", "--key", desk.key("registrar", "r"))
    desk.publish(b"seven", approver="seven", unit="07.x")
    assert desk.reads("other", "07.x") == b"seven"
    desk.still_reads()


def test_a_restored_hub_takes_back_what_a_mirror_holds(desk):
    folder = desk.data / "repository"
    shutil.copytree(folder, desk.folder / "backup")
    desk.publish(b"after the backup")
    desk.still_reads(b"after the backup")
    shutil.copytree(folder, desk.folder / "mirror")
    shutil.rmtree(folder)
    shutil.copytree(desk.folder / "backup", folder)
    desk.keys("recover")
    with pytest.raises(RepositoryError):
        desk.reads()
    out = desk.keys("recover", "--copy", desk.folder / "mirror")
    assert "Brought back unit-03.a" in out
    desk.still_reads(b"after the backup")


def test_expiry_says_who_must_sign(desk):
    assert "the hub renews it by itself" in desk.keys("expiry", "--days", "30")
    desk.now_s += 390 * 86400
    out = desk.keys("expiry")
    assert "unit-03.a  (key: approver)" in out


def test_the_command_line_runs_as_its_own_process(desk):
    environment = {**os.environ, "LANG": "vi_VN.UTF-8", "LC_ALL": "vi_VN.UTF-8"}
    command = [sys.executable, "-m", "tools.main", "keys", "expiry", "--data", str(desk.data)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "máy chủ tự gia hạn" in done.stdout
    command[-1] = str(desk.folder / "nowhere")
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and "repository.empty" in done.stderr
    assert "chieng-tool keys found" in done.stderr
