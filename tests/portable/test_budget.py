"""The SIM budget, the same on every interpreter."""

from protocols.budget import ALERT, BULK, CONTROL, DAY_MS, Budget, Meter

PLAN = Budget(3000, 300, 30, 2, "")


def test_bulk_keeps_an_even_pace_with_a_head_start():
    assert PLAN.allowed(BULK, 0, 0) == 2700 * 3 // 30
    assert PLAN.allowed(BULK, 270, 0) == 0
    assert PLAN.allowed(BULK, 270, DAY_MS) == 90
    assert PLAN.allowed(BULK, 0, 90 * DAY_MS) == 2700


def test_only_alerts_touch_the_reserve():
    assert PLAN.allowed(CONTROL, 2699, 0) == 1
    assert PLAN.allowed(CONTROL, 2700, 0) == 0
    assert PLAN.allowed(BULK, 2700, 29 * DAY_MS) == 0
    assert PLAN.allowed(ALERT, 2700, 0) == 300
    assert PLAN.allowed(ALERT, 3100, 0) == 0


def test_no_plan_is_no_limit():
    assert Budget(0, 0, 30, 2, "").allowed(BULK, 1 << 35, 0) > 1 << 35


def test_the_forecast_needs_a_day_and_says_how_long_it_lasts():
    assert PLAN.forecast(0, 0) == (0, 0, None)
    assert PLAN.forecast(200, DAY_MS // 2) == (200, 6000, 14)
    assert PLAN.forecast(200, 2 * DAY_MS) == (200, 3000, 28)
    assert PLAN.forecast(4000, 15 * DAY_MS) == (4000, 8000, 0)


def test_the_meter_counts_across_reboots():
    meter = Meter()
    assert meter.roll_over(1000, 30)
    meter.read(50)
    meter.read(80)
    meter = Meter(meter.export())
    meter.read(90)
    assert meter.spent_bytes == 90
    meter.read(10)
    assert meter.spent_bytes == 100
    assert not meter.roll_over(1000 + 30 * DAY_MS - 1, 30)
    assert meter.roll_over(1000 + 65 * DAY_MS, 30)
    assert meter.export() == {
        "sim": "",
        "started_ms": 1000 + 60 * DAY_MS,
        "spent_bytes": 0,
        "counter_bytes": 10,
        "leased_bytes": 0,
        "life": "",
    }


def test_a_counter_of_another_life_counts_from_nothing_however_high_it_is():
    meter = Meter()
    meter.read(100, "boot-1")
    saved = meter.export()
    for life, spent in (("boot-2", 250), ("boot-1", 150), ("", 150)):
        later = Meter(saved)
        later.read(150, life)
        assert later.spent_bytes == spent, life


def test_what_was_leased_is_spent_after_a_power_cut_and_counted_once_otherwise():
    meter = Meter()
    meter.read(100)
    meter.leased_bytes = 40
    saved = meter.export()
    meter.read(130)
    after_cut = Meter(saved)
    after_cut.read(7)
    assert after_cut.spent_bytes == 147
    after_crash = Meter(saved)
    after_crash.read(150)
    assert after_crash.spent_bytes == 150
    after_crash.read(160)
    assert after_crash.spent_bytes == 160
