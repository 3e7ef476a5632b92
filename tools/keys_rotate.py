"""Rotation of offline and online keys, signed here or elsewhere."""

from hub.repository import request, rotation
from hub.repository.durable import Disk
from hub.repository.recovery import discard_forged
from hub.repository.rotation import Rotation
from tools.context import Context
from tools.key_files import check_apart, read, split_place


def root(context: Context) -> None:
    """Change the holders of the root; the new root is copied beside every new key."""
    added = context.options.add
    check_apart(added)
    if _change(context, "root"):
        layout = context.repository().layout
        newest = layout.role_file("root", layout.role_versions()["root"][0])
        for place in added:
            Disk().write(split_place(place)[1] / newest.name, newest.read_bytes())


def targets(context: Context) -> None:
    """Change the keys of the top-level targets."""
    _change(context, "targets")


def registrar(context: Context) -> None:
    """Change the registrars."""
    _change(context, "registrar")


def firmware(context: Context) -> None:
    """Change the release keys."""
    _change(context, "firmware")


VERBS = {"root": root, "targets": targets, "registrar": registrar, "firmware": firmware}


def online(context: Context) -> None:
    """Replace the hub's own keys; after a theft forged files go first."""
    repository, stolen = context.repository(), context.options.stolen
    signers = context.open_keys()
    if stolen:
        for name in discard_forged(repository, context.now_s):
            context.console.say("forged", name=name)
    plan = Rotation(repository, context.now_s).online()
    if context.finish(plan, signers, stolen):
        _drop(context)


def groups(context: Context) -> None:
    """Open further groups of units."""
    plan = Rotation(context.repository(), context.now_s).groups(context.options.group)
    context.finish(plan, context.open_keys())


def accept(context: Context) -> None:
    """Publish request files that were signed on other machines."""
    options, repository = context.options, context.repository()
    files = [read(path, request.REQUEST_BYTES_MAX) for path in options.file]
    outcome = repository.accept(files, context.now_s, options.stolen)
    if context.report(outcome, request.read(files[0]).role):
        _drop(context)


def _change(context: Context, kind: str) -> bool:
    options, repository = context.options, context.repository()
    present = context.open_keys()
    joining = context.key_files.open_all(options.add_key)
    fresh = [context.key_files.make(place, kind, options.scheme) for place in options.add]
    fresh += joining
    plans = Rotation(repository, context.now_s)
    keys = [signer.public_key for signer in fresh]
    change = {
        "root": plans.root,
        "targets": plans.targets,
        "registrar": plans.registrars,
        "firmware": plans.firmware,
    }[kind]
    return context.finish(change(keys, options.remove, options.threshold), [*present, *fresh])


def _drop(context: Context) -> None:
    for keyid in rotation.drop_old_online_keys(context.repository()):
        context.console.say("dropped", keyid=keyid[:16])
