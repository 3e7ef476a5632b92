"""The modem's driver against a double of ours on a pseudo-terminal, and in virtual time."""

import pytest

from hw.at_modem import POWER_OFF_MS, AtModem
from hw.linux.clock import Clock
from hw.linux.serial import open_serial
from hw.pin_relay import PinRelay
from hw.sim.pins import OutputPin
from hw.sim.serial import Serial
from protocols import at, link_ladder
from protocols.errors import Fault, RemoteFault, WorldFault
from tests.hw.at_double import AtDouble, PtyModem
from tests.hw.virtual_line import VirtualClock

NETWORKS = {"sim7600": "LTE", "ec25": "FDD LTE"}


class Wire(Serial):
    """Join driver and double without a terminal."""

    def __init__(self, clock, double):
        Serial.__init__(self, clock, lambda data: self.feed(double.receive(data)))


def virtual(kind="sim7600", **settings):
    clock, double = VirtualClock(), AtDouble(kind, **settings)
    pin = OutputPin()
    wire = Wire(clock, double)
    return AtModem(wire, clock, kind, PinRelay(pin)), double, wire, clock, pin


@pytest.mark.parametrize("kind", ["sim7600", "ec25"])
async def test_over_a_terminal_with_echo_and_words_unasked(kind):
    far = PtyModem(AtDouble(kind, pin="4321"))
    far.double.unasked = b"\r\n+CREG: 5\r\n\r\nRDY\r\n\xff\xfe\r\n"
    modem = AtModem(open_serial(far.path, 115200), Clock(), kind)
    try:
        assert await modem.look() == {"sim": at.PIN}
        await modem.unlock("4321")
        far.say(b"\r\nPB DONE\r\n")
        seen = await modem.look()
        assert seen["sim"] == at.READY and seen["signal_dbm"] == -79
        assert (seen["registration"], seen["operator"]) == (at.HOME, "Viettel")
        assert seen["technology"] == NETWORKS[kind]
        assert [await modem.set_apn("v-internet") for _ in range(2)] == [True, False]
        assert far.double.apn == "v-internet"
        for rung in modem.rungs():
            await modem.mend(rung)
        assert modem.rungs() == (link_ladder.RECONNECT, link_ladder.RESET)
        assert far.double.commands[-1] in ("AT+CRESET", "AT+CFUN=1,1")
    finally:
        await modem.close()
        far.close()


@pytest.mark.parametrize("kind", ["sim7600", "ec25"])
async def test_its_satellites_tell_where_it_is_after_a_while(kind):
    modem, double, _, _, _ = virtual(kind)
    assert [await modem.locate() for _ in range(3)] == [None, *[(13_980_000, 108_010_000)] * 2]
    assert double.is_locating


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("+CGPSINFO: 0030.000000,S,00015.500000,W,1,2,3,4,5", (-500_000, -258_333)),
        ("+CGPSINFO: ,,,,,,,,", None),
        ("+CGPSINFO: 9130.0,N,10800.6,E", None),
        ("+CGPSINFO: 1358.8,X,10800.6,E", None),
        ("+CGPSINFO: .8,N,10800.6,E", None),
        ("+QGPSLOC: 1,-13.5,181.0", None),
        ("+QGPSLOC: 1,-13.5,-108.25,9", (-13_500_000, -108_250_000)),
        ("+QGPSLOC: 1,x,y", None),
        ("+QGPSLOC: 1", None),
    ],
)
def test_a_position_is_read_whole_or_not_at_all(line, found):
    assert at.position_e6([line]) == found


async def test_an_unplugged_modem_comes_back():
    modem, _, wire, _, _ = virtual()
    wire.plugged = False
    with pytest.raises(WorldFault) as caught:
        await modem.look()
    assert caught.value.code == "serial.missing"
    wire.plugged = True
    assert (await modem.look())["sim"] == at.READY
    wire.plugged = False
    with pytest.raises(WorldFault) as caught:
        await modem.look()
    assert caught.value.code == "serial.lost"
    wire.plugged = True
    assert (await modem.look())["sim"] == at.READY


async def test_a_late_reply_is_no_answer_to_the_next_question():
    modem, double, wire, _, _ = virtual()
    await modem.look()
    double.is_silent = True
    with pytest.raises(WorldFault) as caught:
        await modem.look()
    assert caught.value.code == "modem.silent"
    double.is_silent = False
    wire.feed(b"\r\nOK\r\n\r\n+CPIN: SIM PUK\r\nOK\r\n")
    double.csq = 99
    seen = await modem.look()
    assert seen["sim"] == at.READY and "signal_dbm" not in seen


async def test_a_port_that_babbles_is_told():
    modem, _, wire, clock, _ = virtual()
    wire.device = None
    wire.read = lambda count, timeout_ms: babble(clock)
    with pytest.raises(WorldFault) as caught:
        await modem.look()
    assert caught.value.code == "modem.silent"


async def babble(clock):
    clock.now_ms += 10
    return b"$GPGGA,105859,,,,,0,,,,,,,,*4E\r\n"


async def test_what_the_sim_says():
    modem, double, _, _, _ = virtual()
    for word, state in (("SIM PIN", at.PIN), ("SIM PUK", at.PUK), ("", at.ABSENT)):
        double.sim = word
        assert await modem.look() == {"sim": state}
    double.sim, double.csq = "READY", 99
    for number, state in enumerate((at.NONE, at.HOME, at.SEARCHING, at.DENIED, at.NONE)):
        double.registered = number
        assert (await modem.look())["registration"] == state


async def test_a_wrong_pin_is_refused_and_never_shown():
    modem, double, _, _, _ = virtual(pin="4321")
    with pytest.raises(RemoteFault) as caught:
        await modem.unlock("9999")
    assert caught.value.code == "at.error" and "9999" not in str(caught.value)
    assert double.tries == 2
    double.is_silent = True
    with pytest.raises(Fault) as caught:
        await modem.unlock("8888")
    assert "8888" not in str(caught.value)


async def test_the_power_is_cut_and_given_back_whatever_happens():
    modem, _, _, clock, pin = virtual()
    assert modem.rungs() == link_ladder.RUNGS
    await modem.mend(link_ladder.POWER)
    assert pin.levels == [1, 0] and clock.now_ms >= POWER_OFF_MS

    async def broken(duration_ms):
        raise WorldFault("test.cut", "cut", "none")

    clock.sleep_ms = broken
    with pytest.raises(WorldFault):
        await modem.mend(link_ladder.POWER)
    assert pin.levels == [1, 0, 1, 0]
    await modem.close()
    assert pin.level == 0
