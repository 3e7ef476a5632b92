"""Put an amplifier together from a relay board and a meter on one RS-485 line.

Settings, all but `port` with the defaults of Waveshare's board and a PZEM-004T: `baud`,
`relay_unit` 1, `relay_coil` 0, `relay_base` 0, `relay_on_word` 65280, `relay_off_word` 0,
`relay_flash_base` 512 (-1: the board has no timer), `relay_flash_unit_ms` 100, `contactor_coil`
(absent: none), `meter_unit` (absent: no meter), `line_input` (a digital input of the relay board
that is 1 while the speaker line carries sound; absent: none), `line_active` 1, `sources`
(coils that let line inputs through: "fm=2 mic=3"; absent: none), `idle_milliwatts`
(absent before calibration),
`off_milliwatts_max` 2000, `over_run_ms` three hours, `settle_ms` 3000, `timeout_ms` 250,
`late_ms` 500.
"""

from hw.modbus_bus import ModbusBus, bus_settings
from hw.modbus_relay import ModbusRelay, relay_settings
from hw.ports import Clock, Serial
from hw.pzem_meter import PzemMeter
from hw.relay_amplifier import AmplifierSettings, RelayAmplifier, amplifier_settings
from hw.senses import ModbusInput
from hw.settings import Settings


def modbus_amplifier(given: Settings, port: Serial, clock: Clock) -> RelayAmplifier:
    """Return the amplifier on a serial port; raises `LocalFault("config.amplifier")`."""
    line = bus_settings(
        baud=given.integer("baud", 1200, 115200, 9600),
        timeout_ms=given.integer("timeout_ms", 10, 5000, 250),
        late_ms=given.integer("late_ms", 10, 10000, 500),
    )
    bus = ModbusBus(port, clock, line)
    relay = modbus_relay(given, bus, given.integer("relay_coil", 0, 255, 0))
    contactor_coil = given.optional_integer("contactor_coil", 0, 255)
    return RelayAmplifier(
        relay,
        meter(given, bus),
        clock,
        numbers(given),
        contactor=None if contactor_coil is None else modbus_relay(given, bus, contactor_coil),
        line=_line(given, bus),
        sources={name: modbus_relay(given, bus, coil) for name, coil in _sources(given)},
        bus=bus,
    )


def _sources(given: Settings) -> "list[tuple[str, int]]":
    """Return (name, coil) of the line inputs: `"sources": "fm=2 mic=3"`."""
    found = []
    for word in (given.optional_text("sources") or "").split():
        name, _, number = word.partition("=")
        inner = Settings("amplifier", {"sources": int(number) if number.isdigit() else number})
        found.append((name, inner.integer("sources", 0, 255)))
    return found


def numbers(given: Settings) -> AmplifierSettings:
    """Return an amplifier's numbers, whatever switches it."""
    return amplifier_settings(
        idle_milliwatts=given.optional_integer("idle_milliwatts", 0, 1000000),
        off_milliwatts_max=given.integer("off_milliwatts_max", 0, 1000000, 2000),
        over_run_ms=given.integer("over_run_ms", 60000, 24 * 3600 * 1000, 3 * 3600 * 1000),
        settle_ms=given.integer("settle_ms", 0, 60000, 3000),
    )


def meter(given: Settings, bus: ModbusBus) -> PzemMeter | None:
    """Return the energy meter on a line, or None when `meter_unit` is absent."""
    unit = given.optional_integer("meter_unit", 1, 247)
    return None if unit is None else PzemMeter(bus, unit)


def _line(given: Settings, bus: ModbusBus) -> ModbusInput | None:
    number = given.optional_integer("line_input", 0, 255)
    if number is None:
        return None
    unit = given.integer("relay_unit", 1, 255, 1)
    return ModbusInput(bus, unit, number, given.integer("line_active", 0, 1, 1))


def modbus_relay(given: Settings, bus: ModbusBus, coil: int) -> ModbusRelay:
    """Return one more relay of the board that the settings describe."""
    flash_base = given.integer("relay_flash_base", -1, 0xFF00, 0x0200)
    dialect = relay_settings(
        unit=given.integer("relay_unit", 1, 255, 1),
        coil=coil,
        base=given.integer("relay_base", 0, 255, 0),
        on_word=given.integer("relay_on_word", 0, 0xFFFF, 0xFF00),
        off_word=given.integer("relay_off_word", 0, 0xFFFF, 0),
        flash_base=None if flash_base < 0 else flash_base,
        flash_unit_ms=given.integer("relay_flash_unit_ms", 1, 1000, 100),
    )
    return ModbusRelay(bus, dialect)
