"""The account of a run as exit rules see it: its profits are those of the record of trades."""

import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.backtrader.run import run_plan
from dipfolio.engine.run_account import RunAccount, highest
from dipfolio.engine.trades import round_trips
from tests.support import random_markets


@pytest.mark.parametrize("every", [1, 3])
def test_open_profits_are_those_of_the_record(every):
    looked_at = 0
    for seed in range(40):
        plan, panel, _, account = random_markets.made(seed)
        run_log = run_plan(panel, account, plan)
        seen = RunAccount(panel, account, run_log)
        for session in range(0, run_log.last + 1, every):
            state = seen.at(session)
        if run_log.last % every:
            continue
        _, still_open = round_trips(panel, run_log)
        profits = dict(zip(still_open["symbol"], still_open["profit"], strict=True))
        looked_at += len(profits)
        wanted = [profits.get(symbol, 0.0) for symbol in panel.symbols]
        np.testing.assert_allclose(state.profit, wanted, rtol=1e-9, atol=1e-6)
        assert state.equity.tolist() == [run_log.equity[run_log.last]]
        assert state.peak_equity.tolist() == [max(account.cash, run_log.equity[: run_log.last + 1].max())]
    assert looked_at > 20


def test_the_highest_of_no_session_is_none():
    assert highest(np.array([1.0, 3.0, 2.0]), 1, 2) == 3
    assert highest(np.array([1.0]), 1, 0) == -np.inf
    assert Account().cash > 0
