"""From a text to what nodes verify: making, approving, recalling, and dying half way."""

import asyncio
import multiprocessing
import shutil
import wave

import pytest
from tuf.ngclient import Updater

from hub import audit, bulletins, fleet, timing
from hub.approvers import generate
from hub.bulletins import Draft
from hub.config import Config
from hub.enrolment import enrol_approvers
from hub.services import open_hub
from protocols import alert, bundle
from protocols.errors import Fault, RemoteFault
from tests.hub import crash_at
from tests.hub.conftest import COMMUNE

TEXT = "Thông báo: mưa lớn từ 17h30 ngày 5/11. Đề nghị bà con ở Làng Kon Chiêng đề phòng lũ."


def draft(**changes):
    fields = {
        "unit": COMMUNE,
        "title": "Tin bão số 13",
        "language": "vi-VN",
        "legal_class": "priority",
        "text": TEXT,
        "board_text": "BÃO SỐ 13",
        "voice": "vi-VN",
        "upload": None,
        "hamlets": [],
        "timing": {"mode": "now"},
    }
    fields.update(changes)
    return Draft(**fields)


EMERGENCY = {"legal_class": "emergency", "timing": timing.alert(2, 10, False)}


async def write(services, name="b1", real=False, **changes):
    """Create a bulletin and make it, `real` with speech and ffmpeg."""
    now_s = services.now_s()
    new = draft(**changes)
    await services.ledger.write(lambda s: bulletins.create(s, name, new, "author", now_s))
    if real:
        await services.production.make(name, 1)
        return await state(services, name)
    sound = services.blobs.put_bytes(b"sound of " + name.encode())
    rendition = {"profile": "opus", "media_type": "audio/ogg", "duration_ms": 2000}
    made = {"renditions": [{**rendition, **sound._asdict()}], "frames": [], "spoken": "x"}
    await services.ledger.write(lambda s: bulletins.made(s, name, 1, made, now_s))
    return await state(services, name)


async def state(services, name="b1"):
    return await services.ledger.read(lambda s: bulletins.current(s, name))


async def sign(services, passphrases, approver="xa-1"):
    row = await services.ledger.read(lambda s: s.get("approvers", approver))
    return await services.opener.open(row, passphrases[approver])


async def approve(services, passphrases, name="b1", approver="xa-1", action="publish"):
    signature = await sign(services, passphrases, approver)
    return await services.publisher.approve(name, [signature], action)


def manifest(services, unit=COMMUNE, kind="bundle"):
    """Return the manifest in force, or None."""
    role, path = f"unit-{unit}", f"units/{unit}/bundle.json"
    if kind == "alerts":
        role, path = f"alert-{unit}", f"alerts/{unit}/alert.json"
    services.repository.archive.reload()
    found = services.repository.archive.current(role)
    if found is None or path not in found.signed.targets:
        return None
    sha256 = found.signed.targets[path].hashes["sha256"]
    data = services.repository.layout.target_file(path, sha256).read_bytes()
    return bundle.read(data, unit) if kind == "bundle" else alert.read(data, unit)


async def test_a_text_becomes_what_is_signed_and_heard(services, passphrases):
    board = fleet.NodeForm("bang-1", COMMUNE, "Bảng", "board", b"b" * 32, board="192x64x1")
    await services.ledger.write(lambda s: fleet.add_node(s, board, "test", 1))
    made = await write(services, real=True, hamlets=["lang-kon"])
    assert made["state"] == bulletins.READY
    assert "mười bảy giờ" in made["spoken"]
    profiles = [one["profile"] for one in made["renditions"]]
    assert profiles == ["opus", "pcm16"]
    for one in made["renditions"]:
        assert services.blobs.verify(one["sha256"])
        assert services.blobs.path(one["sha256"]).stat().st_size == one["length"]
    with wave.open(str(services.blobs.path(made["renditions"][1]["sha256"]))) as speech:
        assert (speech.getframerate(), speech.getnchannels()) == (16000, 1)
    before_s = services.now_s()
    outcome = await approve(services, passphrases)
    assert outcome == (True, 0)
    published = manifest(services)
    (item,) = published.items.values()
    assert (item.id, item.title, item.legal_class) == ("b1.1", "Tin bão số 13", "priority")
    assert [one.sha256 for one in item.renditions] == [one["sha256"] for one in made["renditions"]]
    (rule,) = published.rules
    assert rule.targets.hamlets == ("lang-kon",)
    (page,) = published.pages
    assert page.renditions[0].profile == "board-192x64x1"
    assert page.from_s in range(before_s + 5, before_s + 10)
    row = await state(services)
    assert (row["state"], row["timing"]["mode"]) == (bulletins.PUBLISHED, "once")
    assert await services.ledger.read(audit.first_broken) is None


