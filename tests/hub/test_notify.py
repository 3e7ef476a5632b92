"""Notices sent by e-mail, against a server nobody here wrote: aiosmtpd, with STARTTLS and login."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP as POLICY
from ipaddress import ip_address

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub import accounts, doctor, main, notices, organisations, roles
from hub.mirror import peers
from hub.notify import dispatches, mail, subscriptions
from hub.notify.sender import Sender
from hub.roles import Grant
from hub.store import UpTo
from protocols.errors import LocalFault
from tests.hub.conftest import COMMUNE, PROVINCE, signed_in
from tests.hub.test_node_pages import add

PASSWORD = "một mật khẩu thư"
HALF_HOUR_MS = 1800_000


def certificate(folder):
    """Write a certificate of this machine and its key; return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "thu.tinh.test")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(here, False).add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / "thu.pem").write_bytes(made.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "thu.key").write_bytes(secret)
    return folder / "thu.pem", folder / "thu.key"


class Box:
    """Take letters; refuse one address for good, and everything while `busy`."""

    def __init__(self):
        self.letters = []
        self.busy = False

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("khong-co"):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.busy:
            return "451 4.3.0 Try again later"
        self.letters.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return f"250 2.0.0 Taken as {len(self.letters)}"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@contextlib.asynccontextmanager
async def mailing(folder):
    """Run aiosmtpd with STARTTLS and a login, both demanded; give its box of letters."""
    chain, key = certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    found = Box()

    def session():
        return SMTP(
            found, hostname="thu.tinh.test", tls_context=context, require_starttls=True,
            auth_required=True, authenticator=authenticate,
        )  # fmt: skip

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    found.port, found.ca = server.sockets[0].getsockname()[1], str(chain)
    yield found
    server.close()


@pytest.fixture
async def box(tmp_path):
    """Give the box of a mail server."""
    async with mailing(tmp_path) as found:
        yield found


async def set_up(services, box, **changes):
    """Tell the hub of the mail server."""
    server = mail.Server("127.0.0.1", box.port, "starttls", "chieng", "loa@tinh.test",
                         "https://loa.tinh.test", box.ca)  # fmt: skip
    server = server._replace(**changes)
    await services.ledger.write(lambda s: mail.keep(s, server, "test", services.now_s()))
    peers.keep_secret(subscriptions.folder(services), mail.KEPT_AS, PASSWORD)


def wanted(**changes):
    given = {"unit": PROVINCE, "account": None, "way": "mail", "target": "truc@tinh.test",
             "private_ok": False, "kinds": list(notices.KINDS), "language": "vi",
             "quiet_from": "", "quiet_to": "", "breaks": True, "group_min": 15}  # fmt: skip
    return {**given, **changes}


async def subscribe(services, **changes):
    return await services.ledger.write(
        lambda s: subscriptions.add(s, wanted(**changes), "test", services.now_s())
    )


def later(services, ms=HALF_HOUR_MS):
    """Return when a notice must have been noted to be due by now."""
    return services.config.now_ms() - ms


async def begin(services, *nodes, code="amplifier.silent", unit=COMMUNE):
    """Let something have begun at some nodes half an hour ago."""
    at_ms = later(services)

    def fill(store):
        for node in nodes:
            if store.get("nodes", node) is None:
                add(store, node, f"Cụm {node}", unit)
            notices.note(store, node, code, at_ms, at_ms)

    await services.ledger.write(fill)


async def rows(services, **where):
    return await services.ledger.read(lambda s: s.find("dispatches", where))


async def make_due(services):
    def decide(store):
        for row in store.find("dispatches", {"state": "waiting", "due_ms": UpTo(10**15)}):
            store.change("dispatches", (row["dispatch"],), {"due_ms": 0})

    await services.ledger.write(decide)


