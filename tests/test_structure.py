"""The arrows between the rooms, and who may import what."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dipfolio"
ROOMS = ["errors", "market", "engine", "sweep", "evidence", "report", "cli"]
ONLY = {"backtrader": "engine/cerebro/", "quantstats": "report/tearsheet.py", "click": "cli/"}
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """Every module that a file imports, inside functions too, those for the type checker not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node) for branch in ast.walk(tree) if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
        for node in ast.walk(branch)
    }  # fmt: skip
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "dipfolio" and parts[1] in ROOMS else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_to_the_left(path):
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if here not in ROOMS:
        return
    wrong = [m for m in imported(path) if (r := room(m)) and ROOMS.index(r) > ROOMS.index(here)]
    assert wrong == []


@pytest.mark.parametrize("library", ONLY)
def test_only_one_place_imports_the_library(library):
    users = {p.relative_to(PACKAGE).as_posix() for p in FILES for m in imported(p) if m.split(".")[0] == library}
    assert users
    assert all(user.startswith(ONLY[library]) for user in users), users


def test_no_module_imports_itself_in_a_circle():
    names = {
        "dipfolio." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES
    }
    edges = {name: {m for m in imported(path) if m in names and m != name} for name, path in names.items()}
    done = set()

    def visit(name, trail):
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for target in sorted(edges[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in names:
        visit(name, ())
