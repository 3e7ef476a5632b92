"""End a program in good order; a board has nobody to ask, it is switched off."""


async def run_until_told(work: "object") -> None:
    """Run `work` until it ends."""
    await work  # type: ignore[misc]


def trial_passed() -> None:
    """Nothing limits a new image here but the board's watchdog."""
