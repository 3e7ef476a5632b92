"""Drive a Modbus RTU relay board.

Numbers of the default: Waveshare wiki "Modbus RTU Relay": unit 1, on FF00, off 0000, and *flash-on*
at coil address 0x0200+n whose value is a delay in 100 ms units, after which the board itself
switches off. That timer is our dead-man: it works with this node crashed, hung or unplugged.
"""

from collections import namedtuple

from hw.modbus_bus import ModbusBus
from hw.relay import Order, Relay
from protocols import modbus
from protocols.errors import LocalFault, RemoteFault

# Waveshare states 0x7FFF as the longest flash time.
FLASH_UNITS_MAX = 0x7FFF


class RelaySettings(
    namedtuple(
        "RelaySettings",
        ("unit", "coil", "base", "on_word", "off_word", "flash_base", "flash_unit_ms"),
    )
):
    """Hold one relay's place and its make's dialect; `flash_base` None means no board timer."""


def relay_settings(
    *,
    unit: int = 1,
    coil: int = 0,
    base: int = 0,
    on_word: int = modbus.COIL_ON,
    off_word: int = modbus.COIL_OFF,
    flash_base: int | None = 0x0200,
    flash_unit_ms: int = 100,
) -> RelaySettings:
    """Build settings; other makes: unit 255, on-word 0x0100, base 1, no flash-on."""
    return RelaySettings(unit, coil, base, on_word, off_word, flash_base, flash_unit_ms)


class ModbusRelay(Relay):
    """Switch one relay and read its coil back; every request takes the bus's urgent lane."""

    def __init__(self, bus: ModbusBus, settings: RelaySettings):
        self._bus = bus
        self._settings = settings
        self._address = settings.base + settings.coil

    def has_dead_man(self) -> bool:
        """Tell whether the board switches off by itself."""
        return self._settings.flash_base is not None

    def hold_ms_max(self) -> int:
        """Return the longest hold the board's timer can count."""
        return int(FLASH_UNITS_MAX * self._settings.flash_unit_ms)

    async def on(self, hold_ms: int, order: Order | None = None) -> None:
        """Switch on; the board switches off after `hold_ms` (rounded up to its unit).

        On a board without a timer it stays on until `off`. Raises the faults of `ModbusBus`.
        """
        settings = self._settings
        if settings.flash_base is None:
            request = modbus.write_coil(settings.unit, self._address, settings.on_word)
        else:
            units = (hold_ms + settings.flash_unit_ms - 1) // settings.flash_unit_ms
            if not 1 <= units <= FLASH_UNITS_MAX:
                raise LocalFault(
                    "relay.hold",
                    "a hold of %d ms does not fit the board's timer" % hold_ms,
                    "choose 1 to %d ms" % self.hold_ms_max(),
                )
            request = modbus.write_coil(settings.unit, settings.flash_base + self._address, units)
        await self._bus.exchange(request, True, order)

    async def off(self, order: Order | None = None) -> None:
        """Switch off."""
        settings = self._settings
        request = modbus.write_coil(settings.unit, self._address, settings.off_word)
        await self._bus.exchange(request, True, order)

    async def read(self) -> int:
        """Return the coil as the board reports it, 0 or 1."""
        settings = self._settings
        request = modbus.read(modbus.READ_COILS, settings.unit, self._address, 1)
        values = await self._bus.exchange(request, True)
        if len(values) != 1:
            raise RemoteFault("modbus.unexpected", "no coil in the reply", "check the board")
        return values[0]

    async def close(self) -> None:
        """Nothing: the bus is its owner's."""
