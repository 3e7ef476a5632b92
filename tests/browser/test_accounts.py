"""An officer's first sign-in on a telephone, and every page for a reader with WCAG in mind."""

import asyncio
import itertools
import re

import pyotp
import pytest
from axe_playwright_python.base import AXE_SCRIPT

from hub import accounts, bulletins, enrolment_api, frame, timing
from hub.cap import arriving, senders
from hub.mirror import directive, gaps, offers, outbox, peers
from hub.notify import dispatches, mail, subscriptions
from hub.relay import sources
from hub.roles import Grant
from protocols import enrolment
from protocols.errors import RemoteFault
from tests.browser.test_pages import address, chromium, overflow, served_pages, shoot
from tests.hub.cap_files import SENDER, build, geocode, info
from tests.hub.conftest import COMMUNE, config, founded, passphrases, services
from tests.hub.enrolling import NewNode, ticket

__all__ = ("address", "chromium", "config", "founded", "passphrases", "served_pages", "services")

PASSWORD = "bốn từ chẳng ai ghép"
COMBINATIONS = tuple(itertools.product(("light", "dark"), (390, 1280)))
# WCAG 2.2 AA and everything below it.
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


async def test_an_officer_signs_in_for_the_first_time_and_sets_up_a_telephone(
    address, chromium, services
):
    now_s = services.now_s()

    def add(store):
        code = accounts.add(store, "can-bo", "Cán bộ văn hoá", "test", now_s)
        accounts.grant(store, "can-bo", Grant("author", COMMUNE), "test", now_s)
        return code

    code = await services.ledger.write(add)
    size = {"width": 390, "height": 844}
    context = await chromium.new_context(viewport=size, locale="vi-VN", color_scheme="dark")
    await context.clear_cookies()
    page = await context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    await page.goto(address)
    assert "/login" in page.url
    await page.click("text=Tôi được trao mã dùng một lần")
    await page.fill("[name=code]", code)
    for name in ("password", "again"):
        await page.fill(f"[name={name}]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("h1:has-text('Tổng quan')")
    assert not await page.is_visible("text=Tài khoản người dùng"), "not an administrator"
    await page.click("text=Cán bộ văn hoá")
    await page.click("button:has-text('Cài đặt')")
    await page.wait_for_selector("img.qr")
    assert await page.eval_on_selector("img.qr", "one => one.naturalWidth") > 100
    await shoot(page, "hub-second-factor-phone-dark")
    secret = await page.inner_text("code.key")
    await page.fill("[name=code]", pyotp.TOTP(secret).now())
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Đã cài đặt")
    await page.click("button:has-text('Đăng xuất')")
    await page.fill("[name=account]", "can-bo")
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[role=alert]")
    assert complaints == [] or all("401" in one for one in complaints), complaints
    await context.close()


def ask_many(store):
    """Add an order for many nodes, refused at one."""
    row = {"bulk": "bulk-" + "0" * 12, "kind": "restart", "detail_json": "{}", "query": ""}
    store.add("bulks", {**row, "who": "thu-nghiem", "created_s": 1, "total": 1})
    asked = {"bulk": row["bulk"], "node": "loa-1", "unit": COMMUNE, "step": "refused"}
    store.add("bulk_nodes", {**asked, "fault": "order.open"})


def change_frame(store, now_s):
    """Put a slot in force and ask for another time of it, which waits for a signature."""
    when = {"times": ["17:00"], "weekdays": [1, 2], "from": "2026-01-01", "until": ""}
    slot = {"name": "Bản tin chiều", "kind": "own", "minutes": 20, **when}
    entry = "e" + "0" * 12
    source = {"source": "vov1", "kind": "stream", "name": "VOV1", "url": "https://vov.vn/a.mp3",
              "private_ok": False, "minutes": 30, "times": ["06:00"],
              "weekdays": [1, 2]}  # fmt: skip
    sources.add(store, source, "test", now_s)
    sources.keep(store, "vov1", "2026-11-28T06:00", "Tin", {"failure_code": "relay.link"}, now_s)
    sources.note(store, "vov1", RemoteFault("relay.link", "x", "y"), now_s)
    relay = {**slot, "name": "Tiếp âm VOV1", "kind": "relay", "source": "vov1", "again": "nothing",
             "automatic": True}  # fmt: skip
    for name, body in ((entry, slot), ("e" + "1" * 12, relay)):
        held = frame.ask(store, COMMUNE, frame.SLOT, name, body, "test", now_s)
        store.change("frame_changes", (held,), {"state": frame.IN_FORCE})
    slot["times"] = ["21:30"]
    return frame.ask(store, COMMUNE, frame.SLOT, entry, slot, "test", now_s)


async def furnish(services):
    """Give the hub something of everything that its pages show."""
    now_ms = services.config.now_ms()
    account = {"url": "http://127.0.0.1:9", "user": "u", "source_id": "s", "source_name": "s"}
    peer = {"peer": "tinh", "connector": "htttn-v2", "name": "Tỉnh Gia Lai",
            "settings": {**account, "target_id": "t"}}  # fmt: skip
    peers.keep_secret(services.config.data / "keys" / "peers", "tinh", "x")
    draft = bulletins.Draft(
        COMMUNE, "Tin", "vi-VN", "normal", "Chữ.", "", "vi-VN", None, [], {"mode": "now"}
    )
    change = await services.ledger.write(lambda s: change_frame(s, now_ms // 1000))

    def tell(store):
        ask_many(store)
        peers.add(store, peer, "test", now_ms - 3600_000)
        row = store.find("outbox")[0]
        outbox.bury(store, "tinh", row["number"], "Thiếu mã địa bàn", now_ms)
        outbox.note_failure(store, "tinh", "mirror.link", "closed", now_ms)
        row = store.get("peers", "tinh")
        for kind in ("bulletin", "directive", "bulletin"):
            body = {"title": "Tiêm phòng", "text": "Bà con chú ý.", "class": "normal",
                    "topic": "04", "areas": [{"code": COMMUNE}]}  # fmt: skip
            name = f"s{store.count('supplies')}"
            offers.take(store, row, directive.read(name, kind, body), now_ms // 1000, 420)
        offers.decline(store, ("tinh", "s2", COMMUNE), "Trùng", "test", now_ms // 1000)
        rule = {"unit": COMMUNE, "peer": "tinh", "topic": "05", "times": ["05:30"],
                "weekdays": [1, 2]}  # fmt: skip
        offers.lay_down(store, rule, "test", now_ms // 1000)
        gaps.silent(store, "loa-1", now_ms - 7200_000, now_ms)
        bulletins.create(store, "b" + "0" * 12, draft, "test", now_ms // 1000)
        alarm = draft._replace(legal_class="emergency", timing=timing.alert(2, 10, False))
        bulletins.create(store, "b" + "1" * 12, alarm, "test", now_ms // 1000)
        made = {"renditions": [], "frames": [], "spoken": "x"}
        bulletins.made(store, "b" + "1" * 12, 1, made, now_ms // 1000)

    await services.ledger.write(tell)
    now_s = now_ms // 1000
    place = geocode("chieng-unit", COMMUNE)
    given = build(now_s, info(now_s, "en"), info(now_s, area=place), status="Test")
    row, _ = await arriving.arrive(services, given, "file", None, "test")
    await arriving.arrive(
        services, build(now_s, info(now_s), identifier="2", kind="Ack"), "file", None, "test"
    )

    def listed(store):
        senders.add_source(store, "kttv", "push", "Đài khí tượng", None, "test", now_s)
        senders.list_sender(store, SENDER, "Khí tượng", "kttv", "test", now_s)

    await services.ledger.write(listed)
    return row["message"], change


async def tell_by_mail(services):
    """Give the hub a mail server that is not there, and a letter of each state."""
    server = mail.Server("127.0.0.1", 1, "none", "", "loa@tinh.test", "", "")
    given = {"unit": COMMUNE, "account": None, "way": "mail", "target": "truc@tinh.test",
             "private_ok": False, "kinds": ["urgent"], "language": "vi", "quiet_from": "21:00",
             "quiet_to": "06:00", "breaks": True, "group_min": 15}  # fmt: skip
    now_ms = services.config.now_ms()

    def tell(store):
        mail.keep(store, server, "test", now_ms // 1000)
        name = subscriptions.add(store, given, "test", now_ms // 1000)
        for state in ("waiting", "sent", "dead"):
            row = dispatches.made(name, {"lines": [], "more": 0}, now_ms)
            row.update(state=state, code="notify.link", answer="timed out", tries=2)
            store.add("dispatches", {**row, "done_ms": now_ms})

    await services.ledger.write(tell)


async def install(services):
    """Let one node join, one wait, one be refused; return the first one's sheet."""
    leave = await ticket(services, count=2)
    read = {"idle_milliwatts": 8000, "off_milliwatts": 0}
    checks = [
        enrolment.Check(*one)
        for one in (("meter", "good", read), ("board", "absent", {}), ("tone", "bad", {}))
    ]
    told = {"checks": enrolment.check_values(checks)}
    told["place_e6"] = {"latitude": 13_980_000, "longitude": 108_010_000}
    sheets = []
    for seed, fields in ((b"1", told), (b"2", {"wipes": 1}), (b"3", {})):
        given = NewNode(seed).enrolment(leave, **fields)
        await enrolment_api.take(services, given.encode())
        sheets.append(given.digest())
    return sheets[0]


# Everything that takes a press and can be seen; of radio buttons of one name the keyboard stops at
# one. Each gets a number, by which the walk with the key tells it.
STOPS = """() => {
  const names = new Set(), found = [];
  const pressed = "a[href], button, input, select, textarea, summary, audio[controls]";
  for (const one of document.querySelectorAll(pressed + ", [role=button], [onclick]")) {
    if (one.disabled || one.type === "hidden" || !one.checkVisibility()) continue;
    if (one.type === "radio" && names.has(one.name)) continue;
    if (one.type === "radio") names.add(one.name);
    found.push(one.outerHTML.slice(0, 120));
    one.dataset.stop = found.length - 1;
  }
  return found;
}"""
WALK = """() => {
  window.walked = [];
  document.addEventListener("focusin", ({ target: one }) => {
    const first = one.type === "radio" && document.querySelector(`[name="${one.name}"][data-stop]`);
    window.walked.push((first || one).dataset.stop);
  }, true);
}"""
TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}


async def unreached(page):
    """Return what the Tab key never comes to."""
    stops = await page.evaluate(STOPS)
    await page.evaluate(WALK)
    session = await page.context.new_cdp_session(page)
    left = set(range(len(stops)))
    # A control may hold several stops, as the parts of a date.
    for _ in range(4):
        presses = [(kind, n) for n in range(len(stops) + 5) for kind in ("rawKeyDown", "keyUp")]
        # In order, without waiting for each to be answered.
        await asyncio.gather(
            *(session.send("Input.dispatchKeyEvent", {**TAB, "type": kind}) for kind, _ in presses)
        )
        left -= {int(stop) for stop in await page.evaluate("window.walked") if stop}
        if not left:
            break
    await session.detach()
    return [stops[number] for number in sorted(left)]


AXE = """(rules) => axe.run({runOnly: rules, resultTypes: ["violations"]}).then((found) =>
  found.violations.map((one) => [one.id, one.nodes.slice(0, 3).map((node) => node.target)]))"""
# By night a page differs in its colours alone.
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


async def faults(page, name):
    """Return what a reader would stumble over on an open page in every combination."""
    found = []
    await page.evaluate(AXE_SCRIPT)
    for scheme, width in COMBINATIONS:
        await page.set_viewport_size({"width": width, "height": 844})
        await page.emulate_media(color_scheme=scheme)
        if await overflow(page):
            found.append((name, scheme, width, "wider than the screen"))
        rules = list(TAGS) if scheme == "light" else COLOURS
        found += [(name, scheme, width, *one) for one in await page.evaluate(AXE, rules)]
        device = "phone" if width < 600 else "desktop"
        await shoot(page, f"{name}-{device}-{scheme}")
    return found


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_every_page_is_fit_for_every_reader(address, chromium, services, language):
    """In two languages, by day and by night, on a phone and a desk, and by keyboard alone."""
    alarm, change = await furnish(services)
    await tell_by_mail(services)
    sheet = await install(services)
    paths = ("/", "/bulletins", "/bulletins?q=khong+co", "/bulletins/new", "/words",
             "/bulletins/b" + "0" * 12,
             "/bulletins/b" + "0" * 12 + "/versions", "/account",
             "/accounts", "/accounts/thu-nghiem",
             "/audit?check=1", "/mirror", "/offers", "/approvals",
             "/nodes?state=never", "/map", "/notices", "/notices/sending", "/nodes/loa-1",
             "/bulk/new", "/bulk", "/bulk/bulk-" + "0" * 12,
             "/calendar", "/frame", "/frame/changes/" + change, "/relays",
             "/reports", "/reports/plays", "/reports/year", "/progress",
             "/units", "/units/import", "/units/" + COMMUNE,
             "/organisations", "/reports/supplied",
             f"/units/{COMMUNE}/approvers",
             "/emergency", "/emergency/b" + "1" * 12, "/login", "/first", "/nowhere",
             "/cap", "/cap/messages/" + alarm, "/emergency?cap=" + alarm,
             "/installations", "/installations/tickets/ve-1",
             "/installations/enrolments/" + sheet)  # fmt: skip
    found = []
    context = await chromium.new_context(
        viewport={"width": 1280, "height": 844}, reduced_motion="reduce"
    )
    page = await context.new_page()
    for path in paths:
        mark = "&" if "?" in path else "?"
        await page.goto(f"{address}{path}{mark}lang={language}")
        assert await page.get_attribute("html", "lang") == language
        found += [(path, "by keyboard", stop) for stop in await unreached(page)]
        parts = re.findall("[^/]+", path.split("?")[0])
        name = "-".join("one" if re.search("[0-9]", part) else part for part in parts) or "overview"
        found += await faults(page, f"pages/{name}-{language}")
    await context.close()
    assert found == []


async def test_the_look_for_stumbling_blocks_sees_some(chromium):
    context = await chromium.new_context(reduced_motion="reduce")
    page = await context.new_page()
    await page.set_content(
        "<html lang=vi><title>x</title><a href='/'>Về</a><div role=button>Phát</div>"
        "<img src=x.png><p style='width:2000px'>Rộng<p style='color:#888;background:#999'>Mờ"
    )
    assert await unreached(page) == ['<div role="button">Phát</div>']
    found = await faults(page, "faulty")
    kinds = {(scheme, width): set() for scheme, width in COMBINATIONS}
    for _, scheme, width, kind, *_ in found:
        kinds[scheme, width].add(kind)
    for (scheme, _), seen in kinds.items():
        expected = {"color-contrast", "wider than the screen"}
        assert seen >= (expected | {"image-alt"} if scheme == "light" else expected), (scheme, seen)
    await context.close()
