"""Delays: the same fills as the strategy that says so itself."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.sensitivity import BORROW_RATES, SLIPPAGES_BPS, run_sensitivity, with_delay
from dipfolio.study.details import MONDAY_ENTRIES, UNRESTRICTED_ENTRY

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data", ("NVDA", "MSFT"))


def dip(**parameters):
    return load_strategy(ROOT / "strategies", "buy-the-dip")(universe="NVDA,MSFT", **parameters)


@pytest.mark.parametrize(
    ("delay", "fill", "same"), [(0, None, {}), (0, "close", {"fill": "close"}), (1, "open", {"day": date(2025, 1, 28)})]
)
def test_a_later_strategy_trades_like_one_that_says_so_itself(bars, delay, fill, same):
    made, meant = simulate(with_delay(dip(), delay, fill), bars), simulate(dip(**same), bars)
    assert made.trades.equals(meant.trades)
    assert made.equity.equals(meant.equity)


def test_no_order_comes_before_its_decision():
    with pytest.raises(ParameterError, match="0 or more sessions"):
        with_delay(dip(), -1)


FREE = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)


@pytest.fixture(scope="module")
def all_bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def short():
    return load_strategy(ROOT / "strategies", "short-nvda")()


def around_the_event(strategy, bars, account=None):
    return run_sensitivity(strategy, bars, account, entries=(*MONDAY_ENTRIES, UNRESTRICTED_ENTRY), start=date(2025, 1, 24))


def cells(found):
    return {(cell.entry, cell.slippage_bps, cell.borrow_rate): cell.profit for cell in found}


def test_without_costs_a_short_earns_what_the_prices_say(all_bars, short):
    found = cells(around_the_event(short, all_bars, FREE))
    row = all_bars.sessions.get_loc("2025-01-27")
    opens, closes = all_bars.open["NVDA"].to_numpy(), all_bars.close["NVDA"].to_numpy()
    friday, monday, tuesday = closes[row - 1], closes[row], closes[row + 1]
    assert found["Monday's open", 0.0, 0.0] == pytest.approx((opens[row] - closes[row + 5]) / friday)
    assert found["Monday's close", 0.0, 0.0] == pytest.approx((monday - closes[row + 5]) / friday)
    assert found["Tuesday's open", 0.0, 0.0] == pytest.approx((opens[row + 1] - closes[row + 6]) / monday)
    assert found["Wednesday's open", 0.0, 0.0] == pytest.approx((opens[row + 2] - closes[row + 7]) / tuesday)
    assert found["Monday's open", 20.0, 0.0] == pytest.approx((opens[row] * (1 - 0.002) - closes[row + 5] * (1 + 0.002)) / friday)


def test_dearer_borrowing_and_slippage_never_help(all_bars, short):
    found = around_the_event(short, all_bars)
    for entry in {cell.entry for cell in found}:
        by_slippage = [c.profit for c in found if c.entry == entry and c.borrow_rate == 0.003 and c.slippage_bps != 2.0]
        assert by_slippage == sorted(by_slippage, reverse=True)
    by_rate = [c.profit for c in found if c.slippage_bps == 2.0]
    assert len(by_rate) == 4
    assert by_rate == sorted(by_rate, reverse=True)


def test_the_default_cell_is_the_run_itself(all_bars, short):
    result = simulate(short, all_bars)
    total = result.equity["equity"].iloc[-1] / result.account.cash - 1
    assert cells(around_the_event(short, all_bars))["Monday's open", 2.0, 0.003] == pytest.approx(total, abs=1e-12)


def test_longs_borrow_nothing_and_a_trade_that_is_not_over_says_so(all_bars):
    long = load_strategy(ROOT / "strategies", "buy-chipmakers")(hold=250)
    found = run_sensitivity(long, all_bars, entries=MONDAY_ENTRIES, start=date(2025, 1, 24))
    assert len(found) == 9
    assert not any(cell.ended for cell in found)


def test_every_trade_of_a_rule_is_made_later_by_hand(all_bars):
    rule = load_strategy(ROOT / "strategies", "dip-rule")(hold=5)
    found = {(c.entry, c.slippage_bps): c for c in run_sensitivity(rule, all_bars, FREE)}
    smh = all_bars.select(("SMH",))
    opens, closes, paid = (frame["SMH"].to_numpy() for frame in (smh.open, smh.close, smh.dividends.cumsum()))
    dips = np.flatnonzero(smh.returns["SMH"] <= -0.04)
    for entry, first, prices in (("next open", 1, opens), ("next close", 1, closes), ("second open", 2, opens)):
        returns, grown, free = [], 1.0, -1
        for row in dips:
            enter, leave = row + first, row + first + 5
            if row + first - 1 >= free and leave < len(smh):
                gain = closes[leave] + paid[leave] - paid[enter] - prices[enter]
                returns.append(gain / prices[enter])
                grown *= 1 + gain / closes[enter - 1]  # sized on the close before
                free = leave
        assert found[entry, 0.0].trades == len(returns)
        assert found[entry, 0.0].mean_trade == pytest.approx(np.mean(returns), abs=1e-9)
        assert found[entry, 0.0].profit == pytest.approx(grown - 1, abs=1e-9)


def test_a_short_rule_borrows_at_its_own_entry_from_the_first_session_on(all_bars):
    rule = load_strategy(ROOT / "strategies", "short-every-friday")()
    found = run_sensitivity(rule, all_bars)
    borrow = [cell for cell in found if cell.varied == "borrow"]
    assert {cell.entry for cell in found if cell.varied == "cost"} == {"next open", "next close", "second open"}
    assert {cell.entry for cell in borrow} == {"next close"}  # it sells at the close
    run = simulate(rule, all_bars)
    assert borrow[0].trades == len(run.trades) > 90
    assert borrow[0].mean_trade == pytest.approx(run.trades["return"].mean(), abs=1e-12)
    assert [cell.profit for cell in borrow] == sorted((cell.profit for cell in borrow), reverse=True)


def test_a_strategy_that_does_not_trade_is_an_error(all_bars, short):
    with pytest.raises(DataError, match="does not trade"):
        around_the_event(short, all_bars.between("2025-02-03", "2025-12-31"))


def test_the_costs_that_are_tried_were_written_down_before_any_result():
    assert SLIPPAGES_BPS == (0.0, 5.0, 20.0)  # basis points
    assert BORROW_RATES == (0.003, 0.01, 0.03, 0.05)  # a year
