"""Loader: finds the strategy files in a folder and imports the class of a strategy by its name.

The name is that of the file: ``buy-the-dip`` is ``buy_the_dip.py``. Listing reads the files without running them.
Loading runs the requested file and what it imports, so that a broken file does not affect the other strategies.
"""

import ast
import dataclasses
import importlib
import inspect
import io
import re
import sys
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dipfolio.engine.parameters import ALLOWED_DECORATOR
from dipfolio.errors import DipfolioError, StrategyError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.engine.strategy import StrategyBase

STRATEGIES_PACKAGE = "strategies"
"""Under which every folder of strategies is imported, so that they can inherit from one another."""

STRATEGY_NAME_PATTERN = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")

NON_STRATEGY_BASES = frozenset(
    {
        "Account", "Analyzer", "At", "Bar", "ChandelierExit", "Enum", "Exit", "HoldFor", "Indicator", "IntEnum", "Level",
        "NamedTuple", "Observer", "Recovered", "Sizer", "StopLoss", "StrEnum", "TakeProfit", "TrailingStop", "TypedDict",
    }
)  # fmt: skip
"""Names of classes whose subclasses are no strategies."""

OUTSIDE_LINK_PROBLEM = (
    "a link that leads out of the folder of strategies; copy the file there, or name its own folder with --strategies"
)
"""What is wrong with such a file."""


class _DiscardedText(io.StringIO):
    """Standard output that is thrown away."""


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Redirect standard output to standard error inside the block, so that results can be piped.

    Inside :func:`discard_stdout` it stays discarded.
    """
    with redirect_stdout(sys.stdout if isinstance(sys.stdout, _DiscardedText) else sys.stderr):
        yield


@contextmanager
def discard_stdout() -> Iterator[None]:
    """Throw standard output away inside the block: a check imports a strategy and runs it many times."""
    with redirect_stdout(_DiscardedText()):
        yield


@dataclass(frozen=True, kw_only=True)
class StrategyFile:
    """One strategy file, read but not run.

    Attributes
    ----------
    name : str
    path : Path
    title, claim : str
        First line of the docstring of its class, and the label of the claim that it tests; empty for none.
    problem : str
        Why it cannot be loaded, empty if nothing is known against it.
    """

    name: str
    path: Path
    title: str
    claim: str = ""
    problem: str = ""


def list_strategy_files(folder: Path) -> tuple[StrategyFile, ...]:
    """Every strategy file of a folder, sorted by name; nothing is imported."""
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    return tuple(_read_strategy_file(path) for path in files if not path.name.startswith("_"))


def list_strategy_names(folder: Path) -> tuple[str, ...]:
    """The names of the strategies in a folder."""
    return tuple(entry.name for entry in list_strategy_files(folder))


def load_strategy(folder: Path | str, name: str) -> "type[StrategyBase]":
    """The class of a strategy.

    Raises
    ------
    UnknownNameError
        No file of that name.
    StrategyError
        A file that cannot be imported (its own error is the cause), or that does not have exactly one strategy.
    """
    folder = Path(folder)
    path = strategy_file(folder, name)
    _open_package(folder)
    module_name = f"{STRATEGIES_PACKAGE}.{path.stem}"
    if b"backtrader" in path.read_bytes():
        importlib.import_module("dipfolio.engine.backtrader")  # imports backtrader without the warnings of its sources
    try:
        with stdout_to_stderr():
            module = importlib.import_module(module_name)
    except DipfolioError as error:  # a class that breaks the contract, reported where it is defined
        raise StrategyError(f"{_error_location(error, path)}: {error}") from None
    except Exception as error:
        if _is_refused_decorator(error):
            raise StrategyError(
                f"{_error_location(error, path)}: a strategy is a frozen, keyword-only dataclass. Leave the decorator out, "
                "or write "
                f"{ALLOWED_DECORATOR}."
            ) from None
        raise StrategyError(f"{path.name} cannot be imported: {type(error).__name__}: {error}") from error
    return _only_strategy(module, path)


def strategy_file(folder: Path | str, name: str) -> Path:
    """The file of a strategy, which is not imported.

    Raises
    ------
    UnknownNameError
        No file of that name.
    StrategyError
        A link that leads out of the folder.
    """
    path = Path(folder) / f"{name.replace('-', '_')}.py"
    if not STRATEGY_NAME_PATTERN.fullmatch(name) or not path.is_file():
        raise UnknownNameError("strategy", name, list_strategy_names(Path(folder)), "`python backtest.py list` shows all.")
    if _leads_out(path):
        raise StrategyError(f"{path} is {OUTSIDE_LINK_PROBLEM}")
    return path


def _is_refused_decorator(error: Exception) -> bool:
    """True if ``dataclasses`` has refused a decorator that is not frozen below a class that is."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, TypeError) and frames[-1].filename == dataclasses.__file__ and "non-frozen dataclass" in str(error)


