"""What nodes are asked: given, published, answered; by the hub's key or by approvers' alone."""

import json
import sqlite3
from collections import namedtuple

import pytest

from hub import fleet, node_now, order_publishing, orders, overview
from hub.fleet import NodeForm
from hub.main import main
from hub.pages import Words
from hub.repository import request, wrapped_key
from hub.translations import Translations
from protocols import mandates, settings
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE, PROVINCE

NOW_S = 1_800_000_000
Fact = namedtuple("Fact", ("node", "kind", "body"))


def found_fleet(store):
    for unit, parent in ((PROVINCE, None), (COMMUNE, PROVINCE), ("03.b", PROVINCE)):
        row = {"unit": unit, "valid_from": "2025-07-01", "name": unit, "kind": "commune"}
        fleet.add_unit(store, {**row, "parent": parent}, "test", NOW_S)
    fleet.add_node(store, NodeForm("loa-1", COMMUNE, "Cụm 1", "speaker", b"1" * 32), "test", NOW_S)


@pytest.fixture
async def store(ledger):
    """Give `ask(decision, *arguments)` over a store with one node."""
    await ledger.write(found_fleet)

    async def ask(decide, *arguments, **named):
        return await ledger.write(lambda s: decide(s, *arguments, **named))

    return ask


async def test_an_order_is_open_until_the_node_answers_and_ends_once(store):
    row = await store(orders.give, "loa-1", "self-test", "ai", NOW_S)
    made = await store(orders.orders_manifest, "loa-1", NOW_S)
    found = settings.read_orders(made.data, COMMUNE, "loa-1")
    assert [one.id for one in found.orders] == [row["name"]] and found.sequence == 1
    await store(orders.mark_sent, made.rows, NOW_S)
    with pytest.raises(RemoteFault, match="has that order open"):
        await store(orders.give, "loa-1", "self-test", "ai", NOW_S)
    body = {"order": row["name"], "state": "done", "tone": "played"}
    await store(orders.report, Fact("loa-1", "order", body), NOW_S + 9)
    late = {"order": row["name"], "state": "failed", "code": "order.interrupted"}
    await store(orders.report, Fact("loa-1", "order", late), NOW_S + 10)
    (shown,) = await store(orders.of_node, "loa-1")
    assert (shown["state"], shown["code"], shown["changed_s"]) == ("done", None, NOW_S + 9)
    made = await store(orders.orders_manifest, "loa-1", NOW_S)
    assert settings.read_orders(made.data).orders == ()
    again = await store(orders.give, "loa-1", "self-test", "ai", NOW_S)
    await store(orders.withdraw, "loa-1", again["name"], "ai", NOW_S)
    made = await store(orders.orders_manifest, "loa-1", NOW_S)
    assert made.rows == [] and made.sequence == 3


async def test_only_nodes_that_stand_are_asked_and_only_in_time(store):
    with pytest.raises(RemoteFault, match="no active node"):
        await store(orders.give, "loa-9", "restart", "ai", NOW_S)
    await store(orders.give, "loa-1", "restart", "ai", NOW_S)
    made = await store(orders.orders_manifest, "loa-1", NOW_S + orders.LIFE_S)
    assert made.rows == []
    body = {"order": "nobody-asked", "state": "done"}
    await store(orders.report, Fact("loa-1", "order", body), NOW_S)
    assert len(await store(orders.of_node, "loa-1")) == 1


async def test_new_settings_replace_older_ones_and_wrong_ones_are_refused(store):
    await store(orders.narrow, "loa-1", 60, [["12:00", "13:00"]], "ai", NOW_S)
    await store(orders.narrow, "loa-1", 40, [], "ai", NOW_S)
    made = await store(orders.settings_manifest, "loa-1")
    found = settings.read_settings(made.data, COMMUNE, "loa-1")
    assert (found.sequence, found.volume_percent, found.quiet) == (2, 40, ())
    rows = await store(orders.of_node, "loa-1")
    assert [row["name"] for row in rows] == ["settings-2"]
    with pytest.raises(RemoteFault, match="volume_percent"):
        await store(orders.narrow, "loa-1", 140, [], "ai", NOW_S)


