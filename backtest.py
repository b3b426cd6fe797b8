"""The doorway: ``python backtest.py --help`` says what it can do."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

try:
    from dipfolio.cli import main
except ModuleNotFoundError as error:
    checkout = (HERE / "pyproject.toml").is_file()
    remedy = "Install dipfolio and what it needs: python -m pip install -e ." if checkout else "Use the Python that has dipfolio."
    sys.exit(f"{error.name} is not installed here. {remedy}")

if __name__ == "__main__":
    main(home=HERE)
