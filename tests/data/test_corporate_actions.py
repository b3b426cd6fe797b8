"""Dividends and splits: factors by hand, and every table beside the prices gives the right answer or one line."""

import io
import random
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.audit import audit_folder
from dipfolio.data.corporate_actions import read_splits, split_factors
from dipfolio.data.folder import choose_folder, load_bars
from dipfolio.data.risk_free import read_rates
from dipfolio.data.schema import Split
from dipfolio.errors import DataError, DipfolioError
from tests.support.markets import make_bars

ROOT = Path(__file__).parents[2]


def test_a_share_before_a_split_is_many_of_today():
    days = make_bars({"A": [1.0] * 4}).sessions  # 2025-01-02, 03, 06, 07
    splits = (Split(symbol="A", day=date(2025, 1, 6), ratio=10), Split(symbol="C", day=date(2025, 1, 3), ratio=2))
    assert split_factors(splits, days, ("A", "B")).tolist() == [[10, 1], [10, 1], [1, 1], [1, 1]]


def test_two_splits_multiply():
    days = make_bars({"A": [1.0] * 4}).sessions
    splits = (Split(symbol="A", day=date(2025, 1, 3), ratio=4), Split(symbol="A", day=date(2025, 1, 7), ratio=10))
    assert split_factors(splits, days, ("A",)).ravel().tolist() == [40, 10, 10, 1]


def test_the_embedded_figures_know_their_splits():
    bars = load_bars(ROOT / "data", ("NVDA", "AVGO", "SPY"))
    factor = split_factors(bars.splits, bars.sessions, bars.symbols)
    before, after = bars.sessions.get_loc("2024-06-07"), bars.sessions.get_loc("2024-06-10")
    assert factor[before].tolist() == [10, 10, 1]
    assert factor[after].tolist() == [1, 10, 1]
    assert factor[-1].tolist() == [1, 1, 1]
    # as traded: NVDA closed at 1,208.88 on 7 June 2024, AVGO at 1,700-odd on 12 July
    assert bars.close["NVDA"].iloc[before] * 10 == pytest.approx(1208.88, abs=0.05)


def test_splits_are_part_of_the_fingerprint():
    bars = load_bars(ROOT / "data", ("NVDA",))
    assert bars.provenance.sha256 != type(bars)(**{**vars_of(bars), "splits": ()}).provenance.sha256


