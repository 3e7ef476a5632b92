"""The addresses of the hub, remembered over reboots and replaced by order."""

from edge import state_file
from edge.book import Book
from edge.faults import Faults
from hw import ports
from protocols import canonical
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.hub_addresses import ADOPTED, GIVEN_UP, HubAddresses, check_addresses
from protocols.limits import HUB_ADDRESSES_FILE_BYTES_MAX
from protocols.records import HEALTH

_FILE = "state/hubs"


class Hubs(HubAddresses):
    """Keep the addresses on disk, and tell what became of an order.

    A re-home order calls `rehome`; the sync task calls `answered` and `failed`.
    """

    def __init__(
        self, configured: "tuple[str, ...]", storage: ports.Storage, book: Book, faults: Faults
    ):
        HubAddresses.__init__(self, configured, _read(storage))
        self._storage = storage
        self._book = book
        self._faults = faults
        self._stored = self.export()

    def rehome(self, addresses: "list[object]", order: str) -> bool:
        """Put the addresses of an approver-signed order on trial; tells whether it is new.

        Raises `RemoteFault("hub.addresses")`.
        """
        is_new = self.propose(check_addresses(addresses), order)
        if is_new:
            self._save()
            self._book.write(HEALTH, "rehome", {"order": order, "state": "trial"})
        return is_new

    def answered(self, base: str) -> str:
        """Note a verified answer; see `HubAddresses`."""
        order = self._order
        outcome = HubAddresses.answered(self, base)
        self._save()
        if outcome == ADOPTED:
            self._faults.clear("hub.rehome")
            self._book.write(HEALTH, "rehome", {"order": order, "state": ADOPTED, "hub": base})
        elif outcome == GIVEN_UP:
            text = "the addresses of order " + order + " never answered"
            remedy = "Check the new server and sign another order; the old hub stays"
            self._faults.note("hub.rehome", WorldFault("hub.rehome", text, remedy))
        return outcome

    def _save(self) -> None:
        value = self.export()
        if value == self._stored:
            return
        try:
            state_file.write_twice(self._storage, _FILE, canonical.encode(value))
        except Fault as fault:
            self._faults.note("store.hubs", fault)
            return
        self._faults.clear("store.hubs")
        self._stored = value


def _read(storage: ports.Storage) -> "dict[str, object] | None":
    """Return what is stored; damage counts as nothing, the configuration is always there."""
    data = state_file.read_either(storage, _FILE, HUB_ADDRESSES_FILE_BYTES_MAX)
    if data is None:
        return None
    try:
        value = canonical.decode(data, HUB_ADDRESSES_FILE_BYTES_MAX)
        if not isinstance(value, dict):
            return None
        for name in ("configured", "current"):
            check_addresses(value.get(name))  # type: ignore[arg-type]
        return value
    except (RemoteFault, TypeError):
        return None
