"""Signing with a real PKCS#11 token: Debian's SoftHSM, its keys made by OpenSC's pkcs11-tool."""

import os
import subprocess
from pathlib import Path

import pytest
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets

from hub.repository import token_signer
from hw.linux.verifier import Verifier as LinuxVerifier
from hw.micropython.verifier import Verifier as PureVerifier
from protocols import keys
from protocols.errors import Fault, LocalFault, RemoteFault, WorldFault

LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "271828"
P256, RSA, P384, OTHER_P256, RSA_4096 = 2, 3, 4, 5, 6
KINDS = {
    P256: "EC:prime256v1",
    RSA: "rsa:2048",
    P384: "EC:secp384r1",
    OTHER_P256: "EC:prime256v1",
    RSA_4096: "rsa:4096",
}


@pytest.fixture(scope="module", autouse=True)
def token(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make a token of our own; SoftHSM reads its settings once a process."""
    folder: Path = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    _tool("--init-token", "--slot-index", "0", "--label", "ceremony", "--so-pin", "31415926")
    _tool("--login", "--login-type", "so", "--so-pin", "31415926", "--init-pin", "--new-pin", PIN)
    for number, kind in KINDS.items():
        _tool("--login", "--pin", PIN, "--keypairgen", "--key-type", kind, "--id", f"{number:02x}")


def _tool(*words: str) -> None:
    command = ["pkcs11-tool", "--module", LIBRARY, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _code(kind: type[Fault], call, *words: object) -> str:
    with pytest.raises(kind) as caught:
        call(*words)
    assert caught.value.remedy
    return caught.value.code


@pytest.mark.parametrize(
    ("number", "scheme"), [(P256, keys.P256), (RSA, keys.RSA_PSS), (RSA_4096, keys.RSA_PSS)]
)
def test_signatures_hold_for_every_verifier(number: int, scheme: str) -> None:
    uri, key = token_signer.import_key(LIBRARY, number, "ceremony")
    assert key.scheme == scheme and uri == f"hsm:{number}?label=ceremony"
    signer = token_signer.open_signer(LIBRARY, uri, key, PIN)
    assert signer.public_key == key
    parsed_scheme, public = keys.parse(key.to_dict())
    assert parsed_scheme == scheme and keys.key_id(key.to_dict()) == key.keyid
    for message in (b"", b"ch\xc3\xa0o", b"m" * 5000):
        signature = bytes.fromhex(signer.sign(message).signature)
        for verifier in (LinuxVerifier(), PureVerifier()):
            assert verifier.verify(scheme, public, signature, [message]) is True
            assert verifier.verify(scheme, public, signature, [message, b"."]) is False


def test_two_tokens_keys_and_a_software_key_sign_one_root() -> None:
    root = Root()
    signers = []
    for number in (P256, RSA):
        uri, key = token_signer.import_key(LIBRARY, number, "ceremony")
        root.add_key(key, "root")
        signers.append(token_signer.open_signer(LIBRARY, uri, key, PIN))
    root.roles["root"].threshold = 2
    signed = Metadata(root)
    for signer in signers:
        signed.sign(signer, append=True)
    root.verify_delegate("root", signed.signed_bytes, signed.signatures)
    assert len(signed.signatures) == 2


def test_wrong_pin_is_told() -> None:
    uri, key = token_signer.import_key(LIBRARY, P256, "ceremony")
    for pin in ("111111", "1", ""):
        signer = token_signer.open_signer(LIBRARY, uri, key, pin)
        assert _code(LocalFault, signer.sign, b"m") == "token.pin"
    assert token_signer.open_signer(LIBRARY, uri, key, PIN).sign(b"m").keyid == key.keyid


def test_signature_of_another_key_never_leaves() -> None:
    _, key = token_signer.import_key(LIBRARY, P256, "ceremony")
    uri, _ = token_signer.import_key(LIBRARY, OTHER_P256, "ceremony")
    signer = token_signer.open_signer(LIBRARY, uri, key, PIN)
    assert _code(LocalFault, signer.sign, b"m") == "token.mismatch"
    with pytest.raises(UnsignedMetadataError):
        Metadata(Targets()).sign(signer)


def test_keys_and_tokens_that_are_not_there(tmp_path: Path) -> None:
    assert _code(LocalFault, token_signer.import_key, LIBRARY, 99, "ceremony") == "token.key"
    assert _code(WorldFault, token_signer.import_key, LIBRARY, 2, "other") == "token.unreachable"
    _, key = token_signer.import_key(LIBRARY, P256)
    signer = token_signer.open_signer(LIBRARY, "hsm:99?label=ceremony", key, PIN)
    assert _code(LocalFault, signer.sign, b"m") == "token.key"
    missing = str(tmp_path / "no-module.so")
    assert _code(WorldFault, token_signer.import_key, missing, 2) == "token.unreachable"
    signer = token_signer.open_signer(LIBRARY, "hsm:2?label=other", key, PIN)
    assert _code(WorldFault, signer.sign, b"m") == "token.unreachable"


def test_curves_that_nodes_do_not_verify() -> None:
    assert _code(RemoteFault, token_signer.import_key, LIBRARY, P384, "ceremony") == "token.scheme"


def test_calls_that_name_no_token_key() -> None:
    uri, key = token_signer.import_key(LIBRARY, P256, "ceremony")
    for wrong in ("", "file:2", "hsm:", "hsm:two", uri.replace("hsm", "x")):
        assert _code(LocalFault, token_signer.open_signer, LIBRARY, wrong, key, PIN) == "token.uri"
    key.scheme = keys.ED25519
    assert _code(LocalFault, token_signer.open_signer, LIBRARY, uri, key, PIN) == "token.scheme"
