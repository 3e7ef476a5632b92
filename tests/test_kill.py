"""The kill loop in small, and proof that its judge notices what it is there for."""

import json

import numpy as np
import pytest

from protocols import wav
from tests.hub.conftest import founded
from tests.kill import judge
from tests.kill.main import failures, run
from tests.kill.world import RATE_HZ, World

__all__ = ("founded",)

ROUNDS = 3


@pytest.fixture
def world(founded, tmp_path):
    made = World(tmp_path, founded[0], founded[1], seed=5)
    yield made
    made.close()


def test_a_node_killed_at_random_loses_nothing(world):
    said = run(world, ROUNDS)
    assert failures(said) == [], json.dumps(said, ensure_ascii=False)
    assert said["facts_printed"] > 3 * ROUNDS and said["records_at_hub"] >= said["facts_printed"]


class Words:
    """A world that only says what its node printed, published and sounded."""

    def __init__(self, folder, lines, published):
        self.folder, self.lines, self.published = folder, lines, published
        self.rounds = 1

    def air(self, number):
        return self.folder / f"air-{number}.wav"


def line(number, kind="status", **body):
    return {"at_ms": number, "chain": "health", "kind": kind, "body": {"n": number, **body}}


def row(number, previous, content=None):
    content = {**(content or line(number)), "previous": previous}
    place = {"chain": "health", "epoch": "e", "sequence": number, "hash": f"h{number}"}
    return {**place, "kind": content["kind"], "content": content}


def test_the_judge_notices_lost_facts_holes_and_repeats(tmp_path):
    words = Words(tmp_path, [line(1), line(2), line(2)], {})
    rows = [row(1, "0" * 64), row(2, "h1")]
    assert len(judge.lost(words, rows)) == 1
    assert judge.broken(rows) == []
    assert judge.broken(rows[1:]) and judge.broken([rows[0], row(2, "h9")])
    play = {"item": "i", "scheduled_ms": 9, "outcome": "complete", "class": "normal"}
    twice = [row(n, "", line(n, "play", **play)) for n in (1, 2)]
    assert len(judge.doubled(twice)) == 1 and judge.doubled(twice[:1]) == []


def test_the_judge_notices_a_sound_that_nobody_signed(tmp_path):
    signed, foreign = (np.random.default_rng(n).normal(0, 2500, RATE_HZ) for n in (1, 2))
    words = Words(tmp_path, [], {"sha": signed})
    for heard, strange in ((signed[3000:9000], 0), (foreign[3000:9000], 1)):
        samples = np.r_[np.zeros(900), heard, np.zeros(4000)].astype("<i2").tobytes()
        words.air(1).write_bytes(wav.head(RATE_HZ, len(samples), 0) + samples)
        assert len(judge.strange(words, [])) == strange
    body = {"title": "Lạ", "rendition_sha256": "other", "outcome": "complete"}
    words.air(1).unlink()
    assert judge.strange(words, [row(1, "", line(1, "play", **body))]) == ["Lạ"]
