"""Damaged files of reports, of fetched data and of unfinished sweeps: found by their fingerprints, said, and made anew."""

import json
import os
import shutil
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.cache import CachedSymbol, write_cached_symbol
from dipfolio.data.folder import load_bars
from dipfolio.data.schema import PriceTable
from dipfolio.storage import CHECKSUM_FILE
from tests.support.killed_process import ROOT
from tests.support.reports import contents, left_over
from tests.support.yahoo import Yahoo, chart

pytestmark = pytest.mark.slow

RUN = ("hold-benchmark", "--end", "2024-01-31")


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def flip(path):
    """One bit of the byte in the middle."""
    text = bytearray(path.read_bytes())
    text[len(text) // 2] ^= 1
    path.write_bytes(text)


def empty(path):
    path.write_bytes(b"")


def make_folder(path):
    path.unlink()
    path.mkdir()


def make_unreadable(path):
    """For root, who may read everything, a link to itself."""
    if os.geteuid():
        path.chmod(0)
        return
    path.unlink()
    path.symlink_to(path.name)


DAMAGES = [truncate, flip, empty, make_folder, make_unreadable]
by_name = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
FILES = [
    "command.txt",
    "equity.csv",
    "events.csv",
    "fills.csv",
    "open_positions.csv",
    "positions.csv",
    "prices.csv",
    "robustness.json",
    "run.json",
    CHECKSUM_FILE,
    "strategy.py",
    "tearsheet.html",
    "trades.csv",
]


@pytest.mark.slow
@by_name
def test_any_damaged_file_of_a_report_is_said_and_the_report_is_made_anew(mortal, home, damage):
    mortal(home, *RUN)
    (folder,) = [path for path in (home / "reports").iterdir() if path.is_dir()]
    good = contents(folder)
    assert sorted(good) == FILES
    for name in FILES:
        damage(folder / name)
        code, _, err, _ = mortal(home, *RUN)
        assert code == 0, name
        assert err == f"reports/{folder.name} was damaged or changed since it was written ({name}); it is made anew.\n"
        assert contents(folder) == good, name
        assert sorted(path.name for path in folder.iterdir()) == FILES
    assert mortal(home, *RUN)[2] == ""


@by_name
def test_a_damaged_report_is_not_compared_with_others(mortal, home, damage):
    for words in (RUN, ("hold-benchmark", "--end", "2024-01-31", "--fill", "close")):
        assert mortal(home, *words)[0] == 0
    first, second = sorted(path.name for path in (home / "reports").iterdir() if path.is_dir())
    damage(home / "reports" / first / "equity.csv")
    code, _, err, _ = mortal(home, "compare", first, second)
    assert code == 1
    assert err == (f"Error: reports/{first} was damaged or changed since it was written (equity.csv); run the strategy again.\n")
    code, out, err, _ = mortal(home, "compare")
    assert code == 0
    assert err.startswith(f"Left out: reports/{first} was damaged or changed since it was written")
    assert "fill close" in out


def test_a_note_of_ones_own_beside_a_record_is_no_damage_to_a_comparison(mortal, home):
    mortal(home, *RUN)
    (folder,) = [path for path in (home / "reports").iterdir() if path.is_dir()]
    (folder / "thoughts.txt").write_text("mine", encoding="utf-8")
    assert mortal(home, "compare", folder.name)[0] == 0


DAYS = np.array(["2025-01-02", "2025-01-03", "2025-01-06"], dtype="datetime64[D]")


def entry(scale):
    cells = np.array([[10.0, 11.0, 12.0], [13.0] * 3, [9.0] * 3, [10.5, 11.5, 12.5], [1e6] * 3]) * scale
    said = {"dividends": {"2025-01-03": 0.1}, "splits": {"2025-01-06": 2.0}, "asked_from": "2025-01-02"}
    return CachedSymbol(prices=PriceTable(days=DAYS, cells=cells), retrieved="2025-01-07", source="Yahoo", **said)


@pytest.fixture
def cache(home):
    """Fetched data of the strategy's symbol and of another one."""
    (home / "data").unlink()
    cache = home / "data" / "cache"
    for symbol, scale in (("SPY", 1.0), ("AAA", 2.0)):
        write_cached_symbol(cache, symbol, entry(scale))
    assert sorted(contents(cache)) == ["prices/AAA.parquet", "prices/SPY.parquet"]
    return cache


def flip_a_price(path):
    """One bit of the first byte that belongs to a figure: one that changes what is read, but not that it can be read."""
    good = path.read_bytes()
    for place in range(len(good)):
        text = bytearray(good)
        text[place] ^= 1
        path.write_bytes(text)
        with suppress(OSError, ValueError):
            if not pd.read_parquet(path).equals(pd.read_parquet(BytesIO(good))):
                return


DAMAGED = [truncate, flip_a_price, empty, make_folder]
of_prices = pytest.mark.parametrize("damage", DAMAGED, ids=lambda damage: damage.__name__)


@pytest.fixture
def yahoo():
    """Yahoo Finance with three sessions of SPY, the last later than what is stored, at a local port."""
    yahoo = Yahoo()
    yahoo.charts["SPY"] = chart([10.5, 11.5, 12.5, 13.5])
    yield yahoo
    yahoo.close()


@of_prices
def test_damaged_prices_are_said_and_fetched_anew_by_the_run_that_meets_them(mortal, home, cache, yahoo, damage):
    damage(cache / "prices" / "SPY.parquet")
    code, _, err, _ = mortal(home, "hold-benchmark", "--benchmark", "AAA", port=yahoo.port)
    assert code == 0
    told = err.splitlines()
    assert any(line.startswith("data/cache/prices/SPY.parquet cannot be read") for line in told)
    assert any(line.endswith(" Yahoo Finance is asked for it anew.") for line in told)
    kept = (
        "SPY  SPY.parquet was damaged and is kept as SPY.parquet.damaged; anew: 3 sessions, 2025-01-02 to 2025-01-06, 0 dividends"
    )
    assert any(line.startswith(kept) for line in told)
    assert load_bars(cache).close["SPY"].tolist() == [10.5, 11.5, 12.5]
    assert load_bars(cache).close["AAA"].tolist() == [21.0, 23.0, 25.0]
    assert mortal(home, "hold-benchmark", "--benchmark", "AAA", port=9)[0] == 0
    assert yahoo.requests("SPY") == 1
    assert yahoo.requests("AAA") == 0


@pytest.mark.parametrize("damage", [*DAMAGED, make_unreadable], ids=lambda damage: damage.__name__)
def test_damaged_prices_stop_a_run_where_nobody_can_be_reached(mortal, home, cache, damage):
    damage(cache / "prices" / "SPY.parquet")
    code, out, err, _ = mortal(home, "hold-benchmark", port=9)
    assert (code, out) == (1, "")
    (line,) = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert "data/cache/prices/SPY.parquet cannot be read" in err
    if damage is make_unreadable:
        assert "`python backtest.py data fetch SYMBOL --refresh --accept` fetches a symbol anew" in line
    else:
        assert "SPY.parquet is damaged, but: Yahoo cannot be reached" in line
        assert "`python backtest.py data fetch SPY` tries again" in line
    assert line.endswith("; without data/cache the data of data are used.")
    assert load_bars(cache, ("AAA",)).close["AAA"].tolist() == [21.0, 23.0, 25.0]


def test_damaged_prices_of_a_folder_that_was_named_stop_a_run_and_stay(mortal, home, cache, yahoo):
    cache.rename(home / "mine")
    truncate(home / "mine" / "prices" / "SPY.parquet")
    before = contents(home / "mine")
    code, _, err, _ = mortal(home, "hold-benchmark", "--data", "mine", port=yahoo.port)
    assert code == 1
    assert "mine/prices/SPY.parquet cannot be read" in err
    assert "Yahoo" not in err
    assert contents(home / "mine") == before
    assert yahoo.requests("SPY") == 0


@of_prices
def test_damaged_prices_are_said_and_fetched_anew_by_a_fetch(mortal, home, cache, yahoo, damage):
    damage(cache / "prices" / "SPY.parquet")
    fetch = ("data", "fetch", "SPY", "--start", "2025-01-02", "--end", "2025-01-06")
    code, out, _, _ = mortal(home, *fetch, port=yahoo.port)
    assert code == 0
    assert "SPY.parquet was damaged and is kept as SPY.parquet.damaged; anew: 3 sessions" in out
    assert load_bars(cache, ("SPY",)).close["SPY"].tolist() == [10.5, 11.5, 12.5]
    assert load_bars(cache, ("AAA",)).close["AAA"].tolist() == [21.0, 23.0, 25.0]
    assert left_over(home) == []


def test_not_one_byte_of_the_figures_can_change_unnoticed(tmp_path):
    """Each byte of a file of prices in turn: what is still read is what was written."""
    write_cached_symbol(tmp_path, "AAA", entry(2.0))
    path, good = tmp_path / "prices" / "AAA.parquet", load_bars(tmp_path)
    text, noticed = path.read_bytes(), 0
    for place in range(0, len(text), 7):
        changed = bytearray(text)
        changed[place] ^= 0x10
        path.write_bytes(changed)
        try:
            bars = load_bars(tmp_path)
        except Exception:  # whatever is raised, it was noticed
            noticed += 1
            continue
        assert bars.provenance.sha256 == good.provenance.sha256, place
        assert bars.splits == good.splits, place
    assert noticed > len(text) // 7 // 2


@by_name
@pytest.mark.parametrize("name", ["dividends.csv", "splits.csv", "source.json"])
def test_a_damaged_file_beside_the_prices_that_an_older_version_wrote_is_not_read(mortal, home, cache, name, damage):
    run = ("hold-benchmark", "--benchmark", "AAA", "--json")
    code, wanted, quiet, _ = mortal(home, *run)
    assert code == 0
    (cache / name).write_text("symbol,ex_date,amount\nSPY,2025-01-03,0.1\nAAA,2025-01-03,0.1\n", encoding="utf-8")
    damage(cache / name)
    assert mortal(home, *run, "--force")[:3] == (0, wanted, quiet)
    bars = load_bars(cache)
    assert bars.dividends["SPY"].tolist() == [0.0, 0.1, 0.0]
    assert (bars.origin.source, bars.origin.retrieved, len(bars.splits)) == ("Yahoo", "2025-01-07", 2)
    fetch = ("data", "fetch", "SPY", "AAA", "--start", "2025-01-02", "--end", "2025-01-06")
    code, _, err, _ = mortal(home, *fetch, port=9)
    assert (code, err) == (0, "")
    assert os.path.lexists(cache / name)


SWEEP = ("sweep", "hold-benchmark", "--fill", "open,close", "--end", "2024-01-31", "--jobs", "1", "--verify", "0", "--resume")


@pytest.fixture(scope="module")
def unfinished(mortal, tmp_path_factory):
    """A home in which a sweep was killed after its parts were done, and the contents of the report that it did not write."""
    home = tmp_path_factory.mktemp("unfinished")
    shutil.copytree(ROOT / "strategies", home / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "data").symlink_to(ROOT / "data")
    *_, steps = mortal(home, *SWEEP)
    wanted = contents(home / "reports" / "sweep-hold-benchmark")
    for step in range(steps, 0, -1):
        shutil.rmtree(home / "reports")
        mortal(home, *SWEEP, dies_before=step)
        if (home / "reports" / ".sweep-hold-benchmark" / "key.json").exists():
            break
    return home, wanted


@pytest.mark.parametrize("ending", [".parquet", ".npz", ".sha256"])
@by_name
def test_a_damaged_part_of_an_unfinished_sweep_is_said_and_run_anew(mortal, unfinished, tmp_path, ending, damage):
    unfinished, wanted = unfinished
    home = tmp_path / "home"
    shutil.copytree(unfinished, home, symlinks=True)
    damage(sorted((home / "reports" / ".sweep-hold-benchmark").glob(f"part-*{ending}"))[0])
    code, _, err, _ = mortal(home, *SWEEP)
    assert (code, err) == (0, "1 of the finished parts were damaged since; they are run anew.\n")
    assert contents(home / "reports" / "sweep-hold-benchmark") == wanted


def test_a_register_with_a_torn_last_line_counts_what_is_whole(mortal, home):
    mortal(home, *RUN)
    register = home / "reports" / "trials.jsonl"
    whole = register.read_bytes()
    register.write_bytes(whole + whole[: len(whole) // 2])
    assert mortal(home, *RUN, "--fill", "close")[0] == 0
    lines = register.read_text(encoding="utf-8").splitlines()
    assert lines[0] == whole.decode().strip()
    assert json.loads(lines[-1])["parameters"]["fill"] == "close"


def test_a_digit_that_is_another_in_the_register_is_said_once_and_the_run_is_written_down_again(mortal, home):
    mortal(home, *RUN)
    register = home / "reports" / "trials.jsonl"
    whole = register.read_text(encoding="utf-8")
    assert '"observations": 21' in whole
    register.write_text(whole.replace('"observations": 21', '"observations": 20'), encoding="utf-8")
    code, _, err, _ = mortal(home, *RUN, "--force")
    assert code == 0
    assert err.count("reports/trials.jsonl: line 1 is damaged and not counted; what is run again is written down again.") == 1
    assert register.read_text(encoding="utf-8").splitlines()[1:] == whole.splitlines()


def test_a_file_that_never_ends_is_not_waited_for(mortal, home):
    """A pipe in the place of a file of a report."""
    mortal(home, *RUN)
    (folder,) = [path for path in (home / "reports").iterdir() if path.is_dir()]
    Path(folder / "trades.csv").unlink()
    os.mkfifo(folder / "trades.csv")
    code, _, err, _ = mortal(home, *RUN)
    assert code == 0
    assert "(trades.csv)" in err
