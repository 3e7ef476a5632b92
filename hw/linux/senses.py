"""Make what a Linux node feels: `hw.sense_settings`, with pins of libgpiod and files of the kernel.

`{"mains": {"kind": "gpio", "chip": "/dev/gpiochip0", "line": 22},
"temperature_millicelsius": {"kind": "file", "path": "/sys/class/thermal/thermal_zone0/temp",
"times": 1, "over": 1}}`.
"""

from hw import pin_ports, sense_settings
from hw.linux.gauge import FileGauge
from hw.modbus_bus import ModbusBus
from hw.senses import Sense, Senses
from hw.settings import Settings


def senses(settings: dict[str, object], bus: ModbusBus | None) -> Senses:
    """Return the senses; raises `LocalFault("config.inputs")`."""
    return sense_settings.senses(settings, bus, _pin, {"file": _file})


def _pin(given: Settings) -> pin_ports.InputPin:
    from hw.linux.gpio import InputPin  # noqa: PLC0415 - libgpiod only where pins are used

    return InputPin(given.text("chip", "/dev/gpiochip0"), given.integer("line", 0, 1023))


def _file(given: Settings) -> Sense:
    times, over = given.integer("times", 1, 1000000, 1), given.integer("over", 1, 1000000, 1)
    return FileGauge(given.text("path"), times, over)
