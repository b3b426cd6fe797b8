"""Plain backtrader strategies, unchanged: the account, the record and the audit are ours."""

from datetime import date, datetime
from enum import IntFlag
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.brought import bring, is_backtrader_strategy
from dipfolio.engine.idea import Idea
from dipfolio.engine.parameter import parameters
from dipfolio.engine.simulation import simulate
from dipfolio.errors import StrategyError
from dipfolio.market.folder import load_bars
from tests.markets import make_bars

ROOT = Path(__file__).parents[2]
FREE = Account().without_costs()


class SmaCross(bt.Strategy):
    """A 20/50 moving-average cross."""

    params = (("fast", 20), ("slow", 50), ("stake", 100), ("note", None))

    def __init__(self):
        self.cross = bt.ind.CrossOver(bt.ind.SMA(period=self.p.fast), bt.ind.SMA(period=self.p.slow))

    def next(self):
        if not self.position:
            if self.cross > 0:
                self.buy(size=self.p.stake)
        elif self.cross < 0:
            self.close()


class Bracket(bt.Strategy):
    """Buys once with a stop and a target around it."""

    universe = "A"
    params = {"stop": 95.0, "target": 110.0}  # noqa: RUF012 - as tutorials write it

    def __init__(self):
        self.told = []

    def next(self):
        if len(self) == 1:
            self.buy_bracket(size=100, exectype=bt.Order.Market, stopprice=self.p.stop, limitprice=self.p.target)

    def notify_order(self, order):
        if order.status == order.Completed:
            self.told.append((order.ordtypename(), order.executed.price, order.executed.size))

    def notify_trade(self, trade):
        if trade.isclosed:
            self.told.append(("trade", trade.pnl, trade.pnlcomm))


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def test_its_params_become_parameters():
    kind = bring(SmaCross)
    assert [(p.name, p.kind, p.default, p.optional) for p in parameters(kind)] == [
        ("universe", str, "NVDA", False), ("fast", int, 20, False), ("slow", int, 50, False), ("stake", int, 100, False),
        ("note", float, None, True),
    ]  # fmt: skip
    assert kind().title == "A 20/50 moving-average cross."
    assert bring(Bracket)().universe == "A"


def test_params_that_no_command_line_can_carry_keep_their_defaults():
    seen = []

    class Odd(bt.Strategy):
        """Has a list and a private parameter."""

        params = (("days", [1, 2]), ("_secret", 3), ("stake", 5))

        def start(self):
            seen.append((self.p.days, self.p._secret, self.p.stake))

    kind = bring(Odd)
    assert [item.name for item in parameters(kind)] == ["universe", "stake"]
    simulate(kind(universe="A", stake=7), make_bars({"A": [1.0, 2.0]}), FREE)
    assert seen == [([1, 2], 3, 7)]


def test_only_subclasses_of_the_backtrader_strategy_count():
    assert is_backtrader_strategy(SmaCross)
    assert not is_backtrader_strategy(bt.Strategy)
    assert not is_backtrader_strategy(dict)


def test_a_moving_average_cross_trades_as_pandas_says(bars):
    result = simulate(bring(SmaCross)(), bars, FREE)
    close, opened = bars.close["NVDA"], bars.open["NVDA"]
    above = close.rolling(20).mean() > close.rolling(50).mean()
    known = close.rolling(50).mean().notna() & close.rolling(50).mean().shift().notna()
    turns = (above != above.shift(fill_value=False)) & known
    held, expected = False, []
    for day in close.index[turns.to_numpy()]:
        if above[day] != held:
            held = bool(above[day])
            fill = close.index[close.index.get_loc(day) + 1]
            expected.append((fill, 100.0 if held else -100.0, opened[fill]))
    assert len(expected) > 4
    assert [tuple(row) for row in result.fills[["session", "shares", "price"]].to_numpy()] == expected
    assert result.residual < 0.01


def test_a_parameter_changes_the_run(bars):
    quick = simulate(bring(SmaCross)(fast=5, slow=10), bars, FREE)
    slow = simulate(bring(SmaCross)(), bars, FREE)
    assert len(quick.trades) > len(slow.trades)
    assert quick.changed == {"fast": 5, "slow": 10}


@pytest.mark.parametrize(
    ("lows", "highs", "expected"),
    [
        ([100, 100, 94, 100], [100, 100, 100, 100], ("stop", 95.0, 3)),
        ([100, 100, 100, 100], [100, 100, 111, 100], ("limit", 110.0, 3)),
        ([100, 100, 94, 100], [100, 100, 111, 100], ("stop", 95.0, 3)),
    ],
)
def test_a_bracket_ends_at_its_stop_or_its_target(lows, highs, expected):
    market = make_bars({"A": [100] * 4}, lows={"A": lows}, highs={"A": highs})
    result = simulate(bring(Bracket)(), market, FREE)
    assert len(result.trades) == 1
    trade = result.trades.iloc[0]
    assert (trade["reason"], trade["exit_price"]) == expected[:2]
    assert result.residual == 0


