"""Run the notebooks in ``examples/`` and write their outputs anew; with ``--check`` only say whether they are current."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
"""Of this machine nothing is kept but the language."""


def executed(path: Path) -> str:
    """The text of a notebook with the outputs that its cells have now."""
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, kernel_name="python3", timeout=300, resources=place)
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    notebook.metadata = LANGUAGE
    for cell in notebook.cells:
        cell.metadata = {}
    return str(nbformat.writes(notebook)) + "\n"


def main() -> int:
    """The number of notebooks whose outputs were not current."""
    stale = 0
    for path in sorted(EXAMPLES.glob("*.ipynb")):
        now = executed(path)
        if now != path.read_text(encoding="utf-8"):
            stale += 1
            print(f"{path.name} has other outputs now{'; run: python tools/notebook.py' if '--check' in sys.argv else ''}")
            if "--check" not in sys.argv:
                path.write_text(now, encoding="utf-8")
    return stale if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
