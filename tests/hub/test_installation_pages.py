"""Tickets handed out, papers brought home, nodes confirmed and revoked: on the page, by role."""

import re

import aiohttp
import pytest

from hub import enrolment_api, fleet, installations, roles
from hub.app import create_app
from hub.roles import Grant
from hub.store_memory import MemoryStore
from hw.linux.verifier import Verifier
from protocols import carried, enrolment, http_signature, keys, kit, paper, records, settings
from tests.hub.conftest import COMMUNE, PROVINCE, serving, signed_in, unit_row
from tests.hub.enrolling import NewNode, ticket

PAGE = "/installations"


@pytest.fixture
async def browse(services):
    """Give `await browse(method, path, grants=…, **options)` as (status, text)."""
    async with serving(create_app(services)) as served:

        async def ask(method, path, account="quan-tri", grants=None, **options):
            held = [Grant(roles.ADMINISTRATOR, PROVINCE)] if grants is None else grants
            cookies = await signed_in(services, account, held)
            base, own = f"http://127.0.0.1:{served.port}", {"Sec-Fetch-Site": "same-origin"}
            async with (
                aiohttp.ClientSession(base, cookies=cookies, headers=own) as session,
                session.request(method, path, **options) as response,
            ):
                return response.status, await response.read()

        yield ask


def files(*given):
    """Return a form with files as a browser sends them."""
    form = aiohttp.FormData()
    for name, data in given:
        form.add_field("files", data, filename=name)
    return form


def batch_of(node, first=1, count=2, host="hub.example"):
    """Return records as a stick or a laptop carries them."""
    chain, entries = records.Chain(node.id, "plays", "ab" * 8), []
    for number in range(1, first + count):
        body = {"item": "tin", "started_ms": number, "ended_ms": number + 1}
        entries.append(chain.build(None, "unknown", None, "play", body))
        chain.advance(entries[-1])
    data = records.build_batch(
        node.id, "plays", "ab" * 8, first - 1, [one.data for one in entries[first - 1 :]]
    )
    headers = http_signature.request_headers(
        "POST", host, "/v1/records", data, node.id, "nonce-1", None, node.key.sign
    )
    headers["content-type"] = "application/json"
    return carried.build(host, "/v1/records", headers, data)


