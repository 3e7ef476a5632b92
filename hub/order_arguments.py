"""The words of `chieng-hub order`, `setting`, `mandate` and `firmware`."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

_Maker = Callable[[Any, str, str], ArgumentParser]


def add(commands: Any, make: _Maker) -> None:
    """Add the commands; `make(commands, name, text)` begins one."""
    order = make(commands, "order", "Ask a node for something, once, and see what became of it.")
    order.add_argument("verb", choices=("give", "withdraw", "list", "show"))
    order.add_argument("--node", metavar="ID")
    order.add_argument("--kind", choices=("self-test", "upload-log", "restart"))
    order.add_argument("--name", help="of an order, as `order list` prints it")
    setting = make(commands, "setting", "Lower a node's volume, widen its quiet hours.")
    setting.add_argument("--node", required=True, metavar="ID")
    setting.add_argument("--volume", type=int, default=100, metavar="PERCENT", help="a ceiling")
    setting.add_argument("--quiet", action="append", default=[], metavar="12:00-13:00")
    _firmware(make(commands, "firmware", "Publish an image, roll it out in steps, stop it."))
    _mandate(make(commands, "mandate", "Lay down what only approvers may, signed by one."))


def _mandate(mandate: ArgumentParser) -> None:
    mandate.add_argument("verb", choices=("give", "accept"))
    mandate.add_argument("--node", metavar="ID")
    mandate.add_argument("--hamlet", metavar="ID", help="empty for none")
    mandate.add_argument("--node-group", action="append", metavar="NAME", help="all of them")
    mandate.add_argument("--hub", action="append", metavar="URL", help="best first")
    mandate.add_argument("--move", metavar="UNIT", help="the unit it is to belong to")
    mandate.add_argument("--decommission", action="store_true", help="the node wipes itself")
    mandate.add_argument("--approver", metavar="ID")
    mandate.add_argument("--passphrase-file", metavar="FILE", help="asked for when not given")
    mandate.add_argument("--export", metavar="FILE", help="for `chieng-tool sign` on a laptop")
    mandate.add_argument("--file", metavar="FILE", help="what came back signed, for accept")


def _firmware(firmware: ArgumentParser) -> None:
    firmware.add_argument("verb", choices=("publish", "accept", "rollout", "status", "stop"))
    firmware.add_argument("--board", metavar="ID", help="which hardware, as nodes' files name it")
    firmware.add_argument("--version", type=int, metavar="N", help="higher than any before")
    firmware.add_argument("--image", metavar="FILE", help="made by `chieng-tool image`")
    firmware.add_argument("--key", metavar="FILE", help="the release key")
    firmware.add_argument("--passphrase-file", metavar="FILE", help="asked for when not given")
    firmware.add_argument("--export", metavar="FILE", help="for `chieng-tool sign` elsewhere")
    firmware.add_argument("--file", metavar="FILE", help="what came back signed, for accept")
    firmware.add_argument("--percent", type=int, default=100, help="of the nodes, altogether")
    firmware.add_argument("--node-group", action="append", default=[], metavar="NAME")
    firmware.add_argument("--stop-failures", type=int, default=1, metavar="N")
