"""The published numbers, each worked out a second time from the data with a few lines of pandas."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.data.universe import UNIVERSES
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate

ROOT = Path(__file__).parents[1]
ARTICLE = UNIVERSES["article"]


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def strategy(name, **parameters):
    return load_strategy(ROOT / "strategies", name)(**parameters)


@pytest.mark.parametrize(("cover", "gross", "net"), [("open", 53_460.00, 53_406.66), ("close", 72_600.00, 72_546.66)])
def test_the_commenters_short_pays_what_the_arithmetic_says(bars, cover, gross, net):
    result = simulate(strategy("short-nvda-friday", cover=cover), bars, Account(slippage_bps=0))
    trade = result.trades.iloc[0]
    assert len(result.trades) == 1
    assert trade["gross"] == pytest.approx(gross, abs=1e-6)
    assert round(trade["profit"], 2) == net
    assert round(result.equity["equity"].iloc[-1], 2) == 1_000_000 + net
    # commission 15 + 15, SEC 427,860 x 27.80e-6, TAF 3,000 x 0.000166, borrow 146 x 3,000 x 0.003 x 3 / 360
    assert trade["commission"] == 30
    assert trade["fees"] == pytest.approx(11.894508 + 0.498)
    assert trade["borrow"] == pytest.approx(10.95)


@pytest.mark.parametrize(("hold", "thousands"), [(1, 72.6), (2, 40.9), (5, 67.7), (20, 37.0), (60, 131.2), (120, -89.5)])
def test_the_short_that_is_never_covered_has_the_known_path(bars, hold, thousands):
    result = simulate(strategy("short-nvda-friday", cover="close", hold=hold), bars, Account().without_costs())
    entry = bars.sessions.get_loc("2025-01-24")
    assert result.trades["gross"].iloc[0] == pytest.approx(3000 * (142.62 - bars.close["NVDA"].iloc[entry + hold]))
    # the published path was computed on dividend-adjusted prices, a few cents a share away after two dividends
    assert result.trades["profit"].iloc[0] / 1000 == pytest.approx(thousands, abs=0.1)


def test_each_name_bought_at_mondays_close_earns_its_total_return(bars):
    result = simulate(strategy("buy-the-dip", fill="close", hold=10), bars, Account().without_costs())
    close, paid = bars.close.loc[:, list(ARTICLE)], bars.dividends.loc["2025-01-28":"2025-02-10", list(ARTICLE)].sum()
    expected = (close.loc["2025-02-10"] + paid) / close.loc["2025-01-27"] - 1
    assert set(result.trades["entry_session"].astype(str)) == {"2025-01-27"}
    assert set(result.trades["exit_session"].astype(str)) == {"2025-02-10"}
    np.testing.assert_allclose(result.trades.set_index("symbol")["return"].loc[list(ARTICLE)], expected, atol=1e-12)
    assert paid["AAPL"] == 0.25  # its ex-date is the last session: held on the close before, so received


def test_buy_the_dip_by_hand(bars):
    result = simulate(strategy("buy-the-dip"), bars, benchmark="SPY")
    names, slip = list(ARTICLE), 2e-4
    shares = np.floor(1_000_000 / 12 / bars.close.loc["2025-01-24", names])
    spent = shares * bars.open.loc["2025-01-27", names] * (1 + slip)
    received = shares * bars.close.loc["2025-02-03", names] * (1 - slip)
    commission = 2 * np.maximum(0.005 * shares, 1.0)
    fees = received * 27.80e-6 + shares * 0.000166
    final = 1_000_000 + (received - spent - commission - fees).sum()
    assert measure(result).final_equity == pytest.approx(final, abs=1e-6)
    assert round(final, 2) == 1_012_745.29


def test_equal_weight_is_the_mean_of_twelve_total_return_paths(bars):
    account = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)
    result = simulate(strategy("equal-weight"), bars, account)
    close, paid = bars.close[list(ARTICLE)], bars.dividends[list(ARTICLE)]
    decided, bought = close.iloc[0], bars.open[list(ARTICLE)].iloc[1]
    # sized on the first close and paid at the next open: each dollar's path starts at the decision and pays the gap
    paths = (close + paid.iloc[2:].cumsum().reindex(close.index).fillna(0) - bought) / decided
    expected = 1 + paths.iloc[1:].mean(axis=1)
    np.testing.assert_allclose(result.equity["equity"].iloc[1:] / 1_000_000, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["buy-the-dip", "equal-weight", "short-nvda-friday"])
@pytest.mark.parametrize("account", [Account(), Account(fractional=True), Account(cash=437_000, slippage_bps=25, max_leverage=1)])
def test_both_books_agree_to_the_cent_on_real_prices(bars, name, account):
    assert simulate(strategy(name), bars, account).residual < 0.01
