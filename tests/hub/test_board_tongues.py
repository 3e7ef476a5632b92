"""Boards show the languages that their hamlet asks for, side by side, as it was signed."""

import io

import pytest
from PIL import Image

from hub import board_image, bulletins, programme, timing
from protocols import board_pages, bundle
from protocols.programme import Programme
from protocols.targets import Place
from tests.hub.conftest import COMMUNE
from tests.hub.test_frame import day_after
from tests.hub.test_node_pages import add
from tests.hub.test_pages import multipart, pages, write
from tests.hub.test_variants import ask

__all__ = ("pages",)

SIZE = "192x64x1"
VIETNAMESE, BAHNAR, HRE = "Họp lúc bảy giờ.", "Hơmet kial tih.", "Hơre goh."


@pytest.fixture
async def boards(pages, services):
    """Give two boards in hamlets that ask for languages, and one elsewhere."""

    def fill(store):
        add(store, "bang-kon", "Bảng Kon Chiêng", hamlet="lang-kon", kind="board")
        add(store, "bang-2", "Bảng thôn 2", hamlet="thon-2", kind="board")
        add(store, "bang-x", "Bảng ủy ban", kind="board")

    await services.ledger.write(fill)
    await ask(pages, ["bdq", "vi-VN"], "lang-kon")
    await ask(pages, ["hre", "bdq", "vi-VN"], "thon-2")


async def current(services, path):
    return await services.ledger.read(lambda s: bulletins.current(s, path.rpartition("/")[2]))


def drawn(texts, **options):
    return board_image.render_tongues(texts, 192, 64, 1, **options)


async def test_what_is_signed_and_shown_is_what_each_hamlet_asks_for(
    pages, services, passphrases, boards
):
    day = day_after(services)
    when = {"when": "once", "once_date": day, "once_time": "17:00", "class": "normal"}
    others = {"text-bdq": BAHNAR, "text-hre": HRE}
    path, state = await write(pages, text=VIETNAMESE, **others, **when)
    assert state == bulletins.READY
    row = await current(services, path)
    (size,) = row["frames"]
    wanted = {(): [VIETNAMESE], ("bdq", "vi-VN"): [BAHNAR, VIETNAMESE],
              ("hre", "bdq", "vi-VN"): [HRE, BAHNAR, VIETNAMESE]}  # fmt: skip
    sets = {tuple(one.get("asked", ())): one["frames"] for one in [size, *size["tongues"]]}
    assert {asked: drawn(texts) for asked, texts in wanted.items()} == {
        asked: [services.blobs.path(one["sha256"]).read_bytes() for one in frames]
        for asked, frames in sets.items()
    }
    assert len(sets["hre", "bdq", "vi-VN"]) == 2, "two side by side, the third behind them"
    # The approver sees, at the true size, the very pictures, and what they say.
    _, text = await pages("GET", path)
    assert text.count('width="192" height="64"') == 4 and "Ba Na + Tiếng Việt" in text
    assert f'alt="{VIETNAMESE} {BAHNAR} "' in text
    for number, one in enumerate(bulletins.frames(size)):
        response, body = await pages("GET", f"{path}/frames/board-{SIZE}/{number}")
        assert response.status == 200 and len(body) == one["length"]
    assert (await pages("GET", f"{path}/frames/board-{SIZE}/4"))[0].status == 404
    _, text = await pages("GET", "/approvals")
    assert "Ba Na + Tiếng Việt" in text
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    _, text = await pages("POST", f"{path}/approve", data=signature)
    assert "Đã phát hành" in text
    made = await services.ledger.read(
        lambda s: programme.manifest(s, COMMUNE, "bundle", services.now_s(), 420)
    )
    read = bundle.read(made.data)
    now_ms = timing.moment_s(day, "17:10", 420) * 1000

    def stands(hamlet):
        place = Place(COMMUNE, hamlet, (), "board", (f"board-{SIZE}",))
        found = board_pages.candidates(Programme(place, (read,)), [], now_ms)
        return [page.renditions[0].sha256 for _, page in found]

    for hamlet, asked in (("lang-kon", ("bdq", "vi-VN")), ("", ()),
                          ("thon-2", ("hre", "bdq", "vi-VN"))):  # fmt: skip
        assert stands(hamlet) == [one["sha256"] for one in sets[asked]], hamlet
    ids = programme.record_ids(await current(services, path))
    assert {page.id for page in read.pages} <= set(ids)


