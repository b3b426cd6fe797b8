"""Exceptions of dipfolio, one class for each kind of mistake.

``exit_code`` is what the command line returns: 2 when the user can correct the command, 1 when the data or the run
are at fault.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DipfolioError(Exception):
    """Any mistake that dipfolio explains in one line."""

    exit_code = 1


class UnknownNameError(DipfolioError, LookupError):
    """A name that is none of the valid ones.

    Parameters
    ----------
    kind : str
        What was looked for, such as ``"strategy"``.
    name : str
        The name that was given.
    valid : iterable of str
        The names that would have been right.
    hint : str, optional
        What else the user can do.
    """

    exit_code = 2

    def __init__(self, kind: str, name: str, valid: Iterable[str], hint: str = "") -> None:
        self.kind, self.name, self.valid, self.hint = kind, name, tuple(valid), hint
        near = get_close_matches(name.lower(), [v.lower() for v in self.valid], n=1)
        suggestion = next((f" Did you mean {v!r}?" for v in self.valid if near and v.lower() == near[0]), "")
        super().__init__(f"There is no {kind} {name!r}.{suggestion}{' ' + hint if hint else ''}")

    def with_hint(self, more: str) -> "UnknownNameError":
        """The same with one thing more that the user can do."""
        return UnknownNameError(self.kind, self.name, self.valid, f"{self.hint} {more}".strip())


class ParameterError(DipfolioError, ValueError):
    """A parameter has a value that cannot be used."""

    exit_code = 2


class WindowError(DipfolioError, ValueError):
    """The first and the last session asked for leave nothing to simulate."""

    exit_code = 2


class ComparisonError(DipfolioError, ValueError):
    """Runs cannot be compared on fair terms."""

    exit_code = 2


class ReportError(DipfolioError, OSError):
    """A report cannot be written or read back."""


class DataError(DipfolioError, ValueError):
    """The data are missing or cannot be trusted."""


class CorruptFileError(DataError):
    """A Parquet file of prices is not, or no longer, what was written."""


class MissingFileError(DataError):
    """A file or folder that the user named does not exist."""

    exit_code = 2


class AmbiguousFileError(DataError):
    """A file can be understood in several ways, and an option says in which."""

    exit_code = 2


class FetchError(DataError):
    """A provider did not answer, or with something that cannot be stored.

    Parameters
    ----------
    message : str
    retryable : bool
        Whether asking again after a while may help.
    affects_all_symbols : bool
        Whether it would be the same for any symbol.
    """

    def __init__(self, message: str, *, retryable: bool = False, affects_all_symbols: bool = False) -> None:
        super().__init__(message)
        self.retryable, self.affects_all_symbols = retryable, affects_all_symbols


class StrategyError(DipfolioError, TypeError):
    """A strategy file or class breaks the contract."""


class LedgerError(DipfolioError, ArithmeticError):
    """The second ledger and the simulation disagree."""


class WorkerError(DipfolioError, RuntimeError):
    """The processes or the cluster that should share a sweep cannot be had."""


class SweepMismatchError(DipfolioError, ArithmeticError):
    """A cell of a sweep is not what backtrader makes of it."""
