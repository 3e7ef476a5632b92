"""Run a box that a technician sets up over its service cable: nobody at first, then a node.

The file that came with the system says where the stores are, which port is the service cable,
which devices this make may have, and where the wipe button hangs: `{"data", "storage",
"service": {"port", "baud"}, "candidates": {"audio": […], "amplifier": […], "board": […]},
"wipe_button": {"path", "pressed"}}`. Enrolment and wipe start the agent anew without a reboot.
"""

import asyncio
import sys

from edge.installation import Installation
from edge.service_desk import AGENT, RELEASE, Desk, Tools
from edge.service_task import ServiceTask
from hw import ports
from protocols import canonical, enrolment, framing
from protocols.errors import LocalFault
from protocols.fields import Fields
from protocols.limits import CONFIG_BYTES_MAX, CONFIG_PATH_BYTES_MAX
from protocols.provision_session import Doer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hw.button_port import Button

_STARTS_ANEW = sys.implementation.name == "micropython"
_ANSWER_MS = 1_000


def is_service(data: bytes) -> bool:
    """Tell whether a configuration file is that of a box to be set up by cable."""
    value = canonical.decode(data, CONFIG_BYTES_MAX)
    return isinstance(value, dict) and "service" in value and "node" not in value


class Service:
    """Hold one box; `make_node(config)` makes the agent of an enrolled one."""

    def __init__(self, data: bytes, kit: "object", make_node: "object"):
        base = Fields(canonical.decode(data, CONFIG_BYTES_MAX), "config")
        self._base = base
        self._kit = kit
        self._make_node = make_node
        self._data = base.text("data", 1, CONFIG_PATH_BYTES_MAX)
        self._clock: ports.Clock = kit.Clock()  # type: ignore[attr-defined]
        self._entropy: ports.Entropy = kit.Entropy()  # type: ignore[attr-defined]
        self._button: Button | None = None
        self.restarts = False
        if base.has("wipe_button"):
            button = base.nested("wipe_button")
            self._button = kit.button(  # type: ignore[attr-defined]
                button.text("path", 1, CONFIG_PATH_BYTES_MAX), button.text("pressed", 1, 1)
            )
        cable = base.nested("service")
        self._serial: ports.Serial = kit.serial(  # type: ignore[attr-defined]
            cable.text("port", 1, CONFIG_PATH_BYTES_MAX),
            cable.integer("baud", 1200, 3_000_000, 115200),
            self._clock,
        )

    async def run(self) -> None:
        """Serve the cable and run the agent, until cancelled.

        A small heap that has set itself up is no place for an agent: there the box becomes what it
        is now with a restart, and this returns with `restarts` set.
        """
        node, desk = self._arrange()
        doer = Doer([AGENT, RELEASE, "", ""], framing.READY)
        task = ServiceTask(self._serial, self._clock, doer, desk)
        serving = asyncio.create_task(task.run())
        try:
            while True:
                task.changed.clear()
                self._introduce(doer, desk, node)
                running = None
                if node is not None:
                    running = asyncio.create_task(_watched(node, task.changed))
                await task.changed.wait()
                if running is not None:
                    running.cancel()
                    await _ended(running)
                if _STARTS_ANEW:
                    # The answer is still on its way to the tool.
                    await self._clock.sleep_ms(_ANSWER_MS)
                    self.restarts = True
                    return
                node, desk = self._arrange()
                task.desk = desk
        finally:
            serving.cancel()
            await _ended(serving)

    def _arrange(self) -> "tuple[object, Desk]":
        """Return the agent to run, None for a box that is nobody, and the desk beside it."""
        kit = self._kit
        kind = self._base.choice("storage", ("files", "slots"), "files")
        storage: ports.Storage = kit.storage(self._data, kind)  # type: ignore[attr-defined]
        installation = Installation(storage, self._base.values)
        identity: ports.Identity = kit.identity(  # type: ignore[attr-defined]
            self._data, self._entropy
        )
        if installation.is_wiping():
            installation.finish_wipe(identity)
            identity = kit.identity(self._data, self._entropy)  # type: ignore[attr-defined]
        node = None
        if installation.is_installed:
            config = installation.config()
            try:
                node = self._make_node(config)  # type: ignore[operator]
            except LocalFault as fault:
                if fault.code != "node.decommissioned":
                    raise
        if node is not None:
            installation = Installation(node.storage, self._base.values)
            node.handed = kit.Storage(config.sticks[-1])  # type: ignore[attr-defined]
        tools = Tools(
            kit,
            self._clock,
            storage if node is None else node.storage,
            identity,
            kit.Verifier(),  # type: ignore[attr-defined]
            self._entropy,
            self._button,
        )
        candidates = self._base.value("candidates") if self._base.has("candidates") else {}
        return node, Desk(tools, installation, candidates, node)  # type: ignore[arg-type]

    def _introduce(self, doer: Doer, desk: Desk, node: "object") -> None:
        """Let Improv tell who this box is now."""
        name = enrolment.node_id(desk.public_key())
        doer.texts = [AGENT, RELEASE, self._base.text("hardware", 0, 60, "linux"), name]
        doer.improv_state = framing.READY if node is None else framing.PROVISIONED
        doer.address = "" if node is None else node.config.hubs[0]  # type: ignore[attr-defined]


async def _watched(node: "object", changed: asyncio.Event) -> None:
    try:
        await node.run()  # type: ignore[attr-defined]
    finally:
        changed.set()


async def _ended(task: "asyncio.Task[None]") -> None:
    try:
        await task
    except asyncio.CancelledError:
        return
