"""The ladder of a dead link: in order, with growing pauses, left at a sign of life."""

from protocols.limits import LADDER_PAUSE_MS_MAX
from protocols.link_ladder import POWER, RECONNECT, RESET, RUNGS, Ladder

MINUTE = 60_000


def climbed(ladder, until_min):
    """Return (minute, rung) of what is done when asked once a minute."""
    found = []
    for minute in range(until_min):
        rung = ladder.next_rung(minute * MINUTE)
        if rung:
            found.append((minute, rung))
    return found


def test_rungs_in_order_then_again_with_twice_the_pause():
    assert climbed(Ladder(0), 120) == [
        (5, RECONNECT),
        (15, RESET),
        (25, POWER),
        (45, RECONNECT),
        (55, RESET),
        (65, POWER),
        (105, RECONNECT),
        (115, RESET),
    ]


def test_the_pause_ends_growing():
    done = [minute for minute, rung in climbed(Ladder(0), 10 * 1440) if rung == POWER]
    gaps = [done[index + 1] - done[index] for index in range(len(done) - 1)]
    assert max(gaps) == LADDER_PAUSE_MS_MAX // MINUTE + 20 and gaps[-1] == max(gaps)


def test_a_sign_of_life_ends_the_climb():
    ladder = Ladder(0)
    assert not ladder.is_climbing and not ladder.alive(MINUTE)
    assert ladder.next_rung(6 * MINUTE - 1) == ""
    assert ladder.next_rung(6 * MINUTE) == RECONNECT and ladder.is_climbing
    assert ladder.alive(7 * MINUTE) and not ladder.is_climbing
    assert ladder.deadline_ms() == 12 * MINUTE
    assert ladder.next_rung(12 * MINUTE) == RECONNECT


def test_only_the_rungs_there_are():
    done = {rung for _, rung in climbed(Ladder(0, RUNGS[:2]), 1440)}
    assert done == {RECONNECT, RESET}
    assert climbed(Ladder(0, ()), 1440) == []
