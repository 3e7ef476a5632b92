"""Writing: drafts that are never lost, two writers at once, the voice's reading, versions."""

import asyncio
import re

import pytest

from hub import bulletins, differences, drafts, spoken_words, topics
from hub.store_memory import MemoryStore
from protocols.errors import RemoteFault
from protocols.hub_limits import DRAFTS_MAX
from tests.hub.conftest import COMMUNE
from tests.hub.test_pages import FIELDS, multipart, pages, write

__all__ = ("pages",)
DRAFT = "/drafts/d0123456789ab"


async def test_a_draft_is_kept_continued_sent_and_discarded(pages, services):
    typed = {**FIELDS, "title": "Dở dang", "text": "Chưa xong", "bulletin": "", "nonsense": "x" * 9}
    typed["hamlet"] = f"{COMMUNE}/thon-2"
    response, text = await pages("POST", DRAFT, data=typed)
    assert response.status == 200 and "Đã lưu nháp" in text
    row = await services.ledger.read(lambda s: s.get("drafts", DRAFT.rsplit("/", 1)[1]))
    assert "nonsense" not in row["fields_json"]
    _, text = await pages("GET", "/bulletins/new")
    assert "Dở dang" in text and f"draft={row['draft']}" in text
    _, text = await pages("GET", f"/bulletins/new?draft={row['draft']}")
    assert "Chưa xong" in text and re.search(r'value="03.k7f2/thon-2" checked', text)
    await write(pages, wait=False, draft=row["draft"])
    _, text = await pages("GET", "/bulletins/new")
    assert "Dở dang" not in text
    response, text = await pages("POST", DRAFT, data=typed)
    assert response.status == 400 and "đã được gửi" in text
    other = "/drafts/d00000000000f"
    await pages("POST", other, data=typed)
    _, text = await pages("POST", other + "/drop")
    assert "?draft=" not in text
    _, text = await pages("GET", "/bulletins/new")
    assert "Dở dang" not in text


async def test_the_second_of_two_writers_sees_both_and_loses_nothing(pages, services):
    path, _ = await write(pages, text="Họp lúc bảy giờ tối.")
    first = multipart(text="Họp lúc tám giờ tối.", version="1")
    await pages("POST", path, data=first)
    second = {"text": "Họp lúc chín giờ tối nay.", "version": "1"}
    response, text = await pages("POST", path, data=multipart(**second))
    assert response.status == 400 and "người khác đã lưu" in text
    assert "<del>tám</del>" in text and "<ins>chín</ins>" in text
    assert 'name="version" value="2"' in text and "Họp lúc chín giờ tối nay." in text
    await pages("POST", path, data=multipart(**{**second, "version": "2"}))
    _, text = await pages("GET", path + "/versions")
    assert text.count("<article") == 3 and "Họp lúc bảy giờ tối." in text


async def test_the_reading_is_shown_corrected_and_kept_to_its_text(pages, services):
    await pages("POST", "/words", data={"written": "KTXH", "spoken": "kinh tế xã hội"})
    _, text = await pages("POST", "/parts/reading", data={"text": "KTXH lúc 17h30."})
    assert "kinh tế xã hội" in text and ">mười bảy giờ ba mươi phút</mark>" in text
    (of,) = re.findall(r'data-of="([0-9a-f]+)"', text)
    made = {"text": "KTXH lúc 17h30.", "reading": "Đọc hẳn thế này.", "speed": "slow"}
    path, state = await write(pages, **made, reading_of=of)
    assert state == bulletins.READY
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    assert row["spoken"] == "Đọc hẳn thế này." and row["making"]["speed"] == 120
    response, text = await pages("POST", "/bulletins", data=multipart(**made, reading_of="other"))
    assert response.status == 400 and "Văn bản đã thay đổi" in text
    _, text = await pages("GET", path + "/edit")
    assert "Đọc hẳn thế này." in text and 'value="slow" selected' in text
    _, text = await pages("POST", "/words", data={"remove": "KTXH"})
    assert "KTXH" not in text
    assert "KTXH" not in (await services.ledger.read(spoken_words.dictionary)).abbreviations
    response, text = await pages("POST", "/words", data={"written": " ", "spoken": "x"})
    assert response.status == 400 and "Thiếu từ viết" in text


