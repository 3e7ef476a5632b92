"""A node's configuration file: who it is, where its hub is, which devices hang on it."""

import sys
from collections import namedtuple

from protocols import at, canonical
from protocols.budget import Budget
from protocols.fields import Fields, check_text, refuse
from protocols.limits import (
    CONFIG_BYTES_MAX,
    CONFIG_PATH_BYTES_MAX,
    HUBS_MAX,
    ID_BYTES_MAX,
    INTERFACE_BYTES_MAX,
    LAN_PORT,
    MICROPHONE_S_MAX,
    NEIGHBOURS_MAX,
    SOURCES_MAX,
    STATUS_S_MAX,
    STICKS_MAX,
    TARGET_NAMES_MAX,
    TIME_SERVERS_MAX,
    WARM_UP_MS_MAX,
)
from protocols.targets import Place
from protocols.units import take_node, take_unit

KINDS = ("speaker", "board")
STORES = ("files", "slots")
# What is played, best first: a microcontroller decodes nothing. A board's own profile is made from
# its size (`board-192x64x1`).
SPEAKER_PROFILES = ("opus", "pcm16") if sys.implementation.name == "cpython" else ("pcm16",)
_MONTH_DAYS = 30


Microphone = namedtuple("Microphone", ("input", "open_ms_max"))
"""The line input behind the emergency key, and how long one press opens it."""

Lan = namedtuple("Lan", ("interface", "port", "serves", "finds", "neighbours"))
"""The LAN's interface; whether files are handed on, others are looked for, and who is known."""

Sim = namedtuple("Sim", ("apn", "pin"))
"""What a technician typed about the SIM; "" where nothing is needed."""


class Config(
    namedtuple(
        "Config",
        (
            "node",
            "place",
            "hubs",
            "data",
            "root",
            "poll_s",
            "status_s",
            "sets_clock",
            "budget",
            "audio",
            "amplifier",
            "warm_up_ms",
            "board",
            "storage",
            "sticks",
            "interface",
            "tls_ca",
            "time_servers",
            "events",
            "indicator",
            "inputs",
            "supply_millivolts_min",
            "sources",
            "microphone",
            "firmware",
            "modem",
            "sim",
            "rtc",
            "watchdog",
            "lan",
        ),
    )
):
    """Hold a node's configuration.

    `place` is a `targets.Place`; `hubs` base addresses without a slash at the end, best first;
    `data` the folder of its stores; `root` the path of the TUF root it was given; `audio`,
    `amplifier` and `board` are the devices' settings (see `hw.platform`), or None; `storage` is
    `files` or, for a card with FAT, `slots`; `sticks` the mount points where packs and alerts
    carried by hand are looked for. `interface` is the one whose bytes the SIM pays (`wwan0`; ""
    counts what the link itself carries); `tls_ca` the path of the authority for `https` ("" for the
    system's); `time_servers` are asked by SNTP; `events` tells whether the node listens to the hub
    between its checks; `indicator` is the lamp that tells of sticks, or None.
    `modem` is looked at and mended beside whoever connects it, with the `sim`'s APN and PIN; `rtc`
    is a clock chip's settings; `watchdog` those of what resets a hanging machine; each None where
    there is none.
    """

    # Position of what approvers may change (`edge.standing`).
    PLACE = 1


