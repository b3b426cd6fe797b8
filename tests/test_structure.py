"""The arrows between the packages, who may import what, and who knows the article."""

import ast
import re
from pathlib import Path

import pytest

import dipfolio
import dipfolio.study
import tests.support

PACKAGE = Path(__file__).parents[1] / "dipfolio"
TESTS = Path(__file__).parent
PACKAGES = ["errors", "version", "storage", "data", "engine", "sweep", "evidence", "study", "report", "cli"]
MOST_MODULES = 146
"""The move to packages left 110; each module since is a noun that was not there before."""
ONLY = {"backtrader": "engine/backtrader/", "quantstats": "report/tearsheet.py", "click": "cli/"}
FILES = sorted(PACKAGE.rglob("*.py"))
STRATEGIES = sorted((PACKAGE.parent / "strategies").glob("*.py"))
ARTICLE = re.compile(r"DeepSeek|Stargate|2025-01-2[478]|2025, 1, 2[478]|January 2025")


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


def package_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "dipfolio" and parts[1] in PACKAGES else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_to_the_left(path):
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if here not in PACKAGES:
        return
    wrong = [m for m in imported(path) if (r := package_of(m)) and PACKAGES.index(r) > PACKAGES.index(here)]
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_only_the_study_knows_the_article(path):
    known = path.relative_to(PACKAGE).as_posix()
    if "study" not in known.split("/") and known != "__init__.py":  # which names the study
        assert [line for line in path.read_text(encoding="utf-8").splitlines() if ARTICLE.search(line)] == []


def test_one_module_makes_all_fingerprints():
    assert [path.name for path in FILES if "hashlib" in imported(path)] == ["storage.py"]


def test_the_house_has_few_modules():
    modules = [path for path in FILES if not path.name.startswith("__")]
    assert len(modules) <= MOST_MODULES


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_a_strategy_imports_public_names_alone(path):
    public = {package.__name__: set(package.__all__) for package in (dipfolio, dipfolio.study)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.split(".")[0] == "dipfolio"]
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "dipfolio":
            assert {alias.name for alias in node.names} <= public.get(node.module, set()), f"{path.name}:{node.lineno}"


def test_there_are_strategies_to_look_at():
    assert len(STRATEGIES) >= 27


def test_every_module_has_a_test_file_of_its_name():
    modules = [path.relative_to(PACKAGE) for path in FILES if not path.name.startswith("__") and path.name != "version.py"]
    expected = [(TESTS / path).with_name(f"test_{path.name}") for path in modules]
    assert [path.relative_to(TESTS).as_posix() for path in expected if not path.is_file()] == []


def test_a_test_file_of_a_module_tests_something():
    modules = [path.relative_to(PACKAGE) for path in FILES if not path.name.startswith("__") and path.name != "version.py"]
    for path in ((TESTS / path).with_name(f"test_{path.name}") for path in modules):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")], path


def test_every_helper_of_the_tests_is_listed_with_its_purpose():
    listed = re.findall(r"^(\w+): \S.*\.$", tests.support.__doc__, flags=re.M)
    assert listed == sorted(path.stem for path in (TESTS / "support").glob("*.py") if not path.name.startswith("__"))
