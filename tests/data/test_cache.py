"""The cache: files appear whole or not at all and come back as they were; its export gives the same bars to the last bit."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dipfolio.data import calendar
from dipfolio.data.audit import audit_folder
from dipfolio.data.cache import (
    CachedSymbol,
    cache_path,
    cached_symbols,
    export_cache,
    fetched_symbols,
    read_all_metadata,
    read_cached_symbol,
    read_metadata,
    write_cached_symbol,
)
from dipfolio.data.corporate_actions import load_dividends, load_splits
from dipfolio.data.folder import load_bars, read_origin
from dipfolio.data.schema import FIELDS, PriceTable, Split
from dipfolio.errors import CorruptFileError, DataError, ParameterError, UnknownNameError
from tests.support.reports import contents

ENTRY = CachedSymbol(
    prices=PriceTable(
        days=np.array(["2025-01-02", "2025-01-03"], dtype="datetime64[D]"),
        cells=np.array([[10.1, 11.2], [12.3, 13.4], [9.5, 10.6], [11.7, 12.8], [1e6, 2e6]]),
    ),
    dividends={"2025-01-03": 0.1},
    splits={"2025-01-03": 1.5},
    asked_from="2020-01-02",
    retrieved="2026-11-24",
)


def test_an_entry_comes_back_as_it_was(tmp_path):
    write_cached_symbol(tmp_path, "BRK-B", ENTRY)
    again = read_cached_symbol(tmp_path, "BRK-B")
    assert (again.prices.days == ENTRY.prices.days).all()
    assert (again.prices.cells == ENTRY.prices.cells).all()
    assert (again.dividends, again.splits) == (ENTRY.dividends, ENTRY.splits)
    assert (again.asked_from, again.retrieved, str(again.last)) == ("2020-01-02", "2026-11-24", "2025-01-03")
    assert cached_symbols(tmp_path) == ("BRK-B",)


def test_nothing_is_stored_where_there_is_nothing(tmp_path):
    assert read_cached_symbol(tmp_path / "nowhere", "A") is None
    assert cached_symbols(tmp_path / "nowhere") == ()


def test_dividends_splits_and_source_are_stored_with_the_prices_and_nowhere_else(tmp_path):
    write_cached_symbol(tmp_path, "A", replace(ENTRY, source="Yahoo"))
    assert sorted(contents(tmp_path)) == ["prices/A.parquet"]
    assert read_all_metadata(tmp_path, ("A", "B")) == {"A": replace(ENTRY, source="Yahoo").metadata}


def test_the_origin_has_the_first_and_the_last_day_of_retrieval_and_the_latest_source(tmp_path):
    write_cached_symbol(tmp_path, "B", replace(ENTRY, source="Yahoo 1"))
    origin = read_origin(tmp_path, "x")
    assert (origin.source, origin.retrieved, origin.path) == ("Yahoo 1", "2026-11-24", "x")
    assert origin.adjustment == "split-adjusted, not dividend-adjusted"
    write_cached_symbol(tmp_path, "A", replace(ENTRY, retrieved="2026-12-01", source="Yahoo 10"))
    origin = read_origin(tmp_path, "x")
    assert (origin.source, origin.retrieved) == ("Yahoo 10", "2026-11-24 to 2026-12-01")


def test_figures_that_a_run_could_not_use_are_named(tmp_path):
    bad = PriceTable(days=ENTRY.prices.days[[0, 0]], cells=ENTRY.prices.cells)
    write_cached_symbol(tmp_path, "A", CachedSymbol(**{**ENTRY.__dict__, "prices": bad}))
    with pytest.raises(
        DataError, match=r"A\.parquet cannot be used: A has two bars on 2025-01-02.*--refresh --accept replaces it"
    ):
        read_cached_symbol(tmp_path, "A")
    assert read_cached_symbol(tmp_path, "A", replace=True) is None
    assert cache_path(tmp_path, "A").exists()


def test_days_that_have_become_numbers_are_damage(tmp_path):
    """Their bytes and so the fingerprint are the same, but no date is written there any more."""
    write_cached_symbol(tmp_path, "A", ENTRY)
    path = cache_path(tmp_path, "A")
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, "date", table.column("date").cast("int32")), path)
    with pytest.raises(CorruptFileError, match="its fingerprint tells"):
        read_cached_symbol(tmp_path, "A")


@pytest.fixture
def older(tmp_path):
    """A folder as the first versions wrote it, with copies of the dividends, the splits and the source, which are wrong here."""
    for symbol in ("A", "B"):
        write_cached_symbol(tmp_path, symbol, replace(ENTRY, source="Yahoo"))
    (tmp_path / "dividends.csv").write_text("symbol,ex_date,amount\nA,2025-01-03,9\nGONE,2025-01-03,1\n", encoding="utf-8")
    (tmp_path / "splits.csv").write_text("symbol,ex_date,ratio\nA,2025-01-03,15.0\nGONE,2025-01-03,2.0\n", encoding="utf-8")
    (tmp_path / "source.json").write_text('{"source": "Yohoo", "retrieved": "1999-01-04"}', encoding="utf-8")
    return tmp_path


def check_that_the_metadata_win(folder):
    bars = load_bars(folder)
    assert bars.dividends.to_numpy().tolist() == [[0, 0], [0.1, 0.1]]
    assert bars.splits == tuple(Split(symbol=symbol, day=date(2025, 1, 3), ratio=1.5) for symbol in "AB")
    assert (bars.origin.source, bars.origin.retrieved) == ("Yahoo", "2026-11-24")
    assert bars.warnings == ()
    found = audit_folder(folder)
    assert (found.findings, found.side_tables, found.fingerprint) == ((), (), bars.provenance.sha256)


def test_copies_that_an_older_version_wrote_are_not_read(older):
    before = contents(older)
    check_that_the_metadata_win(older)
    assert contents(older) == before


@pytest.mark.parametrize("name", ["dividends.csv", "splits.csv", "source.json"])
def test_a_damaged_copy_of_an_older_version_is_not_read(older, name):
    (older / name).write_bytes(b"\x00nonsense")
    check_that_the_metadata_win(older)
    (older / name).unlink()
    (older / name).mkdir()
    check_that_the_metadata_win(older)


def test_a_persons_own_rows_are_used_for_symbols_that_were_not_fetched(older):
    (older / "dividends.csv").write_text("symbol,ex_date,amount\nA,2025-01-03,9\nMINE,2025-01-03,0.25\n", encoding="utf-8")
    (older / "splits.csv").write_text("symbol,ex_date,ratio\nA,2025-01-03,99\nMINE,2025-01-03,2\n", encoding="utf-8")
    metadata = read_all_metadata(older, ("A", "MINE"))
    table = load_dividends(older, metadata, ("A", "MINE"))
    assert sorted(zip(table["symbol"], table["amount"], strict=True)) == [("A", 0.1), ("MINE", 0.25)]
    day = date(2025, 1, 3)
    splits = (Split(symbol="A", day=day, ratio=1.5), Split(symbol="MINE", day=day, ratio=2.0))
    assert load_splits(older / "splits.csv", metadata, ("A", "MINE")) == splits


def test_prices_and_metadata_have_one_checksum(tmp_path):
    """The metadata of one file in another one, as if a disk had mixed them up."""
    doubled = replace(ENTRY.prices, cells=ENTRY.prices.cells * 2)
    for symbol, entry in (("A", ENTRY), ("C", replace(ENTRY, prices=doubled))):
        write_cached_symbol(tmp_path, symbol, entry)
    table, other = pq.read_table(cache_path(tmp_path, "A")), pq.read_table(cache_path(tmp_path, "C"))
    pq.write_table(table.replace_schema_metadata(other.schema.metadata), cache_path(tmp_path, "A"))
    with pytest.raises(DataError, match="its fingerprint tells that it was damaged or changed since it was fetched"):
        load_bars(tmp_path, ("A",))


def test_a_file_whose_metadata_were_lost_is_damaged_and_not_a_persons_own(tmp_path):
    """One flipped bit in their key: the prices would be read without their dividends and splits."""
    write_cached_symbol(tmp_path, "A", ENTRY)
    path = cache_path(tmp_path, "A")
    path.write_bytes(path.read_bytes().replace(b"\x08dipfolio", b"\x08tipfolio"))
    assert set(pq.read_metadata(path).metadata) == {b"ARROW:schema", b"tipfolio"}
    for read in (load_bars, lambda folder: read_cached_symbol(folder, "A")):
        with pytest.raises(CorruptFileError, match="its metadata were damaged or removed since it was fetched"):
            read(tmp_path)
    assert fetched_symbols(tmp_path) == ("A",)


@pytest.mark.parametrize(
    ("text", "source"), [('{"source": "Yahoo"}', "Yahoo"), ("{", "not stated"), ("[]", "not stated"), (None, "not stated")]
)
def test_a_file_of_before_there_were_checksums_and_sources_is_read(tmp_path, text, source):
    write_cached_symbol(tmp_path, "A", ENTRY)
    table = pq.read_table(cache_path(tmp_path, "A"))
    old = json.loads(table.schema.metadata[b"dipfolio"])
    kept = {name: value for name, value in old.items() if name not in ("sha256", "source")}
    pq.write_table(table.replace_schema_metadata({b"dipfolio": json.dumps(kept)}), cache_path(tmp_path, "A"))
    if text is not None:
        (tmp_path / "source.json").write_text(text, encoding="utf-8")
    bars = load_bars(tmp_path, ("A",))
    assert bars.dividends["A"].tolist() == [0, 0.1]
    assert bars.origin.source == source
    assert read_metadata(cache_path(tmp_path, "A")).source == ""


# ---- the export: CSV from which the same bars are read, to the last bit ----


DAYS = calendar.between("2025-01-02", "2025-03-31").to_numpy().astype("datetime64[D]")


def entry(closes, first=0, volumes=None, **changes):
    close = np.array(closes, dtype="float64")
    volume = np.full(len(close), 1e6) if volumes is None else np.array(volumes, dtype="float64")
    prices = PriceTable(days=DAYS[first : first + len(close)], cells=np.array([close, close * 1.1, close * 0.9, close, volume]))
    made = CachedSymbol(prices=prices, dividends={}, splits={}, asked_from="2025-01-02", retrieved="2025-01-31", source="Yahoo")
    return replace(made, **changes)


def check_round_trip(cache, target, symbols=None, **options):
    """Export, and compare every bit of what is read from both folders; the bars of the export."""
    export_cache(cache, symbols or fetched_symbols(cache), target, **options)
    wanted, found = load_bars(cache, symbols), load_bars(target, symbols)
    for field in (*FIELDS, "dividends"):
        one, other = getattr(wanted, field), getattr(found, field)
        assert one.index.equals(other.index)
        assert one.columns.equals(other.columns)
        assert one.to_numpy().tobytes() == other.to_numpy().tobytes(), field
    assert found.splits == wanted.splits
    assert found.events == wanted.events
    assert replace(found.origin, path="") == replace(wanted.origin, path="")
    assert found.provenance.sha256 == wanted.provenance.sha256
    assert [warning.text for warning in found.warnings] == [warning.text for warning in wanted.warnings]
    return found


def test_an_export_is_a_data_folder_of_csv_for_people(tmp_path):
    write_cached_symbol(tmp_path / "cache", "NVDA", entry([10.25, 11.5], dividends={"2025-01-03": 0.04}))
    write_cached_symbol(tmp_path / "cache", "AMD", entry([20.0, 21.0], splits={"2025-01-03": 1.5}, retrieved="2025-02-03"))
    (tmp_path / "cache" / "events.csv").write_text("date,time,kind,symbols,event\n2025-01-03,,talk,AMD,a\n", encoding="utf-8")
    export_cache(tmp_path / "cache", ("NVDA", "AMD"), tmp_path / "out")
    texts = {name: text.decode() for name, text in contents(tmp_path / "out").items()}
    assert sorted(texts) == ["dividends.csv", "events.csv", "prices/AMD.csv", "prices/NVDA.csv", "source.json", "splits.csv"]
    lines = texts["prices/NVDA.csv"].splitlines()
    assert lines[0] == "date,open,high,low,close,volume"
    assert lines[1].startswith("2025-01-02,10.25,11.275")
    assert lines[1].endswith(",10.25,1000000")
    assert texts["dividends.csv"] == "symbol,ex_date,amount\nNVDA,2025-01-03,0.04\n"
    assert texts["splits.csv"] == "symbol,ex_date,ratio,adjusted\nAMD,2025-01-03,1.5,yes\n"
    assert json.loads(texts["source.json"]) == {
        "source": "Yahoo", "retrieved": "2025-01-31 to 2025-02-03", "adjustment": "split-adjusted, not dividend-adjusted",
    }  # fmt: skip
    check_round_trip(tmp_path / "cache", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


prices = st.floats(1e-3, 1e6)


actions = st.dictionaries(st.sampled_from(DAYS.astype(str).tolist()), st.floats(1e-4, 30), max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    closes=st.lists(st.lists(prices, min_size=1, max_size=12), min_size=1, max_size=3),
    volumes=st.lists(st.floats(0, 1e17), min_size=12, max_size=12),
    splits=actions,
    dividends=actions,
)
def test_whatever_was_fetched_is_read_from_the_export_bit_for_bit(tmp_path_factory, closes, volumes, splits, dividends):
    folder = tmp_path_factory.mktemp("export")
    for number, series in enumerate(closes):
        made = entry(series, first=number, volumes=volumes[: len(series)], splits=splits, dividends=dividends)
        write_cached_symbol(folder / "cache", f"S{number}", made)
    check_round_trip(folder / "cache", folder / "out")


def test_volumes_that_a_split_has_made_fractions_keep_every_bit(tmp_path):
    """A split of 1.1 for one makes 1,100.0000000000002 shares of 1,000, and 1 for 3 a third of a share."""
    volumes = [1000 * 1.1, 1 / 3, 0.1 + 0.2, 2.0**53 + 2, 5e-324]
    write_cached_symbol(
        tmp_path / "cache", "A", entry([10.0, 11.0, 9.0, 10.0, 12.0], volumes=volumes, splits={"2025-01-07": 1.1})
    )
    assert check_round_trip(tmp_path / "cache", tmp_path / "out").volume["A"].tolist() == volumes


@pytest.mark.parametrize("ratio", [10.0, 0.1, 1.25, 1.03])
@pytest.mark.parametrize("step", [1.0, 0.1, 10.0, 0.8, 0.9])
def test_adjusted_prices_that_step_like_a_split_are_not_adjusted_again(tmp_path, ratio, step):
    """Whether or not the night of the split looks like the split: the export states that its prices are adjusted."""
    closes = [100.0, 101.0, 99.0, *(np.array([100.0, 102.0, 101.0]) * step)]
    write_cached_symbol(tmp_path / "cache", "A", entry(closes, splits={str(DAYS[3]): ratio}, dividends={str(DAYS[1]): 0.5}))
    bars = check_round_trip(tmp_path / "cache", tmp_path / "out")
    assert bars.close["A"].tolist() == closes
    assert bars.splits == (Split(symbol="A", day=DAYS[3].item(), ratio=ratio),)
    assert not [finding for finding in audit_folder(tmp_path / "out").findings if finding.severity == "error"]


HOSTILE = ["BRK-B", "BRK.A", "^GSPC", "EURUSD=X", "NAN", "NULL", "TRUE", "1E5", "007", "DIVIDENDS", "SPLITS", "DATE", "CON", "0"]


def test_symbols_that_look_like_something_else_come_back(tmp_path):
    for number, symbol in enumerate(HOSTILE):
        day, size = str(DAYS[1]), number + 0.1
        made = entry([10.0 + number, 11.0, 12.0], dividends={day: size}, splits={day: 2.0 + number}, source='=1+1,"\u2028\n')
        write_cached_symbol(tmp_path / "cache", symbol, made)
    bars = check_round_trip(tmp_path / "cache", tmp_path / "out")
    assert sorted(bars.symbols) == sorted(HOSTILE)
    assert bars.dividends.loc["2025-01-03", "1E5"] == HOSTILE.index("1E5") + 0.1
    for symbol in HOSTILE:
        check_round_trip(tmp_path / "cache", tmp_path / "alone" / f"of{symbol}", (symbol,))


def test_events_are_exported_as_they_stand(tmp_path):
    write_cached_symbol(tmp_path / "cache", "A", entry([10.0, 11.0]))
    text = 'date,time,kind,symbols,event\n2025-01-03,before open,talk,A,"=1, ""two"""\n'
    (tmp_path / "cache" / "events.csv").write_text(text, encoding="utf-8-sig")
    (event,) = check_round_trip(tmp_path / "cache", tmp_path / "out").events
    assert (event.day, event.text) == (date(2025, 1, 3), '=1, "two"')