def read(data: bytes) -> Config:
    """Return the configuration in a file's bytes.

    Raises `RemoteFault` (`json.*`, `format.field`) naming the field and the remedy.
    """
    fields = Fields(canonical.decode(data, CONFIG_BYTES_MAX), "config")
    kind = fields.choice("kind", KINDS)
    board = _device(fields, "board")
    audio = _device(fields, "audio")
    if kind == "board" and board is None:
        raise refuse("config.board", "is missing", "Describe the board of a board node.")
    if kind == "speaker" and audio is None:
        raise refuse("config.audio", "is missing", "Describe the sound card of a speaker node.")
    return Config(
        take_node(fields, "node"),
        _place(fields, kind, SPEAKER_PROFILES if board is None else _board_profiles(fields)),
        _addresses(fields, "hub", 1, HUBS_MAX),
        fields.text("data", 1, CONFIG_PATH_BYTES_MAX),
        fields.text("root", 1, CONFIG_PATH_BYTES_MAX),
        fields.integer("poll_s", 1, 86400, 300),
        fields.integer("status_s", 1, STATUS_S_MAX, 900),
        fields.flag("sets_clock", False),
        _budget(fields),
        audio,
        _device(fields, "amplifier"),
        _warm_up_ms(fields),
        board,
        fields.choice("storage", STORES) if fields.has("storage") else STORES[0],
        _texts(fields, "sticks", STICKS_MAX),
        fields.text("interface", 0, INTERFACE_BYTES_MAX, ""),
        fields.text("tls_ca", 0, CONFIG_PATH_BYTES_MAX, ""),
        _time_servers(fields),
        fields.flag("events", True),
        _device(fields, "indicator"),
        _device(fields, "inputs"),
        _supply_millivolts_min(fields),
        _sources(fields),
        _microphone(fields),
        _firmware(fields),
        _modem(fields),
        _sim(fields),
        _device(fields, "rtc"),
        _device(fields, "watchdog"),
        _lan(fields),
    )


def _place(fields: Fields, kind: str, profiles: tuple[str, ...]) -> Place:
    return Place(
        take_unit(fields, "unit"),
        fields.id("hamlet", ID_BYTES_MAX, ""),
        fields.ids("groups", TARGET_NAMES_MAX, ID_BYTES_MAX),
        kind,
        profiles,
    )


def _modem(fields: Fields) -> "dict[str, object] | None":
    """Return the modem's settings; its interface tells whether the way is alive."""
    modem = _device(fields, "modem")
    if modem is not None and not fields.text("interface", 0, INTERFACE_BYTES_MAX, ""):
        remedy = "Name the modem's network interface, as wwan0."
        raise refuse("config.interface", "is missing beside a modem", remedy)
    return modem


def _sim(fields: Fields) -> Sim:
    if not fields.has("sim"):
        return Sim("", "")
    inner = fields.nested("sim")
    apn, pin = inner.text("apn", 0, 100, ""), inner.text("pin", 0, 8, "")
    if apn and not at.is_apn(apn):
        raise refuse("config.sim.apn", "is no access point", "Use letters, digits, dots, hyphens.")
    if pin and not at.is_pin(pin):
        raise refuse("config.sim.pin", "is no PIN", "Give 4 to 8 digits, or leave it empty.")
    return Sim(apn, pin)


def _lan(fields: Fields) -> Lan | None:
    """Return what the node does as a neighbour on its LAN; None, as unless said: nothing."""
    if not fields.has("lan"):
        return None
    inner = fields.nested("lan")
    interface = inner.text("interface", 1, INTERFACE_BYTES_MAX)
    if interface == fields.text("interface", 0, INTERFACE_BYTES_MAX, ""):
        remedy = "Name the LAN's interface, such as eth0."
        raise refuse("config.lan.interface", "is the modem's", remedy)
    return Lan(
        interface,
        inner.integer("port", 0, 65535, LAN_PORT),
        inner.flag("serves", False),
        inner.flag("finds", False),
        _addresses(inner, "neighbours", 0, NEIGHBOURS_MAX),
    )


def _firmware(fields: Fields) -> "tuple[str, str] | None":
    """Return (folder of the image slots, id of the board), or None where images are not changed."""
    if not fields.has("firmware"):
        return None
    inner = fields.nested("firmware")
    folder = inner.text("folder", 1, CONFIG_PATH_BYTES_MAX)
    return folder, inner.id("board", ID_BYTES_MAX)


