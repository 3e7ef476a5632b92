"""The SIM's bytes: counted from the interface, kept over reboots, asked before every spending."""

from edge import state_file
from edge.faults import Faults
from edge.node_time import NodeTime
from hw import ports
from protocols import canonical
from protocols.budget import ALERT, Budget, Forecast, Meter
from protocols.errors import Fault, WorldFault
from protocols.fields import Fields
from protocols.limits import ID_BYTES_MAX, JSON_INTEGER_MAX

_METER = "state/meter"
_METER_BYTES_MAX = 400
# So much is put on disk as spent before it is, at most: the count stands ahead of the truth, so
# that a power cut never forgets a byte, and may add this much.
_LEASE_BYTES = 256 * 1024
# What an exchange without media takes at most before it is counted; with less none is begun.
_EXCHANGE_BYTES = 16 * 1024


class SimBudget:
    """Count and grant bytes; without a plan everything is granted and nothing is stored."""

    def __init__(
        self,
        budget: Budget,
        link: ports.Link,
        storage: ports.Storage,
        time: NodeTime,
        faults: Faults,
    ):
        self._budget = budget
        self._link = link
        self._storage = storage
        self._time = time
        self._faults = faults
        self._meter = Meter(_read(storage), budget.sim)
        # On disk stands that so much may be spent by now.
        self._saved_bytes = self._meter.spent_bytes
        self.count()

    def allowed(self, purpose: str) -> int:
        """Return how many bytes may go to a purpose until one asks again."""
        self.count()
        granted = self._left(purpose)
        if granted < _EXCHANGE_BYTES:
            return 0
        if not self._budget.period_bytes:
            return granted
        # A tenth of what is left, so that a cut costs no more of it, and one exchange at least.
        lease = min(granted, _LEASE_BYTES, max(granted // 10, _EXCHANGE_BYTES))
        if self._leased_bytes() < min(lease, max(lease // 2, _EXCHANGE_BYTES)):
            self._save(lease)
        # A quarter is for the carrier's overhead and for what others spend meanwhile. A disk that
        # takes no lease must not keep a node from its hub.
        return min(granted, max(self._leased_bytes(), _EXCHANGE_BYTES) * 3 // 4)

    def forecast(self) -> Forecast:
        """Return what the period has used and how long the rest lasts."""
        self.count()
        return self._budget.forecast(self._meter.spent_bytes, self._elapsed_ms())

    def count(self) -> None:
        """Read the interface's counter and note a spent budget."""
        if not self._budget.period_bytes:
            return
        received, sent = self._link.counters()
        self._meter.read(received + sent, self._link.life())
        wall_ms = self._time.wall_ms()
        rolled = wall_ms is not None and self._meter.roll_over(wall_ms, self._budget.period_days)
        if rolled or self._meter.spent_bytes - self._saved_bytes >= _LEASE_BYTES:
            self._save(0)
        if self._left(ALERT) >= _EXCHANGE_BYTES:
            self._faults.clear("sync.budget")
        else:
            text, remedy = "the SIM's bytes are used up", "Top up the SIM or raise its plan."
            self._faults.note("sync.budget", WorldFault("budget.spent", text, remedy))

    def _leased_bytes(self) -> int:
        """Return how many bytes may be spent that stand on disk as spent already."""
        return self._saved_bytes - self._meter.spent_bytes

    def _left(self, purpose: str) -> int:
        return int(self._budget.allowed(purpose, self._meter.spent_bytes, self._elapsed_ms()))

    def _elapsed_ms(self) -> int:
        now_ms = self._time.wall_ms() or self._time.floor_ms
        return max(0, now_ms - self._meter.started_ms)

    def _save(self, lease: int) -> None:
        self._meter.leased_bytes = lease
        try:
            state_file.write_twice(self._storage, _METER, canonical.encode(self._meter.export()))
        except Fault as fault:
            self._faults.note("store.meter", fault)
            return
        self._faults.clear("store.meter")
        self._saved_bytes = self._meter.spent_bytes + lease

    def plan(self) -> Budget:
        """Return the plan that is kept to."""
        return self._budget


def _read(storage: ports.Storage) -> "dict[str, object] | None":
    """Return the stored count; damage counts as none."""
    try:
        data = state_file.read_either(storage, _METER, _METER_BYTES_MAX)
        if data is None:
            return None
        fields = Fields(canonical.decode(data, _METER_BYTES_MAX), "meter")
        # A plan need not name its card.
        unnamed = fields.value("sim") == ""
        saved: dict[str, object] = {"sim": "" if unnamed else fields.id("sim", ID_BYTES_MAX)}
        for name in ("started_ms", "spent_bytes", "counter_bytes"):
            saved[name] = fields.integer(name, 0, JSON_INTEGER_MAX)
        # Counts of older images know no lease and no life.
        saved["leased_bytes"] = fields.integer("leased_bytes", 0, JSON_INTEGER_MAX, 0)
        saved["life"] = fields.text("life", 0, ID_BYTES_MAX, "")
        return saved
    except Fault:
        return None
