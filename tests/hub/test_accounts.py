"""Accounts: who gets in, what each role may do on which unit, and what is refused."""

import ssl
import subprocess

import aiohttp
import pyotp
import pytest

from hub import accounts, audit, passwords, roles, sessions
from hub.app import create_app
from hub.roles import Grant
from hub.serving import Listener
from hub.store_memory import MemoryStore
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in, unit_row
from tests.hub.test_pages import OWN

GOOD = "bốn từ chẳng ai ghép"
OTHER = "03.zzzz"
NOW = 1_800_000_000


@pytest.fixture
def store():
    opened = MemoryStore()
    for unit, parent in ((PROVINCE, None), (COMMUNE, PROVINCE), (OTHER, PROVINCE)):
        row = {**unit_row(unit, unit, parent=parent), "valid_to": None}
        opened.add("units", {**row, "code_system": None, "code": None, "successor": None})
    return opened


@pytest.fixture
async def web(services):
    """Serve the pages; give `web(account=None)` that makes a browser session."""
    served = Listener(create_app(services))
    await served.start("127.0.0.1", 0)
    opened = []

    def browser(cookies=None):
        jar = aiohttp.CookieJar(unsafe=True)
        base = f"http://127.0.0.1:{served.port}"
        made = aiohttp.ClientSession(base, headers=OWN, cookie_jar=jar, cookies=cookies)
        opened.append(made)
        return made

    yield browser
    for one in opened:
        await one.close()
    await served.close()


async def account_with_password(services, account="can-bo", grants=()):
    hashed = passwords.hash_now(GOOD)

    def decide(store):
        code = accounts.add(store, account, "Cán bộ", "test", services.now_s())
        for one in grants:
            accounts.grant(store, account, one, "test", services.now_s())
        accounts.set_first_password(store, code, hashed, services.now_s())

    await services.ledger.write(decide)


async def test_a_one_time_code_sets_a_password_and_that_signs_in(services, web):
    now_s = services.now_s()
    code = await services.ledger.write(
        lambda s: accounts.add(s, "can-bo", "Cán bộ văn hoá", "test", now_s)
    )
    browser = web()
    wrong = {"code": code, "password": GOOD, "again": GOOD + "x"}
    async with browser.post("/first", data=wrong) as response:
        assert response.status == 400 and "không giống nhau" in await response.text()
    async with browser.post("/first", data={**wrong, "again": GOOD}) as response:
        assert response.status == 403 and response.url.path == "/"
        assert "vai trò" in (await response.text()).lower()
    async with browser.post("/first", data={**wrong, "again": GOOD}) as response:
        assert response.status == 400 and "hết hạn" in await response.text()
    async with browser.post("/logout") as response:
        assert response.url.path == "/login"
    async with browser.get("/account", allow_redirects=False) as response:
        assert response.status == 303
    sent = {"account": " Can-Bo ", "password": GOOD, "next": "/account"}
    async with browser.post("/login", data=sent) as response:
        assert response.url.path == "/account" and "Cán bộ văn hoá" in await response.text()


@pytest.mark.parametrize("asked", ["//evil.example", "https://evil.example", "/\\evil", "x", "\n"])
async def test_signing_in_never_leads_to_another_site(services, web, asked):
    await account_with_password(services)
    sent = {"account": "can-bo", "password": GOOD, "next": asked}
    async with web().post("/login", data=sent, allow_redirects=False) as response:
        assert response.status == 303 and response.headers["Location"] == "/"


async def test_a_wrong_password_and_an_unknown_account_look_alike(services, web):
    await account_with_password(services)
    browser, texts = web(), []
    for account in ("can-bo", "khong-co"):
        sent = {"account": account, "password": "sai mật khẩu rồi"}
        async with browser.post("/login", data=sent) as response:
            assert response.status == 401
            texts.append((await response.text()).replace(account, "?"))
    assert texts[0] == texts[1]


async def test_guessing_waits_ever_longer_and_the_right_password_ends_it(services, web):
    await account_with_password(services)
    statuses = []
    for _ in range(7):
        sent = {"account": "can-bo", "password": "sai mật khẩu rồi"}
        async with web().post("/login", data=sent) as response:
            statuses.append(response.status)
    assert statuses == [401] * 5 + [429] * 2
    sent = {"account": "can-bo", "password": GOOD}
    async with web().post("/login", data=sent) as response:
        assert response.status == 429
    await services.ledger.write(lambda s: s.change("accounts", ("can-bo",), {"blocked_until_s": 1}))
    async with web().post("/login", data=sent, allow_redirects=False) as response:
        assert response.status == 303
    row = await services.ledger.read(lambda s: accounts.active(s, "can-bo"))
    assert row["failures"] == 0


