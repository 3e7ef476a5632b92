"""Media that nothing names are erased after a month of that, and nothing else ever is."""

import asyncio
import json
import os
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import backup, blob_sweep, bulletin_form, operations, pictures
from hub.arguments import build
from hub.blob_sweep import DAY_S, GRACE_S, judge, look, sweep
from hub.schema import metadata
from hub.services import open_hub
from hub.store_memory import MemoryLedger
from protocols.errors import RemoteFault

NAMES = [f"{number:064x}" for number in range(6)]


@pytest.fixture
def at(services):
    """Give services whose clock stands so many days ahead of now."""
    now_ms = services.config.now_ms()
    days = [0]
    object.__setattr__(services.config, "now_ms", lambda: now_ms + days[0] * DAY_S * 1000)

    def go(day):
        days[0] = day
        return services

    return go


@given(
    held=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 100)),
    looks=st.lists(st.tuples(st.integers(1, 40), st.sets(st.sampled_from(NAMES))), max_size=8),
)
def test_only_what_nothing_named_for_the_whole_grace_is_due(held, looks):
    """Against a model that remembers every look: due means unnamed at every one of a month."""
    files = {name: (float(day * DAY_S), 7) for name, day in held.items()}
    day, noted, last_named = 100, {}, dict.fromkeys(NAMES, 0)
    first_look = None
    for wait, named in looks:
        day += wait
        first_look = day if first_look is None else first_look
        found = judge(files, named, noted, day * DAY_S)
        noted = found.since_s
        for name in named:
            last_named[name] = day
        assert set(found.since_s) == set(files) - named
        for name in files:
            seen = max(last_named[name], held[name])
            if name in found.due:
                assert name not in named
                assert day - max(seen, first_look) >= GRACE_S // DAY_S
            elif name not in named:
                # Not due though unnamed: the month is not over since a look that saw it so.
                since = found.since_s[name] // DAY_S
                assert day - max(since, held[name]) < GRACE_S // DAY_S


_texts = st.text(max_size=30).filter(lambda t: not any(c in "0123456789abcdef" for c in t[-1:]))


@given(before=_texts, after=_texts, name=st.sampled_from(NAMES), binary=st.booleans())
def test_a_name_is_found_in_whatever_stands_around_it(before, after, name, binary):
    text = f'{before}"{name}"{after}'
    assert name in blob_sweep.names_in([text.encode() if binary else text])


def test_what_is_no_name_names_nothing():
    values = [None, 7, "a" * 63, "A" * 64, "a" * 128, "g" * 64, b"\xff" * 64]
    assert blob_sweep.names_in(values) == set()
    assert blob_sweep.names_in(["c" * 64 + " " + "d" * 64]) == {"c" * 64, "d" * 64}


# Every column of every table that could hold a name, but for those that are said to name none.
COLUMNS = [
    (table.name, column.name)
    for table in metadata.tables.values()
    for column in table.columns
    if table.name not in blob_sweep.SILENT
    and str(column.type) in ("TEXT", "BLOB", "VARCHAR")
    and not any(column.name in str(c.sqltext) for c in table.constraints if hasattr(c, "sqltext"))
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.sampled_from(COLUMNS), name=st.sampled_from(NAMES))
def test_a_name_in_any_text_of_any_table_keeps_its_blob(where, name):
    table, column = where
    row = {}
    for one in metadata.tables[table].columns:
        kind = str(one.type)
        row[one.name] = b"x" if kind == "BLOB" else "x" if kind in ("TEXT", "VARCHAR") else 1
    text = f'{{"deep":["{name}"]}}'
    row[column] = text.encode() if isinstance(row[column], bytes) else text
    ledger = MemoryLedger()

    async def ask():
        await ledger.write(lambda s: s.add(table, row))
        return await ledger.read(blob_sweep.named_by_rows)

    assert name in asyncio.run(ask())


async def test_a_month_after_nothing_names_it_a_blob_is_gone(at):
    services = at(0)
    used, unused, fresh = (services.blobs.put_bytes(one).sha256 for one in (b"u", b"n", b"f"))
    fields = json.dumps({"upload": used})
    row = {"draft": "d1", "account": "a", "bulletin": "", "title": "t", "state": "open"}
    row.update(fields_json=fields, saved_s=1)
    await services.ledger.write(lambda s: s.add("drafts", row))
    manifest = services.repository.layout.targets / "units" / "x.bundle.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    signed = services.blobs.put_bytes(b"signed").sha256
    manifest.write_text(json.dumps({"renditions": [{"sha256": signed}]}))
    assert await sweep(services, "test") == {"media": 0, "media_bytes": 0}
    told = (await look(services)).told()
    assert (told["unused"], told["erased_next"]) == (2, [])
    services = at(31)
    os.utime(services.blobs.path(fresh), (services.now_s() - DAY_S,) * 2)
    told = (await look(services)).told()
    assert told["erased_next"] == [unused] and told["erased_next_bytes"] == 1
    assert services.blobs.has(unused)
    assert await sweep(services, "test") == {"media": 1, "media_bytes": 1}
    assert services.blobs.names() == {used, signed, fresh}
    (entry,) = await services.ledger.read(lambda s: s.find("audit", {"action": "retention.media"}))
    assert entry["who"] == "test"
    # Noted anew, and named again in between: the month begins again.
    os.utime(services.blobs.path(fresh), (1, 1))
    manifest.write_text(fresh)
    await sweep(at(32), "test")
    manifest.unlink()
    await sweep(at(50), "test")
    assert (await look(at(79))).due == [signed]
    assert set((await look(at(80))).due) == {fresh, signed}


