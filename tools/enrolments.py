"""`chieng-tool enrolments`: bring what waits on this laptop to the hub, later, in any order."""

import json
from pathlib import Path
from typing import Any

from protocols import enrolment
from protocols.enrolment import ENROLLED, QUARANTINED
from protocols.errors import LocalFault, RemoteFault, WorldFault
from protocols.limits import PAPER_BYTES_MAX
from tools import provision, signature
from tools.context import Context
from tools.hub_client import Hub
from tools.stick_collect import Sent, batches, say_refused, send
from tools.visit_files import VisitFiles, default_home

# The hub has it, whatever it decided: sending it again would change nothing.
SETTLED = (ENROLLED, QUARANTINED)


def add_parser(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("enrolments", help="gửi về trung tâm / send to the hub")
    command.set_defaults(run=run)
    command.add_argument("verb", choices=("list", "send", "export"))
    command.add_argument("--home", type=Path, default=default_home())
    command.add_argument("--hub", help="its address; the kit's first if absent")
    command.add_argument("--kit", type=Path, help="to check the hub's signature by")
    command.add_argument("--out", type=Path, help="export: a folder, for the hub's page")
    command.add_argument("--json", action="store_true")


def run(context: Context) -> None:
    """List what waits, or send enrolments and then records."""
    options = context.options
    files = VisitFiles(options.home)
    if options.verb == "export":
        return _export(context, files)
    sent = _send(context, files) if options.verb == "send" else None
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
        context.console.say("queue_records", count=len(batches(files.records)))
    if sent is not None:
        say_refused(context, sent)


def _export(context: Context, files: VisitFiles) -> None:
    options = context.options
    if options.out is None:
        raise LocalFault("tool.file", "no folder is given", "Give one with --out.")
    count = files.export(options.out)
    if options.json:
        context.console.line(json.dumps({"files": count, "folder": str(options.out)}))
    else:
        context.console.say("queue_exported", count=count, path=options.out)


def _reason(context: Context, verdict: enrolment.Verdict) -> str:
    text = context.console.sentence(verdict.code) or verdict.message
    return f"{text} → {verdict.successor}" if verdict.successor else text


def _send(context: Context, files: VisitFiles) -> Sent:
    """Send enrolments, then records; the hub's words on enrolments are kept."""
    options = context.options
    if options.kit is None:
        raise WorldFault("tool.file", "no kit is given", "Give the kit that you installed with.")
    kit = provision.read_kit(options.kit)
    hub = Hub(options.hub or kit.hubs[0])
    refused: list[tuple[str, RemoteFault]] = []
    for node, given in files.enrolments():
        known = files.answer(node)
        if known is not None and known.state in SETTLED and known.enrolment == given.digest():
            continue
        status, data = _post(hub, given.encode())
        if status != 200:
            # A paper that is none holds up no other.
            refused.append((node, _refused(data)))
            continue
        verdict, answer = enrolment.read_answer(data)
        signature.check_hub(kit, answer, "answer")
        if verdict.enrolment != given.digest():
            raise RemoteFault("kit.signature", "the answer is to another node", "Send once more.")
        files.keep_answer(node, data)
    sent = send(hub, files.records, "laptop", keep=False)
    return sent._replace(refused=refused + sent.refused)


def _refused(data: bytes) -> RemoteFault:
    try:
        value = json.loads(data)
        return RemoteFault(str(value["code"]), str(value["message"]), str(value["remedy"]))
    except (ValueError, KeyError, TypeError):
        return RemoteFault("tool.hub", "this is no hub", "Check the hub's address.")


def _post(hub: Hub, body: bytes) -> tuple[int, bytes]:
    """Return (status, body) of the hub's answer; raises `WorldFault("tool.no_hub")`."""
    headers = {"Content-Type": "application/json"}
    try:
        with hub.ask("POST", hub.prefix + "/v1/enrolments", headers, body) as answer:
            return answer.status, answer.read(PAPER_BYTES_MAX + 1)
    except WorldFault as fault:
        remedy = "Find a network, then send again; nothing is lost."
        raise WorldFault("tool.no_hub", fault.message, remedy) from fault
