"""``python -m dipfolio`` and ``dipfolio``: the same as ``backtest.py``, on the folder one stands in."""

from pathlib import Path

from dipfolio.cli import main


def run(program: str = "dipfolio") -> None:
    """Run the command line on the current folder, under the name by which it was started."""
    main(home=Path.cwd(), program=program)


if __name__ == "__main__":
    run("python -m dipfolio")
