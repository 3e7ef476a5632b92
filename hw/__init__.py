"""Hardware: the port contracts, device drivers, and one adapter folder per platform."""
