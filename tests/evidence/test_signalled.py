"""Signals as strategies: the same trades, without those of the event."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from dipfolio.evidence.claims import CLAIMS
from dipfolio.evidence.repeated import claimed_decisions
from dipfolio.evidence.signalled import signalled
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]
BY_ID = {claim.id: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.mark.parametrize("name", ["G2", "G11"])
def test_it_buys_at_the_open_after_each_signal_and_sells_after_its_time(bars, name):
    claim = BY_ID[name]
    trades = simulate(signalled(claim, bars, 5), bars, Account().without_costs()).trades
    flags = claimed_decisions(claim, bars, ROOT / "strategies", 5).flags
    decided = bars.sessions[bars.sessions.get_indexer(trades["entry_session"]) - 1]
    assert len(trades) > 5
    assert set(decided) <= set(bars.sessions[flags])
    rows = bars.sessions.get_indexer(trades["entry_session"])
    np.testing.assert_allclose(trades["entry_price"], bars.open["SMH"].to_numpy()[rows])
    np.testing.assert_allclose(trades["exit_price"], bars.close["SMH"].to_numpy()[rows + 5])


@pytest.mark.parametrize(("name", "day"), [("G2", "2025-01-24"), ("G11", "2025-01-27")])
def test_the_event_has_a_signal_that_is_not_traded(bars, name, day):
    claim = BY_ID[name]
    assert claimed_decisions(claim, bars, ROOT / "strategies", 5).flags[bars.sessions.get_loc(day)]
    wanted = signalled(claim, bars, 5).targets(bars.select(("SMH",)))
    assert wanted.loc[pd.Timestamp(day)].isna().all()


def test_it_is_named_by_its_signal(bars):
    strategy = signalled(BY_ID["G11"], bars, 20)
    assert (strategy.name, strategy.symbols, strategy.parameters["hold"]) == ("sector-shock", ("SMH",), 20)
    assert strategy.title.startswith("Sector shock: Buy chips after")


def test_a_claim_without_a_signal_is_refused(bars):
    with pytest.raises(ParameterError, match="G1 has no signal"):
        signalled(BY_ID["G1"], bars, 5)
