"""`chieng-tool stick collect`: take nodes' records from a stick to the hub.

Each file is the request that the node signed for its hub, and is sent as it is. The hub answers
with its position; a batch that the hub cannot place yet waits for the earlier ones and is offered
again after them. Doing it twice changes nothing; the nodes forget nothing before the hub itself has
told them.
"""

from pathlib import Path

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


def batches(stick: Path) -> dict[Name, Path]:
    """Return the batches on a stick, in the order in which the hub can take them."""
    found = {}
    folder = stick / carried.FOLDER
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
    options, console = context.options, context.console
    check_folder(options.out)
    hub, waiting = Hub(options.hub), batches(options.out)
    taken: dict[str, int] = {}
    refused = 0
    while waiting:
        left = dict(waiting)
        for name, path in left.items():
            try:
                done = _send(hub, name, read(path))
            except RemoteFault as fault:
                console.say("stick_refused", file=path.name, code=fault.code)
                console.fault(fault)
                refused += 1
                del waiting[name]
                continue
            if done:
                del waiting[name]
                taken[name.node] = taken.get(name.node, 0) + name.last - name.first + 1
                if not options.keep:
                    path.unlink()
        if len(waiting) == len(left):
            break
    for node, count in sorted(taken.items()):
        console.say("stick_collected", node=node, count=count)
    if waiting:
        console.say("stick_waiting", count=len(waiting))
    if refused:
        text = f"{refused} batches were refused"
        raise RemoteFault("stick.refused", text, "Keep the stick, and look at each reason above.")
    if not taken and not waiting:
        console.say("stick_empty")


def _send(hub: Hub, name: Name, request: carried.Request) -> bool:
    """Send one batch; tells whether the hub now has all of it."""
    headers = {**request.headers, "Host": request.host, carried.CARRIER: "stick"}
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
