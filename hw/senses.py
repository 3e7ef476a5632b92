"""Read what this node feels beside its amplifier: mains, supply, temperature, keys, line sense.

Each sense is a whole number under its name: `mains`, `line` and `key` 0 or 1, `supply_millivolts`,
`temperature_millicelsius`.
"""

from hw.modbus_bus import ModbusBus
from hw.pin_ports import InputPin
from hw.ports import Inputs
from protocols import modbus
from protocols.errors import Fault, RemoteFault

# A DC meter's range by the PZEM-003/017 manual (0.05 to 300 V), with some margin.
_CENTIVOLTS_MAX = 33000


class Sense:
    """Read one whole number."""

    async def read(self) -> int:
        """Return the present value; raises `WorldFault` or `RemoteFault`."""
        raise NotImplementedError


class PinSense(Sense):
    """Read a pin; `active` is the level that means 1."""

    def __init__(self, pin: InputPin, active: int):
        self._pin = pin
        self._active = active

    async def read(self) -> int:
        """Return 1 while the pin is at its active level."""
        return 1 if self._pin.get() == self._active else 0


class ModbusInput(Sense):
    """Read one digital input of a Modbus board (function 2), such as Waveshare's (B) and (D)."""

    def __init__(self, bus: ModbusBus, unit: int, address: int, active: int):
        self._bus = bus
        self._unit = unit
        self._address = address
        self._active = active

    async def read(self) -> int:
        """Return 1 while the input is at its active level."""
        request = modbus.read(modbus.READ_DISCRETE_INPUTS, self._unit, self._address, 1)
        bits = await self._bus.exchange(request, attempts_max=1)
        if len(bits) != 1:
            raise RemoteFault("modbus.unexpected", "no input in the reply", "check the board")
        return 1 if bits[0] == self._active else 0


class DcMeter(Sense):
    """Read the volts of a PZEM-003/017 DC meter (function 4, register 0, 0.01 V), as millivolts."""

    def __init__(self, bus: ModbusBus, unit: int):
        self._bus = bus
        self._unit = unit

    async def read(self) -> int:
        """Return the voltage; raises `meter.implausible` when another device answers."""
        request = modbus.read(modbus.READ_INPUT_REGISTERS, self._unit, 0, 1)
        centivolts = (await self._bus.exchange(request, attempts_max=1))[0]
        if centivolts > _CENTIVOLTS_MAX:
            text = "unit %d reports %d" % (self._unit, centivolts)
            raise RemoteFault("meter.implausible", text, "check the unit number and the wiring")
        return centivolts * 10


class Senses(Inputs):
    """Read several senses; one that fails is absent, and its fault waits in `take_faults`."""

    def __init__(self, senses: "dict[str, Sense]"):
        self._senses = senses
        self._faults: dict[str, Fault] = {}

    async def read(self) -> dict[str, int]:
        """Return what can be felt now, by name."""
        found = {}
        for name in sorted(self._senses):
            try:
                found[name] = await self._senses[name].read()
                self._faults.pop(name, None)
            except Fault as fault:
                self._faults[name] = fault
        return found

    def faults(self) -> "list[tuple[str, Fault]]":
        """Return (name, fault) of what cannot be read now."""
        return [(name, self._faults[name]) for name in sorted(self._faults)]
