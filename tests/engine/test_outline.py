"""Outline: what is read of a strategy file without running it is what running it would have told."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from dipfolio.engine import catalogue
from dipfolio.engine.outline import outline
from dipfolio.engine.parameter import parameters
from dipfolio.errors import UnknownNameError

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "strategies"


def told(kind):
    return [(item.name, item.kind, item.choices, item.optional, item.help) for item in parameters(kind)]


def write(folder, name, text):
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", catalogue.names(SHIPPED))
def test_it_tells_of_each_shipped_strategy_what_its_class_tells(name):
    assert told(outline(SHIPPED, name)) == told(catalogue.load_strategy(SHIPPED, name))


def test_nothing_is_run_and_no_library_of_numbers_is_imported():
    code = (
        "import sys; from pathlib import Path; from dipfolio.engine.outline import outline\n"
        "outline(Path('strategies'), 'dip-rule')\n"
        "print([m for m in ('numpy', 'pandas', 'strategies.dip_rule') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


MINE = '''
from dataclasses import dataclass
from datetime import date
from typing import Literal

from dipfolio import Strategy as Base, parameter

import nothing_like_it

Side = Literal["buy", "sell"]
raise SystemExit("it was run")


@dataclass(frozen=True, kw_only=True)
class Mine(Base):
    """A title."""

    fill: str = parameter("close", help="where")
    side: Side = parameter("buy", help="which way")
    day: date = parameter(date(2025, 1, 27), help="when")
    stop: float | None = parameter(None, help="how far")
    late: bool = parameter(default=False, help="whether to wait")
    note = "no parameter"
'''


def test_types_choices_and_renamed_imports_are_understood(tmp_path):
    write(tmp_path, "mine", MINE)
    found = outline(tmp_path, "mine")
    assert found.__doc__ == "A title."
    assert told(found)[1:] == [
        ("fill", str, (), False, "where"),
        ("side", str, ("buy", "sell"), False, "which way"),
        ("day", date, (), False, "when"),
        ("stop", float, (), True, "how far"),
        ("late", bool, (), False, "whether to wait"),
    ]
    assert told(found)[0][:2] == ("universe", str)


def test_a_variant_has_the_parameters_of_the_other_file(tmp_path):
    write(tmp_path, "mine", MINE)
    write(tmp_path, "other", "from strategies.mine import Mine\n\n\nclass Other(Mine):\n    side: ClassVar[str] = 'buy'\n")
    names = [name for name, *_ in told(outline(tmp_path, "mine"))]
    assert [name for name, *_ in told(outline(tmp_path, "other"))] == [name for name in names if name != "side"]


@pytest.mark.parametrize("params", ['(("fast", 20), ("label", "x"))', 'dict(fast=20, label="x")', '{"fast": 20, "label": "x"}'])
def test_a_plain_backtrader_strategy_has_its_params_and_a_universe(tmp_path, params):
    write(tmp_path, "cross", f"import backtrader as bt\n\n\nclass Cross(bt.Strategy):\n    params = {params}\n")
    found = [(name, kind) for name, kind, *_ in told(outline(tmp_path, "cross"))]
    assert found == [("universe", str), ("fast", int), ("label", str)]


def test_files_that_import_from_one_another_end(tmp_path):
    write(tmp_path, "one", "from strategies.two import Two\n\n\nclass One(Two):\n    pass\n")
    write(tmp_path, "two", "from strategies.one import One\n\n\nclass Two(One):\n    pass\n")
    assert [name for name, *_ in told(outline(tmp_path, "one"))] == ["universe"]


@pytest.mark.parametrize("text", [None, "class Broken(:\n", "x = 1\n", "x = '\0'\n", b"\xff"], ids=str)
def test_what_cannot_be_read_is_no_strategy(tmp_path, text):
    if text is not None:
        (tmp_path / "broken.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UnknownNameError, match="There is no strategy"):
        outline(tmp_path, "broken")
