"""Corporate actions: prices as traded are brought onto today's shares, adjusted ones are left alone, the rest is refused."""

import os
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError

DAYS = calendar.between("2025-01-02", "2025-04-30")
DAY = str(DAYS[30].date())
SIX = "date,open,high,low,close,volume"
SEED = 20240610
EXAMPLES = int(os.environ.get("DIPFOLIO_EXAMPLES", "150"))


def path(rng, night=0.006):
    """Open, close and volume of a share on today's shares, shape (sessions,) each."""
    count = len(DAYS)
    moves = rng.normal(0, night, 2 * count).cumsum()
    prices = 100 * np.exp(moves)
    return prices[::2], prices[1::2], rng.integers(1_000_000, 9_000_000, count).astype(float)


def market(opened, close, volume):
    return pd.DataFrame(
        {
            "open": opened, "high": np.maximum(opened, close) * 1.002, "low": np.minimum(opened, close) * 0.998, "close": close,
            "volume": volume,
        },
        index=DAYS[: len(close)],
    )  # fmt: skip


def as_traded(frame, splits):
    """The oracle, in two lines of pandas: what was traded before a split is ratio times as much a share."""
    factor = pd.Series(1.0, index=frame.index)
    for day, ratio in splits.items():
        factor[frame.index < pd.Timestamp(day)] *= ratio
    return frame.mul(factor, axis=0).assign(volume=frame["volume"] / factor), factor


def write(folder, frame, more=None, heads=None, symbol="NVDA", newest_first=False):
    table = frame.assign(**(more or {}))
    table = table.rename(columns=heads or {}).rename_axis("date" if not heads else heads.get("date", "date"))
    (folder / "prices").mkdir(exist_ok=True)
    (table[::-1] if newest_first else table).to_csv(folder / "prices" / f"{symbol}.csv", date_format="%Y-%m-%d")
    return folder


def beside(folder, name, rows):
    head = {"splits.csv": "symbol,ex_date,ratio", "dividends.csv": "symbol,ex_date,amount"}[name]
    (folder / name).write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")


def assert_prices(bars, frame, symbol="NVDA"):
    for field in frame:
        np.testing.assert_allclose(getattr(bars, field)[symbol].to_numpy(), frame[field].to_numpy(), rtol=1e-12)


def kinds(bars):
    return [warning.kind for warning in bars.warnings]


@pytest.fixture
def fair():
    return market(*path(np.random.default_rng(1)))


COLUMNS = {
    "Alpha Vantage": (
        {"date": "timestamp", "splits": "split_coefficient", "paid": "dividend_amount", "adjusted": "adjusted_close"}, 1.0,
    ),
    "Tiingo": ({"splits": "splitFactor", "paid": "divCash", "adjusted": "adjClose"}, 1.0),
    "Quandl": (
        {"date": "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume",
         "splits": "Split Ratio", "paid": "Ex-Dividend", "adjusted": "Adj. Close"}, 1.0,
    ),
    "Yahoo": (
        {"date": "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume",
         "splits": "Stock Splits", "paid": "Dividends", "adjusted": "Adj Close"}, 0.0,
    ),
}  # fmt: skip
"""The headings of a provider, and what stands in its column of splits where there is none."""


def vendor(folder, frame, layout, splits, paid, adjusted, **how):
    heads, nothing = COLUMNS[layout]
    rows = pd.Series(nothing, index=frame.index)
    cash = pd.Series(0.0, index=frame.index)
    for day, ratio in splits.items():
        rows[day] = ratio
    for day, amount in paid.items():
        cash[day] = amount
    return write(folder, frame, {"splits": rows, "paid": cash, "adjusted": adjusted}, heads, **how)


