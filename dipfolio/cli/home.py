"""Home: the folder in which ``strategies/``, ``data/`` and ``reports/`` stand."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where strategies and figures are read from and reports are written to."""

    strategies: Path
    data: Path
    reports: Path

    @classmethod
    def at(cls, folder: Path) -> "Home":
        """The three folders below one, as seen from where the user stands."""
        folder = near(folder)
        return cls(strategies=folder / "strategies", data=folder / "data", reports=folder / "reports")


def near(path: Path) -> Path:
    """The path relative to the current folder, if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
