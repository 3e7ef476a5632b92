"""Read a PZEM-004T v3 energy meter (vendor manual: 9600 8N1, function 4, ten registers from 0).

Registers: 0 V x 0.1; 1-2 mA, 3-4 W x 0.1, 5-6 Wh, each low word first; 7 Hz x 0.1; 8 power factor
x 0.01; 9 alarm. It measures what the amplifier draws from the mains. Function 0x41 (calibration) is
never sent.
"""

from collections import namedtuple

from hw.modbus_bus import ModbusBus
from protocols import modbus
from protocols.errors import RemoteFault

# Measuring range by the manual: 80-260 V, 0-100 A, 0-23 kW, 45-65 Hz; with some margin.
_DECIVOLTS_MAX = 3000
_MILLIAMPS_MAX = 110000
_DECIWATTS_MAX = 260000
_DECIHERTZ_MAX = 700
_PERCENT_MAX = 100


class Reading(
    namedtuple(
        "Reading",
        (
            "millivolts",
            "milliamps",
            "milliwatts",
            "watt_hours",
            "millihertz",
            "power_factor_percent",
            "alarm",
        ),
    )
):
    """Hold one reading in whole units; `alarm` is 0 or 1."""


class PzemMeter:
    """Read the mains side of the amplifier."""

    def __init__(self, bus: ModbusBus, unit: int):
        self._bus = bus
        self._unit = unit

    async def read(self) -> Reading:
        """Return the present reading; raises the faults of `ModbusBus`, or `meter.implausible`.

        Asks once only: the next reading is better than a repeated one, and nobody waits for it.
        """
        request = modbus.read(modbus.READ_INPUT_REGISTERS, self._unit, 0, 10)
        r = await self._bus.exchange(request, attempts_max=1)
        milliamps = r[1] | r[2] << 16
        deciwatts = r[3] | r[4] << 16
        sane = r[0] <= _DECIVOLTS_MAX and r[7] <= _DECIHERTZ_MAX and r[8] <= _PERCENT_MAX
        if not (sane and milliamps <= _MILLIAMPS_MAX and deciwatts <= _DECIWATTS_MAX):
            raise RemoteFault(
                "meter.implausible",
                "unit %d reports %s" % (self._unit, r),
                "check that the unit number is the meter's, and the meter's wiring",
            )
        return Reading(
            r[0] * 100,
            milliamps,
            deciwatts * 100,
            r[5] | r[6] << 16,
            r[7] * 100,
            r[8],
            1 if r[9] else 0,
        )
