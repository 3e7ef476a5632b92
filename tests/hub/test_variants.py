"""Languages: written side by side, recorded by people, heard where they are asked for."""

import asyncio

import pytest

from hub import bulletins, fleet, overview, programme, reports, variants
from protocols import bundle
from protocols.errors import RemoteFault
from protocols.limits import ORDERS_MAX
from protocols.programme import Programme
from protocols.targets import Place
from tests.hub.conftest import COMMUNE, PROVINCE
from tests.hub.test_pages import FIELDS, multipart, pages, write
from tests.hub.test_reports import play

__all__ = ("pages",)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Give two seconds of sound."""
    path = tmp_path_factory.mktemp("sound") / "loa.mp3"
    command = f"ffmpeg -v error -f lavfi -i sine=440:d=2 -b:a 64k {path}".split()

    async def make():
        process = await asyncio.create_subprocess_exec(*command)
        assert await process.wait() == 0

    asyncio.run(make())
    return path.read_bytes()


async def ask(pages, languages, hamlet=""):
    data = {"hamlet": hamlet, "language": languages}
    return await pages("POST", f"/units/{COMMUNE}/languages", data=data)


def heard(made, hamlet):
    read = bundle.read(made.data)
    place = Place(COMMUNE, hamlet, (), "speaker", ("opus",))
    found = Programme(place, (read,))
    return [item.language for item in found.items(read, read.rules[0])]


async def test_variants_are_recorded_approved_and_heard_by_those_who_ask(
    pages, services, passphrases, recording
):
    response, text = await ask(pages, ["bdq", "vi-VN"], "lang-kon")
    assert response.status == 200 and "Ba Na, Tiếng Việt" in text
    await ask(pages, ["jra"], "thon-2")
    sound = services.blobs.put_bytes(recording).sha256
    spoken = {
        "title-bdq": "Hơmet kial", "text-bdq": "Kial tih", "upload-bdq": sound,
        "cut_from-bdq": "0,5", "text-hre": "Chưa ghi âm", "text-vi-VN": "bỏ qua",
    }  # fmt: skip
    path, state = await write(pages, **spoken)
    assert state == bulletins.READY
    _, text = await pages("GET", path)
    assert "Hơmet kial" in text and "Chưa có bản ghi nên" in text
    assert "Thôn 2: Tiếng Gia Rai" in text, "who asks for what is missing is told before approval"
    assert "Làng Kon Chiêng: " not in text
    _, text = await pages("GET", "/approvals")
    assert "language=bdq" in text and "Thôn 2 (Tiếng Gia Rai)" in text
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    bahnar, hre = row["variants"]
    assert bahnar["renditions"][0]["duration_ms"] == pytest.approx(1500, abs=60)
    assert hre["renditions"] == []
    _, body = await pages("GET", f"{path}/renditions/opus?language=bdq")
    assert body == services.blobs.path(bahnar["renditions"][0]["sha256"]).read_bytes()
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    _, text = await pages("POST", f"{path}/approve", data=signature)
    assert "Đã phát hành" in text
    made = await services.ledger.read(
        lambda s: programme.manifest(s, COMMUNE, "bundle", services.now_s(), 420)
    )
    assert heard(made, "lang-kon") == ["bdq", "vi-VN"]
    assert heard(made, "thon-2") == heard(made, "") == ["vi-VN"]
    name = programme.item_id(row)
    assert programme.of_record(f"{name}.bdq") == (row["bulletin"], 1, "bdq")


async def test_a_damaged_variant_is_not_signed(pages, services, passphrases, recording):
    sound = services.blobs.put_bytes(recording).sha256
    path, _ = await write(pages, **{"upload-bdq": sound})
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    services.blobs.path(row["variants"][0]["renditions"][0]["sha256"]).write_bytes(b"x")
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/approve", data=signature)
    row = await services.ledger.read(lambda s: bulletins.current(s, row["bulletin"]))
    assert row["state"] == bulletins.READY


async def test_an_alert_says_it_in_every_language_one_after_another(pages, services, recording):
    sound = services.blobs.put_bytes(recording).sha256
    changes = {"class": "emergency", "upload": sound, "upload-bdq": sound, "text-hre": "Chưa ghi"}
    _, state = await write(pages, **changes)
    assert state == bulletins.READY
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    assert row["renditions"][0]["duration_ms"] == pytest.approx(5000, abs=150), "and a breath"
    assert all(one["renditions"] == [] for one in row["variants"])


async def test_what_was_typed_stays_in_drafts_refusals_and_versions(pages, services, recording):
    sound = services.blobs.put_bytes(recording).sha256
    typed = {"title-jra": "Tơlơi", "text-jra": "Hlăk hơmâo", "upload-jra": sound}
    await pages("POST", "/drafts/d0123456789ab", data={**FIELDS, **typed, "bulletin": ""})
    _, text = await pages("GET", "/bulletins/new?draft=d0123456789ab")
    assert "Hlăk hơmâo" in text and 'value="Tơlơi"' in text and sound in text
    for changes, said in (
        ({"cut_from-jra": "3", "cut_to-jra": "2"}, "Đoạn cắt"),
        ({"upload-jra": "0" * 64}, "gửi lại"),
        ({"text-jra": "dài " * 9000}, "quá dài"),
        ({"text": "", "upload": ""}, "Chưa có nội dung"),
    ):
        response, text = await pages("POST", "/bulletins", data=multipart(**{**typed, **changes}))
        assert response.status == 400 and said in text, (changes, text[:2000])
        assert 'value="Tơlơi"' in text
    path, _ = await write(pages, **typed)
    again = {**typed, "text-jra": "Hlăk anai", "cut_to-jra": "1", "version": "1"}
    await pages("POST", path, data=multipart(**again))
    _, text = await pages("GET", path + "/versions")
    assert "<del>hơmâo</del>" in text and "Bản ghi bằng tiếng khác" in text
    _, text = await pages("GET", path + "/edit")
    assert 'name="cut_to-jra" inputmode="decimal" value="1"' in text


async def test_reports_count_each_language_as_it_was_heard(pages, services, recording):
    sound = services.blobs.put_bytes(recording).sha256
    await write(pages, **{"upload-bdq": sound})
    form = fleet.NodeForm("loa-1", COMMUNE, "Loa", "speaker", b"a" * 32, "lang-kon")
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    now_ms = services.config.now_ms()

    def tell(store):
        fleet.add_node(store, form, "test", 1)
        for number, item in enumerate(("", ".bdq", ".bdq")):
            name = programme.item_id(row) + item
            store.add("plays", play(number, now_ms, item=name))
        when = reports.period("", "", now_ms // 1000, 420)
        return reports.lines(store, [COMMUNE], when, "language", 420)

    lines, total = await services.ledger.write(tell)
    assert {line.label: line.sums.plays for line in lines} == {"vi-VN": 1, "bdq": 2}
    assert total.plays == 3
    reach = await services.ledger.read(lambda s: overview.reach(s, row))
    assert reach["reach_played"] == 1


def test_orders_are_checked_shared_and_taken_back(ledger):
    def decide(store):
        for unit, parent in ((PROVINCE, None), (COMMUNE, PROVINCE)):
            store.add("units", {"unit": unit, "valid_from": "2025-01-01", "name": unit,
                                "kind": "commune", "parent": parent, "valid_to": None,
                                "code_system": None, "code": None, "successor": None})  # fmt: skip
        for number in range(80):
            fleet.add_hamlet(store, COMMUNE, f"h{number}", f"H{number}", "test", 1)
            variants.ask(store, COMMUNE, f"h{number}", ["bdq"], "test", 1)
        variants.ask(store, COMMUNE, "", ["vi-VN", "jra"], "test", 1)
        said = variants.policy(store, COMMUNE)
        assert [len(one["hamlets"]) for one in said] == [0, 64, 16]
        for wrong in (["bdq", "bdq"], ["en"]):
            with pytest.raises(RemoteFault):
                variants.ask(store, COMMUNE, "", wrong, "test", 1)
        with pytest.raises(RemoteFault):
            variants.ask(store, COMMUNE, "none", ["bdq"], "test", 1)
        tongues = ["vi-VN", "bdq", "hre", "hro", "jra"]
        orders = [[one, other] for one in tongues for other in tongues if one != other]
        with pytest.raises(RemoteFault, match="too many"):
            for number, order in enumerate(orders[: ORDERS_MAX + 1]):
                variants.ask(store, COMMUNE, f"h{number}", order, "test", 1)
        variants.ask(store, COMMUNE, "", [], "test", 1)
        assert "" not in variants.orders(store, COMMUNE)

    asyncio.run(ledger.write(decide))