async def test_a_topic_comes_from_the_imported_list_and_stays_what_it_was(pages, services):
    async def imported(text, version, day):
        given = topics.read(f"code,name\n{text}\n".encode())
        await services.ledger.write(lambda s: topics.take(s, given, version, day, 1))

    _, text = await pages("GET", "/bulletins/new")
    assert "chieng-hub topics import" in text and 'name="topic"' not in text
    await imported("04,Y tế\n05,Nông vụ", "2025-01", "2025-07-02")
    typed = {**FIELDS, "topic": "05", "bulletin": ""}
    await pages("POST", DRAFT, data=typed)
    _, text = await pages("GET", "/bulletins/new?draft=" + DRAFT.rsplit("/", 1)[1])
    assert '<option value="05" selected>Nông vụ</option>' in text
    response, text = await pages("POST", "/bulletins", data=multipart(topic="99"))
    assert response.status == 400 and "Lĩnh vực này không có" in text
    path, _ = await write(pages, topic="04")
    for page in (path, "/", "/approvals"):
        assert "Y tế" in (await pages("GET", page))[1], page
    # The list changes; the bulletin keeps its topic, a new one cannot have it.
    await imported("05,Nông nghiệp", "2026-01", "2025-07-03")
    _, text = await pages("GET", path + "/edit")
    assert "Y tế (không còn" in text and "Nông nghiệp" in text
    response, _ = await pages("POST", path, data=multipart(topic="04", title="Khác"))
    assert response.url.path == path
    assert "Y tế" in (await pages("GET", path))[1]
    assert (await pages("POST", "/bulletins", data=multipart(topic="04")))[0].status == 400
    await pages("POST", path, data=multipart(topic="05", version="2"))
    _, text = await pages("GET", path + "/versions")
    assert "Cũng thay đổi" in text and "Lĩnh vực" in text and text.count("<article") == 3


async def test_a_recording_is_cut(pages, services, tmp_path):
    source = tmp_path / "loa.mp3"
    command = "ffmpeg -v error -f lavfi -i sine=440:d=4 -b:a 64k".split()
    process = await asyncio.create_subprocess_exec(*command, str(source))
    assert await process.wait() == 0
    path, _ = await write(pages, audio=source.read_bytes(), cut_from="0,5", cut_to="2")
    row = await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])
    assert row["renditions"][0]["duration_ms"] == pytest.approx(1500, abs=60)
    _, text = await pages("GET", path + "/edit")
    assert 'name="cut_from" inputmode="decimal" value="0.5"' in text
    for wrong in ({"cut_from": "3", "cut_to": "2"}, {"cut_from": "-1"}, {"cut_to": "ba"}):
        response, text = await pages("POST", "/bulletins", data=multipart(**wrong))
        assert response.status == 400 and "Đoạn cắt của bản ghi" in text


@pytest.mark.parametrize("words", [3, 5000])
def test_differences_lead_from_the_old_text_to_the_new(words):
    old = " ".join(["một"] * words) + "\nhai ba"
    new = " ".join(["một"] * words) + "\nhai bốn năm"
    found = differences.compare(old, new)
    assert "".join(one.text for one in found if one.kind != differences.ADDED) == old
    assert "".join(one.text for one in found if one.kind != differences.GONE) == new


def test_a_dropped_draft_comes_back_only_where_there_is_room():
    store = MemoryStore()
    names = [f"d{number:012x}" for number in range(DRAFTS_MAX + 1)]
    drafts.save(store, names[0], "a", "", {}, 1)
    drafts.end(store, names[0], "a", "dropped", 2)
    drafts.save(store, names[0], "a", "", {}, 3)
    drafts.end(store, names[0], "a", "dropped", 4)
    for name in names[1:]:
        drafts.save(store, name, "a", "", {}, 5)
    with pytest.raises(RemoteFault, match="too many drafts"):
        drafts.save(store, names[0], "a", "", {}, 6)
    drafts.save(store, names[1], "a", "", {"title": ["Tin"]}, 7)
    assert len(drafts.listed(store, "a")) == DRAFTS_MAX