async def test_what_nobody_wrote_is_told_and_shown_in_vietnamese(pages, services, boards):
    path, _ = await write(pages, text=VIETNAMESE, **{"text-bdq": BAHNAR, "class": "normal"})
    (size,) = (await current(services, path))["frames"]
    shown = {tuple(one["asked"]): one["languages"] for one in size["tongues"]}
    assert shown == {("bdq", "vi-VN"): ["bdq", "vi-VN"],
                     ("hre", "bdq", "vi-VN"): ["bdq", "vi-VN"]}  # fmt: skip
    _, text = await pages("GET", path)
    assert "bảng ở đó hiện tiếng Việt thay" in text and "Thôn 2: Tiếng Hrê" in text
    path, _ = await write(pages, text=VIETNAMESE, **{"class": "normal"})
    assert "tongues" not in (await current(services, path))["frames"][0]
    # A bulletin for another hamlet is drawn for nobody's order.
    changes = {"text-bdq": BAHNAR, "hamlet": f"{COMMUNE}/thon-2", "class": "normal"}
    path, _ = await write(pages, text=VIETNAMESE, **changes)
    (size,) = (await current(services, path))["frames"]
    assert [one["asked"] for one in size["tongues"]] == [["hre", "bdq", "vi-VN"]]


async def test_boards_have_other_words_in_every_language(pages, services, boards):
    short = {"board_text": "Họp 7h", "board_text-bdq": "Kial 7h", "text-bdq": BAHNAR * 9}
    path, _ = await write(pages, text=VIETNAMESE * 9, **short, **{"class": "normal"})
    (size,) = (await current(services, path))["frames"]
    for shown, texts in ((size, ["Họp 7h"]), (size["tongues"][0], ["Kial 7h", "Họp 7h"])):
        (frame,) = shown["frames"]
        assert services.blobs.path(frame["sha256"]).read_bytes() == drawn(texts)[0]
    _, text = await pages("GET", path + "/edit")
    assert ">Kial 7h</textarea>" in text
    _, text = await pages("GET", "/bulletins?q=kial+7h")
    assert path in text
    # Words for boards alone, in two languages, are a bulletin that nobody hears.
    alone = {"text": "", "board_text": "Họp 7h", "board_text-bdq": "Kial 7h", "class": "normal"}
    path, state = await write(pages, **alone)
    assert state == bulletins.READY
    row = await current(services, path)
    assert row["renditions"] == [] and row["frames"][0]["tongues"]
    again = {**alone, "board_text-bdq": "Kial 8h", "version": "1"}
    await pages("POST", path, data=multipart(**again))
    _, text = await pages("GET", path + "/versions")
    assert "<del>7h</del>" in text and "<ins>8h</ins>" in text


async def test_a_warning_is_never_without_vietnamese(pages, services):
    await services.ledger.write(
        lambda s: add(s, "bang-kon", "Bảng", hamlet="lang-kon", kind="board")
    )
    await ask(pages, ["bdq"], "lang-kon")
    for legal_class, shown in (("normal", ["bdq"]), ("emergency", ["bdq", "vi-VN"])):
        changes = {"text-bdq": BAHNAR, "class": legal_class}
        path, _ = await write(pages, text=VIETNAMESE, **changes)
        row = await current(services, path)
        assert [one["languages"] for one in row["frames"][0]["tongues"]] == [shown]


def test_a_narrow_board_shows_one_language_after_the_other():
    texts = ["Khẩn trương", "Hơmet kial"]
    narrow = board_image.render_tongues(texts, 64, 32, 1)
    assert narrow == [one for text in texts for one in board_image.render(text, 64, 32, 1)]
    (wide,) = board_image.render_tongues(texts, 320, 64, 1)
    assert Image.open(io.BytesIO(wide)).getpixel((160, 1)) == 255, "a line between"
