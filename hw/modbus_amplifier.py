"""Put an amplifier together from a relay board and a meter on one RS-485 line.

Settings, all but `port` with the defaults of Waveshare's board and a PZEM-004T: `baud`,
`relay_unit` 1, `relay_coil` 0, `relay_base` 0, `relay_on_word` 65280, `relay_off_word` 0,
`relay_flash_base` 512 (-1: the board has no timer), `relay_flash_unit_ms` 100, `contactor_coil`
(absent: none), `meter_unit` (absent: no meter), `idle_milliwatts` (absent before calibration),
`off_milliwatts_max` 2000, `over_run_ms` three hours, `settle_ms` 3000, `timeout_ms` 250,
`late_ms` 500.
"""

from hw.modbus_bus import ModbusBus, bus_settings
from hw.modbus_relay import ModbusRelay, relay_settings
from hw.ports import Clock, Serial
from hw.pzem_meter import PzemMeter
from hw.relay_amplifier import RelayAmplifier, amplifier_settings
from hw.settings import Settings


def modbus_amplifier(given: Settings, port: Serial, clock: Clock) -> RelayAmplifier:
    """Return the amplifier on a serial port; raises `LocalFault("config.amplifier")`."""
    line = bus_settings(
        baud=given.integer("baud", 1200, 115200, 9600),
        timeout_ms=given.integer("timeout_ms", 10, 5000, 250),
        late_ms=given.integer("late_ms", 10, 10000, 500),
    )
    bus = ModbusBus(port, clock, line)
    relay = _relay(given, bus, given.integer("relay_coil", 0, 255, 0))
    contactor_coil = given.optional_integer("contactor_coil", 0, 255)
    meter_unit = given.optional_integer("meter_unit", 1, 247)
    numbers = amplifier_settings(
        idle_milliwatts=given.optional_integer("idle_milliwatts", 0, 1000000),
        off_milliwatts_max=given.integer("off_milliwatts_max", 0, 1000000, 2000),
        over_run_ms=given.integer("over_run_ms", 60000, 24 * 3600 * 1000, 3 * 3600 * 1000),
        settle_ms=given.integer("settle_ms", 0, 60000, 3000),
    )
    return RelayAmplifier(
        relay,
        None if meter_unit is None else PzemMeter(bus, meter_unit),
        clock,
        numbers,
        contactor=None if contactor_coil is None else _relay(given, bus, contactor_coil),
        bus=bus,
    )


def _relay(given: Settings, bus: ModbusBus, coil: int) -> ModbusRelay:
    flash_base = given.integer("relay_flash_base", -1, 0xFF00, 0x0200)
    numbers = relay_settings(
        unit=given.integer("relay_unit", 1, 255, 1),
        coil=coil,
        base=given.integer("relay_base", 0, 255, 0),
        on_word=given.integer("relay_on_word", 0, 0xFFFF, 0xFF00),
        off_word=given.integer("relay_off_word", 0, 0xFFFF, 0),
        flash_base=None if flash_base < 0 else flash_base,
        flash_unit_ms=given.integer("relay_flash_unit_ms", 1, 1000, 100),
    )
    return ModbusRelay(bus, numbers)
