"""Lockstep is the same arithmetic as backtrader or it is a bug: hypothesis looks for a market on which they differ."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dipfolio.data.borrow_rates import borrow_rates_by_session
from dipfolio.engine.account import Account
from dipfolio.engine.backtrader.run import run_plan
from dipfolio.engine.backtrader.trader import Plan
from dipfolio.engine.exits import At, ChandelierExit, Exit, HoldFor, Recovered, StopLoss, TakeProfit, TrailingStop
from dipfolio.engine.ledger import replay
from dipfolio.engine.panel import build_panel
from dipfolio.engine.simulation import run_simulation, simulate
from dipfolio.engine.trades import round_trips
from dipfolio.sweep.batches import Batch, make_batches
from dipfolio.sweep.simulator import simulate_batch
from dipfolio.sweep.state import COST_COLUMNS
from tests.support.generated_files import lendings, markets
from tests.support.markets import make_bars
from tests.support.strategies import script

thorough = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@dataclass(frozen=True)
class Moody(Exit):
    """A user's own rule that no array could go through: it asks of its number whether it is large."""

    size: float
    fill = "open"

    def __str__(self):
        return "moody"

    def closes(self, trades, bar):
        if self.size > 0.03:
            return bar.close > trades.entry_price * (1 + self.size)
        return np.asarray(bar.number - trades.entry_session >= 2)


@dataclass(frozen=True)
class Channel(Exit):
    """A user's own rule that looks back: out of a long below the lowest low of the sessions before, of a short above the high."""

    window: int
    fill = "close"

    def __str__(self):
        return "channel"

    def closes(self, trades, bar):
        before = slice(-1 - self.window, -1)
        low = np.min(bar.history.low[before], axis=0, initial=np.inf)
        high = np.max(bar.history.high[before], axis=0, initial=-np.inf)
        return np.where(trades.side > 0, bar.close < low, bar.close > high)


fractions = st.floats(0.005, 0.3).map(lambda x: round(x, 4))
FORMS = {
    "none": st.just(()),
    "hold": st.tuples(st.builds(HoldFor, st.integers(1, 6))),
    "hold to the open": st.tuples(st.builds(HoldFor, st.integers(1, 6), fill=st.just("open"))),
    "on closes": st.tuples(st.builds(StopLoss, fractions), st.builds(TakeProfit, fractions), st.builds(TrailingStop, fractions)),
    "resting": st.tuples(
        st.builds(TakeProfit, fractions, intraday=st.just(True)), st.builds(StopLoss, fractions, intraday=st.just(True)),
        st.builds(HoldFor, st.integers(1, 6)),
    ),
    "trailing": st.tuples(
        st.builds(TrailingStop, fractions, intraday=st.just(True)), st.builds(TakeProfit, fractions, intraday=st.just(True)),
        st.builds(StopLoss, fractions),
    ),
    "two of a kind": st.tuples(
        st.builds(StopLoss, fractions, intraday=st.just(True)), st.builds(TakeProfit, fractions, intraday=st.just(True)),
        st.builds(TrailingStop, fractions, intraday=st.just(True)), st.builds(TakeProfit, fractions, intraday=st.just(True)),
    ),
    "recovered": st.tuples(st.builds(Recovered, st.sampled_from(["decision", "entry"])), st.builds(HoldFor, st.integers(2, 8))),
    "at a date": st.tuples(st.builds(At, st.sampled_from([date(2025, 1, 8), date(2025, 1, 11), date(2025, 1, 15)]))),
    "chandelier": st.tuples(
        st.builds(ChandelierExit, st.sampled_from([0.3, 1.0, 2.5]), st.integers(1, 5), fill=st.just("open")),
        st.builds(HoldFor, st.integers(2, 8)),
    ),
    "channel": st.tuples(st.builds(Channel, st.integers(1, 4))),
    "moody": st.tuples(st.builds(Moody, st.sampled_from([0.01, 0.02, 0.05, 0.1])), st.builds(HoldFor, st.integers(1, 6))),
}  # fmt: skip

