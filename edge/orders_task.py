"""Carry out orders once, take over mandates, and say what became of both.

Theory of operation. What is asked stands in verified manifests; what was done stands in two small
files. An order is noted as begun before it is carried out and as ended after its result is in the
journal, so a power cut in between leaves it begun: the next life reports it as interrupted (or, for
a restart, as done) and never begins it again. A mandate becomes the node's standing in one durable
step, then the agent restarts under it.
"""

from collections import namedtuple

from edge.content import Parts
from edge.event_log import EventLog
from edge.order_memory import OrderMemory
from edge.self_test import SelfTest
from edge.standing import Standing
from edge.supervisor import Task
from hw import ports
from protocols import settings
from protocols.errors import Fault, RemoteFault
from protocols.limits import ORDER_LIFE_S_MAX, ORDERS_MAX
from protocols.records import HEALTH
from protocols.settings import Order

# How often one looks while something waits for its moment, and while nothing does: news rings.
LOOK_MS = 1_000
REST_MS = 3_600_000
# A stolen key at the hub may ask as often as it likes: no more than this is done.
RESTART_APART_MS = 600_000
TEST_APART_MS = 300_000
_PLACE = "orders"

Means = namedtuple("Means", ("standing", "memory", "log", "test", "restart", "has_images"))
"""How orders are carried out: `standing`, `memory`, `log` and `test` are those of this package,
`restart(why)` ends the agent so that it is started again, `has_images` tells whether an update,
once noted as begun, is taken up by `edge.firmware_task`."""


