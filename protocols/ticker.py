"""Run a strip of text through a board, from right to left, at a stated rate.

One step is one pixel up to `FRAMES_PER_S_MAX` pixels a second, else as few pixels as that rate
allows; steps fall at exact instants, so that the text moves evenly.
"""

from protocols.flashes import SHARE, STEP

# What E1.31 controllers and colour walls take; the eye sees no more.
FRAMES_PER_S_MAX = 50
# Places of a strip that are compared with the next step; a long strip is looked at in fewer rows.
_SAMPLES_MAX = 16384


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
        self._changes = self._count_changes()

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

    def is_change(self, number: int) -> bool:
        """Tell whether the step to a frame turns a quarter of the board brighter, or darker."""
        columns = len(self._changes[0]) - 1
        first = min((number - 1) * self._step_px % self._cycle_px, columns)
        last = min(first + self._board_px, columns)
        for sums in self._changes:
            if (sums[last] - sums[first]) * SHARE >= self._board_px * self._looked:
                return True
        return False

    def _count_changes(self) -> "tuple[list[int], list[int]]":
        """Return how many places left of each column turn brighter, and darker, by one step."""
        channels, step = self._channels, self._step_px
        columns = len(self._rows[0]) // channels
        every = len(self._rows) * columns // _SAMPLES_MAX + 1
        looked = self._rows[::every]
        self._looked = len(looked)
        brighter, darker = [0], [0]
        for column in range(columns - step):
            up = down = 0
            for row in looked:
                change = row[(column + step) * channels] - row[column * channels]
                if change >= STEP:
                    up += 1
                elif change <= -STEP:
                    down += 1
            brighter.append(brighter[-1] + up)
            darker.append(darker[-1] + down)
        return brighter, darker

    def frame(self, number: int) -> list[bytes]:
        """Return the rows of a frame."""
        first = number * self._step_px % self._cycle_px * self._channels
        last = first + self._board_px * self._channels
        return [row[first:last] for row in self._rows]