def test_waits_double_up_to_a_quarter_of_an_hour(store):
    accounts.add(store, "can-bo", "Cán bộ", "test", NOW)
    now_s, waits = NOW, []
    for _ in range(14):
        accounts.charge(store, "can-bo", now_s)
        wait_s = max(0, accounts.active(store, "can-bo")["blocked_until_s"] - now_s)
        waits.append(wait_s)
        now_s += wait_s
    assert waits == [0] * 4 + [30, 60, 120, 240, 480] + [900] * 5


async def test_a_second_factor_is_set_up_and_asked_for_once_per_code(services, web):
    await account_with_password(services)
    browser = web()
    sent = {"account": "can-bo", "password": GOOD, "next": "/account"}
    await (await browser.post("/login", data=sent)).text()
    async with browser.post("/account/second-factor") as response:
        secret = pyotp.TOTP(
            (await services.ledger.read(lambda s: accounts.active(s, "can-bo")))["totp_pending"]
        )
        text = await response.text()
        assert secret.secret in text and "data:image/svg+xml;base64," in text
    async with browser.post("/account/second-factor", data={"code": "12345"}) as response:
        assert response.status == 400
    code = secret.at(services.now_s())
    async with browser.post("/account/second-factor", data={"code": code}) as response:
        assert response.status == 200 and "Đã cài đặt" in await response.text()
    for code_sent, status in (("", 401), ("000000", 401), (code, 401)):
        async with web().post(
            "/login", data={**sent, "code": code_sent}, allow_redirects=False
        ) as response:
            assert response.status == status
    later = secret.at(services.now_s() + 30)
    async with web().post("/login", data={**sent, "code": later}, allow_redirects=False) as one:
        assert one.status == 303
    async with web().post("/login", data={**sent, "code": later}, allow_redirects=False) as two:
        assert two.status == 401


def test_sessions_end_by_time_by_hand_and_with_the_account(store):
    accounts.add(store, "can-bo", "Cán bộ", "test", NOW)
    row = accounts.active(store, "can-bo")

    def live(token, at_s):
        return sessions.live(store, accounts.digest(token), at_s) is not None

    token = sessions.open_session(store, row, "x" * 500 + "\x00", False, NOW)
    assert live(token, NOW) and live(token, NOW + sessions.IDLE_S)
    assert not live(token, NOW + sessions.IDLE_S + 1) and not live("another", NOW)
    store.change("sessions", (accounts.digest(token),), {"seen_s": NOW + sessions.LIFE_S})
    assert live(token, NOW + sessions.LIFE_S) and not live(token, NOW + sessions.LIFE_S + 1)
    accounts.set_password(store, "can-bo", "hash", "test", NOW)
    assert not live(token, NOW)
    other = sessions.open_session(store, row, "", False, NOW)
    accounts.close(store, "can-bo", "test", NOW)
    assert not live(other, NOW)


def test_grants_cover_their_subtree_and_nothing_else(store):
    units = {row["unit"]: row for row in store.find("units")}
    who = roles.Reader("a", "A", (Grant(roles.AUTHOR, COMMUNE),), False)
    assert who.reach(roles.WRITE, units) == {COMMUNE}
    assert not who.allows(roles.APPROVE, units, COMMUNE)
    above = who._replace(grants=(Grant(roles.APPROVER, PROVINCE),))
    assert above.reach(roles.APPROVE, units) == {PROVINCE, COMMUNE, OTHER}
    assert not above.everywhere(roles.VIEW) and not above.may(roles.WRITE)
    hub = who._replace(grants=(Grant(roles.ADMINISTRATOR, "*"),))
    assert hub.everywhere(roles.ADMINISTER) and hub.must_be_strong()