@pytest.mark.parametrize("layout", COLUMNS)
@pytest.mark.parametrize("traded", [True, False])
@pytest.mark.parametrize("ratio", [10.0, 1.5, 0.05])
def test_a_column_of_splits_brings_prices_onto_todays_shares_unless_they_are(tmp_path, fair, layout, traded, ratio):
    splits, before, after = {DAY: ratio}, str(DAYS[10].date()), str(DAYS[40].date())
    frame, factor = as_traded(fair, splits) if traded else (fair, pd.Series(1.0, index=DAYS))
    paid = {before: 0.5 * factor[before], after: 0.5}
    bars = load_bars(vendor(tmp_path, frame, layout, splits, paid, fair["close"], newest_first=True))
    assert_prices(bars, fair)
    assert bars.dividends["NVDA"][bars.dividends["NVDA"] > 0].to_dict() == pytest.approx(
        {pd.Timestamp(before): 0.5, pd.Timestamp(after): 0.5}
    )
    assert kinds(bars) == (["as traded"] if traded else [])
    assert [(split.ratio, str(split.day)) for split in bars.splits] == [(ratio, DAY)]
    assert bars.readings[0].layout == layout


@pytest.mark.parametrize("name", ["NVDA", "nvda", "NVDA.US"])
def test_a_table_of_splits_does_the_same(tmp_path, fair, name):
    write(tmp_path, as_traded(fair, {DAY: 4})[0])
    beside(tmp_path, "splits.csv", [(name, DAY, 4)])
    bars = load_bars(tmp_path)
    assert_prices(bars, fair)
    assert bars.warnings[0].text == (
        f"NVDA is as traded in NVDA.csv: the prices before the split of 4 for 1 on {DAY} were divided and the volumes multiplied "
        f"by the ratio; {tmp_path.name}/splits.csv names it."
    )


def test_two_splits_multiply(tmp_path, fair):
    splits = {str(DAYS[10].date()): 4.0, DAY: 10.0}
    write(tmp_path, as_traded(fair, splits)[0])
    beside(tmp_path, "splits.csv", [("NVDA", day, ratio) for day, ratio in splits.items()])
    assert_prices(load_bars(tmp_path), fair)


def test_an_adjusted_close_that_does_not_step_names_the_split(tmp_path, fair):
    write(tmp_path, as_traded(fair, {DAY: 10})[0], {"adjusted_close": fair["close"]})
    bars = load_bars(tmp_path)
    assert_prices(bars, fair)
    assert "adjusted_close of NVDA.csv names it" in bars.warnings[0].text


def test_a_step_that_nobody_names_is_traded_as_it_stands_and_said_with_a_remedy_that_works(tmp_path, fair):
    traded = as_traded(fair, {DAY: 10})[0]
    bars = load_bars(write(tmp_path, traded))
    assert_prices(bars, traded)
    (warning,) = (w for w in bars.warnings if w.kind == "like a split")
    row = f"NVDA,{DAY},10"
    assert "like a split of 10 for 1 that the prices are not adjusted for. If it was one, no result across" in warning.text
    assert f"that night is right: add the row {row} to" in warning.text
    assert warning.text in bars.provenance.remarks
    beside(tmp_path, "splits.csv", [row.split(",")])
    assert_prices(load_bars(tmp_path), fair)


@pytest.mark.parametrize(
    ("named", "traded", "message"),
    [
        (
            (DAYS[28], 10),
            10,
            r"names a split of 10 for 1 on .*, but the price steps by it on 2025-02-18.*first day on which the new",
        ),
        ((DAYS[30], 0.1), 10, r"has a split of 0\.1 on 2025-02-18, but the price goes to .*as with 10 for 1.*write 10"),
        ((DAYS[30], 10), 3, r"does not show whether NVDA\.csv is adjusted for it"),
    ],
)
def test_a_split_that_the_prices_contradict_is_refused(tmp_path, fair, named, traded, message):
    write(tmp_path, as_traded(fair, {DAY: traded})[0])
    beside(tmp_path, "splits.csv", [("NVDA", named[0].date(), named[1])])
    with pytest.raises(DataError, match=message):
        load_bars(tmp_path)


