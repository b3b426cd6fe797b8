"""Running a strategy: the real program once, its small print in this process."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from dipfolio.cli.home import Home
from dipfolio.cli.main import _guarded
from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy, names
from dipfolio.engine.metrics import measure
from dipfolio.engine.parameter import parameters
from dipfolio.engine.result import load
from dipfolio.engine.simulation import simulate
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]
FILES = {
    "seal.json",
    "equity.csv",
    "events.csv",
    "fills.csv",
    "open_positions.csv",
    "positions.csv",
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
    folders = Home.at(ROOT)
    folders = Home(strategies=folders.strategies, data=folders.data, reports=Path("reports"))

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
    assert table.stdout.rstrip().splitlines()[-1] == "Tear sheet: shelf/buy-the-dip/tearsheet.html"
    assert {path.name for path in (place / "shelf" / "buy-the-dip").iterdir()} == FILES
    assert {path.name for path in (place / "shelf").iterdir()} == {"buy-the-dip", "index.html", "trials.jsonl"}


def test_progress_and_warnings_are_silent_where_there_is_no_terminal(table, machine):
    assert table.stderr == ""
    assert [line for line in machine.stderr.splitlines() if "dipfolio" in line or "findfont" in line] == []


def test_the_piped_table_is_aligned_and_plain(table):
    lines = [line for line in table.stdout.splitlines() if line.startswith(" ") and line.strip()]
    assert len(lines) >= 20
    (column,) = {re.match(r" \S.*? {2,}(?=\S)", line).end() for line in lines}
    assert column < 40
    assert max(len(line.rstrip()) for line in lines) <= 100
    assert "\x1b" not in table.stdout
    assert table.stdout.isascii()


def test_the_piped_table_has_signs_and_thousands_separators(table):
    found = rows(table.stdout)
    assert re.fullmatch(r"\$1,\d{3},\d{3}\.\d\d", found["Final equity"])
    for label in ("Total return", "Annual return", "Worst drawdown", "Benchmark return (SPY)", "Excess over benchmark"):
        assert re.fullmatch(r"[+-]\d+\.\d\d %", found[label]), label


def test_the_json_has_the_numbers_of_the_table(table, machine):
    found, record = rows(table.stdout), json.loads(machine.stdout)
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
    assert found["Dividends"] == f"${record['dividends']:,.2f}"
    assert found["Final equity"] == f"${record['final_equity']:,.2f}"
    assert found["Benchmark return (SPY)"] == f"{record['benchmark_return'] * 100:+.2f} %"
    assert found["Excess over benchmark"] == f"{record['excess_return'] * 100:+.2f} %"
    assert found["Open positions"] == str(record["open_positions"])
    assert found["Window"] == f"{record['window'][0]} to {record['window'][1]}, {record['sessions']} sessions"


def test_the_json_stands_alone_and_names_the_page(machine, place):
    assert machine.returncode == 0
    assert Path(json.loads(machine.stdout)["report"]) == place / "other" / "buy-the-dip" / "tearsheet.html"


def test_two_processes_write_the_same_bytes(table, machine, place):
    one, other = place / "shelf" / "buy-the-dip", place / "other" / "buy-the-dip"
    for name in FILES:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_the_record_on_the_shelf_is_the_run(machine, place):
    result = simulate(load_strategy(ROOT / "strategies", "buy-the-dip")(), load_bars(ROOT / "data"), benchmark="SPY")
    again = load(place / "other" / "buy-the-dip")
    assert again == result
    record, found = json.loads(machine.stdout), measure(again)
    for name in ("total_return", "sharpe", "sortino", "commission", "fees", "final_equity", "residual"):
        assert record[name] == getattr(found, name), name


@pytest.mark.parametrize("name", names(ROOT / "strategies"))
def test_the_help_of_a_strategy_has_every_parameter_with_its_default(ask, name):
    code, out, err = ask(name, "--help")
    assert (code, err) == (0, "")
    text = squeezed(out)
    for item in (*parameters(load_strategy(ROOT / "strategies", name)), *parameters(Account)):
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
    assert ask("buy-the-dip")[1].rstrip().splitlines()[-1] == "Tear sheet: reports/buy-the-dip/tearsheet.html"


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


def test_a_failed_run_leaves_the_older_report(ask, tmp_path, monkeypatch):
    ask("buy-the-dip")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(
        "dipfolio.engine.result.pd.DataFrame.to_csv", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space"))
    )
    code, out, err = ask("buy-the-dip", "--force")
    assert (code, out) == (1, "")
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
    assert (done.returncode, done.stdout) == (1, b"")
    assert "Starting" in shown or "reading the figures" in shown
    assert "Error: nowhere is no data folder" in shown