accounts = st.builds(
    Account,
    cash=st.sampled_from([900.0, 3_000.0, 250_000.0]),
    slippage_bps=st.sampled_from([0.0, 7.0, 300.0]),
    borrow_rate=st.sampled_from([0.0, 0.4]),
    debit_rate=st.sampled_from([0.0, 0.06]),
    max_leverage=st.sampled_from([0.7, 2.0, 5.0]),
    max_volume_share=st.sampled_from([0.0001, 0.1, 1.0]),
    commission_minimum=st.sampled_from([0.0, 1.0, 20.0]),
    maintenance_long=st.sampled_from([0.0, 0.25]),
    maintenance_short=st.sampled_from([0.0, 0.3]),
    maintenance_short_per_share=st.sampled_from([0.0, 5.0]),
    fractional=st.booleans(),
)


@st.composite
def panels(draw, sessions=12):
    """The markets of the laws, sometimes with history before the first decision, little volume, a jump or a split."""
    bars = draw(markets(sessions))
    if draw(st.booleans()):
        bars = replace(bars, volume=bars.volume * draw(st.sampled_from([0.0, 1e-4, 1e-3])))
    if draw(st.booleans()):
        jump = np.where(np.arange(len(bars)) < draw(st.integers(2, 8)), 1.0, draw(st.sampled_from([0.3, 3.0])))[:, None]
        bars = replace(bars, **{name: getattr(bars, name) * jump for name in ("open", "high", "low", "close")})
    panel = build_panel(bars, draw(st.sampled_from([0, 0, 1, 2])))
    factor = np.ones(panel.close.shape)
    factor[: draw(st.integers(0, 6)), 0] = draw(st.sampled_from([10.0, 0.2]))
    rates = draw(
        st.one_of(st.none(), st.lists(st.sampled_from([-0.02, 0.0, 0.01, 0.06, 0.4]), min_size=len(panel), max_size=len(panel)))
    )
    lent = borrow_rates_by_session(draw(lendings), bars.sessions, bars.symbols)
    lent = None if lent is None else lent[len(bars) - len(panel) :]
    return replace(panel, factor=factor, cash_rate=None if rates is None else np.array(rates), borrow_rates=lent)


@st.composite
def batch_settings(draw, panel):
    """Targets of some groups and exits of one form for the variants in each of them."""
    unit = draw(st.sampled_from(["weight", "weight", "shares"]))
    size = st.floats(-1.2, 1.2) if unit == "weight" else st.floats(-700, 700)
    common = st.sampled_from([0.4, -0.4, 0.3]) if unit == "weight" else st.integers(-9, 9).map(float)
    wanted = st.one_of(st.just(0.0), size, common)
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    targets = []
    for _ in sizes:
        grid = np.full(panel.close.shape, np.nan)
        cells = draw(st.dictionaries(st.tuples(st.integers(0, len(panel) - 1), st.integers(0, 2)), wanted, max_size=14))
        for place, target in cells.items():
            grid[place] = target
        targets.append(grid)
    form = FORMS[draw(st.sampled_from(sorted(FORMS)))]
    exits = tuple(draw(form) for _ in range(sum(sizes)))
    return {
        "targets": tuple(targets), "sizes": tuple(sizes), "exits": exits, "unit": unit,
        "fill": draw(st.sampled_from(["open", "close"])), "resize": draw(st.booleans()),
    }  # fmt: skip


def alone(batch, variant):
    """The same variant in backtrader."""
    group = int(np.searchsorted(np.cumsum(batch.sizes), variant, side="right"))
    plan = Plan(targets=batch.targets[group], unit=batch.unit, fill=batch.fill, resize=batch.resize, exits=batch.exits[variant])
    return run_plan(batch.panel, batch.account, plan)


MOMENTS = ("settlement", "open", "day", "close")


