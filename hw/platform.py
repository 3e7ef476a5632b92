"""The one place that picks the adapters of this interpreter.

The functions make devices from a node's settings; they load drivers only when called, as those are
slow to load (pyserial, libasound) and a TUF client needs none.
"""

import sys

from hw import ports

if sys.implementation.name != "micropython":
    from hw.linux.clock import Clock
    from hw.linux.entropy import Entropy
    from hw.linux.inflate import Inflate
    from hw.linux.lifetime import run_until_told, trial_passed
    from hw.linux.link import Link
    from hw.linux.storage import Storage
    from hw.linux.verifier import Verifier
else:
    from hw.micropython.clock import Clock
    from hw.micropython.entropy import Entropy
    from hw.micropython.inflate import Inflate
    from hw.micropython.lifetime import run_until_told, trial_passed
    from hw.micropython.link import Link
    from hw.micropython.storage import Storage
    from hw.micropython.verifier import Verifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hw.announcer_port import Announcer
    from hw.button_port import Button
    from hw.modem_port import Modem
    from hw.watchdog_port import Watchdog

__all__ = [
    "Clock",
    "Entropy",
    "Inflate",
    "Link",
    "Storage",
    "Verifier",
    "run_until_told",
    "trial_passed",
]

_DEVICES = (
    "hw.micropython.devices" if sys.implementation.name == "micropython" else "hw.linux.devices"
)


def storage(path: str, kind: str) -> ports.Storage:
    """Return the store under a folder: `files` where a rename is a commit, `slots` on FAT.

    Raises `WorldFault("storage.io")` when the folder cannot be used.
    """
    if kind != "slots":
        return Storage(path)
    system = "micropython" if sys.implementation.name == "micropython" else "linux"
    adapter = __import__("hw." + system + ".slot_files", None, None, ("SlotFiles",))
    core = __import__("hw.slot_storage", None, None, ("Storage",))
    made: ports.Storage = core.Storage(adapter.SlotFiles(path + "/slots"))
    return made


def link(tls_ca_path: str, interface: str) -> ports.Link:
    """Return the link to the hub: TLS by this authority ("" for the system's), bytes counted on
    this network interface ("", or a microcontroller: those the link itself carries)."""
    if sys.implementation.name == "micropython":
        return Link(tls_ca_path or None)
    return Link(tls_ca_path or None, interface or None)


def datagrams(clock: ports.Clock) -> ports.Datagrams:
    """Return a UDP socket, closed."""
    if sys.implementation.name == "micropython":
        adapter = __import__("hw.micropython.datagrams", None, None, ("Datagrams",))
        made: ports.Datagrams = adapter.Datagrams(clock)
        return made
    adapter = __import__("hw.linux.datagrams", None, None, ("Datagrams",))
    made = adapter.Datagrams()
    return made


def audio(settings: dict[str, object], clock: ports.Clock) -> ports.AudioOut:
    """Return the audio output that the settings name; raises `LocalFault("config.audio")`."""
    made: ports.AudioOut = __import__(_DEVICES, None, None, ("audio",)).audio(settings, clock)
    return made


def amplifier(settings: dict[str, object], clock: ports.Clock) -> ports.Amplifier:
    """Return the amplifier that the settings name; raises `LocalFault("config.amplifier")`."""
    module = __import__(_DEVICES, None, None, ("amplifier",))
    made: ports.Amplifier = module.amplifier(settings, clock)
    return made


def inputs(settings: dict[str, object], amplifier: ports.Amplifier | None) -> ports.Inputs:
    """Return what the node feels beside its amplifier; raises `LocalFault("config.inputs")`."""
    module = __import__(_DEVICES, None, None, ("inputs",))
    made: ports.Inputs = module.inputs(settings, amplifier)
    return made


def board(settings: dict[str, object], clock: ports.Clock) -> ports.Board:
    """Return the board that the settings name; raises `LocalFault("config.board")`."""
    made: ports.Board = __import__(_DEVICES, None, None, ("board",)).board(settings, clock)
    return made


def indicator(settings: dict[str, object]) -> ports.Indicator:
    """Return the lamp that the settings name; raises `LocalFault("config.indicator")`."""
    module = __import__(_DEVICES, None, None, ("indicator",))
    made: ports.Indicator = module.indicator(settings)
    return made


def serial(path: str, baud: int, clock: ports.Clock) -> ports.Serial:
    """Return a serial port, closed."""
    module = __import__(_DEVICES, None, None, ("serial",))
    made: ports.Serial = module.serial(path, baud, clock)
    return made


def button(path: str, pressed: str) -> "Button":
    """Return the button in the cabinet; held while it reads `pressed`."""
    made: Button = __import__(_DEVICES, None, None, ("button",)).button(path, pressed)
    return made


def modem(
    settings: dict[str, object], clock: ports.Clock, amplifier: ports.Amplifier | None
) -> "Modem":
    """Return the modem that the settings name; its power relay may share the amplifier's line."""
    module = __import__(_DEVICES, None, None, ("modem",))
    made: Modem = module.modem(settings, clock, amplifier)
    return made


def chip_clock(settings: dict[str, object], clock: ports.Clock, sets_platform: bool) -> ports.Clock:
    """Return a clock that keeps the time in the chip that the settings name."""
    module = __import__(_DEVICES, None, None, ("chip_clock",))
    made: ports.Clock = module.chip_clock(settings, clock, sets_platform)
    return made


def watchdog(settings: dict[str, object]) -> "Watchdog":
    """Return what resets a hanging machine, not armed; raises `LocalFault("config.watchdog")`."""
    made: Watchdog = __import__(_DEVICES, None, None, ("watchdog",)).watchdog(settings)
    return made


def lan_address(interface: str) -> str:
    """Return this node's IPv4 address on an interface; raises `WorldFault("lan.address")`."""
    module = __import__(_DEVICES, None, None, ("lan_address",))
    address: str = module.lan_address(interface)
    return address


def announcer(address: str) -> "Announcer":
    """Return the mDNS of the interface that has this address, closed."""
    module = __import__(_DEVICES, None, None, ("announcer",))
    made: Announcer = module.announcer(address)
    return made


def decoder() -> ports.Decoder:
    """Return the decoder of media."""
    made: ports.Decoder = __import__(_DEVICES, None, None, ("decoder",)).decoder()
    return made


def identity(data: str, entropy: ports.Entropy) -> ports.Identity:
    """Return the key of the node whose stores are in the folder `data`; made at first use."""
    module = __import__(_DEVICES, None, None, ("identity",))
    made: ports.Identity = module.identity(data, entropy)
    return made
