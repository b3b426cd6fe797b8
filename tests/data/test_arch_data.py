"""The index levels of the package arch, read as a data folder of their own."""

import subprocess
import sys
from pathlib import Path

import pytest
from arch.data import nasdaq, sp500

from dipfolio.data.arch_data import arch_prices, names_arch
from dipfolio.data.audit import audit_folder
from dipfolio.data.folder import available_symbols, load_bars
from dipfolio.errors import UnknownNameError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder without a folder ``arch`` in it, where the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("symbol", "module"), [("^GSPC", sp500), ("^IXIC", nasdaq)])
def test_the_bars_are_those_of_the_package_to_the_last_digit(elsewhere, symbol, module):
    table, bars = module.load(), load_bars("arch", (symbol,))
    assert len(bars) == len(table) == 5031
    assert (str(bars.sessions[0].date()), str(bars.sessions[-1].date())) == ("1999-01-04", "2018-12-31")
    for field in ("open", "high", "low", "close", "volume"):
        assert (getattr(bars, field)[symbol].to_numpy() == table[field.capitalize()].to_numpy()).all()
    assert (bars.dividends == 0).all(axis=None)


def test_the_close_of_two_sessions_is_the_one_that_was_printed(elsewhere):
    """S&P 500: 1,228.10 on 4 January 1999 and 2,506.85 on 31 December 2018."""
    close = load_bars("arch").close["^GSPC"]
    assert close.iloc[[0, -1]].round(2).tolist() == [1228.10, 2506.85]


def test_the_origin_names_the_package_its_version_and_the_missing_dividends(elsewhere):
    import arch

    origin = load_bars("arch").origin
    assert f"arch {arch.__version__}" in origin.source
    assert "dividends are missing" in origin.adjustment
    assert origin.path == "arch"


def test_every_result_says_that_they_are_price_indices(elsewhere):
    bars = load_bars("arch")
    assert [w.symbol for w in bars.warnings if w.kind == "price index"] == ["^GSPC", "^IXIC"]
    assert not [w for w in bars.warnings if w.kind == "no dividends"]


def test_the_opens_that_are_no_opens_are_counted(elsewhere):
    table = sp500.load()
    repeated = int((table["Open"] == table["Close"].shift()).sum())
    found = [w for w in load_bars("arch").warnings if w.kind == "copied opens"]
    assert [(w.symbol, w.value) for w in found] == [("^GSPC", repeated)]
    assert f"{repeated:,} of 5,031 sessions" in found[0].text


def test_an_audit_finds_no_error_and_the_fingerprint_of_a_run(elsewhere):
    found = audit_folder(Path("arch"))
    assert found.errors == ()
    assert found.fingerprint == load_bars("arch").provenance.sha256


def test_other_symbols_are_refused_with_what_is_there(elsewhere):
    with pytest.raises(UnknownNameError, match=r"arch has prices for: \^GSPC, \^IXIC"):
        load_bars("arch", ("SMH",))


def test_a_folder_of_that_name_goes_before_the_word(elsewhere):
    place = elsewhere / "arch" / "prices"
    place.mkdir(parents=True)
    (place / "XYZ.csv").write_text("date,open,high,low,close,volume\n2025-01-02,10,11,9,10.5,1000\n", encoding="utf-8")
    assert available_symbols(Path("arch")) == ("XYZ",)
    assert not names_arch(Path("arch"))


@pytest.mark.parametrize("path", ["data/arch", "./other", "Arch", "archive"])
def test_only_the_word_alone_stands_for_them(elsewhere, path):
    assert not names_arch(Path(path))


def test_reading_twice_gives_tables_of_which_none_is_used_up(elsewhere):
    first, again = arch_prices(), arch_prices()
    first.pop("^GSPC")
    assert sorted(again) == sorted(arch_prices()) == ["^GSPC", "^IXIC"]


def test_arch_is_imported_only_where_it_is_read():
    code = "import sys, dipfolio.data.folder, dipfolio.cli.app; print('arch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"
