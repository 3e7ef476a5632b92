"""A broadcaster's recordings go on air where an approver let them in, on a whole node; and only so.

The broadcaster is an nginx, the hub the real one with its keys, the node all of its tasks on
simulated devices, with ffmpeg as its decoder.
"""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import bulletins, facts, slots, timing
from hub.relay import automatic, publishing
from hub.relay.publishing import RelayPublisher
from hub.relay.recorder import Recorder
from hub.repository.packing import Packer, stick_wish
from hw.linux.decoder import Decoder
from hw.sim.clock import Clock
from protocols import canonical, relays
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import RELAY_REFUSED_MAX
from tests.edge import node_world
from tests.hub.conftest import COMMUNE, PROVINCE
from tests.hub.test_frame import BODY, bundle_of, put_in_force
from tests.hub.test_pages import OWN, pages
from tests.hub.test_relay import LONG_AGO, MONDAY, TUESDAY, add, broadcaster, look

__all__ = ("OWN", "broadcaster", "pages")

SLOT = {**BODY, "name": "Tiếp âm VOV1", "kind": "relay", "source": "vov1", "again": "nothing"}
LET_IN = {**SLOT, "automatic": True}


class Hub(node_world.Province):
    """What a hub's folder serves, read in process."""

    def __init__(self, services):
        self.services, self.root_folder = services, services.config.repository
        self.answers, self.rotten = {}, set()

    def _blob(self, sha256, headers):
        path = self.services.blobs.path(sha256)
        self.blobs = {sha256: path.read_bytes()} if path.is_file() else {}
        return super()._blob(sha256, headers)


@pytest.fixture
def hub(services, monkeypatch):
    monkeypatch.setattr(node_world, "Decoder", Decoder)
    return Hub(services)


def slot_s(services, clock="17:00"):
    """Return the next time of a slot for which a recording of now is in time."""
    ready_s = services.now_s() + automatic.LEAD_S + 60
    day = slots.next_day({**SLOT, "times": [clock]}, ready_s, 420)
    return timing.moment_s(day, clock, 420)


async def node_at(hub, now_s, unit=COMMUNE):
    """Start a node some seconds before a moment, and let it fetch all it wants."""
    node = node_world.Node(hub, unit=unit)
    node.clock = Clock(now_s * 1000)
    node.boot()
    node.start("sync", "playout", "amplifier")
    for _ in range(400):
        await node.pass_ms(50)
        await asyncio.sleep(0.01)
        if node.manifests.bundles() and not node.sync.content.missing():
            return node
    raise AssertionError(node.faults.open_faults())


async def hear(hub, at_s, seconds=15):
    """Return (title, outcome) of what a node plays around a moment, and what it leaves out."""
    node = await node_at(hub, at_s - 40)
    await node.pass_ms((40 + seconds) * 1000)
    await node.stop()
    heard = [(play["title"], play["outcome"]) for play in node.book.find("play")]
    return heard, [skip["reason"] for skip in node.book.find("skip")], node


async def record(services, broadcaster, title="Thời sự", guid="1", sound="tin.mp3"):
    """Let the hub record a broadcast and publish what it may."""
    broadcaster.feed((title, guid, TUESDAY, sound))
    row = await add(services, broadcaster.source())
    found, made = await look(services, row)
    await RelayPublisher(services).look("vov1")
    return found, made


async def state(services):
    return await services.ledger.read(lambda s: automatic.state(s, "vov1"))


def on_a_stick(services):
    """Return the names of what the unit's stick carries."""
    packer = Packer(services.repository.layout, services.blobs.path)
    found = packer.choose(COMMUNE, 0, 0, stick_wish(services.config.now_ms()))
    return {one.name for one in found.members}


async def logged(services, action):
    return await services.ledger.read(lambda s: s.find("audit", {"action": action}))


