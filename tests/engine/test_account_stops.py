"""Stops on the account: what they close, when, and when targets count again; markets of a few bars, worked out on paper."""

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.account_stops import GroupStop, HeldBack, PairStop, PortfolioStop, pause_of
from dipfolio.engine.exits import Exit, HoldFor, StopLoss
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, no_instruction
from dipfolio.engine.strategy_checks import check_strategy
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars
from tests.support.strategies import script

FREE = Account(cash=10_000, max_volume_share=1.0).without_costs()
FALL = [100, 100, 110, 101, 99, 98, 120, 130]  # of 100 shares: 10,000 10,000 11,000 10,100 9,900 and the open after it


def fills(idea, bars, account=FREE):
    """(row, symbol, shares, reason) of every fill."""
    result = simulate(idea, bars, account)
    return [(bars.sessions.get_loc(f.session), f.symbol, f.shares, f.reason) for f in result.fills.itertuples()]


def events(idea, bars, kind, account=FREE):
    table = simulate(idea, bars, account).events
    return [(bars.sessions.get_loc(row.session), row.detail) for row in table.itertuples() if row.kind == kind]


def test_a_portfolio_stop_closes_everything_ten_percent_below_the_peak():
    # the peak is 11,000 on row 2; 9,900 on row 4 is ten per cent below it, and 10,100 on row 3 is not; out at the open of row 5
    bars = make_bars({"A": FALL})
    idea = script({0: {"A": 100}}, exits=(PortfolioStop(0.1),))
    assert fills(idea, bars) == [(1, "A", 100, "target"), (5, "A", -100, "portfolio stop 0.1")]
    said = "portfolio stop 0.1: equity 9,900.00 is 10.00% under its peak of 11,000.00; re-entry: new-target"
    assert events(idea, bars, "stopped") == [(4, said)]


def test_the_peak_counts_idle_cash_and_every_symbol():
    # 50 shares each: A gains what B loses until row 3, where both have lost 5 % of the account
    bars = make_bars({"A": [100, 100, 110, 95, 95], "B": [100, 100, 90, 95, 95]})
    idea = script({0: {"A": 50, "B": 50}}, universe="A,B", exits=(PortfolioStop(0.05, fill="close"),))
    assert fills(idea, bars)[2:] == [(4, "A", -50, "portfolio stop 0.05"), (4, "B", -50, "portfolio stop 0.05")]
    idle = script({0: {"A": 5, "B": 5}}, universe="A,B", exits=(PortfolioStop(0.05),))  # a twentieth of half of one per cent
    assert len(fills(idle, bars)) == 2


STANDING = {row: {"A": 100} for row in range(7)}


@pytest.mark.parametrize(
    ("reenter", "rows", "entered"),
    [
        ("never", STANDING, [1]),
        ("new-target", STANDING, [1]),  # it has stood since the stop
        ("new-target", {**STANDING, 5: {"A": 0}}, [1, 7]),  # 0 on row 5, so the target of row 6 is a new one
        ("new-target", {**STANDING, 5: {}}, [1, 7]),  # and so it is after a close without an instruction
        ("new-target", {**STANDING, 5: {"A": -10}}, [1, 6, 7]),  # the other side at once, then back
        (1, STANDING, [1, 6]),  # stopped on the close of row 4, so the close of row 5 counts
        (2, STANDING, [1, 7]),
        (3, STANDING, [1]),  # the close of row 7 is the last of the data
    ],
)
def test_when_targets_count_again(reenter, rows, entered):
    bars = make_bars({"A": FALL})
    idea = script(rows, exits=(PortfolioStop(0.1, reenter=reenter),))
    trades = [row for row, _, shares, reason in fills(idea, bars) if reason != "portfolio stop 0.1"]
    assert trades == entered
    held_back = [row for row, _ in events(idea, bars, "held back")]
    assert held_back == [4]


def test_the_peak_counts_anew_after_the_stop():
    # out at 98 with 9,800; 100 shares again at the open of row 6 at 98: 9,800 is the peak, 8,820 is ten per cent below it
    bars = make_bars({"A": [100, 100, 110, 99, 98, 98, 98, 88.3, 88.2, 88.2]})
    rows = {row: {"A": 100} for row in range(9)}
    idea = script(rows, exits=(PortfolioStop(0.1, reenter=1),))
    assert [(row, shares) for row, _, shares, _ in fills(idea, bars)] == [(1, 100), (4, -100), (5, 100), (9, -100)]


def test_two_portfolio_stops_have_a_peak_each():
    # the first stops at ten per cent and comes back; the second still has the peak of 11,000, 20 % above 8,800
    bars = make_bars({"A": [100, 100, 110, 99, 99, 99, 99, 88, 88, 88, 88]})
    rows = {row: {"A": 100} for row in range(10)}
    exits = (PortfolioStop(0.1, reenter=1), PortfolioStop(0.2, reenter="never"))
    idea = script(rows, exits=exits)
    assert [(row, shares) for row, _, shares, _ in fills(idea, bars)] == [(1, 100), (4, -100), (5, 100), (8, -100)]
    assert [detail.split(":")[0] for _, detail in events(idea, bars, "stopped")] == [
        "portfolio stop 0.1", "portfolio stop 0.1", "portfolio stop 0.2"
    ]  # fmt: skip


