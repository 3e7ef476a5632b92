"""Emergencies that sound with nobody's signature: two doors shut at first, and narrow when open."""

import aiohttp
import pytest

from edge.manifests import Manifests
from hub import automatic, bulletins, founding, programme
from hub.app import create_app
from hub.main import main
from hub.publishing import Signature
from hw.sim.storage import Storage
from protocols import alert, auto_alert
from protocols.errors import RemoteFault
from protocols.limits import AUTO_PER_DAY_MAX
from protocols.units import alert_path, auto_alert_path
from tests.edge.node_world import put
from tests.hub.conftest import COMMUNE, serving, signed_in
from tests.hub.mirror_world import peer_row
from tests.hub.test_mirror_supply import TEXT, Province

AUTO = auto_alert_path(COMMUNE)


@pytest.fixture
async def province(services):
    await services.ledger.write(lambda s: s.add("peers", peer_row()))
    return Province(services)


def delegate(services, passphrases):
    """Let the registrars delegate `auto-alert-<unit>` to the hub's key."""
    wanted = services.repository.unit(COMMUNE)._replace(auto_alert=True)
    registrar = founding.open_registrar(services.config, passphrases["registrar-1"])
    services.repository.change_unit(wanted, [registrar], services.now_s())


async def allow(services, is_listed=True):
    now_s = services.now_s()
    return await services.ledger.write(
        lambda s: automatic.set_listed(s, COMMUNE, "tinh", is_listed, "t", now_s)
    )


async def arrive(province, name, **fields):
    """Let an emergency arrive and be made; return its bulletin."""
    province.send(name, "phat-khan-cap", **{**TEXT, "TieuDe": f"Lũ {name}", **fields})
    await province.puller.step()
    (made,) = await province.bulletins(name)
    await province.services.production.make(made["bulletin"], 1)
    await province.puller.step()
    return (await province.bulletins(name))[0]


def relayed(services):
    """Return what a node reads of the unit's relayed alerts."""
    folder = services.config.repository / "targets" / "alerts" / COMMUNE
    files = sorted(folder.glob("*.auto.json"), key=lambda one: one.stat().st_mtime_ns)
    found = [alert.read(one.read_bytes(), COMMUNE) for one in files]
    return max(found, key=lambda one: one.version) if found else None


async def test_without_both_doors_a_person_signs(province, services, passphrases):
    await allow(services)
    row = await arrive(province, "mot")
    assert row["state"] == bulletins.READY and relayed(services) is None
    await allow(services, is_listed=False)
    delegate(services, passphrases)
    row = await arrive(province, "hai")
    assert row["state"] == bulletins.READY and relayed(services) is None


async def test_a_listed_sender_is_relayed_within_the_bounds_and_in_red(
    province, services, passphrases
):
    delegate(services, passphrases)
    await allow(services)
    row = await arrive(province, "lu")
    assert row["state"] == bulletins.PUBLISHED
    found = relayed(services)
    assert [one.id for one in found.alerts] == [f"auto.{row['bulletin']}.1"]
    auto_alert.check(found)
    assert (await province.supply("lu"))["state"] == "done"
    held = Manifests(Storage(), "n", COMMUNE)
    put(held._storage, held.stored_name(AUTO), alert.build(found.to_dict()))
    assert held.take(AUTO) is True, "a node takes it"
    async with serving(create_app(services)) as served:
        cookies = await signed_in(services)
        base, jar = f"http://127.0.0.1:{served.port}", aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(base, cookies=cookies, cookie_jar=jar) as session:
            for path in ("/", "/offers", "/emergency"):
                async with session.get(path) as answer:
                    assert "mà không cần ai ký" in await answer.text(), path
            async with session.get(f"/emergency/{row['bulletin']}") as answer:
                assert answer.status == 200
    # An approver takes it off the air like any other.
    approver = await services.ledger.read(lambda s: s.get("approvers", "xa-1"))
    opened = await services.opener.open(approver, passphrases["xa-1"])
    assert isinstance(opened, Signature)
    await services.publisher.approve(row["bulletin"], [opened], "recall")
    row = (await province.bulletins("lu"))[0]
    assert row["state"] == bulletins.RECALLED
    folder = services.config.repository / "targets" / "alerts" / COMMUNE
    (signed,) = folder.glob("*.alert.json")
    (cancel,) = alert.read(signed.read_bytes(), COMMUNE).alerts
    assert cancel.is_cancel() and cancel.references == (f"auto.{row['bulletin']}.1",)
    assert alert_path(COMMUNE) != AUTO


