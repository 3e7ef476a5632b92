"""The SIM budget over any month: never exceeded, reserve never used by bulk."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.budget import ALERT, BULK, CONTROL, DAY_MS, Budget

PLANS = st.builds(
    lambda period, share, days, ahead: Budget(period, period * share // 100, days, ahead, ""),
    st.integers(1, 10**9),
    st.integers(0, 100),
    st.integers(1, 366),
    st.integers(0, 30),
)
WISHES = st.lists(
    st.tuples(st.sampled_from((ALERT, CONTROL, BULK)), st.integers(0, 10**9), st.integers(0, 3)),
    max_size=40,
)


@given(PLANS, WISHES)
def test_whatever_is_wished_the_plan_holds(plan, wishes):
    spent = elapsed_ms = 0
    for purpose, wish, days in wishes:
        elapsed_ms += days * DAY_MS
        granted = min(wish, plan.allowed(purpose, spent, elapsed_ms))
        assert granted >= 0
        spent += granted
        if purpose != ALERT and granted:
            assert spent <= plan.period_bytes - plan.reserve_bytes
    assert spent <= plan.period_bytes
    assert plan.allowed(ALERT, spent, elapsed_ms) == plan.period_bytes - spent


@given(PLANS, st.integers(0, 10**9), st.integers(0, 400 * DAY_MS))
def test_an_alert_may_always_spend_at_least_as_much(plan, spent, elapsed_ms):
    bulk = plan.allowed(BULK, spent, elapsed_ms)
    assert (
        bulk <= plan.allowed(CONTROL, spent, elapsed_ms) <= plan.allowed(ALERT, spent, elapsed_ms)
    )
