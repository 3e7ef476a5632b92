"""Wrapped keys and their passphrases."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.repository import passphrase, signers, wrapped_key
from protocols.errors import Fault, LocalFault, RemoteFault

CHEAP = wrapped_key.Cost(memory_kib=8, passes=1, lanes=1)


def test_a_passphrase_has_seventy_bits_and_no_letter_an_input_method_changes():
    bits = passphrase.GROUPS * passphrase.GROUP_SYMBOLS * math.log2(len(passphrase.SYMBOLS))
    assert bits >= 70
    assert not set(passphrase.SYMBOLS) & set("aeiouydw01")
    assert len({passphrase.generate() for _ in range(50)}) == 50


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 19), st.sampled_from(passphrase.SYMBOLS))
def test_every_single_wrong_symbol_is_noticed_with_its_group(position, symbol):
    right = passphrase.generate()
    symbols = list(right.replace("-", ""))
    if symbols[position] == symbol:
        return
    symbols[position] = symbol
    with pytest.raises(LocalFault, match=f"group {position // 5 + 1}") as caught:
        passphrase.normalise("".join(symbols))
    assert caught.value.code == "keys.passphrase_typo"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 18))
def test_every_swap_inside_a_group_is_noticed(position):
    symbols = list(passphrase.generate().replace("-", ""))
    if position % 5 == 4 or symbols[position] == symbols[position + 1]:
        return
    symbols[position], symbols[position + 1] = symbols[position + 1], symbols[position]
    with pytest.raises(LocalFault):
        passphrase.normalise("".join(symbols))


def test_case_blanks_and_look_alikes_do_not_matter():
    right = passphrase.generate()
    typed = right.upper().replace("-", "  ").replace("L", "1").replace("5", "s")
    assert passphrase.normalise(typed) == right


@pytest.mark.parametrize("scheme", signers.SCHEMES)
def test_a_wrapped_signer_comes_back(scheme):
    signer = wrapped_key.generate_signer(scheme)
    word = wrapped_key.generate_passphrase()
    data = wrapped_key.encode(wrapped_key.wrap_signer(signer, word, "approver", CHEAP))
    again = wrapped_key.unwrap_signer(wrapped_key.decode(data), word)
    assert again.public_key == signer.public_key
    signer.public_key.verify_signature(again.sign(b"bundle"), b"bundle")
    assert b"PRIVATE" not in data


def test_another_passphrase_and_a_changed_file_do_not_open_it():
    word = wrapped_key.generate_passphrase()
    document = wrapped_key.wrap(b"secret", word, {"holder": "root"}, CHEAP)
    assert wrapped_key.unwrap(document, word) == b"secret"
    with pytest.raises(LocalFault) as caught:
        wrapped_key.unwrap(document, wrapped_key.generate_passphrase())
    assert caught.value.code == "keys.passphrase"
    for changed in ({"public": {"holder": "approver"}}, {"sealed": "AAAA"}):
        with pytest.raises(Fault):
            wrapped_key.unwrap({**document, **changed}, word)


@pytest.mark.parametrize(
    "kdf",
    [
        {"memory_kib": 1 << 30},
        {"passes": 10**9},
        {"lanes": 200},
        {"passes": 0},
        {"passes": True},
        {"memory_kib": "8"},
        {"name": "scrypt"},
        {"salt": "zz"},
        {"salt": ""},
    ],
)
def test_absurd_work_is_refused_before_it_is_done(kdf):
    word = wrapped_key.generate_passphrase()
    document = wrapped_key.wrap(b"secret", word, {}, CHEAP)
    document["kdf"].update(kdf)
    with pytest.raises(RemoteFault) as caught:
        wrapped_key.unwrap(document, word)
    assert caught.value.code == "keys.format"


@settings(max_examples=80, deadline=None)
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda x: json.dumps(x).encode(),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
            max_leaves=8,
        ),
    )
)
def test_any_bytes_give_a_key_or_a_fault(data):
    try:
        wrapped_key.unwrap(wrapped_key.decode(data), passphrase.generate(lambda s: s[0]))
    except Fault as fault:
        assert fault.code.startswith("keys.")
    else:
        raise AssertionError("opened")