def plain(body):
    """Return a page's words."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body.decode()))


async def test_a_ticket_is_issued_handed_over_and_withdrawn(services, browse):
    chosen = {"unit": COMMUNE, "count": "5", "days": "10"}
    status, body = await browse("POST", PAGE + "/tickets", data=chosen)
    assert status == 200 and b"data:image/svg+xml;base64," in body and "0 trên 5" in plain(body)
    name = re.search(r"ve-[0-9a-f]{12}", body.decode())[0]
    status, data = await browse("GET", f"{PAGE}/tickets/{name}/file")
    leave = enrolment.read_ticket(paper.read(data, enrolment.TICKET))
    assert (leave.id, leave.unit, leave.count) == (name, COMMUNE, 5)
    status, data = await browse("GET", PAGE + "/kit?hub=https://hub.example")
    found, signed = kit.read(data)
    public = enrolment_api.hub_keys(services)[found.key_id]
    assert Verifier().verify(keys.ED25519, public, signed.signature, [signed.message])
    assert [enrolment.read_ticket(one).id for one in found.tickets] == [name]
    status, body = await browse("POST", f"{PAGE}/tickets/{name}/withdraw")
    assert status == 200 and "đã rút lại" in plain(body)
    _, data = await browse("GET", PAGE + "/kit?hub=https://hub.example")
    assert kit.read(data)[0].tickets == ()
    for wrong in ({"count": "0"}, {"days": "0"}, {"count": "x"}, {"days": "9999"}):
        status, body = await browse("POST", PAGE + "/tickets", data={**chosen, **wrong})
        assert status == 400 and re.search("Mỗi phiếu cho 1|Phiếu có hạn 1", plain(body))


async def test_what_technicians_bring_is_judged_file_by_file(services, browse):
    leave = await ticket(services, count=2)
    good, wiped, late = NewNode(b"1"), NewNode(b"2"), NewNode(b"3")
    given = good.enrolment(leave).encode()
    brought = files(
        ("records.http", batch_of(good)),
        ("b.json", given),
        ("c.json", wiped.enrolment(leave, wipes=1).encode()),
        ("d.json", late.enrolment(leave).encode()),
        ("e.json", good.enrolment(leave, hamlet="nowhere").encode()),
        ("photo.json", b"\x89PNG"),
        ("torn.http", batch_of(good)[:-9]),
        ("early.http", batch_of(wiped, 5)),
    )
    status, body = await browse("POST", PAGE + "/files", data=brought)
    said = plain(body)
    assert status == 200
    for text in (
        "records.http " + good.id + " đã nhận",
        "b.json " + good.id + " đã nhận đã nhận",
        "c.json " + wiped.id + " đã nhận chờ xác nhận",
        "d.json " + late.id + " không nhận Phiếu đã dùng hết",
        "photo.json — không nhận Tệp này không phải",
        "torn.http — không nhận Tệp không nguyên vẹn",
        "early.http " + wiped.id + " không nhận Cụm thu đang chờ xác nhận",
    ):
        assert text in said, (text, said)
    stored = await services.ledger.read(lambda s: s.find("records", {"node": good.id}))
    assert len(stored) == 2
    status = (await services.ledger.read(lambda s: s.get("node_status", good.id))) or {}
    assert status.get("contact_ms") is None, "a person came, not the node"
    _, again = await browse("POST", PAGE + "/files", data=files(("b.json", given)))
    assert "b.json " + good.id + " đã nhận đã nhận" in plain(again)
    rows = await services.ledger.read(lambda s: s.find("enrolments", {"node": good.id}))
    assert len(rows) == 1
    status, body = await browse("POST", PAGE + "/files", data=files(("empty", b"")))
    assert status == 400 and "Chưa chọn tệp nào" in plain(body)


async def test_a_doubtful_node_is_confirmed_and_a_lost_one_goes_quiet(services, browse):
    leave = await ticket(services, count=2)
    node = NewNode(b"1")
    checks = [enrolment.Check("relay", "good", {"coil_on": 1})]
    given = node.enrolment(leave, wipes=1, checks=enrolment.check_values(checks))
    await enrolment_api.take(services, given.encode())
    batch = ("r.http", batch_of(node))
    _, body = await browse("GET", "/")
    assert "Điểm phát mới chờ bạn xác nhận: 1" in plain(body)
    _, body = await browse("GET", PAGE)
    assert "Hộp này từng bị xóa" in plain(body) and f"/nodes/{node.id}/confirm" in body.decode()
    status, body = await browse("POST", f"{PAGE}/nodes/{node.id}/confirm")
    assert status == 200 and "Chờ quản trị xác nhận" not in plain(body)
    _, body = await browse("POST", PAGE + "/files", data=files(batch))
    assert "r.http " + node.id + " đã nhận" in plain(body)
    _, body = await browse("GET", f"{PAGE}/enrolments/{given.digest()}")
    assert "Rơ-le tăng âm đạt coil_on 1" in plain(body) and "Kỹ thuật viên 1" in plain(body)
    _, data = await browse("GET", f"{PAGE}/enrolments/{given.digest()}/file")
    assert paper.read(data, enrolment.ENROLMENT).digest() == given.digest()
    _, body = await browse("GET", "/nodes/" + node.id)
    assert f"/installations/nodes/{node.id}/revoke" in body.decode()
    wrong = {"node": "n-000000000000"}
    status, body = await browse("POST", f"{PAGE}/nodes/{node.id}/revoke", data=wrong)
    assert status == 400 and "Chưa gõ lại đúng mã" in plain(body)
    status, _ = await browse("POST", f"{PAGE}/nodes/{node.id}/revoke", data={"node": node.id})
    assert status == 200
    _, body = await browse("POST", PAGE + "/files", data=files(("r.http", batch_of(node, 3))))
    assert "không nhận Cụm thu đã bị thu hồi" in plain(body)
    folder = services.config.repository / "targets"
    (manifest,) = folder.glob(f"nodes/{COMMUNE}/{node.id}/*.settings.json")
    quiet = settings.read_settings(manifest.read_bytes(), COMMUNE, node.id)
    assert quiet.volume_percent == 0 and len(quiet.quiet) == 2


OTHER = "03.khac"


@pytest.mark.parametrize(
    ("role", "sees", "serves", "rules"),
    [
        (roles.OBSERVER, False, False, False),
        (roles.REGISTRAR, True, False, False),
        (roles.TECHNICIAN, True, True, False),
        (roles.ADMINISTRATOR, True, True, True),
    ],
)
async def test_each_role_finds_on_the_page_what_it_may_do(
    services, browse, role, sees, serves, rules
):
    empty = {"valid_to": None, "code_system": None, "code": None, "successor": None}
    row = {**unit_row(OTHER, "Xã Khác", parent=PROVINCE), **empty}
    await services.ledger.write(lambda s: s.add("units", row))
    leave, node = await ticket(services), NewNode(b"1")
    await enrolment_api.take(services, node.enrolment(leave, wipes=1).encode())
    for unit, is_own in ((COMMUNE, True), (OTHER, False)):
        status, body = await browse(
            "GET", PAGE, account=f"{role}-{unit[:2]}{is_own:d}", grants=[Grant(role, unit)]
        )
        assert (status == 200) == sees
        if sees:
            text = body.decode()
            assert (node.id in text) == is_own
            assert ("ve-1" in text) == is_own
            assert (f"/nodes/{node.id}/confirm" in text) == (rules and is_own)
            assert (PAGE + "/files" in text) == serves
            assert (f'value="{COMMUNE}"' in text) == (rules and is_own)


def test_a_busy_province_hides_nothing_of_a_commune():
    store, page = MemoryStore(), installations.ENROLMENTS_MAX
    blank = {"public_key": "", "ticket": "t", "replaces": None, "technician": "", "why": ""}
    for number, unit in enumerate([COMMUNE, *["03.other"] * page]):
        row = {"node": f"loa-{number}", "unit": unit, "received_s": number, "paper": b""}
        store.add("enrolments", {**blank, **row, "enrolment": f"{number:064x}"})
        form = fleet.NodeForm(f"loa-{number}", unit, "Loa", "speaker", f"{number:032}".encode())
        day = {"unit": unit, "valid_from": f"2026-{number:05}", "name": "Xã", "kind": "commune"}
        store.add("units", day)
        fleet.add_node(store, form, "test", number, enrolment.QUARANTINED)
    found = installations.shown(store, {COMMUNE}, 1)
    assert [row["node"] for row in found["enrolments"]] == ["loa-0"]
    assert [row["node"] for row in found["waiting"]] == ["loa-0"]
    assert found["counts"][enrolment.QUARANTINED] == 1
    whole = installations.shown(store, None, 1)
    assert whole["counts"][enrolment.QUARANTINED] == page + 1


async def test_a_merged_unit_names_the_one_that_took_over(services, browse, monkeypatch):
    leave, node = await ticket(services), NewNode(b"1")
    await services.ledger.write(
        lambda s: fleet.end_unit(s, COMMUNE, "2099-01-01", PROVINCE, "test", services.now_s())
    )
    monkeypatch.setattr(type(services), "now_s", lambda self: 4_070_995_200)
    given = files(("a.json", node.enrolment(leave).encode()))
    whole = [Grant(roles.ADMINISTRATOR, roles.EVERYWHERE)]
    _, body = await browse("POST", PAGE + "/files", grants=whole, account="toan", data=given)
    assert "Đơn vị này đã sáp nhập" in plain(body) and "→ Tỉnh Thử Nghiệm" in plain(body)
