"""The adapter to backtrader, and the only place that imports it."""
