"""Adapters that stand in for hardware in tests and in the simulator."""
