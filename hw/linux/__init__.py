"""Adapters for Linux boards under CPython."""