def test_the_strategy_is_told_of_its_fills_and_trades():
    market = make_bars({"A": [100, 100, 100, 120]}, opens={"A": [100, 101, 100, 112]})
    told = []

    class Telling(Bracket):
        def stop(self):
            told.extend(self.told)

    simulate(bring(Telling)(), market, Account(slippage_bps=0, sec_taf=False))
    # bought at 101, sold by the limit at an open of 112; a dollar of commission each way
    assert told == [("Buy", 101.0, 100), ("Sell", 112.0, -100), ("trade", pytest.approx(1100), pytest.approx(1098))]


def test_a_losing_short_of_a_brought_strategy_ends_in_a_margin_call():
    class Short(bt.Strategy):
        """Sells short and waits."""

        universe = "A"

        def next(self):
            if len(self) == 1:
                self.sell(size=15)

    result = simulate(bring(Short)(), make_bars({"A": [100, 100, 135, 140, 150]}), Account(cash=1000).without_costs())
    assert result.trades[["exit_price", "reason"]].to_numpy().tolist() == [[140, "margin call"]]


def test_its_cost_of_borrowing_and_dividends_are_ours():
    class Short(bt.Strategy):
        """Sells short and covers."""

        universe = "A"

        def next(self):
            if len(self) == 1:
                self.sell(size=100)
            if len(self) == 3:
                self.close()

    market = make_bars({"A": [100.0, 100, 90, 90, 90]}, dividends={"A": {3: 1.0}})
    result = simulate(bring(Short)(), market, Account(borrow_rate=0.36, slippage_bps=0, sec_taf=False))
    # Friday to Monday 3 days on 102, Monday to Tuesday 1 day on ceil(91.8) = 92
    expected = 100 * 0.36 / 360 * (102 * 3 + 92)
    assert result.trades["borrow"].tolist() == [pytest.approx(expected)]
    assert result.trades["dividends"].tolist() == [-100]


def test_two_symbols_arrive_in_the_order_of_the_universe():
    seen = []

    class Names(bt.Strategy):
        """Reads the names."""

        universe = "B,A"

        def next(self):
            seen.append([(d._name, d.close[0]) for d in self.datas])

    simulate(bring(Names)(), make_bars({"A": [1.0, 2.0], "B": [5.0, 6.0]}), FREE)
    assert seen == [[("B", 5.0), ("A", 1.0)], [("B", 6.0), ("A", 2.0)]]


def test_something_that_is_no_strategy_is_refused():
    with pytest.raises(StrategyError, match="found Idea"):
        simulate(Idea(universe="A"), make_bars({"A": [1.0, 1.0]}), FREE)


def test_the_record_of_a_brought_run_is_complete(bars):
    result = simulate(bring(SmaCross)(), bars, benchmark="SPY")
    assert isinstance(result.equity, pd.DataFrame)
    assert result.strategy == "sma-cross"
    assert np.isfinite(result.equity.to_numpy()).all()


def test_a_parameter_of_another_kind_or_of_a_name_that_is_taken_keeps_its_default():
    class Odd(bt.Strategy):
        """Has odd parameters."""

        params = (
            ("moment", datetime(2025, 1, 2, 9, 30)), ("share", np.float64(0.5)), ("order", IntFlag("Order", "BUY")["BUY"]),
            ("universe", "B"), ("symbols", "A"), ("name", "odd"), ("source", 3), ("kept", 7), ("day", date(2025, 1, 2)),
        )  # fmt: skip

    kind = bring(Odd)
    assert {item.name for item in parameters(kind)} == {"universe", "kept", "day"}
    assert (kind().name, kind().symbols) == ("odd", ("NVDA",))
    assert kind(kept=8).source_parameters == {"kept": 8, "day": date(2025, 1, 2)}


def test_an_order_before_the_first_session_is_refused_in_words():
    class Early(bt.Strategy):
        """Too early."""

        universe = "A"

        def start(self):
            self.buy(size=1)

    with pytest.raises(StrategyError, match="An order before the first session has no date and no price"):
        simulate(bring(Early)(), make_bars({"A": [100.0, 100]}), FREE)


def test_what_is_left_waiting_at_a_bankruptcy_is_not_blamed_on_the_figures():
    class Late(bt.Strategy):
        """Sells short and leaves a limit order."""

        universe = "A"

        def next(self):
            if len(self) == 1:
                self.sell(size=18)
                self.sell(size=1, exectype=bt.Order.Limit, price=1e6)

    events = simulate(bring(Late)(), make_bars({"A": [100.0, 100, 400, 400]}), Account(cash=1000).without_costs()).events
    assert events[events["kind"] == "bankrupt"]["session"].tolist() == [pd.Timestamp("2025-01-06")]
    (detail,) = events[events["kind"] == "unfilled"]["detail"]
    assert detail.endswith("the account is bankrupt")
