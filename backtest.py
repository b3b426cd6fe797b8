"""The doorway: ``python backtest.py --help`` says what it can do."""

import sys
from pathlib import Path

try:
    from dipfolio.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed here. Install dipfolio and what it needs: python -m pip install -e .")

if __name__ == "__main__":
    main(home=Path(__file__).resolve().parent)
