"""Docstrings: documented parameters are those of the signature, and documented attributes are those of the class."""

import ast
import re

import pytest

from tests.test_structure import FILES, PACKAGE

SECTION = re.compile(r"^\w[\w ]*\n-{3,}$", flags=re.M)


def documented(docstring, heading):
    """Names in a section of a numpydoc docstring."""
    if f"{heading}\n{'-' * len(heading)}\n" not in docstring:
        return []
    section = SECTION.split(docstring.split(f"{heading}\n{'-' * len(heading)}\n", 1)[1])[0]
    heads = [line.split(" : ")[0] for line in section.splitlines() if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


def parameters(function):
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, *(one for one in (given.vararg, given.kwarg) if one)]
    return {argument.arg for argument in named}


def attributes(node):
    """Every name that the code of a class mentions, its docstrings left out."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} | {
        part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
    } | {part.name for part in ast.walk(node) if isinstance(part, ast.FunctionDef)} | {
        argument.arg for part in ast.walk(node) if isinstance(part, ast.FunctionDef) for argument in part.args.args
    }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_what_is_documented_exists(path):
    wrong = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            wrong += [
                (node.name, n) for n in documented(ast.get_docstring(node) or "", "Parameters") if n not in parameters(node)
            ]
        elif isinstance(node, ast.ClassDef):
            names = [n for head in ("Attributes", "Parameters") for n in documented(ast.get_docstring(node) or "", head)]
            wrong += [(node.name, name) for name in names if name not in attributes(node)]
    assert wrong == []


def test_the_reader_of_sections_finds_every_name():
    text = "Head.\n\nParameters\n----------\na, b : int\n    Text.\n*more\n\nRaises\n------\nError\n"
    assert documented(text, "Parameters") == ["a", "b", "more"]
