"""Speed, measured against the alternatives side by side: ``python -m benchmarks --help``."""
