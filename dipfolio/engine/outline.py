"""Outline: the parameters of a strategy file, read without running it, as a shell wants them while one types."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, make_dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from dipfolio.engine.catalogue import NAME, PACKAGE, strategy_class
from dipfolio.engine.parameter import parameter
from dipfolio.errors import UnknownNameError

ROOT = Path(__file__).parents[1]
KINDS = {"bool": bool, "int": int, "float": float, "str": str, "date": date}

Fields = dict[str, tuple[Any, Any]]
"""Name of a parameter to its type and its dataclass field."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The text of a module as a tree, and the folder of strategies that it may import from."""

    tree: ast.Module
    strategies: Path

    @classmethod
    def read(cls, path: Path, strategies: Path) -> "Source":
        """The source in a file."""
        return cls(tree=ast.parse(path.read_text(encoding="utf-8")), strategies=strategies)

    def find(self, name: str, depth: int = 8) -> "tuple[ast.AST, Source] | None":
        """The class or assignment that a name stands for, here or where it is imported from; None if that cannot be told."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef) and node.name == name:
                return node, self
            if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets):
                return node.value, self
            if isinstance(node, ast.ImportFrom) and depth:
                original = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), None)
                path = self._path(node.module or "")
                if original and path:
                    return Source.read(path, self.strategies).find(original, depth - 1)
        return None

    def _path(self, module: str) -> Path | None:
        top, *rest = module.split(".")
        if top not in (PACKAGE, "dipfolio"):
            return None
        place = (self.strategies if top == PACKAGE else ROOT).joinpath(*rest)
        return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def outline(strategies: Path, name: str) -> type:
    """A dataclass with the parameters of a strategy, as far as its file says them in so many words.

    Types, choices and help are those of the strategy; a default that is computed is None here.

    Raises
    ------
    UnknownNameError
        No such name or file, none that can be read, or no class in it.
    """
    path = strategies / f"{name.replace('-', '_')}.py"
    if not NAME.fullmatch(name):
        raise UnknownNameError("strategy", name, ())
    try:
        return _outline(Source.read(path, strategies), name)
    except (OSError, SyntaxError, ValueError) as error:
        raise UnknownNameError("strategy", name, ()) from error


def _outline(source: Source, name: str) -> type:
    classes = [node for node in source.tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    if not classes:
        raise UnknownNameError("strategy class in", name, ())
    chosen = strategy_class(classes)
    fields = _fields(chosen, source) or _brought(chosen)
    made = make_dataclass("Outline", [(key, kind, field) for key, (kind, field) in fields.items()], frozen=True, kw_only=True)
    made.__doc__ = ast.get_docstring(chosen) or name
    return made


def _fields(node: ast.ClassDef, source: Source, depth: int = 8) -> Fields:
    """Those of the classes it inherits from, then its own; what is written again keeps its place, a ClassVar takes it away."""
    fields: Fields = {}
    for base in reversed(node.bases):
        found = source.find(base.id) if isinstance(base, ast.Name) and depth else None
        if found and isinstance(found[0], ast.ClassDef):
            fields |= _fields(found[0], found[1], depth - 1)
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            if _is_parameter(line.value):
                fields[line.target.id] = _kind(line.annotation, source), _parameter(line.value)
            else:
                fields.pop(line.target.id, None)
    return fields


def _is_parameter(value: ast.AST | None) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "parameter"


def _parameter(call: Any) -> Any:
    said = {word.arg: _literal(word.value) for word in call.keywords}
    return parameter(_literal(call.args[0]) if call.args else said.get("default"), help=str(said.get("help") or ""))


def _literal(node: ast.AST) -> Any:
    """What is written, None for what would have to be computed."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None


def _kind(hint: ast.AST | None, source: Source) -> Any:
    """The type that is written; text where it is none of those that a parameter may have."""
    if isinstance(hint, ast.BinOp):
        return _kind(hint.left, source) | None
    if isinstance(hint, ast.Subscript) and isinstance(hint.value, ast.Name) and hint.value.id == "Literal":
        return Literal[_literal(hint.slice)]
    if not isinstance(hint, ast.Name):
        return str
    if hint.id in KINDS:
        return KINDS[hint.id]
    found = source.find(hint.id)
    return _kind(*found) if found and not isinstance(found[0], ast.Name | ast.ClassDef) else str


def _brought(node: ast.ClassDef) -> Fields:
    """What a plain backtrader strategy has: a universe, and its ``params``."""
    fields: Fields = {"universe": (str, parameter("", help="symbols to trade"))}
    for name, value in _params(node):
        kind = type(value) if isinstance(value, bool | int | float | str) else float | None
        fields[name] = kind, parameter(value, help="parameter of the backtrader class")
    return fields


def _params(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for line in node.body:
        if isinstance(line, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "params" for to in line.targets):
            if isinstance(line.value, ast.Call):
                yield from ((word.arg, _literal(word.value)) for word in line.value.keywords if word.arg)
            else:
                said = _literal(line.value) or ()
                yield from said.items() if isinstance(said, dict) else said
