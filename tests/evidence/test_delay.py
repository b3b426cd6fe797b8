"""Delays: the same fills as the strategy that says so itself."""

from datetime import date
from pathlib import Path

import pytest

from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from dipfolio.evidence.delay import later
from dipfolio.market.folder import load_bars

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
    made, meant = simulate(later(dip(), delay, fill), bars), simulate(dip(**same), bars)
    assert made.trades.equals(meant.trades)
    assert made.equity.equals(meant.equity)


def test_no_order_comes_before_its_decision():
    with pytest.raises(ParameterError, match="0 or more sessions"):
        later(dip(), -1)