@pytest.fixture
def cache(tmp_path):
    for symbol in ("A", "B"):
        write_cached_symbol(tmp_path / "cache", symbol, entry([10.0, 11.0]))
    return tmp_path / "cache"


def test_an_empty_folder_is_filled_and_one_with_content_is_refused(cache, tmp_path):
    (tmp_path / "out").mkdir()
    check_round_trip(cache, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(ParameterError, match=r"out is not empty; .*replace an earlier export with --force"):
        export_cache(cache, ("A",), tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_an_earlier_export_is_replaced_as_a_whole(cache, tmp_path):
    check_round_trip(cache, tmp_path / "out")
    check_round_trip(cache, tmp_path / "out", ("B",), replace=True)
    assert sorted(contents(tmp_path / "out")) == ["dividends.csv", "prices/B.csv", "source.json", "splits.csv"]


@pytest.mark.parametrize("other", ["thesis.txt", "prices/C.parquet", "prices/more/C.csv", ".git/config", "prices.csv"])
def test_no_file_of_a_persons_own_is_ever_replaced(cache, tmp_path, other):
    (tmp_path / "out" / other).parent.mkdir(parents=True)
    (tmp_path / "out" / other).write_text("mine", encoding="utf-8")
    with pytest.raises(ParameterError, match="which is no file of an export, so it stays"):
        export_cache(cache, ("A",), tmp_path / "out", replace=True)
    assert contents(tmp_path / "out") == {other: b"mine"}


def test_the_cache_itself_and_a_file_are_refused(cache, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    before = contents(tmp_path)
    for target in (cache, cache / "prices", tmp_path / "file", tmp_path):
        with pytest.raises(ParameterError):
            export_cache(cache, ("A",), target, replace=True)
    assert contents(tmp_path) == before


def test_an_export_that_fails_leaves_nothing_and_the_earlier_one_as_it_was(cache, tmp_path):
    check_round_trip(cache, tmp_path / "out")
    before = contents(tmp_path / "out")
    cache_path(cache, "B").write_bytes(cache_path(cache, "B").read_bytes()[:-9])
    done = []
    for target in (tmp_path / "out", tmp_path / "new"):
        with pytest.raises(CorruptFileError, match=r"B\.parquet"):
            export_cache(cache, fetched_symbols(cache), target, replace=True, progress=done.append)
    assert done == ["A", "A"]
    assert contents(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "out"]


def test_a_folder_that_cannot_be_written_is_one_line(cache, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match=r"file/out cannot be written: .*\. Choose another folder with --to\.$"):
        export_cache(cache, ("A",), tmp_path / "file" / "out")


def test_a_csv_beside_the_fetched_file_is_neither_read_nor_exported(cache, tmp_path):
    (cache / "prices" / "A.csv").write_text("date,open,high,low,close,volume\n2025-01-02,1,1,1,1,1\n", encoding="utf-8")
    assert check_round_trip(cache, tmp_path / "out").close["A"].tolist() == [10.0, 11.0]


def test_only_what_was_fetched_is_exported(cache, tmp_path):
    (cache / "prices" / "MINE.csv").write_text("date,open,high,low,close,volume\n2025-01-02,1,1,1,1,1\n", encoding="utf-8")
    assert fetched_symbols(cache) == ("A", "B")
    with pytest.raises(UnknownNameError, match="There is no fetched symbol 'MINE'"):
        export_cache(cache, ("MINE",), tmp_path / "out")
    with pytest.raises(ParameterError, match=r"nowhere has no fetched symbol to export; `python backtest\.py data fetch` "):
        export_cache(tmp_path / "nowhere", fetched_symbols(tmp_path / "nowhere"), tmp_path / "out")
    check_round_trip(cache, tmp_path / "out", ("A",))
