"""A second copy of the trusted root: without its root a node can believe nobody any more.

Everything else that a disk spoils is fetched again and verified against the root; the root itself
is the one file that nothing can verify but itself. The copy is taken after a cycle that the root
carried, and comes back only in the place of a root that is no longer whole.
"""

from edge import state_file
from hw import ports
from protocols.errors import RemoteFault
from protocols.limits import ROOT_BYTES_MAX
from protocols.trust import Trust

_ROOT = "metadata/root.json"
_COPY = "state/root"


def keep(storage: ports.Storage, verifier: ports.Verifier) -> None:
    """Copy the root that just carried a whole cycle, when it is another than the copy."""
    data = state_file.read(storage, _ROOT, ROOT_BYTES_MAX)
    if data is None or data == state_file.read(storage, _COPY, ROOT_BYTES_MAX):
        return
    # A disk can spoil it between the cycle and this.
    if _is_whole(storage, verifier, _ROOT):
        state_file.write(storage, _COPY, data)


def mend(storage: ports.Storage, verifier: ports.Verifier) -> bool:
    """Put the copy in the place of a damaged root; tells whether it did."""
    data = state_file.read(storage, _COPY, ROOT_BYTES_MAX)
    if data is None or _is_whole(storage, verifier, _ROOT):
        return False
    if not _is_whole(storage, verifier, _COPY):
        return False
    state_file.write(storage, _ROOT, data)
    return True


def _is_whole(storage: ports.Storage, verifier: ports.Verifier, name: str) -> bool:
    reader = storage.open(name)
    if reader is None:
        return False
    try:
        Trust(verifier, 0).offer(reader)
    except RemoteFault:
        return False
    finally:
        reader.close()
    return True
