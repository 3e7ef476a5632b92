"""Path patterns against fnmatch, hash bins against python-tuf."""

import fnmatch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tuf.api.metadata import DelegatedRole, SuccinctRoles

from protocols import delegation

names = st.text("ab]-[!*?.^\\/", max_size=8)


def _reference(pattern: str, path: str) -> bool:
    return DelegatedRole("r", [], 1, False, [pattern]).is_delegated_path(path)


@given(names, names)
@settings(max_examples=600)
@example("*a", "aaa")
@example("[]a]", "]")
@example("[!]a]", "b")
@example("[a", "[a")
@example("[]", "[]")
@example("[a-]", "-")
@example("[b-a]", "b")
@example("[--a]", "[")
@example("*/*", "a/b")
@example("*", "a/b")
@example("", "")
def test_patterns_equal_the_reference(pattern, path):
    assert delegation.matches(pattern, path) == _reference(pattern, path)
    if "/" not in pattern + path:
        assert delegation.matches(pattern, path) == fnmatch.fnmatchcase(path, pattern)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("targets/*.tgz", "targets/foo.tgz", True),
        ("targets/*.tgz", "targets/foo.txt", False),
        ("foo-version-?.tgz", "foo-version-2.tgz", True),
        ("foo-version-?.tgz", "foo-version-alpha.tgz", False),
        ("*.tgz", "foo.tgz", True),
        ("*.tgz", "targets/foo.tgz", False),
        ("foo.tgz", "foo.tgz", True),
        ("units/03.*/*", "units/03.k7f2/bundle.json", True),
        ("units/03.*/*", "units/04.k7f2/bundle.json", False),
        ("units/03.*/*", "units/03.k7f2/a/bundle.json", False),
        ("units/03.*/*", "units/03.k7f2", False),
        ("a?b", "a/b", False),
        ("[!x]", "/", False),
        ("b\u1ea3n*", "b\u1ea3n tin", True),
        ("ABC", "ABC", True),
        ("A?C", "ABC", True),
    ],
)
def test_patterns_of_the_specification(pattern, path, fits):
    assert delegation.matches(pattern, path) == fits


def test_many_stars_take_no_exponential_time():
    assert not delegation.matches("*a" * 40 + "b", "a" * 2000)


@given(st.integers(1, 32), st.text(max_size=12))
def test_bins_equal_the_reference(bits, path):
    reference = SuccinctRoles([], 1, bits, "bin")
    assert delegation.bin_name("bin", bits, path) == reference.get_role_for_target(path)


@given(st.text(max_size=9), st.integers(0, 64), st.booleans())
def test_prefixes_equal_the_reference(path, length, spoil):
    prefix = delegation.path_hash(path)[:length]
    if spoil:
        prefix = prefix[:-1] + "x"
    role = {"name": "r", "keyids": [], "threshold": 1, "terminating": False}
    signed = {"delegations": {"keys": {}, "roles": [{**role, "path_hash_prefixes": [prefix]}]}}
    found = delegation.find(signed, path, "targets")
    reference = DelegatedRole("r", [], 1, False, None, [prefix])
    assert bool(found) == reference.is_delegated_path(path)
