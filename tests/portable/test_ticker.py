"""Running text: every pixel passes once, at exact instants."""

from protocols.ticker import Ticker


def _strip(width, height=2):
    return [bytes([(x + 7 * y) % 255 + 1 for x in range(width)]) for y in range(height)]


def test_the_text_enters_passes_and_leaves():
    ticker = Ticker(_strip(6), 4, 1, 10)
    assert ticker.frame(0) == [bytes(4)] * 2
    assert ticker.frame(1)[0] == bytes([0, 0, 0, 1])
    assert ticker.frame(4)[0] == bytes([1, 2, 3, 4])
    assert ticker.frame(6)[1] == bytes([10, 11, 12, 13])
    assert ticker.frame(9)[0] == bytes([6, 0, 0, 0])
    assert ticker.frame(10) == ticker.frame(0)
    assert ticker.duration_ms() == 1000


def test_colours_stay_together():
    strip = [bytes(range(1, 10))]
    ticker = Ticker(strip, 2, 3, 10)
    assert ticker.frame(2)[0] == bytes([1, 2, 3, 4, 5, 6])


def test_the_rate_is_stated_and_kept():
    for px_s, rate in ((1, 1), (30, 30), (50, 50), (60, 30), (100, 50), (200, 50)):
        ticker = Ticker(_strip(100), 64, 1, px_s)
        assert ticker.frames_per_s() == rate
        for number in range(300):
            due_ms = ticker.due_ms(number)
            assert ticker.number(due_ms) == number
            assert not due_ms or ticker.number(due_ms - 1) == number - 1
        assert ticker.due_ms(1000 * rate) == 1000000
