"""Small files that are read and written whole: state that survives a reboot."""

import binascii

from hw import ports

# A checksum of what follows, in hexadecimal, and a line's end.
_SUM_BYTES = 9


def read(storage: ports.Storage, name: str, bytes_max: int) -> bytes | None:
    """Return a visible file, cut one byte above `bytes_max`, or None when there is none."""
    reader = storage.open(name)
    if reader is None:
        return None
    try:
        return reader.read(bytes_max + 1)
    finally:
        reader.close()


def write(storage: ports.Storage, name: str, data: bytes) -> None:
    """Put bytes in the place of a visible file, durably; raises `WorldFault("storage.*")`."""
    staged = name.replace("/", ".")
    writer = storage.stage(staged)
    try:
        writer.write(data)
        writer.commit(name)
    except Exception:
        writer.close()
        storage.discard(staged)
        raise


def write_twice(storage: ports.Storage, name: str, data: bytes) -> None:
    """Put bytes in the place of a file and of its copy, with a checksum each.

    For what a spoilt bit must not take away: it is nowhere else. Raises `WorldFault("storage.*")`.
    """
    whole = _summed(data)
    write(storage, name, whole)
    write(storage, name + "-copy", whole)


def read_either(storage: ports.Storage, name: str, bytes_max: int) -> bytes | None:
    """Return what `write_twice` wrote, from whichever file is whole; None when there is none.

    Of two that are damaged the first is returned as it stands, for its reader to refuse.
    """
    found = []
    for file in (name, name + "-copy"):
        whole = read(storage, file, bytes_max + _SUM_BYTES)
        if whole is not None:
            data = whole[_SUM_BYTES:]
            if whole == _summed(data):
                return data
            found.append(whole)
    return found[0] if found else None


def _summed(data: bytes) -> bytes:
    return b"%08x\n" % (binascii.crc32(data) & 0xFFFFFFFF) + data


def remove_both(storage: ports.Storage, name: str) -> None:
    """Remove what `write_twice` wrote."""
    for file in (name, name + "-copy"):
        if storage.size(file) is not None:
            storage.remove(file)
