"""Make what a node feels from its settings, whatever machine it runs on.

`{"mains": {"kind": "gpio", "line": 22, "active": 1},
"key": {"kind": "modbus", "unit": 1, "input": 3, "active": 1},
"supply_millivolts": {"kind": "dc-meter", "unit": 3}}`, and the kinds of one platform alone;
`modbus` and `dc-meter` share the amplifier's serial line.
"""

from hw.modbus_bus import ModbusBus
from hw.senses import DcMeter, ModbusInput, PinSense, Sense, Senses
from hw.settings import Settings
from protocols.errors import LocalFault

NAMES = ("key", "line", "mains", "supply_millivolts", "temperature_millicelsius")
_KINDS = ("modbus", "dc-meter", "gpio")


def senses(
    settings: dict[str, object], bus: "ModbusBus | None", pin: "object", others: "dict[str, object]"
) -> Senses:
    """Return the senses; raises `LocalFault("config.inputs")`.

    `pin(Settings)` makes an input pin; `others` has, by kind, what makes a sense of a platform.
    """
    found = {}
    for name in sorted(settings):
        inner = settings[name]
        if name not in NAMES or not isinstance(inner, dict):
            raise _refuse(name + " is no input", "name one of " + ", ".join(NAMES))
        given = Settings("inputs", inner)
        kind = given.choice("kind", _KINDS + tuple(sorted(others)))
        if kind in others:
            found[name] = others[kind](given)  # type: ignore[operator]
        elif kind == "gpio":
            made = pin(given)  # type: ignore[operator]
            found[name] = PinSense(made, given.integer("active", 0, 1, 1))
        else:
            found[name] = _on_bus(given, kind, bus)
    return Senses(found)


def _on_bus(given: Settings, kind: str, bus: "ModbusBus | None") -> Sense:
    if bus is None:
        raise _refuse(kind + " needs a serial line", "describe an amplifier with a port")
    unit = given.integer("unit", 1, 247)
    if kind == "dc-meter":
        return DcMeter(bus, unit)
    number = given.integer("input", 0, 0xFFFF)
    return ModbusInput(bus, unit, number, given.integer("active", 0, 1, 1))


def _refuse(text: str, remedy: str) -> LocalFault:
    return LocalFault("config.inputs", "inputs." + text, remedy)
