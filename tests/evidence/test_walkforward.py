"""Walk-forward on trades that can be counted by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.walkforward import walk_forward


def trades(*rows):
    """Rows of variant, day decided, day ended and return."""
    table = pd.DataFrame(rows, columns=["variant", "decided", "ended", "return"])
    return table.assign(decided=pd.to_datetime(table["decided"]), ended=pd.to_datetime(table["ended"]))


HISTORY = [
    ("a", "2020-03-02", "2020-03-09", 0.02), ("a", "2020-06-01", "2020-06-08", 0.04),
    ("b", "2020-03-02", "2020-03-30", 0.01), ("b", "2020-06-01", "2020-06-29", 0.02),
]  # fmt: skip


def test_each_year_is_traded_with_the_best_of_before():
    year = [("a", "2021-02-01", "2021-02-08", -0.06), ("b", "2021-02-01", "2021-03-01", 0.05)]
    found = walk_forward(trades(*HISTORY, *year), fewest=2)
    assert len(found.folds) == 1
    fold = found.folds[0]
    assert (fold.chosen, fold.known, fold.trades) == ("a", 4, 1)
    assert fold.in_sample == pytest.approx(0.03)
    assert found.out_of_sample == -0.06
    assert found.ratio == pytest.approx(-2.0)


def test_a_trade_that_is_still_open_when_the_year_begins_is_not_known():
    late = ("b", "2020-12-15", "2021-01-12", 0.90)
    table = trades(*HISTORY, late, ("a", "2021-02-01", "2021-02-08", 0.01))
    assert walk_forward(table, fewest=2).folds[0].chosen == "a"
    ended = trades(*HISTORY, ("b", "2020-12-01", "2020-12-29", 0.90), ("a", "2021-02-01", "2021-02-08", 0.01))
    assert walk_forward(ended, fewest=2).folds[0].chosen == "b"
    assert walk_forward(ended, fewest=2, embargo=5).folds[0].chosen == "a"


@pytest.mark.parametrize(
    ("end", "embargo", "known"), [("2020-12-31", 0, 5), ("2021-01-01", 0, 4), ("2020-12-29", 2, 5), ("2020-12-30", 2, 4)]
)
def test_a_trade_is_known_if_it_ended_before_the_first_day_of_the_year_less_the_embargo(end, embargo, known):
    table = trades(*HISTORY, ("b", "2020-12-01", end, 0.90), ("a", "2021-02-01", "2021-02-08", 0.01))
    assert walk_forward(table, fewest=2, embargo=embargo).folds[0].known == known


def test_a_year_in_which_the_chosen_variant_does_not_trade_weighs_nothing():
    table = trades(*HISTORY, ("b", "2021-02-01", "2021-03-01", 0.05), ("a", "2022-02-01", "2022-02-08", 0.03))
    found = walk_forward(table, fewest=2)
    assert [fold.trades for fold in found.folds] == [0, 1]
    assert math.isnan(found.folds[0].out_of_sample)
    assert found.out_of_sample == 0.03
    assert found.ratio == pytest.approx(1.0)


def test_noise_promises_more_than_it_keeps():
    random = np.random.default_rng(3)
    days = pd.bdate_range("2010-01-04", "2020-12-01", freq="10B")
    rows = [(f"v{n}", day, day + pd.Timedelta(days=7), random.normal(0, 0.05)) for day in days for n in range(20)]
    found = walk_forward(trades(*rows))
    assert found.in_sample > 0.005
    assert abs(found.out_of_sample) < 0.01


def test_tables_that_are_no_trades_are_refused():
    with pytest.raises(ParameterError, match="'ended' is missing"):
        walk_forward(trades(*HISTORY).drop(columns="ended"))
    with pytest.raises(ParameterError, match="ends before"):
        walk_forward(trades(("a", "2020-03-02", "2020-03-01", 0.0)))
    with pytest.raises(DataError, match="No year has 3 ended trades"):
        walk_forward(trades(*HISTORY))
