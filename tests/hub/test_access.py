"""What each role may do on which unit: every route, walked; and nothing before signing in."""

import json

import pytest

from hub import access, bulletins, organisations, roles
from hub.app import create_app
from hub.roles import Grant
from tests.hub import enrolling
from tests.hub.cap_files import keep
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in, unit_row
from tests.hub.test_accounts import OTHER, web
from tests.hub.test_pages import FIELDS

__all__ = ("web",)


def test_every_route_has_a_rule_and_every_rule_a_route(services):
    app = create_app(services)
    routes = set()
    for route in app.router.routes():
        path = route.resource.canonical
        if not path.startswith("/v1/") and route.method != "HEAD":
            routes.add((route.method, path))
    assert routes == set(access.RULES)


PAGE = "b" + "0" * 12
FILLED = {"profile": "opus", "number": "0", "peer": "tinh", "letter": "1", "ticket": "ve-1"}
FILLED |= {"enrolment": "0" * 64, "node": "n-0", "message": "c" + "0" * 16}
FILLED |= {"organisation": "tram-y-te"}
FILLED |= {"picture": "0" * 64, "draft": "d" + "0" * 12, "upload": "u" + "0" * 16}
FILLED |= {"source": "vov1", "entry": "e" + "0" * 12, "change": "k" + "0" * 12}
FILLED |= {"subscription": "s" + "0" * 12, "dispatch": "0" * 32}
FILLED |= {"order": "x-1", "unit": COMMUNE, "bulk": "bulk-" + "0" * 12}
# What belongs to an account, or to all who write, wherever that is.
PERSONAL = (
    "/drafts/",
    "/uploads",
    "/parts/reading",
    "/words",
    "/pictures",
    "/parts/pictures",
    "/bulk/{bulk}",
)


async def write(services, bulletin, unit):
    """Write a bulletin of a unit; OTHER is added with it."""
    row = unit_row(OTHER, "Xã Khác", parent=PROVINCE)
    empty = {"valid_to": None, "code_system": None, "code": None, "successor": None}
    draft = bulletins.Draft(
        unit, "Tin", "vi-VN", "normal", "Chữ.", "", "vi-VN", None, [], {"mode": "now"}
    )

    def decide(store):
        if not store.find("units", {"unit": OTHER}):
            store.add("units", {**row, **empty})
        bulletins.create(store, bulletin, draft, "test", services.now_s())

    await services.ledger.write(decide)


async def ask_for_a_slot(services):
    """Keep a change of the commune's frame, which waits for a signature."""
    when = {"times": ["17:00"], "weekdays": [1], "from": "2025-01-01", "until": ""}
    fields = {"name": "Khung", "kind": "own", "minutes": 20, **when}
    row = {"change": FILLED["change"], "entry": FILLED["entry"], "unit": COMMUNE, "kind": "slot",
           "body_json": json.dumps(fields), "state": "waiting", "who": "x"}  # fmt: skip
    row.update(created_s=1, changed_s=1)
    await services.ledger.write(lambda s: s.add("frame_changes", row))


def form_for(path, brought=b""):
    """Return a form that does what a route is for, on the commune."""
    if path.startswith("/installations"):
        return enrolling.form_for(path, brought)
    if path.startswith("/calendar"):
        return {"bulletin": PAGE, "day": "2030-01-01", "time": "17:00"}
    if path.startswith("/frame"):
        return {"unit": COMMUNE, "name": "", "approver": "xa-1", "passphrase": "sai"}
    if path.startswith("/organisations"):
        return {"name": "Thuế", "unit": COMMUNE}
    if path.startswith("/units"):
        return {"hamlet": "thon-9", "name": "Thôn 9"}
    if path.startswith("/accounts"):
        return {"account": "nguoi-khac", "name": "Khác", "role": "observer", "unit": COMMUNE}
    return {**FIELDS, "approver": "xa-1", "passphrase": "sai"}


@pytest.mark.parametrize("role", [None, *roles.ROLES])
@pytest.mark.parametrize("where", ["own", "foreign"])
async def test_each_role_opens_its_routes_on_its_units_only(services, web, role, where):
    await write(services, PAGE, COMMUNE)
    grants = [] if role is None else [Grant(role, COMMUNE if where == "own" else OTHER)]
    browser = web(await signed_in(services, "nguoi-thu", grants))
    await signed_in(services, "cua-xa", [Grant(roles.OBSERVER, COMMUNE)])
    installed, brought = await enrolling.install(services)
    await services.ledger.write(
        lambda s: organisations.add(s, "Trạm y tế", COMMUNE, "test", 1, FILLED["organisation"])
    )
    await ask_for_a_slot(services)
    names = {"bulletin": PAGE, "account": "cua-xa", **FILLED, **installed}
    names["message"] = await keep(services, COMMUNE)
    for (method, path), rule in access.RULES.items():
        if not rule.permission:
            continue
        address = path.format(tag="t", name="n", **names)
        data = form_for(path, brought) if method == "POST" else None
        async with browser.request(method, address, data=data, allow_redirects=False) as response:
            held = role is not None and rule.permission in roles.PERMISSIONS[role]
            everywhere = rule.unit_of is None and (method == "GET" or path.startswith(PERSONAL))
            wanted = held and (where == "own" or everywhere)
            # The whole hub's log, mirror and senders are for those who administer the whole hub.
            wanted = wanted and not path.startswith(
                ("/audit", "/mirror", "/cap/senders", "/units/import")
            )
            whole = path.startswith(("/relays", "/frame/entertainment")) and method == "POST"
            wanted = wanted and not whole
            # Whoever raises alarms anywhere may bring a CAP file.
            wanted = wanted or (held and path == "/cap")
            assert (response.status != 403) == wanted, (method, path, response.status)


async def test_a_bulletin_cannot_be_moved_to_a_unit_one_does_not_write_for(services, web):
    await write(services, PAGE, OTHER)
    browser = web(await signed_in(services, "nguoi-thu", [Grant(roles.AUTHOR, OTHER)]))
    async with browser.post(f"/bulletins/{PAGE}", data=FIELDS) as response:
        assert response.status == 403
    row = await services.ledger.read(lambda s: bulletins.current(s, PAGE))
    assert row["unit"] == OTHER and row["version"] == 1


async def test_nobody_sees_anything_before_signing_in(services, web):
    browser = web()
    for (method, path), rule in access.RULES.items():
        if rule is access.OPEN:
            continue
        address = path.format(bulletin=PAGE, account="ai-do", tag="t", name="n", **FILLED)
        async with browser.request(method, address, allow_redirects=False) as response:
            part = path.startswith("/parts/")
            assert response.status == (303 if method == "GET" and not part else 401), path
            if response.status == 303:
                assert response.headers["Location"].startswith("/login?next=")


async def test_what_is_on_a_page_is_what_the_reader_may_see(services, web):
    await write(services, PAGE, PROVINCE)
    commune = web(await signed_in(services, "xa", [Grant(roles.OBSERVER, COMMUNE)]))
    async with commune.get("/") as response:
        text = await response.text()
        assert response.status == 200 and "Xã Ia Thử" in text and "Soạn bản tin" not in text
        assert PAGE not in text
    writer = web(await signed_in(services, "viet", [Grant(roles.AUTHOR, PROVINCE)]))
    async with writer.get("/bulletins/new") as response:
        text = await response.text()
        assert "Tỉnh Thử Nghiệm" in text and "Xã Ia Thử" in text
