"""Open faults: recorded when they begin, change and end, and never more than fit."""

import pytest

from edge.faults import Faults
from protocols.errors import WorldFault
from protocols.fields import has_control
from protocols.limits import FAULT_TEXT_BYTES_MAX, FAULTS_OPEN_MAX
from tests.edge.node_world import Notes


@pytest.fixture
def faults():
    return Faults(Notes())


def fault(code="link.open", message="no link", remedy="wait"):
    return WorldFault(code, message, remedy)


def states(faults):
    return [(body["code"], body["state"]) for body in faults._book.find("fault")]


def test_a_fault_is_recorded_once_until_it_changes_or_ends(faults):
    for code in ("link.open", "link.open", "link.lost"):
        faults.note("sync.link", fault(code))
    assert faults.open_faults() == [["sync.link", "link.lost"]]
    faults.clear("sync.link")
    faults.clear("sync.link")
    assert states(faults) == [
        ("link.open", "raised"),
        ("link.lost", "raised"),
        ("link.lost", "cleared"),
    ]


def test_an_exception_of_the_program_has_a_code_too(faults):
    faults.task_failed("sync", KeyError("x"))
    assert faults.open_faults() == [["task.sync", "agent.KeyError"]]
    (body,) = faults._book.find("fault")
    assert body["remedy"]
    faults.task_well("sync")
    assert faults.open_faults() == []


def test_no_more_faults_are_kept_than_fit(faults):
    for number in range(2 * FAULTS_OPEN_MAX):
        faults.note("blob.%d" % number, fault())
    assert len(faults.open_faults()) == FAULTS_OPEN_MAX
    faults.keep_only("blob.", ["blob.1"])
    assert faults.open_faults() == [["blob.1", "link.open"]]


@pytest.mark.parametrize("text", ["một\nhai\tba\x00", "ế" * 400, "ô̆" * 300, ""])
def test_texts_become_fit_for_a_record(faults, text):
    faults.note("a", fault(message=text, remedy=text))
    (body,) = faults._book.find("fault")
    for value in (body["message"], body["remedy"]):
        assert not has_control(value)
        assert len(value.encode()) <= FAULT_TEXT_BYTES_MAX
        assert text.startswith(value) or "\n" in text
