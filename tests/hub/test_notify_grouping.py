"""When letters are sent and what stands in one: pure, so hypothesis may try everything."""

from hypothesis import given
from hypothesis import strategies as st

from hub import notices
from hub.notify import dispatches, grouping
from hub.notify.grouping import MINUTE_MS, Rules

PLAIN = Rules(15, "", "", False)
NIGHT = Rules(15, "21:00", "06:00", False)


def notice(node="cum-1", code="modem.weak", noted_ms=0, repeats=0, is_over=0, kind="fault"):
    return {"node": node, "unit": "03.k7f2", "code": code, "kind": kind, "at_ms": noted_ms,
            "noted_ms": noted_ms, "repeats": repeats, "is_over": is_over}  # fmt: skip


def test_what_begins_waits_for_company_and_urgent_things_a_minute():
    assert not grouping.is_ready([notice()], PLAIN, 15 * MINUTE_MS - 1, "12:00")
    assert grouping.is_ready([notice()], PLAIN, 15 * MINUTE_MS, "12:00")
    urgent = [notice(kind="urgent")]
    assert grouping.is_ready(urgent, PLAIN, MINUTE_MS, "12:00")
    assert not grouping.is_ready([], PLAIN, 10**15, "12:00")


def test_the_night_holds_back_all_but_urgent_things_where_they_may():
    later = 60 * MINUTE_MS
    for clock, quiet in (("20:59", False), ("21:00", True), ("00:00", True), ("05:59", True),
                         ("06:00", False)):  # fmt: skip
        assert grouping.is_ready([notice()], NIGHT, later, clock) is not quiet
        both = [notice(), notice(kind="urgent")]
        assert grouping.is_ready(both, NIGHT, later, clock) is not quiet
        assert grouping.is_ready(both, NIGHT._replace(breaks=True), later, clock)
        held = [notice()]
        assert grouping.is_ready(held, NIGHT._replace(breaks=True), later, clock) is not quiet
    noon = NIGHT._replace(quiet_from="11:30", quiet_to="13:30")
    assert [grouping.is_quiet(noon, one) for one in ("11:29", "11:30", "13:29", "13:30")] == [
        False, True, True, False]  # fmt: skip


def test_a_node_that_comes_and_goes_all_day_sends_five_letters_not_a_hundred():
    day_ms, letters, waiting, begun = 86_400_000, 0, [], []
    for now_ms in range(0, day_ms, MINUTE_MS):
        if now_ms % (10 * MINUTE_MS) == 0:
            repeats = min(len(begun), notices.REPEATS_MAX)
            waiting.append(notice(noted_ms=now_ms, repeats=repeats))
            begun.append(now_ms)
        elif now_ms % (10 * MINUTE_MS) == 5 * MINUTE_MS:
            repeats = min(len(begun) - 1, notices.REPEATS_MAX)
            waiting.append(notice(noted_ms=now_ms, repeats=repeats, is_over=1))
        if grouping.is_ready(waiting, PLAIN, now_ms, "12:00"):
            letters, waiting = letters + 1, []
    assert len(begun) == 144 and 3 <= letters <= 5


def test_a_letter_says_the_gravest_first_counts_nodes_and_what_is_over():
    rows = [
        notice("cum-1", noted_ms=1),
        notice("cum-2", noted_ms=2),
        notice("cum-1", noted_ms=3, is_over=1),
        notice("cum-1", noted_ms=4),
        notice("cum-3", "amplifier.silent", 5),
        notice("cum-3", "amplifier.silent", 9, is_over=1),
        notice("cum-4", notices.UNHEARD, 6, kind="urgent"),
    ]
    found = grouping.gather(rows, {"03.k7f2": "Xã"}, {"cum-1": "Cụm 1"})
    lines = [(one["code"], one["times"], one["count"], one["open"]) for one in found["lines"]]
    assert lines == [(notices.UNHEARD, 1, 1, 1), ("modem.weak", 3, 2, 2),
                     ("amplifier.silent", 1, 1, 0)]  # fmt: skip
    weak = found["lines"][1]
    assert (weak["first_ms"], weak["last_ms"], weak["unit_name"]) == (1, 4, "Xã")
    assert [one["name"] for one in weak["nodes"]] == ["Cụm 1", "cum-2"] and found["more"] == 0


@given(st.lists(st.builds(
    notice,
    st.sampled_from([f"n{number}" for number in range(30)]),
    st.sampled_from([f"k{number}.x" for number in range(60)]),
    st.integers(0, 10**13), st.integers(0, 5), st.integers(0, 1),
    st.sampled_from(notices.KINDS),
), min_size=1, max_size=200))  # fmt: skip
def test_nothing_is_forgotten_in_a_letter_and_it_stays_short(rows):
    found = grouping.gather(rows, {}, {})
    assert len(found["lines"]) <= grouping.LINES_MAX
    assert len(found["lines"]) + found["more"] == len({row["code"] for row in rows})
    if not found["more"]:
        assert sum(one["times"] for one in found["lines"]) == sum(
            not row["is_over"] for row in rows
        )
    assert all(0 <= one["open"] <= one["count"] for one in found["lines"])


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True))
def test_the_wait_between_tries_is_bounded_on_both_sides(tries, chance):
    wait_ms = dispatches.backoff_ms(tries, chance)
    assert dispatches.WAIT_MS_MIN // 2 <= wait_ms <= dispatches.WAIT_MS_MAX
