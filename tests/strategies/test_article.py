"""The article's claims: what is bought on DeepSeek Monday, when it is sold and what it earns, worked out with pandas."""

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars

FREE = Account().without_costs()
EXACT = Account(fractional=True).without_costs()
FRIDAY, MONDAY = "2025-01-24", "2025-01-27"
NAMES = ["META", "NVDA", "AAPL", "TSLA", "GOOG", "AMZN", "MSFT", "SMH", "TSM", "AVGO", "ARM", "ORCL"]

BASKETS = [
    ("buy-hyperscalers", {}, ["MSFT", "META", "GOOG", "AMZN"], "2025-02-03"),
    ("buy-hyperscalers", {"hold": 20}, ["MSFT", "META", "GOOG", "AMZN"], "2025-02-25"),
    ("buy-chipmakers", {}, ["NVDA", "AVGO", "TSM", "ARM"], "2025-07-21"),
    ("buy-chipmakers", {"universe": "SMH", "hold": 60}, ["SMH"], "2025-04-23"),
    ("buy-stargate", {}, ["ARM", "MSFT", "ORCL", "NVDA", "TSM"], "2025-02-03"),
    ("buy-stargate", {"partners_only": True}, ["ARM", "MSFT", "ORCL", "NVDA"], "2025-02-03"),
]


@pytest.mark.parametrize(("name", "parameters", "names", "out"), BASKETS)
def test_a_basket_is_bought_at_mondays_open_and_sold_at_its_last_close(bars, strategy, name, parameters, names, out):
    result = simulate(strategy(name, **parameters), bars, FREE)
    shares = np.floor(1_000_000 / len(names) / bars.close.loc[FRIDAY, names])
    held = bars.dividends.loc["2025-01-28":out, names].sum()
    profit = shares * (bars.close.loc[out, names] - bars.open.loc[MONDAY, names] + held)
    trades = result.trades.set_index("symbol")
    assert list(trades.index) == names
    assert set(trades["entry_session"].astype(str)) == {MONDAY}
    assert set(trades["exit_session"].astype(str)) == {out}
    assert set(trades["entry_at"] + " " + trades["exit_at"]) == {"open close"}
    np.testing.assert_array_equal(trades["shares"], shares)
    np.testing.assert_allclose(trades["profit"], profit, atol=1e-6)
    assert result.equity["equity"].iloc[-1] == pytest.approx(1_000_000 + profit.sum(), abs=1e-6)


def test_the_hyperscalers_pay_their_costs(bars, strategy):
    result = simulate(strategy("buy-hyperscalers"), bars)
    names, slip = ["MSFT", "META", "GOOG", "AMZN"], 2e-4
    shares = np.floor(250_000 / bars.close.loc[FRIDAY, names])
    spent = shares * bars.open.loc[MONDAY, names] * (1 + slip)
    received = shares * bars.close.loc["2025-02-03", names] * (1 - slip)
    charges = 2 * np.maximum(0.005 * shares, 1.0) + received * 27.80e-6 + shares * 0.000166
    np.testing.assert_allclose(result.trades["profit"], received - spent - charges, atol=1e-6)
    assert round(result.equity["equity"].iloc[-1], 2) == 1_041_926.14


def test_stargate_without_its_partners_is_refused(strategy):
    with pytest.raises(ParameterError, match="Without TSM the universe 'TSM' is empty"):
        strategy("buy-stargate", universe="TSM", partners_only=True)


# ---- hold-to-recovery ----

RECOVERED = {  # first close at or above Friday's, METHODS 1.1
    "META": "2025-01-27", "AAPL": "2025-01-27", "AMZN": "2025-01-27", "MSFT": "2025-01-28", "GOOG": "2025-01-30",
    "ARM": "2025-02-05", "AVGO": "2025-06-02", "NVDA": "2025-06-09", "SMH": "2025-06-10", "ORCL": "2025-06-12",
    "TSM": "2025-06-25", "TSLA": "2025-09-15",
}  # fmt: skip


def test_each_name_is_sold_at_the_open_after_its_recovery(bars, strategy):
    trades = simulate(strategy("hold-to-recovery"), bars, FREE).trades.set_index("symbol")
    back = (bars.close.loc[MONDAY:, NAMES] >= bars.close.loc[FRIDAY, NAMES]).idxmax()
    assert back.astype(str).to_dict() == RECOVERED
    sold = [bars.sessions[bars.sessions.get_loc(day) + 1] for day in back]
    shares = np.floor(1_000_000 / 12 / bars.close.loc[FRIDAY, NAMES])
    paid = np.array([bars.dividends.loc["2025-01-28":day, name].sum() for name, day in zip(NAMES, sold, strict=True)])
    price = np.array([bars.open.loc[day, name] for name, day in zip(NAMES, sold, strict=True)])
    assert list(trades.index) == NAMES
    assert list(trades["exit_session"]) == sold
    assert set(trades["reason"]) == {"recovered"}
    np.testing.assert_allclose(trades["profit"], shares * (price + paid - bars.open.loc[MONDAY, NAMES]), atol=1e-6)


