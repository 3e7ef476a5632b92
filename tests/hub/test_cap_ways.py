"""CAP in and out over real HTTP: feeds, pushes, the command line, and our own alerts."""

import json

import pytest
from aiohttp import web

from hub import fleet
from hub.cap import arriving, export, feed, intake, reader, senders
from hub.main import main
from hub.mirror.connector import Trouble
from hub.mirror.wire import Reply, Wire
from protocols.hub_limits import CAP_BYTES_MAX
from tests.hub.cap_files import SENDER, build, fits, geocode, info, polygon
from tests.hub.conftest import COMMUNE, serving
from tests.hub.test_publishing import EMERGENCY, approve, write

ATOM = '<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>'
ENTRY = '<entry><updated>{1}</updated><link type="application/cap+xml" href="{0}"/></entry>'
RSS = "<rss><channel>{}</channel></rss>"
ITEM = "<item><link>{0}</link><pubDate>{1}</pubDate></item>"


class Service:
    """Serve files with ETags, as a weather service does."""

    def __init__(self):
        self.files, self.asked, self.status, self.refused = {}, [], 200, set()
        self.app = web.Application()
        self.app.router.add_get("/{name:.*}", self.get)

    async def get(self, request):
        name = request.match_info["name"]
        self.asked.append(name)
        if self.status != 200:
            return web.Response(status=self.status, headers={"Retry-After": "7"})
        if name in self.refused:
            return web.Response(status=403)
        if name not in self.files:
            return web.Response(status=404)
        etag = f'"{hash(self.files[name])}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(body=self.files[name], headers={"ETag": etag})


@pytest.fixture
async def service():
    one = Service()
    async with serving(one.app) as served:
        one.url = f"http://127.0.0.1:{served.port}"
        yield one


async def messages(services):
    return await services.ledger.read(lambda s: s.find("cap_messages", order=["received_s"]))


async def a_feed(services, service, name="index"):
    url, now_s = f"{service.url}/{name}", services.now_s()

    def add(store):
        senders.add_source(store, "kttv", "feed", "KTTV", url, "test", now_s)
        senders.list_sender(store, SENDER, "Khí tượng", "kttv", "test", now_s)

    await services.ledger.write(add)
    return feed.Feed(services, "kttv", url)


@pytest.mark.parametrize(("frame", "item"), [(ATOM, ENTRY), (RSS, ITEM)])
async def test_an_index_is_followed_on_its_own_host_and_only_when_changed(
    services, service, frame, item
):
    now_s = services.now_s()
    one = await a_feed(services, service)
    service.files["a.xml"] = build(now_s, info(now_s), identifier="a")
    service.files["b.xml"] = b"<broken"
    items = [item.format(name, "1") for name in ("a.xml", "b.xml", "gone.xml")]
    items.append(item.format("http://127.0.0.1:1/other.xml", "1"))
    service.files["index"] = frame.format("".join(items)).encode()
    assert await one.look() == 1
    assert service.asked == ["index", "a.xml", "b.xml", "gone.xml"]
    (row,) = await messages(services)
    assert (row["trust"], row["way"], row["source"]) == (senders.OWN_WAY, "feed", "kttv")
    for _ in range(feed.TRIES_MAX - 1):
        service.asked.clear()
        assert await one.look() == 0 and service.asked == ["index", "gone.xml"]
    service.asked.clear()
    assert await one.look() == 0 and service.asked == ["index"]
    service.files["c.xml"] = build(now_s, info(now_s), identifier="c")
    items.insert(0, item.format("c.xml", "2"))
    service.files["index"] = frame.format("".join(items)).encode()
    assert await one.look() == 1 and service.asked[1:] == ["index", "c.xml"]
    await one.close()


@pytest.mark.parametrize(("frame", "item"), [(ATOM, ENTRY), (RSS, ITEM)])
async def test_no_file_of_an_index_holds_up_the_others(services, service, monkeypatch, frame, item):
    """One is no address, one too long, one refused, one without end, one not there yet."""
    monkeypatch.setattr("hub.mirror.wire.PEER_ANSWER_BYTES_MAX", CAP_BYTES_MAX + 9)
    now_s = services.now_s()
    one = await a_feed(services, service)
    names = ("//[x", "long.xml", "shut.xml", "endless.xml", "late.xml", "a.xml")
    service.files["long.xml"] = b" " * (CAP_BYTES_MAX + 1)
    service.files["endless.xml"] = b" " * (CAP_BYTES_MAX + 99)
    service.files["a.xml"] = build(now_s, info(now_s), identifier="a")
    service.refused.add("shut.xml")
    service.files["index"] = frame.format("".join(item.format(n, "1") for n in names)).encode()
    with pytest.raises(Trouble):
        await one.look()
    service.files["late.xml"] = build(now_s, info(now_s), identifier="late")
    with pytest.raises(Trouble):
        await one.look()
    assert sorted(row["identifier"] for row in await messages(services)) == ["a", "late"]
    await one.close()


