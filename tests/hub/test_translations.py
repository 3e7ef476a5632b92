"""Nothing on a page is left in English for a Vietnamese reader."""

import ast
import re
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from hub import fault_texts, translations

HUB = Path(translations.__file__).parent
METHODS = [
    ("repository/**", "ignore"),
    ("migrations/**", "ignore"),
    ("**.py", "python"),
    ("templates/**.html", "jinja2.ext:babel_extract"),
]
# Faults of these modules reach a person on a page.
SPEAKING = (
    "approvers",
    "blobs",
    "board_image",
    "bulletin_form",
    "bulletin_pages",
    "bulletins",
    "database",
    "day_form",
    "enrolments",
    "drafts",
    "form",
    "frame",
    "homecoming",
    "installation_pages",
    "issuing",
    "mirror_pages",
    "mourning",
    "moves",
    "node_list",
    "notify/dispatches",
    "notify/mail",
    "notify/pages",
    "notify/post",
    "notify/sender",
    "notify/subscriptions",
    "offer_pages",
    "organisations",
    "page_guard",
    "pictures",
    "production",
    "publishing",
    "relay/fetch",
    "relay/podcast",
    "relay/recorder",
    "relay/sources",
    "renditions",
    "report_pages",
    "reports",
    "serving",
    "slots",
    "speech",
    "staffing",
    "tickets",
    "speech_engines",
    "spoken_words",
    "timing",
    "topics",
    "upload_pages",
    "uploads",
    "variants",
)
# Raised only by the command line or by a caller's mistake.
SILENT = {
    "mail.server",
    "mail.clear",
    "speech.settings",
    "blob.name",
    "hub.listen",
    "speech.speed",
    "board.size",
    "board.font",
    "bulletin.version",
}


@pytest.fixture(scope="module")
def catalogue():
    with (HUB / "locale/vi/LC_MESSAGES/chieng.po").open("rb") as file:
        return {message.id: message for message in read_po(file, "vi") if message.id}


@pytest.fixture(scope="module")
def messages():
    keywords = {"_": None, "N_": None}
    found = extract_from_dir(str(HUB), method_map=METHODS, keywords=keywords)
    return {entry[2] for entry in found}


def test_every_message_is_translated_and_none_is_left_over(catalogue, messages):
    assert len(messages) > 150
    assert messages == set(catalogue)
    assert [one.id for one in catalogue.values() if not one.string or one.fuzzy] == []


def test_translations_keep_their_placeholders(catalogue):
    pattern = re.compile(r"%\(\w+\)[sd]")
    for message in catalogue.values():
        expected = sorted(pattern.findall(message.id))
        assert sorted(pattern.findall(message.string)) == expected, message.id


def raised_codes(path):
    """Return the fault codes that a module names literally, `_refuse` prefixes resolved."""
    tree = ast.parse(path.read_text())
    prefixes = [
        node.args[0].left.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.args[0], ast.BinOp)
        and isinstance(node.args[0].left, ast.Constant)
        and str(node.args[0].left.value).endswith(".")
    ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[0]
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            continue
        if name.endswith("Fault"):
            yield first.value
        elif name == "_refuse" and prefixes:
            yield prefixes[0] + first.value


def test_every_fault_a_person_may_meet_is_explained():
    codes = set()
    for name in SPEAKING:
        codes |= set(raised_codes(HUB / f"{name}.py"))
    assert {"timing.past", "bulletin.empty", "http.foreign_page", "media.silent"} <= codes
    assert codes - SILENT - fault_texts.CODES == set()


@pytest.mark.parametrize(
    ("path", "headers", "language"),
    [
        ("/", {}, "vi"),
        ("/", {"Accept-Language": "vi-VN,vi;q=0.9,en;q=0.8"}, "vi"),
        ("/", {"Accept-Language": "en-US,en;q=0.9,vi;q=0.5"}, "vi"),
        ("/", {"Accept-Language": "en-US,en;q=0.9"}, "en"),
        ("/", {"Accept-Language": "fr-FR"}, "vi"),
        ("/", {"Accept-Language": ",;=\u00e9,x" * 500}, "vi"),
        ("/?lang=en", {"Accept-Language": "vi"}, "en"),
        ("/?lang=xx", {"Accept-Language": "vi"}, "vi"),
        ("/", {"Cookie": "lang=en", "Accept-Language": "vi"}, "en"),
    ],
)
def test_the_reader_gets_vietnamese_unless_english_is_wanted(path, headers, language):
    request = make_mocked_request("GET", path, headers=headers)
    assert translations.language_of(request) == language


def test_what_is_not_translated_stays_readable():
    vietnamese = translations.load()["vi"]
    assert vietnamese.get("Overview") == "Tổng quan"
    assert vietnamese.get("%(n)d min ago", n=3) == "3 phút trước"
    assert vietnamese.get("no such message %(n)d", n=3) == "no such message 3"