async def test_its_sender_cancels_what_nobody_signed_and_nothing_else(
    province, services, passphrases
):
    delegate(services, passphrases)
    await allow(services)
    row = await arrive(province, "lu")
    province.send("huy", "huy", HuyChiThi="lu")
    await province.puller.step()
    assert (await province.bulletins("lu"))[0]["state"] == bulletins.RECALLED
    (cancel,) = relayed(services).alerts
    assert cancel.is_cancel() and cancel.references == (f"auto.{row['bulletin']}.1",)
    states = [(await province.supply(name))["state"] for name in ("lu", "huy")]
    assert states == ["cancelled", "done"]
    await allow(services, is_listed=False)
    row = await arrive(province, "hai")
    approver = await services.ledger.read(lambda s: s.get("approvers", "xa-1"))
    opened = await services.opener.open(approver, passphrases["xa-1"])
    await services.publisher.approve(row["bulletin"], [opened])
    await allow(services)
    province.send("huy2", "huy", HuyChiThi="hai")
    await province.puller.step()
    assert (await province.bulletins("hai"))[0]["state"] == bulletins.PUBLISHED
    assert (await province.supply("huy2"))["state"] == "waiting", "its approver takes it off"


async def test_a_day_holds_a_few_and_what_is_too_long_waits_for_a_person(
    province, services, passphrases
):
    delegate(services, passphrases)
    await allow(services)
    kept = [{"profile": "opus", "media_type": "audio/ogg", "sha256": "a" * 64, "length": 9,
             "duration_ms": 9000}]  # fmt: skip
    province.send("dai", "phat-khan-cap", **{**TEXT, "TieuDe": "Quá dài"})
    await province.puller.step()
    (row,) = await province.bulletins("dai")
    made = {"renditions": [{**kept[0], "duration_ms": 121_000}], "frames": [], "spoken": "x"}
    await services.ledger.write(lambda s: bulletins.made(s, row["bulletin"], 1, made, 1))
    await province.puller.step()
    assert (await province.bulletins("dai"))[0]["state"] == bulletins.READY, "two minutes at most"
    now_s, states = services.now_s(), []
    for number in range(AUTO_PER_DAY_MAX + 1):
        draft = bulletins.Draft(COMMUNE, f"Lũ {number}", "vi-VN", "emergency", "Lũ.", "", "vi-VN",
                                None, [], {"mode": "alert", "hours": 24, "gap_min": 1,
                                           "drill": False})  # fmt: skip
        name = f"b{number:012x}"

        def relay(store, name=name, draft=draft):
            bulletins.create(store, name, draft, "t", now_s)
            made = {"renditions": kept, "frames": [], "spoken": "x"}
            bulletins.made(store, name, 1, made, now_s)
            return automatic._take(store, bulletins.current(store, name), now_s)

        try:
            found = alert.read((await services.ledger.write(relay)).data, COMMUNE)
        except RemoteFault as fault:
            states.append(fault.code)
        else:
            states.append(len(found.alerts))
    assert states == [*range(1, AUTO_PER_DAY_MAX + 1), "alert.auto_rate"]
    assert found.alerts[0].expires_s - found.alerts[0].sent_s == 6 * 3600
    assert found.alerts[0].repeat.gap_s == 300


async def test_killed_after_the_decision_it_is_published_with_the_next_look(
    province, services, passphrases, monkeypatch
):
    delegate(services, passphrases)
    await allow(services)

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(type(services.repository), "sign_auto_alerts", die)
        with pytest.raises(Killed):
            await arrive(province, "lu")
    assert (await province.bulletins("lu"))[0]["state"] == bulletins.APPROVED
    await province.puller.step()
    assert (await province.bulletins("lu"))[0]["state"] == bulletins.PUBLISHED
    assert len(relayed(services).alerts) == 1
    row = (await province.bulletins("lu"))[0]
    assert programme.item_id(row).startswith(auto_alert.PREFIX)


def test_the_command_lists_nobody_before_the_registrars_have_delegated(config, capsys):
    words = ["automatic", "allow", "--data", str(config.data), "--unit", COMMUNE]
    assert main([*words, "--sender", "tinh"]) == 1
    assert "automatic.role" in capsys.readouterr().err
    assert main(["automatic", "list", "--data", str(config.data)]) == 0