def test_a_file_and_a_table_that_name_different_splits_are_refused(tmp_path, fair):
    vendor(tmp_path, fair, "Tiingo", {DAY: 10.0}, {}, fair["close"])
    beside(tmp_path, "splits.csv", [("NVDA", DAYS[29].date(), 10)])
    with pytest.raises(DataError, match=r"splits\.csv names a split of 10 for 1 on .*, splitFactor of NVDA\.csv one of 10 for 1"):
        load_bars(tmp_path)


def test_a_stock_dividend_smaller_than_a_night_is_taken_as_adjusted_and_said(tmp_path, fair):
    write(tmp_path, fair)
    beside(tmp_path, "splits.csv", [("NVDA", DAY, 1.01)])
    bars = load_bars(tmp_path)
    assert_prices(bars, fair)
    assert "split in doubt" in kinds(bars)


@pytest.mark.parametrize(("before", "after", "paid"), [(2.0, 0.21, 0.2), (0.2, 0.21, 0.2)])
def test_dividends_beside_prices_as_traded_are_per_share_of_then_or_of_today_by_what_was_paid_around_the_split(
    tmp_path, fair, before, after, paid
):
    write(tmp_path, as_traded(fair, {DAY: 10})[0])
    beside(tmp_path, "splits.csv", [("NVDA", DAY, 10)])
    beside(tmp_path, "dividends.csv", [("nvda", DAYS[5].date(), before), ("nvda", DAYS[50].date(), after)])
    assert load_bars(tmp_path).dividends["NVDA"].iloc[[5, 50]].tolist() == pytest.approx([paid, after])


def test_dividends_of_which_that_cannot_be_told_are_refused(tmp_path, fair):
    write(tmp_path, as_traded(fair, {DAY: 10})[0])
    beside(tmp_path, "splits.csv", [("NVDA", DAY, 10)])
    beside(tmp_path, "dividends.csv", [("NVDA", DAYS[5].date(), 2.0)])
    with pytest.raises(DataError, match=r"cannot be told whether its dividends before that day in dividends\.csv are per share"):
        load_bars(tmp_path)


def test_dividends_of_prices_that_may_contain_them_are_not_paid(tmp_path, fair):
    heads = {**COLUMNS["Yahoo"][0]}
    cash = pd.Series(0.0, index=DAYS)
    cash[DAY] = 0.5
    write(tmp_path, fair, {"splits": 0.0, "paid": cash}, heads)
    bars = load_bars(tmp_path)
    assert bars.dividends["NVDA"].sum() == 0
    assert "Dividends not used" in bars.readings[0].notes
    assert any("may be adjusted for dividends, so no dividend is paid on top" in sentence for sentence in bars.provenance.remarks)


def test_rows_for_symbols_without_prices_are_counted(tmp_path, fair):
    write(tmp_path, fair)
    beside(tmp_path, "dividends.csv", [("nvda", DAYS[5].date(), 0.1), ("XYZ", DAYS[5].date(), 1), ("ABC", DAYS[5].date(), 1)])
    bars = load_bars(tmp_path)
    assert bars.dividends["NVDA"].sum() == 0.1
    assert [w.text for w in bars.warnings] == ["dividends.csv has 2 rows of 3 for symbols that have no prices here: XYZ, ABC."]


def test_two_names_for_one_symbol_are_refused(tmp_path, fair):
    write(tmp_path, fair)
    beside(tmp_path, "dividends.csv", [("nvda", DAYS[5].date(), 0.1), ("NVDA.US", DAYS[9].date(), 0.1)])
    with pytest.raises(DataError, match=r"rows for nvda and for NVDA\.US, which are both NVDA"):
        load_bars(tmp_path)


