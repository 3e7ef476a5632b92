"""Files that a technician gives a node: its configuration, and the root it trusts first.

`store_at` makes the store of a folder: `hw.platform.Storage`.
"""

from hw import ports
from protocols.errors import LocalFault
from protocols.limits import ROOT_BYTES_MAX

_ROOT = "metadata/root.json"


def install_root(store_at: "object", storage: ports.Storage, path: str) -> None:
    """Trust the root that the technician gave, once: later roots come by rotation alone."""
    if storage.size(_ROOT) is not None:
        return
    data = read(store_at, path, ROOT_BYTES_MAX)
    writer = storage.stage("root")
    writer.write(data)
    writer.commit(_ROOT)


def read(store_at: "object", path: str, bytes_max: int) -> bytes:
    """Return a file that the command line or the configuration names; raises `node.file`."""
    folder, mark, name = path.rpartition("/")
    reader = store_at(folder or mark or ".").open(name)  # type: ignore[operator]
    if reader is None:
        raise LocalFault("node.file", path + " is not there", "Name a file that exists.")
    try:
        data: bytes = reader.read(bytes_max + 1)
    finally:
        reader.close()
    if len(data) > bytes_max:
        raise LocalFault("node.file", path + " is too long", "Name the right file.")
    return data
