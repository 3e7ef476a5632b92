"""The lamp: what the kernel's files are told, and what a pin does.

The folder stands in for `/sys/class/leds/…`: it shows what is written, not that a kernel blinks.
"""

import pytest

from hw.linux.devices import indicator
from hw.linux.indicator import Led
from hw.micropython.indicator import Led as PinLed
from protocols.errors import WorldFault


@pytest.fixture
def folder(tmp_path):
    for name, text in (("max_brightness", "255\n"), ("brightness", ""), ("trigger", "")):
        (tmp_path / name).write_text(text)
    for name in ("delay_on", "delay_off"):
        (tmp_path / name).write_text("")
    return tmp_path


def told(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("state", "percent", "expected"),
    [
        ("off", 0, {"trigger": "none", "brightness": "0"}),
        ("working", 0, {"trigger": "timer", "delay_on": "500", "delay_off": "500"}),
        ("working", 100, {"trigger": "timer", "delay_on": "80", "delay_off": "80"}),
        ("done", 100, {"trigger": "none", "brightness": "255"}),
        ("trouble", 100, {"trigger": "timer", "delay_on": "100", "delay_off": "1900"}),
    ],
)
def test_every_state_has_its_light(folder, state, percent, expected):
    indicator({"kind": "led", "path": str(folder)}).show(state, percent)
    assert expected.items() <= told(folder).items()


def test_the_same_again_writes_nothing(folder):
    lamp = Led(str(folder))
    lamp.show("working", 41)
    (folder / "trigger").write_text("")
    lamp.show("working", 49)
    assert told(folder)["trigger"] == ""
    lamp.show("working", 50)
    assert told(folder)["trigger"] == "timer"


def test_a_lamp_that_is_not_there_is_named_and_nothing_is_made(tmp_path):
    with pytest.raises(WorldFault) as caught:
        Led(str(tmp_path)).show("done", 100)
    assert caught.value.code == "indicator.lost" and list(tmp_path.iterdir()) == []


def test_a_pin_toggles_while_there_is_work_and_is_lit_at_its_end():
    seen = []

    class Pin:
        def value(self, lit):
            seen.append(lit)

    lamp = PinLed(Pin())
    for state in ("working", "working", "done", "trouble", "off"):
        lamp.show(state, 0)
    assert seen == [1, 0, 1, 0, 0]
