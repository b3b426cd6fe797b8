"""Running a strategy: the real program once, its details in this process, and runs of plain backtrader strategies."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.cli.app import _guarded, main
from dipfolio.cli.workspace import Workspace
from dipfolio.data import calendar
from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import list_strategy_names, load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.parameters import list_parameters
from dipfolio.engine.result import load
from dipfolio.engine.simulation import simulate
from dipfolio.report.run_record import state_assumptions
from dipfolio.storage import changed_files

ROOT = Path(__file__).parents[2]
FILES = {
    "seal.json",
    "command.txt",
    "strategy.py",
    "equity.csv",
    "events.csv",
    "fills.csv",
    "open_positions.csv",
    "positions.csv",
    "prices.csv",
    "robustness.json",
    "run.json",
    "tearsheet.html",
    "trades.csv",
}


def program(*words, cwd, **surroundings):
    """The real program, started from any folder."""
    return subprocess.run(
        [sys.executable, ROOT / "backtest.py", *words],
        cwd=cwd,
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def table(place):
    """The main job, started from another folder, its output in a pipe."""
    return program("buy-the-dip", "--reports", "shelf", cwd=place, PYTHONHASHSEED="1")


@pytest.fixture(scope="module")
def machine(table, place):
    """The same for machines, on another shelf."""
    return program(
        "buy-the-dip", "--json", "--reports", str(place / "other"), cwd=ROOT, PYTHONHASHSEED="2", PYTHONWARNINGS="default"
    )


@pytest.fixture
def ask(capsys, tmp_path, monkeypatch):
    """Run the command line in this process without drawing a page: gives exit code, standard output and standard error."""
    monkeypatch.setattr("dipfolio.report.tearsheet.tear_sheet", lambda *_: "<p>a page</p>")
    monkeypatch.chdir(tmp_path)
    folders = Workspace.at(ROOT)
    folders = Workspace(strategies=folders.strategies, data=folders.data, reports=Path("reports"))

    def run(*words):
        code = _guarded([str(word) for word in words], folders)
        out, err = capsys.readouterr()
        return code or 0, out, err

    return run


def squeezed(text):
    """Without white space, as it may be wrapped anywhere."""
    return re.sub(r"\s+", "", text)


def rows(out):
    """Label to value of the printed table."""
    found = re.findall(r"^ (\S.*?) {2,}(\S.*?) *$", out, flags=re.MULTILINE)
    return dict(found)


def test_the_main_job_ends_well_and_says_where_the_page_is(table, place):
    assert table.returncode == 0
    assert (
        table.stdout.rstrip().splitlines()[-1] == "Tear sheet: shelf/buy-the-dip/tearsheet.html (--open shows it in the browser)"
    )
    assert {path.name for path in (place / "shelf" / "buy-the-dip").iterdir()} == FILES
    assert {path.name for path in (place / "shelf").iterdir()} == {"buy-the-dip", "index.html", "trials.jsonl"}


@pytest.mark.slow
def test_progress_and_warnings_are_silent_where_there_is_no_terminal(table, machine):
    """Of libraries either, although Python shows every warning to ``machine``."""
    assert (table.stderr, machine.stderr) == ("", "")


def test_the_piped_table_is_aligned_and_plain(table):
    lines = [line for line in table.stdout.splitlines() if line.startswith(" ") and line.strip()]
    assert len(lines) == 6 + 8  # the answer, then the account with its window and all costs
    (column,) = {re.match(r" \S.*? {2,}(?=\S)", line).end() for line in lines}
    assert column < 40
    assert max(len(line.rstrip()) for line in lines) <= 100
    assert "\x1b" not in table.stdout
    assert table.stdout.isascii()


def test_the_piped_table_has_signs_and_thousands_separators(table):
    found = rows(table.stdout)
    assert re.fullmatch(r"\$\d{3}\.\d\d", found["All costs"])
    assert re.fullmatch(r"\$\d{3},\d{3}", found["Money put in"])
    for label in ("Profit", "SPY at the same times"):
        assert re.fullmatch(r"[+-]\$\d{1,2},\d{3} \([+-]\d\.\d\d %\)", found[label]), label
    for label in ("Total return", "Annual return", "Worst drawdown"):
        assert re.fullmatch(r"[+-]\d+\.\d\d %", found[label]), label


def test_the_json_has_the_numbers_of_the_whole_table(ask, machine):
    found, record = rows(ask("buy-the-dip", "--all")[1]), json.loads(machine.stdout)
    assert found["Total return"] == f"{record['total_return'] * 100:+.2f} %"
    assert found["Annual return"] == f"{record['annual_return'] * 100:+.2f} %"
    assert found["Volatility"] == f"{record['volatility'] * 100:.1f} %"
    assert found["Sharpe"] == f"{record['sharpe']:.2f}"
    assert found["Sortino"] == f"{record['sortino']:.2f}"
    assert found["Worst drawdown"] == f"{record['worst_drawdown'] * 100:+.2f} %"
    assert found["Trades"] == str(record["trades"])
    assert found["Win rate by trade"] == f"{record['win_rate'] * 100:.1f} %"
    assert found["Commissions and fees"] == f"${record['commission'] + record['fees']:,.2f}"
    assert found["Borrow fees"] == f"${record['borrow']:,.2f}"
    assert found["Dividends received less paid"] == f"${record['dividends']:,.2f}"
    assert found["Final equity"] == f"${record['final_equity']:,.2f}"
    assert found["Benchmark return (SPY)"] == f"{record['benchmark_return'] * 100:+.2f} %"
    assert found["Excess over benchmark"].startswith(f"{record['excess_return'] * 100:+.2f} %, in cash for 98.8 %")
    assert found["Open positions"] == str(record["open_positions"])
    assert found["Whole account"] == f"{record['window'][0]} to {record['window'][1]}, {record['sessions']} sessions"


def test_the_json_stands_alone_and_names_the_page(machine, place):
    assert machine.returncode == 0
    assert Path(json.loads(machine.stdout)["report"]) == place / "other" / "buy-the-dip" / "tearsheet.html"


def test_two_processes_write_the_same_bytes(table, machine, place):
    one, other = place / "shelf" / "buy-the-dip", place / "other" / "buy-the-dip"
    for name in FILES:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_the_record_on_the_shelf_is_the_run(machine, place):
    bars = load_bars(ROOT / "data")
    beside = bars.select(("QQQ", "SMH"))
    result = simulate(load_strategy(ROOT / "strategies", "buy-the-dip")(), bars, benchmark="SPY", others=beside)
    again = load(place / "other" / "buy-the-dip")
    assert again == result
    record, found = json.loads(machine.stdout), measure(again)
    for name in ("total_return", "sharpe", "sortino", "commission", "fees", "final_equity", "residual"):
        assert record[name] == getattr(found, name), name


@pytest.mark.parametrize("name", list_strategy_names(ROOT / "strategies"))
def test_the_help_of_a_strategy_has_every_parameter_with_its_default(ask, name):
    code, out, err = ask(name, "--help")
    assert (code, err) == (0, "")
    text = squeezed(out)
    for item in (*list_parameters(load_strategy(ROOT / "strategies", name)), *list_parameters(Account)):
        default = item.flag if item.default is True else f"no-{item.flag}" if item.default is False else item.default
        assert item.help, item.name
        assert f"--{item.flag}" in text
        described = text.split(f"--{item.flag}", 1)[1]
        assert squeezed(item.help) in described
        if default not in (None, ""):
            assert described.split(squeezed(item.help), 1)[1].startswith(f"[default:{squeezed(str(default))}]"), item.name
    for option in ("--start", "--end", "--benchmark", "--no-costs", "--data", "--reports", "--json"):
        assert option in text


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ([], "buy-the-dip"),
        (["--hold", "5", "--cash", "1000000"], "buy-the-dip"),
        (["--hold", "20"], "buy-the-dip--hold-20"),
        (["--universe", "NVDA,SMH", "--no-sec-taf"], "buy-the-dip--universe-NVDA,SMH--sec-taf-False"),
        (["--start", "2025-01-02", "--benchmark", "none"], "buy-the-dip--start-2025-01-02--benchmark-none"),
        (["--json"], "buy-the-dip"),
    ],
)
def test_the_folder_is_named_after_what_was_changed(ask, tmp_path, words, folder):
    assert ask("buy-the-dip", *words)[0] == 0
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {folder, "index.html", "trials.jsonl"}


def test_the_order_of_the_options_does_not_matter(ask, tmp_path):
    ask("buy-the-dip", "--hold", "2", "--fill", "close", "--cash", "5000")
    ask("buy-the-dip", "--cash", "5000", "--fill", "close", "--hold", "2")
    assert len(list((tmp_path / "reports").glob("*/"))) == 1


def test_a_page_below_the_current_folder_is_shown_short(ask):
    assert ask("buy-the-dip")[1].rstrip().splitlines()[-1].startswith("Tear sheet: reports/buy-the-dip/tearsheet.html ")


def test_every_option_reaches_the_run(ask, tmp_path):
    words = "--universe NVDA,SMH --fill close --day 2025-01-28 --hold 3 --start 2025-01-02 --end 2025-02-28 --benchmark QQQ"
    account = "--cash 250000 --commission-per-share 0.01 --slippage-bps 5 --borrow-rate 0.01 --max-leverage 1.5 --fractional"
    assert ask("buy-the-dip", *words.split(), *account.split())[0] == 0
    (folder,) = (tmp_path / "reports").glob("*/")
    result = load(folder)
    assert result.parameters == {"universe": "NVDA,SMH", "fill": "close", "day": "2025-01-28", "hold": 3}
    assert (result.window, result.benchmark) == ((date(2025, 1, 2), date(2025, 2, 28)), "QQQ")
    changed = {"cash": 250_000.0, "commission_per_share": 0.01, "slippage_bps": 5.0, "borrow_rate": 0.01, "max_leverage": 1.5}
    assert result.account == Account(**changed, fractional=True)
    assert result.trades["entry_session"].dt.date.tolist() == [date(2025, 1, 28)] * 2


def test_without_costs_the_commenters_short_pays_to_the_cent(ask):
    code, out, _ = ask("short-nvda-friday", "--no-costs", "--json")
    assert code == 0
    assert json.loads(out)["final_equity"] == pytest.approx(1_000_000 + 53_460, abs=1e-6)


def test_without_slippage_the_commenters_short_nets_what_the_paper_says(ask):
    for cover, net in (("open", 53_406.66), ("close", 72_546.66)):
        _, out, _ = ask("short-nvda-friday", "--slippage-bps", "0", "--cover", cover, "--json")
        assert json.loads(out)["final_equity"] == pytest.approx(1_000_000 + net, abs=0.005)


RATES = "observation_date,DTB3\n2023-12-29,5.20\n2024-07-01,.\n2024-07-02,5.00\n2025-12-30,3.50\n"


def test_cash_earns_by_a_file_of_rates_and_the_run_says_by_which(ask, tmp_path):
    (tmp_path / "DTB3.csv").write_text(RATES, encoding="utf-8")
    code, out, err = ask("buy-the-dip", "--cash-rate", "DTB3.csv", "--json")
    assert code == 0
    assert "The rates of DTB3.csv are taken as per cent: 3.5% to 5.2% a year." in err
    found = json.loads(out)
    idle = found["risk_free"]
    assert found["cash_rate"]["description"] == "DTB3.csv (DTB3, percent)"
    assert idle == "what idle cash earns: DTB3.csv (DTB3, percent) less 0.50%, by calendar days"
    assert found["interest_earned"] > 80_000
    assert found["attribution"]["source"]["interest earned"] == found["interest_earned"]
    assert found["final_equity"] == pytest.approx(1_000_000 + sum(found["attribution"]["source"].values()), abs=1e-6)
    assert 0 < found["answer"]["profit"] < 20_000  # of the money put in, without the interest on the rest
    assert "The cash of the account earned $9" in found["answer"]["sentence"]
    (folder,) = (tmp_path / "reports").glob("*/")
    assert load(folder).rates.cash_sha256 == found["cash_rate"]["sha256"]


def test_another_file_of_rates_is_another_run_and_the_same_one_is_not(ask, tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text(RATES, encoding="utf-8")
    earned = []
    for text in (RATES, RATES, RATES.replace("5.00", "5.01")):
        path.write_text(text, encoding="utf-8")
        earned.append(json.loads(ask("buy-the-dip", "--cash-rate", "rates.csv", "--json")[1])["interest_earned"])
    assert earned[0] == earned[1] < earned[2]


def test_a_series_of_the_data_folder_is_a_rate(ask, tmp_path):
    shutil.copytree(ROOT / "data", tmp_path / "mine")
    days = calendar.between(date(2024, 1, 2), date(2025, 12, 31))
    rows = "".join(f"{day.date()},4.1,4.1,4.1,4.1,0\n" for day in days)
    (tmp_path / "mine" / "prices" / "^IRX.csv").write_text(f"Date,Open,High,Low,Close,Volume\n{rows}", encoding="utf-8")
    code, out, err = ask("buy-the-dip", "--data", "mine", "--cash-rate", "^irx", "--json")
    assert code == 0
    assert "The rates of ^IRX are taken as per cent: 4.1% a year." in err
    assert json.loads(out)["cash_rate"]["description"] == "^IRX (13-week Treasury bill, percent)"
    same = json.loads(ask("buy-the-dip", "--data", "mine", "--cash-rate", "4.1%", "--json")[1])
    assert same["interest_earned"] == pytest.approx(json.loads(out)["interest_earned"], abs=1e-6)
    message = "NVDA (NVIDIA, share) is no interest rate; a cash rate is a fraction a year, a CSV of rates, or ^IRX."
    assert ask("buy-the-dip", "--data", "mine", "--cash-rate", "NVDA")[2].splitlines()[-1] == f"Error: {message}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--cash-rate 4.3", "A cash rate is a fraction a year such as 0.043, found 4.3; 4.3 percent is 0.043."),
        ("--cash-rate 0.35", "0.35 as the cash rate is a fraction, 35% a year; write 0.35% for 0.35 per cent, or 35%"),
        ("--cash-rate ^IRX", "no CSV of dates and rates, and no series of"),
        ("--credit-spread 0.01", "--credit-spread is a spread on --cash-rate; give that too, such as --cash-rate ^IRX."),
        (
            "--cash-rate 4% --debit-rate 5%",
            "--debit-rate is fixed; with --cash-rate negative cash pays that rate and --debit-spread.",
        ),
        ("--cash-rate 4% --debit-spread -1%", "debit_spread must be at least 0, found -0.01."),
        (
            "--cash-rate late.csv",
            "The cash rate of late.csv (rate, percent) begins on 2024-06-03, after the first session, 2024-01-02;",
        ),
    ],
)
def test_a_rate_of_cash_that_cannot_be_is_one_line(ask, tmp_path, words, said):
    (tmp_path / "late.csv").write_text("date,rate\n2024-06-03,4%\n", encoding="utf-8")
    code, out, err = ask("buy-the-dip", *words.split())
    assert (code in (1, 2), out) == (True, "")
    assert err.splitlines()[-1].startswith("Error: ")
    assert said in err.splitlines()[-1]


def test_borrow_fees_by_symbol_and_date_are_on_the_record_and_in_the_status(ask, tmp_path):
    shutil.copytree(ROOT / "data", tmp_path / "mine")
    plain = json.loads(ask("short-nvda-friday", "--data", "mine", "--json")[1])
    assert "borrow_rates" not in plain
    table = "symbol,date,rate\nnvda,2025-01-02,30%\nGME,2025-01-02,80%\n"
    (tmp_path / "mine" / "borrow.csv").write_text(table, encoding="utf-8")
    dear = json.loads(ask("short-nvda-friday", "--data", "mine", "--json")[1])
    assert dear["borrow"] == pytest.approx(100 * plain["borrow"])  # 30 % in place of 0.3 %
    assert dear["borrow_rates"]["symbols"] == "NVDA"
    (folder,) = (tmp_path / "reports").glob("*/")
    said = dict(state_assumptions(load(folder)))["Short sales"]
    assert said.startswith(
        "Any share can be borrowed at 0.30% a year, and NVDA at the rates of borrow.csv from their dates on, on"
    )
    assert "  borrow       2 rows, 1 for symbols without prices" in ask("data", "status", "mine")[1]
    (tmp_path / "mine" / "borrow.csv").write_text("symbol,date,rate\nNVDA,2025-01-02,30\n", encoding="utf-8")
    code, _, err = ask("short-nvda-friday", "--data", "mine")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "borrow.csv has the rate 30 for NVDA on 2025-01-02" in err


def test_rates_that_end_early_are_said(ask, tmp_path):
    (tmp_path / "old.csv").write_text("date,rate\n2023-06-01,4%\n2024-06-03,5%\n", encoding="utf-8")
    err = ask("buy-the-dip", "--cash-rate", "old.csv")[2]
    assert "The rates of old.csv (rate, percent) end on 2024-06-03; the last one is used until 2025-12-31." in err


def test_a_riskless_rate_of_0_beside_a_cash_rate_has_a_report_of_its_own(ask, tmp_path):
    for words in ((), ("--risk-free", "0")):
        assert ask("buy-the-dip", "--cash-rate", "4%", *words)[0] == 0
    assert ask("buy-the-dip", "--risk-free", "0")[0] == 0
    assert len(list((tmp_path / "reports").glob("*/run.json"))) == 3


def test_the_result_after_taxes_stands_beside_the_other(ask, tmp_path):
    code, out, _ = ask("buy-the-dip", "--tax-short", "37%", "--tax-long", "0.2", "--json")
    trades = pd.read_csv(next((tmp_path / "reports").glob("buy-the-dip--*/trades.csv")))
    gains = (trades["gross"] - trades["commission"] - trades["fees"]).sum()
    after = json.loads(out)["after_tax"]
    assert code == 0
    assert after["tax"] == pytest.approx(0.37 * (gains + trades["dividends"].sum()), abs=1e-6)
    assert after["final_equity"] == pytest.approx(json.loads(out)["final_equity"] - after["tax"], abs=1e-6)
    assert "after taxes" in ask("buy-the-dip", "--tax-short", "37%", "--tax-long", "0.2", "--all")[1]
    assert "after_tax" not in json.loads(ask("buy-the-dip", "--json")[1])


def test_a_comparison_of_runs_by_one_rate_takes_off_what_idle_cash_earned(ask, tmp_path):
    terms = ("--cash-rate", "4%")
    assert ask("buy-the-dip", *terms)[0] == ask("dip-rule", *terms)[0] == 0
    assert ask("compare", "--json")[0] == 0
    page = (tmp_path / "reports" / "comparison.html").read_text(encoding="utf-8")
    assert "what idle cash earns: 4.00% a year less 0.50%, by calendar days" in page


def test_a_failed_run_leaves_the_older_report(ask, tmp_path, monkeypatch):
    ask("buy-the-dip")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(
        "dipfolio.engine.result.pd.DataFrame.to_csv", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space"))
    )
    code, out, err = ask("buy-the-dip", "--force")
    assert code == 1
    assert out.startswith("buy-the-dip\n\n$933,276 put into twelve names")  # the answer is there before the report is
    assert "Tear sheet" not in out
    assert err.startswith("Error: No report can be written to reports: ")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_progress_is_shown_and_the_result_stays_clean(place):
    import pty

    ours, theirs = pty.openpty()
    words = [sys.executable, ROOT / "backtest.py", "buy-the-dip", "--data", "nowhere"]
    done = subprocess.run(
        words, cwd=place, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}, check=False
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "Starting" in shown or "reading the data" in shown
    assert "Error: nowhere is no data folder" in shown


# ---- a run that has been made before is answered from its record ----


@pytest.fixture
def rerun(tmp_path, capsys, monkeypatch):
    """Run the program on the shipped strategies with reports of its own; returns exit code and output, counting simulations."""
    from dipfolio.engine import simulation

    made = []
    real = simulation.simulate
    monkeypatch.setattr(simulation, "simulate", lambda *a, **k: made.append(1) or real(*a, **k))

    def run(*words):
        made.clear()
        with pytest.raises(SystemExit) as left:
            main(home=ROOT, arguments=["hold-benchmark", "--end", "2024-03-28", "--reports", str(tmp_path), *words])
        assert not left.value.code
        return capsys.readouterr().out, len(made)

    return run


def test_the_same_question_is_answered_from_the_record(rerun):
    first, simulated = rerun()
    again, not_again = rerun()
    assert (simulated, not_again) == (1, 0)
    assert again == first


@pytest.mark.slow
def test_force_simulates_anew(rerun):
    rerun()
    assert rerun("--force")[1] == 1


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--cash", "5000"), ("--fill", "close"), ("--benchmark", "QQQ"), ("--start", "2024-02-01")])
def test_another_question_is_simulated(rerun, words):
    rerun()
    assert rerun(*words)[1] == 1


@pytest.mark.slow
def test_a_record_that_was_touched_is_rebuilt(rerun, tmp_path):
    first, _ = rerun()
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    (folder / "equity.csv").write_text("spoiled")
    again, simulated = rerun()
    assert (again, simulated) == (first, 1)
    assert "spoiled" not in (folder / "equity.csv").read_text()


@pytest.mark.slow
def test_every_variant_that_was_run_is_in_the_register_once(rerun, tmp_path):
    from dipfolio.evidence.trial_log import TRIAL_LOG_FILE, TrialLog

    for words in ((), ("--fill", "close"), (), ("--force",)):
        rerun(*words)
    trials = TrialLog(tmp_path / TRIAL_LOG_FILE).read("hold-benchmark")
    assert [trial.parameters["fill"] for trial in trials] == ["open", "close"]


# ---- plain backtrader strategies are run, compared and checked like any other ----


CROSS = '''
import backtrader as bt

class SmaCross(bt.Strategy):
    """A 20/50 moving-average cross."""

    params = (("fast", 20), ("slow", 50))

    def __init__(self):
        self.cross = bt.ind.CrossOver(bt.ind.SMA(period=self.p.fast), bt.ind.SMA(period=self.p.slow))

    def next(self):
        print("looking", len(self))
        if not self.position and self.cross > 0:
            self.buy(size=100)
        elif self.position and self.cross < 0:
            self.close()
'''


BRACKET = '''
import backtrader as bt

class Bracket(bt.Strategy):
    """Buys with a stop and a target around the price."""

    def next(self):
        if not self.position and not self.broker.get_orders_open():
            close = self.data.close[0]
            self.buy_bracket(size=100, exectype=bt.Order.Market, stopprice=0.95 * close, limitprice=1.1 * close)
'''


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "sma_cross.py").write_text(CROSS)
    (tmp_path / "strategies" / "bracket.py").write_text(BRACKET)
    os.symlink(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_two_backtrader_strategies_are_compared_on_one_page(home, program):
    code, out, _ = program(home, "sma-cross", "bracket", "--end", "2024-12-31")
    assert code == 0
    page = (home / "reports" / "comparison.html").read_text()
    for name in ("sma-cross", "bracket"):
        assert name in out
        assert name in page
        record = json.loads((home / "reports" / f"{name}--end-2024-12-31" / "run.json").read_text())
        assert record["residual"] < 0.01
        assert (home / "reports" / f"{name}--end-2024-12-31" / "tearsheet.html").exists()


def test_what_a_strategy_prints_is_kept_out_of_the_result(home, program):
    code, out, err = program(home, "sma-cross", "--json", "--fast", "5", "--slow", "10", "--benchmark", "none")
    assert code == 0
    assert json.loads(out)["parameters"]["fast"] == 5
    assert "looking 1" in err


def test_they_pass_the_check(home, program):
    code, out, _ = program(home, "check", "--all", "--sessions", "6")
    assert code == 0
    assert out.count("ok    orders and fills do not look ahead") == 2


FAILS = """
import backtrader as bt

