"""Put an amplifier together whose relay hangs on a pin of this board.

Settings beside those of `hw.modbus_amplifier` (`meter_unit`, `idle_milliwatts`, ...): the relay's
pin, a second contactor's and a line-sense input's are given by the platform; `port` and `baud` are
the meter's serial line.
"""

from hw.modbus_amplifier import meter, numbers
from hw.modbus_bus import ModbusBus, bus_settings
from hw.pin_ports import InputPin, OutputPin
from hw.pin_relay import PinRelay
from hw.ports import Clock, Serial
from hw.relay_amplifier import RelayAmplifier
from hw.senses import PinSense
from hw.settings import Settings


def pin_amplifier(
    given: Settings,
    relay: OutputPin,
    contactor: OutputPin | None,
    line: InputPin | None,
    port: Serial | None,
    clock: Clock,
) -> RelayAmplifier:
    """Return the amplifier behind a pin; raises `LocalFault("config.amplifier")`."""
    bus = None
    if port is not None:
        bus = ModbusBus(port, clock, bus_settings(baud=given.integer("baud", 1200, 115200, 9600)))
    sense = None if line is None else PinSense(line, given.integer("line_active", 0, 1, 1))
    return RelayAmplifier(
        PinRelay(relay),
        None if bus is None else meter(given, bus),
        clock,
        numbers(given),
        contactor=None if contactor is None else PinRelay(contactor),
        line=sense,
        bus=bus,
    )