async def test_a_mark_that_no_database_takes_is_not_kept(services):
    class Odd(Wire):
        async def request(self, method, url, headers, body=b""):
            return Reply(200, {"etag": '"\udcff"'}, ATOM.format("").encode())

    one = feed.Feed(services, "kttv", "https://kttv.example/", Odd())
    assert await one.look() == 0


async def test_a_plain_file_is_a_feed_and_a_long_index_comes_in_rounds(
    services, service, monkeypatch
):
    now_s = services.now_s()
    one = await a_feed(services, service)
    service.files["index"] = build(now_s, info(now_s))
    assert (await one.look(), await one.look()) == (1, 0)
    monkeypatch.setattr(feed, "CAP_FEED_ENTRIES_MAX", 2)
    for name in "abc":
        service.files[name] = build(now_s, info(now_s), identifier=name)
    service.files["index"] = ATOM.format("".join(ENTRY.format(one, "") for one in "abc")).encode()
    assert (await one.look(), await one.look(), await one.look()) == (2, 1, 0)
    await one.close()


async def test_failures_of_a_feed_are_told_until_it_is_heard_again(services, service):
    one = await a_feed(services, service)
    feeds = feed.Feeds(services, lambda row: one)

    async def round_():
        feeds.visits.due_ms.clear()
        await feeds.begin()
        await feeds.visits.tasks["kttv"]
        return await services.ledger.read(lambda s: s.get("cap_sources", "kttv"))

    service.status = 503
    with pytest.raises(Trouble) as caught:
        await one.look()
    assert caught.value.retry_after_ms == 7000
    row = await round_()
    assert (row["failure_code"], row["heard_ms"]) == ("cap.link", None)
    assert feeds.visits.due_ms["kttv"] >= row["failing_ms"] + 7000
    service.status, service.files["index"] = 200, b"<html/>"
    again = await round_()
    assert (again["failure_code"], again["failing_ms"]) == ("cap.feed", row["failing_ms"])
    service.files["index"] = ATOM.format("").encode()
    row = await round_()
    assert row["failing_ms"] is None and row["heard_ms"]
    await one.close()


async def test_a_push_needs_its_token_and_is_taken_once(hub, services):
    now_s = services.now_s()
    data = build(now_s, info(now_s))
    response, _ = await hub("POST", "/v1/cap", data=data)
    assert response.status == 401
    response, _ = await hub("POST", "/v1/cap", data=data, headers={"Authorization": "Bearer x"})
    assert response.status == 401
    token = await services.ledger.write(
        lambda s: senders.add_source(s, "tinh", "push", "", None, "test", 1)
    )
    headers = {"Authorization": f"Bearer {token}"}
    response, body = await hub("POST", "/v1/cap", data=data, headers=headers)
    assert response.status == 201 and json.loads(body)["state"] == "waiting"
    response, body = await hub("POST", "/v1/cap", data=data, headers=headers)
    assert response.status == 200
    response, body = await hub("POST", "/v1/cap", data=b"<a/>", headers=headers)
    assert response.status == 400 and json.loads(body)["code"] == "cap.element"
    row = await services.ledger.read(lambda s: s.get("cap_sources", "tinh"))
    assert row["failure_code"] == "cap.element"


def test_the_command_line_brings_a_file_and_lists_what_is_there(config, tmp_path, capsys):
    now_s = config.now_ms() // 1000
    path = tmp_path / "alert.xml"
    path.write_bytes(build(now_s, info(now_s, area=geocode("chieng-unit", COMMUNE))))

    def run(*words):
        assert main(["cap", *words, "--data", str(config.data)]) == 0
        return json.loads(capsys.readouterr().out)

    assert run("sender", SENDER, "--name", "Khí tượng")["sender"] == SENDER
    found = run("import", str(path))
    assert found["new"] and (found["class"], found["trust"]) == ("emergency", senders.LISTED)
    assert json.loads(found["places_json"]) == [{"unit": COMMUNE, "hamlets": []}]
    assert not run("import", str(path))["new"]
    assert len(run("source", "tinh")["token"]) > 40
    listed = run("list")
    assert len(listed["messages"]) == 1 and "token_hash" not in listed["sources"][0]
    assert run("unlist", SENDER)["state"] == run("close", "tinh")["state"] == "closed"
    path.write_bytes(b"<a/>")
    assert main(["cap", "import", str(path), "--data", str(config.data)]) == 1


