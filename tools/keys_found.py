"""The first ceremony, its record, and single keys for people."""

from typing import Any

from hub.repository import ceremony
from hub.repository.durable import Disk
from hub.repository.layout import Layout
from hub.repository.online_keys import OnlineKeys
from hub.repository.signers import fingerprint
from protocols.errors import LocalFault
from tools import ceremony_record
from tools.ceremony_record import Record
from tools.context import Context
from tools.key_files import check_apart, split_place


def found(context: Context) -> None:
    """Make every key, write the repository, and print the record."""
    options, make = context.options, context.key_files.make
    if Layout(context.repository_path).role_versions():
        raise LocalFault(
            "repository.exists", f"{options.data} is founded already", "Rotate its keys instead."
        )
    check_apart(options.root)
    signers = {
        kind: [make(place, kind, options.scheme) for place in getattr(options, kind)]
        for kind in ("root", "targets", "firmware", "registrar")
    }
    founders = ceremony.Founders(
        signers["root"],
        signers["targets"],
        signers["registrar"],
        signers["firmware"],
        options.root_threshold,
    )
    online = OnlineKeys.create(context.online_path)
    repository = ceremony.found(
        context.repository_path, online, founders, options.group, context.now_s
    )
    data = repository.layout.role_file("root", 1).read_bytes()
    for place in options.root:
        Disk().write(split_place(place)[1] / "1.root.json", data)
    made = ceremony_record.build(repository, context.now_s, _holders(context, signers))
    context.console.say("founded", groups=len(options.group), phrase=made.phrase)
    _show(context, made)


def record(context: Context) -> None:
    """Print the record of what is in force, and write it as a page where asked."""
    _show(context, ceremony_record.build(context.repository(), context.now_s, {}))


def _holders(context: Context, present: dict[str, list[Any]]) -> dict[str, str]:
    return {
        fingerprint(signer.public_key): split_place(place)[0]
        for kind, people in present.items()
        for place, signer in zip(getattr(context.options, kind), people, strict=True)
    }


def _show(context: Context, made: Record) -> None:
    context.console.line(ceremony_record.as_text(made, context.console))
    path = context.options.record
    if path is not None:
        Disk().write(path, ceremony_record.as_html(made, context.console).encode())
        context.console.say("record_written", path=path)


def token(context: Context) -> None:
    """Name a key that stays on a PKCS#11 token."""
    options = context.options
    make = context.key_files.name_token
    make(options.holder, options.kind, options.library, options.number, options.label)


def new(context: Context) -> None:
    """Make one wrapped key, such as an approver's on an own stick."""
    options = context.options
    context.key_files.make(options.holder, options.kind, options.scheme)
