"""Write `signatures.txt`: `python -m tests.vectors.make_signatures`; the same bytes every time.

Two kinds of lines, each key followed by its cases. `key NAME SCHEME PUBLIC` names a public key
(hex, in the form of `protocols/keys.py`); `case VALID KEY MESSAGE SIGNATURE TITLE…` is one
signature (hex, `-` for empty) and whether every verifier must take it. Published vectors stand in
`published.txt` in the same form, each with its source.
"""

from pathlib import Path

from tests.vectors import make_ed25519, make_p256, make_rsa_pss

HERE = Path(__file__).parent


def lines():
    """Yield every line of the file."""
    for scheme, maker in (
        ("ed25519", make_ed25519),
        ("ecdsa-sha2-nistp256", make_p256),
        ("rsassa-pss-sha256", make_rsa_pss),
    ):
        by_key = {}
        for title, valid, key, message, signature in maker.cases():
            row = (valid, message.hex() or "-", signature.hex() or "-", title)
            by_key.setdefault(key, []).append(row)
        for number, (key, rows) in enumerate(by_key.items()):
            name = "%s-%d" % (scheme.split("-")[0], number)
            yield "key %s %s %s" % (name, scheme, key.hex() or "-")
            for valid, message, signature, title in rows:
                yield "case %d %s %s %s %s" % (valid, name, message, signature, title)


if __name__ == "__main__":
    (HERE / "signatures.txt").write_text("".join([line + "\n" for line in lines()]))
