"""Hashes and lengths of files: every one listed must fit."""

import hashlib

import pytest

from protocols.errors import RemoteFault
from protocols.file_hash import FileHash


def hashed(*algorithms):
    found = FileHash(list(algorithms))
    found.update(b"ab")
    found.update(b"c")
    return found


def test_all_that_is_listed_fits():
    digests = {name: hashlib.new(name, b"abc").hexdigest() for name in ("sha256", "sha512")}
    hashed("sha256", "sha512").check(3, digests, "x")
    hashed().check(None, {}, "x")


@pytest.mark.parametrize("length", [0, 2, 4])
def test_the_length_alone_is_compared_too(length):
    with pytest.raises(RemoteFault) as caught:
        hashed().check(length, {}, "x")
    assert caught.value.code == "trust.length"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_one_wrong_hash_is_enough(algorithm):
    digests = {name: hashlib.new(name, b"abc").hexdigest() for name in ("sha256", "sha512")}
    digests[algorithm] = digests[algorithm][:-1] + "x"
    with pytest.raises(RemoteFault) as caught:
        hashed("sha256", "sha512").check(3, digests, "x")
    assert caught.value.code == "trust.hash"


def test_an_unknown_algorithm_is_refused_before_anything_is_read():
    with pytest.raises(RemoteFault, match="md5"):
        FileHash(["md5"])
