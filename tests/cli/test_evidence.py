"""The command ``evidence``: the tests that suit a strategy, for people and for machines."""

import html
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace
from dipfolio.data.folder import load_bars
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.sharpe_ratio import SharpeRatio
from dipfolio.evidence.trial_log import TrialLog
from dipfolio.storage import changed_files, verified_run_id

ROOT = Path(__file__).parents[2]
BROUGHT = '''
import backtrader as bt


class Cross(bt.Strategy):
    """Buy above the average, sell below."""

    params = (("period", 20),)

    def __init__(self):
        self.above = bt.ind.CrossOver(self.data.close, bt.ind.SMA(period=self.p.period))

    def next(self):
        if self.above > 0:
            self.buy(size=100)
        elif self.above < 0 and self.position:
            self.close()
'''


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """The program in this process: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "strategies" / "cross.py").write_text(BROUGHT)
    home = Workspace(strategies=tmp_path / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        code = _guarded(["evidence", *words], home)
        out, err = capsys.readouterr()
        return code or 0, out, err

    return call


@pytest.fixture
def start(ask, tmp_path, capsys):
    """Any other command in the same folders."""
    home = Workspace(strategies=tmp_path / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        assert not _guarded(words, home)
        return capsys.readouterr().out

    return call


@pytest.fixture
def sweep(ask, tmp_path, capsys):
    """The command sweep in the same folders."""
    home = Workspace(strategies=tmp_path / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        assert not _guarded(["sweep", *words, "--jobs", "1", "--verify", "0"], home)
        capsys.readouterr()

    return call


def test_an_event_gets_ranks_and_no_ratio(ask):
    code, out, err = ask("buy-the-dip", "--benchmark", "QQQ")
    assert (code, err) == (0, "")
    assert "12 trades ended, entered in 1 session" in out
    assert "the trade against other mornings with SPY 1% or more from its close" in out
    assert "Smallest possible p   0.024" in out
    assert "Sharpe" not in out
    assert "One date is one observation" in out


def test_a_rule_gets_the_test_of_sessions_and_takes_the_parameters_of_a_run(ask):
    record = json.loads(ask("dip-rule", "--hold", "5", "--drop", "0.03", "--json")[1])
    assert record["parameters"]["drop"] == 0.03
    assert record["way"] == "rule"
    assert [f["sample"] for f in record["findings"]] == ["all", "design", "confirmation"]
    assert {f["against"] for f in record["findings"]} == {"the sessions without a position"}
    assert [f["clusters"] for f in record["findings"]] == [13, 8, 5]
    assert [f["p_value"] for f in record["findings"]] == [None] * 3  # two years are too few
    found = json.loads(ask("dip-rule", "--hold", "5", "--universe", "^IXIC", "--data", "arch", "--json")[1])["findings"]
    assert found[0]["clusters"] == 25
    assert found[0]["low"] < found[0]["effect"] < found[0]["high"]
    assert found[0]["detectable"] > 0


def test_a_brought_strategy_gets_what_is_possible_and_a_warning(ask):
    code, out, err = ask("cross")
    assert (code, err) == (0, "")
    assert "it would have done on other dates is not known" in out
    assert "mean trade, after costs against nothing" in out
    assert "mean trade, before costs against the sessions without a position" in out
    record = json.loads(ask("cross", "--period", "50", "--json")[1])
    assert record["parameters"]["period"] == 50
    assert record["way"] == "trades"


def test_every_look_is_registered_and_deflates_the_next(ask, tmp_path):
    assert "needs a second trial" in ask("short-every-friday")[1]
    ask("short-every-friday")
    register = TrialLog(tmp_path / "reports" / "trials.jsonl")
    assert len(register.read("short-every-friday")) == 1
    record = json.loads(ask("short-every-friday", "--benchmark", "QQQ", "--fill", "open", "--json")[1])
    assert len(register.read("short-every-friday")) == 2 == record["trials"]
    assert 0 < record["deflated"] < 1


def test_a_sweep_deflates_what_is_examined_after_it_by_all_of_its_variants(ask, sweep, tmp_path):
    looked = ("dip-rule", "--drop", "0.02", "--hold", "5")
    assert "needs a second trial" in ask(*looked)[1]
    sweep("dip-rule", "--drop", "0.01:0.03:0.001", "--hold", "1:20")
    table = pd.read_parquet(tmp_path / "reports" / "sweep-dip-rule" / "sweep.parquet")
    out, record = ask(*looked)[1], json.loads(ask(*looked, "--json")[1])
    assert len(table) == 21 * 20
    outcomes = np.unique((table["sharpe"] / math.sqrt(252)).round(9))  # many a drop buys the same days as its neighbour
    assert 300 < len(outcomes) < 420
    assert record["trials"] == len(outcomes) + 1  # and the default, which is no cell of the grid
    assert f"{len(outcomes) + 1} trials of it in the register" in out
    default = simulate(load_strategy(ROOT / "strategies", "dip-rule")(), load_bars(ROOT / "data", ("SMH",))).returns
    ratios = np.append(outcomes, default.mean() / default.std())
    expected = SharpeRatio(**record["sharpe"]).deflated(len(ratios), np.var(ratios, ddof=1))
    assert record["deflated"] == pytest.approx(expected, rel=1e-6)
    sweep("dip-rule", "--drop", "0.01:0.03:0.001", "--hold", "1:20")
    assert json.loads(ask(*looked, "--json")[1]) == record
    lines = (tmp_path / "reports" / "trials.jsonl").read_text().splitlines()
    assert len(lines) == 3  # the look, the grid, the default


def test_the_same_seed_gives_the_same_words(ask):
    first = ask("dip-with-stops", "--seed", "3", "--json")[1]
    assert ask("dip-with-stops", "--seed", "3", "--json")[1] == first


def test_figures_without_spy_leave_stress_untold(ask, tmp_path):
    folder = tmp_path / "own" / "prices"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "data" / "prices" / "NVDA.csv", folder)
    code, out, _ = ask("buy-the-dip", "--universe", "NVDA", "--data", str(folder.parent))
    assert code == 0
    assert "all other dates" in out
    assert "mornings with SPY" not in out
    assert "lack SPY" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["bye-the-dip"], "Did you mean"), (["buy-the-dip", "--hold", "x"], "hold"), (["buy-the-dip", "--data", "no"], "no")],
)
def test_mistakes_end_in_one_line(ask, words, said):
    code, out, err = ask(*words)
    assert code in (1, 2)
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_the_help_lists_the_strategies_and_their_parameters(ask):
    assert "buy-the-dip" in ask("--help")[1]
    assert "--hold" in ask("buy-the-dip", "--help")[1]


def test_what_a_strategy_prints_is_no_result(ask, tmp_path):
    path = tmp_path / "strategies" / "cross.py"
    path.write_text(BROUGHT.replace("    def next(self):\n", "    def next(self):\n        print('BUY CREATE')\n"))
    code, out, err = ask("cross", "--json")
    assert code == 0
    assert json.loads(out)["strategy"] == "cross"
    assert "BUY CREATE" in err


def test_what_a_swept_strategy_prints_is_no_result(tmp_path, program, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "data").symlink_to(ROOT / "data")
    talking = BROUGHT.replace("    def next(self):\n", "    def next(self):\n        print('BUY CREATE')\n")
    (tmp_path / "strategies" / "cross.py").write_text(talking)
    code, out, err = program(
        tmp_path, "sweep", "cross", "--period", "20,30", "--end", "2024-06-28", "--jobs", "1", "--verify", "1"
    )
    assert code == 0
    assert "BUY CREATE" not in out
    assert "BUY CREATE" in err


def test_a_rule_is_judged_on_the_indices_of_arch_without_a_network(ask):
    from arch.data import nasdaq

    close = nasdaq.load()["Close"].to_numpy()
    falls = int((close[1:] / close[:-1] - 1 <= -0.04).sum())
    code, out, _ = ask("dip-rule", "--universe", "^IXIC", "--data", "arch", "--hold", "5")
    assert code == 0
    assert "dip-rule (universe ^IXIC, hold 5), 1999-01-04 to 2018-12-31\n" in out
    assert "Observations          44 in 25 groups" in out
    assert falls > 44  # falls while a position is open are ignored
    assert "^IXIC is a price index: dividends are missing" in out


def test_the_page_stands_in_the_folder_of_the_run_and_the_terminal_ends_with_its_path(ask, tmp_path):
    code, out, err = ask("dip-rule", "--hold", "5", "--benchmark", "QQQ")
    assert (code, err) == (0, "")
    page = tmp_path / "reports" / "dip-rule--hold-5--benchmark-QQQ" / "evidence.html"
    assert out.splitlines()[-1] == "Evidence page: reports/dip-rule--hold-5--benchmark-QQQ/evidence.html"
    answer = out.splitlines()[0]
    assert answer.startswith("dip-rule made ")
    assert answer in re.sub("</?span[^>]*>", "", html.unescape(page.read_text(encoding="utf-8"))).replace("\xa0", " ")
    assert (tmp_path / "reports" / "index.html").is_file()  # to which the page links
    before = page.read_bytes()
    record = json.loads(ask("dip-rule", "--hold", "5", "--benchmark", "QQQ", "--json")[1])
    assert record["report"] == "reports/dip-rule--hold-5--benchmark-QQQ/evidence.html"
    assert record["answer"] == answer
    assert page.read_bytes() == before


def test_no_page_writes_none(ask, tmp_path):
    assert "Evidence page" not in ask("dip-rule", "--no-page")[1]
    assert json.loads(ask("dip-rule", "--no-page", "--json")[1])["report"] is None
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["trials.jsonl"]


def test_the_page_joins_a_saved_run_and_breaks_neither_its_seal_nor_its_tear_sheet(ask, start, tmp_path):
    folder = tmp_path / "reports" / "dip-rule"
    start("dip-rule")
    identity, sheet = verified_run_id(folder), (folder / "tearsheet.html").read_bytes()
    assert 'href="dip-rule/evidence.html"' not in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    ask("dip-rule")
    assert verified_run_id(folder) == identity != ""
    assert changed_files(folder) == ()
    assert (folder / "tearsheet.html").read_bytes() == sheet
    assert 'href="dip-rule/evidence.html"' in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert 'href="tearsheet.html"' in (folder / "evidence.html").read_text(encoding="utf-8")


def test_a_run_keeps_the_page_unless_its_code_has_changed(ask, start, tmp_path):
    page = tmp_path / "reports" / "dip-rule" / "evidence.html"
    ask("dip-rule")
    written = page.read_bytes()
    start("dip-rule")
    start("dip-rule", "--force")
    assert page.read_bytes() == written
    with (tmp_path / "strategies" / "dip_rule.py").open("a") as file:
        file.write("# changed\n")
    start("dip-rule")
    assert not page.exists()


def test_a_folder_that_is_a_link_is_not_written_through(ask, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "dip-rule").symlink_to(tmp_path / "elsewhere")
    code, out, err = ask("dip-rule")
    assert (code, out) == (1, "")
    assert "dip-rule is a link" in err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_page_links_to_the_measured_size_and_power_where_that_document_is(ask, tmp_path):
    page = tmp_path / "reports" / "dip-rule" / "evidence.html"
    ask("dip-rule")
    assert "<code>docs/calibration.md</code>" in page.read_text(encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "calibration.md").write_text("# Calibration")
    ask("dip-rule")
    assert 'href="../../docs/calibration.md"' in page.read_text(encoding="utf-8")


def samples(*words, ask):
    return [found["sample"] for found in json.loads(ask(*words, "--json", "--no-page")[1])["findings"]]


def test_only_a_claim_of_the_article_is_split_unasked(ask, tmp_path):
    own = (
        (tmp_path / "strategies" / "dip_rule.py").read_text().replace('claim: ClassVar[str] = "G1"', 'claim: ClassVar[str] = ""')
    )
    (tmp_path / "strategies" / "own_rule.py").write_text(own)
    assert samples("own-rule", ask=ask) == ["all"]
    assert samples("cross", ask=ask) == ["all", "all"]
    assert samples("dip-rule", ask=ask) == ["all", "design", "confirmation"]
    assert samples("dip-rule", "--split", "none", ask=ask) == ["all"]
    assert samples("own-rule", "--split", "2025-06-02", ask=ask) == ["all", "before", "after"]
    assert samples("cross", "--split", "2025-01-02", ask=ask) == ["all", "all", "before", "after"]


def test_the_dates_of_a_split_are_said(ask):
    out = ask("dip-rule", "--no-page")[1]
    assert (
        "What was decided up to 2025-01-24 and from 2025-01-28 on is also tested apart. These are the dates of the article" in out
    )
    assert "from 2025-01-28 on against the sessions without a position" in out
    out = ask("dip-rule", "--split", "2025-06-02", "--no-page")[1]
    assert "What was decided before 2025-06-02 and from 2025-06-02 on is also tested apart." in out
    assert "\nbefore 2025-06-02 against the sessions without a position" in out
    assert "article" not in out
    assert "tested apart" not in ask("dip-rule", "--split", "none", "--no-page")[1]
    assert "tested apart" not in ask("buy-the-dip", "--no-page")[1]  # one session cannot be split


def test_a_split_outside_the_data_is_one_sentence_with_their_window(ask):
    code, out, err = ask("dip-rule", "--split", "2030-01-01")
    assert (code, out) == (2, "")
    assert err == ("Error: A split at 2030-01-01 leaves no session on one side: the data reach from 2024-01-02 to 2025-12-31.\n")
    assert "is no date" in ask("dip-rule", "--split", "soon")[2]