def test_an_account_whose_last_trade_has_just_ended_is_stopped_too():
    # the trade ends at the close of row 3, 10 % below the peak; the target of row 3 would open on row 4
    bars = make_bars({"A": [100, 100, 110, 99, 99, 99, 99]})
    rows = {0: {"A": 100}, 4: {"A": 100}}
    ended = (HoldFor(2), PortfolioStop(0.1, reenter="never"))
    assert [(row, shares) for row, _, shares, _ in fills(script(rows, exits=ended), bars)] == [(1, 100), (3, -100)]
    assert [(row, shares) for row, _, shares, _ in fills(script(rows, exits=ended[:1]), bars)][2:] == [(5, 100)]


def test_a_margin_call_on_the_close_of_a_stop_holds_targets_back_as_the_stop_does():
    # two times the equity in A: 20 % down is 40 % of the equity, under the maintenance margin of 50 %
    bars = make_bars({"A": [100, 100, 80, 80, 80, 80]})
    account = Account(cash=10_000, maintenance_long=0.5, max_volume_share=1.0).without_costs()
    rows = {0: {"A": 200}, 3: {"A": 10}}  # a new target on row 3
    assert [row for row, *_ in fills(script(rows), bars, account)] == [1, 3, 4]
    idea = script(rows, exits=(PortfolioStop(0.3, reenter="never"),))
    assert [(row, reason) for row, _, _, reason in fills(idea, bars, account)] == [(1, "target"), (3, "margin call")]


def test_a_group_stop_looks_at_the_joint_loss_in_dollars():
    # 60 A at 100 and 100 short B at 40: 10,000 in both. A 96, B 41: -240 - 100; A 94, B 41.4: -360 - 140 = 5 %
    bars = make_bars({"A": [100, 100, 96, 94, 94], "B": [40, 40, 41, 41.4, 41.4], "C": [50, 50, 20, 20, 20]})
    rows = {0: {"A": 60, "B": -100, "C": 1}}
    idea = script(rows, universe="A,B,C", exits=(GroupStop(0.05, ("A,B",)),))
    assert fills(idea, bars)[3:] == [(4, "A", -60, "group stop 0.05"), (4, "B", 100, "group stop 0.05")]
    together = script(rows, universe="A,B,C", exits=(GroupStop(0.05),))  # C has lost 30 of 10,050: 370 is less than 5 %
    assert [symbol for _, symbol, *_ in fills(together, bars)[3:]] == ["A", "B", "C"]
    assert fills(together, bars)[3][0] == 4


def test_the_loss_of_a_group_is_after_costs():
    # 5 dollars of commission for 100 shares each way, and 1 dollar a share of dividend: -400 - 5 + 100 = -305 of 10,000
    bars = make_bars({"A": [100, 100, 96, 96, 96]}, dividends={"A": {2: 1.0}})
    account = Account(cash=20_000, commission_per_share=0.05, max_volume_share=1.0, slippage_bps=0, sec_taf=False)
    for loss, count in ((0.0305, 2), (0.030501, 1)):
        assert len(fills(script({0: {"A": 100}}, exits=(GroupStop(loss),)), bars, account)) == count


def test_a_pair_stop_takes_the_partner_along_with_a_leg_that_another_rule_closes():
    bars = make_bars({"A": [100, 100, 94, 94, 94], "B": [100, 100, 104, 104, 104]})
    rows = {0: {"A": 50, "B": 50}}
    exits = (StopLoss(0.05), PairStop(0.5))
    idea = script(rows, universe="A,B", exits=exits)
    assert fills(idea, bars)[2:] == [(3, "A", -50, "stop loss 0.05"), (3, "B", -50, "pair stop 0.5, partner")]
    assert fills(script(rows, universe="A,B", exits=exits[::-1]), bars) == fills(idea, bars)
    at_close = script(rows, universe="A,B", exits=(OneLeg(), PairStop(0.5)))
    assert [(row, symbol, at) for row, symbol, _, at in fills(at_close, bars)][2:] == [
        (2, "A", "one leg"), (2, "B", "pair stop 0.5, partner")
    ]  # fmt: skip


class OneLeg(Exit):
    """The first symbol at the close after that of its entry."""

    fill = "close"

    def __str__(self):
        return "one leg"

    def closes(self, trades, bar):
        return np.array([True, False])


def test_a_leg_that_is_gone_within_a_session_takes_its_partner_in_the_next():
    lows = {"A": [100, 100, 94, 100, 100]}
    bars = make_bars({"A": [100.0] * 5, "B": [100.0] * 5}, lows=lows)
    idea = script({0: {"A": 50, "B": -50}}, universe="A,B", exits=(StopLoss(0.05, intraday=True), PairStop(0.5)))
    assert fills(idea, bars)[2:] == [(2, "A", -50, "stop loss 0.05"), (3, "B", 50, "pair stop 0.5")]