async def test_a_stock_client_gets_the_bundle_over_http(services, listener, passphrases, tmp_path):
    await write(services)
    await approve(services, passphrases)
    (tmp_path / "client").mkdir()
    root = services.repository.layout.role_file("root", 1).read_bytes()
    base = f"http://127.0.0.1:{listener.port}/v1"

    def fetch():
        client = Updater(
            str(tmp_path / "client"),
            f"{base}/units/{COMMUNE}/metadata/",
            str(tmp_path),
            f"{base}/targets/",
            bootstrap=root,
        )
        info = client.get_targetinfo(f"units/{COMMUNE}/bundle.json")
        with open(client.download_target(info, str(tmp_path / "bundle.json")), "rb") as file:
            return bundle.read(file.read(), COMMUNE)

    found = await asyncio.to_thread(fetch)
    assert list(found.items) == ["b1.1"]
    assert found.ancestors == ("00.prov",)


async def test_a_programme_grows_and_a_recall_takes_out_one(services, passphrases):
    for name in ("b1", "b2"):
        await write(services, name)
        await approve(services, passphrases, name)
    assert sorted(manifest(services).items) == ["b1.1", "b2.1"]
    assert manifest(services).version == 2
    await approve(services, passphrases, "b1", action="recall")
    assert sorted(manifest(services).items) == ["b2.1"]
    assert (await state(services))["state"] == bulletins.RECALLED
    with pytest.raises(RemoteFault) as caught:
        await approve(services, passphrases, "b1", action="recall")
    assert caught.value.code == "bulletin.state"


async def test_what_is_over_leaves_the_programme(services, passphrases):
    await write(services)
    await approve(services, passphrases)
    await services.ledger.write(
        lambda s: s.change("bulletins", ("b1",), {"until_s": services.now_s() - 1})
    )
    await write(services, "b2")
    await approve(services, passphrases, "b2")
    assert list(manifest(services).items) == ["b2.1"]


async def test_an_emergency_is_an_alert_and_its_recall_a_cancel(services, passphrases):
    await write(services, **EMERGENCY)
    await approve(services, passphrases)
    assert manifest(services) is None
    (found,) = manifest(services, kind="alerts").alerts
    assert (found.id, found.kind, found.drill) == ("b1.1", alert.ALERT, False)
    assert found.expires_s - found.sent_s == 7200
    assert found.repeat.gap_s == 600
    await approve(services, passphrases, action="recall")
    (found,) = manifest(services, kind="alerts").alerts
    assert (found.kind, found.references) == (alert.CANCEL, ("b1.1",))


async def test_two_people_sign_an_emergency_where_two_are_required(services, passphrases):
    registrar = passphrases["registrar-1"]
    await enrol_approvers(services, COMMUNE, [], registrar, 2, services.now_s())
    await write(services, **EMERGENCY)
    assert await approve(services, passphrases) == (False, 1)
    assert manifest(services, kind="alerts") is None
    assert (await state(services))["state"] == bulletins.APPROVED
    assert await approve(services, passphrases) == (False, 1)
    assert await approve(services, passphrases, approver="xa-2") == (True, 0)
    assert [one.id for one in manifest(services, kind="alerts").alerts] == ["b1.1"]
    await write(services, "b2")
    assert await approve(services, passphrases, "b2") == (True, 0)


async def test_another_units_approver_changes_nothing(services, passphrases):
    await write(services)
    with pytest.raises(Fault) as caught:
        await approve(services, passphrases, approver="tinh-1")
    assert caught.value.code == "bulletin.not_signed"
    assert (await state(services))["state"] == bulletins.READY
    assert manifest(services) is None
    assert await approve(services, passphrases) == (True, 0)


async def test_a_wrong_passphrase_opens_nothing(services, passphrases):
    row = await services.ledger.read(lambda s: s.get("approvers", "xa-1"))
    for typed, code in (
        (passphrases["xa-2"], "keys.passphrase"),
        (passphrases["xa-1"][:-1], "keys.passphrase_typo"),
    ):
        with pytest.raises(Fault) as caught:
            await services.opener.open(row, typed)
        assert caught.value.code == code
    with pytest.raises(Fault):
        await services.opener.open(None, passphrases["xa-1"])


@pytest.mark.parametrize("damage", [b"other bytes", None])
async def test_a_damaged_or_missing_recording_is_never_signed(services, passphrases, damage):
    made = await write(services)
    path = services.blobs.path(made["renditions"][0]["sha256"])
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(RemoteFault) as caught:
        await approve(services, passphrases)
    assert caught.value.code == "bulletin.blob"
    assert (await state(services))["state"] == bulletins.READY
    assert manifest(services) is None


async def test_a_new_approver_signs_at_once(services, passphrases):
    fresh = generate("xa-3", COMMUNE, "Người mới")
    registrar = passphrases["registrar-1"]
    await enrol_approvers(services, COMMUNE, [fresh], registrar, 1, services.now_s())
    await write(services)
    assert await approve(services, {"xa-3": fresh.sheet.passphrase}, approver="xa-3") == (True, 0)


