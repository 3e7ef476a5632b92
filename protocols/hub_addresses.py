"""Decide which of a hub's addresses is asked next, and when a new list replaces the old.

Theory of operation. The *current* list comes from the configuration until an approver-signed order
gives another. A new list is on *trial*: every round of checks begins with it, the old one stands
behind it, and it becomes current when one of its addresses has shown metadata that verify. While
the new one stays silent although the old one answers, misses are counted; after `MISSES_MAX` the
order is given up. What was current before stays behind as the last resort. An address that
answered is asked first from then on, over reboots too.
"""

from protocols.errors import RemoteFault
from protocols.limits import HUB_ADDRESS_BYTES_MAX, HUBS_MAX

# Misses count only when the old address answered right after: at five minutes a check a day's
# worth, a month's with the longest interval. A new server that is not up by then was a mistake.
MISSES_MAX = 288
# A node that lives on its last resort tries the current list again after so many checks.
STRAY_CHECKS = 12

ADOPTED = "adopted"
GIVEN_UP = "given-up"
NOTHING = ""

_LISTS = ("configured", "current", "previous", "trial")
_TEXTS = ("good", "order", "refused")


def check_addresses(addresses: "list[object]") -> "tuple[str, ...]":
    """Return addresses without a slash at the end; raises `RemoteFault("hub.addresses")`."""
    found: list[str] = []
    for address in addresses:
        if not isinstance(address, str) or not address.startswith(("http://", "https://")):
            raise _refuse("an address does not begin with http:// or https://")
        if len(address.encode()) > HUB_ADDRESS_BYTES_MAX or not _is_plain(address):
            raise _refuse("an address is too long or holds a space")
        found.append(address.rstrip("/"))
    if not 1 <= len(found) <= HUBS_MAX:
        raise _refuse("there are " + str(len(found)) + " addresses")
    return tuple(found)


def _is_plain(address: str) -> bool:
    for letter in address:
        if not "!" <= letter <= "~":
            return False
    return True


def _refuse(what: str) -> RemoteFault:
    remedy = "Give one to " + str(HUBS_MAX) + " addresses of the hub."
    return RemoteFault("hub.addresses", what, remedy)


class HubAddresses:
    """Hold one node's addresses of its hub.

    `configured` are those of its configuration, `saved` what `export` gave before the reboot (None
    for nothing). When a technician has written another configuration since, that one counts.
    """

    def __init__(
        self, configured: "tuple[str, ...]", saved: "dict[str, object] | None" = None
    ) -> None:
        self._configured = tuple(configured)
        self._current = self._configured
        self._previous: tuple[str, ...] = ()
        self._trial: tuple[str, ...] = ()
        self._good = self._order = self._refused = ""
        self._misses = 0
        if saved is not None and self._list(saved, "configured") == self._configured:
            self._current = self._list(saved, "current") or self._configured
            self._previous = self._list(saved, "previous")
            self._trial = self._list(saved, "trial")
            self._good, self._order, self._refused = [str(saved.get(name, "")) for name in _TEXTS]
            misses = saved.get("misses", 0)
            self._misses = misses if isinstance(misses, int) else 0
        self._has_missed = False
        self._stray = 0
        self._base = self._rounds()[0]

    def _list(self, saved: "dict[str, object]", name: str) -> "tuple[str, ...]":
        value = saved.get(name)
        return tuple([str(one) for one in value]) if isinstance(value, list) else ()

    def export(self) -> "dict[str, object]":
        """Return what to persist."""
        lists = (self._configured, self._current, self._previous, self._trial)
        texts = (self._good, self._order, self._refused)
        value: dict[str, object] = {"misses": self._misses}
        for index, name in enumerate(_LISTS):
            value[name] = list(lists[index])
        for index, name in enumerate(_TEXTS):
            value[name] = texts[index]
        return value

    def base(self) -> str:
        """Return the address that the next check asks."""
        return self._base

    def known(self) -> "list[str]":
        """Return the addresses that are no trial, the one that last answered first."""
        names = [self._good] if self._good else []
        for name in self._current + self._previous + self._configured:
            if name not in names:
                names.append(name)
        return names

    def trial(self) -> "tuple[str, ...]":
        """Return the addresses on trial; empty when there are none."""
        return self._trial

    def propose(self, addresses: "tuple[str, ...]", order: str) -> bool:
        """Put the list of an order on trial; tells whether it is new.

        The same order again, adopted, on trial or given up, changes nothing.
        """
        if not order or order in (self._order, self._refused):
            return False
        self._order = order
        self._misses = 0
        self._trial = tuple(addresses)
        if self._trial == self._current:
            self._trial = ()
            return True
        self._base = self._trial[0]
        return True

    def failed(self, base: str) -> None:
        """Go on to the next address, unless that has happened already."""
        if base != self._base:
            return
        names = self._rounds()
        place = names.index(base) if base in names else -1
        self._base = names[(place + 1) % len(names)]
        self._has_missed = self._has_missed or base in self._trial

    def answered(self, base: str) -> str:
        """Note that an address showed metadata that verify.

        Returns `ADOPTED` when its list became current by that, `GIVEN_UP` when the list on trial is
        dropped, else `NOTHING`.
        """
        self._good = base
        if base in self._trial:
            self._previous = self._current
            self._current = self._trial
            self._trial = ()
            self._base = base
            return ADOPTED
        if self._trial:
            return self._miss()
        if base in self._current:
            self._stray = 0
            return NOTHING
        self._stray += 1
        if self._stray >= STRAY_CHECKS:
            self._stray = 0
            self._base = self._current[0]
        return NOTHING

    def _miss(self) -> str:
        if self._has_missed:
            self._has_missed = False
            self._misses += 1
        if self._misses >= MISSES_MAX:
            self._trial = ()
            self._refused = self._order
            self._order = ""
            return GIVEN_UP
        self._base = self._trial[0]
        return NOTHING

    def _rounds(self) -> "list[str]":
        """Return every address in the order of a round."""
        return list(self._trial) + [name for name in self.known() if name not in self._trial]
