"""Whatever one command accepts, all accept: every kind of strategy class through every command that takes one."""

import json
import re
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest

from dipfolio.cli.app import _guarded
from dipfolio.cli.evidence import _options as evidence_options
from dipfolio.cli.options import RESERVED_OPTIONS
from dipfolio.cli.run import _run_options
from dipfolio.cli.sweep import _sweep_options
from dipfolio.cli.workspace import Workspace
from dipfolio.data import calendar
from dipfolio.evidence.bootstrap import mean_differences

BODY = """
    universe: str = "AAA"
    hold: int = 3

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    def targets(self, bars):
        print("deciding")
        return no_instruction(bars).mask(bars.returns < -0.01, 0.5)
"""
HEAD = (
    "from dataclasses import dataclass\nfrom dipfolio import HoldFor, Strategy, no_instruction, parameter\nprint('loading')\n\n\n"
)
BACKTRADER = """
    def next(self):
        print("deciding")
        if not self.position:
            self.buy(size=10)
        elif len(self) % 7 == 0:
            self.close()
"""
BT = "import backtrader as bt\nprint('loading')\n\n\nclass Kind(bt.Strategy):\n"
KINDS = {
    "undecorated": f'{HEAD}class Kind(Strategy):\n    """A title."""\n{BODY}',
    "decorated": f'{HEAD}@dataclass(frozen=True, kw_only=True)\nclass Kind(Strategy):\n    """A title."""\n{BODY}',
    "undocumented": f"{HEAD}class Kind(Strategy):{BODY}",
    "decorated undocumented": f"{HEAD}@dataclass(frozen=True, kw_only=True)\nclass Kind(Strategy):{BODY}",
    "blank docstring": f'{HEAD}class Kind(Strategy):\n    """ """\n{BODY}',
    "without options": f"{HEAD}class Kind(Strategy):\n    def targets(self, bars):\n        return bars.close * 0\n",
    "backtrader": f'{BT}    """A title."""\n    universe = "AAA"\n{BACKTRADER}',
    "backtrader undocumented": f'{BT}    universe = "AAA"\n{BACKTRADER}',
    "backtrader with words": f'{BT}    universe = "AAA"\n    params = (("how", "both"), ("when", None)){BACKTRADER}',
    "backtrader with a dict": f'{BT}    universe = "AAA"\n    params = dict(period=14, stop=0.05){BACKTRADER}',
}
COMMANDS = {
    "run": ["kind", "--benchmark", "none", "--universe", "AAA"],
    "run as JSON": ["kind", "--benchmark", "none", "--json"],
    "run two": ["kind", "other", "--benchmark", "none"],
    "sweep": ["sweep", "kind", "--universe", "AAA;BBB", "--jobs", "1", "--verify", "1"],
    "evidence": ["evidence", "kind", "--json"],
    "check": ["check", "kind", "--sessions", "2"],
    "list": ["list"],
    "new": ["new", "child", "--from", "kind", "--force"],
    "help": ["kind", "--help"],
    "help of sweep": ["sweep", "kind", "--help"],
    "help of evidence": ["evidence", "kind", "--help"],
    "general help": ["--help"],
}


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Prices of three made-up symbols over a few weeks."""
    folder = tmp_path_factory.mktemp("market")
    (folder / "prices").mkdir()
    days = calendar.between("2025-01-02", "2025-02-12")
    steps = np.random.default_rng(3).normal(0, 0.02, (len(days), 12))
    names = ["AAA", "BBB", "SPY"]
    for column, name in enumerate(names):
        close = np.round(100 * np.exp(np.cumsum(steps[:, column])), 2)
        frame = pd.DataFrame({"Date": days.date, "Open": close, "High": close, "Low": close, "Close": close, "Volume": 10**7})
        frame.to_csv(folder / "prices" / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def home(tmp_path, market, monkeypatch):
    """A folder with another strategy and these prices; tear sheets are not drawn, and little is resampled."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "data").symlink_to(market)
    other = KINDS["undecorated"].replace("class Kind", "class Other")
    (tmp_path / "strategies" / "other.py").write_text(other)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr("dipfolio.report.tearsheet.tear_sheets", lambda runs, **_: ["<!DOCTYPE html>"] * len(runs))
    monkeypatch.setattr("dipfolio.evidence.bootstrap.mean_differences", partial(mean_differences, draws=50))
    return tmp_path


