"""`chieng-tool enrolments`: bring what waits on this laptop to the hub, later, in any order."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from protocols import enrolment
from protocols.enrolment import ENROLLED, QUARANTINED
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import PAPER_BYTES_MAX, RECORD_ANSWER_BYTES_MAX
from tools import provision, signature
from tools.context import Context
from tools.visit_files import VisitFiles, default_home

TIMEOUT_S = 30
# The hub has it, whatever it decided: sending it again would change nothing.
SETTLED = (ENROLLED, QUARANTINED)


def add_parser(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("enrolments", help="gửi về trung tâm / send to the hub")
    command.set_defaults(run=run)
    command.add_argument("verb", choices=("list", "send"))
    command.add_argument("--home", type=Path, default=default_home())
    command.add_argument("--hub", help="its address; the kit's first if absent")
    command.add_argument("--kit", type=Path, help="to check the hub's signature by")
    command.add_argument("--json", action="store_true")


def run(context: Context) -> None:
    """List what waits, or send enrolments and then records."""
    options = context.options
    files = VisitFiles(options.home)
    if options.verb == "send":
        _send(context, files)
    for node, given in files.enrolments():
        verdict = files.answer(node)
        state = "waiting" if verdict is None else verdict.state
        if options.json:
            code = "" if verdict is None else verdict.code
            told = {"node": node, "state": state, "code": code, "enrolment": given.digest()}
            context.console.line(json.dumps(told))
            continue
        context.console.say("queue_line", node=node, state=context.console.text("queue_" + state))
        if verdict is not None and verdict.code:
            context.console.line("  " + _reason(context, verdict))
    if not options.json:
        context.console.say("queue_records", count=len(files.batches()))


def _reason(context: Context, verdict: enrolment.Verdict) -> str:
    text = context.console.sentence(verdict.code) or verdict.message
    return f"{text} → {verdict.successor}" if verdict.successor else text


def _send(context: Context, files: VisitFiles) -> None:
    options = context.options
    if options.kit is None:
        raise WorldFault("tool.file", "no kit is given", "Give the kit that you installed with.")
    kit = provision.read_kit(options.kit)
    hub = (options.hub or kit.hubs[0]).rstrip("/")
    for node, given in files.enrolments():
        known = files.answer(node)
        if known is not None and known.state in SETTLED and known.enrolment == given.digest():
            continue
        status, data = _post(hub + "/v1/enrolments", given.encode(), {}, PAPER_BYTES_MAX)
        if status != 200:
            raise _refused(data)
        verdict, answer = enrolment.read_answer(data)
        signature.check_hub(kit, answer, "answer")
        if verdict.enrolment != given.digest():
            raise RemoteFault("kit.signature", "the answer is to another node", "Send once more.")
        files.keep_answer(node, data)
    for path, headers, body in files.batches():
        url = headers.pop("x-chieng-hub").rstrip("/") + "/v1/records"
        status, data = _post(url, body, headers, RECORD_ANSWER_BYTES_MAX)
        if status == 200:
            files.drop_batch(path)
        else:
            context.console.fault(_refused(data))


def _refused(data: bytes) -> RemoteFault:
    try:
        value = json.loads(data)
        return RemoteFault(str(value["code"]), str(value["message"]), str(value["remedy"]))
    except (ValueError, KeyError, TypeError):
        return RemoteFault("tool.hub", "this is no hub", "Check the hub's address.")


def _post(url: str, body: bytes, headers: dict[str, str], bytes_max: int) -> tuple[int, bytes]:
    """Return (status, body) of a POST; raises `WorldFault("tool.no_hub")`."""
    if not url.startswith(("http://", "https://")):
        raise RemoteFault("tool.hub", f"{url} is no address", "Write http://… or https://…")
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, body, {"Content-Type": "application/json", **headers}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return answer.status, answer.read(bytes_max + 1)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(bytes_max + 1)
    except (OSError, ValueError) as error:
        raise WorldFault(
            "tool.no_hub", f"{url}: {error}", "Find a network, then send again; nothing is lost."
        ) from error