async def test_what_cannot_be_made_says_why(services):
    made = await write(services, real=True, text="... 。。")
    assert (made["state"], made["fault_code"]) == (bulletins.FAILED, "speech.empty")
    junk = services.blobs.put_bytes(b"not audio at all" * 100).sha256
    made = await write(services, "b2", real=True, upload=junk, text="")
    assert (made["state"], made["fault_code"]) == (bulletins.FAILED, "media.undecodable")


async def test_a_bulletin_left_half_made_is_made_at_the_next_start(services):
    now_s = services.now_s()
    await services.ledger.write(lambda s: bulletins.create(s, "b1", draft(), "author", now_s))
    task = asyncio.create_task(services.production.run())
    for _ in range(200):
        if (await state(services))["state"] == bulletins.READY:
            break
        await asyncio.sleep(0.05)
    task.cancel()
    assert (await state(services))["state"] == bulletins.READY


async def test_an_alert_never_waits_behind_a_long_bulletin(services):
    speak, begun, now_s = services.production.voices.synthesise, asyncio.Event(), services.now_s()

    class Slow:
        async def synthesise(self, reading, *rest):
            if "chậm" in reading:
                begun.set()
                await asyncio.Event().wait()
            return await speak(reading, *rest)

    services.production.voices = Slow()
    for name, given in (("b1", draft(text="rất chậm")), ("b2", draft(**EMERGENCY))):
        await services.ledger.write(
            lambda s, n=name, d=given: bulletins.create(s, n, d, "author", now_s)
        )
    task = asyncio.create_task(services.production.run())
    await asyncio.wait_for(begun.wait(), 10)
    async with asyncio.timeout(20):
        while (await state(services, "b2"))["state"] != bulletins.READY:
            await asyncio.sleep(0.05)
    task.cancel()
    assert (await state(services))["state"] == bulletins.MAKING


@pytest.mark.parametrize("seen", bulletins.STATES)
@pytest.mark.parametrize("trigger", bulletins.TRIGGERS)
async def test_every_pair_of_state_and_trigger(ledger, seen, trigger):
    row = {"bulletin": "b1", "unit": COMMUNE, "version": 1, "state": seen}
    row.update(created_s=1, changed_s=1, until_s=None)
    await ledger.write(lambda s: s.add("bulletins", row))
    expected = bulletins._NEXT.get((seen, trigger))
    if expected is None:
        with pytest.raises(RemoteFault) as caught:
            await ledger.write(lambda s: bulletins.move(s, "b1", trigger, 2))
        assert caught.value.code == "bulletin.state"
        expected = seen
    else:
        await ledger.write(lambda s: bulletins.move(s, "b1", trigger, 2))
    assert (await ledger.read(lambda s: s.get("bulletins", "b1")))["state"] == expected


async def ready_copy(config, passphrases):
    """Leave one bulletin ready and return the approver's key in the clear."""
    services, database = open_hub(config)
    await write(services)
    opened = await sign(services, passphrases)
    database.close()
    public = opened.signer.public_key
    return opened.signer.private_bytes, public.keyid, public.to_dict()


async def settle(folder, opened):
    """Start a hub again after a kill; approve anew only if it is still waiting for that."""
    services, database = open_hub(Config(data=folder, start_lead_s=5))
    await services.publisher.recover()
    seen = (await state(services))["state"]
    if seen == bulletins.READY:
        assert manifest(services) is None
        await services.publisher.approve("b1", [crash_at.signature(opened)])
    found = manifest(services)
    rows = await services.ledger.read(lambda s: s.find("publications"))
    final = (await state(services))["state"]
    broken = await services.ledger.read(audit.first_broken)
    database.close()
    assert (list(found.items), found.version, final, broken) == (["b1.1"], 1, "published", None)
    assert [row["state"] for row in rows] == ["published"]
    return seen


def test_killed_at_any_step_it_is_published_once_or_still_waiting(config, passphrases, tmp_path):
    opened = asyncio.run(ready_copy(config, passphrases))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.hub.crash_at"])
    seen, steps, code = [], 0, None
    while code != 0:
        folder = tmp_path / f"killed-{steps}"
        shutil.copytree(config.data, folder)
        process = context.Process(target=crash_at.approve, args=(folder, "b1", opened, steps))
        process.start()
        process.join(30)
        code = process.exitcode
        assert code in (0, -9)
        seen.append(asyncio.run(settle(folder, opened)))
        steps += 1
    assert steps > 10
    assert seen.index(bulletins.PUBLISHED) > 0
    assert seen == sorted(seen, key=[bulletins.READY, bulletins.PUBLISHED].index)