def test_what_does_not_recover_is_sold_at_the_cap_and_lost(bars, strategy):
    trades = simulate(strategy("hold-to-recovery", hold=60), bars, FREE).trades.set_index("symbol")
    waiting = [name for name, day in RECOVERED.items() if day > "2025-04-23"]
    assert sorted(trades.index[trades["reason"] == "held 60 sessions"]) == sorted(waiting)
    assert set(trades.loc[waiting, "exit_session"].astype(str)) == {"2025-04-23"}
    np.testing.assert_allclose(trades.loc[waiting, "exit_price"], bars.close.loc["2025-04-23", waiting])
    assert (trades.loc[waiting, "profit"] < 0).all()


def test_a_close_equal_to_fridays_is_a_recovery(strategy):
    market = make_bars({"A": [101, 100, 80, 99.99, 100, 105]}, opens={"A": [101, 100, 82, 81, 99, 104]}, start="2025-01-23")
    trades = simulate(strategy("hold-to-recovery", universe="A"), market, FREE).trades
    assert (trades["entry_price"][0], trades["exit_price"][0], trades["sessions"][0]) == (82, 104, 3)


# ---- panic-and-rebuy ----


def test_the_panic_by_hand(bars, strategy):
    result = simulate(strategy("panic-and-rebuy"), bars, EXACT)
    close, paid = bars.close[NAMES], bars.dividends[NAMES]
    first = 1_000_000 / 12 / close.loc["2024-01-02"]
    cash = 1_000_000 + (first * (bars.open.loc[MONDAY, NAMES] - close.loc["2024-01-03"])).sum()
    cash += (first * paid.loc["2024-01-04":MONDAY].sum()).sum()
    again = cash / 12 / close.loc["2025-01-31"]
    worth = close.loc["2025-12-31"] + paid.loc["2025-02-04":].sum() - close.loc["2025-02-03"]
    assert result.equity["equity"].iloc[-1] == pytest.approx(cash + (again * worth).sum(), abs=1e-4)
    assert set(result.trades["exit_session"].astype(str) + result.trades["exit_at"]) == {f"{MONDAY}open"}
    assert set(result.open_positions["entry_session"].astype(str)) == {"2025-02-03"}


@pytest.mark.parametrize(("rebuy", "back"), [(1, "2025-01-28"), (5, "2025-02-03"), (60, "2025-04-23")])
def test_the_panic_costs_what_the_names_earn_meanwhile(bars, strategy, rebuy, back):
    panic = simulate(strategy("panic-and-rebuy", rebuy=rebuy), bars, EXACT).equity["equity"].loc[back]
    calm = simulate(strategy("equal-weight", fill="close"), bars, EXACT)
    earned = bars.close.loc[back, NAMES] - bars.open.loc[MONDAY, NAMES] + bars.dividends.loc["2025-01-28":back, NAMES].sum()
    meanwhile = (calm.positions.loc[FRIDAY, NAMES] * earned).sum()
    assert calm.equity["equity"].loc[back] - panic == pytest.approx(meanwhile, abs=1e-6)


def test_a_run_that_starts_on_the_monday_has_nothing_to_sell_and_buys_later(bars, strategy):
    result = simulate(strategy("panic-and-rebuy"), bars, FREE, start=pd.Timestamp(MONDAY).date())
    assert set(result.fills["session"].astype(str)) == {"2025-02-03"}
    assert len(result.fills) == 12


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [({"rebuy": 0}, "at least 1 session"), ({"day": pd.Timestamp("2025-01-26").date()}, "the next one is 2025-01-27")],
)
def test_a_panic_that_cannot_be_is_refused(strategy, parameters, complaint):
    with pytest.raises(ParameterError, match=complaint):
        strategy("panic-and-rebuy", **parameters)


# ---- nvda-over-chips ----


def test_nvda_and_smh_are_of_equal_dollars_on_fridays_close(bars, strategy):
    trades = simulate(strategy("nvda-over-chips"), bars, FREE).open_positions.set_index("symbol")
    assert trades["shares"].to_dict() == {"NVDA": 500_000 // 142.62, "SMH": 500_000 // bars.close.loc[FRIDAY, "SMH"]}
    assert trades["side"].to_dict() == {"NVDA": "long", "SMH": "short"}
    assert trades["entry_price"].to_dict() == pytest.approx({"NVDA": 124.80, "SMH": bars.open.loc[MONDAY, "SMH"]})


def test_the_pair_of_a_year_by_hand(longer, strategy):
    result = simulate(strategy("nvda-over-chips"), longer, FREE)
    out = longer.sessions[longer.sessions.get_loc(MONDAY) + 250]
    pair = ["NVDA", "SMH"]
    shares = np.trunc(500_000 / longer.close.loc[FRIDAY, pair]) * [1, -1]
    held = longer.dividends.loc["2025-01-28":out, pair].sum()
    profit = shares * (longer.close.loc[out, pair] + held - longer.open.loc[MONDAY, pair])
    assert set(result.trades["exit_session"]) == {out}
    np.testing.assert_allclose(result.trades["profit"], profit, atol=1e-6)
    assert held["SMH"] > 0  # the short has paid it


def test_a_pair_against_several_divides_the_short_side(bars, strategy):
    idea = strategy("nvda-over-chips", universe="NVDA,AVGO,TSM")
    assert idea.targets(bars.select(idea.symbols)).loc[FRIDAY].to_dict() == {"NVDA": 0.5, "AVGO": -0.25, "TSM": -0.25}


def test_a_pair_of_one_is_refused(strategy):
    with pytest.raises(ParameterError, match="a symbol to buy and one to short"):
        strategy("nvda-over-chips", universe="NVDA")
