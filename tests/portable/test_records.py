"""Records on both interpreters: same bytes, same refusals."""

from protocols import records
from protocols.errors import LocalFault, RemoteFault

EPOCH = "00112233445566ff"


def make(count):
    chain = records.Chain("node-1", records.PLAYS, EPOCH)
    entries = []
    for index in range(count):
        body = {"item": "bản tin", "evidence": {"grade": 3, "milliwatts": None}}
        entry = chain.build(1000 + index, "hub", 20, "play", body)
        chain.advance(entry)
        entries.append(entry)
    return entries


def test_the_hash_of_a_known_chain():
    last = make(3)[2]
    expected = "0a3b8ceb459e618450157795a1ddba9d91b9e94101401db1f5a092da9674b628"
    assert last.hash == expected, last.hash


def test_a_batch_travels():
    entries = make(3)
    data = records.build_batch("node-1", "plays", EPOCH, 0, [e.data for e in entries])
    batch = records.read_batch(data)
    assert [e.hash for e in batch.entries] == [e.hash for e in entries]
    verdict = records.admit(batch, 0, records.FIRST_PREVIOUS, {}.get)
    assert (verdict.outcome, verdict.position, verdict.hole) == ("stored", 3, None)


def test_a_fork_is_seen():
    entries = make(2)
    data = records.build_batch("node-1", "plays", EPOCH, 0, [e.data for e in entries])
    verdict = records.admit(records.read_batch(data), 2, entries[1].hash, {1: "0" * 64}.get)
    assert verdict.outcome == records.FORK


def test_bad_records_are_refused():
    good = make(1)[0].data
    for data in (b"", b"{}", b"[1]", b"\xff\xfe", good + b" ", good.replace(b"hub", b"gps")):
        try:
            records.read(data)
        except RemoteFault as fault:
            assert fault.code.split(".")[0] in ("records", "format", "json")
            continue
        raise AssertionError(data)


def test_a_bad_fact_is_our_own_fault():
    chain = records.Chain("node-1", records.HEALTH, EPOCH)
    try:
        chain.build(1, "hub", 1, "fault", {"text": "a\nb"})
    except LocalFault:
        return
    raise AssertionError("built")
