"""Bring the image that an order names, try it, and go back when it does not run well.

The sync task fetches and verifies manifest and image as it does everything else; this task says
that they are wanted, installs what is here, and judges a trial: well when the agent has run without
a failing task and has either met its hub or lasted ten minutes.
"""

from collections import namedtuple

from edge.content import Parts
from edge.image_store import ImageStore, is_final
from edge.order_memory import OrderMemory
from edge.supervisor import Task
from hw import ports
from protocols import settings
from protocols.errors import Fault, LocalFault, RemoteFault
from protocols.settings import Order

LOOK_MS = 2_000
# A crash at the start shows within a minute, a leak within ten; then the judgement stands.
HEALTHY_MS_MIN = 60_000
HEALTHY_MS = 600_000
_PLACE = "firmware"


Calls = namedtuple("Calls", ("end", "restart", "passed", "met_hub", "is_on_air", "look"))
"""How the task touches its neighbours: `end(order, state, body)` writes down how an order ended,
`restart(why)` ends the agent, `passed()` tells the platform that a trial went well, `met_hub()`
whether the hub was met in this life, `is_on_air()` whether something plays; `look()` asks the hub
for the image, which is no news to it."""


class FirmwareTask(Task):
    """Look after the image of one node."""

    name = "firmware"

    def __init__(
        self,
        parts: Parts,
        clock: ports.Clock,
        images: ImageStore,
        memory: OrderMemory,
        calls: Calls,
    ):
        self._parts = parts
        self._clock = clock
        self._images = images
        self._memory = memory
        self._calls = calls
        self._began_ms = clock.ticks_ms()

    async def run(self) -> None:
        """Judge a trial first, then install what is ordered, until cancelled."""
        while self._images.is_trial() and not self._judge():
            await self._clock.sleep_ms(LOOK_MS)
        self._settle()
        while True:
            order = self._order()
            self._want(order is not None)
            if order is not None:
                try:
                    await self._bring(order)
                    self._parts.faults.clear("store.firmware")
                except Fault as fault:
                    if is_final(fault):
                        self._fail(order, fault)
                    else:
                        self._parts.faults.note("store.firmware", fault)
            await self._clock.sleep_ms(LOOK_MS)

    def _want(self, is_wanted: bool) -> None:
        manifests = self._parts.manifests
        if is_wanted and not manifests.wants_image:
            manifests.wants_image = True
            self._calls.look()
        manifests.wants_image = is_wanted

    def _order(self) -> Order | None:
        """Return the update that is under way, the newest when there are several."""
        found = None
        for order in self._memory.begun():
            if order.kind == settings.UPDATE and (found is None or order.version > found.version):
                found = order
        return found

    def _judge(self) -> bool:
        """Tell whether the trial is over; an image that fails is started anew until it is out."""
        age_ms = self._clock.ticks_ms() - self._began_ms
        failing = [place for place, _ in self._parts.faults.open_faults() if place[:5] == "task."]
        is_old = age_ms >= HEALTHY_MS
        if failing and is_old:
            self._calls.restart("unhealthy")
            return False
        met_hub = self._calls.met_hub()
        if failing or not (is_old or (met_hub and age_ms >= HEALTHY_MS_MIN)):
            return False
        self._images.confirm()
        self._calls.passed()
        return True

    def _settle(self) -> None:
        """Write down the end of updates that were decided before this life or in it."""
        choice = self._images.choice
        for order in self._memory.begun():
            if order.kind != settings.UPDATE:
                continue
            if order.version == choice.version:
                self._calls.end(order, "done", {"version": order.version})
                self._parts.faults.clear(_PLACE)
            elif order.version == choice.failed:
                text = "version " + str(order.version) + " did not run; the one before runs again"
                remedy = "Stop the roll-out and publish a mended image."
                self._fail(order, LocalFault("firmware.rolled_back", text, remedy))

    def _fail(self, order: Order, fault: Fault) -> None:
        self._parts.faults.note(_PLACE, fault)
        body = {"code": fault.code, "message": fault.message[:200], "version": order.version}
        self._calls.end(order, "failed", body)

    async def _bring(self, order: Order) -> None:
        """Go as far as what is here allows."""
        wanted = self._parts.manifests.image
        if order.version <= self._images.version():
            text = "version " + str(self._images.version()) + " runs already"
            raise RemoteFault("image.old", text, "Order a newer version.")
        if order.expires_s <= self._parts.time.latest_s():
            raise RemoteFault("image.late", "the image did not come in time", "Order it again.")
        if wanted is None or wanted.version < order.version:
            return
        if wanted.version > order.version:
            text = "version " + str(wanted.version) + " took the place of what was ordered"
            raise RemoteFault("image.replaced", text, "Order the newer version.")
        if not self._parts.blobs.has(wanted.sha256) or self._calls.is_on_air():
            return
        reader = await self._parts.blobs.open_blob(wanted.sha256)
        try:
            await self._images.install(wanted, reader)
        finally:
            reader.close()
        self._calls.restart("update")
