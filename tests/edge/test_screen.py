"""Pages that move: running text without a dropped frame, emergencies that blink within the rule."""

import asyncio

import pytest

from edge.inbox import Inbox
from edge.screen import BLINK_MS, Screen
from hw.sim.board import Board
from protocols.errors import WorldFault
from tests.hw.virtual_line import VirtualClock


class Timed(Board):
    """A board that notes when each frame came, and may be slow."""

    def __init__(self, clock):
        super().__init__(32, 16, 1)
        self.clock = clock
        self.times = []
        self.cost_ms = 0

    async def show(self, rows):
        self.clock.now_ms += self.cost_ms
        self.times.append((self.clock.ticks_ms(), rows))
        await super().show(rows)


async def run_ticker(seconds, px_s, cost_ms=0, width=300, strip=None):
    """Run a ticker in virtual time; return (screen, board)."""
    clock = VirtualClock()
    board = Timed(clock)
    board.cost_ms = cost_ms
    screen, inbox = Screen(board, clock), Inbox()
    await screen.show(strip or [bytes([255] * width)] * 16, px_s, False)
    started_ms = clock.ticks_ms()
    while clock.ticks_ms() - started_ms < seconds * 1000:
        await screen.move(clock.ticks_ms() + 1000, inbox)
    return screen, board


async def test_running_text_has_every_frame_at_its_instant():
    screen, board = await run_ticker(20, 50)
    assert screen.dropped == 0 and abs(screen.shown - 1000) <= 1
    start_ms = board.times[0][0]
    assert [at_ms - start_ms for at_ms, _ in board.times[:500]] == [20 * i for i in range(500)]
    assert screen.passage_ms() == (300 + 32) * 20


async def test_a_slow_board_drops_frames_and_keeps_the_pace():
    screen, _ = await run_ticker(20, 50, cost_ms=35)
    assert screen.dropped > 300 and screen.shown + screen.dropped == pytest.approx(1000, abs=60)


async def test_running_stripes_are_held_to_three_flashes_a_second():
    for period in (2, 4):
        row = bytes([255 if x % period < period // 2 else 0 for x in range(300)])
        _, board = await run_ticker(8, 50, strip=[row] * 16)
        # From when the stripes fill a quarter of the board until they leave it.
        times = [at_ms for at_ms, _ in board.times if 600 <= at_ms - board.times[0][0] < 6000]
        assert 6 * 4 <= len(times) <= 6 * 6
        assert all(times[index] - times[index - 6] >= 1000 for index in range(6, len(times)))


async def test_running_letters_are_not_held():
    letter = (".###..", "#...#.", "#...#.", "#####.", "#...#.", "#...#.", "#...#.")
    rows = [bytes([255 if dot == "#" else 0 for dot in line * 50]) for line in letter]
    strip = [bytes(300)] * 4 + rows + [bytes(300)] * 5
    screen, _ = await run_ticker(20, 50, strip=strip)
    assert screen.held == 0 and screen.dropped == 0 and abs(screen.shown - 1000) <= 1


async def test_an_emergency_blinks_once_a_second():
    clock = VirtualClock()
    board = Timed(clock)
    screen = Screen(board, clock)
    picture = [bytes([255] * 32)] * 16
    await screen.show(picture, 0, True)
    assert screen.is_moving()
    await screen.move(5000, Inbox())
    assert [(at_ms, any(rows[0])) for at_ms, rows in board.times] == [
        (BLINK_MS * i, i % 2 == 0) for i in range(10)
    ]
    await screen.off()
    assert not screen.is_moving()


async def test_pages_that_change_too_fast_wait():
    clock = VirtualClock()
    board = Timed(clock)
    screen = Screen(board, clock)
    for i in range(40):
        await screen.show([bytes([255 if i % 2 == 0 else 0] * 32)] * 16, 0, False)
    times = [at_ms for at_ms, _ in board.times]
    assert all(times[i] - times[i - 6] >= 1000 for i in range(6, 40))


async def test_news_end_the_moving_and_faults_pass():
    clock = VirtualClock()
    board, inbox = Timed(clock), Inbox()
    screen = Screen(board, clock)
    await screen.show([bytes([255] * 100)] * 16, 50, False)
    inbox.take(asyncio)
    before_ms = clock.ticks_ms()
    await screen.move(before_ms + 1000, inbox)
    assert clock.ticks_ms() == before_ms
    inbox.next()
    board.plugged = False
    with pytest.raises(WorldFault):
        await screen.move(before_ms + 1000, inbox)


async def test_brightness_is_set_once_and_the_picture_shown_again():
    clock = VirtualClock()
    board = Timed(clock)
    screen = Screen(board, clock)
    await screen.set_brightness(100)
    await screen.show([bytes([255] * 32)] * 16, 0, False)
    await screen.set_brightness(40)
    await screen.set_brightness(40)
    assert board.brightness_percent == 40 and len(board.times) == 2
