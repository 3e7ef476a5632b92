"""Lay a picture's bytes on DMX universes: row after row, each universe filled before the next."""

from protocols.limits import DMX_SLOTS_MAX


def slots_for(channels: int) -> int:
    """Return the slots used of each universe: 512, or 510 so that no RGB pixel is split."""
    return DMX_SLOTS_MAX - DMX_SLOTS_MAX % channels


def count(width_px: int, height_px: int, channels: int) -> int:
    """Return how many universes a board needs."""
    slots = slots_for(channels)
    return (width_px * height_px * channels + slots - 1) // slots


def split(rows: list[bytes], channels: int, level: int) -> list[bytes]:
    """Return the universes of a picture, each sample scaled by `level` (0 to 256)."""
    data = b"".join(rows)
    if level < 256:
        data = bytes([(sample * level) >> 8 for sample in data])
    slots = slots_for(channels)
    return [data[i : i + slots] for i in range(0, len(data), slots)]