def vars_of(bars):
    names = ("open", "high", "low", "close", "volume", "dividends", "origin", "events")
    return {name: getattr(bars, name) for name in names}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("symbol,ex_date\nA,2025-01-02\n", "cannot be read as symbol,ex_date,ratio"),
        ("symbol,ex_date,ratio\nA,soon,2\n", "cannot be read"),
        ("symbol,ex_date,ratio\nA,2025-01-02,0\n", "the split of A on 2025-01-02 has the ratio 0"),
        ("symbol,ex_date,ratio\nA,2025-01-02,x\n", "cannot be read"),
        ("symbol,ex_date,ratio,adjusted\nA,2025-01-02,2,perhaps\n", "has 'perhaps' in the column adjusted, expected yes or no"),
    ],
)
def test_splits_that_make_no_sense_are_refused(tmp_path, text, message):
    (tmp_path / "splits.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_splits(tmp_path / "splits.csv")


def test_without_splits_every_factor_is_one():
    days = make_bars({"A": [1.0] * 3}).sessions
    assert np.array_equal(split_factors((), days, ("A",)), np.ones((3, 1)))


@pytest.mark.parametrize(
    ("words", "closes"), [(("yes", "YES "), [100, 50, 25]), (("no", ""), [25, 25, 25]), (("yes", ""), [25] * 3)]
)
def test_prices_are_taken_as_adjusted_where_every_split_of_the_symbol_is_stated_to_be(tmp_path, words, closes):
    (tmp_path / "prices").mkdir()
    closes_as_traded = dict(zip(("02", "03", "06", "07", "08", "10", "13"), [100, 50, *[25] * 5], strict=True))
    rows = "".join(f"2025-01-{day},{p},{p},{p},{p},8\n" for day, p in closes_as_traded.items())
    (tmp_path / "prices" / "A.csv").write_text(f"date,open,high,low,close,volume\n{rows}", encoding="utf-8")
    splits = f"symbol,ex_date,ratio,adjusted\nA,2025-01-03,2,{words[0]}\nA,2025-01-06,2,{words[1]}\n"
    (tmp_path / "splits.csv").write_text(splits, encoding="utf-8")
    bars = load_bars(tmp_path)
    assert bars.close["A"].tolist() == [*closes, 25, 25, 25, 25]
    assert [split.ratio for split in bars.splits] == [2, 2]
    assert ("as traded" in {warning.kind for warning in bars.warnings}) == (closes == [25, 25, 25])


# ---- whatever stands in a file beside the prices, every reader gives the right answer or one line ----


DAYS = calendar.between("2024-03-01", "2024-03-28").strftime("%Y-%m-%d").tolist()
HEADS = {
    "dividends.csv": ["symbol", "ex_date", "amount"],
    "splits.csv": ["symbol", "ex_date", "ratio"],
    "events.csv": ["date", "time", "kind", "symbols", "event"],
    "source.json": [],
    "rates.csv": ["date", "rate"],
    "borrow.csv": ["symbol", "date", "rate"],
}


ROWS = {
    "dividends.csv": [["NVDA", "2024-03-05", "0.25"], ["SPY", "2024-03-15", "1.5"], ["NVDA", "2024-03-12", "0.5"]],
    "splits.csv": [["NVDA", "2024-06-10", "10"], ["SPY", "2023-01-03", "2"]],
    "events.csv": [["2024-03-05", "before open", "earnings", "NVDA", "results"], ["2024-03-12", "", "talk", "", "a, b"]],
    "source.json": [],
    "rates.csv": [["2024-02-28", "0.05"], ["2024-03-12", "0.04"]],
    "borrow.csv": [["NVDA", "2024-02-28", "0.05"], ["SPY", "2024-03-05", "0.01"], ["NVDA", "2024-03-12", "0.04"]],
}


JSON = [
    '{"source": "x"}',
    "{}",
    "[]",
    "null",
    '{"source": 1}',
    '{"other": "x"}',
    "{",
    "",
    "[" * 3000,
    '"x"',
    '{"retrieved": null}',
]


CELLS = [
    "",
    " ",
    "nan",
    "x",
    "-1",
    "0",
    "1e999",
    "$1",
    "\u20ac1",
    "1,5",
    "1_000",
    "03/05/2024",
    "05.03.2024",
    "2024-02-30",
    "0.25",
    "NVDA",
]
CELLS += [
    "nvda",
    "NVDA.US",
    "2024-03-05",
    "2024-03-09",
    "20240305",
    "2024-03-05 00:00:00",
    '"',
    "1e3",
    "35%",
    "5",
    "\x00",
    "\u0660",
]


def prices(folder):
    (folder / "prices").mkdir(exist_ok=True)
    for symbol in ("NVDA", "SPY"):
        lines = ["date,open,high,low,close,volume", *(f"{day},10,12,9,11,1000" for day in DAYS)]
        (folder / "prices" / f"{symbol}.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def spoilt(rng, name):
    """The bytes of a side table with one to three things done to it."""
    if name == "source.json":
        text = rng.choice(JSON)
        return rng.choice([text.encode(), text.encode("utf-16"), bytes(rng.randrange(256) for _ in range(rng.randrange(60)))])
    head, rows, separator = list(HEADS[name]), [list(row) for row in ROWS[name]], ","
    encoding, end, tail = "utf-8", "\n", ""
    for _ in range(rng.randrange(4)):
        match rng.randrange(14):
            case 0 if head:
                head[rng.randrange(len(head))] = rng.choice([*HEADS[name], "", "Date", "AMOUNT", "x", " rate "])
            case 1 if head:
                order = rng.sample(range(len(head)), len(head))
                head, rows = (
                    [head[i] for i in order],
                    [[row[i] for i in order] if len(row) == len(order) else row for row in rows],
                )
            case 2 | 3 | 4:
                row = rng.choice(rows) if rows else head
                if row:
                    row[rng.randrange(len(row))] = rng.choice(CELLS)
            case 5:
                rows = rng.choice([[], rows[:1], rows[::-1], [*rows, *rows[:1]]])
            case 6:
                row = rng.choice(rows) if rows else head
                rng.choice([row.clear, lambda row=row: row.append("1"), lambda row=row: row and row.pop()])()
            case 7:
                encoding = rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-32"])
            case 8:
                separator = rng.choice([";", "\t", "|", " "])
            case 9:
                end = rng.choice(["\r\n", "\r", "\n\n"])
            case 10:
                tail = rng.choice(["\n", "\n\n,,\n", "\nSource: a b", '\n"', "\n1,2", "\x00"])
            case 11:
                head = []
            case 12:
                return bytes(rng.randrange(256) for _ in range(rng.randrange(80)))
            case 13:
                head = ["sep=" + separator + "\n" + (head[0] if head else ""), *head[1:]]
    quoted = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in rows]
    text = end.join(separator.join(row) for row in ([head] if head else []) + quoted) + tail
    return text.encode(encoding, errors="replace")


def oracle(raw, names):
    """A table as pandas reads it, by its headings, all as text; None where the bytes are no plain table of commas."""
    try:
        text = raw.decode("utf-8-sig")
        if "\x00" in text or text.lower().startswith(("sep=", '"sep=')):
            return None
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skip_blank_lines=True, index_col=False)
    except (UnicodeDecodeError, ValueError):
        return None
    table.columns = [str(column).strip().lower() for column in table.columns]
    if not set(names) <= set(table.columns) or table.columns.duplicated().any():
        return None
    kept = np.array([any(cell.strip() for cell in row) for row in table.to_numpy()], dtype=bool)
    return table.loc[kept, list(names)].map(str.strip)


