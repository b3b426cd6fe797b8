"""Catalogue: from the name of a strategy to its class in a folder of strategy files.

The name is the file: ``buy-the-dip`` is ``buy_the_dip.py``. Listing reads the files without running them; loading runs
the file asked for and what it imports, so a broken file is nobody else's trouble.
"""

import ast
import importlib
import inspect
import re
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dipfolio.errors import StrategyError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.engine.idea import Idea

PACKAGE = "strategies"
"""Under which every folder of strategies is imported, so that they can inherit from one another."""

NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")

OUTSIDE = "a link that leads out of the folder of strategies; copy the file there, or name its own folder with --strategies"
"""What is wrong with such a file."""


@dataclass(frozen=True, kw_only=True)
class Entry:
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


def entries(folder: Path) -> tuple[Entry, ...]:
    """Every strategy file of a folder, sorted by name; nothing is imported."""
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    return tuple(_read(path) for path in files if not path.name.startswith("_"))


def names(folder: Path) -> tuple[str, ...]:
    """The names of the strategies in a folder."""
    return tuple(entry.name for entry in entries(folder))


def load_strategy(folder: Path | str, name: str) -> "type[Idea]":
    """The class of a strategy.

    Raises
    ------
    UnknownNameError
        No file of that name.
    StrategyError
        A file that cannot be imported (its own error is the cause), or that does not have exactly one strategy.
    """
    folder = Path(folder)
    path = folder / f"{name.replace('-', '_')}.py"
    if not NAME.fullmatch(name) or not path.is_file():
        raise UnknownNameError("strategy", name, names(folder), "`python backtest.py list` shows all.")
    if _leads_out(path):
        raise StrategyError(f"{path} is {OUTSIDE}")
    _open_package(folder)
    module_name = f"{PACKAGE}.{path.stem}"
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise StrategyError(f"{path.name} cannot be imported: {type(error).__name__}: {error}") from error
    return _only_strategy(module, path)


def _read(path: Path) -> Entry:
    name = path.stem.replace("_", "-")
    if not NAME.fullmatch(name) or "-" in path.stem:
        return Entry(name=name, path=path, title="", problem="a strategy file has a lower-case name with underscores: my_idea.py")
    if _leads_out(path):
        return Entry(name=name, path=path, title="", problem=OUTSIDE)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError) as error:
        return Entry(name=name, path=path, title="", problem=f"{type(error).__name__}: {error}")
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    if not classes:
        return Entry(name=name, path=path, title="", problem="no class in this file")
    chosen = strategy_class(classes)
    title = (ast.get_docstring(chosen) or "").split("\n")[0]
    return Entry(name=name, path=path, title=title, claim=_claim(chosen))


def strategy_class(classes: list[ast.ClassDef]) -> ast.ClassDef:
    """The strategy among the public classes of a file, as far as its text tells: the last one that is a subclass."""
    return next((node for node in reversed(classes) if node.bases), classes[-1])


def _leads_out(path: Path) -> bool:
    """Whether a file is a link to one elsewhere; the folder itself may be a link."""
    return path.resolve().parent != path.parent.resolve()


def _claim(node: ast.ClassDef) -> str:
    """What the class assigns to ``claim``, as written."""
    for line in node.body:
        if isinstance(line, ast.AnnAssign | ast.Assign) and isinstance(line.value, ast.Constant):
            targets = [line.target] if isinstance(line, ast.AnnAssign) else line.targets
            if any(isinstance(target, ast.Name) and target.id == "claim" for target in targets):
                return str(line.value.value)
    return ""


def _open_package(folder: Path) -> None:
    """Make the folder importable as ``strategies``, forgetting any other folder that was before."""
    place = [str(folder.resolve())]
    package = sys.modules.get(PACKAGE)
    if package is not None and list(package.__path__) == place:
        return
    for module in [m for m in sys.modules if m == PACKAGE or m.startswith(f"{PACKAGE}.")]:
        del sys.modules[module]
    package = types.ModuleType(PACKAGE)
    package.__path__ = place
    sys.modules[PACKAGE] = package
    importlib.invalidate_caches()


def _only_strategy(module: types.ModuleType, path: Path) -> "type[Idea]":
    from dipfolio.engine.brought import bring, is_backtrader_strategy
    from dipfolio.engine.strategy import Strategy

    own = [thing for thing in vars(module).values() if inspect.isclass(thing) and thing.__module__ == module.__name__]
    found = [
        thing for thing in own
        if not thing.__name__.startswith("_") and not inspect.isabstract(thing)
        and (issubclass(thing, Strategy) or is_backtrader_strategy(thing))
    ]  # fmt: skip
    if len(found) != 1:
        listed = ", ".join(thing.__name__ for thing in found) or "none"
        raise StrategyError(
            f"{path.name} must define one strategy class, a subclass of dipfolio.Strategy or of bt.Strategy; found {listed}."
        )
    return found[0] if issubclass(found[0], Strategy) else bring(found[0])