def test_a_dividend_of_forty_dollars_on_a_share_of_eighty_five_is_said(tmp_path):
    write(tmp_path, market(np.array([85.0, 86, 87]), np.array([85.0, 86, 87]), np.full(3, 1e6)))
    beside(tmp_path, "dividends.csv", [("NVDA", DAYS[1].date(), 40)])
    (warning,) = load_bars(tmp_path).warnings
    assert warning.text == (
        "NVDA has a dividend of 40 on 2025-01-03, 47% of its last close of 85: see that it is in dollars, per share of today."
    )


def draw(rng):
    """A random market, its splits and how the file and the tables tell of them."""
    count = int(rng.integers(0, 3))
    places = np.sort(rng.choice(np.arange(8, len(DAYS) - 8), count, replace=False))
    choices = [2.0, 3.0, 4.0, 10.0, 20.0, 1.5, 0.1, 0.05, 0.5, 1.25, 1.1, 1.04]
    splits = {str(DAYS[place].date()): float(rng.choice(choices)) for place in places}
    paid = {str(DAYS[place].date()): float(rng.uniform(0.1, 0.9)) for place in rng.choice(len(DAYS), 4, replace=False)}
    way = str(rng.choice([*COLUMNS, "table", "unnamed"]))
    return splits, paid, bool(rng.random() < 0.6), way, float(rng.choice([0.003, 0.01, 0.03]))


def outcome(folder, rng):
    """What became of a random folder: right, refused, or wrong and told; anything else fails."""
    splits, paid, traded, way, night = draw(rng)
    fair = market(*path(rng, night=night))
    frame, factor = as_traded(fair, splits if traded else {})
    own = {day: amount * factor[day] for day, amount in paid.items()}
    for old in folder.glob("*.csv"):
        old.unlink()
    if way in COLUMNS:
        adjusted = fair["close"] if rng.random() < 0.5 else (fair["close"] * 0.98).where(DAYS[20] > DAYS, fair["close"])
        vendor(folder, frame, way, splits, own, adjusted, newest_first=bool(rng.random() < 0.5))
    else:
        write(folder, frame)
        beside(folder, "dividends.csv", [("nvda.us", day, amount) for day, amount in paid.items()] if not traded else [])
        if way == "table":
            beside(folder, "splits.csv", [("nvda", day, ratio) for day, ratio in splits.items()])
    clear = all(abs(np.log(ratio)) > 6.5 * night * 1.5 and abs(np.log(ratio)) > 0.2 for ratio in splits.values())
    try:
        bars = load_bars(folder)
    except DataError:
        assert not (clear and night < 0.02), (splits, traded, way, night)
        return "refused"
    right = np.allclose(bars.close["NVDA"], fair["close"], rtol=1e-9) and np.allclose(bars.volume["NVDA"], fair["volume"])
    told = {"like a split", "split in doubt"} & set(kinds(bars))
    if way == "unnamed" and traded and splits:
        large = [ratio for ratio in splits.values() if abs(np.log(ratio)) > np.log(1.8)]
        assert bool(large) <= bool(told) or right, (splits, way, night)
        return "unnamed, told" if told else "unnamed and small"
    assert right or told, (splits, traded, way, night)
    assert right or not (clear and night < 0.02), (splits, traded, way, night)
    if right and (way in COLUMNS or not traded):
        expected = pd.Series(0.0, index=DAYS)
        for day, amount in paid.items():
            expected[day] = amount
        np.testing.assert_allclose(bars.dividends["NVDA"].to_numpy(), expected.to_numpy(), rtol=1e-9, err_msg=str((splits, way)))
    return "right" if right else "wrong and told"


@pytest.mark.slow
def test_no_random_folder_gives_a_wrong_number_silently(tmp_path):
    rng = np.random.default_rng(SEED)
    found = Counter(outcome(tmp_path, rng) for _ in range(EXAMPLES))
    print(found)
    assert found["right"] > EXAMPLES / 2
    assert found["refused"] < EXAMPLES / 5
