"""The workspace: the folder with ``strategies/``, ``data/`` and ``reports/``.

Help texts and messages name the program by the command that started it.
"""

import copy
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dipfolio.errors import CorruptFileError, DataError, MissingFileError, ParameterError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.data.bars import Bars
    from dipfolio.data.folder import FolderChoice
    from dipfolio.data.risk_free import RiskFree
    from dipfolio.evidence.trial_log import TrialLog
    from dipfolio.storage import NamedKind


DOCUMENTED_COMMAND = "python backtest.py"
"""How texts write the program."""


def program_command(program: str) -> str:
    """The words that start the program: a script needs the interpreter before it."""
    return f"python {program}" if program.endswith(".py") else program


def substitute_program(text: str, command: str) -> str:
    """A text with the program as it was started."""
    return text.replace(DOCUMENTED_COMMAND, command)


def with_program_name(original: click.Command, command: str) -> click.Command:
    """A command whose help names the program as it was started; those below a plain group too."""
    twin = copy.copy(original)
    twin.help, twin.epilog = _worded(original.help, command), _worded(original.epilog, command)
    if isinstance(twin, click.Group):
        twin.commands = {name: with_program_name(below, command) for name, below in twin.commands.items()}
    return twin


def _worded(text: str | None, command: str) -> str | None:
    """The text of a help page, with examples on one line each, to be copied: click breaks none after a backspace."""
    return text and re.sub(r"^( *)Example:", "\\1\b\n\\1Example:", substitute_program(text, command), flags=re.MULTILINE)


