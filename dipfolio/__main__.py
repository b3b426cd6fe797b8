"""``python -m dipfolio``: the same as ``backtest.py``, on the folder one stands in."""

from pathlib import Path

from dipfolio.cli import main

if __name__ == "__main__":
    main(home=Path.cwd())
