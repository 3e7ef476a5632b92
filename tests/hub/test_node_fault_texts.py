"""Whatever a node can note has a sentence on the page: the sources are searched for their codes."""

import ast
import re
from pathlib import Path

from hub import node_fault_families, node_fault_texts, translations

TOP = Path(__file__).parents[2]
CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z0-9_]*")
# Calls whose first argument is a code, beside those that end in `Fault`.
RAISING = {"_state", "_refuse", "refused"}
# Told by the command line or the cable to whoever sits before it, and in the hub's own processes:
# no node ever notes them.
NEVER_NOTED = {"carried", "enrolment", "node", "outbox", "paper", "preview", "provision"}
NEVER_NOTED |= {"neighbour", "service", "ticket"}
# Where a prefix meets words of the same file: `hw/linux/watchdog.py`, `protocols/auto_alert.py`.
JOINED = {"watchdog.": ("missing", "permission", "busy", "lost"), "alert.": ("auto", "auto_rate")}


def codes(path):
    """Return the codes that a module raises or notes; `x.` stands for any of a family."""
    for node in ast.walk(ast.parse(path.read_text())):
        found = []
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name.endswith("Fault") or name in RAISING:
                found = [one for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)]
        elif isinstance(node, ast.Tuple) and len(node.elts) == 3:
            found = [one for one in node.elts[:1] if isinstance(one, ast.Constant)]
        for one in found:
            if isinstance(one.value, str) and CODE.fullmatch(one.value):
                yield one.value


def all_codes():
    found = set()
    for folder in ("hw", "edge", "protocols"):
        for path in sorted((TOP / folder).rglob("*.py")):
            found |= set(codes(path))
    for prefix, words in JOINED.items():
        found = found - {prefix} | {prefix + word for word in words}
    return {code for code in found if code.partition(".")[0] not in NEVER_NOTED}


def test_every_code_of_a_node_has_a_vietnamese_sentence():
    found = all_codes()
    some = {"modem.silent", "modem.sim_absent", "power.mains", "watchdog.busy", "agent.stuck"}
    assert some | {"amplifier.welded", "modbus.busy", "http.", "sntp.kiss"} <= found
    assert len(found) > 150
    assert sorted(code for code in found if not node_fault_texts.is_known(code)) == []
    vietnamese = translations.load()["vi"]
    for code in found:
        for text in node_fault_texts.words(code):
            assert vietnamese.get(text) != text, code


def test_what_crashed_and_what_is_unknown_are_told_apart():
    assert "software" in node_fault_texts.words("agent.ValueError")[0]
    assert not node_fault_texts.is_known("volcano.near")
    assert node_fault_texts.words("volcano.near")[0] == "The node reports a fault."


def test_no_family_says_the_same_as_one_that_is_not_there():
    for family in node_fault_families.AS.values():
        assert family in node_fault_families.FAMILIES