FIRST_EMBEDDED_SESSION = date(2024, 1, 2)
"""The first session of the embedded data; fetched ones begin there too unless asked otherwise."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where strategies and data are read from and reports are written to, and by which program."""

    strategies: Path
    data: Path
    reports: Path
    program: str = "backtest.py"

    @classmethod
    def at(cls, folder: Path, program: str = "backtest.py") -> "Workspace":
        """The three folders below one, as seen from where the user stands."""
        folder = relative_to_cwd(folder)
        return cls(strategies=folder / "strategies", data=folder / "data", reports=folder / "reports", program=program)

    @property
    def command(self) -> str:
        """The words that start the program."""
        return program_command(self.program)

    @property
    def cache(self) -> Path:
        """Where ``data fetch`` keeps its data."""
        return self.data / "cache"

    def data_choice(self, symbols: tuple[str, ...] = ()) -> "FolderChoice":
        """The data to use without ``--data``: fetched ones, if they have all these symbols, else the embedded.

        Raises
        ------
        DataError
            Neither is there.
        """
        from dipfolio.data.folder import choose_folder

        if not self.data.is_dir():
            raise DataError(
                f"There is no folder {self.data}; `python backtest.py init` brings the embedded data, --data names others."
            )
        return choose_folder(self.cache, self.data, self._expanded(symbols))

    def _expanded(self, symbols: tuple[str, ...]) -> tuple[str, ...]:
        """The symbols with ``@universe`` replaced by those of the table that a run without ``--data`` would use.

        ``all`` is left out: a folder has all of its symbols.
        """
        from dipfolio.data.folder import first_existing
        from dipfolio.data.membership import MEMBERSHIP_FILE, members_of, read_membership
        from dipfolio.data.universe import DATED_MEMBERS, EVERY_SYMBOL

        symbols = tuple(symbol for symbol in symbols if symbol != EVERY_SYMBOL)
        if DATED_MEMBERS not in symbols:
            return symbols
        path = first_existing(self.cache / MEMBERSHIP_FILE, self.data / MEMBERSHIP_FILE)
        members = members_of(read_membership(path)) if path else ()
        return tuple(dict.fromkeys([*members, *(symbol for symbol in symbols if symbol != DATED_MEMBERS)]))

    def load(self, folder: Path | None, symbols: tuple[str, ...], benchmark: str = "", currency: str | None = None) -> "Bars":
        """The data of some symbols, from the folder named or else from :meth:`data`, which is reported on standard error.

        Parameters
        ----------
        folder : Path, optional
        symbols : tuple of str
            What is traded.
        benchmark : str
            What it is compared with, empty for none.
        currency : str, optional
            Of the account, empty for that of the data; what ``--currency`` of the command says if it is not given.

        Raises
        ------
        UnknownNameError
            A symbol that there are no prices for.
        DataError
            Data that cannot be read or trusted.
        """
        from dipfolio.data.folder import load_bars

        currency = asked_currency() if currency is None else currency
        named, traded = folder is not None, symbols
        symbols = tuple(dict.fromkeys([*symbols, *([benchmark] if benchmark else [])]))
        if folder is None:
            chosen = self.data_choice(symbols)
            folder = chosen.folder
            warn_once(substitute_program(chosen.reason, self.command))

        def load() -> "Bars":
            """From the folder chosen, with the calendars of the embedded data where it has none."""
            others = {name: self.data / f"{name}.csv" for name in ("events", "splits")}
            bars = load_bars(folder, symbols, **others, membership=self.data / "universe.csv", currency=currency)
            show_in_currency(bars.currency)
            return bars

        try:
            return load()
        except CorruptFileError as error:
            if folder != self.cache:
                raise
            self._rebuild(self._expanded(symbols), error)
            return load()
        except UnknownNameError as error:
            if error.name == benchmark and benchmark not in traded:
                error = _without_benchmark(error, traded)
            if named:
                raise error from None
            raise error.with_hint(
                f"`{self.command} data fetch {_listed(self._expanded(symbols))}` asks Yahoo Finance for others."
            ) from None
        except DataError as error:
            if folder != self.cache:
                raise
            anew = f"`{self.command} data fetch SYMBOL --refresh --accept` fetches a symbol anew"
            raise DataError(f"{_sentence(error)} {anew}; {self._otherwise}") from error

    def load_others(self, folder: Path | None, symbols: tuple[str, ...], others: tuple[str, ...], bars: "Bars") -> "Bars | None":
        """The data of other benchmarks, from the folder that :meth:`load` takes for these symbols.

        What the folder lacks, or what cannot be read, is left out, and so is another calendar; the latter two are said on
        standard error.

        Parameters
        ----------
        folder : Path, optional
        symbols : tuple of str
            What is traded, and the benchmark.
        others : tuple of str
        bars : Bars
            Of what is traded, whose calendar and currency the others have.
        """
        from dipfolio.data.folder import available_symbols, load_bars

        folder = self.data_choice(symbols).folder if folder is None else folder
        there = available_symbols(folder)
        found = tuple(symbol for symbol in dict.fromkeys(others) if symbol in there)
        try:
            if not found:
                return None
            beside = load_bars(folder, found, splits=self.data / "splits.csv", currency=bars.currency)
            if beside.calendar != bars.calendar:
                raise DataError(f"they trade on {beside.calendar}, and the run on {bars.calendar}.")
            return beside
        except DataError as error:
            warn_once(f"Without the other benchmarks ({', '.join(found)}): {error}")
            return None

    def cash_rate(self, text: str, folder: Path | None, symbols: tuple[str, ...]) -> "RiskFree":
        """The rate that a user names: a number, a CSV of dates and rates, or a series of the data that a run uses.

        Parameters
        ----------
        text : str
        folder : Path, optional
        symbols : tuple of str
            What is traded, and the benchmark; without a folder they decide which data are used.

        Raises
        ------
        ParameterError
            A number or a series that is no rate a year.
        DataError
            A file or a series that cannot be read, or neither of both.
        """
        from dipfolio.data.folder import available_symbols, load_bars
        from dipfolio.data.risk_free import CASH_RATE, is_number_or_percent, parse_risk_free, rates_of_series

        if is_number_or_percent(text) or Path(text).exists():
            return parse_risk_free(text, CASH_RATE)
        folder = self.data_choice(symbols).folder if folder is None else folder
        symbol = next((known for known in available_symbols(folder) if known.upper() == text.upper()), None)
        if symbol is None:
            raise MissingFileError(
                f"The cash rate {text!r} is no fraction a year such as 0.043, no CSV of dates and rates, and no series of "
                f"{folder}; `{self.command} data fetch ^IRX` brings the rate of Treasury bills."
            )
        return rates_of_series(load_bars(folder, (symbol,)).close[symbol])

    @property
    def _otherwise(self) -> str:
        return f"without {self.cache} the data of {self.data} are used."

    def _rebuild(self, symbols: tuple[str, ...], error: CorruptFileError) -> None:
        """Fetch damaged files of the cache anew, and say so."""
        from dipfolio.data.update import refetch_damaged

        warn_once(f"{_sentence(error)} Yahoo Finance is asked for it anew.")
        for outcome in refetch_damaged(self.cache, symbols, FIRST_EMBEDDED_SESSION):
            if outcome.kind == "failed":
                again = f"`{self.command} data fetch {outcome.symbol}` tries again"
                raise DataError(f"{_sentence(outcome.text)} {again}; {self._otherwise}") from error
            warn_once(f"{outcome.symbol}  {outcome.text}")


