"""What a node feels: digital inputs and a DC meter over pymodbus, files of the kernel, pins."""

import pytest

from hw import platform
from hw.linux.gauge import FileGauge
from hw.linux.senses import senses
from hw.senses import DcMeter, ModbusInput, PinSense, Senses
from hw.sim.pins import InputPin
from protocols.errors import LocalFault, RemoteFault, WorldFault
from tests.hw.virtual_line import VirtualRig


async def test_digital_inputs_of_the_relay_board():
    r = VirtualRig()
    r.devices.board.inputs[3] = True
    assert await ModbusInput(r.bus, 1, 3, 1).read() == 1
    assert await ModbusInput(r.bus, 1, 3, 0).read() == 0
    assert await ModbusInput(r.bus, 1, 2, 1).read() == 0
    # The relays' coils are another table of the same board.
    assert r.devices.board.coils[3] is False
    assert r.line.questions[0].startswith("010200030001")


async def test_a_dc_meter_tells_millivolts_and_a_stranger_is_refused():
    r = VirtualRig()
    r.devices.centivolts = 1234
    assert await DcMeter(r.bus, 3).read() == 12340
    r.devices.centivolts = 65000
    with pytest.raises(RemoteFault) as caught:
        await DcMeter(r.bus, 3).read()
    assert caught.value.code == "meter.implausible"


async def test_what_fails_is_absent_and_told_until_it_works_again(tmp_path):
    path = tmp_path / "temp"
    pin = InputPin(0)
    felt = Senses({"mains": PinSense(pin, 0), "temperature": FileGauge(str(path), 1, 1)})
    assert await felt.read() == {"mains": 1}
    assert [(name, fault.code) for name, fault in felt.faults()] == [
        ("temperature", "gauge.missing")
    ]
    path.write_text("45678\n")
    pin.lost = True
    assert await felt.read() == {"temperature": 45678}
    assert [name for name, _ in felt.faults()] == ["mains"]
    path.write_text("hot")
    with pytest.raises(WorldFault):
        await FileGauge(str(path), 1, 1).read()


async def test_gauges_scale_and_settings_make_them(tmp_path):
    path = tmp_path / "volts"
    path.write_text("12400")
    gauge = {"kind": "file", "path": str(path), "times": 5, "over": 2}
    made = platform.inputs({"supply_millivolts": gauge}, None)
    assert await made.read() == {"supply_millivolts": 31000}


@pytest.mark.parametrize(
    "settings",
    [
        {"smell": {"kind": "file", "path": "x"}},
        {"mains": "on"},
        {"mains": {"kind": "magic"}},
        {"mains": {"kind": "file"}},
        {"mains": {"kind": "modbus", "unit": 1, "input": 1}},
        {"mains": {"kind": "gpio", "line": -1}},
    ],
)
def test_settings_that_make_no_sense_are_named(settings):
    with pytest.raises(LocalFault) as caught:
        senses(settings, None)
    assert caught.value.code == "config.inputs"
