"""The words of `chieng-hub`."""

from argparse import ArgumentParser
from typing import Any

from hub import operation_arguments, order_arguments
from hub.cap import commands as cap_commands
from hub.config import Config
from hub.mirror import commands as peer_commands
from hub.notify import commands as mail_commands

LISTEN = "127.0.0.1:8080"


def build() -> ArgumentParser:
    """Return the parser of every command."""
    parser = ArgumentParser(prog="chieng-hub", description="Run the hub of a province.")
    parser.add_argument("--utc-offset-min", type=int, default=Config.utc_offset_min)
    parser.add_argument("--start-lead-s", type=int, default=Config.start_lead_s)
    commands = parser.add_subparsers(dest="command", required=True)
    _found(commands)
    _fleet(commands)
    _tickets(commands)
    _account(commands)
    _bulletins(commands)
    order_arguments.add(commands, _command)
    peer = _command(commands, "peer", "Add, list, pause provinces that are told what happens.")
    peer_commands.add_arguments(peer)
    mail = _command(commands, "mail", "Set or try the mail server through which notices leave.")
    mail_commands.add_arguments(mail)
    codes = _command(commands, "codes", "Import the codes of units as a dated list gives them.")
    codes.add_argument("verb", choices=("import",))
    codes.add_argument("--file", required=True, metavar="CSV", help="columns unit (id) and code")
    codes.add_argument("--system", required=True, help="the list and its version: gso-2025-07")
    codes.add_argument("--from", dest="valid_from", metavar="YYYY-MM-DD", help="today if absent")
    units = _command(commands, "units", "Import a dated tree of units, or hamlets.")
    units.add_argument("verb", choices=("import",))
    units.add_argument("file", metavar="FILE", help="CSV or JSON")
    units.add_argument("--apply", action="store_true", help="do it, not only show it")
    automatic = _command(commands, "automatic", "Whose emergencies sound with no signature.")
    automatic.add_argument("verb", choices=("list", "allow", "end"))
    automatic.add_argument("--unit", metavar="ID")
    automatic.add_argument("--sender", metavar="PEER")
    topics = _command(commands, "topics", "Import the province's list of topics, or show it.")
    topics.add_argument("verb", choices=("import", "list"))
    topics.add_argument("--file", metavar="CSV", help="with the columns code and name")
    topics.add_argument("--version", help="what the list calls itself, such as 2026-01")
    cap = _command(commands, "cap", "Bring CAP alerts, list their senders, add their sources.")
    cap_commands.add_arguments(cap)
    operation_arguments.add(commands, _command)
    return parser


def _command(commands: Any, name: str, text: str) -> ArgumentParser:
    command: ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.add_argument("--data", required=True, metavar="DIR", help="the hub's folder")
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--database",
        metavar="postgresql://USER@HOST/NAME",
        help="instead of SQLite; init and restore keep it in the folder's file 'database'",
    )
    where.add_argument(
        "--database-file", metavar="FILE", help="an address with its password; mode 600"
    )
    return command


def _registrar(command: ArgumentParser) -> None:
    command.add_argument(
        "--registrar-passphrase-file", metavar="FILE", help="asked for when not given"
    )
    command.add_argument(
        "--approver", action="append", default=[], metavar="ID=NAME", help="may be repeated"
    )
    command.add_argument("--alert-threshold", type=int, default=1, choices=(1, 2))
    command.add_argument("--sheets", metavar="FILE", help="write passphrases here, not on screen")


def _found(commands: Any) -> None:
    init = _command(commands, "init", "Found a hub: keys, repository, database.")
    init.add_argument("--group", action="append", required=True, metavar="ID", help="e.g. 03")
    init.add_argument("--offline-keys", required=True, metavar="DIR", help="a stick, kept apart")
    init.add_argument("--sheets", metavar="FILE", help="write passphrases here, not on screen")
    serve = _command(commands, "serve", "Serve nodes and pages until interrupted.")
    serve.add_argument("--listen", default=LISTEN, metavar="HOST:PORT", help="for nodes")
    serve.add_argument(
        "--pages",
        metavar="HOST:PORT",
        help="for pages; without --public-name on this machine only",
    )
    serve.add_argument(
        "--operator", metavar="HOST:PORT", help="health and metrics: this machine only"
    )
    serve.add_argument(
        "--public-name", metavar="NAME", help="the host name of the pages, offered over TLS"
    )
    serve.add_argument("--tls-certificate", metavar="FILE", help="PEM, with its chain")
    serve.add_argument("--tls-key", metavar="FILE", help="PEM; none of both behind a proxy")
    serve.add_argument("--announce", metavar="IPV4", help="say on the LAN of this address: here")
    _command(commands, "audit", "Check the chain of the audit log.")


