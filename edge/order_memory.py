"""Which orders were begun, so that none is carried out twice, whatever is cut when."""

from edge import state_file
from hw import ports
from protocols import canonical
from protocols.errors import Fault
from protocols.fields import Fields
from protocols.limits import (
    EPOCH_S_MAX,
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    ORDER_KIND_BYTES_MAX,
    ORDERS_MEMORY_BYTES_MAX,
    ORDERS_REMEMBERED_MAX,
)
from protocols.settings import Order

_NAME = "state/orders"


class OrderMemory:
    """Remember ids until their orders have expired; `fault` says why a damaged file was dropped."""

    def __init__(self, storage: ports.Storage):
        self._storage = storage
        self.fault: Fault | None = None
        # Sequence of the newest settings that were reported.
        self.settings = 0
        # id → (kind, expires_s, version, is open).
        self._known: dict[str, tuple[str, int, int, bool]] = {}
        try:
            data = state_file.read_either(storage, _NAME, ORDERS_MEMORY_BYTES_MAX)
            if data is not None:
                self._read(Fields(canonical.decode(data, ORDERS_MEMORY_BYTES_MAX), "orders"))
        except Fault as fault:
            self.fault = fault
            self._known = {}

    def _read(self, fields: Fields) -> None:
        self.settings = fields.integer("settings", 0, JSON_INTEGER_MAX)
        for entry in fields.objects("known", ORDERS_REMEMBERED_MAX):
            self._known[entry.id("id", ID_BYTES_MAX)] = (
                entry.id("kind", ORDER_KIND_BYTES_MAX),
                entry.integer("expires_s", 1, EPOCH_S_MAX),
                entry.integer("version", 0, JSON_INTEGER_MAX),
                entry.flag("open"),
            )

    def knows(self, order: Order) -> bool:
        """Tell whether an order was begun before."""
        return order.id in self._known

    def is_full(self, now_s: int) -> bool:
        """Tell whether no further order fits; what has expired is forgotten first."""
        for name in sorted(self._known):
            _, expires_s, _, is_open = self._known[name]
            if expires_s < now_s and not is_open:
                del self._known[name]
        return len(self._known) >= ORDERS_REMEMBERED_MAX

    def begin(self, order: Order) -> None:
        """Note, durably, that an order is about to be carried out: never again after this."""
        self._known[order.id] = (order.kind, order.expires_s, order.version, True)
        self._write()

    def finish(self, name: str) -> None:
        """Note that an order's end is written down."""
        kind, expires_s, version, _ = self._known[name]
        self._known[name] = (kind, expires_s, version, False)
        self._write()

    def begun(self) -> list[Order]:
        """Return what was begun and whose end is not written down, by id."""
        return [
            Order(name, self._known[name][0], self._known[name][1], self._known[name][2])
            for name in sorted(self._known)
            if self._known[name][3]
        ]

    def note_settings(self, sequence: int) -> None:
        """Note that settings were reported."""
        self.settings = sequence
        self._write()

    def _write(self) -> None:
        known = []
        for name in sorted(self._known):
            kind, expires_s, version, is_open = self._known[name]
            entry = {"id": name, "kind": kind, "expires_s": expires_s, "version": version}
            entry["open"] = is_open
            known.append(entry)
        data = canonical.encode({"settings": self.settings, "known": known})
        state_file.write_twice(self._storage, _NAME, data)