def executions(fills):
    """Session, moment, symbol and the data of fills, in an order of their own."""
    rows = [(f.session, MOMENTS.index(f.at), f.symbol, f.shares, f.price, f.commission, f.fees, f.slippage) for f in fills]
    return np.array(sorted(rows)).reshape(len(rows), 8)


def assert_equal(batch, batch_log, variant):
    """Fills, fees, equity, sums and counts are those of backtrader to 1e-9."""
    run_log = alone(batch, variant)
    np.testing.assert_allclose(executions(batch_log.fills_of(variant)), executions(run_log.fills), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(batch_log.equity[:, variant], run_log.equity, rtol=1e-9, atol=1e-7)
    assert batch_log.last[variant] == run_log.last
    sums = {
        "borrow": run_log.borrow.sum(), "interest": run_log.interest.sum(), "dividends": run_log.dividends.sum(),
        **{name: sum(getattr(fill, name) for fill in run_log.fills) for name in ("commission", "fees", "slippage")},
    }  # fmt: skip
    sums["earned"] = run_log.earned.sum()
    for name in (*COST_COLUMNS, "earned"):
        assert getattr(batch_log, name)[variant] == pytest.approx(sums[name], rel=1e-9, abs=1e-7), name
    trades, still_open = round_trips(batch.panel, run_log)
    assert batch_log.trades[variant] == len(trades)
    if (trades["profit"].abs() > 1e-7).all():
        assert batch_log.wins[variant] == (trades["profit"] > 0).sum()
    assert batch_log.open_positions[variant] == len(still_open)
    assert batch_log.entry_dates[variant] == len({*trades["entry_session"], *still_open["entry_session"]})
    kinds = [event.kind for event in run_log.events]
    assert batch_log.margin_calls[variant] == kinds.count("margin call")
    return run_log


@pytest.mark.slow
@thorough
@given(data=st.data(), account=accounts)
def test_every_variant_is_the_run_that_backtrader_makes_of_it_alone(data, account):
    panel = data.draw(panels())
    batch = Batch(panel=panel, account=account, **data.draw(batch_settings(panel)))
    batch_log = simulate_batch(batch, keep_fills=True)
    for variant in range(len(batch)):
        assert_equal(batch, batch_log, variant)


class RatesBySymbol(Account):
    """Another account, where borrowing B costs 36 % a year."""

    def borrow_rate_of(self, symbols):
        return np.where(np.asarray(symbols) == "B", 0.36, 0.0)


@pytest.mark.parametrize("first", ["A", "B"])
def test_each_short_pays_the_rate_of_its_symbol_in_the_run_the_ledger_and_the_sweep(first):
    second = "B" if first == "A" else "A"
    bars = make_bars({first: [50.0, 50, 50, 50], second: [50.0, 50, 50, 50]})
    account = RatesBySymbol(cash=100_000.0, sec_taf=False, commission_per_share=0.0, commission_minimum=0.0, slippage_bps=0.0)
    for shorts, rates in (({"A": -100.0, "B": -200.0}, (0.0, 0.36)), ({"A": -100.0}, (0.0,)), ({"B": -200.0}, (0.36,))):
        # sold at the open of Friday the 3rd: three days, then one, on 51 dollars a share
        by_hand = sum(-shares * 51 * rate * 4 / 360 for shares, rate in zip(shorts.values(), rates, strict=True))
        strategy = script({0: shorts}, universe=f"{first},{second}")
        ((_, batch),) = make_batches([strategy, strategy], bars, account)
        log, result = simulate_batch(batch), simulate(strategy, bars, account)
        ledger = replay(build_panel(bars, 0), account, run_simulation(strategy, bars, account).fills)
        assert log.borrow.tolist() == pytest.approx([by_hand, by_hand], abs=1e-9)
        assert result.equity["borrow"].sum() == pytest.approx(by_hand, abs=1e-9)
        assert ledger.equity[-1] == pytest.approx(100_000 - by_hand, abs=1e-9)
