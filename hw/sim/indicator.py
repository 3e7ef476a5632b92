"""A lamp that remembers what it showed."""

from hw import ports


class Indicator(ports.Indicator):
    """Keep every (state, percent) shown, one after another without repeats."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, int]] = []

    def show(self, state: str, percent: int) -> None:
        """Remember a state."""
        if not self.shown or self.shown[-1] != (state, percent):
            self.shown.append((state, percent))