async def test_one_mail_tells_what_came_together_and_the_next_that_it_is_over(services, box):
    await set_up(services, box)
    await subscribe(services)
    sender = Sender(services)
    await begin(services, *(f"cum-{number:02}" for number in range(12)))
    await begin(services, "cum-00", code=notices.SILENT)
    await sender.look()
    await sender.look()
    ((mail_from, to, data),) = box.letters
    assert (mail_from, to) == ("loa@tinh.test", ["truc@tinh.test"])
    found = message_from_bytes(data, policy=POLICY)
    text = found.get_content()
    assert found["Subject"] == "Chiêng · Xã Ia Thử: Điểm phát mất liên lạc (+1)"
    assert "Cụm cum-08, Cụm cum-09 " in text and "Cụm cum-10" not in text
    assert f"https://loa.tinh.test/nodes?unit={COMMUNE}&state=offline" in text
    (row,) = await rows(services)
    assert row["state"] == "sent" and "250" not in row["code"]
    assert found["Message-ID"] == f"<{row['dispatch']}@tinh.test>"
    at_ms = later(services)
    await services.ledger.write(lambda s: notices.over(s, "cum-00", notices.SILENT, at_ms, at_ms))
    await sender.look()
    found = message_from_bytes(box.letters[1][2], policy=POLICY)
    assert found["Subject"].startswith("Chiêng · Xã Ia Thử: đã hết: Điểm phát mất liên lạc")
    assert "Đã hết" in found.get_content()


async def test_a_server_that_is_busy_gets_the_same_letter_again_and_a_refusal_is_final(
    services, box
):
    await set_up(services, box)
    await subscribe(services)
    await begin(services, "cum-1")
    sender, box.busy = Sender(services), True
    await sender.look()
    await begin(services, "cum-2")
    await make_due(services)
    await sender.look()
    (row,) = await rows(services)
    assert (row["state"], row["tries"], row["code"]) == ("waiting", 2, "notify.refused")
    assert row["answer"].startswith("451") and row["due_ms"] > services.config.now_ms()
    box.busy = False
    await make_due(services)
    await sender.look()
    assert f"<{row['dispatch']}@" in box.letters[0][2].decode()
    await sender.look()
    assert len(box.letters) == 2, "what began meanwhile comes with the next"
    await subscribe(services, target="khong-co@tinh.test")
    await begin(services, "cum-3")
    await sender.look()
    (dead,) = await rows(services, state="dead")
    assert dead["answer"].startswith("550") and len(box.letters) == 3
    await services.ledger.write(
        lambda s: dispatches.again(s, dead["dispatch"], "test", services.config.now_ms())
    )
    assert [one["state"] for one in await rows(services, dispatch=dead["dispatch"])] == ["waiting"]


async def test_the_night_is_told_in_one_letter_and_an_emergency_at_once(services, box):
    await set_up(services, box)
    now_ms, today = services.config.now_ms(), services.today()
    night = {"quiet_from": "21:00", "quiet_to": "06:00"}
    held = await subscribe(services, **night, breaks=False)
    woken = await subscribe(services, **night)

    async def ready(clock):
        return await services.ledger.read(lambda s: dispatches.ready(s, today, now_ms, clock))

    await begin(services, "cum-1", "cum-2")
    assert await ready("23:00") == [] and sorted(await ready("06:00")) == sorted([held, woken])
    await begin(services, "cum-3", code=notices.UNHEARD)
    assert await ready("23:00") == [woken]
    await services.ledger.write(lambda s: dispatches.compose(s, woken, today, now_ms))
    await Sender(services).look()
    text = message_from_bytes(box.letters[0][2], policy=POLICY).get_content()
    assert text.startswith("KHẨN") and "Cụm cum-2" in text, "what was held comes along"


async def test_a_kill_between_answer_and_note_sends_the_same_letter_once_more(services, box):
    await set_up(services, box)
    await subscribe(services)
    await begin(services, "cum-1")
    sender = Sender(services)
    now_ms = services.config.now_ms()
    today = services.today()
    (name,) = await services.ledger.read(lambda s: dispatches.ready(s, today, now_ms, "12:00"))
    await services.ledger.write(lambda s: dispatches.compose(s, name, today, now_ms))
    ((row, subscription),) = await services.ledger.write(lambda s: dispatches.claim(s, now_ms))
    await sender.deliver(row, subscription)
    # Here the process dies: nobody notes the answer. Another one waits for the claim's end.
    await Sender(services).look()
    assert len(box.letters) == 1
    await make_due(services)
    await Sender(services).look()
    ids = {message_from_bytes(one[2], policy=POLICY)["Message-ID"] for one in box.letters}
    assert len(box.letters) == 2 and len(ids) == 1