def check(folder, name, raw):
    """Every reader of a folder with this file beside its prices; how many of them had an answer."""
    path = folder / name
    path.write_bytes(raw)
    answers = 0
    try:
        said = audit_folder(folder)
        assert all("\n" not in finding.text for finding in said.findings)
        with suppress(DataError):
            choose_folder(folder, folder, ("NVDA",))
        if name == "rates.csv":
            answers += check_rates(path, raw)
            return answers
        broken = bool(said.errors)
        try:
            bars = load_bars(folder)
        except DipfolioError as error:
            stopped = str(error)
        else:
            stopped = ""
        assert "\n" not in stopped
        assert bool(stopped) == broken, stopped or said.errors[0].text
        if stopped:
            return answers
        table = oracle(raw, HEADS[name]) if name != "source.json" else None
        if table is not None:
            CHECKS[name](bars, table)
            answers += 1
    finally:
        path.unlink()
    return answers


def own(table, symbol):
    """The rows of a symbol, and whether all of them spell it as its prices do."""
    rows = table[table["symbol"].map(lambda name: name.upper().removesuffix(".US") == symbol).astype(bool)]
    return rows, set(rows["symbol"]) <= {symbol}


def moments(cells):
    return pd.to_datetime(cells, format="mixed").dt.normalize()


def check_dividends(bars, table):
    for symbol in bars.symbols:
        rows, exact = own(table, symbol)
        expected = rows["amount"].astype(float).groupby(moments(rows["ex_date"])).sum()
        for day, paid in bars.dividends[symbol].items():
            assert paid == expected.get(day, 0.0) or not exact


def check_splits(bars, table):
    found = split_factors(bars.splits, bars.sessions, bars.symbols)
    for place, symbol in enumerate(bars.symbols):
        rows, exact = own(table, symbol)
        ratios, days = rows["ratio"].astype(float).to_numpy(), moments(rows["ex_date"]).to_numpy()
        expected = [float(np.prod(ratios[days > session.to_numpy()])) for session in bars.sessions]
        assert found[:, place].tolist() == expected or not exact


def check_events(bars, table):
    days = moments(table["date"])
    order = days.argsort(kind="stable")
    assert [event.day for event in bars.events] == [day.date() for day in days.iloc[order]]
    assert [event.text for event in bars.events] == table["event"].iloc[order].tolist()


def check_borrow(bars, table):
    if any("%" in cell for cell in table["rate"]):
        return
    for symbol in bars.symbols:
        rows, exact = own(table, symbol)
        expected = dict(zip(moments(rows["date"]).dt.date, rows["rate"].astype(float), strict=True))
        assert {row.day: row.rate for row in bars.borrow_rates if row.symbol == symbol} == expected or not exact


