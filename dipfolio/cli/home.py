"""Home: the folder in which ``strategies/``, ``data/`` and ``reports/`` stand."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dipfolio.cli.started import as_started, command_of
from dipfolio.errors import DamagedError, DataError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.evidence.register import Register
    from dipfolio.market.bars import Bars
    from dipfolio.market.choice import Choice

FIRST_DAY = date(2024, 1, 2)
"""The first session of the embedded figures; fetched ones begin there too unless asked otherwise."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where strategies and figures are read from and reports are written to, and by which program."""

    strategies: Path
    data: Path
    reports: Path
    program: str = "backtest.py"

    @classmethod
    def at(cls, folder: Path, program: str = "backtest.py") -> "Home":
        """The three folders below one, as seen from where the user stands."""
        folder = near(folder)
        return cls(strategies=folder / "strategies", data=folder / "data", reports=folder / "reports", program=program)

    @property
    def command(self) -> str:
        """What the user types to start the program."""
        return command_of(self.program)

    @property
    def cache(self) -> Path:
        """Where ``data fetch`` keeps its figures."""
        return self.data / "cache"

    def figures(self, symbols: tuple[str, ...] = ()) -> "Choice":
        """The figures to use without ``--data``: fetched ones, if they have all these symbols, else the embedded.

        Raises
        ------
        DataError
            Neither is there.
        """
        from dipfolio.market.choice import choose

        if not self.data.is_dir():
            raise DataError(
                f"There is no folder {self.data}; `python backtest.py init` brings the embedded figures, --data names others."
            )
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
        from dipfolio.market.beside import strays
        from dipfolio.market.folder import load_bars

        named = folder is not None
        if folder is None:
            chosen = self.figures(symbols)
            folder = chosen.folder
            say_once(as_started(chosen.reason, self.command))
        for name in strays(folder, symbols):
            say_once(f"{folder / name} is not what was fetched with the prices, which is used; `data fetch` writes it anew.")

        def load() -> "Bars":
            """From the folder chosen, with the calendars of the embedded figures where it has none."""
            return load_bars(folder, symbols, events=self.data / "events.csv", splits=self.data / "splits.csv")

        try:
            return _warned(load())
        except DamagedError as error:
            if folder != self.cache:
                raise
            self._rebuild(symbols, error)
            return _warned(load())
        except UnknownNameError as error:
            if named:
                raise
            raise error.with_hint(f"`{self.command} data fetch {_listed(symbols)}` asks Yahoo Finance for others.") from None
        except DataError as error:
            if folder != self.cache:
                raise
            anew = f"`{self.command} data fetch SYMBOL --refresh --accept` fetches a symbol anew"
            raise DataError(f"{_sentence(error)} {anew}; {self._otherwise}") from error

    @property
    def _otherwise(self) -> str:
        return f"without {self.cache} the figures of {self.data} are used."

    def _rebuild(self, symbols: tuple[str, ...], error: DamagedError) -> None:
        """Fetch damaged files of the cache anew, and say so."""
        from dipfolio.market.fetching import rebuild

        say_once(f"{_sentence(error)} Yahoo Finance is asked for it anew.")
        for outcome in rebuild(self.cache, symbols, FIRST_DAY):
            if outcome.kind == "failed":
                again = f"`{self.command} data fetch {outcome.symbol}` tries again"
                raise DataError(f"{_sentence(outcome.text)} {again}; {self._otherwise}") from error
            say_once(f"{outcome.symbol}  {outcome.text}")


def tell_window(bars: "Bars", start: date | None, end: date | None) -> None:
    """Say on standard error that the figures do not reach as far as was asked for."""
    if len(bars) and start and start < (first := bars.sessions[0].date()):
        say_once(f"The figures begin on {first}, so the window does; {start} was asked for.")
    if len(bars) and end and end > (last := bars.sessions[-1].date()):
        say_once(f"The figures end on {last}, so the window does; {end} was asked for.")


def register_of(reports: Path) -> "Register":
    """The register of a folder of reports; damaged lines in it are said on standard error."""
    from dipfolio.evidence.register import FILE, Register

    return Register(near(reports) / FILE, say=say_once)


def _warned(bars: "Bars") -> "Bars":
    """The same; what is odd about all of the figures is said."""
    for warning in bars.warnings:
        if not warning.symbol:
            say_once(warning.text)
    return bars


def _sentence(text: object) -> str:
    return f"{str(text).removesuffix('.')}."


def say_once(sentence: str) -> None:
    """On standard error, once in a command however many strategies it runs."""
    context = click.get_current_context(silent=True)
    said = context.find_root().meta.setdefault("dipfolio.said", set()) if context else set()
    if sentence and sentence not in said:
        said.add(sentence)
        click.echo(sentence, err=True)


def _listed(symbols: tuple[str, ...], most: int = 24) -> str:
    return " ".join(symbols[:most]) + (" ..." if len(symbols) > most else "")


def near(path: Path) -> Path:
    """The path relative to the current folder, if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
