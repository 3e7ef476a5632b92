"""Packs as an attacker, a broken stick or a bad cable makes them, each by name."""

from protocols import tar
from protocols.limits import BLOB_BYTES_MAX, METADATA_BYTES_MAX, PACK_MEMBERS_MAX
from tests.edge.stick_world import members


def raw_head(name, length, kind=b"0"):
    """Return a head that our own writer would refuse to make."""
    head = bytearray(tar.header("blobs/x", 0))
    head[0:100] = name.encode().ljust(100, b"\0")
    head[124:136] = b"%011o\0" % length
    head[148:157] = b"        " + kind
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def member(name, data):
    """Return one member."""
    return raw_head(name, len(data)) + data + tar.padding(len(data))


def parts_of(pack):
    """Return the bytes of every member by name, in order."""
    return {name: pack[start:end] for name, start, end in members(pack)}


def broken(pack):
    """Return (code, bytes) by name: what is wrong, and how it is called."""
    parts = parts_of(pack)
    names = list(parts)
    papers = [name for name in names if not name.startswith("blobs/")]
    (blob,) = [name for name in names if name.startswith("blobs/")]
    body = b"".join(parts.values())
    first = body[: len(parts[names[0]])]
    swapped = parts[blob] + b"".join(parts[name] for name in papers)
    made = {
        "empty": ("pack.cut", b""),
        "no end": ("pack.cut", body),
        "half an end": ("pack.cut", body + bytes(512)),
        "noise": ("pack.header", b"\x01" * 4096),
        "a page": ("pack.header", b"<html>Please log in</html>".ljust(2048)),
        "goes on after half an end": ("pack.header", first + bytes(512) + body + tar.END),
        "media first": ("pack.order", swapped + tar.END),
        "a paper twice": ("pack.twice", first + body + tar.END),
        "up and out": ("pack.name", member("../../etc/passwd", b"x") + body + tar.END),
        "absolute": ("pack.name", member("/etc/passwd", b"x") + body + tar.END),
        "into the key": ("pack.name", member("state/identity", b"x") + body + tar.END),
        "deeper": ("pack.name", member("metadata/a/b.json", b"{}") + body + tar.END),
        "no digest": ("pack.name", body + member("blobs/" + "g" * 64, b"x") + tar.END),
        "a link": ("pack.member", raw_head("blobs/" + "0" * 64, 0, b"2") + body + tar.END),
        "a folder": ("pack.member", raw_head("metadata", 0, b"5") + body + tar.END),
        "a paper too long": (
            "pack.length",
            raw_head("metadata/9.x.json", METADATA_BYTES_MAX + 1) + bytes(METADATA_BYTES_MAX * 2),
        ),
        "a medium too long": (
            "pack.length",
            body + raw_head("blobs/" + "0" * 64, BLOB_BYTES_MAX + 1) + tar.END,
        ),
        "papers without end": (
            "pack.length",
            b"".join(member(f"metadata/{n}.x.json", bytes(400_000)) for n in range(6)) + tar.END,
        ),
        "names without end": (
            "pack.count",
            b"".join(member(f"metadata/{n}.x.json", b"") for n in range(800)) + tar.END,
        ),
        "media without end": (
            "pack.count",
            body + raw_head("blobs/" + "0" * 64, 0) * PACK_MEMBERS_MAX + tar.END,
        ),
    }
    return made


def tampered(pack):
    """Return (code, bytes) by name of packs that are whole but not what was signed."""
    parts = parts_of(pack)
    (timestamp,) = [name for name in parts if name.endswith("timestamp.json")]
    (snapshot,) = [name for name in parts if name.endswith("snapshot.json")]
    (role,) = [name for name in parts if name.endswith(".unit-03.a.json")]
    (manifest,) = [name for name in parts if name.startswith("targets/")]
    (blob,) = [name for name in parts if name.startswith("blobs/")]

    def change(name, what):
        data = parts[name][512:]
        assert what in data
        other = bytes([what[0] ^ 1]) + what[1:]
        changed = parts[name][:512] + data.replace(what, other, 1)
        return b"".join({**parts, name: changed}.values()) + tar.END

    return {
        "timestamp": ("trust.bad_signature", change(timestamp, b"x-issued")),
        "snapshot": ("trust.hash", change(snapshot, b"x-issued")),
        "role": ("trust.bad_signature", change(role, b"bundle.json")),
        "manifest": ("trust.hash", change(manifest, b"news")),
        "medium": ("blob.hash", change(blob, b"\x01\x00" * 4)),
    }
