"""Run a strip of text through a board, from right to left, at a stated rate.

One step is one pixel up to `FRAMES_PER_S_MAX` pixels a second, else as few pixels as that rate
allows; steps fall at exact instants, so that the text moves evenly.
"""

# What E1.31 controllers and colour walls take; the eye sees no more.
FRAMES_PER_S_MAX = 50


class Ticker:
    """Lay out frames of a strip for a board."""

    def __init__(self, strip: list[bytes], board_px: int, channels: int, px_s: int):
        """`strip` holds the rows; the text enters an empty board and leaves it empty."""
        self._channels = channels
        self._board_px = board_px
        self._px_s = px_s
        self._step_px = (px_s + FRAMES_PER_S_MAX - 1) // FRAMES_PER_S_MAX
        blank = bytes(board_px * channels)
        self._rows = [blank + row + blank for row in strip]
        self._cycle_px = board_px + len(strip[0]) // channels

    def frames_per_s(self) -> float:
        """Return the rate of frames."""
        return self._px_s / self._step_px

    def duration_ms(self) -> int:
        """Return how long one passage takes."""
        return self._cycle_px * 1000 // self._px_s

    def number(self, elapsed_ms: int) -> int:
        """Return the number of the frame that stands at a time since the start."""
        return elapsed_ms * self._px_s // (1000 * self._step_px)

    def due_ms(self, number: int) -> int:
        """Return when a frame begins, in ms since the start."""
        return -(-number * 1000 * self._step_px // self._px_s)

    def frame(self, number: int) -> list[bytes]:
        """Return the rows of a frame."""
        first = number * self._step_px % self._cycle_px * self._channels
        last = first + self._board_px * self._channels
        return [row[first:last] for row in self._rows]
