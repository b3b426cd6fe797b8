"""Home: the folder in which ``strategies/``, ``data/`` and ``reports/`` stand."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dipfolio.market.bars import Bars
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

    def load(self, folder: Path | None, symbols: tuple[str, ...]) -> "Bars":
        """The figures of some symbols, from the folder named or else from :meth:`figures`, which is said on standard error.

        Raises
        ------
        UnknownNameError
            A symbol that there are no prices for.
        DataError
            Figures that cannot be read or trusted.
        """
        from dipfolio.market.folder import load_bars

        if folder is None:
            chosen = self.figures(symbols)
            folder = chosen.folder
            _say_once(chosen.reason)
        return load_bars(folder, symbols, events=self.data / "events.csv", splits=self.data / "splits.csv")


def _say_once(sentence: str) -> None:
    """On standard error, once in a command however many strategies it runs."""
    context = click.get_current_context(silent=True)
    said = context.find_root().meta.setdefault("dipfolio.said", set()) if context else set()
    if sentence and sentence not in said:
        said.add(sentence)
        click.echo(sentence, err=True)


def near(path: Path) -> Path:
    """The path relative to the current folder, if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