CHECKS = {"dividends.csv": check_dividends, "splits.csv": check_splits, "events.csv": check_events, "borrow.csv": check_borrow}


def check_rates(path, raw):
    try:
        rates = read_rates(path).rates
    except DipfolioError as error:
        stopped = str(error)
    else:
        stopped = ""
    assert "\n" not in stopped
    if stopped:
        return 0
    table = oracle(raw, ("date", "rate"))
    if table is None or any("%" in cell for cell in table["rate"]):
        return 0
    kept = table[[cell.lower() not in (".", "", "nan") for cell in table["rate"]]]
    if len(kept) == len(rates):
        expected = pd.Series(kept["rate"].astype(float).to_numpy(), index=moments(kept["date"])).sort_index()
        assert rates.tolist() == expected.tolist()
    return 1


@pytest.mark.parametrize("seed", range(300))
def test_a_spoilt_table_beside_the_prices_gives_the_right_answer_or_one_line(tmp_path, seed):
    rng = random.Random(seed)  # noqa: S311 - no secret
    name = list(HEADS)[seed % len(HEADS)]
    check(prices(tmp_path), name, spoilt(rng, name))


@pytest.mark.slow
def test_most_tables_of_that_kind_are_refused_but_many_have_an_answer_to_compare(tmp_path):
    folder, answers = prices(tmp_path), 0
    for seed in range(100):
        rng = random.Random(1000 + seed)  # noqa: S311 - no secret
        name = rng.choice(["dividends.csv", "splits.csv", "events.csv", "rates.csv", "borrow.csv"])
        answers += check(folder, name, spoilt(rng, name))
    assert 20 < answers < 90


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "dividends.csv",
            "symbol,ex_date,amount\nNVDA,03/05/2024,0.25",
            "'03/05/2024' is no date; expected one such as 2024-12-31",
        ),
        ("dividends.csv", "symbol,ex_date,amount,amount\nNVDA,2024-03-05,1,2", "it has more than one column 'amount'"),
        (
            "dividends.csv",
            "symbol,ex_date,amount\nNVDA,2024-03-05,1\nNVDA,2024-03-05,1",
            "the dividend of NVDA on 2024-03-05, 1, twice",
        ),
        (
            "splits.csv",
            "symbol,ex_date,ratio\nNVDA,2024-06-10,10\nNVDA,2024-06-10,10",
            "two splits of NVDA on 2024-06-10; keep one",
        ),
        ("splits.csv", "symbol,ex_date\nNVDA,2024-06-10", "lacks the column 'ratio'"),
        (
            "events.csv",
            "date,time,kind,symbols,event\n2024-03-05,before opening,a,,b",
            "the time of 2024-03-05 is 'before opening'",
        ),
        ("source.json", "[" * 3000, "cannot be read as the origin"),
    ],
)
def test_what_is_wrong_is_one_line_in_a_run_and_an_error_of_the_audit(tmp_path, name, text, message):
    (prices(tmp_path) / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        load_bars(tmp_path)
    (error,) = audit_folder(tmp_path).errors
    assert error.text == str(caught.value)


def test_two_broken_tables_are_both_named_by_the_audit(tmp_path):
    for name in ("dividends.csv", "splits.csv", "events.csv"):
        (prices(tmp_path) / name).write_text("x", encoding="utf-8")
    assert len(audit_folder(tmp_path).errors) == 3


def test_two_different_dividends_of_one_day_are_both_paid(tmp_path):
    text = "amount;symbol;ex_date\n0.25;NVDA;2024-03-05\n0.5;NVDA;2024-03-05\n"
    (prices(tmp_path) / "dividends.csv").write_text(text, encoding="utf-16")
    assert load_bars(tmp_path).dividends["NVDA"].loc["2024-03-05"] == 0.75


def test_a_dividend_before_the_calendar_begins_is_no_fault(tmp_path):
    (prices(tmp_path) / "dividends.csv").write_text(
        "symbol,ex_date,amount\nNVDA,1920-03-05,1\nNVDA,1962-12-24,1\n", encoding="utf-8"
    )
    assert audit_folder(tmp_path).errors == ()
    assert not calendar.is_session(date(1962, 12, 25))