def _fleet(commands: Any) -> None:
    unit = _command(commands, "unit", "Add a unit, or a new dated row of one, with approvers.")
    unit.add_argument("verb", choices=("add",))
    unit.add_argument("--id", required=True, metavar="03.k7f2")
    unit.add_argument("--name", required=True)
    unit.add_argument("--kind", default="commune", help="province, commune, ward…")
    unit.add_argument("--parent", metavar="ID")
    unit.add_argument("--from", dest="valid_from", metavar="YYYY-MM-DD", help="today if absent")
    unit.add_argument("--code-system")
    unit.add_argument("--code")
    _registrar(unit)
    approver = _command(commands, "approver", "Let a further person approve for a unit.")
    approver.add_argument("verb", choices=("add",))
    approver.add_argument("--unit", required=True)
    _registrar(approver)
    policy = _command(commands, "policy", "Set a unit's quiet hours and volume ceilings.")
    policy.add_argument("verb", choices=("set",))
    policy.add_argument("--unit", required=True)
    policy.add_argument("--quiet", action="append", default=[], metavar="21:30-05:00")
    policy.add_argument("--ceiling", action="append", default=[], metavar="05:00-22:00=80")
    hamlet = _command(commands, "hamlet", "Add a hamlet of a unit.")
    hamlet.add_argument("verb", choices=("add",))
    hamlet.add_argument("--unit", required=True)
    hamlet.add_argument("--id", required=True)
    hamlet.add_argument("--name", required=True)
    _node(commands)


def _node(commands: Any) -> None:
    node = _command(commands, "node", "Register, confirm, revoke or list nodes.")
    node.add_argument("verb", choices=("add", "confirm", "revoke", "list"))
    node.add_argument("--id")
    node.add_argument("--unit")
    node.add_argument("--public-key", metavar="HEX", help="64 hex digits, or a file of them")
    node.add_argument("--name")
    node.add_argument("--hamlet")
    node.add_argument("--kind", choices=("speaker", "board"), default="speaker")
    node.add_argument("--board", metavar="192x64x1", help="width x height x channels")
    node.add_argument("--node-group", action="append", default=[], metavar="NAME")


def _tickets(commands: Any) -> None:
    ticket = _command(commands, "ticket", "Let technicians enrol some nodes into a unit.")
    ticket.add_argument("verb", choices=("new", "list", "withdraw"))
    ticket.add_argument("--id", metavar="TICKET")
    ticket.add_argument("--unit", metavar="03.k7f2")
    ticket.add_argument("--count", type=int, default=1, help="how many nodes may join")
    ticket.add_argument("--days", type=int, default=30, help="how long it is valid")
    ticket.add_argument("--out", metavar="DIR", help="where the file and its QR picture go")
    kit = _command(commands, "kit", "Write what a technician takes along without signal.")
    kit.add_argument("--hub", action="append", required=True, metavar="URL", help="for nodes")
    kit.add_argument("--ticket", action="append", default=[], metavar="FILE")
    kit.add_argument("--out", required=True, metavar="FILE")


def _account(commands: Any) -> None:
    account = _command(commands, "account", "Give, change and recover access to the pages.")
    account.add_argument("verb", choices=("add", "code", "grant", "ungrant", "close", "list"))
    account.add_argument("--id", metavar="NAME", help="a-z, 0-9, dot, dash")
    account.add_argument("--name", help="the person's name")
    account.add_argument(
        "--grant", action="append", default=[], metavar="ROLE:UNIT", help="may be repeated"
    )
    account.add_argument("--password-file", metavar="FILE", help="sets it; no one-time code then")


def _signer(command: ArgumentParser) -> None:
    command.add_argument("--approver", required=True, metavar="ID")
    command.add_argument("--passphrase-file", metavar="FILE", help="asked for when not given")


def _bulletins(commands: Any) -> None:
    publish = _command(commands, "publish", "Write, make, approve and publish one bulletin.")
    publish.add_argument("--unit", required=True)
    publish.add_argument("--title", required=True)
    source = publish.add_mutually_exclusive_group(required=True)
    source.add_argument("--text-file", metavar="FILE")
    source.add_argument("--audio", metavar="FILE")
    publish.add_argument("--board-text-file", metavar="FILE")
    publish.add_argument(
        "--class", dest="legal_class", default="normal", choices=("normal", "priority", "emergency")
    )
    publish.add_argument("--language", default="vi-VN")
    publish.add_argument("--voice", default="vi-VN")
    publish.add_argument("--topic", default="")
    publish.add_argument("--hamlet", action="append", default=[], metavar="ID")
    publish.add_argument("--at", metavar="YYYY-MM-DDTHH:MM[:SS]", help="local time; now if absent")
    publish.add_argument("--daily", action="append", default=[], metavar="HH:MM[:SS]")
    publish.add_argument("--until", metavar="YYYY-MM-DD", help="last day of --daily")
    publish.add_argument("--hours", type=int, default=2, help="life of an emergency")
    publish.add_argument(
        "--gap-min", type=int, default=10, help="between its repeats; 0 plays once"
    )
    publish.add_argument("--drill", action="store_true")
    _signer(publish)
    report = _command(commands, "report", "Print what played, newest first.")
    report.add_argument("--most", type=int, default=100, metavar="N")
    recall = _command(commands, "recall", "Take a published bulletin off the air.")
    recall.add_argument("--bulletin", required=True)
    _signer(recall)
