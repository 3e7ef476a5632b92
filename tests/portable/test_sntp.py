"""SNTP: what is asked, what is believed of an answer, and by how much."""

from protocols import sntp
from protocols.errors import RemoteFault

NONCE = b"\x01\x02\x03\x04\x05\x06\x07\x08"
# 2026-11-23 00:00:00 UTC
T = 1_795_392_000_000


def stamp(unix_ms):
    seconds = unix_ms // 1000 + 2_208_988_800
    fraction = ((unix_ms % 1000 << 32) + 999) // 1000
    return (seconds % (1 << 32)).to_bytes(4, "big") + fraction.to_bytes(4, "big")


def answer(received_ms=T, sent_ms=T + 5, first=0x24, stratum=2, delay=0, dispersion=0, nonce=NONCE):
    head = bytes([first, stratum, 6, 0xE9])
    head += (delay * 65536 // 1000).to_bytes(4, "big") + (dispersion * 65536 // 1000).to_bytes(
        4, "big"
    )
    return head + b"RATE" + stamp(received_ms - 1000) + nonce + stamp(received_ms) + stamp(sent_ms)


def code_of(data):
    try:
        sntp.read(data)
    except RemoteFault as fault:
        return fault.code
    return ""


def test_a_question_tells_nothing_but_its_number():
    data = sntp.request(NONCE)
    assert data == b"\x23" + bytes(39) + NONCE
    assert len(data) == sntp.PACKET_BYTES


def test_an_answer_is_read():
    reply = sntp.read(answer(delay=40, dispersion=10))
    assert (reply.received_ms, reply.sent_ms, reply.stratum) == (T, T + 5, 2)
    assert abs(reply.distance_ms - 30) <= 1


def test_offset_and_uncertainty():
    reply = sntp.Reply(T, T + 5, 2, 7)
    # Left at tick 1000, came at 1105: 100 ms on the way, the middle at 1052.
    assert sntp.offer(reply, 1000, 1105) == (T + 2 - 1052, 50 + 7 + 1)
    assert sntp.offer(reply, 1000, 1004) == (T + 2 - 1002, 8)
    assert sntp.offer(reply, 1000, 1003) is None


def test_the_era_of_2036_is_read():
    later = 2_200_000_000_000
    assert sntp.read(answer(later, later + 1)).received_ms == later
    last = 2_085_978_495_999
    assert sntp.read(answer(last, last + 2)).sent_ms == last + 2


def test_what_is_no_answer_is_refused_by_name():
    assert code_of(b"") == "sntp.format"
    assert code_of(answer()[:47]) == "sntp.format"
    assert code_of(answer(first=0x23)) == "sntp.format"
    assert code_of(answer(first=0x25)) == "sntp.format"
    assert code_of(answer(stratum=0)) == "sntp.kiss"
    assert code_of(answer(first=0xE4)) == "sntp.unsynchronised"
    assert code_of(answer(stratum=16)) == "sntp.unsynchronised"
    assert code_of(answer(dispersion=1500)) == "sntp.unsynchronised"
    assert code_of(answer()[:40] + bytes(8)) == "sntp.unsynchronised"
    assert code_of(answer(T + 5, T)) == "sntp.format"
    assert code_of(answer() + b"more") == ""


def test_a_round_takes_each_answer_once_and_no_strangers():
    round_ = sntp.Round()
    assert round_.add("one", NONCE, 0) == sntp.request(NONCE)
    round_.add("two", b"two-two-", 0)
    round_.add("three", b"threethr", 0)
    round_.receive(answer(nonce=b"stranger"), 20)
    assert round_.offers() == []
    round_.receive(answer(), 20)
    round_.receive(answer(T + 99_999, T + 99_999), 20)
    assert len(round_.offers()) == 1
    round_.receive(answer(stratum=0, nonce=b"two-two-"), 20)
    assert (round_.kissed, round_.is_complete()) == (["two"], False)
    round_.receive(answer(nonce=b"threethr"), 20)
    assert round_.is_complete() and len(round_.offers()) == 2
    round_.receive(b"", 20)
