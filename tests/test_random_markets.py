"""backtrader with its ledger, the sweep, and the second engine make the same run of random markets."""

from collections import Counter

import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from tests.support import random_markets
from tests.support.markets import make_bars
from tests.support.strategies import script

FIRST, MARKETS = 20_260, 100


@pytest.mark.slow
def test_all_engines_make_the_same_run_of_random_markets():
    seen = Counter()
    different = {seed: found for seed in range(FIRST, FIRST + MARKETS) if (found := random_markets.differences(seed, seen))}
    assert different == {}
    rare = ("margin call", "bankrupt", "settled", "scaled", "refused", "splits", "dividends", "shorts", "fractional")
    assert {kind: seen[kind] for kind in rare if not seen[kind]} == {}


@pytest.mark.slow
def test_all_engines_make_the_same_run_with_stops_on_the_account():
    seen, seeds = Counter(), range(FIRST, FIRST + MARKETS)
    different = {seed: found for seed in seeds if (found := random_markets.differences(seed, seen, stops=True))}
    assert different == {}
    assert {kind: seen[kind] for kind in ("stopped", "held back", "margin call", "settled", "shorts") if seen[kind] < 10} == {}


def reversal(seed, **account):
    """Long, then a reversal without volume that is cut to its closing part, then a small long."""
    rng = np.random.default_rng(seed)
    closes = 0.05 * np.exp(rng.normal(0, 0.02, 8).cumsum())  # twenty million shares: a crumb of 1e-9 of one and more
    bars = make_bars({"A": closes}, volumes={"A": [1e9, 1e9, 0, *[1e9] * 5]})
    what = script({0: {"A": 1.0}, 2: {"A": -2.0}, 4: {"A": 0.25}}, unit="weight")
    return simulate(what, bars, Account(fractional=True, maintenance_short_per_share=0.0, **account))


@pytest.mark.parametrize("seed", range(25))
def test_a_reversal_that_is_cut_to_its_closing_part_leaves_nothing(seed):
    result = reversal(seed)
    assert [fill.session.day for fill in result.fills.itertuples()] == [3, 7, 10]
    assert result.fills["shares"].iloc[:2].sum() == 0
    assert result.positions["A"].iloc[3] == result.positions["A"].iloc[4] == 0
    assert result.positions["A"].iloc[5] == pytest.approx(result.fills["shares"].iloc[2])
    assert (len(result.trades), len(result.open_positions)) == (1, 1)


def test_a_short_that_a_margin_call_has_closed_is_not_sold_again_while_its_target_stands():
    # three dollars a share: 100 % of the value is asked for, which is all of the equity; the price rises
    bars = make_bars({"A": [3.0, 3.0, 3.1, 3.1, 3.2, 3.1, 3.0, 2.9, 2.9, 2.9]})
    standing = {row: {"A": -1.0} for row in range(9)}
    account = Account(max_volume_share=1.0).without_costs()
    result = simulate(script(standing, unit="weight"), bars, account)
    assert result.events["kind"].tolist() == ["margin call", "not reopened"]
    assert len(result.trades) == 1

    taken_back = simulate(script({**standing, 5: {"A": 0.0}}, unit="weight"), bars, account)
    assert [fill.session.day for fill in taken_back.fills.itertuples()] == [3, 7, 14]  # decided on the 13th, after the 10th's 0


def test_a_scaled_low_priced_short_is_not_called_by_rounding():
    bars = make_bars({"A": [2.37, 2.37, 2.37, 2.37]})
    for cash in np.random.default_rng(3).uniform(900, 1e6, 20):
        account = Account(cash=cash, fractional=True, max_volume_share=1.0).without_costs()
        result = simulate(script({0: {"A": -3.0}}, unit="weight"), bars, account)
        assert result.events["kind"].tolist() == ["scaled"]
        assert result.positions["A"].iloc[-1] == pytest.approx(-cash / 2.5)
