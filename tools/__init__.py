"""Command lines of technicians and operators."""
