"""A node's configuration: complete and bounded, every refusal names the field and a remedy."""

import json

import pytest

from edge.config import read
from protocols.errors import RemoteFault

GOOD = {
    "node": "n1",
    "unit": "03.k7f2",
    "kind": "speaker",
    "hub": ["http://one:8080/", "https://two"],
    "data": "/var/lib/chieng",
    "root": "root.json",
    "audio": {"kind": "alsa"},
}
BOARD = {"kind": "png", "path": "x", "width_px": 192, "height_px": 64, "channels": 1}


def take(**fields):
    value = {**GOOD, **fields}
    kept = {name: one for name, one in value.items() if one is not ...}
    return read(json.dumps(kept).encode())


def test_defaults_fill_what_is_not_said():
    config = take()
    assert config.hubs == ("http://one:8080", "https://two")
    assert (config.poll_s, config.status_s, config.sets_clock) == (300, 900, False)
    assert config.place.profiles == ("opus", "pcm16")
    assert (config.amplifier, config.board, config.warm_up_ms) == (None, None, 0)
    assert config.budget.period_bytes == 0


def test_a_board_node_takes_pictures_of_its_size():
    config = take(kind="board", board=BOARD, audio=...)
    assert config.place.profiles == ("board-192x64x1", "ticker-64x1")
    assert config.audio is None


def test_everything_can_be_said():
    config = take(
        hamlet="h1",
        groups=["g1"],
        amplifier={"kind": "modbus", "warm_up_ms": 1500},
        budget={"period_bytes": 1000, "period_days": 7, "ahead_days": 1},
        sets_clock=True,
        interface="wwan0",
        tls_ca="ca.pem",
        time_servers=["a.example", "b.example", "c.example"],
        events=False,
    )
    assert (config.place.hamlet, config.place.groups) == ("h1", ("g1",))
    assert config.warm_up_ms == 1500
    assert (config.interface, config.tls_ca, config.events) == ("wwan0", "ca.pem", False)
    assert len(config.time_servers) == 3
    assert config.budget == (1000, 100, 7, 1, "")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"node": ...}, "config.node"),
        ({"time_servers": ["a", "b", "a"]}, "config.time_servers"),
        ({"time_servers": ["a:x"]}, "config.time_servers"),
        ({"time_servers": ["a:0"]}, "config.time_servers"),
        ({"time_servers": [":123"]}, "config.time_servers"),
        ({"interface": "a-name-far-too-long"}, "config.interface"),
        ({"node": "a/b"}, "config.node"),
        ({"unit": "k7f2"}, "config.unit"),
        ({"kind": "radio"}, "config.kind"),
        ({"audio": ...}, "config.audio"),
        ({"audio": "alsa"}, "config.audio"),
        ({"kind": "board"}, "config.board"),
        ({"board": {**BOARD, "width_px": 5000}}, "config.board.width_px"),
        ({"board": {**BOARD, "channels": 4}}, "config.board.channels"),
        ({"hub": []}, "config.hub"),
        ({"hub": ["ftp://x"]}, "config.hub[0]"),
        ({"hub": ["http://x"] * 9}, "config.hub"),
        ({"hub": "http://x"}, "config.hub"),
        ({"data": ""}, "config.data"),
        ({"root": "x" * 300}, "config.root"),
        ({"poll_s": 0}, "config.poll_s"),
        ({"poll_s": True}, "config.poll_s"),
        ({"status_s": "900"}, "config.status_s"),
        ({"sets_clock": 1}, "config.sets_clock"),
        ({"groups": ["g", "g"]}, "config.groups[1]"),
        ({"amplifier": {"warm_up_ms": 60_000}}, "config.amplifier.warm_up_ms"),
        ({"budget": {"period_bytes": 10, "reserve_bytes": 11}}, "config.budget.reserve_bytes"),
    ],
)
def test_a_refusal_names_the_field_and_the_remedy(fields, named):
    with pytest.raises(RemoteFault) as caught:
        take(**fields)
    assert caught.value.code == "format.field"
    assert caught.value.message.startswith(named + ":")
    assert caught.value.remedy


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[]", b'{"node":"a","node":"b"}', b" " * 20_000]
)
def test_what_is_no_configuration_is_refused_with_a_code(data):
    with pytest.raises(RemoteFault) as caught:
        read(data)
    assert caught.value.code.split(".")[0] in ("json", "format") and caught.value.remedy


def test_a_modem_its_sim_and_a_clock_chip():
    modem = {"kind": "ec25", "port": "/dev/ttyUSB2"}
    sim = {"apn": "v-internet", "pin": "1234"}
    config = take(modem=modem, interface="wwan0", sim=sim, rtc={"kind": "ds3231"})
    assert config.modem == modem and tuple(config.sim) == ("v-internet", "1234")
    assert config.rtc == {"kind": "ds3231"}
    assert take().modem is None and tuple(take().sim) == ("", "")
    for fields, name in (
        ({"modem": modem}, "config.interface"),
        ({"sim": {"apn": 'a"b'}}, "config.sim.apn"),
        ({"sim": {"pin": "12"}}, "config.sim.pin"),
        ({"sim": {"pin": '1"34'}}, "config.sim.pin"),
    ):
        with pytest.raises(RemoteFault, match=name):
            take(**fields)
