"""Modbus frames and replies on every interpreter."""

from protocols import evidence, modbus
from protocols.errors import LocalFault


def test_frame_and_reply():
    request = modbus.read(modbus.READ_INPUT_REGISTERS, 2, 0, 2)
    assert request.frame() == modbus.frame(2, 4, b"\x00\x00\x00\x02")
    assert modbus.crc16(b"123456789") == 0x4B37
    reply = modbus.frame(2, 4, b"\x04\x00\x07\xff\xfe")
    exchange = modbus.Exchange(request, 0, 50)
    assert exchange.data_to_send() == request.frame()
    for i in range(len(reply)):
        assert exchange.next_event() is None
        exchange.receive(reply[i : i + 1], 1)
    assert exchange.next_event().values == [7, 0xFFFE]


def test_flash_on_frame():
    # The frame printed on the maker's page: relay 0 on for 700 ms.
    assert modbus.write_coil(1, 0x0200, 7).frame() == b"\x01\x05\x02\x00\x00\x07\x8d\xb0"


def test_refusal_and_silence():
    exchange = modbus.Exchange(modbus.read(1, 1, 0, 8), 0, 50)
    exchange.receive(modbus.frame(1, 0x81, b"\x02"), 1)
    event = exchange.next_event()
    assert event.fault.code == "modbus.refused" and not event.again
    exchange = modbus.Exchange(modbus.read(1, 1, 0, 8), 0, 50)
    exchange.tick(50)
    assert exchange.next_event().fault.code == "modbus.silent"


def test_range_is_checked():
    try:
        modbus.write_register(1, 0, 65536)
    except LocalFault as fault:
        assert fault.code == "modbus.request"
    else:
        raise AssertionError("accepted")


def test_grades():
    idle = {"accepted": 1, "coil": 1, "milliwatts": 9000, "idle_milliwatts": 8000}
    assert evidence.grade({}) == 0
    assert evidence.grade({"accepted": 1}) == 1
    assert evidence.grade(idle) == 2
    loud = dict(idle)
    loud["milliwatts"] = 40000
    assert evidence.grade(loud) == 3
    assert evidence.grade(evidence.strongest(idle, loud)) == 3
    loud["line"] = 1
    assert evidence.record_fields(loud)["grade"] == 4
    assert evidence.idle_milliwatts([7000, 8000, 7500]) == 8000