def test_a_leg_that_was_never_opened_leaves_no_naked_partner():
    volumes = {"A": [0] * 5, "B": [1e6] * 5}  # A cannot be bought for want of volume
    bars = make_bars({"A": [100.0] * 5, "B": [100.0] * 5}, volumes=volumes)
    idea = script({0: {"A": 50, "B": -50}}, universe="A,B", exits=(PairStop(0.5),))
    assert fills(idea, bars) == [(1, "B", -50, "target"), (2, "B", 50, "pair stop 0.5")]


class SmallPairs(Strategy):
    """Short the first of two symbols against the second while it is rich."""

    universe: str = "A,B"
    stop: float = 0.02
    joint: bool = True

    @property
    def exits(self):
        return (PairStop(self.stop),) if self.joint else (StopLoss(self.stop),)

    def targets(self, bars):
        spread = np.log(bars.close["A"]) - np.log(bars.close["B"])
        z = (spread - spread.rolling(10).mean()) / spread.rolling(10).std()
        table = no_instruction(bars)
        table.loc[z > 1.2, ["A", "B"]] = [-0.5, 0.5]
        table.loc[z < 0, :] = 0.0
        return table


def noisy(seed, sessions=250):
    rng = np.random.default_rng(seed)
    closes = {symbol: np.round(100 * np.exp(rng.normal(0, 0.02, sessions).cumsum()), 2) for symbol in "AB"}
    return make_bars(closes)


def test_no_leg_of_a_pair_is_naked_on_any_close_with_a_pair_stop():
    naked = {}
    for joint in (True, False):
        held = pd.concat([simulate(SmallPairs(joint=joint), noisy(seed)).positions != 0 for seed in range(3)])
        naked[joint] = int((held["A"] != held["B"]).sum())
    assert naked[True] == 0
    assert naked[False] > 20  # as it was with a stop on each leg


def test_it_passes_the_checks_of_strategies():
    assert not [found for found in check_strategy(SmallPairs, noisy(1, 80), sessions=12) if found.failed]


class Careful(Exit):
    """A user's own rule on the account: out of the losing trades while the account is below its peak and owes money."""

    fill = "close"

    def __str__(self):
        return "careful"

    def closes(self, trades, bar):
        return (bar.account.profit < 0) & (bar.account.drawdown > 0.01) & (bar.account.cash < 0)


def test_a_rule_of_the_users_own_can_look_at_the_account():
    bars = make_bars({"A": [100, 100, 97, 97, 97], "B": [100, 100, 101, 101, 101]})
    rows = {0: {"A": 60, "B": 60}}
    assert fills(script(rows, universe="A,B", exits=(Careful(),)), bars)[2:] == [(3, "A", -60, "careful")]
    paid = {0: {"A": 40, "B": 40}}
    assert len(fills(script(paid, universe="A,B", exits=(Careful(),)), bars)) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: PortfolioStop(0.0), "between 0 and 1"), (lambda: PortfolioStop(1.0), "between 0 and 1"),
        (lambda: PortfolioStop(0.1, reenter="later"), "'never', 'new-target' or a number"),
        (lambda: PortfolioStop(0.1, reenter=0), "at least 1"), (lambda: PortfolioStop(0.1, reenter=True), "at least 1"),
        (lambda: GroupStop(-0.1), "above 0"), (lambda: PairStop(float("nan")), "above 0"),
        (lambda: GroupStop(0.1, ("X,Y",)).members(("A", "B")), "trades no symbol of 'X,Y'; it trades A,B"),
        (lambda: PairStop(0.1).members(("A", "B", "C")), "pairs of two symbols each"),
        (lambda: PairStop(0.1, ("A,B", "B,C")).members(("A", "B", "C")), "pairs of two symbols each"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ParameterError, match=message):
        wrong()


def test_a_group_may_be_one_text_and_a_named_group():
    assert GroupStop(0.1, "A,B") == GroupStop(0.1, ("A,B",))
    symbols = ("NVDA", "SMH", "META")
    assert GroupStop(0.1, ("magnificent-seven",)).members(symbols).tolist() == [[True, False, True]]


def test_what_is_held_back_by_hand():
    held = HeldBack((3,))
    held.stop(np.array([True, True, False]), np.array([0.5, np.nan, 1.0]), 4, pause_of("new-target"))
    assert held.targets(4).tolist() == [True, False, False]
    held.stop(np.array([False, False, True]), np.zeros(3), 4, pause_of(2))
    assert [held.targets(row).tolist()[2] for row in (4, 5, 6)] == [True, True, False]
    held.let_go(np.array([0.1, 0.0, 0.0]))
    assert held.targets(9).tolist() == [True, False, False]
    held.let_go(np.array([np.nan, 0.0, 0.0]))
    assert not held.targets(9).any()