def asked_currency() -> str:
    """The currency of the account that the command was asked for; empty for that of the data."""
    context = click.get_current_context(silent=True)
    return (context.params.get("currency") or "") if context else ""


def show_in_currency(currency: str) -> None:
    """Write the amounts of the rest of the command in a currency; empty for dollars."""
    from dipfolio.data.currency import DOLLARS, shown_in

    context = click.get_current_context(silent=True)
    if context:
        context.find_root().with_resource(shown_in(currency or DOLLARS))


def check_name(reports: Path, kind: "NamedKind", name: str | None, *, replace: bool) -> None:
    """See before the work that a comparison or a sweep can be written under the name that the user gave it, if any.

    Raises
    ------
    ParameterError
        The name is no file name or is taken, or --replace stands without one.
    """
    from dipfolio.storage import named_report

    if name is None and replace:
        raise ParameterError(f"--replace overwrites a {kind} that has a name; say which with --name.")
    if name is not None:
        named_report(reports, kind, name, replace=replace)


def warn_if_truncated(bars: "Bars", start: date | None, end: date | None) -> None:
    """Say on standard error that the data do not reach as far as was asked for."""
    if len(bars) and start and start < (first := bars.sessions[0].date()):
        warn_once(f"The data begin on {first}, so the window does; {start} was asked for.")
    if len(bars) and end and end > (last := bars.sessions[-1].date()):
        warn_once(f"The data end on {last}, so the window does; {end} was asked for.")


def open_trial_log(reports: Path) -> "TrialLog":
    """The register of a folder of reports; damaged lines in it are reported on standard error."""
    from dipfolio.evidence.trial_log import TRIAL_LOG_FILE, TrialLog

    return TrialLog(relative_to_cwd(reports) / TRIAL_LOG_FILE, warn=warn_once)


def _without_benchmark(error: UnknownNameError, traded: tuple[str, ...]) -> UnknownNameError:
    """The same, with the benchmark called so and with the two ways to do without it."""
    others = [symbol for symbol in (*traded, *error.valid) if symbol in error.valid]
    another = f", and --benchmark {others[0]} compares with that one" if others else ""
    return error.with_hint(f"{error.name} is the benchmark: --benchmark none runs without one{another}.")


def _sentence(text: object) -> str:
    return f"{str(text).removesuffix('.')}."


def warn_once(sentence: str) -> None:
    """On standard error, once in a command however many strategies it runs."""
    context = click.get_current_context(silent=True)
    shown = context.find_root().meta.setdefault("dipfolio.said", set()) if context else set()
    if sentence and sentence not in shown:
        shown.add(sentence)
        click.echo(sentence, err=True)


def _listed(symbols: tuple[str, ...], most: int = 24) -> str:
    return " ".join(symbols[:most]) + (" ..." if len(symbols) > most else "")


def relative_to_cwd(path: Path) -> Path:
    """The path relative to the current folder, if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
