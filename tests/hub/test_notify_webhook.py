"""Notices posted to a webhook that aiohttp serves, and what no letter's address or name can do."""

import json
from email import message_from_bytes
from email.policy import SMTP as POLICY

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from hub.mirror import webhook
from hub.notify import letter, subscriptions
from hub.notify.sender import Sender
from hub.translations import Translations
from protocols.errors import RemoteFault
from tests.hub.conftest import PROVINCE, serving
from tests.hub.test_notify import begin, make_due, rows, subscribe


async def received(services, answer):
    """Serve a webhook; give its address and what it got."""
    got = []

    async def take(request):
        got.append((dict(request.headers), await request.read()))
        return answer()

    app = web.Application()
    app.add_routes([web.post("/nhan", take)])
    return app, got


async def test_a_webhook_is_signed_as_provinces_sign_and_followed_nowhere(services):
    elsewhere = web.Response(status=302, headers={"Location": "/nhan"})
    answers = [web.Response(status=503, text="bận"), elsewhere, web.Response(status=202),
               web.Response(status=410)]  # fmt: skip
    app, got = await received(services, lambda: answers[len(got) - 1])
    sender = Sender(services)
    async with serving(app) as served:
        target = f"http://127.0.0.1:{served.port}/nhan"
        name = await subscribe(services, way="webhook", target=target, private_ok=True)
        secret = subscriptions.new_secret(services, name)
        await begin(services, "cum-1")
        for tries in (1, 2):
            await sender.look()
            (row,) = await rows(services)
            assert (row["code"], row["tries"]) == ("notify.http", tries)
            await make_due(services)
        await sender.look()
        (row,) = await rows(services)
        assert row["state"] == "sent" and row["answer"].startswith("HTTP 202")
        assert {head["X-Chieng-Delivery"] for head, _ in got} == {row["dispatch"]}
        head, body = got[2]
        sent_s = int(head[webhook.HEADER].split(",")[0].removeprefix("t="))
        assert head[webhook.HEADER] == webhook.signature(secret, sent_s, body)
        told = json.loads(body)
        assert (told["id"], told["unit"], told["test"]) == (row["dispatch"], PROVINCE, False)
        assert told["lines"][0]["nodes"] == [{"node": "cum-1", "name": "Cụm cum-1"}]
        await begin(services, "cum-2")
        await sender.look()
        (dead,) = await rows(services, state="dead")
        assert dead["answer"].startswith("HTTP 410")
        # Closed inside: the same address is not called where nobody allowed it.
        closed = {"private_ok": 0}
        await services.ledger.write(lambda s: s.change("subscriptions", (name,), closed))
        await begin(services, "cum-3")
        await sender.look()
        assert len(got) == 4
        (row,) = await rows(services, state="waiting")
        assert row["code"] == "relay.private"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"target": "a@b.test\r\nBcc: c@d.test"}, "notify.address"),
        ({"target": "a b@c.test"}, "notify.address"),
        ({"target": "x" * 65 + "@c.test"}, "notify.address"),
        ({"kinds": []}, "notify.kinds"),
        ({"quiet_from": "21:00"}, "notify.quiet"),
        ({"quiet_from": "21:00", "quiet_to": "24:00"}, "notify.quiet"),
        ({"group_min": 0}, "notify.group"),
        ({"group_min": 241}, "notify.group"),
        ({"language": "xx"}, "notify.language"),
        ({"way": "fax"}, "notify.way"),
        ({"way": "webhook", "target": "http://vov.vn/"}, "notify.clear"),
        ({"way": "webhook", "target": "https://10.0.0.1/"}, "relay.private"),
        ({"way": "webhook", "target": "ftp://vov.vn/"}, "relay.url"),
    ],
)
async def test_what_cannot_be_sent_to_is_refused_at_once(services, changes, code):
    with pytest.raises(RemoteFault) as caught:
        await subscribe(services, **changes)
    assert caught.value.code == code


NAMES = st.text(max_size=60)


@given(NAMES, NAMES, st.sampled_from(["vi", "en"]), st.integers(0, 2**40))
def test_no_name_writes_a_header(unit, node, language, created_ms):
    line = {"unit": "03.k7f2", "unit_name": unit, "code": "modem.weak", "kind": "urgent",
            "times": 3, "count": 2, "open": 1, "first_ms": 1, "last_ms": 2,
            "nodes": [{"node": "n", "name": node}]}  # fmt: skip
    row = {"dispatch": "0" * 32, "created_ms": created_ms}
    row["body_json"] = json.dumps({"lines": [line], "more": 2})
    look = letter.Look(SAID[language], 420, "https://loa.test")
    made = letter.mail(row, "truc@tinh.test", "loa@tinh.test", look)
    found = message_from_bytes(made.as_bytes(), policy=POLICY)
    assert [name.lower() for name in found] == [
        "from", "to", "subject", "date", "message-id", "auto-submitted", "content-type",
        "content-transfer-encoding", "mime-version"]  # fmt: skip
    assert found["To"] == "truc@tinh.test" and found["Message-ID"] == f"<{'0' * 32}@tinh.test>"
    assert len(found["Subject"]) <= letter.SUBJECT_CHARS_MAX


SAID = {language: Translations(language) for language in ("vi", "en")}


@given(st.text(max_size=80) | st.from_regex(r"[ -~]{1,20}@[ -~]{1,20}", fullmatch=True))
def test_a_mailbox_has_no_room_for_a_second_one(text):
    try:
        found = subscriptions.check_mailbox(text)
    except RemoteFault as fault:
        assert fault.code == "notify.address"
        return
    assert found.isascii() and found.isprintable() and found.count("@") == 1
    assert not set(found) & set(' ,;<>()"\\[]:')
