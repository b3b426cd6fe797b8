"""data/README.md: what it says of the files beside it, and of folders of one's own."""

import json
import re
import shutil
from dataclasses import fields

import pytest

from dipfolio.cli.workspace import Workspace
from dipfolio.data.bars import Origin
from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from tests.support.documents import ROOT, page, table, words
from tests.support.strategies import script

TEXT = page("data/README.md")
SAID = words(TEXT)
REFERENCE = ROOT.parent / "shared" / "reference"


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def test_a_second_source_has_the_same_figures(bars):
    cents, percent = re.search(r"every price is within ([\d.]+) cents and every volume within (\d+) %", SAID).groups()
    apart = re.search(r"but for the volumes of (\w+) and (\w+) on ([\d-]+) and of (\w+) on ([\d-]+)", SAID).groups()
    if not REFERENCE.exists():
        pytest.skip(f"{REFERENCE} is not there; it is not the project's to ship")
    second = load_bars(REFERENCE, bars.symbols).between(bars.sessions[0], bars.sessions[-1])
    for field in ("open", "high", "low", "close"):
        difference = (getattr(bars, field) - getattr(second, field)).abs()
        assert 0 < difference.max(axis=None) < float(cents) / 100
    far = ((bars.volume / second.volume - 1).abs() > float(percent) / 100).stack()
    first, other, day, third, later = apart
    assert {(str(when.date()), symbol) for when, symbol in far[far].index} == {(day, first), (day, other), (later, third)}


@pytest.fixture
def own(tmp_path):
    """A folder with the prices of NVDA and nothing else."""
    (tmp_path / "prices").mkdir()
    shutil.copy(ROOT / "data" / "prices" / "NVDA.csv", tmp_path / "prices")
    return tmp_path


@pytest.mark.parametrize(("file", "columns"), [row[:2] for row in table(TEXT) if row[1] and "json" not in row[0]])
def test_each_file_has_the_columns_that_are_listed(file, columns):
    name = file.strip("`").replace("<SYMBOL>", "NVDA")
    with (ROOT / "data" / name).open(encoding="utf-8") as lines:
        assert next(lines).strip() == columns


def test_every_file_of_the_folder_is_listed():
    there = {path.name for path in (ROOT / "data").iterdir() if path.is_file()} - {"README.md"}
    assert {file.strip("`") for file, *_ in table(TEXT)} - {"prices/<SYMBOL>.csv"} == there


def test_the_origin_has_the_entries_that_are_listed():
    (entries,) = [columns for file, columns, _ in table(TEXT) if "json" in file]
    said = json.loads((ROOT / "data" / "source.json").read_text(encoding="utf-8"))
    assert entries.split(", ") == list(said)
    assert set(said) <= {field.name for field in fields(Origin)}


def test_the_symbols_and_the_window_are_those_of_the_figures(bars):
    first, last = (f"{day.day} {day:%B %Y}" for day in (bars.sessions[0], bars.sessions[-1]))
    assert f"from {first} to {last}: {len(bars)} sessions each, none missing" in SAID
    listed = re.search(r"article's twelve symbols \(([A-Z ]+)\) and of the benchmarks (\w+) and (\w+)", SAID)
    assert sorted(f"{listed[1]} {listed[2]} {listed[3]}".split()) == sorted(bars.symbols)
    assert bars.close.notna().all(axis=None)


def test_the_splits_that_are_named_lie_within_the_figures(bars):
    inside = [split for split in bars.splits if split.day >= bars.sessions[0].date()]
    named = re.findall(r"(\w+) (\d+):1 on (\d{4}-\d\d-\d\d)", SAID)
    assert (
        sorted((s.symbol, f"{s.ratio:g}", str(s.day)) for s in inside if s.symbol in bars.symbols)
        == sorted(named, key=lambda n: n[0])[::-1][::-1]
    )
    assert min(split.day.year for split in bars.splits) == 2020


def test_the_blemish_is_in_the_figures(bars):
    day = "2025-12-12"
    told = re.search(rf"high of ([\d.]+) on {day} \(open ([\d.]+), close ([\d.]+)\)", SAID)
    frames = (bars.high, bars.open, bars.close)
    assert [float(value) for value in told.groups()] == [frame.loc[day, "META"] for frame in frames]


def test_a_folder_without_dividends_pays_none_and_that_is_a_warning(own, bars, program):
    alone = load_bars(own)
    assert simulate(script({0: {"NVDA": 100}}, universe="NVDA"), alone, Account()).equity["dividends"].sum() == 0
    assert bars.dividends["NVDA"].sum() > 0
    (warning,) = alone.warnings
    assert (
        warning.text
        == "There is no dividends.csv: longs earn and shorts owe too little, unless the prices contain the dividends."
    )
    assert alone.select(("NVDA",)).provenance.warnings == (warning.text,)
    code, out, _ = program(ROOT, "data", "check", own)
    assert code == 0
    assert warning.text in out
    assert "0 errors and 1 warning in 1 symbol" in out
    (own / "dividends.csv").write_text("symbol,ex_date,amount\n", encoding="utf-8")
    assert load_bars(own).warnings == ()


def test_a_folder_without_splits_and_events_uses_those_of_the_project(own, bars):
    home = Workspace(strategies=ROOT / "strategies", data=ROOT / "data", reports=own / "reports")
    alone = home.load(own, ("NVDA",))
    assert (alone.splits, alone.events) == (tuple(s for s in bars.splits if s.symbol == "NVDA"), bars.events)
    (own / "splits.csv").write_text("symbol,ex_date,ratio\n", encoding="utf-8")
    assert home.load(own, ("NVDA",)).splits == ()
