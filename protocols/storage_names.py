"""Which names a store accepts: the same rule on every platform."""

from protocols.errors import LocalFault
from protocols.limits import STORAGE_NAME_BYTES_MAX

# The folder in which adapters keep files that nobody may see yet.
STAGING = ".staged"
_REMEDY = "use folder/file or file, in printable ASCII, without . and .. as a part"


def check(name: str) -> None:
    """Refuse a name that is not `folder/file` or `file` in printable ASCII without spaces.

    Raises `LocalFault("storage.name")`.
    """
    parts = name.split("/")
    if len(parts) > 2 or len(name) > STORAGE_NAME_BYTES_MAX:
        raise LocalFault("storage.name", "name too deep or too long: " + repr(name), _REMEDY)
    for part in parts:
        if part in ("", ".", "..", STAGING):
            raise LocalFault("storage.name", "reserved part in name: " + repr(name), _REMEDY)
    if min(name) < "!" or max(name) > "~" or "\\" in name:
        raise LocalFault("storage.name", "character not allowed: " + repr(name), _REMEDY)
