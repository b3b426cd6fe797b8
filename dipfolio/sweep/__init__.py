"""Sweep: one strategy, many parameter sets."""