async def test_a_server_that_gives_up_within_a_day_is_given_up_with_its_reason(services, box):
    await set_up(services, box, port=1)
    await subscribe(services)
    await begin(services, "cum-1")
    sender = Sender(services)
    await sender.look()
    now_ms = services.config.now_ms()
    (row,) = await rows(services)
    assert (row["state"], row["code"]) == ("waiting", "notify.link")
    await services.ledger.write(
        lambda s: s.change("dispatches", (row["dispatch"],), {"until_ms": now_ms, "due_ms": 0})
    )
    await sender.look()
    (row,) = await rows(services)
    assert (row["state"], row["code"], row["tries"]) == ("dead", "notify.link", 2)


async def test_a_wrong_password_or_certificate_is_told_and_doctor_sees_it(services, box, tmp_path):
    await set_up(services, box)

    async def looked():
        found = await doctor.examine(services, None, services.now_s())
        return next(one for one in found if one.check == "mail")

    assert (await looked()).is_well
    peers.keep_secret(subscriptions.folder(services), mail.KEPT_AS, "sai")
    found = await looked()
    assert not found.is_well and "notify.login 535" in found.said
    await set_up(services, box, ca="")
    assert "certificate" in (await looked()).said.lower()
    await set_up(services, box, port=1)
    assert "notify.link" in (await looked()).said
    assert box.letters == []
    with pytest.raises(LocalFault, match=r"travel in clear"):
        await set_up(services, box, host="thu.tinh.test", security="none")


async def test_an_account_is_told_of_what_its_roles_let_it_see_today(services, box):
    await set_up(services, box)
    await signed_in(services, "cua-xa", [Grant("observer", COMMUNE)])
    await subscribe(services, account="cua-xa", language="en")
    await begin(services, "tinh-1", unit=PROVINCE)
    sender = Sender(services)
    await sender.look()
    assert box.letters == []
    await begin(services, "cum-1")
    await sender.look()
    assert "the amplifier" in box.letters[0][2].decode().lower()
    now_s = services.now_s()
    gone = Grant("observer", COMMUNE)
    await services.ledger.write(lambda s: accounts.end_grant(s, "cua-xa", gone, "test", now_s))
    await begin(services, "cum-2")
    await sender.look()
    assert len(box.letters) == 1


async def test_the_command_line_sets_the_server_and_tries_it(services, box, tmp_path):
    secret = tmp_path / "mat-khau"
    secret.write_text(PASSWORD)
    data = ["--data", str(services.config.data)]
    words = ["mail", "set", *data, "--host", "127.0.0.1", "--port", str(box.port), "--user",
             "chieng", "--password-file", str(secret), "--sender", "loa@tinh.test", "--ca",
             box.ca]  # fmt: skip
    assert await asyncio.to_thread(main.main, words) == 0
    tried = ["mail", "test", *data, "--to", "truc@tinh.test"]
    assert await asyncio.to_thread(main.main, tried) == 0
    assert "Auto-Submitted: auto-generated" in box.letters[0][2].decode()
    path = subscriptions.folder(services) / mail.KEPT_AS
    assert path.stat().st_mode & 0o777 == 0o600
    refused = ["mail", "test", *data, "--to", "khong-co@tinh.test"]
    assert await asyncio.to_thread(main.main, refused) == 1


async def test_an_author_of_an_organisation_is_told_of_its_unit(services, box):
    await set_up(services, box)
    health = roles.SUPPLIER + "tram-y-te"
    await services.ledger.write(
        lambda s: organisations.add(s, "Trạm y tế", COMMUNE, "test", 1, "tram-y-te")
    )
    await signed_in(services, "y-ta", [Grant(roles.AUTHOR, health)])
    await subscribe(services, unit=COMMUNE, account="y-ta")
    await begin(services, "cum-1")
    await Sender(services).look()
    assert len(box.letters) == 1