async def test_a_recording_is_heard_in_its_slot_without_a_signature_for_it(
    broadcaster, services, passphrases, hub, pages
):
    entry = await put_in_force(services, passphrases, LET_IN)
    found, made = await record(services, broadcaster)
    assert found["recordings"][0]["state"] == "kept" and made == [], "nothing waits to be signed"
    held = await state(services)
    assert held["signed"] and held["version"] == 1 and not held["refused"]

    heard, skipped, node = await hear(hub, slot_s(services))
    assert (heard, skipped) == ([("VOV1: Thời sự", "complete")], [])
    (play,) = node.book.find("play")
    opus = held["recordings"][0]["renditions"][0]
    assert play["item"] == f"relay.vov1.{entry}.1" and play["rendition_sha256"] == opus["sha256"]
    assert play["class"] == "normal" and play["bundle_version"] == 1 and node.codes() == []
    assert node.plays()[0][1] is not None

    blobs = {"blobs/" + one["sha256"] for one in held["recordings"][0]["renditions"]}
    assert blobs <= on_a_stick(services), "a cut-off node gets it by hand"

    # Another look publishes nothing; the next broadcast takes the place of this one.
    await RelayPublisher(services).look("vov1")
    assert (await state(services))["version"] == 1
    await record(services, broadcaster, "Mới", "2")
    held = await state(services)
    assert held["version"] == 2 and [one["title"] for one in held["recordings"]] == [
        "VOV1: Thời sự",
        "VOV1: Mới",
    ]
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=fortnight")
    assert "VOV1: Mới" in text and "chờ bản ghi" in text and "không cần ký" in text
    _, text = await pages("GET", f"/frame?unit={COMMUNE}")
    assert 'class="notice bad"' in text and "Tắt ngay" in text
    for path in ("/", "/relays"):
        _, text = await pages("GET", path)
        assert "notice bad" in text and "Xã Ia Thử" in text, path
    assert len(await logged(services, "relay.publish")) == 2
    (line,) = await logged(services, "relay.let_in")
    assert line["subject"] == COMMUNE


async def test_a_slot_that_nobody_let_in_waits_for_signatures(
    broadcaster, services, passphrases, hub
):
    await put_in_force(services, passphrases, SLOT)
    _, made = await record(services, broadcaster)
    assert [one["title"] for one in made] == ["VOV1: Thời sự"]
    assert (await state(services))["version"] == 0
    found = await bundle_of(services)
    assert (found.policy.relays, found.items) == ((), {})
    heard, skipped, node = await hear(hub, slot_s(services))
    assert (heard, skipped) == ([], [])
    assert not [url for _, url in node.link.requests if "relays" in url]
    assert not [name for name in on_a_stick(services) if name.startswith("blobs/")]


async def test_it_is_switched_off_at_once_and_let_in_again_by_a_signature(
    broadcaster, services, passphrases, hub, pages
):
    entry = await put_in_force(services, passphrases, LET_IN)
    await record(services, broadcaster)
    response, text = await pages("POST", f"/frame/entries/{entry}/off")
    assert response.status == 200 and "đã tắt" in text and "Tắt ngay" not in text
    held = await state(services)
    assert held["refused"] == [COMMUNE] and held["signed"] and held["version"] == 2
    heard, skipped, _ = await hear(hub, slot_s(services))
    assert (heard, skipped) == ([], ["relay_off"])
    _, text = await pages("GET", "/")
    assert "notice bad" not in text
    (line,) = await logged(services, "relay.off")
    assert (line["who"], line["subject"]) == ("thu-nghiem", COMMUNE)

    # From now on recordings wait as they do elsewhere, and the next bundle lets nothing in.
    _, made = await record(services, broadcaster, "Mới", "2")
    assert [one["title"] for one in made] == ["VOV1: Mới"]
    await services.production.make(made[0]["bulletin"], 1)
    await put_in_force(services, passphrases, {**BODY, "times": ["05:30"]})
    assert (await bundle_of(services)).policy.relays == ()

    # The same slot, signed once more.
    await put_in_force(services, passphrases, LET_IN, entry)
    assert (await bundle_of(services)).policy.relays == ("vov1",)
    await RelayPublisher(services).look("vov1")
    held = await state(services)
    assert held["refused"] == [] and held["version"] == 3
    found = await services.ledger.read(lambda s: s.find("relay_bulletins"))
    made = [
        await services.ledger.read(lambda s, b=b: bulletins.current(s, b["bulletin"]))
        for b in found
    ]
    states = {one["title"]: one["state"] for one in made}
    assert states == {"VOV1: Mới": bulletins.WITHDRAWN}
    response, _ = await pages("POST", "/frame/entries/e000000000000/off")
    assert response.status in (400, 403, 404)


async def test_what_was_signed_before_gives_way_to_what_plays_by_itself(
    broadcaster, services, passphrases
):
    entry = await put_in_force(services, passphrases, SLOT)
    _, made = await record(services, broadcaster)
    await services.production.make(made[0]["bulletin"], 1)
    row = await services.ledger.read(lambda s: s.get("approvers", "xa-1"))
    key = await services.opener.open(row, passphrases["xa-1"])
    await services.publisher.approve(made[0]["bulletin"], [key])
    assert len((await bundle_of(services)).items) == 1
    await put_in_force(services, passphrases, LET_IN, entry)
    (item,) = (await bundle_of(services)).items.values()
    assert item.relay is not None, "not twice in one slot"