async def test_mandates_merge_until_the_node_has_carried_them_out(store):
    await store(orders.lay_down, COMMUNE, "loa-1", {"groups": ["g"]}, "xa-1", NOW_S)
    await store(orders.lay_down, COMMUNE, "loa-1", {"move": "03.b"}, "xa-1", NOW_S)
    made = await store(orders.mandates_manifest, COMMUNE, NOW_S)
    found = mandates.read(made.data, COMMUNE)
    entry = found.nodes["loa-1"]
    assert (entry.sequence, entry.groups, entry.move) == (2, ("g",), "03.b")
    assert await store(orders.mark_signed, found, NOW_S) == ["03.b"]
    body = {"order": f"mandate-{COMMUNE}-2", "state": "done"}
    await store(orders.report, Fact("loa-1", "order", body), NOW_S)
    assert {row["state"] for row in await store(orders.of_node, "loa-1")} == {"done"}
    node = await store(lambda s: s.get("nodes", "loa-1"))
    assert (node["unit"], node["hamlet"]) == ("03.b", None)
    made = await store(orders.mandates_manifest, COMMUNE, NOW_S)
    assert mandates.read(made.data).nodes == {}


@pytest.mark.parametrize(
    ("unit", "detail", "complaint"),
    [
        ("03.b", {"groups": []}, "is not above"),
        (COMMUNE, {"move": "03.zzz"}, "cannot move"),
        (COMMUNE, {"move": COMMUNE}, "cannot move"),
        (COMMUNE, {}, "nothing is laid down"),
        (COMMUNE, {"hubs": ["gopher://x"]}, "hubs"),
    ],
)
async def test_what_no_node_would_carry_out_is_not_laid_down(store, unit, detail, complaint):
    with pytest.raises(RemoteFault, match=complaint):
        await store(orders.lay_down, unit, "loa-1", detail, "ai", NOW_S)
    await store(orders.lay_down, PROVINCE, "loa-1", {"decommission": True}, "tinh-1", NOW_S)


async def test_a_node_that_refuses_a_manifest_refuses_what_it_carries(store):
    row = await store(orders.give, "loa-1", "restart", "ai", NOW_S)
    await store(orders.lay_down, COMMUNE, "loa-1", {"hubs": ["http://new"]}, "xa-1", NOW_S)
    await store(orders.mark_sent, [("loa-1", row["name"])], NOW_S)
    await store(orders.mark_sent, [("loa-1", f"mandate-{COMMUNE}-1")], NOW_S)
    fault = {"code": "settings.widening", "message": "x", "state": "raised"}
    place = f"sync.nodes/{COMMUNE}/loa-1/orders.json"
    await store(orders.refuse_sent, "loa-1", place, fault["code"], "x", NOW_S)
    await store(orders.refuse_sent, "loa-1", "hub.rehome", "hub.rehome", "silent", NOW_S)
    await store(orders.refuse_sent, "loa-1", "sync.link", "link.lost", "x", NOW_S)
    rows = await store(orders.of_node, "loa-1")
    assert {row["code"] for row in rows} == {"settings.widening", "hub.rehome"}
    assert {row["state"] for row in rows} == {"refused"}


async def test_the_page_says_in_vietnamese_what_became_of_it(store):
    row = await store(orders.give, "loa-1", "self-test", "ai", NOW_S)
    words = Words(Translations("vi"), NOW_S * 1000, 420)
    await store(orders.mark_sent, [("loa-1", row["name"])], NOW_S)
    units = await store(fleet.units_on, "2026-11-20")
    page = await store(overview.overview, node_now.Programmes(), NOW_S * 1000, units, None)
    (node,) = [node for nodes in page["nodes"].values() for node in nodes]
    (one,) = node["orders"]
    assert words.order(one) == "Tự kiểm tra"
    assert words.order_state(one) == "đã gửi, chờ cụm loa" and words.order_chip(one) == ""


