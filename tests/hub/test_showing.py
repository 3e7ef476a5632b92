"""The calendar of one node: a board's days as its own rules say them, a loudspeaker's as well."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from hub import showing, timing
from protocols import alert, alert_merge, board_pages, bundle
from protocols.programme import Programme
from protocols.settings import Settings
from protocols.targets import Place
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_campaigns import publish
from tests.hub.test_frame import day_after
from tests.hub.test_node_pages import add
from tests.hub.test_pages import OWN, pages, write

__all__ = ("OWN", "pages")

PLACE = Place(COMMUNE, "thon-2", (), "board", ("board-192x64x1",))
START_S = 1_795_910_400
HOUR_S = 3600
SPAN_H = 72
RENDITION = {"profile": "board-192x64x1", "media_type": "image/png", "sha256": "0" * 64,
             "length": 9}  # fmt: skip


def page(number, from_h, hours, legal_class="normal", hamlets=()):
    found = {"id": f"{number}.0", "title": f"Tin {number}", "language": "vi-VN", "dwell_s": 10,
             "class": legal_class, "from_s": START_S + from_h * HOUR_S,
             "until_s": START_S + (from_h + hours) * HOUR_S, "renditions": [RENDITION]}  # fmt: skip
    return {**found, "targets": {"hamlets": list(hamlets)}} if hamlets else found


def programme_of(unit, found, quiet, above=()):
    fields = {"version": 1, "unit": unit, "ancestors": list(above), "issued_s": START_S,
              "valid_from_s": START_S, "valid_until_s": START_S + 48 * HOUR_S,
              "utc_offset_min": 420, "items": [], "rules": [], "pages": found, "fallback": [],
              "policy": {"quiet": quiet, "ceilings": [], "emergency_ceiling_percent": 100,
                         "emergency_in_quiet": True, "tie_break": [unit, *above]}}  # fmt: skip
    return bundle.read(bundle.build(fields))


def alerts_of(found):
    alerts = []
    for number, (from_h, hours) in enumerate(found):
        sent_s = START_S + from_h * HOUR_S
        shown = page(f"a{number}", from_h, hours, "emergency")
        del shown["class"]
        alerts.append({
            "id": f"a{number}", "kind": alert.ALERT, "references": [], "drill": False,
            "title": "Bão", "language": "vi-VN", "sent_s": sent_s,
            "expires_s": sent_s + hours * HOUR_S, "maximum_age_s": hours * HOUR_S,
            "renditions": [], "pages": [shown],
        })  # fmt: skip
    fields = {"version": 1, "unit": COMMUNE, "issued_s": START_S, "alerts": alerts}
    return alert.read(alert.build(fields))


def rotation(session, manifests, wall_ms):
    sent = [one._replace(alerts=tuple(a for a in one.alerts if a.sent_s * 1000 <= wall_ms))
            for one in manifests]  # fmt: skip
    standing = alert_merge.standing(sent, session.place)
    found = board_pages.candidates(session, standing, wall_ms)
    return {(unit, one.id.rpartition(".")[0]) for unit, one in found}


PAGES = st.lists(
    st.tuples(st.integers(0, SPAN_H), st.integers(1, 40), st.sampled_from(["normal", "priority"]),
              st.sampled_from([(), ("thon-2",), ("thon-9",)])), max_size=5)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    own=PAGES, above=PAGES, urgent=st.lists(st.tuples(st.integers(0, 48), st.integers(1, 24)),
                                            max_size=2),
    quiet=st.sampled_from([[], [["21:30", "05:00"]]]), ceiling=st.sampled_from([None, 40]),
    moments=st.lists(st.integers(0, SPAN_H * HOUR_S - 1), min_size=5, max_size=20),
)  # fmt: skip
def test_a_stretch_is_what_the_board_itself_would_show(own, above, urgent, quiet, ceiling, moments):
    bundles = (
        programme_of(COMMUNE, [page(n, *one) for n, one in enumerate(own)], quiet, (PROVINCE,)),
        programme_of(PROVINCE, [page(n, *one) for n, one in enumerate(above)], []),
    )
    narrowed = None if ceiling is None else Settings("n", COMMUNE, 1, ceiling, ((43200, 46800),))
    manifests = (alerts_of(urgent),)
    window = (START_S * 1000, (START_S + SPAN_H * HOUR_S) * 1000)
    found = showing.what_will_show(PLACE, bundles, manifests, narrowed, *window)
    session = Programme(PLACE, bundles, narrowed)
    for moment in moments:
        wall_ms = window[0] + moment * 1000
        said = {(one.unit, one.item) for one in found if one.from_ms <= wall_ms < one.until_ms}
        assert said == rotation(session, manifests, wall_ms), moment
    for one in found:
        days = {timing.local_time(ms // 1000, 420).date() for ms in (one.from_ms, one.until_ms - 1)}
        assert len(days) == 1, "each day says what stands on it"
    whole = [(one.unit, one.item, one.until_ms) for one in found]
    begun = {(one.unit, one.item, one.from_ms) for one in found}
    for unit, item, until_ms in whole:
        at_midnight = timing.local_time(until_ms // 1000, 420).strftime("%H:%M") == "00:00"
        assert at_midnight or (unit, item, until_ms) not in begun, "a stretch is not cut in two"


async def test_the_calendar_of_a_loudspeaker_is_its_own(pages, services, passphrases):
    await services.ledger.write(lambda s: add(s, "cum-2", "Cụm thôn 2", hamlet="thon-2"))
    await services.ledger.write(lambda s: add(s, "cum-k", "Cụm Kon Chiêng", hamlet="lang-kon"))
    await publish(services, passphrases, "b1")
    await publish(services, passphrases, "b2", hamlets=["thon-2"])
    day = day_after(services, 2)
    _, text = await pages("GET", "/nodes/cum-2")
    assert 'href="/calendar?node=cum-2&amp;view=fortnight"' in text
    _, text = await pages("GET", "/calendar?node=cum-2&view=fortnight")
    assert text.count("Tin b1") >= 13 and "Tin b2" in text and 'href="/nodes/cum-2"' in text
    assert '<option value="cum-2" selected>' in text
    _, text = await pages("GET", f"/calendar?node=cum-k&view=places&from={day}")
    assert "Cụm Kon Chiêng</h3>" in text and "Tin b2" not in text
    # Quiet hours that only this node was asked for are counted in.
    narrow = {"kind": "settings", "volume": "90", "quiet": "05:30-07:30"}
    await pages("POST", "/nodes/cum-2/orders", data=narrow)
    _, text = await pages("GET", f"/calendar?node=cum-2&view=day&from={day}")
    assert "giờ yên lặng" in text and "sẽ phát" not in text
    _, text = await pages("GET", f"/calendar?node=cum-k&unit={COMMUNE}&view=day&from={day}")
    assert "sẽ phát" in text
    _, text = await pages("GET", f"/calendar?node=cum-k&unit={PROVINCE}&view=day&from={day}")
    assert "Tin b1" not in text, "another unit was chosen: its node no more"
    response, body = await pages("GET", "/calendar.ics?node=cum-k")
    assert response.status == 200 and "X-WR-CALNAME:Cụm Kon Chiêng" in body
    assert "SUMMARY:Tin b1" in body and "SUMMARY:Tin b2" not in body
    assert (await pages("GET", "/calendar?node=none"))[0].status == 404
    stranger = await signed_in(services, "tinh-khac", [])
    assert (await pages("GET", "/calendar?node=cum-k", cookies=stranger))[0].status in (403, 404)


async def test_the_calendar_of_a_board_says_which_pages_stand(pages, services, passphrases):
    await services.ledger.write(lambda s: add(s, "bang-1", "Bảng ủy ban", kind="board"))
    day = day_after(services, 1)
    when = {"when": "once", "once_date": day, "once_time": "17:00"}
    path, _ = await write(pages, title="Tin bảng", text="Mời họp.", **{"class": "normal"}, **when)
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/approve", data=signature)
    _, text = await pages("GET", "/calendar?node=bang-1&view=fortnight")
    shown = re.findall(r'<td class="num">(\S+)</td>\s*<th scope="row">.*?Tin bảng', text)
    assert shown == ["17:00–21:30", "05:00–17:00"], "a day long, but for the quiet hours"
    assert "hiện trên bảng" in text and "sẽ phát" not in text
    _, body = await pages("GET", "/calendar.ics?node=bang-1")
    assert body.count("BEGIN:VEVENT") == 2
    _, text = await pages("GET", "/nodes/bang-1")
    assert "/calendar?node=bang-1" in text
