"""Sensitivities: what another entry and other costs come to, by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import DataError
from dipfolio.evidence.sensitivity import sensitivities
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]
FREE = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def short():
    return load_strategy(ROOT / "strategies", "short-nvda")()


def cells(found):
    return {(cell.entry, cell.slippage_bps, cell.borrow_rate): cell.profit for cell in found}


def test_without_costs_a_short_earns_what_the_prices_say(bars, short):
    found = cells(sensitivities(short, bars, FREE))
    row = bars.sessions.get_loc("2025-01-27")
    opens, closes = bars.open["NVDA"].to_numpy(), bars.close["NVDA"].to_numpy()
    friday, monday, tuesday = closes[row - 1], closes[row], closes[row + 1]
    assert found["Monday's open", 0.0, 0.0] == pytest.approx((opens[row] - closes[row + 5]) / friday)
    assert found["Monday's close", 0.0, 0.0] == pytest.approx((monday - closes[row + 5]) / friday)
    assert found["Tuesday's open", 0.0, 0.0] == pytest.approx((opens[row + 1] - closes[row + 6]) / monday)
    assert found["Wednesday's open", 0.0, 0.0] == pytest.approx((opens[row + 2] - closes[row + 7]) / tuesday)
    assert found["Monday's open", 20.0, 0.0] == pytest.approx((opens[row] * (1 - 0.002) - closes[row + 5] * (1 + 0.002)) / friday)


def test_dearer_borrowing_and_slippage_never_help(bars, short):
    found = sensitivities(short, bars)
    for entry in {cell.entry for cell in found}:
        by_slippage = [c.profit for c in found if c.entry == entry and c.borrow_rate == 0.003 and c.slippage_bps != 2.0]
        assert by_slippage == sorted(by_slippage, reverse=True)
    by_rate = [c.profit for c in found if c.slippage_bps == 2.0]
    assert len(by_rate) == 4
    assert by_rate == sorted(by_rate, reverse=True)


def test_the_default_cell_is_the_run_itself(bars, short):
    result = simulate(short, bars)
    total = result.equity["equity"].iloc[-1] / result.account.cash - 1
    assert cells(sensitivities(short, bars))["Monday's open", 2.0, 0.003] == pytest.approx(total, abs=1e-12)


def test_longs_borrow_nothing_and_a_trade_that_is_not_over_says_so(bars):
    long = load_strategy(ROOT / "strategies", "buy-chipmakers")(hold=250)
    found = sensitivities(long, bars)
    assert len(found) == 9
    assert not any(cell.ended for cell in found)


def test_a_strategy_that_does_not_trade_is_an_error(bars, short):
    with pytest.raises(DataError, match="does not trade"):
        sensitivities(short, bars.between("2025-02-03", "2025-12-31"))
