"""Formats and decisions: pure code without I/O, clock, randomness or platform."""
