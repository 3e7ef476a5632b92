"""Write MicroPython's ROMFS: a read-only image from which bytecode runs without being copied.

Format: MicroPython documentation, "Working with ROMFS". A record is a kind, a length and a payload;
numbers are big-endian groups of seven bits. Names stand sorted, so one tree makes one image.
"""

_MAGIC = b"\xd2\xcd\x31"
_VERBATIM = 2
_FOLDER = 4
_FILE = 5


def image(files: dict[str, bytes]) -> bytes:
    """Return the image of files by their paths (`edge/main.mpy`)."""
    data = _folder(files)
    length = _number(len(data))
    if (len(_MAGIC) + len(length) + len(data)) % 2:
        # The first file's data keep an even address.
        length = b"\x80" + length
    return _MAGIC + length + data


def _folder(files: dict[str, bytes]) -> bytes:
    folders: dict[str, dict[str, bytes]] = {}
    here = {}
    for path, content in files.items():
        name, mark, rest = path.partition("/")
        if mark:
            folders.setdefault(name, {})[rest] = content
        else:
            here[name] = content
    records = {name: _record(_FOLDER, _name(name) + _folder(folders[name])) for name in folders}
    for name, data in here.items():
        records[name] = _record(_FILE, _name(name) + _record(_VERBATIM, data))
    return b"".join(records[name] for name in sorted(records))


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def _name(name: str) -> bytes:
    data = name.encode()
    return _number(len(data)) + data


def _number(value: int) -> bytes:
    groups = [value & 0x7F]
    value >>= 7
    while value:
        groups.insert(0, 0x80 | value & 0x7F)
        value >>= 7
    return bytes(groups)
