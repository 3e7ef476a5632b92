"""Pins through libgpiod 2: its own faults, and what is asked of it (a chip needs its kernel)."""

import gpiod
import pytest
from gpiod.line import Direction, Value

from hw.linux import gpio
from protocols.errors import WorldFault


class Request:
    """Stand in for a held request: nothing here has a chip; the lab's guest has a real one."""

    def __init__(self, line, settings):
        self.line, self.settings = line, settings
        self.value = settings.output_value
        self.released = False
        self.fails = None

    def set_value(self, line, value):
        assert line == self.line
        if self.fails:
            raise self.fails
        self.value = value

    def get_value(self, line):
        return self.value

    def release(self):
        self.released = True


@pytest.fixture
def requests(monkeypatch, tmp_path):
    made = []

    def request_lines(chip, consumer, config):
        assert consumer == "chieng"
        [(line, settings)] = config.items()
        made.append(Request(line, settings))
        return made[-1]

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    (tmp_path / "chip").touch()
    return made


def test_an_output_is_taken_low_and_held(requests, tmp_path):
    pin = gpio.OutputPin(str(tmp_path / "chip"), 17, True)
    assert pin.get() == 0 and not requests
    pin.set(1)
    pin.set(1)
    assert len(requests) == 1 and pin.get() == 1
    settings = requests[0].settings
    assert (settings.direction, settings.output_value) == (Direction.OUTPUT, Value.INACTIVE)
    assert settings.active_low and requests[0].value is Value.ACTIVE
    pin.close()
    pin.close()
    assert requests[0].released and pin.get() == 0


def test_a_lost_chip_is_taken_again(requests, tmp_path):
    pin = gpio.OutputPin(str(tmp_path / "chip"), 17)
    pin.set(1)
    requests[0].fails = OSError(19, "No such device")
    with pytest.raises(WorldFault) as caught:
        pin.set(0)
    assert caught.value.code == "gpio.missing" and requests[0].released
    pin.set(1)
    assert len(requests) == 2 and pin.get() == 1


def test_an_input_reads(requests, tmp_path):
    pin = gpio.InputPin(str(tmp_path / "chip"), 4)
    assert pin.get() == 0
    requests[0].value = Value.ACTIVE
    assert pin.get() == 1 and requests[0].settings.direction is Direction.INPUT
    pin.close()
    assert requests[0].released


@pytest.mark.parametrize("kind", [gpio.OutputPin, gpio.InputPin])
def test_libgpiod_itself_refuses_what_is_no_chip(kind, tmp_path):
    (tmp_path / "file").touch()
    for chip in (tmp_path / "absent", tmp_path / "file"):
        pin = kind(str(chip), 0)
        with pytest.raises(WorldFault) as caught:
            pin.get() if kind is gpio.InputPin else pin.set(1)
        assert caught.value.code == "gpio.missing" and "file" in caught.value.remedy


def test_others_who_hold_the_line_are_told_apart(requests, tmp_path, monkeypatch):
    for number, code in ((16, "gpio.busy"), (13, "gpio.permission"), (22, "gpio.missing")):

        def refuse(*_, number=number, **__):
            raise OSError(number, "refused")

        monkeypatch.setattr(gpiod, "request_lines", refuse)
        with pytest.raises(WorldFault) as caught:
            gpio.InputPin(str(tmp_path / "chip"), 1).get()
        assert caught.value.code == code