def put(home, text):
    """Write the strategy, and forget the one that was imported from that file before."""
    if "universe" not in text:
        text = text.replace("class Kind(Strategy):\n", 'class Kind(Strategy):\n    universe: str = "AAA"\n')
    (home / "strategies" / "kind.py").write_text(text)
    sys.modules.pop("strategies.kind", None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_command_takes_every_kind_of_strategy(home, program, kind):
    put(home, KINDS[kind])
    for name, words in COMMANDS.items():
        code, out, err = program(home, *words)
        assert code == 0, f"{name}: {err}"
        assert "Traceback" not in err
        assert "Kind(*" not in out, f"{name} shows the signature for a docstring"
        assert "loading" not in out
        assert "deciding" not in out
        if "JSON" in name or "--json" in words:
            json.loads(out)
        if name.startswith("check"):
            assert err == ""
        if name == "help":
            assert "Usage: " in out
        if name == "new":
            child = home / "strategies" / "child.py"
            child.write_text(child.read_text().replace("magnificent-seven", "AAA").replace("SMH", "AAA"))
            assert program(home, "check", "child", "--sessions", "1")[0] == 0
            child.unlink()
    assert program(home, "compare", "kind--benchmark-none", "other--benchmark-none")[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_shell_completes_what_the_class_takes(home, capsys, monkeypatch, kind):
    from dipfolio.engine.loader import load_strategy
    from dipfolio.engine.parameters import list_parameters

    put(home, KINDS[kind])
    for before in ("", "sweep ", "evidence "):
        line = f"dipfolio {before}kind --"
        monkeypatch.setenv("_DIPFOLIO_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
        with pytest.raises(SystemExit):
            _guarded([], Workspace.at(home, "dipfolio"))
        found = {word.removeprefix("plain,") for word in capsys.readouterr().out.splitlines()}
        assert {f"--{item.flag}" for item in list_parameters(load_strategy(home / "strategies", "kind"))} <= found


@pytest.mark.parametrize("name", ["cash", "start", "seed", "jobs", "json", "more", "rank_by", "sec_taf"])
@pytest.mark.parametrize("base", ["dipfolio", "backtrader"])
def test_a_parameter_that_one_command_cannot_have_is_refused_by_all_in_the_same_words(home, program, name, base):
    own = f"    {name}: int = 3\n" if base == "dipfolio" else f"    params = (('{name}', 3),)\n"
    put(home, KINDS["undecorated" if base == "dipfolio" else "backtrader"].replace('"""A title."""\n', f'"""A title."""\n{own}'))
    answers = [program(home, *words) for words in (["kind"], ["sweep", "kind"], ["evidence", "kind"])]
    said = {(code, err.removeprefix("loading\n")) for code, _, err in answers}
    taken = f"Error: kind: the parameter {name!r} has the name of a general option; choose another.\n"
    assert said == {(1, taken)}
    code, out, _ = program(home, "check", "kind")
    assert code == 1
    assert f"FAIL  can be loaded: kind: the parameter {name!r} has the name of a general option" in out


def test_every_option_of_a_command_that_takes_a_strategy_is_reserved():
    options = [*_run_options(), *_sweep_options(), *evidence_options()]
    used = {flag.removeprefix("--") for option in options for flag in (*option.opts, *option.secondary_opts) if "--" in flag}
    assert used <= RESERVED_OPTIONS, "add the new option to RESERVED in dipfolio/cli/options.py"


def test_advice_does_not_fail_a_check_and_a_fault_does(home, program):
    put(home, KINDS["backtrader undocumented"])
    code, out, err = program(home, "check", "kind", "--sessions", "3")
    assert (code, err) == (0, "")
    assert re.findall(r"^  (\S+) ", out, flags=re.M) == ["ok", "ok", "note"]
    assert "note  class and parameters are explained: Kind has no docstring" in out
    put(home, KINDS["undocumented"])
    code, out, _ = program(home, "check", "kind", "--sessions", "3")
    assert code == 0
    assert "note  class and parameters are explained: Kind has no docstring" in out
    put(home, KINDS["undocumented"].replace("bars.returns <", "bars.returns.shift(-1) <"))
    code, out, err = program(home, "check", "kind", "other", "--sessions", "3")
    assert (code, err) == (1, "Error: 1 of 2 strategies failed: kind.\n")
    assert "FAIL  decisions do not look ahead" in out
    put(home, KINDS["undocumented"].replace("bars.returns < -0.01", "__import__('numpy').random.rand(*bars.close.shape) < 0.3"))
    code, out, _ = program(home, "check", "kind", "--sessions", "3")
    assert code == 1
    assert "FAIL  runs repeat exactly" in out


def test_a_strategy_that_cannot_run_fails_its_check_and_the_others_are_checked(home, program):
    put(home, KINDS["undecorated"].replace("no_instruction(bars).mask(bars.returns < -0.01, 0.5)", "bars.returns < -0.01"))
    code, out, err = program(home, "check", "--all", "--sessions", "1")
    assert (code, err) == (1, "Error: 1 of 2 strategies failed: kind.\n")
    assert "FAIL  can be run: kind: targets must be numbers" in out
    assert ".mask(signal, weight)" in out
    assert "ok    decisions do not look ahead" in out
    for words in (["kind"], ["sweep", "kind"], ["evidence", "kind"]):
        code, out, err = program(home, *words, *(["--benchmark", "none"] if words == ["kind"] else []))
        assert code == 1
        assert ".mask(signal, weight)" in err.splitlines()[-1]
        assert "Traceback" not in err


@pytest.mark.parametrize(("name", "why"), [("class", "is a word of Python"), ("list", "is a command"), ("sweep", "is a command")])
def test_a_new_strategy_has_a_name_that_can_be_run(home, program, name, why):
    code, _, err = program(home, "new", name)
    assert code == 2
    assert f"{name!r} {why}; choose another name" in err


def test_two_lines_make_a_variant(home, program):
    put(home, KINDS["undecorated"])
    (home / "strategies" / "longer.py").write_text(
        'from strategies.kind import Kind\n\n\nclass Longer(Kind):\n    """Longer."""\n\n    hold: int = 9\n'
    )
    written = program(home, "longer", "--benchmark", "none", "--json")[1]
    asked = program(home, "kind", "--hold", "9", "--benchmark", "none", "--json")[1]
    short = program(home, "kind", "--benchmark", "none", "--json")[1]
    equity = [[json.loads(text)[name] for name in ("final_equity", "commission", "trades")] for text in (written, asked, short)]
    assert equity[0] == equity[1] != equity[2]
    assert json.loads(written)["parameters"]["hold"] == 9