async def test_what_a_form_names_or_an_author_sends_again_is_as_new(at):
    services = at(0)
    renewed, again = (services.blobs.put_bytes(one).sha256 for one in (b"renewed", b"again"))
    await sweep(services, "test")
    due = (await look(at(40))).due
    assert set(due) == {renewed, again}
    now_s = at(40).now_s()
    assert services.blobs.renew(renewed) and not services.blobs.renew("0" * 64)
    services.blobs.put_bytes(b"again")
    # The decision was made before; both are found young when their turn comes.
    for name in due:
        moment = now_s - 5
        os.utime(services.blobs.path(name), (moment, moment))
    assert blob_sweep._erase(services.blobs, due, now_s) == []


async def test_nothing_goes_while_a_copy_is_made(at, tmp_path, monkeypatch):
    services = at(0)
    name = services.blobs.put_bytes(b"old").sha256
    await sweep(services, "test")
    services = at(40)
    copying, go = threading.Event(), threading.Event()
    copy_media = backup._copy_media

    def slowly(source, target):
        copying.set()
        assert go.wait(20)
        return copy_media(source, target)

    monkeypatch.setattr(backup, "_copy_media", slowly)
    made = asyncio.create_task(
        asyncio.to_thread(backup.back_up, services.config, tmp_path / "copies", 2)
    )
    assert await asyncio.to_thread(copying.wait, 20)
    assert (await sweep(services, "test"))["media"] == 0 and services.blobs.has(name)
    go.set()
    assert (await made)["media"] == 1
    assert (await sweep(services, "test"))["media"] == 1 and not services.blobs.has(name)


async def test_a_note_that_cannot_be_read_begins_the_month_anew(at):
    services = at(0)
    name = services.blobs.put_bytes(b"x").sha256
    await sweep(services, "test")
    for broken in ("{", "[]", '{"%s": "long ago"}' % name):
        (services.config.data / blob_sweep.FILE).write_text(broken)
        assert (await look(at(400))).due == []


async def test_the_command_shows_and_erases(config, capsys):
    services, database = open_hub(config)
    try:
        services.blobs.put_bytes(b"x")
        words = ["retain", "unused", "--data", str(config.data)]
        told = await operations.retain(services, build().parse_args(words))
        assert told == {"unused": 1, "unused_bytes": 1, "erased_next": [], "erased_next_bytes": 0}
        words[1] = "erase"
        gone = await operations.retain(services, build().parse_args(words))
        assert gone["media"] == 0 and gone["supplies"] == 0
    finally:
        database.close()


async def test_a_picture_that_nothing_shows_goes_with_its_row(at):
    services = at(0)
    used, left, back = (services.blobs.put_bytes(one).sha256 for one in (b"u", b"l", b"b"))
    size = {"length": 1, "width": 9, "height": 9}

    def keep(names):
        return services.ledger.write(
            lambda s: [
                pictures.keep(s, {"picture": one, **size}, services.now_s()) for one in names
            ]
        )

    await keep([used, left, back])
    row = {"draft": "d1", "account": "a", "bulletin": "", "title": "t", "state": "open"}
    fields = json.dumps({"pictures": [{"picture": used, "alt": "x", "dwell_s": 5}]})
    await services.ledger.write(
        lambda s: s.add("drafts", {**row, "fields_json": fields, "saved_s": 1})
    )
    await sweep(services, "test")
    services = at(31)
    # Somebody takes the same picture in again at the very moment.
    await keep([back])
    assert await sweep(services, "test") == {"media": 2, "media_bytes": 2}
    rows = await services.ledger.read(lambda s: s.find("pictures"))
    assert {one["picture"] for one in rows} == {used, back}
    assert services.blobs.names() == {used}
    # A form that names one of them keeps it; what is gone is to be chosen again.
    os.utime(services.blobs.path(used), (1, 1))
    bulletin_form._renewed([{"picture": used}], services)
    assert services.blobs.stored_s(used) > 1
    with pytest.raises(RemoteFault) as caught:
        bulletin_form._renewed([{"picture": back}], services)
    assert caught.value.code == "picture.gone"
