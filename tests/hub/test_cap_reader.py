"""CAP 1.2 is read as its schema says, and no file brings the reader down."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.cap import reader
from protocols.errors import RemoteFault
from protocols.hub_limits import (
    CAP_BYTES_MAX,
    CAP_CIRCLES_MAX,
    CAP_DEPTH_MAX,
    CAP_ELEMENTS_MAX,
    CAP_POINTS_MAX,
)
from tests.hub import cap_files
from tests.hub.cap_files import EXAMPLES, build, example, fits, info, polygon

NOW_S = 1764300000
HEAD = b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'


def test_the_specification_s_examples_are_read():
    for name in EXAMPLES:
        assert fits(example(name)), name
    homeland = reader.read(example("homeland_security"))
    assert (homeland.identifier, homeland.sender) == ("43b080713727", "hsas@dhs.gov")
    assert homeland.sent_s == 1049312341 and homeland.expires_s() is None
    assert homeland.title() == "Homeland Security Sets Code ORANGE"
    storm = reader.read(example("severe_thunderstorm"))
    (area,) = storm.infos[0].areas
    assert area.polygons[0][:2] == ((38_470_000, -120_140_000), (38_340_000, -119_950_000))
    assert [one.code for one in area.geocodes] == ["006109", "006009", "006003"]
    assert storm.expires_s() == storm.sent_s + 63 * 60
    quake = reader.read(example("earthquake_update"))
    assert quake.references[0][:2] == ("trinet@caltech.edu", "TRI13970876.1")
    assert quake.references[0].sent_s == quake.sent_s - 26 * 60
    assert quake.infos[0].areas[0].circles[0].centre == (32_952_500, -115_552_700)
    amber = reader.read(example("amber"))
    assert [one.language for one in amber.infos] == ["en-US", "es-US"]
    assert amber.infos[1].title() == "Alerta Amber en el condado de Los Ángeles"
    assert amber.in_vietnamese() is None and not amber.signed


def test_a_vietnamese_message_in_two_languages_with_a_signature():
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:A/></ds:Signature>'
    parts = (info(NOW_S, "en", headline="Flash flood"), info(NOW_S, hours=5), signature)
    data = build(NOW_S, *parts)
    assert fits(data)
    given_ = reader.read(data)
    assert given_.signed and given_.title() == "Cảnh báo lũ quét"
    assert given_.in_vietnamese().words() == "Nước suối lên nhanh.\nRời khỏi bờ suối."
    assert given_.expires_s() == NOW_S + 5 * 3600
    assert reader.read(build(NOW_S, info(NOW_S), info(NOW_S, "en", hours=None))).expires_s() is None


WRONG = {
    "<status>Actual<": ("<status>actual<", "alert/status"),
    "<sender>": ("<sender>a b", "alert/sender"),
    "+07:00</sent>": ("</sent>", "alert/sent"),
    "+07:00</expires>": ("Z</expires>", "alert/info[1]/expires"),
    "<urgency>Immediate</urgency>": ("", "alert/info[1]/urgency"),
    "<category>Met<": ("<category>Sea<", "alert/info[1]/category"),
    "<headline>": ("<title>x</title><headline>", "alert/info[1]/title"),
    "<msgType>Alert<": ("<msgType>Update<", "alert/references"),
    "<scope>Public<": ("<scope>Private<", "alert/addresses"),
    "<language>vi-VN": ("<language>tiếng Việt", "alert/info[1]/language"),
    "13,108 14,108 14,109 13,108": ("13,108 14,108 14,109", "alert/info[1]/area[1]/polygon"),
    "14,109 13,108": ("14,209 13,108", "alert/info[1]/area[1]/polygon"),
    "cap:1.2": ("cap:1.1", "alert"),
}


@pytest.mark.parametrize("right", WRONG)
def test_a_fault_names_the_element_and_the_remedy(right):
    text = build(NOW_S, info(NOW_S, area=polygon("13,108 14,108 14,109 13,108"))).decode()
    assert reader.read(text.encode()).infos
    wrong, path = WRONG[right]
    assert text.count(right) == 1
    with pytest.raises(RemoteFault) as caught:
        reader.read(text.replace(right, wrong).encode())
    assert caught.value.code == "cap.element" and caught.value.remedy
    assert caught.value.message.startswith(path + ":"), caught.value.message


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "cap.xml"),
        (b"<alert>", "cap.xml"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + HEAD + b"&b;</alert>", "cap.xml"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "cap.xml"),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', "cap.xml"),
        (HEAD + b"\xff</alert>", "cap.xml"),
        (HEAD + b"<a>" * CAP_DEPTH_MAX, "cap.size"),
        (HEAD + b"<a/>" * CAP_ELEMENTS_MAX, "cap.size"),
        (HEAD + b" " * CAP_BYTES_MAX, "cap.size"),
        (HEAD + b"words</alert>", "cap.element"),
    ],
)
def test_what_is_no_message_is_refused(data, code):
    with pytest.raises(RemoteFault) as caught:
        reader.read(data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("one", "most"),
    [
        ("<circle>13,108 9</circle>", CAP_CIRCLES_MAX),
        ("<polygon>13,108 14,108 14,109 13,108</polygon>", CAP_POINTS_MAX // 4),
    ],
)
def test_the_shapes_of_all_areas_are_counted_together(one, most):
    def message(count):
        areas = f"<area><areaDesc>a</areaDesc>{one * (most // 2)}</area>"
        areas += f"<area><areaDesc>b</areaDesc>{one * (count - most // 2)}</area>"
        return build(NOW_S, info(NOW_S, area=areas))

    assert reader.read(message(most)).infos
    with pytest.raises(RemoteFault, match="too many"):
        reader.read(message(most + 1))


BASES = [example(name) for name in EXAMPLES] + [
    build(NOW_S, info(NOW_S, area=polygon("13,108 14,108 14,109 13,108")), info(NOW_S, "en")),
    build(NOW_S, kind="Cancel", references=[cap_files.named(NOW_S, "a")]),
]
WORDS = ["", "Actual", "Update", "Cancel", "Public", "Private", "Immediate", "Moderate", "en",
         "None", "2025-01-01T00:00:00+07:00", "2025-02-30T00:00:00+07:00", "2025-01-01T00:00:00Z",
         "1.5", "1,1 2,2 3,3 1,1", "0,0 9", "a,b,2025-01-01T00:00:00-00:00", " Actual ",
         "é", "9" * 20]  # fmt: skip
# Where the specification's text, or a limit of ours, asks for more than its schema.
STRICTER = ("identifier", "sender", "references", "restriction", "addresses", "polygon", "circle",
            "event", "info", "sent", "effective", "onset", "expires")  # fmt: skip
# Addresses are never followed, so they may be anything.
LAXER = ("}web':", "}uri':")


def mutate(root, choose):
    """Drop, double, move, rename or rewrite one element."""
    nodes = [one for one in root.iter() if one is not root]
    node = choose(st.sampled_from(nodes))
    parent, kind = (
        node.getparent(),
        choose(st.sampled_from(["drop", "twin", "move", "text", "name"])),
    )
    if kind == "drop":
        parent.remove(node)
    elif kind == "twin":
        node.addnext(copy.deepcopy(node))
    elif kind == "move":
        choose(st.sampled_from([one for one in nodes if one.getparent() is parent])).addprevious(
            node
        )
    elif kind == "text":
        node.text = choose(st.sampled_from(WORDS))
    else:
        node.tag = choose(st.sampled_from(nodes)).tag


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_reader_and_the_schema_agree(data):
    root = etree.fromstring(data.draw(st.sampled_from(BASES)))
    for _ in range(data.draw(st.integers(0, 3))):
        mutate(root, data.draw)
    text = etree.tostring(root)
    try:
        reader.read(text)
    except RemoteFault as fault:
        if fits(text):
            name = fault.message.split(":")[0].rsplit("/", 1)[-1].split("[")[0]
            assert name in STRICTER, fault.message
    else:
        fits(text)
        errors = [one.message for one in cap_files.SCHEMA.error_log]
        assert all(any(name in one for name in LAXER) for one in errors), errors


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(BASES), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12),
                                                  st.integers(0, 40)), max_size=6))  # fmt: skip
def test_no_spoilt_file_brings_the_reader_down(data, cuts):
    for where, new, gone in cuts:
        at = int(where * len(data))
        data = data[:at] + new + data[at + gone :]
    try:
        reader.read(data)
    except RemoteFault as fault:
        assert fault.code.startswith("cap.") and fault.remedy
