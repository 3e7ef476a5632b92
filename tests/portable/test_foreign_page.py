"""Answers of somebody else are named; a hub's are let pass."""

from protocols.errors import WorldFault
from protocols.foreign_page import check_body, check_head

HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}


def code_of(call, *arguments):
    try:
        call(*arguments)
    except WorldFault as fault:
        assert "hub.example" in fault.message and fault.remedy
        return fault.code
    return ""


def test_heads_are_told_apart():
    for status, headers, code in (
        (200, HTML, "link.portal"),
        (200, {"content-type": "Application/XHTML+xml"}, "link.portal"),
        (302, {"location": "http://login.example/"}, "link.portal"),
        (307, {}, "link.portal"),
        (511, JSON, "link.portal"),
        (502, HTML, "link.gateway"),
        (504, HTML, "link.gateway"),
        (403, HTML, "link.page"),
        (500, HTML, "link.page"),
        (404, HTML, ""),
        (410, HTML, ""),
        (200, JSON, ""),
        (200, {}, ""),
        (206, {"content-type": "application/octet-stream"}, ""),
        (304, {}, ""),
        (503, JSON, ""),
        (409, JSON, ""),
    ):
        assert code_of(check_head, status, headers, "hub.example") == code, (status, headers)


def test_a_page_is_known_by_its_first_bytes():
    for start in (b"<!DOCTYPE html><html>", b"\r\n <HTML lang=vi>", b"<html>"):
        assert code_of(check_body, start, "hub.example") == "link.portal"
    for start in (b"", b"{}", b"RIFF", b"OggS", b"<", b"<!DOCTYPE svg>", b"<htm"):
        assert code_of(check_body, start, "hub.example") == ""
