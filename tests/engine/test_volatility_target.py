"""Volatility targets: the scale is that of two lines of numpy, and no row knows a later session."""

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.strategy import Strategy, no_instruction
from dipfolio.engine.strategy_checks import check_strategy
from dipfolio.engine.volatility_target import target_volatility
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars, random_market

BARS = make_bars(**random_market(sessions=80, symbols="ABC"))


def by_numpy(row, weights, annual, lookback):
    past = BARS.close.to_numpy()[row - lookback : row + 1]
    return annual / (np.std((past[1:] / past[:-1] - 1) @ weights, ddof=1) * np.sqrt(252))


@pytest.mark.parametrize(("annual", "lookback"), [(0.1, 20), (0.02, 60), (0.3, 2)])
def test_the_weights_are_those_of_two_lines_of_numpy(annual, lookback):
    weights = np.array([0.5, -0.3, 0.2])
    got = target_volatility(BARS, dict(zip("ABC", weights, strict=True)), annual, lookback, max_leverage=1000.0).to_numpy()
    for row in (lookback, 70, 79):
        np.testing.assert_allclose(got[row], weights * by_numpy(row, weights, annual, lookback), rtol=1e-12)
    assert np.isnan(got[:lookback]).all()  # the first session has no return


def test_a_scaled_portfolio_has_the_volatility_in_hindsight_of_its_window():
    got = target_volatility(BARS, 1 / 3, annual=0.08, lookback=40, max_leverage=9.0)
    past = BARS.returns.to_numpy()[-40:] @ got.to_numpy()[-1]
    assert np.std(past, ddof=1) * np.sqrt(252) == pytest.approx(0.08, rel=1e-12)


def test_leverage_is_never_more_than_its_limit():
    got = target_volatility(BARS, {"A": 1.0, "B": -1.0}, annual=5.0, lookback=20, max_leverage=1.5)
    assert got.abs().sum(axis=1).iloc[20:].tolist() == pytest.approx([1.5] * 60)
    assert (got["C"].iloc[20:] == 0).all()


def test_no_instruction_and_zero_stay_what_they_are():
    wanted = no_instruction(BARS)
    wanted.iloc[30] = [0.5, np.nan, 0.0]
    wanted.iloc[40] = 0.0
    got = target_volatility(BARS, wanted, lookback=20, max_leverage=99.0)
    assert got.notna().any(axis=1).to_numpy().nonzero()[0].tolist() == [30, 40]
    scale = by_numpy(30, np.array([0.5, 0, 0]), 0.1, 20)
    assert got.iloc[30].fillna(-1).tolist() == pytest.approx([0.5 * scale, -1, 0])
    assert got.iloc[40].tolist() == [0, 0, 0]


def test_a_symbol_without_all_returns_gives_no_instruction_unless_it_has_no_weight():
    closes = BARS.close.copy()
    closes.iloc[:50, 1] = np.nan
    bars = make_bars(closes.to_dict("list"))
    assert target_volatility(bars, 0.3, lookback=20).notna().all(axis=1).to_numpy().argmax() == 70
    assert target_volatility(bars, {"A": 0.3}, lookback=20).notna().all(axis=1).to_numpy().argmax() == 20


def test_prices_that_stand_still_get_the_largest_exposure():
    still = make_bars({"A": [100.0] * 6})
    assert target_volatility(still, 1.0, lookback=3, max_leverage=2.0)["A"].tolist()[3:] == [2, 2, 2]


class Steady(Strategy):
    """Equal weights at a tenth of volatility."""

    universe: str = "A,B,C"
    resize = True

    def targets(self, bars):
        return target_volatility(bars, 1 / 3, lookback=20)


def test_it_does_not_look_ahead():
    assert not [found for found in check_strategy(Steady, BARS, sessions=15) if found.failed]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"annual": 0.0}, "annual must be above 0"), ({"lookback": 1}, "at least 2 sessions"),
        ({"max_leverage": -1.0}, "max_leverage must be above 0"), ({"weights": {"X": 1.0}}, "have no X; they have A,B,C"),
        ({"weights": pd.DataFrame({"A": [1.0]})}, "sessions and the symbols of the bars"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(given, message):
    with pytest.raises(ParameterError, match=message):
        target_volatility(BARS, **{"weights": 1.0, **given})
