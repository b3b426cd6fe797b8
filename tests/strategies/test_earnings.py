"""The days of the quarterly results: who is bought before which, and what the next session brought."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from dipfolio.data.events import MarketEvent
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate

FREE = Account().without_costs()
RESULTS = {  # day of the results, the session after it, its move in per cent (METHODS 1.2; GOOG by its own closes)
    "META": ("2025-01-29", "2025-01-30", 1.6),
    "MSFT": ("2025-01-29", "2025-01-30", -6.2),
    "TSLA": ("2025-01-29", "2025-01-30", 2.9),
    "AAPL": ("2025-01-30", "2025-01-31", -0.7),
    "GOOG": ("2025-02-04", "2025-02-05", -6.9),
    "AMZN": ("2025-02-06", "2025-02-07", -4.1),
}


def test_each_company_earns_the_known_move_of_the_day_after_its_results(bars, strategy):
    trades = simulate(strategy("buy-before-earnings"), bars, FREE).trades.set_index("symbol")
    assert sorted(trades.index) == sorted(RESULTS)
    for symbol, (before, after, move) in RESULTS.items():
        trade = trades.loc[symbol]
        assert (str(trade["entry_session"].date()), trade["entry_at"]) == (before, "close")
        assert (str(trade["exit_session"].date()), trade["exit_at"]) == (after, "close")
        assert trade["entry_price"] == pytest.approx(bars.close.loc[before, symbol])
        assert trade["exit_price"] == pytest.approx(bars.close.loc[after, symbol])
        assert round(100 * trade["return"], 1) == move


def test_each_company_gets_a_sixth_of_the_equity_of_the_close_before(bars, strategy):
    result = simulate(strategy("buy-before-earnings"), bars, FREE)
    shares = result.trades.set_index("symbol")["shares"]
    for symbol, (before, _, _) in RESULTS.items():
        decided = bars.sessions[bars.sessions.get_loc(before) - 1]
        assert shares[symbol] == result.equity["equity"].loc[decided] / 6 // bars.close.loc[decided, symbol]


def test_the_names_can_be_sold_at_the_next_open(bars, strategy):
    trades = simulate(strategy("buy-before-earnings", sell="open"), bars, FREE).trades.set_index("symbol")
    opens = {symbol: bars.open.loc[after, symbol] for symbol, (_, after, _) in RESULTS.items()}
    assert trades["exit_price"].to_dict() == pytest.approx(opens)
    assert set(trades["exit_at"]) == {"open"}


def test_chips_are_held_over_three_evenings_of_hyperscalers_and_not_over_apples(bars, strategy):
    result = simulate(strategy("chips-on-capex"), bars, FREE)
    evenings = ["2025-01-29", "2025-02-04", "2025-02-06"]
    mornings = ["2025-01-30", "2025-02-05", "2025-02-07"]
    before, after = bars.close.loc[evenings, "SMH"].to_numpy(), bars.close.loc[mornings, "SMH"].to_numpy()
    assert list(result.trades["entry_session"].astype(str)) == evenings
    assert list(result.trades["exit_session"].astype(str)) == mornings
    np.testing.assert_allclose(result.trades["return"], after / before - 1)
    equity = 1_000_000.0
    for day, bought, sold in zip(evenings, before, after, strict=True):
        decided = bars.close["SMH"].shift().loc[day]
        equity += equity // decided * (sold - bought)
    assert result.equity["equity"].iloc[-1] == pytest.approx(equity, abs=1e-6)


def test_several_chipmakers_share_the_equity(bars, strategy):
    idea = strategy("chips-on-capex", universe="SMH,NVDA")
    targets = idea.targets(bars.select(idea.symbols)).dropna(how="all")
    assert list(targets.index.astype(str)) == ["2025-01-28", "2025-02-03", "2025-02-05"]
    assert (targets == 0.5).to_numpy().all()


@pytest.mark.parametrize("name", ["buy-before-earnings", "chips-on-capex"])
@pytest.mark.parametrize(
    "change",
    [{"kind": "announcement"}, {"time": "before open"}, {"time": ""}, {"symbols": ("ORCL",)}, {"day": date(2026, 1, 28)}],
)
def test_only_results_after_the_close_of_one_of_the_companies_within_the_figures_count(bars, strategy, name, change):
    results = MarketEvent(day=date(2025, 4, 24), time="after close", kind="earnings", symbols=("GOOG",), text="Quarterly results")
    idea = strategy(name)
    own = bars.select(idea.symbols)
    assert idea.targets(replace(own, events=(results,))).notna().to_numpy().sum() == 1
    assert not idea.targets(replace(own, events=(replace(results, **change),))).notna().to_numpy().any()


@pytest.mark.parametrize("name", ["buy-before-earnings", "chips-on-capex"])
def test_without_events_nothing_is_traded(bars, strategy, name):
    result = simulate(strategy(name), replace(bars, events=()))
    assert len(result.fills) == 0
    assert (result.equity["equity"] == 1_000_000).all()
