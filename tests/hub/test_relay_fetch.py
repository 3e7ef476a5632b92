"""What the hub asks of addresses that others wrote, and what it reads in their feeds."""

import socket
from xml.sax.saxutils import escape

import pytest
from aiohttp.abc import AbstractResolver
from hypothesis import given
from hypothesis import strategies as st

from hub import timing
from hub.relay import fetch, podcast
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.hub_limits import RELAY_FEED_BYTES_MAX
from tests.hub.test_nginx_example import free_port
from tests.hub.test_relay import broadcaster, rss, stream

__all__ = ("broadcaster",)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False),
        ("fe80::1%eth0", False), ("fc00::1", False), ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False), ("64:ff9b::808:808", True), ("2002:a00:1::", False),
        ("::127.0.0.1", False), ("::ffff:0:127.0.0.1", False), ("64:ff9b:1::a00:1", False),
        ("fec0::1", False), ("x", False),
    ],
)  # fmt: skip
def test_only_addresses_of_the_open_internet_are_public(text, public):
    assert fetch.is_public(text) == public


class Inside(AbstractResolver):
    """Resolve every name to this machine, as a hostile name server would."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        one = {"hostname": host, "host": "127.0.0.1", "port": port, "family": family}
        return [{**one, "proto": 0, "flags": socket.AI_NUMERICHOST}]

    async def close(self):
        pass


async def test_nothing_inside_is_asked_by_address_by_name_or_by_redirect(broadcaster):
    broadcaster.feed()
    port = broadcaster.base.rpartition(":")[2]
    got = []
    for url in (
        broadcaster.base + "/tin.xml",
        f"http://[::ffff:127.0.0.1]:{port}/tin.xml",
        f"http://127。0。0。1:{port}/tin.xml",
        f"http://１２７.0.0.1:{port}/tin.xml",
        f"http://①②⑦.0.0.1:{port}/tin.xml",
        f"http://dai.example:{port}/tin.xml",
        f"http://localhost:{port}/tin.xml",
    ):
        fetcher = fetch.Fetcher(False, Inside())
        with pytest.raises(RemoteFault) as told:
            await fetcher.get(url, 10_000, got.append, 5)
        assert told.value.code == "relay.private" and not got
    await fetch.Fetcher(True, Inside()).get(f"http://dai.example:{port}/tin.xml", 10_000,
                                            got.append, 5)  # fmt: skip
    assert got


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/", "http://", "http://a:b@vov.vn/", "http://[", "x",
            "http://vov.vn:99999/", "http://" + "a" * 64 + ".vn/", "http://a..b/", "http://./"],
)  # fmt: skip
def test_an_address_is_http_to_a_host_and_names_nobody(url):
    with pytest.raises(RemoteFault):
        fetch.check_url(url, True)


async def test_a_body_is_bounded_in_size_and_time(broadcaster):
    with pytest.raises(Fault) as told:
        await fetch.Fetcher(True).get(broadcaster.base + "/dai.mp3", 1000, lambda _: None, 5)
    assert told.value.code == "relay.size"
    port = free_port()
    sender = stream(port)
    try:
        with pytest.raises(WorldFault, match="too long"):
            await fetch.Fetcher(True).get(
                f"http://127.0.0.1:{port}/vov", 10**7, lambda _: None, 1.5
            )
    finally:
        sender.kill()
        sender.wait()


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><title> Tin
 chiều</title><id>x</id><updated>2026-11-24T05:00:00+07:00</updated>
<link rel="enclosure" type="audio/mpeg" href="a.mp3"/></entry>
<entry><title>Không tiếng</title><id>y</id><link href="b.html"/></entry></feed>"""


def test_atom_is_read_as_rss_is_and_relative_addresses_are_the_feeds():
    (found,) = podcast.read(ATOM.encode(), "https://vov.vn/tin/feed.xml")
    assert found.url == "https://vov.vn/tin/a.mp3" and found.title == "Tin chiều"
    assert found.published_s == timing.moment_s("2026-11-24", "05:00", 420)


@pytest.mark.parametrize(
    "data", [b"", b"<html/>", b"\xff\xfe", b"<rss", b'<?xml version="1.0" encoding="x"?><rss/>',
             b'<!DOCTYPE a [<!ENTITY b "c">]><rss/>', b" " * (RELAY_FEED_BYTES_MAX + 1)],
)  # fmt: skip
def test_what_is_no_feed_is_refused(data):
    with pytest.raises(RemoteFault) as told:
        podcast.read(data, "http://x/")
    assert told.value.code == "relay.feed"


@given(
    title=st.text(max_size=200), guid=st.text(max_size=50), date=st.text(max_size=50),
    url=st.text(max_size=50),
)  # fmt: skip
def test_whatever_stands_in_a_feed_it_is_read_or_refused(title, guid, date, url):
    given = rss(tuple(escape(one, {'"': "&quot;"}) for one in (title, guid, date, url)))
    try:
        found = podcast.read(given.encode(errors="replace"), "http://x/")
    except RemoteFault as fault:
        assert fault.code == "relay.feed"
        return
    for one in found:
        assert one.published_s >= 0 and len(one.name) == 32 and "\n" not in one.title
