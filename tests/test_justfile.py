"""The justfile stays a short list of short names for commands that exist."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPES = re.findall(r"^([a-z]+)[^\n:=]*:\n((?:    .+\n)+)", (ROOT / "justfile").read_text(), flags=re.MULTILINE)


def test_there_are_at_most_ten_recipes_and_each_is_one_line():
    assert {"golden", "test", "lint", "bench", "pictures"} <= {name for name, _ in RECIPES}
    assert len(RECIPES) <= 10
    assert [name for name, body in RECIPES if body.count("\n") > 1] == []


@pytest.mark.parametrize("body", [body for _, body in RECIPES], ids=[name for name, _ in RECIPES])
def test_what_a_recipe_runs_is_there(body):
    modules, scripts = re.findall(r"python -m ([\w.]+)", body), re.findall(r"python ([\w/]+\.py)", body)
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
