"""``data``: what a user sees of the data, through a pipe and on a terminal, and what a mistake costs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from yfinance.data import YfData

from dipfolio.cli.workspace import Workspace
from dipfolio.data.folder import load_bars, read_origin
from dipfolio.data.universe import resolve
from dipfolio.data.update import FetchRequest
from tests.support.yahoo import Detour, chart

ROOT = Path(__file__).parents[2]
CLOSES = [138.31, 144.47, 149.43, 140.14, 140.11, 135.91]


@pytest.fixture
def home(tmp_path):
    """A home whose embedded data are those of NVDA and SPY."""
    (tmp_path / "data" / "prices").mkdir(parents=True)
    for symbol in ("NVDA", "SPY"):
        shutil.copy(ROOT / "data" / "prices" / f"{symbol}.csv", tmp_path / "data" / "prices")
    shutil.copy(ROOT / "data" / "source.json", tmp_path / "data")
    head, *rows = (ROOT / "data" / "dividends.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    own = [row for row in rows if row.startswith(("NVDA,", "SPY,"))]
    (tmp_path / "data" / "dividends.csv").write_text("".join([head, *own]), encoding="utf-8")
    return tmp_path


@pytest.fixture
def ask(home, program):
    """The program in that home."""
    return lambda *words: program(home, *words)


FETCH = ("--start", "2025-01-02", "--end", "2025-01-10")


def test_status_says_what_is_there_and_where_it_comes_from(ask, home):
    code, out, err = ask("data", "status")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"{home / 'data'}: 2 symbols, 2024-01-02 to 2025-12-31"
    assert "source       nasdaq.com daily history" in out
    assert "retrieved    not stated" in out
    assert "SPY     2024-01-02  2025-12-31       502  dipfolio\n" in out
    fingerprint = next(line.split()[-1] for line in out.splitlines() if "fingerprint" in line)
    assert len(fingerprint) == 64


def test_status_says_what_was_recognised_and_converted(ask, tmp_path):
    (tmp_path / "mine" / "prices").mkdir(parents=True)
    path = tmp_path / "mine" / "prices" / "NVDA.csv"
    path.write_text("Date,Close/Last,Volume,Open,High,Low\n01/27/2025,$118.42,818,$124.80,$128.40,$116.70\n", encoding="utf-8")
    (tmp_path / "mine" / "prices" / "BAD.csv").write_text("nonsense\n", encoding="utf-8")
    code, out, _ = ask("data", "status", tmp_path / "mine")
    assert code == 0
    assert "NVDA    2025-01-27  2025-01-27         1  Nasdaq: dates as MM/DD/YYYY, dollar signs taken off" in out
    assert "BAD     " in out
    assert "fingerprint  none, as a run would stop: see data check" in out


def test_check_finds_nothing_wrong_and_leaves_with_zero(ask, home):
    assert ask("data", "check") == (0, f"{home / 'data'}: 0 errors and 0 warnings in 2 symbols.\n", "")


def test_check_names_metas_high_as_a_warning(ask):
    code, out, _ = ask("data", "check", ROOT / "data")
    assert code == 0
    assert "warning  META has a high of 711 far above the day's other prices on 2025-12-12.\n" in out
    assert out.endswith(": 0 errors and 1 warning in 14 symbols.\n")


def test_check_leaves_with_one_where_a_run_would_stop(ask, home):
    path = home / "data" / "prices" / "NVDA.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:100], *lines[110:]]) + "\n", encoding="utf-8")
    code, out, err = ask("data", "check")
    assert code == 1
    assert out.splitlines()[0] == f"error    NVDA has no bar on {lines[100][:10]}, a session of XNYS."
    assert "error    NVDA has 7 more like that (missing session); --all shows them.\n" in out
    assert err == f"Error: {home / 'data'} has 10 errors; a run stops at the first it meets.\n"
    assert ask("data", "check", "--all")[1].count("has no bar on") == 10


def test_fetch_brings_the_embedded_symbols_into_the_cache_and_later_commands_use_them(ask, home, yahoo):
    yahoo.charts.update(NVDA=chart(CLOSES), SPY=chart(CLOSES, dividends={"2025-01-06": 1.5}))
    code, out, err = ask("data", "fetch", *FETCH)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "NVDA  NVIDIA, share: 6 sessions, 2025-01-02 to 2025-01-10, 0 dividends",
        "SPY   SPDR S&P 500, fund: 6 sessions, 2025-01-02 to 2025-01-10, 1 dividend",
        f"{home / 'data' / 'cache'}: 2 symbols up to date.",
    ]
    assert ask("data", "status")[1].startswith(f"{home / 'data' / 'cache'}: 2 symbols, 2025-01-02 to 2025-01-10\n")
    chosen = Workspace.at(home).data_choice(("NVDA", "SPY"))
    assert chosen.folder == home / "data" / "cache"
    assert chosen.reason.startswith(f"Data: {home / 'data' / 'cache'}, retrieved 20")
    assert "complete, to 2025-01-10" in ask("data", "fetch", *FETCH)[1]


def test_a_cache_without_every_symbol_is_not_used_and_that_is_said(ask, home, yahoo):
    yahoo.charts.update(NVDA=chart(CLOSES))
    assert ask("data", "fetch", "nvda", *FETCH)[0] == 0
    chosen = Workspace.at(home).data_choice(("NVDA", "SPY"))
    assert chosen.folder == home / "data"
    assert "lacks SPY; `python backtest.py data fetch SPY` brings them" in chosen.reason


def test_one_symbol_that_fails_is_one_line_and_exit_code_one(ask, home, yahoo):
    yahoo.charts.update(NVDA=chart(CLOSES))
    code, out, err = ask("data", "fetch", "NVDA", "XXXX", *FETCH)
    assert code == 1
    assert out.splitlines()[1] == "XXXX  Yahoo has no data for XXXX: no such symbol, or one that is delisted."
    assert err == f"Error: 1 of 2 symbols failed; what {home / 'data' / 'cache'} had before is untouched.\n"


def test_a_group_of_symbols_can_be_named(ask, tmp_path, yahoo):
    yahoo.charts.update({symbol: chart(CLOSES) for symbol in ("MSFT", "META", "GOOG", "AMZN")})
    code, out, _ = ask("data", "fetch", "hyperscalers", "--to", tmp_path / "four", *FETCH)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["MSFT", "META", "GOOG", "AMZN"]
    assert read_origin(tmp_path / "four", "four").source.startswith("Yahoo Finance")


def test_an_export_gives_a_run_the_same_figures(ask, home, yahoo, tmp_path):
    yahoo.charts.update(NVDA=chart(CLOSES, splits={"2025-01-07": (10, 1)}), SPY=chart(CLOSES, dividends={"2025-01-06": 1.5}))
    assert ask("data", "fetch", *FETCH)[0] == 0
    code, out, err = ask("data", "export", "--to", tmp_path / "out")
    assert (code, out, err) == (0, f"{tmp_path / 'out'}: 2 symbols, 1 dividend and 1 split.\n", "")
    assert "fetched      1 dividend and 1 split with the prices; data export writes them as CSV\n" in ask("data", "status")[1]
    wanted, found = (load_bars(folder) for folder in (home / "data" / "cache", tmp_path / "out"))
    assert found.provenance.sha256 == wanted.provenance.sha256
    assert ask("data", "check", tmp_path / "out")[0] == 0
    assert ask("data", "export", "--to", tmp_path / "out") == (
        2, "", f"Error: {tmp_path / 'out'} is not empty; choose another folder, or replace an earlier export with --force.\n",
    )  # fmt: skip
    code, out, err = ask("data", "export", "spy", "--to", tmp_path / "out", "--force", "--from", home / "data" / "cache")
    assert (code, out, err) == (0, f"{tmp_path / 'out'}: 1 symbol, 1 dividend and 0 splits.\n", "")
    assert load_bars(tmp_path / "out").symbols == ("SPY",)


def test_a_file_of_a_persons_own_among_the_fetched_is_left_out_of_an_export_and_named(ask, home, yahoo, tmp_path):
    yahoo.charts.update(NVDA=chart(CLOSES))
    assert ask("data", "fetch", "NVDA", *FETCH)[0] == 0
    shutil.copy(home / "data" / "prices" / "SPY.csv", home / "data" / "cache" / "prices")
    code, _, err = ask("data", "export", "--to", tmp_path / "out")
    assert (code, err) == (0, "Left out, as they were not fetched: SPY.\n")


class Stopped(Detour):
    """A connection over which somebody presses Ctrl-C when SPY is asked for."""

    def request(self, method, url, **options):
        if url.endswith("/SPY"):
            raise KeyboardInterrupt
        return super().request(method, url, **options)


def test_an_interruption_keeps_what_was_fetched_and_says_so(ask, home, yahoo):
    yahoo.charts.update(NVDA=chart(CLOSES))
    YfData(session=Stopped(yahoo.port))
    code, _, err = ask("data", "fetch", "NVDA", "SPY", *FETCH)
    assert code == 1
    assert err == f"Error: Interrupted after 1 of 2 symbols; they are kept in {home / 'data' / 'cache'}. Run it again to go on.\n"
    assert (home / "data" / "cache" / "prices" / "NVDA.parquet").exists()


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["data", "fetch", "../x"], 2, "'../X' cannot be the name of a symbol"),
        (["data", "fetch", "NVDA", "--start", "2025-02-01", "--end", "2025-01-01"], 2, "The start, 2025-02-01, is after the end"),
        (["data", "fetch", ","], 2, "',' names no symbol"),
        (["data", "fetch", "NVDA", "--start", "yesterday"], 2, "'yesterday' is no date"),
        (["data", "check", "nowhere"], 2, "nowhere is no data folder"),
        (["data", "status", "nowhere"], 2, "nowhere is no data folder"),
        (["data", "export", "NVDA", "--to", "out"], 2, "There is no fetched symbol 'NVDA'"),
        (["data", "export", "--to", "out"], 2, "cache has no fetched symbol to export"),
        (["data", "export"], 2, "Missing option '--to'"),
        (["data", "stats"], 2, "There is no command 'stats'. Did you mean 'status'?"),
    ],
)
def test_a_mistake_is_one_clear_line(ask, words, code, expected):
    found, out, err = ask(*words)
    assert (found, out) == (code, "")
    assert err.startswith("Error: ")
    assert expected in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["data", "--help"],
        ["data", "fetch", "--help"],
        ["data", "check", "--help"],
        ["data", "export", "--help"],
        ["list"],
        ["dat"],
    ],
)
def test_what_reads_no_figures_imports_nothing_heavy(words):
    program = (
        "import sys; from pathlib import Path; from dipfolio.cli import main\n"
        "try: main(Path('.'), sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(sorted({'pandas', 'numpy', 'pyarrow', 'yfinance', 'rich', 'tenacity'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_status_and_check_know_the_indices_of_arch(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = ask("data", "status", "arch")
    assert code == 0
    assert out.startswith("arch: 2 symbols, 1999-01-04 to 2018-12-31\n")
    assert "^GSPC   1999-01-04  2018-12-31      5031  arch: index levels as printed, no dividends" in out
    code, out, _ = ask("data", "check", "arch")
    assert code == 0
    assert "warning  ^IXIC is a price index: dividends are missing" in out
    assert out.splitlines()[-1].startswith("arch: 0 errors and ")


def test_one_command_fetches_long_histories_says_what_each_series_is_and_goes_on_where_it_stopped(ask, home, yahoo, monkeypatch):
    for politeness in ("pause", "wait"):
        monkeypatch.setitem(FetchRequest.__init__.__kwdefaults__, politeness, 0.0)
    symbols = resolve("history")
    yahoo.charts.update({symbol: chart(CLOSES) for symbol in symbols})
    yahoo.faults["^IRX"] = ["break"] * 4
    window = ("--since", "2025", "--end", "2025-01-10")
    code, out, err = ask("data", "fetch", "history", *window)
    assert (code, "1 of 30 symbols failed" in err) == (1, True)
    code, out, _ = ask("data", "fetch", "history", *window)
    assert code == 0
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()[:-1]}
    assert set(told) == set(symbols)
    assert told["KWEB"] == "KraneShares CSI China Internet, fund: complete, to 2025-01-10"
    assert told["^GSPC"] == "S&P 500, price index without dividends: complete, to 2025-01-10"
    assert told["^VIX"] == "Cboe Volatility Index, volatility index in points: complete, to 2025-01-10"
    assert told["^IRX"].startswith(
        "13-week Treasury bill, interest rate in per cent a year: 6 sessions, 2025-01-02 to 2025-01-10"
    )
    asked = [name for name, query in yahoo.asked if name == "NVDA" and "period1" in query]
    assert len(asked) == 1
    assert (home / "data" / "cache" / "prices" / "^GSPC.parquet").exists()
    bars = load_bars(home / "data" / "cache", ("^GSPC", "^VIX", "KWEB"))
    assert bars.close["^GSPC"].tolist() == CLOSES
    assert [warning.symbol for warning in bars.warnings] == ["^GSPC"]


def test_a_younger_symbol_begins_with_its_first_bar_and_that_is_said(ask, yahoo):
    yahoo.charts["KWEB"] = chart(CLOSES[2:], "2025-01-06")
    code, out, _ = ask("data", "fetch", "kweb", *FETCH)
    assert code == 0
    assert out.splitlines()[0] == (
        "KWEB  KraneShares CSI China Internet, fund: 4 sessions, 2025-01-06 to 2025-01-10, 0 dividends; Yahoo has nothing earlier"
    )


def test_what_cannot_be_traded_is_refused_in_one_sentence(ask, yahoo, tmp_path):
    yahoo.charts.update({symbol: chart(CLOSES) for symbol in ("NVDA", "^VIX")})
    assert ask("data", "fetch", "NVDA", "^VIX", *FETCH, "--to", tmp_path / "two")[0] == 0
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    refused = (
        "Error: ^VIX (Cboe Volatility Index, volatility index in points) cannot be traded; "
        "a strategy may read it and gives it no target.\n"
    )
    on_both = ("--universe", "NVDA,^VIX", "--data", tmp_path / "two", "--benchmark", "none", "--reports", tmp_path / "shelf")
    assert ask("equal-weight", *on_both) == (2, "", refused)
    code, _, err = ask("equal-weight", "--universe", "NVDA", "--benchmark", "^VIX", "--data", tmp_path / "two")
    assert (code, "cannot be held, so it is no benchmark" in err) == (2, True)
