from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dipfolio.errors import DataError
from dipfolio.market.folder import load_bars
from dipfolio.market.splits import Split, factors, read_splits
from tests.markets import make_bars

ROOT = Path(__file__).parents[2]


def test_a_share_before_a_split_is_many_of_today():
    days = make_bars({"A": [1.0] * 4}).sessions  # 2025-01-02, 03, 06, 07
    splits = (Split(symbol="A", day=date(2025, 1, 6), ratio=10), Split(symbol="C", day=date(2025, 1, 3), ratio=2))
    assert factors(splits, days, ("A", "B")).tolist() == [[10, 1], [10, 1], [1, 1], [1, 1]]


def test_two_splits_multiply():
    days = make_bars({"A": [1.0] * 4}).sessions
    splits = (Split(symbol="A", day=date(2025, 1, 3), ratio=4), Split(symbol="A", day=date(2025, 1, 7), ratio=10))
    assert factors(splits, days, ("A",)).ravel().tolist() == [40, 10, 10, 1]


def test_the_embedded_figures_know_their_splits():
    bars = load_bars(ROOT / "data", ("NVDA", "AVGO", "SPY"))
    factor = factors(bars.splits, bars.sessions, bars.symbols)
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
    ],
)
def test_splits_that_make_no_sense_are_refused(tmp_path, text, message):
    (tmp_path / "splits.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_splits(tmp_path / "splits.csv")


def test_without_splits_every_factor_is_one():
    days = make_bars({"A": [1.0] * 3}).sessions
    assert np.array_equal(factors((), days, ("A",)), np.ones((3, 1)))
