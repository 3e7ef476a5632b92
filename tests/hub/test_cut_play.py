"""A play that power cut, as its node records it: in the as-run rows, never as heard whole."""

from hub import ingest, reports
from hub.mirror import telling
from hub.translations import Translations
from hub.words import Words
from protocols import records
from tests.hub.test_reports import NOON, play


def test_a_cut_play_is_an_as_run_row_that_ended_early():
    body = {"item": "b1.1", "title": "Tin", "class": "normal", "outcome": "cut", "reason": "reset",
            "started_ms": NOON, "ended_ms": NOON + 70_000, "evidence": {"grade": 3}}  # fmt: skip
    chain = records.Chain("loa-1", "plays", "00112233445566ff")
    row = ingest._play(chain.build(NOON, "rtc", 20, "play", body).record, "unit")
    assert (row["outcome"], row["started_ms"], row["ended_ms"]) == ("cut", NOON, NOON + 70_000)
    sums = reports.Sums().plus(row, "speaker")
    assert (sums.plays, sums.interrupted, sums.failed) == (1, 1, 0)
    assert sums.airtime_ms == 70_000
    told = telling.play_fact({"kind": "speaker"}, {**row, "hash": "0" * 64})
    assert told.body["outcome"] == "interrupted"
    for language, says in (("vi", "mất điện"), ("en", "power cut")):
        assert says in Words(Translations(language), NOON, 420).outcome(row)


def test_what_was_heard_whole_says_nothing_more():
    assert Words(Translations("vi"), NOON, 420).outcome(play(1, NOON)) == ""
