"""Copies, restoring, looking over, exporting and erasing, as an operator does it."""

import argparse
import asyncio
import json
import sqlite3
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from hub import (
    audit,
    backup,
    doctor,
    export,
    facts,
    operations,
    orders,
    programme,
    retention,
    schema,
)
from hub.cap import intake, reader
from hub.cap.areas import Found
from hub.config import Config
from hub.main import main
from hub.services import open_hub
from protocols.errors import Fault, LocalFault, RemoteFault, WorldFault
from tests.hub.cap_files import build, info
from tests.hub.conftest import COMMUNE

DAY_S = 86400


def command(capsys, *words):
    """Run `chieng-hub` and return its exit code and what it printed."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


async def test_a_copy_of_a_running_hub_is_restored_and_goes_on(services, tmp_path):
    config = services.config
    await services.ledger.write(
        lambda s: s.add("hamlets", {"unit": COMMUNE, "hamlet": "moi", "name": "Làng Mới"})
    )
    kept = services.blobs.put_bytes(b"x" * 5000)
    made = backup.back_up(config, tmp_path / "copies", 2)
    later = services.blobs.put_bytes(b"y" * 5000)
    await services.ledger.write(
        lambda s: s.add("hamlets", {"unit": COMMUNE, "hamlet": "sau", "name": "Làng Sau"})
    )
    copy = backup.copies(tmp_path / "copies")[0]
    assert made["copy"] == str(copy) and backup.verify(copy) == []
    again = Config(data=tmp_path / "again", now_ms=config.now_ms)
    await backup.restore(again, copy, [])
    opened, database = open_hub(again)
    try:
        hamlets = database.read_now(lambda s: [row["hamlet"] for row in s.find("hamlets")])
        assert "moi" in hamlets and "sau" not in hamlets
        assert opened.blobs.has(kept.sha256) and not opened.blobs.has(later.sha256)
        assert database.read_now(audit.first_broken) is None
        versions = opened.repository.archive.newest_version("root")
        assert versions == services.repository.archive.newest_version("root")
    finally:
        database.close()


async def test_a_restored_hub_goes_on_above_every_number_nodes_have_seen(services, tmp_path):
    ledger = services.ledger
    before = await ledger.read(lambda s: programme.next_version(s, COMMUNE, "bundle"))
    backup.back_up(services.config, tmp_path / "copies", 2)
    config = Config(data=tmp_path / "again")
    await backup.restore(config, backup.copies(tmp_path / "copies")[0], [])
    opened, database = open_hub(config)
    try:
        floor = database.read_now(lambda s: facts.get(s, facts.NUMBER_FLOOR))
        bundle = database.read_now(lambda s: programme.next_version(s, COMMUNE, "bundle"))
        order = database.read_now(lambda s: orders._next(s, node="loa-1", channel="orders"))
        assert before < 1000 < floor == bundle == order <= opened.now_s()
    finally:
        database.close()


def test_damage_and_wrong_folders_are_refused(config, tmp_path):
    backup.back_up(config, tmp_path / "copies", 2)
    copy = backup.copies(tmp_path / "copies")[0]
    root = next((copy / "repository" / "metadata").glob("1.root.json"))
    root.write_bytes(root.read_bytes() + b" ")
    assert backup.verify(copy) == ["repository/metadata/1.root.json"]
    chosen = argparse.Namespace(copy=str(copy), signed_files=[])
    for target, code in ((tmp_path / "new", "backup.copy"), (config.data, "backup.copy")):
        with pytest.raises(LocalFault) as caught:
            asyncio.run(operations.restore(Config(data=target), chosen))
        assert caught.value.code == code
    with pytest.raises(LocalFault):
        backup.read(tmp_path)
    with pytest.raises(LocalFault):
        backup.back_up(Config(data=tmp_path / "nothing"), tmp_path / "copies", 2)


def test_restoring_over_a_hub_is_refused(config, tmp_path):
    backup.back_up(config, tmp_path / "copies", 2)
    chosen = argparse.Namespace(copy=backup.copies(tmp_path / "copies")[0], signed_files=[])
    with pytest.raises(LocalFault) as caught:
        asyncio.run(operations.restore(config, chosen))
    assert caught.value.code == "backup.target"


def test_old_copies_go_with_the_media_that_only_they_named(config, services, tmp_path):
    now_ms = config.now_ms()
    old = services.blobs.put_bytes(b"old")
    for step in range(3):
        if step == 1:
            services.blobs.path(old.sha256).unlink()
        later = Config(data=config.data, now_ms=lambda s=step: now_ms + s * 1000)
        backup.back_up(later, tmp_path / "copies", 2)
    assert len(backup.copies(tmp_path / "copies")) == 2
    assert list((tmp_path / "copies" / "blobs").glob("??/*")) == []


def test_two_copies_at_a_time_do_not_take_media_from_one_another(
    config, services, tmp_path, monkeypatch
):
    now_ms, copies = config.now_ms(), tmp_path / "copies"

    def copy(second):
        later = Config(data=config.data, now_ms=lambda: now_ms + second * 1000)
        return backup.back_up(later, copies, 2)

    copy(-1)
    copy(0)
    new = services.blobs.put_bytes(b"new").sha256
    (copies / ".20200101T000000Z.draft").mkdir()
    held, digests = threading.Event(), backup._digests

    def slowly(folder):
        if not held.is_set():
            held.set()
            # Its media are copied, and it is not whole yet.
            time.sleep(1)
        return digests(folder)

    monkeypatch.setattr(backup, "_digests", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(copy, 1)
        assert held.wait(10)
        services.blobs.path(new).unlink()
        second = pool.submit(copy, 2)
        assert (first.result()["media"], second.result()["media"]) == (1, 0)
    assert [backup.verify(one) for one in backup.copies(copies)] == [[], []]
    assert [path.name for path in copies.glob(".*.draft")] == []


def test_a_copy_that_cannot_be_written_leaves_nothing_half(config, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_copy_media", full)
    with pytest.raises(WorldFault) as caught:
        backup.back_up(config, tmp_path / "copies", 2)
    assert caught.value.code == "backup.disk"
    assert list((tmp_path / "copies").iterdir()) == []


def test_a_copy_that_cannot_be_restored_leaves_nothing_half(config, tmp_path, monkeypatch):
    backup.back_up(config, tmp_path / "copies", 2)
    again = Config(data=tmp_path / "again")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup.shutil, "copy2", full)
    with pytest.raises(WorldFault) as caught:
        asyncio.run(backup.restore(again, backup.copies(tmp_path / "copies")[0], []))
    assert caught.value.code == "backup.disk" and not again.data.exists()


def test_the_commands_speak(config, tmp_path, capsys):
    data = ["--data", config.data]
    code, said = command(capsys, "backup", *data, "--to", tmp_path / "copies")
    assert code == 0 and said["media"] == 0
    new = tmp_path / "new"
    code, said = command(capsys, "restore", "--data", new, "--copy", said["copy"])
    assert code == 0 and said["missing_manifests"] == []
    assert command(capsys, "migrate", "--data", new)[1]["now"] is not None
    assert "no hub" in command(capsys, "doctor", "--data", tmp_path / "none")[1]
    code, said = command(capsys, "retain", "set", "--data", new, "--records", "200")
    assert said["days"]["records"] == 200 and said["holds"]["audit"] > 0
    code, said = command(capsys, "export", "--data", new, "--out", tmp_path / "all.zip")
    assert code == 0 and said["rows"]["units"] == 2


async def test_the_doctor_names_what_is_wrong(services, tmp_path, monkeypatch):
    now_s = services.now_s()
    monkeypatch.setattr(doctor, "FREE_BYTES_MIN", 0)
    well = await doctor.examine(services, None, now_s)
    assert [one.check for one in well if not one.is_well] == []
    key = next((services.config.data / "keys" / "online").glob("*.pem"))
    key.chmod(0o644)
    connection = sqlite3.connect(services.config.database)
    connection.execute("DROP TRIGGER audit_no_update")
    connection.execute("UPDATE audit SET who = 'x' WHERE sequence = 2")
    connection.commit()
    connection.close()
    monkeypatch.setattr(doctor, "FREE_BYTES_MIN", 10**18)
    bad = await doctor.examine(services, tmp_path / "copies", now_s + 370 * DAY_S)
    assert {"keys", "audit", "disk", "copies", "expiry"} <= {
        one.check for one in bad if not one.is_well
    }
    (tmp_path / "copies" / "20260101T000000Z").mkdir(parents=True)
    (tmp_path / "copies" / "20260101T000000Z" / "copy.json").write_text("{")
    found = await doctor.examine(services, tmp_path / "copies", now_s)
    assert any(one.check == "copies" and "no whole copy" in one.said for one in found)
    with pytest.raises(Fault) as caught:
        await operations.look_over(services, SimpleNamespace(copies=None))
    assert caught.value.code == "hub.unwell"


async def test_an_export_holds_every_table_and_no_secret(services, tmp_path):
    path = tmp_path / "all.zip"
    rows = await services.ledger.read(lambda s: export.write(s, path, 1))
    with zipfile.ZipFile(path) as file:
        approvers = [json.loads(line) for line in file.open("tables/approvers.jsonl")]
        assert len(approvers) == rows["approvers"] == 3
        assert all("wrapped_json" not in row for row in approvers)
        assert len(file.namelist()) == len(rows) + 2
    tables = schema.metadata.tables
    assert tables["approvers"].c.wrapped_json.info == schema.PRIVATE
    assert tables["publications"].c.request.info == schema.PRIVATE
    assert tables["accounts"].c.password_hash.info == schema.PRIVATE
    assert tables["accounts"].c.totp_secret.info == schema.PRIVATE
    with pytest.raises(WorldFault) as caught:
        await services.ledger.read(lambda s: export.write(s, tmp_path / "no" / "all.zip", 1))
    assert caught.value.code == "export.disk"


def audit_row(store, at_s, count):
    for _ in range(count):
        audit.append(store, at_s, "a", "b", "c")


def play(number, started_ms):
    names = "node epoch unit item title class outcome".split()
    row = {"sequence": number, "started_ms": started_ms, "ended_ms": started_ms}
    return {**dict.fromkeys(names, "x"), **row, "resumed": 0, "grade": 0}


def record(number, received_ms):
    row = {"node": "n", "chain": "plays", "epoch": "e", "sequence": number, "hash": "h"}
    return {**row, "kind": "play", "received_ms": received_ms, "record": b"{}"}


async def test_what_is_too_old_is_erased_and_the_rest_still_verifies(ledger):
    now_s = 1_800_000_000
    old_s = now_s - 2000 * DAY_S

    def fill(store):
        audit_row(store, old_s, 3)
        audit_row(store, now_s - DAY_S, 2)
        store.add_many("plays", [play(1, old_s * 1000), play(2, now_s * 1000)])
        rows = [record(number, old_s * 1000) for number in range(1, 4)]
        store.add_many("records", [*rows, record(4, now_s * 1000)])
        store.add(
            "record_heads",
            {"node": "n", "chain": "plays", "epoch": "e", "position": 4, "hash": "h"},
        )

    await ledger.write(fill)
    gone = await retention.sweep(ledger, "test", now_s)
    assert gone == {
        "records": 3,
        "plays": 1,
        "refusals": 0,
        "audit": 3,
        "messages": 0,
        "supplies": 0,
    }
    assert await ledger.read(audit.first_broken) is None
    assert await ledger.read(lambda s: [row["sequence"] for row in s.find("records")]) == [4]
    assert await retention.sweep(ledger, "test", now_s) == dict.fromkeys(gone, 0)


async def test_an_old_message_goes_with_its_file_and_all_that_names_it(ledger, monkeypatch):
    monkeypatch.setattr(retention, "MESSAGES_BATCH", 2)
    tables = ("cap_messages", "cap_files", "cap_references", "cap_bulletins")
    now_s = 2000 * DAY_S

    def fill(store):
        for number, day in enumerate((1, 2, 3, 1999)):
            data = build(day * DAY_S, info(day * DAY_S), identifier=f"m{number}",
                         references=["a,b,1970-01-01T07:00:00+07:00"])  # fmt: skip
            row, _ = intake.receive(store, reader.read(data), data, Found((), False),
                                    intake.Arrival("file", None, "x", day * DAY_S))  # fmt: skip
            intake.use(store, row, COMMUNE, f"b{number}", day * DAY_S)

    await ledger.write(fill)
    assert (await retention.sweep(ledger, "test", now_s))["messages"] == 3
    (left,) = await ledger.read(lambda s: s.find("cap_messages"))
    for table in tables:
        (row,) = await ledger.read(lambda s, t=table: s.find(t))
        assert row["message"] == left["message"], table
    assert left["identifier"] == "m3"


async def test_what_a_province_sent_goes_when_it_is_long_over_and_nothing_of_it_plays(ledger):
    now_s, old_s = 3000 * DAY_S, 100 * DAY_S
    soon_s = now_s + DAY_S

    def fill(store):
        for name, state, changed_s, expires_s, bulletin in (
            ("done", "done", old_s, None, None),
            ("refused", "refused", old_s, soon_s, None),
            ("unanswered", "offered", old_s, old_s + DAY_S, None),
            ("over", "taken", old_s, None, {"state": "published", "until_s": old_s + DAY_S}),
            ("withdrawn", "taken", old_s, None, {"state": "withdrawn", "until_s": None}),
            ("young", "done", now_s - DAY_S, None, None),
            ("open", "offered", old_s, None, None),
            ("valid", "offered", old_s, soon_s, None),
            ("plays", "taken", old_s, None, {"state": "published", "until_s": soon_s}),
            ("endless", "taken", old_s, None, {"state": "published", "until_s": None}),
            ("waits", "taken", old_s, None, {"state": "ready", "until_s": None}),
        ):
            own = {"peer": "p", "supply": name}
            store.add("supplies", {**own, "kind": "bulletin", "class": "normal", "title": name,
                "units_json": "[]", "body_json": "{}", "state": state, "reason": None,
                "received_s": old_s, "changed_s": changed_s, "expires_s": expires_s})  # fmt: skip
            for unit in ("03.a", "03.b"):
                store.add("offers", {**own, "unit": unit, "state": "open", "made": None,
                    "reason": None, "who": None, "changed_s": old_s})  # fmt: skip
            if bulletin is not None:
                row = {"bulletin": name, "unit": "03.a", "version": 1, "created_s": 1}
                store.add("bulletins", {**row, "changed_s": 1, **bulletin})
                link = {"bulletin": name, **own, "unit": "03.a"}
                store.add("supply_bulletins", link)

    await ledger.write(fill)
    assert (await retention.sweep(ledger, "test", now_s))["supplies"] == 5
    left = {"young", "open", "valid", "plays", "endless", "waits"}
    for table in ("supplies", "offers"):
        rows = await ledger.read(lambda s, t=table: s.find(t))
        assert {row["supply"] for row in rows} == left, table
    links = await ledger.read(lambda s: s.find("supply_bulletins"))
    assert {row["bulletin"] for row in links} == {"plays", "endless", "waits"}
    assert await ledger.read(lambda s: s.count("bulletins")) == 5


async def test_a_log_erased_to_the_last_entry_goes_on_from_its_anchor(ledger):
    await ledger.write(lambda s: audit_row(s, 1000, 2))
    await retention.sweep(ledger, "test", 2000 * DAY_S)
    newest = await ledger.read(lambda s: s.find("audit"))
    assert [row["sequence"] for row in newest] == [3]
    assert await ledger.read(audit.first_broken) is None


async def test_nothing_is_kept_for_less_than_half_a_year(services):
    for wanted in (retention.Kept(audit=30), retention.Kept(plays=99999)):
        with pytest.raises(RemoteFault) as caught:
            await services.ledger.write(lambda s, w=wanted: retention.set_kept(s, w, "t", 1))
        assert caught.value.code == "retention.days"
    young = services.now_s() - 100 * DAY_S
    await services.ledger.write(lambda s: audit_row(s, young, 1))
    with pytest.raises(WorldFault):
        await services.ledger.write(lambda s: s.erase("audit", {}, "sequence", 10**6, 10))
