"""Small files that are read and written whole: state that survives a reboot."""

from hw import ports


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
