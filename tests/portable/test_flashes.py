"""No more than three flashes a second, whoever asks for them."""

from protocols.flashes import FlashGuard


def _frame(level, share=1.0, size=(64, 32)):
    width, height = size
    lit = int(height * share)
    return [bytes([level]) * width] * lit + [bytes(width)] * (height - lit)


def _run(frames, pace_ms):
    """Show frames as fast as they are allowed, at most at a pace; return when each was shown."""
    guard, now_ms, times = FlashGuard(), 0, []
    for frame in frames:
        now_ms += pace_ms
        now_ms += guard.wait_ms(frame, now_ms)
        assert guard.wait_ms(frame, now_ms) == 0
        guard.shown(frame, now_ms)
        times.append(now_ms)
    return times


def test_a_strobe_is_slowed_to_three_flashes_a_second():
    times = _run([_frame(255 if i % 2 == 0 else 0) for i in range(60)], 20)
    for i in range(6, len(times)):
        assert times[i] - times[i - 6] >= 1000


def test_what_is_no_flash_is_not_slowed():
    small = [_frame(255 if i % 2 else 0, 0.2) for i in range(50)]
    faint = [_frame(100 if i % 2 else 120) for i in range(50)][1:]
    still = [_frame(255)] * 50
    slow = [_frame(255 if i % 2 else 0) for i in range(20)]
    assert _run(small, 20)[-1] == 1000
    assert _run(faint, 20)[-1] == 980
    assert _run(still, 20)[-1] == 1000
    assert _run(slow, 500)[-1] == 10000


def test_a_wide_wall_is_sampled():
    times = _run([_frame(255 if i % 2 == 0 else 0, 1.0, (600, 400)) for i in range(14)], 10)
    assert times[-1] >= 2000
