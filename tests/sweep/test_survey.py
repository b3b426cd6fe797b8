"""Survey: sweeps asked for from Python, of classes that live nowhere but here."""

import re
from dataclasses import dataclass
from datetime import date

import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.metrics import measure
from dipfolio.engine.parameter import parameter
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, no_instruction
from dipfolio.errors import ParameterError, UnknownNameError, WindowError
from dipfolio.sweep.survey import survey
from tests.markets import make_bars

BARS = make_bars({"A": [100 - (k * 7) % 13 for k in range(60)], "B": [50 + (k * 5) % 11 for k in range(60)]})


@dataclass(frozen=True, kw_only=True)
class Falls(Strategy):
    """Buy what has fallen."""

    universe: str = parameter("A", help="what")
    drop: float = parameter(0.05, help="how deep")
    hold: int = parameter(3, help="how long")

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    def targets(self, bars):
        return no_instruction(bars).mask(bars.returns <= -self.drop, 1 / len(bars.symbols))


@pytest.mark.parametrize("window", [{}, {"start": date(2025, 1, 20), "end": date(2025, 3, 3)}], ids=["all", "part"])
def test_each_variant_is_the_run_of_its_own_to_the_cent(window):
    account = Account(cash=50_000)
    found = survey(Falls, BARS, account, drop="0.03:0.07:0.02", hold=[1, 5], fill=("open", "close"), **window)
    assert len(found.table) == 3 * 2 * 2
    for _, cell in found.table.iterrows():
        own = Falls(drop=cell["drop"], hold=int(cell["hold"]), fill=cell["fill"])
        metrics = measure(simulate(own, BARS, account, **window))
        assert cell["final_equity"] == pytest.approx(metrics.final_equity, abs=0.005)
        assert cell["trades"] == metrics.trades
    assert found.default["final_equity"] == pytest.approx(simulate(Falls(), BARS, account, **window).equity["equity"].iloc[-1])
    assert len(found.returns) == found.table["sessions"].max()


def test_symbols_are_listed_one_by_one_or_as_groups():
    found = survey(Falls, BARS, universe=["A", "B", "A,B"])
    assert found.table["universe"].tolist() == ["A", "B", "A,B"]


@pytest.mark.parametrize("universe", [["A", "no-such-group"], ["no-such-group", "A"]])
def test_a_group_that_there_is_not_is_refused_alone_whatever_the_order(universe):
    found = survey(Falls, BARS, universe=universe)
    assert found.table["universe"].tolist() == ["A"]
    assert len(found.refused) == 1


def test_what_cannot_be_swept_is_refused():
    with pytest.raises(UnknownNameError, match=r"There is no parameter 'dorp'\. Did you mean 'drop'"):
        survey(Falls, BARS, dorp=[0.1])
    with pytest.raises(ParameterError, match="hold: 'five' is not a whole number"):
        survey(Falls, BARS, hold=["five"])
    with pytest.raises(WindowError, match="No session from 2030-01-01"):
        survey(Falls, BARS, start=date(2030, 1, 1), hold=[1, 2])


def test_a_riskless_rate_is_taken_off_in_the_sharpe_ratios_alone():
    plain, less = (survey(Falls, BARS, hold=[1, 5], risk_free=rate) for rate in (0.0, 0.05))
    assert (less.table["sharpe"] < plain.table["sharpe"]).all()
    assert less.table["final_equity"].equals(plain.table["final_equity"])


def test_a_sweep_shows_its_best_and_where_the_default_stands():
    found = survey(Falls, BARS, hold=[1, 3, 5])
    best = found.table["total_return"].max()
    better = (found.table["total_return"] < found.default["total_return"]).mean()
    line, page = repr(found), found._repr_html_()
    assert "grid 3 hold = 3 variants" in line
    assert f"its total return {best:+.2%}" in line
    assert f"default is better than {better:.1%} of the variants" in line
    assert re.findall(r">([^<]+)</td></tr><tr><td[^>]*>sharpe<", page)
    assert "array(" not in line
