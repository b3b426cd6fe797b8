"""The page of the public names has each of them, and each is documented where it is defined."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import dipfolio
import dipfolio.evidence
import dipfolio.study
from tests.support.documents import page, part

PACKAGES = (dipfolio, dipfolio.evidence, dipfolio.study)
NAMES = [(package, name) for package in PACKAGES for name in package.__all__]
ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$", flags=re.M)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_the_page_names_what_the_package_offers_and_nothing_else(package):
    named = [name for name, _ in ROW.findall(part(page("docs/api.md"), package.__name__))]
    assert len(named) == len(set(named))
    assert set(named) == set(package.__all__)


def test_each_name_has_one_sentence():
    rows = ROW.findall(page("docs/api.md"))
    assert len(rows) == len(NAMES)
    for name, line in rows:
        assert line.endswith("."), name
        assert len(line) > 15, name


def home_of(package, name):
    """The module in which a public name is defined."""
    homes = {each: home for home, names in package._HOMES.items() for each in names}
    return importlib.import_module(f"{package.__name__}.{homes[name]}")


def documented_constants(module):
    """Names of a module that are assigned and followed by a text."""
    body = ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body
    for node, after in pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and after.value.value
        if isinstance(target, ast.Name) and isinstance(text, str) and text.strip():
            yield target.id


@pytest.mark.parametrize(("package", "name"), NAMES, ids=lambda value: getattr(value, "__name__", value))
def test_every_public_name_has_a_docstring(package, name):
    value = getattr(package, name)
    if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
        own = value.__doc__ or ""
        assert own.strip()
        assert not own.startswith(f"{name}(")  # the signature that a dataclass writes there
    else:
        assert name in set(documented_constants(home_of(package, name)))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_the_lists_of_a_package_agree(package):
    lazy = {name for names in package._HOMES.values() for name in names} | set(getattr(package, "_MODULES", ()))
    (typed,) = (node for node in ast.parse(inspect.getsource(package)).body if ast.unparse(node).startswith("if TYPE_CHECKING"))
    imported = {alias.name: node.module for node in typed.body for alias in node.names}
    assert set(package.__all__) == lazy == set(imported)
    assert len(package.__all__) == len(set(package.__all__))
    for home, names in package._HOMES.items():
        assert {imported[name] for name in names} == {f"{package.__name__}.{home}"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_dir_lists_the_public_names_and_a_wrong_name_is_answered_with_them(package):
    assert dir(package) == sorted(package.__all__)
    with pytest.raises(AttributeError, match=f"{re.escape(package.__name__)} has no 'Portfolio'; it has {package.__all__[0]}, "):
        _ = package.Portfolio


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_the_import_of_a_package_loads_no_library_and_is_quick(package):
    code = (
        f"import sys, time; before = set(sys.modules); begin = time.perf_counter(); import {package.__name__}; "
        "print(time.perf_counter() - begin, *sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *loaded = done.stdout.split()
    foreign = set(loaded) - sys.stdlib_module_names - {"dipfolio"}
    assert foreign == set()
    assert float(seconds) < 1.0, "it takes a hundredth of a second on a machine that does nothing else"
