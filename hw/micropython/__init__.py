"""Adapters for microcontrollers under MicroPython."""
