"""Change one field of a manifest at a time, and say how it is refused."""

from protocols import canonical
from protocols.errors import RemoteFault

HOLE = "a field to take away"


def refusal(read, value):
    """Return the code and message with which a value is refused."""
    try:
        read(canonical.encode(value))
    except RemoteFault as fault:
        assert fault.remedy
        return fault.code + " " + fault.message
    return "accepted"


def change(value, path, new):
    """Set or remove what stands at a path of keys and indexes."""
    for step in path[:-1]:
        value = value[step]
    if new is HOLE:
        del value[path[-1]]
    else:
        value[path[-1]] = new


def check(make, read, cases):
    """Check how each (path, new, complaint) is refused of a fresh value."""
    for path, new, expected in cases:
        value = make()
        change(value, path, new)
        found = refusal(read, value)
        assert found.startswith("format.field " + expected), (path, new, found)