def _error_location(error: Exception, path: Path) -> str:
    """The file that was being imported and the line that it had reached."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == path.resolve().parent
    ]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else path.name


def _read_strategy_file(path: Path) -> StrategyFile:
    name = path.stem.replace("_", "-")
    if not STRATEGY_NAME_PATTERN.fullmatch(name) or "-" in path.stem:
        return StrategyFile(
            name=name, path=path, title="", problem="a strategy file has a lower-case name with underscores: my_idea.py"
        )
    if _leads_out(path):
        return StrategyFile(name=name, path=path, title="", problem=OUTSIDE_LINK_PROBLEM)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError) as error:
        return StrategyFile(name=name, path=path, title="", problem=f"{type(error).__name__}: {error}")
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    if not classes:
        return StrategyFile(name=name, path=path, title="", problem="no class in this file")
    chosen = find_strategy_class(classes)
    title = (ast.get_docstring(chosen) or "").split("\n")[0]
    return StrategyFile(name=name, path=path, title=title, claim=_claim(chosen))


def find_strategy_class(classes: list[ast.ClassDef]) -> ast.ClassDef:
    """The strategy among the public classes of a file, as far as its text tells: the last one that is a subclass.

    Subclasses of what a strategy file may define beside it, such as exit rules and indicators, are passed over.
    """
    likely = [
        node for node in classes if not any(ast.unparse(base).rpartition(".")[2] in NON_STRATEGY_BASES for base in node.bases)
    ]
    return next((node for node in reversed(likely) if node.bases), (likely or classes)[-1])


def _leads_out(path: Path) -> bool:
    """True if a file is a link to one elsewhere; the folder itself may be a link."""
    return path.resolve().parent != path.parent.resolve()


def _claim(node: ast.ClassDef) -> str:
    """The text that the class assigns to ``claim``, as written."""
    for line in node.body:
        if isinstance(line, ast.AnnAssign | ast.Assign) and isinstance(line.value, ast.Constant):
            targets = [line.target] if isinstance(line, ast.AnnAssign) else line.targets
            if any(isinstance(target, ast.Name) and target.id == "claim" for target in targets):
                return str(line.value.value)
    return ""


def _open_package(folder: Path) -> None:
    """Make the folder importable as ``strategies``, forgetting any other folder that was before."""
    place = [str(folder.resolve())]
    package = sys.modules.get(STRATEGIES_PACKAGE)
    if package is not None and list(package.__path__) == place:
        return
    for module in [m for m in sys.modules if m == STRATEGIES_PACKAGE or m.startswith(f"{STRATEGIES_PACKAGE}.")]:
        del sys.modules[module]
    package = types.ModuleType(STRATEGIES_PACKAGE)
    package.__path__ = place
    sys.modules[STRATEGIES_PACKAGE] = package
    importlib.invalidate_caches()


def _only_strategy(module: types.ModuleType, path: Path) -> "type[StrategyBase]":
    from dipfolio.engine.strategy import Strategy, is_backtrader_strategy, wrap_backtrader

    defined = [thing for thing in vars(module).values() if inspect.isclass(thing) and thing.__module__ == module.__name__]
    strategies = [
        thing for thing in defined
        if not thing.__name__.startswith("_") and not inspect.isabstract(thing)
        and (issubclass(thing, Strategy) or is_backtrader_strategy(thing))
    ]  # fmt: skip
    if len(strategies) != 1:
        listed = ", ".join(thing.__name__ for thing in strategies) or "none"
        unfinished = [thing for thing in defined if issubclass(thing, Strategy) and inspect.isabstract(thing)]
        why = f" ({unfinished[-1].__name__} has no method named targets)" if unfinished and not strategies else ""
        raise StrategyError(
            f"{path.name} must define one strategy class, a subclass of dipfolio.Strategy or of bt.Strategy; found {listed}{why}."
        )
    return strategies[0] if issubclass(strategies[0], Strategy) else wrap_backtrader(strategies[0])
