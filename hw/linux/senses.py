"""Make what a Linux node feels from its settings.

`{"mains": {"kind": "gpio", "chip": "/dev/gpiochip0", "line": 22, "active": 1},
"key": {"kind": "modbus", "unit": 1, "input": 3, "active": 1},
"supply_millivolts": {"kind": "dc-meter", "unit": 3},
"temperature_millicelsius": {"kind": "file", "path": "/sys/class/thermal/thermal_zone0/temp"}}`;
kinds `modbus` and `dc-meter` share the amplifier's serial line.
"""

from hw.linux.gauge import FileGauge
from hw.modbus_bus import ModbusBus
from hw.senses import DcMeter, ModbusInput, PinSense, Sense, Senses
from hw.settings import Settings
from protocols.errors import LocalFault

NAMES = ("key", "line", "mains", "supply_millivolts", "temperature_millicelsius")


def senses(settings: dict[str, object], bus: ModbusBus | None) -> Senses:
    """Return the senses; raises `LocalFault("config.inputs")`."""
    found = {}
    for name in sorted(settings):
        inner = settings[name]
        if name not in NAMES or not isinstance(inner, dict):
            raise _refuse(name + " is no input", "name one of " + ", ".join(NAMES))
        found[name] = _sense(Settings("inputs", inner), bus)
    return Senses(found)


def _sense(given: Settings, bus: ModbusBus | None) -> Sense:
    kind = given.choice("kind", ("modbus", "dc-meter", "gpio", "file"))
    if kind == "file":
        times, over = given.integer("times", 1, 1000000, 1), given.integer("over", 1, 1000000, 1)
        return FileGauge(given.text("path"), times, over)
    if kind == "gpio":
        from hw.linux.gpio import InputPin  # noqa: PLC0415 - libgpiod only where pins are used

        pin = InputPin(given.text("chip", "/dev/gpiochip0"), given.integer("line", 0, 1023))
        return PinSense(pin, given.integer("active", 0, 1, 1))
    if bus is None:
        raise _refuse(kind + " needs a serial line", "describe an amplifier with a port")
    unit = given.integer("unit", 1, 247)
    if kind == "dc-meter":
        return DcMeter(bus, unit)
    return ModbusInput(
        bus, unit, given.integer("input", 0, 0xFFFF), given.integer("active", 0, 1, 1)
    )


def _refuse(text: str, remedy: str) -> LocalFault:
    return LocalFault("config.inputs", "inputs." + text, remedy)