def _device(fields: Fields, name: str) -> "dict[str, object] | None":
    return fields.nested(name).values if fields.has(name) else None


def _warm_up_ms(fields: Fields) -> int:
    """Return how long after its relay the amplifier sounds; learned at installation."""
    if not fields.has("amplifier"):
        return 0
    return fields.nested("amplifier").integer("warm_up_ms", 0, WARM_UP_MS_MAX, 1000)


def _sources(fields: Fields) -> "dict[str, int]":
    """Return the frequency (kHz, 0 without a tuner) of every line input behind the amplifier."""
    found = {}
    for entry in fields.objects("sources", SOURCES_MAX):
        found[entry.id("input", ID_BYTES_MAX)] = entry.integer("khz", 0, 108_000, 0)
    return found


def _microphone(fields: Fields) -> Microphone:
    """Return the input that the key opens, and for how long; none unless said."""
    if not fields.has("microphone"):
        return Microphone("", 0)
    inner = fields.nested("microphone")
    open_ms_max = inner.integer("open_s_max", 5, MICROPHONE_S_MAX, 300) * 1000
    return Microphone(inner.id("input", ID_BYTES_MAX), open_ms_max)


def _supply_millivolts_min(fields: Fields) -> int:
    """Return below what the supply is called empty: a 12 V lead battery's, unless said."""
    return fields.integer("supply_millivolts_min", 0, 100_000, 11_500)


def _board_profiles(fields: Fields) -> tuple[str, ...]:
    """Return the profiles of a board's pictures and strips (`board-192x64x1`, `ticker-64x1`)."""
    board = fields.nested("board")
    width_px = board.integer("width_px", 8, 1920)
    height_px = board.integer("height_px", 8, 1920)
    channels = board.integer("channels", 1, 3)
    picture = "board-%dx%dx%d" % (width_px, height_px, channels)
    return (picture, "ticker-%dx%d" % (height_px, channels))


def _addresses(fields: Fields, name: str, count_min: int, count_max: int) -> tuple[str, ...]:
    found = []
    for index, value in enumerate(fields.entries(name, count_min, count_max, not count_min)):
        path = fields.name(name) + "[" + str(index) + "]"
        if not isinstance(value, str) or not value.startswith(("http://", "https://")):
            raise refuse(path, "is no address", "Write http://… or https://…")
        found.append(value.rstrip("/"))
    return tuple(found)


def _texts(fields: Fields, name: str, count_max: int) -> tuple[str, ...]:
    found = []
    for index, value in enumerate(fields.entries(name, 0, count_max, True)):
        path = fields.name(name) + "[" + str(index) + "]"
        found.append(check_text(value, path, 1, CONFIG_PATH_BYTES_MAX))
    return tuple(found)


def _time_servers(fields: Fields) -> tuple[str, ...]:
    found = _texts(fields, "time_servers", TIME_SERVERS_MAX)
    path = fields.name("time_servers")
    for server in found:
        if found.count(server) > 1:
            raise refuse(path, "names a server twice", "Two that agree must be two.")
        host, mark, port = server.partition(":")
        is_good = bool(host) and all(["0" <= letter <= "9" for letter in port])
        if not is_good or (mark and not 0 < int(port or "0") < 65536):
            raise refuse(path, "holds no server's name", "Write host or host:port.")
    return found


def _budget(fields: Fields) -> Budget:
    if not fields.has("budget"):
        return Budget(0, 0, _MONTH_DAYS, 0, "")
    inner = fields.nested("budget")
    period_bytes = inner.integer("period_bytes", 0, 1 << 50)
    return Budget(
        period_bytes,
        inner.integer("reserve_bytes", 0, period_bytes, period_bytes // 10),
        inner.integer("period_days", 1, 366, _MONTH_DAYS),
        inner.integer("ahead_days", 0, 366, 3),
        inner.id("sim", ID_BYTES_MAX, ""),
    )
