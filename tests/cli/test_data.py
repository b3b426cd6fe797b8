"""``data``: what a user sees of the figures, through a pipe and on a terminal, and what a mistake costs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from yfinance.data import YfData

from dipfolio.cli.home import Home
from tests.yahoo import Detour, chart

ROOT = Path(__file__).parents[2]
CLOSES = [138.31, 144.47, 149.43, 140.14, 140.11, 135.91]


@pytest.fixture
def home(tmp_path):
    """A home whose embedded figures are those of NVDA and SPY."""
    (tmp_path / "data" / "prices").mkdir(parents=True)
    for symbol in ("NVDA", "SPY"):
        shutil.copy(ROOT / "data" / "prices" / f"{symbol}.csv", tmp_path / "data" / "prices")
    for name in ("source.json", "dividends.csv"):
        shutil.copy(ROOT / "data" / name, tmp_path / "data")
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
        "NVDA  6 sessions, 2025-01-02 to 2025-01-10, 0 dividends",
        "SPY   6 sessions, 2025-01-02 to 2025-01-10, 1 dividend",
        f"{home / 'data' / 'cache'}: 2 symbols up to date.",
    ]
    assert ask("data", "status")[1].startswith(f"{home / 'data' / 'cache'}: 2 symbols, 2025-01-02 to 2025-01-10\n")
    chosen = Home.at(home).figures(("NVDA", "SPY"))
    assert chosen.folder == home / "data" / "cache"
    assert chosen.reason.startswith(f"Figures: {home / 'data' / 'cache'}, retrieved 20")
    assert "complete, to 2025-01-10" in ask("data", "fetch", *FETCH)[1]


def test_a_cache_without_every_symbol_is_not_used_and_that_is_said(ask, home, yahoo):
    yahoo.charts.update(NVDA=chart(CLOSES))
    assert ask("data", "fetch", "nvda", *FETCH)[0] == 0
    chosen = Home.at(home).figures(("NVDA", "SPY"))
    assert chosen.folder == home / "data"
    assert "lacks SPY; `python backtest.py data fetch SPY` brings them" in chosen.reason


def test_one_symbol_that_fails_is_one_line_and_exit_code_one(ask, home, yahoo):
    yahoo.charts.update(NVDA=chart(CLOSES))
    code, out, err = ask("data", "fetch", "NVDA", "XXXX", *FETCH)
    assert code == 1
    assert out.splitlines()[1] == "XXXX  Yahoo has no figures for XXXX: no such symbol, or one that is delisted."
    assert err == f"Error: 1 of 2 symbols failed; what {home / 'data' / 'cache'} had before is untouched.\n"


def test_a_group_of_symbols_can_be_named(ask, tmp_path, yahoo):
    yahoo.charts.update({symbol: chart(CLOSES) for symbol in ("MSFT", "META", "GOOG", "AMZN")})
    code, out, _ = ask("data", "fetch", "hyperscalers", "--to", tmp_path / "four", *FETCH)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["MSFT", "META", "GOOG", "AMZN"]
    assert json.loads((tmp_path / "four" / "source.json").read_text(encoding="utf-8"))["source"].startswith("Yahoo Finance")


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
        (["data", "check", "nowhere"], 1, "nowhere is no data folder"),
        (["data", "status", "nowhere"], 1, "nowhere is no data folder"),
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
    "words", [["data", "--help"], ["data", "fetch", "--help"], ["data", "check", "--help"], ["list"], ["dat"]]
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