async def test_the_form_shows_in_red_what_a_signature_would_let_in(pages, services, passphrases):
    fields = {"unit": COMMUNE, "entry": "", "name": "Tiếp âm", "kind": "relay", "times": "06:00",
              "minutes": "30", "from": "2026-01-01", "until": "", "weekday": list("12345"),
              "automatic": "1"}  # fmt: skip
    response, text = await pages("POST", "/frame/slots", data=fields)
    assert response.status == 400 and "slot.automatic" in text
    given = {"source": "vov1", "kind": "feed", "name": "VOV1", "url": "http://10.0.0.1/tin.xml",
             "private_ok": True, "minutes": 30, "times": [], "weekdays": []}  # fmt: skip
    await add(services, given)
    response, text = await pages("POST", "/frame/slots", data={**fields, "source": "vov1"})
    assert response.status == 200 and "notice bad" in text and "vov1" in text
    path = response.url.path
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/sign", data=signature)
    found = await bundle_of(services)
    ages = {item.relay.age_max_s // 86400 for item in found.items.values()}
    assert ages == {1, 3} and found.policy.relays == ("vov1",)
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=fortnight")
    assert text.count("chờ bản ghi") >= 9 and "không cần ký" in text
    assert "/bulletins/relay" not in text and "/calendar/moves" not in text


async def test_a_stolen_online_key_fills_no_more_than_was_let_in(
    broadcaster, services, passphrases, hub
):
    await put_in_force(services, passphrases, {**LET_IN, "minutes": 1})
    await record(services, broadcaster)
    good = (await state(services))["recordings"][0]
    at_s, now_s, repository = slot_s(services), services.now_s(), services.repository

    def steal(source="vov1", **fields):
        one = {name: good[name] for name in ("title", "from_s", "until_s", "renditions")}
        one.update(title="Tiếng lạ", **fields)
        value = {"format": relays.FORMAT, "source": source, "version": 9, "recordings": [one]}
        repository.sign_relays(source, canonical.encode(value), now_s)

    # Another source, whatever it says, is not even asked for.
    steal("vov2")
    heard, _, node = await hear(hub, at_s)
    assert heard == [("VOV1: Thời sự", "complete")]
    assert not [url for _, url in node.link.requests if "vov2" in url]
    # A higher class, an endless life: refused whole. Longer than the slot: the slot is silent.
    for fields, expected in (
        ({"class": "emergency"}, []),
        ({"class": "priority"}, []),
        ({"until_s": good["from_s"] + 90 * 86400}, []),
        ({"renditions": [{**one, "duration_ms": 61_000} for one in good["renditions"]]},
         ["relay_long"]),
    ):  # fmt: skip
        steal(**fields)
        heard, skipped, node = await hear(hub, at_s)
        assert heard == [] and skipped == (expected or ["relay_missing"]), fields
    # Within the bounds it is heard in the slot, and at no other time.
    steal()
    heard, skipped, _ = await hear(hub, at_s - 3600)
    assert (heard, skipped) == ([], [])
    heard, _, node = await hear(hub, at_s)
    assert heard == [("Tiếng lạ", "complete")], "this is what stays open: THREATS.md"
    # Another unit of the same hub, which let nothing in, hears nothing.
    row = await services.ledger.read(lambda s: s.get("approvers", "tinh-1"))
    key = await services.opener.open(row, passphrases["tinh-1"])
    value = {**(await bundle_of(services)).to_dict(), "unit": PROVINCE, "ancestors": []}
    value.update(items=[], rules=[], policy={**value["policy"], "relays": [], "tie_break": []})
    repository.sign_bundle(PROVINCE, [key.signer], canonical.encode(value), now_s)
    node = await node_at(hub, at_s - 40, PROVINCE)
    await node.pass_ms(60_000)
    await node.stop()
    assert (node.book.find("play"), node.book.find("skip")) == ([], [])


async def test_a_crash_before_the_signature_is_made_good_and_a_fault_is_told(
    broadcaster, services, passphrases, monkeypatch, pages
):
    await put_in_force(services, passphrases, LET_IN)

    def broken(*_):
        raise RemoteFault("keys.online", "no key", "Restore it.")

    with monkeypatch.context() as patch:
        patch.setattr(services.repository, "sign_relays", broken)
        with pytest.raises(RemoteFault):
            await record(services, broadcaster)
    held = await state(services)
    assert held["version"] == 1 and not held["signed"]
    _, text = await pages("GET", "/relays")
    assert "không ký được" in text and "keys.online" in text
    await RelayPublisher(services).look("vov1")
    held = await state(services)
    assert held["version"] == 1 and held["signed"]
    _, text = await pages("GET", "/relays")
    assert "không ký được" not in text
    # A restored hub goes on above the numbers that nodes may hold.
    await services.ledger.write(lambda s: facts.put(s, facts.NUMBER_FLOOR, 50))
    await publishing.publish(services, "vov1")
    await publishing.publish(services, "vov1")
    held = await state(services)
    assert held["version"] == 50 and held["recordings"]
    # A source that is ended, or that too many refuse, fills nothing any more.
    many = {"vov1": [f"03.u{number}" for number in range(RELAY_REFUSED_MAX + 1)]}
    await services.ledger.write(lambda s: facts.put(s, automatic.REFUSED, many))
    await publishing.publish(services, "vov1")
    held = await state(services)
    assert (held["recordings"], held["refused"], held["version"]) == ([], [], 51)


async def test_what_is_old_by_its_own_date_is_no_news(broadcaster, services, passphrases, hub):
    await put_in_force(services, passphrases, LET_IN)
    broadcaster.feed(("Cũ", "1", LONG_AGO, "tin.mp3"))
    row = await add(services, broadcaster.source())
    await look(services, row)
    await RelayPublisher(services).look("vov1")
    assert (await hear(hub, slot_s(services)))[:2] == ([], ["relay_old"])
    await record(services, broadcaster, "Mới", "2")
    assert (await state(services))["version"] == 2
    # The newest one was withdrawn: what the feed lists now takes no one's place.
    broadcaster.feed(("Cũ hơn", "3", LONG_AGO, "tin.mp3"))
    await look(services, row)
    await RelayPublisher(services).look("vov1")
    assert (await state(services))["version"] == 2
    heard, _, _ = await hear(hub, slot_s(services))
    assert heard == [("VOV1: Mới", "complete")]


async def test_switching_off_waits_for_no_recording_that_cannot_be_made(
    broadcaster, services, passphrases, monkeypatch
):
    entry = await put_in_force(services, passphrases, LET_IN)
    await record(services, broadcaster)
    broadcaster.feed(("B", "2", TUESDAY, "tin.mp3"))
    await look(services, await add(services, broadcaster.source()))
    # The hub stopped between the button and the signature; another unit still lets the source in.
    await services.ledger.write(lambda s: automatic.switch_off(s, entry, "a", services.now_s()))

    async def away(_):
        raise WorldFault("blob.away", "the bucket does not answer", "Look at it.")

    monkeypatch.setattr(automatic, "enabled", lambda *_: {PROVINCE: ["vov1"]})
    monkeypatch.setattr(services.blobs, "fetched", away)
    with pytest.raises(WorldFault):
        await RelayPublisher(services).look("vov1")
    held = await state(services)
    assert held["refused"] == [COMMUNE] and held["signed"]


async def test_a_recording_that_cannot_be_aired_is_given_up(broadcaster, services, passphrases):
    await put_in_force(services, passphrases, LET_IN)
    broadcaster.feed(("A", "1", MONDAY, "tin.mp3"))
    row = await add(services, broadcaster.source())
    await Recorder(services).look(row)

    def spoil(store):
        (kept,) = store.find("relay_recordings")
        text = services.blobs.put_bytes("không phải âm thanh".encode() * 100).sha256
        store.change("relay_recordings", (kept["source"], kept["recording"]), {"sha256": text})

    await services.ledger.write(spoil)
    with pytest.raises(RemoteFault, match="media"):
        await RelayPublisher(services).look("vov1")
    (kept,) = await services.ledger.read(lambda s: s.find("relay_recordings"))
    assert (kept["state"], kept["failure_code"]) == ("failed", "media.undecodable")
    await RelayPublisher(services).look("vov1")
    assert (await state(services))["version"] == 0


@given(weekdays=st.sets(st.integers(1, 7), min_size=1), again=st.sampled_from(slots.AGAIN))
def test_a_recording_is_as_old_as_the_slots_day_before_at_most(weekdays, again):
    body = {**LET_IN, "weekdays": sorted(weekdays), "again": again, "until": ""}
    items, rules = automatic.entries({"e1": body}, "2026-11-23")
    days = [day for rule in rules for day in rule["weekdays"]]
    assert sorted(days) == sorted(weekdays)
    for item, rule in zip(items, rules, strict=True):
        age = item["relay"]["age_max_s"] // 86400
        assert item["relay"]["duration_max_ms"] == body["minutes"] * 60_000
        assert len({one["id"] for one in items}) == len(items)
        for day in rule["weekdays"]:
            before = next(n for n in range(1, 8) if (day - n - 1) % 7 + 1 in weekdays)
            assert age == (automatic.LAST_DAYS if again == slots.LAST else before)


def test_a_slot_that_is_over_marks_nothing():
    body = {**LET_IN, "until": "2026-01-01"}
    assert automatic.entries({"e1": body}, "2026-11-23") == ([], [])
