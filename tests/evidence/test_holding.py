"""Holding times on other dates, by hand."""

import numpy as np
import pytest

from dipfolio.engine.simulation import simulate
from dipfolio.errors import DataError
from dipfolio.evidence.holding import moved
from tests.ideas import script
from tests.markets import make_bars
from tests.runs import FREE

CLOSES = [100, 110, 99, 108, 120, 114]
OPENS = [100, 101, 109, 100, 110, 119]


def test_a_trade_and_all_its_places_by_hand():
    bars = make_bars({"A": CLOSES}, opens={"A": OPENS})
    trades = simulate(script({0: {"A": 5}, 2: {"A": 0}}), bars, FREE).trades
    placebo = moved(trades, bars)
    assert placebo.observed == pytest.approx(100 / 101 - 1)
    # from open to open two sessions later, started on rows 2 and 3, then round the circle on row 0; rows 4 and 5 do not end
    assert placebo.draws == pytest.approx([110 / 109 - 1, 119 / 100 - 1, 109 / 100 - 1])


def test_a_short_earns_the_opposite_at_the_close():
    bars = make_bars({"A": CLOSES}, opens={"A": OPENS})
    trades = simulate(script({0: {"A": -5}, 1: {"A": 0}}, fill="close"), bars, FREE).trades
    placebo = moved(trades, bars)
    assert placebo.observed == pytest.approx(1 - 99 / 110)
    assert sorted(placebo.draws) == pytest.approx(sorted([1 - 108 / 99, 1 - 120 / 108, 1 - 114 / 120, 1 - 110 / 100]))


def test_trades_at_the_worst_dates_have_a_large_p_value():
    closes = 100 * np.cumprod(np.where(np.arange(200) % 20 < 2, 0.97, 1.005))
    bars = make_bars({"A": closes})
    rows = {20 * n + 18: {"A": 1} for n in range(1, 9)} | {20 * n: {"A": 0} for n in range(2, 10)}
    placebo = moved(simulate(script(rows), bars, FREE).trades, bars)
    assert placebo.opposite.p_value < 0.15
    assert placebo.excess < 0


def test_no_trade_is_an_error():
    bars = make_bars({"A": CLOSES})
    with pytest.raises(DataError, match="no trade"):
        moved(simulate(script({}), bars, FREE).trades, bars)
