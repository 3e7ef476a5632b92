"""The node agent, one code base for CPython and MicroPython."""