async def test_shapes_meet_nodes_on_the_map_in_the_database(services):
    now_s = services.now_s()

    def add(store):
        for node, hamlet, latitude in (("a", "lang-kon", 13_500_000), ("b", "thon-2", 9)):
            form = fleet.NodeForm(node, COMMUNE, node, "speaker", node.encode() * 32, hamlet)
            fleet.add_node(store, form, "test", 1)
            place = {"latitude_e6": latitude, "longitude_e6": 108_500_000}
            store.change("nodes", (node,), place)

    await services.ledger.write(add)
    shape = polygon("13,108 14,108 14,109 13,109 13,108")
    row, _ = await arriving.arrive(
        services, build(now_s, info(now_s, area=shape)), "file", None, "x"
    )
    assert json.loads(row["places_json"]) == [{"unit": COMMUNE, "hamlets": ["lang-kon"]}]


async def test_our_alerts_are_offered_as_cap_and_read_back(hub, services, passphrases):
    now_s = services.now_s()
    when = EMERGENCY["timing"]
    data = build(now_s, info(now_s, area=geocode("chieng-unit", COMMUNE)))
    row, _ = await arriving.arrive(services, data, "file", None, "x")
    await write(services, "b" + "1" * 12, title='Lũ "quét" <1>\ufffe', **EMERGENCY)
    await services.ledger.write(lambda s: intake.use(s, row, COMMUNE, "b" + "1" * 12, now_s))
    await approve(services, passphrases, "b" + "1" * 12)
    replaces = {**when, "drill": True, "replaces": ["b" + "1" * 12 + ".1"]}
    await write(services, "b" + "2" * 12, legal_class="emergency", timing=replaces,
                hamlets=["lang-kon"])  # fmt: skip
    await approve(services, passphrases, "b" + "2" * 12)
    await approve(services, passphrases, "b" + "2" * 12, action="recall")
    response, body = await hub("GET", "/cap/alerts.xml")
    assert response.content_type == "application/atom+xml" and "public" in response.headers[
        "Cache-Control"]  # fmt: skip
    links = [
        one[0] for one in feed.entries(feed.tree.parse(body, 10**6), "http://h/cap/alerts.xml")
    ]
    names = [one.removeprefix("http://h/cap/alerts/") for one in links]
    assert sorted(names) == ["b" + "1" * 12 + ".xml", "b" + "2" * 12 + ".cancel.xml",
                             "b" + "2" * 12 + ".xml"]  # fmt: skip
    found = {}
    for name in names:
        response, body = await hub("GET", "/cap/alerts/" + name)
        assert response.content_type == "application/cap+xml" and fits(body)
        found[name] = reader.read(body)
        etag = response.headers["ETag"]
    response, _ = await hub("GET", "/cap/alerts/" + name, headers={"If-None-Match": etag})
    assert response.status == 304
    first, second = found["b" + "1" * 12 + ".xml"], found["b" + "2" * 12 + ".xml"]
    assert (first.kind, first.status, first.title()) == ("Alert", "Actual", 'Lũ "quét" <1>')
    assert (first.infos[0].categories, first.infos[0].event) == (("Met",), "Lũ quét")
    assert first.infos[0].areas[0].geocodes[0] == ("chieng-unit", COMMUNE)
    assert (second.kind, second.status) == ("Update", "Exercise")
    assert second.references == (first.own_reference(),)
    assert second.infos[0].areas[0].geocodes == (("chieng-hamlet", f"{COMMUNE}/lang-kon"),)
    assert second.infos[0].areas[0].said == "Làng Kon Chiêng (Xã Ia Thử)"
    cancel = found["b" + "2" * 12 + ".cancel.xml"]
    assert (cancel.kind, cancel.references) == ("Cancel", (second.own_reference(),))
    for name in ("b" + "3" * 12, "b" + "1" * 12 + ".cancel", "x", "../a"):
        response, _ = await hub("GET", f"/cap/alerts/{name}.xml")
        assert response.status == 404


def test_export_knows_every_offset():
    assert export.moment(0, 420) == "1970-01-01T07:00:00+07:00"
    assert export.moment(0, -570) == "1969-12-31T14:30:00-09:30"
