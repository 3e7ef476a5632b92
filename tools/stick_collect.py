"""`chieng-tool stick collect`: take nodes' records from a stick to the hub.

Each file is the request that the node signed for its hub, and is sent as it is. The hub answers
with its position; a batch that the hub cannot place yet waits for the earlier ones and is offered
again after them. Doing it twice changes nothing; the nodes forget nothing before the hub itself has
told them.
"""

from pathlib import Path
from typing import NamedTuple

from protocols import canonical, carried, records
from protocols.carried import Name
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import (
    CARRIED_HEAD_BYTES_MAX,
    RECORD_ANSWER_BYTES_MAX,
    RECORD_BATCH_BYTES_MAX,
)
from tools.context import Context
from tools.hub_client import Hub
from tools.stick_write import check_folder

_FILE_BYTES_MAX = CARRIED_HEAD_BYTES_MAX + RECORD_BATCH_BYTES_MAX
_REFUSALS = (400, 401, 403, 409, 413)


def batches(folder: Path) -> dict[Name, Path]:
    """Return the batches in a folder, in the order in which the hub can take them."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        name = carried.read_name(path.name)
        if name is not None:
            found[name] = path
    return dict(sorted(found.items()))


def read(path: Path) -> carried.Request:
    """Read one batch's file; raises `RemoteFault("carried.*")`."""
    with path.open("rb") as file:
        return carried.read(file.read(_FILE_BYTES_MAX + 1))


def collect(context: Context) -> None:
    """Send every batch; raises `RemoteFault("stick.refused")` at the end if any was refused."""
    options = context.options
    check_folder(options.out)
    sent = send(Hub(options.hub), options.out / carried.FOLDER, "stick", options.keep)
    for node, count in sorted(sent.taken.items()):
        context.console.say("stick_collected", node=node, count=count)
    if sent.waiting:
        context.console.say("stick_waiting", count=sent.waiting)
    say_refused(context, sent)
    if not sent.taken and not sent.waiting:
        context.console.say("stick_empty")


class Sent(NamedTuple):
    """Say what became of some batches: records taken by node, batches that wait, refusals."""

    taken: dict[str, int]
    waiting: int
    refused: list[tuple[str, RemoteFault]]


def send(hub: Hub, folder: Path, carrier: str, keep: bool) -> Sent:
    """Send every batch of a folder and forget those that the hub has, unless `keep`."""
    waiting = batches(folder)
    taken: dict[str, int] = {}
    refused: list[tuple[str, RemoteFault]] = []
    while waiting:
        left = dict(waiting)
        for name, path in left.items():
            try:
                done = _send(hub, name, read(path), carrier)
            except RemoteFault as fault:
                refused.append((path.name, fault))
                del waiting[name]
                continue
            if done:
                del waiting[name]
                taken[name.node] = taken.get(name.node, 0) + name.last - name.first + 1
                if not keep:
                    path.unlink()
        if len(waiting) == len(left):
            break
    return Sent(taken, len(waiting), refused)


def say_refused(context: Context, sent: Sent) -> None:
    """Say why batches were refused; raises `RemoteFault("stick.refused")` if any was."""
    for name, fault in sent.refused:
        context.console.say("stick_refused", file=name, code=fault.code)
        context.console.fault(fault)
    if sent.refused:
        text = f"{len(sent.refused)} batches were refused"
        raise RemoteFault("stick.refused", text, "Keep the files, and look at each reason above.")


def _send(hub: Hub, name: Name, request: carried.Request, carrier: str) -> bool:
    """Send one batch; tells whether the hub now has all of it."""
    headers = {**request.headers, "Host": request.host, carried.CARRIER: carrier}
    with hub.ask("POST", request.path, headers, request.body) as answer:
        data = answer.read(RECORD_ANSWER_BYTES_MAX + 1)
        if answer.status in _REFUSALS:
            raise _refusal(answer.status, data)
        if answer.status != 200:
            text = f"{hub.address}: status {answer.status}"
            raise WorldFault("stick.status", text, "Look at the hub's log, then try again.")
    found = records.read_answer(data)
    if (found.chain, found.epoch) != (name.chain, name.epoch):
        text = "the hub speaks of another chain than the file's name"
        raise RemoteFault("stick.name", text, "Leave the files of a stick as the node named them.")
    return bool(found.position >= name.last)


def _refusal(status: int, data: bytes) -> RemoteFault:
    try:
        value = canonical.decode(data, RECORD_ANSWER_BYTES_MAX)
    except RemoteFault:
        value = None
    said = value if isinstance(value, dict) else {}
    code, message, remedy = (str(said.get(key, "")) for key in ("code", "message", "remedy"))
    return RemoteFault(code or "stick.refused", message or f"status {status}", remedy or "-")