class OrdersTask(Task):
    """Look for what is asked of this node, for as long as it runs."""

    name = "orders"

    def __init__(self, parts: Parts, clock: ports.Clock, means: Means):
        self._parts = parts
        self._clock = clock
        self._standing: Standing = means.standing
        self._memory: OrderMemory = means.memory
        self._log: EventLog = means.log
        self._test: SelfTest = means.test
        self._means = means
        self._began_ms = clock.ticks_ms()
        self._tested_ms: int | None = None
        # Ids whose refusal was written down in this life.
        self._refused: list[str] = []

    async def run(self) -> None:
        """Look at every news, and again while an order waits, until cancelled."""
        self._take_up()
        while True:
            wait_ms = LOOK_MS
            try:
                self._report_settings()
                self._mandates()
                if not await self._orders():
                    wait_ms = REST_MS
                self._parts.faults.clear(_PLACE)
            except Fault as fault:
                # The disk refused: nothing was begun, or it is reported as interrupted.
                self._parts.faults.note(_PLACE, fault)
            self._log.keep()
            await self._parts.manifests.news.wait(self._clock, wait_ms)

    def _take_up(self) -> None:
        """Write down the end of what an earlier life began."""
        for damage in (self._memory.fault, self._standing.fault):
            if damage is not None:
                self._parts.faults.note("store.orders", damage)
        self._tell_mandate()
        if self._memory.fault is not None:
            # Which of the held orders were carried out is not known: none is carried out again.
            for order in self._held():
                self._memory.begin(order)
            self._memory.fault = None
        for order in self._memory.begun():
            if order.kind == settings.RESTART:
                self._end(order, "done", {})
            elif order.kind != settings.UPDATE:
                text = "the node lost power or stopped while it did this"
                self._end(order, "failed", _why("order.interrupted", text))

    def _held(self) -> "list[Order]":
        found = self._parts.manifests.orders
        return [] if found is None else list(found.orders)

    def _report_settings(self) -> None:
        found = self._parts.manifests.settings
        if found is None or found.sequence == self._memory.settings:
            return
        body: dict[str, object] = {"volume_percent": found.volume_percent}
        self._write("settings-" + str(found.sequence), "settings", "done", body)
        self._memory.note_settings(found.sequence)

    def _mandates(self) -> None:
        """Take over what approvers laid down about this node since; then restart under it."""
        for manifest in self._parts.manifests.mandates():
            mandate = manifest.nodes.get(self._parts.config.node)
            if mandate is None or self._standing.is_done(manifest.unit, mandate):
                continue
            if mandate.hubs is not None:
                name = manifest.unit + "-" + str(mandate.sequence)
                self._parts.hubs.rehome(list(mandate.hubs), "mandate-" + name)
            must_restart = self._standing.carry_out(manifest.unit, mandate)
            self._tell_mandate()
            if must_restart:
                self._means.restart("mandate")

    def _tell_mandate(self) -> None:
        """Write down a mandate that was carried out; a wipe is written down when it is over, new
        addresses when they have answered (`edge.hubs`)."""
        standing = self._standing
        if standing.owed and not standing.state:
            if standing.owed_kind != "re-home":
                self._write(standing.owed, standing.owed_kind, "done", {})
            standing.note_told()

    async def _orders(self) -> bool:
        """Carry out what may be; tells whether something must wait for its moment."""
        is_waiting = False
        for order in self._held():
            if self._memory.knows(order) or order.id in self._refused:
                continue
            refusal = self._refusal(order)
            if refusal is not None:
                self._refuse(order, refusal)
            elif self._must_wait(order):
                is_waiting = True
            else:
                await self._carry_out(order)
        return is_waiting

    def _refusal(self, order: Order) -> RemoteFault | None:
        """Return why an order is not carried out, or None."""
        now_s = self._parts.time.latest_s()
        name = order.id + " (" + order.kind + ")"
        if order.kind in settings.APPROVED_KINDS:
            text = name + ": only a unit's approvers may lay this down"
            remedy = "Withdraw it; find out who used the hub's key, and change the key."
            return RemoteFault("order.widening", text, remedy)
        if order.kind == settings.UPDATE and not self._means.has_images:
            text = name + ": nothing changes this node's image but a technician"
            return RemoteFault("order.unknown", text, "Send a technician.")
        if order.kind not in settings.ORDER_KINDS:
            text = name + ": this node's version does not know such an order"
            return RemoteFault("order.unknown", text, "Update the node first.")
        if order.expires_s <= now_s:
            return RemoteFault("order.expired", name + " came too late", "Order it again.")
        if order.expires_s > now_s + ORDER_LIFE_S_MAX:
            return RemoteFault("order.life", name + " waits too long", "Allow at most 31 days.")
        if self._memory.is_full(now_s):
            return RemoteFault("order.too_many", "too many orders are open", "Wait for some.")
        return None

    def _refuse(self, order: Order, refusal: RemoteFault) -> None:
        self._refused.append(order.id)
        self._refused = self._refused[-2 * ORDERS_MAX :]
        if refusal.code == "order.widening":
            self._parts.faults.note("orders.widening", refusal)
        self._log.add(str(refusal))
        self._write(order.id, order.kind, "refused", _why(refusal.code, refusal.message))

    def _must_wait(self, order: Order) -> bool:
        """Tell whether this is no moment for it: what plays goes first, and nothing is overdone."""
        now_ms = self._clock.ticks_ms()
        if order.kind == settings.RESTART:
            return self._test.is_on_air() or now_ms - self._began_ms < RESTART_APART_MS
        if order.kind == settings.SELF_TEST:
            tested_ms = self._tested_ms
            is_early = tested_ms is not None and now_ms - tested_ms < TEST_APART_MS
            return self._test.is_on_air() or is_early
        return False

    async def _carry_out(self, order: Order) -> None:
        self._memory.begin(order)
        self._log.add("order " + order.id + ": " + order.kind)
        if order.kind == settings.RESTART:
            self._means.restart("order")
        elif order.kind == settings.UPDATE:
            # The memory itself is the errand: `edge.firmware_task` reads it.
            return
        elif order.kind == settings.SELF_TEST:
            self._tested_ms = self._clock.ticks_ms()
            self._end(order, "done", await self._test.run())
        else:
            self._end(order, "done", {"parts": self._upload_log(order)})

    def _upload_log(self, order: Order) -> int:
        """Write the log into the journal, from where it goes to the hub; return the parts."""
        parts = self._log.parts()
        for number, lines in enumerate(parts):
            body = {"order": order.id, "part": number + 1, "parts": len(parts), "lines": lines}
            self._parts.book.write(HEALTH, "log", body)
        return len(parts)

    def end(self, order: Order, state: str, body: "dict[str, object]") -> None:
        """Write down how an update ended."""
        self._end(order, state, body)

    def _end(self, order: Order, state: str, body: "dict[str, object]") -> None:
        self._write(order.id, order.kind, state, body)
        self._memory.finish(order.id)

    def _write(self, name: str, kind: str, state: str, body: "dict[str, object]") -> None:
        body = dict(body)
        body["order"] = name
        body["kind"] = kind
        body["state"] = state
        self._parts.book.write(HEALTH, "order", body)


def _why(code: str, message: str) -> "dict[str, object]":
    return {"code": code, "message": message[:200]}