class Fails(bt.Strategy):
    '''Fails in its first session.'''
    params = dict(size=1)

    def next(self):
        self.nothing
"""


PEEKS = FAILS.replace("self.nothing", "self.buy(size=self.p.size) if self.data.close[1] > self.data.close[0] else None")


def test_a_run_that_reads_a_later_session_fails_in_one_line(home, program):
    (home / "strategies" / "peeks.py").write_text(PEEKS)
    code, out, err = program(home, "peeks")
    assert (code, out) == (1, "")
    assert err.startswith("Error: Fails, in line 9 of peeks.py: data.close[1] of NVDA was read on 2024-01-02: only the current")
    assert err.count("\n") == 1
    assert not (home / "reports").exists()


def test_a_failure_shows_the_frames_of_the_strategy_alone(home, program):
    (home / "strategies" / "fails.py").write_text(FAILS)
    code, _, err = program(home, "fails")
    assert code == 1
    assert re.findall(r'File ".*[/\\\\](\w+\.py)", line (\d+)', err)[0] == ("fails.py", "9")
    assert "cerebro.py" not in err
    assert err.splitlines()[-1].startswith("Error: Fails failed in line 9 of fails.py: AttributeError: ")


@pytest.mark.slow
def test_a_failure_in_a_cell_of_a_sweep_is_one_line(home, program):
    (home / "strategies" / "fails.py").write_text(FAILS)
    code, out, err = program(home, "sweep", "fails", "--size", "1:2", "--jobs", "2")  # a process for each cell
    assert code == 1
    assert re.search(r"^Error: Fails failed in line 9 of fails\.py: AttributeError: .*nothing.*\n\Z", err, re.MULTILINE)
    assert "Traceback" not in out + err


def test_a_run_on_the_indices_of_arch_takes_the_index_as_its_benchmark_and_says_what_they_are(ask, tmp_path):
    code, out, err = ask("dip-rule", "--universe", "^IXIC", "--data", "arch", "--drop", "0.03", "--reports", "shelf", "--all")
    assert code == 0
    said = "The data lack SPY; the benchmark is ^GSPC (S&P 500, price index without dividends)."
    assert err == f"{said} --benchmark names another, or none.\n"
    assert rows(out)["Whole account"] == "1999-01-04 to 2018-12-31, 5,031 sessions"
    assert rows(out)["Benchmark return (^GSPC)"] == "+104.12 %"  # 2,506.85 / 1,228.10 - 1
    assert "^IXIC is a price index: dividends are missing" in out
    assert "opens exactly at its last close" not in out  # true of ^GSPC, of which nothing was bought
    (report,) = (tmp_path / "shelf").glob("dip-rule*")
    kept = load(report)
    prices = load_bars("arch", ("^IXIC",))
    falls = np.flatnonzero(prices.close["^IXIC"].pct_change().to_numpy() <= -0.03)
    first = prices.open["^IXIC"].iloc[falls[0] + 1]
    assert kept.fills["price"].iloc[0] == pytest.approx(first * 1.0002)
    assert kept.fills["session"].iloc[0] == prices.sessions[falls[0] + 1]


def test_what_is_filled_at_opens_that_are_none_says_so(ask):
    _, out, _ = ask("hold-benchmark", "--universe", "^GSPC", "--data", "arch", "--end", "2000-12-29")
    assert "^GSPC opens exactly at its last close on 2,004 of 5,031 sessions" in out


def test_a_benchmark_that_was_named_is_not_exchanged(ask):
    code, _, err = ask("dip-rule", "--universe", "^IXIC", "--data", "arch", "--benchmark", "SPY")
    assert code == 2
    assert "SPY is the benchmark: --benchmark none runs without one" in err


def test_the_indices_of_arch_are_swept_and_compared(ask):
    code, out, _ = ask("sweep", "dip-rule", "--universe", "^IXIC", "--drop", "0.04,0.05", "--data", "arch", "--jobs", "1")
    assert code == 0
    assert "2 random cells, largest difference $0.00" in out
    code, out, _ = ask("dip-rule", "equal-weight", "--universe", "^IXIC", "--data", "arch", "--benchmark", "none")
    assert code == 0
    assert "1999-01-04 to 2018-12-31, 5,031 sessions" in out


@pytest.fixture
def dated_data(tmp_path):
    """The embedded data with made-up members: MSFT always, AAPL in 2024, NVDA from 2025 on."""
    shutil.copytree(ROOT / "data", tmp_path / "dated", ignore=shutil.ignore_patterns("cache"))
    rows = "symbol,from,to\nMSFT,2024-01-02,\nAAPL,2024-01-02,2024-12-31\nNVDA,2025-01-02,\n"
    (tmp_path / "dated" / "universe.csv").write_text(rows, encoding="utf-8")
    return tmp_path / "dated"


def test_the_hindsight_in_a_name_is_the_difference_to_the_members_of_each_date(ask, dated_data):
    dated = ("equal-weight", "--universe", "@universe", "--data", dated_data, "--no-costs")
    code, out, _ = ask(*dated, "--hindsight", "magnificent-seven", "--json")
    assert code == 0
    record = json.loads(out)
    own = simulate(
        load_strategy(ROOT / "strategies", "equal-weight")(universe="magnificent-seven"),
        load_bars(ROOT / "data"), Account().without_costs(),
    )  # fmt: skip
    today = measure(own).annual_return
    assert record["hindsight"]["universe"] == "magnificent-seven"
    assert record["hindsight"]["annual_return"] == pytest.approx(today, abs=1e-12)
    assert record["hindsight"]["difference"] == pytest.approx(today - record["annual_return"], abs=1e-12)
    code, out, _ = ask(*dated, "--hindsight", "magnificent-seven")
    assert f"Hindsight in magnificent-seven: {100 * (today - record['annual_return']):+.2f} % a year." in out


def test_a_member_is_held_with_an_equal_part_from_its_first_day_to_its_last(ask, dated_data, tmp_path):
    code, _, _ = ask("equal-weight", "--universe", "@Universe", "--data", dated_data, "--no-costs", "--reports", "shelf")
    assert code == 0
    (report,) = (tmp_path / "shelf").glob("equal-weight*")
    fills = load(report).fills
    told = [(str(row.session.date()), row.symbol, row.shares > 0) for row in fills.itertuples()]
    assert told == [
        ("2024-01-03", "MSFT", True), ("2024-01-03", "AAPL", True), ("2025-01-03", "AAPL", False), ("2025-01-03", "NVDA", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--hindsight", "article"), "--hindsight is for one strategy on dated members: add --universe @universe"),
        (("--universe", "@universe"), "has no universe.csv (symbol,from,to), which @universe stands for"),
    ],
)
def test_dated_members_that_are_not_there_are_one_line(ask, words, message):
    code, _, err = ask("equal-weight", *words)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_dated_members_are_swept_as_backtrader_runs_them(ask, dated_data):
    code, out, _ = ask(
        "sweep", "equal-weight", "--universe", "@universe", "--fill", "open,close", "--data", dated_data, "--jobs", "1"
    )
    assert code == 0
    assert "2 random cells, largest difference $0.00" in out


def other_benchmarks(*words, ask):
    """Those that the report has, after a run that ended well; and what was said on standard error."""
    code, _, err = ask("buy-the-dip", *words)
    assert code == 0, err
    return load(Path("reports") / "buy-the-dip").also, err


def test_the_prices_of_other_benchmarks_are_kept_without_a_report_of_another_name(ask):
    assert other_benchmarks(ask=ask) == (("QQQ", "SMH"), "")
    assert other_benchmarks("--also", "tsla,SPY,tsla", ask=ask) == (("TSLA",), "")
    assert other_benchmarks("--also", "none", ask=ask) == ((), "")


def test_other_benchmarks_that_the_data_lack_are_left_out_and_said_where_they_were_named(ask, tmp_path):
    folder = tmp_path / "few"
    shutil.copytree(ROOT / "data", folder)
    (folder / "prices" / "QQQ.csv").unlink()
    assert other_benchmarks("--data", folder, ask=ask) == (("SMH",), "")
    said = "--also: the data lack QQQ, ABC, which the trades are not compared with.\n"
    assert other_benchmarks("--data", folder, "--also", "QQQ,SMH,ABC", ask=ask) == (("SMH",), said)


def test_another_benchmark_that_cannot_be_read_does_not_stop_the_run(ask, tmp_path):
    folder = tmp_path / "spoiled"
    shutil.copytree(ROOT / "data", folder)
    (folder / "prices" / "QQQ.csv").write_text("date,open\n")
    also, err = other_benchmarks("--data", folder, ask=ask)
    assert also == ()
    assert err.startswith("Without the other benchmarks (QQQ, SMH): ")


def test_the_answer_is_printed_before_the_page_is_drawn(ask, monkeypatch, capsys):
    shown = []
    real = "dipfolio.report.tearsheet.tear_sheets"
    monkeypatch.setattr(real, lambda jobs, **_: shown.append(capsys.readouterr().out) or ["<p>a page</p>" for _ in jobs])
    _, out, _ = ask("buy-the-dip")
    (before,) = shown
    assert before.startswith("buy-the-dip\n\n$933,276 put into twelve names at the open of 27 January 2025 was worth $946,021")
    assert "All costs" in before
    assert out == "Tear sheet: reports/buy-the-dip/tearsheet.html (--open shows it in the browser)\n"


def test_the_whole_table_is_printed_where_it_is_asked_for(ask):
    brief, full = (rows(ask("buy-the-dip", *words)[1]) for words in ((), ("--all",)))
    assert set(brief) - {"All costs"} < set(full)
    assert full["Excess over benchmark"] == "-46.56 %, in cash for 98.8 % of the sessions"
    assert not {"Excess over benchmark", "Benchmark return (SPY)"} & set(brief)


@pytest.mark.parametrize(
    ("words", "page"),
    [(["buy-the-dip"], "buy-the-dip/tearsheet.html"), (["buy-the-dip", "short-nvda"], "comparison.html")],
)
def test_the_page_is_opened_where_it_is_asked_for(ask, monkeypatch, tmp_path, words, page):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    code, out, err = ask(*words, "--open")
    assert (code, err) == (0, "")
    assert opened == [(tmp_path / "reports" / page).as_uri()]
    assert "--open" not in out


def test_without_a_browser_the_page_is_named(ask, monkeypatch):
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    code, _, err = ask("buy-the-dip", "--open")
    assert (code, err) == (0, "No browser was found; open reports/buy-the-dip/tearsheet.html in one.\n")


def test_a_file_of_factors_is_understood_saved_and_part_of_the_run(ask, tmp_path):
    rows = [f"{day:%Y%m%d}, {0.5 + 0.01 * k:8.2f},{-0.3 - 0.02 * (k % 7):8.2f},   0.017" for k, day in
            enumerate(pd.date_range("2024-01-02", "2025-12-31"))]  # fmt: skip
    (tmp_path / "ff.csv").write_text(
        "\n".join(["From the library.", "", ",Mkt-RF,SMB,RF", *rows, "", "Copyright"]), encoding="utf-8"
    )
    code, out, err = ask("equal-weight", "--factors", "ff.csv", "--json")
    assert code == 0
    understood = "The factor returns of ff.csv (Mkt-RF, SMB, RF) are taken as per cent by their size"
    assert err.startswith(understood)
    record = json.loads(out)["factors"]
    assert record["description"].startswith(understood)
    assert set(record["factors"]["betas"]) == {"Mkt-RF", "SMB"}
    saved = load(tmp_path / "reports" / "equal-weight")
    assert list(saved.factors.columns) == ["Mkt-RF", "SMB", "RF"]
    written = (tmp_path / "reports" / "equal-weight" / "run.json").stat().st_mtime_ns
    assert json.loads(ask("equal-weight", "--factors", "ff.csv", "--json")[1])["factors"] == record
    assert (tmp_path / "reports" / "equal-weight" / "run.json").stat().st_mtime_ns == written
    assert json.loads(ask("equal-weight", "--json")[1])["factors"]["factors"] is None
    assert load(tmp_path / "reports" / "equal-weight").factors.empty


def test_a_file_of_factors_that_cannot_be_used_is_refused_in_one_line(ask, tmp_path):
    (tmp_path / "months.csv").write_text(",Mkt-RF\n202501, 2.8\n", encoding="utf-8")
    (tmp_path / "old.csv").write_text(",Mkt-RF\n20200102, 0.8\n20200103, -0.7\n", encoding="utf-8")
    cases = (
        ("months.csv", 1, "take the daily file"),
        ("old.csv", 1, "no session of the run"),
        ("none.csv", 2, "no file of factor returns"),
    )
    for name, expected, said in cases:
        code, out, err = ask("equal-weight", "--factors", name)
        assert (code, out) == (expected, "")
        assert said in err.splitlines()[-1]
    assert not (tmp_path / "reports" / "equal-weight").exists()


def test_robustness_is_on_the_page_in_the_folder_and_in_the_json_unless_it_is_left_out(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("dipfolio.report.tearsheet.tear_sheet", lambda *job: f"<p>{'with' if job[3] else 'without'}")
    words = ("short-nvda-friday", "--reports", str(tmp_path), "--json")

    def asked(*more):
        return json.loads(ask(*words, *more)[1])

    folder = tmp_path / "short-nvda-friday"
    first, again = asked(), asked()
    assert first["robustness"] == again["robustness"] == json.loads((folder / "robustness.json").read_text())
    labels = [case["label"] for case in first["robustness"]["cases"]]
    assert labels[:3] == ["one session later", "twice the costs on the same fills", "shares 2400 instead of 3000"]
    assert (folder / "tearsheet.html").read_text() == "<p>with"

    without = asked("--no-robustness")
    assert without == first | {"robustness": None}
    assert not (folder / "robustness.json").exists()
    assert (folder / "tearsheet.html").read_text() == "<p>without"
    assert asked() == first


@pytest.fixture
def few(tmp_path):
    """A data folder with four shares and an index, of the embedded data."""
    (tmp_path / "few" / "prices").mkdir(parents=True)
    for symbol, name in {"AAPL": "AAPL", "MSFT": "MSFT", "NVDA": "NVDA", "SPY": "SPY", "QQQ": "^NDX"}.items():
        shutil.copy(ROOT / "data" / "prices" / f"{symbol}.csv", tmp_path / "few" / "prices" / f"{name}.csv")
    return tmp_path / "few"


def the_run(shelf):
    (report,) = (path.parent for path in shelf.glob("*/run.json"))
    return load(report)


def test_a_file_of_names_is_traded_and_the_title_counts_it(ask, few, tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "names.txt").write_text("# two shares\nnvda, MSFT\n", encoding="utf-8")
    code, out, _ = ask("equal-weight", "--universe", "@lists/names.txt", "--data", few, "--reports", "shelf")
    assert code == 0
    assert out.startswith("equal-weight (universe names.txt, 2 names)\n")
    result = the_run(tmp_path / "shelf")
    assert result.symbols == ("NVDA", "MSFT")
    assert set(result.provenance.sessions) == {"NVDA", "MSFT", "SPY"}
    assert result.parameters["universe"] == "@lists/names.txt"
    assert "equal-weight (universe names.txt, 2 names)" in (tmp_path / "shelf" / "index.html").read_text(encoding="utf-8")
    (tmp_path / "lists" / "names.txt").write_text("NVDA\n", encoding="utf-8")
    _, out, _ = ask("equal-weight", "--universe", "@lists/names.txt", "--data", few, "--reports", "shelf")
    assert out.startswith("equal-weight (universe names.txt, 1 name)\n")
    assert the_run(tmp_path / "shelf").symbols == ("NVDA",)


def test_every_symbol_of_a_folder_is_traded_and_the_title_counts_them(ask, few, tmp_path):
    code, out, _ = ask("equal-weight", "--universe", "all", "--data", few, "--reports", "shelf", "--fill", "close")
    assert code == 0
    assert out.startswith("equal-weight (universe all, 4 names; fill close)\n")
    assert the_run(tmp_path / "shelf").symbols == ("AAPL", "MSFT", "NVDA", "SPY")


def test_without_data_named_every_symbol_is_of_the_folder_that_a_run_uses(ask):
    code, out, _ = ask("equal-weight", "--universe", "all", "--end", "2024-02-29")
    assert code == 0
    assert out.startswith("equal-weight (universe all, 14 names)\n")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (None, 2, "There is no file names.txt of symbols"),
        ("# none\n", 2, "names.txt has no symbol"),
        ("NVDA\nNVDIA\n", 2, "There is no symbol 'NVDIA'. Did you mean 'NVDA'?"),
        ("NVDA\nNVDA\n", 2, "names.txt names NVDA twice"),
    ],
)
def test_a_file_of_names_that_cannot_be_is_one_line(ask, few, tmp_path, monkeypatch, text, code, message):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "names.txt").write_text(text, encoding="utf-8")
    found, _, err = ask("equal-weight", "--universe", "@names.txt", "--data", few)
    assert found == code
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_file_of_names_and_every_symbol_are_swept_as_backtrader_runs_them(ask, few, tmp_path):
    (tmp_path / "names.txt").write_text("NVDA\nMSFT\n", encoding="utf-8")
    for universe in ("@names.txt", "all"):
        code, out, err = ask(
            "sweep", "equal-weight", "--universe", universe, "--fill", "open,close", "--data", few, "--jobs", "1"
        )
        assert code == 0, err
        assert "2 random cells, largest difference $0.00" in out


def test_a_workbook_is_written_beside_the_page_and_a_saved_run_is_not_simulated_again(ask, few, tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed; it comes with the extra test")
    words = ("equal-weight", "--universe", "NVDA,MSFT", "--data", few, "--reports", "shelf")
    assert ask(*words)[0] == 0
    folder = tmp_path / "shelf" / "equal-weight--universe-NVDA,MSFT"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    code, out, _ = ask(*words, "--export", "xlsx")
    assert code == 0
    name = f"{folder.name}.xlsx"
    assert f"Workbook: shelf/{folder.name}/{name}\n" in out
    book = openpyxl.load_workbook(folder / name)
    assert book["Fills"].max_row == 1 + len(load(folder).fills)
    assert before.items() <= {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}.items()
    assert changed_files(folder) == ()
    _, out, _ = ask(*words, "--export", "xlsx", "--json")
    assert json.loads(out)["strategy"] == "equal-weight"
    assert "nothing" not in out
    _, out, _ = ask("equal-weight", "hold-benchmark", "--data", few, "--reports", "two", "--universe", "SPY", "--export", "xlsx")
    assert sorted(path.suffix for path in (tmp_path / "two").glob("*/*.xlsx")) == [".xlsx", ".xlsx"]
    assert out.count("Workbook: ") == 2


def test_without_openpyxl_nothing_is_simulated_and_one_line_says_what_to_install(ask, few, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    code, _, err = ask("equal-weight", "--universe", "NVDA", "--data", few, "--reports", "shelf", "--export", "xlsx")
    assert (code, err) == (2, "Error: A workbook needs openpyxl: pip install 'dipfolio[excel]'.\n")
    assert not (tmp_path / "shelf").exists()


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["table", "json"])
def test_a_saved_run_is_shown_without_what_simulates_and_draws(tmp_path, more):
    words = ["hold-benchmark", "--end", "2024-03-28", "--reports", str(tmp_path), *more]
    assert program(*words, cwd=tmp_path).returncode == 0
    heavy = ("backtrader", "quantstats", "matplotlib", "arch", "scipy")
    code = (
        "import sys\nfrom pathlib import Path\nfrom dipfolio.cli.app import main\n"
        f"try:\n    main(home=Path({str(ROOT)!r}), arguments={words!r})\n"
        f"finally:\n    print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "[]"), done.stderr
