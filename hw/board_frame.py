"""Check that a frame has the board's size."""

from protocols.errors import LocalFault


def check(rows: list[bytes], width_px: int, height_px: int, channels: int) -> None:
    """Raise `LocalFault("board.size")` unless there are all rows, each of the right length."""
    row_bytes = width_px * channels
    if len(rows) != height_px or [row for row in rows if len(row) != row_bytes]:
        text = "a frame that is not %d x %d x %d" % (width_px, height_px, channels)
        raise LocalFault("board.size", text, "show pictures of this board's size")
