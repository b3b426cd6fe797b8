"""What mypy knows of a strategy file that imports the public names."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dipfolio
from tests.support.documents import ROOT, code, page

CONFIG = """\
[mypy]
strict = true
[mypy-pandas.*]
ignore_missing_imports = true
"""

RIGHT = '''\
"""Buy what has fallen, and leave by a rule that looks back."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio import Bar, Bars, Exit, FillAt, HoldFor, OpenTrades, Strategy, calendar, load_bars, no_instruction, parameter
from dipfolio import simulate
from dipfolio.evidence import holm
from dipfolio.study import DEEPSEEK_MONDAY


class BelowLow(Exit):
    """Close a long below the lowest close of some sessions."""

    window: int = 10
    fill: FillAt = "open"

    def __str__(self) -> str:
        return "below the low"

    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        reveal_type(bar.history)
        return np.asarray(bar.close <= bar.history.close[-self.window :].min(axis=0))


class Idea(Strategy):
    """Buy what has fallen."""

    hold: int = parameter(10, help="sessions to hold")
    drop = parameter(0.05, help="fall that is bought")
    sigmas: float | None = parameter(None, help="or in standard deviations")
    fill: FillAt = parameter("close", help="where to buy")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (BelowLow(20), HoldFor(self.hold))

    def targets(self, bars: Bars) -> pd.DataFrame:
        reveal_type(self.hold)
        reveal_type(self.drop)
        reveal_type(self.sigmas)
        reveal_type(self.fill)
        return no_instruction(bars).mask(bars.returns <= -self.drop, 0.5)


reveal_type(load_bars("data"))
reveal_type(simulate(Idea(hold=3), load_bars("data")))
reveal_type(DEEPSEEK_MONDAY)
reveal_type(calendar.is_session(DEEPSEEK_MONDAY))
reveal_type(holm)
'''

REVEALED = [
    "dipfolio.engine.exits.PriceHistory", "int", "float", "float | None", "Literal['open'] | Literal['close']",
    "dipfolio.data.bars.Bars", "dipfolio.engine.result.Result", "datetime.date", "bool",
]  # fmt: skip

WRONG = '''\
"""Every marked line has a wrong type."""

import pandas as pd

from dipfolio import Bars, Exit, FillAt, HoldFor, Strategy, parameter
from dipfolio import Portfolio  # wrong
from dipfolio.study import BLACK_MONDAY  # wrong
from dipfolio.evidence import luck  # wrong


class Idea(Strategy):
    """A mistake in each line."""

    hold: int = parameter("ten", help="text for a number")  # wrong
    drop: float = parameter(None, help="nothing for a number")  # wrong
    fill: FillAt = parameter("noon", help="no such moment")  # wrong
    day: int = parameter(10)  # wrong

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor("5"),)  # wrong

    def targets(self, bars: Bars) -> pd.DataFrame:
        self.hold = 5  # wrong
        return bars.prices  # wrong


class Second(Strategy):
    """Wrong signatures."""

    @property
    def exits(self) -> tuple[int, ...]:  # wrong
        return (5,)

    def targets(self, bars: str) -> pd.DataFrame:  # wrong
        return pd.DataFrame(bars)


class Third(Strategy):
    """No rule among the rules."""

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(5), 5)  # wrong

    def targets(self, bars: Bars) -> pd.DataFrame:
        return bars.close


Third(fill="noon")  # wrong
Third(hold=3)  # wrong
'''


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The lines of mypy for a folder of strategies, by file: (line number, kind, message)."""
    folder = tmp_path_factory.mktemp("typed")
    shutil.copytree(ROOT / "strategies", folder / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    template = (ROOT / "dipfolio" / "cli" / "templates" / "strategy.py.txt").read_text(encoding="utf-8")
    (folder / "strategies" / "filled_in.py").write_text(template.replace("NAME", "filled-in").replace("CLASS", "FilledIn"))
    for name, text in code("python", page("docs/extending.md")):
        if "import backtrader" not in text:  # it has no types
            (folder / name).write_text(text, encoding="utf-8")
    (folder / "strategies" / "right.py").write_text(RIGHT, encoding="utf-8")
    (folder / "strategies" / "wrong.py").write_text(WRONG, encoding="utf-8")
    (folder / "mypy.ini").write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--explicit-package-bases", "--no-error-summary", "strategies"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    found: dict[str, list[tuple[int, str, str]]] = {}
    for line in done.stdout.splitlines():
        where = re.match(r"strategies/(\w+)\.py:(\d+): (\w+): (.*)", line)
        assert where, line
        found.setdefault(where[1], []).append((int(where[2]), where[3], where[4]))
    return found


@pytest.mark.slow
def test_no_strategy_but_the_wrong_one_has_an_error(answers):
    errors = {name: lines for name, lines in answers.items() if any(kind == "error" for _, kind, _ in lines)}
    assert set(errors) == {"wrong"}, errors


@pytest.mark.slow
def test_every_wrong_type_is_an_error_and_nothing_else_is(answers):
    marked = {number for number, line in enumerate(WRONG.splitlines(), start=1) if line.endswith("# wrong")}
    assert {number for number, kind, _ in answers["wrong"] if kind == "error"} == marked


@pytest.mark.slow
def test_public_names_and_parameters_have_their_real_types(answers):
    types = [text.split('"')[1] for _, kind, text in answers["right"] if kind == "note" and text.startswith("Revealed type")]
    assert types[: len(REVEALED)] == REVEALED
    assert types[-1].startswith("def (")


def test_the_package_says_that_it_has_types():
    assert Path(dipfolio.__file__).with_name("py.typed").is_file()
