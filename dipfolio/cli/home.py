"""Home: the folder in which ``strategies/``, ``data/`` and ``reports/`` stand."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dipfolio.market.choice import Choice


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

    @property
    def cache(self) -> Path:
        """Where ``data fetch`` keeps its figures."""
        return self.data / "cache"

    def figures(self, symbols: tuple[str, ...] = ()) -> "Choice":
        """The figures to use without ``--data``: fetched ones, if they have all these symbols, else the embedded."""
        from dipfolio.market.choice import choose

        return choose(self.cache, self.data, symbols)


def near(path: Path) -> Path:
    """The path relative to the current folder, if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