@pytest.fixture
def run(config, passphrases, tmp_path, capsys):
    """Run one command on the founded hub with one node; give its exit code and output."""
    sheets = tmp_path / "sheets.json"
    sheets.write_text(json.dumps(passphrases))

    def command(*words):
        code = main([words[0], "--data", str(config.data), *words[1:]])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out.startswith("{") else err

    node = ("--id", "loa-1", "--unit", COMMUNE, "--public-key", "ab" * 32, "--hamlet", "thon-2")
    assert command("node", "add", *node)[0] == 0
    command.sheets = str(sheets)
    return command


def test_orders_settings_and_mandates_by_hand(run, tmp_path):
    code, printed = run("order", "give", "--node", "loa-1", "--kind", "self-test")
    assert code == 0 and printed["state"] == "sent"
    code, printed = run("order", "withdraw", "--node", "loa-1", "--name", printed["name"])
    assert code == 0 and printed["state"] == "withdrawn"
    code, printed = run("setting", "--node", "loa-1", "--volume", "60", "--quiet", "12:00-13:00")
    assert code == 0 and printed["name"] == "settings-1" and printed["state"] == "sent"
    who = ("--approver", "xa-1", "--passphrase-file", run.sheets)
    code, printed = run("mandate", "give", "--node", "loa-1", "--node-group", "cho", *who)
    assert code == 0 and printed["state"] == "sent" and printed["kind"] == "zones"
    assert len(run("order", "list", "--node", "loa-1")[1]["orders"]) == 3
    assert run("order", "show", "--node", "loa-1", "--name", "settings-1")[1]["kind"] == "settings"
    for words in (("give",), ("show", "--node", "loa-1"), ("give", "--node", "loa-1")):
        assert run("order", *words)[0] == 1
    assert run("mandate", "give", "--node", "loa-1")[0] == 1
    assert run("setting", "--node", "loa-1", "--quiet", "noon")[0] == 1


def test_mandates_are_signed_on_the_approvers_own_machine(run, passphrases, config, tmp_path):
    export = tmp_path / "mandates.request"
    who = ("--approver", "xa-1", "--export", str(export))
    code, printed = run("mandate", "give", "--node", "loa-1", "--decommission", *who)
    assert code == 0 and printed["state"] == "waiting"
    change = request.read(export.read_bytes())
    code, complaint = run("mandate", "accept", "--file", str(export))
    assert code == 0 and complaint["signatures_missing"] == 1
    with sqlite3.connect(config.database) as database:
        rows = database.execute("SELECT wrapped_json FROM approvers WHERE approver = 'xa-1'")
        wrapped = json.loads(rows.fetchone()[0])
    signer = wrapped_key.unwrap_signer(wrapped, passphrases["xa-1"])
    export.write_bytes(change.sign([signer]).to_bytes())
    code, printed = run("mandate", "accept", "--file", str(export))
    assert code == 0 and printed["published"]
    code, printed = run("order", "list", "--node", "loa-1")
    assert printed["orders"][0]["state"] == "sent"
    assert run("mandate", "accept", "--file", run.sheets)[0] == 1


async def test_a_crash_before_publishing_is_mended_at_the_next_start(services):
    form = NodeForm("loa-1", COMMUNE, "Cụm 1", "speaker", b"1" * 32)
    await services.ledger.write(lambda s: fleet.add_node(s, form, "t", services.now_s()))
    now_s = services.now_s()
    await services.ledger.write(lambda s: orders.give(s, "loa-1", "restart", "t", now_s))
    await services.ledger.write(lambda s: orders.narrow(s, "loa-1", 50, [], "t", now_s))
    await order_publishing.recover(services)
    rows = await services.ledger.read(lambda s: orders.of_node(s, "loa-1"))
    assert {row["state"] for row in rows} == {"sent"}
    signed = services.repository.archive.current(f"nodes-{COMMUNE}").signed
    assert len(signed.targets) == 2