def test_the_last_administrator_cannot_be_lost(store):
    whole = Grant(roles.ADMINISTRATOR, roles.EVERYWHERE)
    for account in ("mot", "hai"):
        accounts.add(store, account, account, "test", NOW)
    accounts.grant(store, "mot", whole, "test", NOW)
    for lose in (
        lambda: accounts.close(store, "mot", "test", NOW),
        lambda: accounts.end_grant(store, "mot", whole, "test", NOW),
    ):
        with pytest.raises(RemoteFault) as caught:
            lose()
        assert caught.value.code == "account.last"
    accounts.grant(store, "hai", whole, "test", NOW)
    accounts.end_grant(store, "mot", whole, "test", NOW)
    accounts.grant(store, "mot", whole, "test", NOW)
    assert accounts.grants(store, "mot") == (whole,)
    assert audit.first_broken(store) is None


async def test_a_unit_s_administrator_gives_roles_there_and_nowhere_else(services, web):
    chief = web(await signed_in(services, "quan-xa", [Grant(roles.ADMINISTRATOR, COMMUNE)]))
    await signed_in(services, "quan-tinh", [Grant(roles.ADMINISTRATOR, roles.EVERYWHERE)])
    new = {"account": "moi", "name": "Người mới", "role": "author", "unit": COMMUNE}
    async with chief.post("/accounts", data={**new, "unit": PROVINCE}) as response:
        assert response.status == 403
    async with chief.post("/accounts", data=new) as response:
        text = await response.text()
        assert response.status == 200 and "Mã dùng một lần của moi" in text
        assert "quan-tinh" not in text
    for verb, role, unit, status in (
        ("give", "approver", COMMUNE, 200),
        ("give", "approver", PROVINCE, 403),
        ("give", "no-role", COMMUNE, 400),
        ("take", "approver", COMMUNE, 200),
        ("take", "approver", COMMUNE, 400),
    ):
        sent = {"verb": verb, "role": role, "unit": unit}
        async with chief.post("/accounts/moi/grants", data=sent) as response:
            assert response.status == status, (verb, role, unit)
    for what in ("code", "close", "grants"):
        sent = {"role": "author", "unit": COMMUNE}
        async with chief.post(f"/accounts/quan-tinh/{what}", data=sent) as response:
            assert response.status == 403
    async with chief.post("/accounts/moi/close") as response:
        assert response.status == 200 and "Người mới" not in await response.text()


async def test_the_log_is_shown_checked_and_exported_without_formulas(services, web):
    chief = web(await signed_in(services, "quan-tinh", [Grant(roles.ADMINISTRATOR, "*")]))
    now_s = services.now_s()
    await services.ledger.write(lambda s: audit.append(s, now_s, "=1+1", "test", "@x"))
    async with chief.get("/audit?check=1&lang=en") as response:
        text = await response.text()
        assert "The chain holds" in text and "=1+1" in text
    async with chief.get("/audit.csv") as response:
        body = await response.read()
        assert body.startswith("\ufeff".encode()) and b",'=1+1,test,'@x," in body
        assert len(body.splitlines()) == 1 + await services.ledger.read(lambda s: s.count("audit"))


async def test_under_a_public_name_cookies_are_bound_and_a_factor_is_asked_for(services, tmp_path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=loa.example",
         "-addext", "subjectAltName=DNS:loa.example"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    named = services.__class__(
        **{**vars(services), "config": public(services.config, "loa.example")}
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    served = Listener(create_app(named))
    await served.start("127.0.0.1", 0, tls)
    await account_with_password(named, "duyet", [Grant(roles.APPROVER, COMMUNE)])
    trust = ssl.create_default_context(cafile=certificate)
    base = f"https://127.0.0.1:{served.port}"
    headers = {**OWN, "Host": "loa.example"}
    sent = {"account": "duyet", "password": GOOD}
    async with aiohttp.ClientSession(base, headers=headers) as session:
        options = {"ssl": trust, "server_hostname": "loa.example", "allow_redirects": False}
        async with session.post("/login", data=sent, **options) as response:
            cookie = response.headers["Set-Cookie"]
            assert cookie.startswith("__Host-chieng=")
            assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
        held = {"Cookie": cookie.split(";")[0]}
        async with session.get("/", headers=held, **options) as response:
            assert response.headers["Location"] == "/account"
        async with session.get("/account", headers=held, **options) as response:
            assert "cần mã từ điện thoại" in await response.text()
        async with session.get("/", headers={"Host": "evil.example"}, **options) as response:
            assert response.status == 421
    await served.close()


def public(config, name):
    return type(config)(**{**vars(config), "public_name": name})
