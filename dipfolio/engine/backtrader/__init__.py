"""The adapter to backtrader, and the only place that imports it."""

import warnings

with warnings.catch_warnings():  # of backtrader's sources, when Python compiles them; later Pythons show it to everybody
    warnings.filterwarnings("ignore", ".*invalid escape sequence")
    import backtrader  # noqa: F401 - compiled here, before any other module imports it
