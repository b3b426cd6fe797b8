"""Exits of many variants are asked at once where their arithmetic allows it, and once for each value where not."""

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.account_stops import GroupStop, PairStop, PortfolioStop
from dipfolio.engine.exits import (
    At,
    Bar,
    ChandelierExit,
    Exit,
    HoldFor,
    OpenTrades,
    PriceHistory,
    Recovered,
    StopLoss,
    TakeProfit,
    TrailingStop,
)
from dipfolio.engine.parameters import parameter
from dipfolio.engine.simulation import run_simulation
from dipfolio.engine.strategy import Strategy, no_instruction
from dipfolio.engine.strategy_checks import check_strategy
from dipfolio.sweep.batches import make_batches
from dipfolio.sweep.exits import ExitKind, exit_slots, stack_exits
from dipfolio.sweep.simulator import simulate_batch
from tests.support.markets import make_bars

PAST = np.random.default_rng(2).uniform([[[95.0, 48]]], [[[104.0, 51]]], (5, 9, 2))
PAST[1], PAST[2] = PAST.max(axis=0), PAST.min(axis=0)
PAST[:4, -1] = [[100.0, 50], [104.0, 51], [95.0, 48], [97.0, 50]]
BAR = Bar(
    history=PriceHistory(PAST), number=6, session=np.datetime64("2025-01-24"), next_session=np.datetime64("2025-01-27"),
    open=np.array([100.0, 50]), high=np.array([104.0, 51]), low=np.array([95.0, 48]), close=np.array([97.0, 50]),
)  # fmt: skip


def trades(variants):
    rng = np.random.default_rng(1)
    shape = (variants, 2)
    price = [np.round(BAR.close * rng.uniform(0.9, 1.1, shape), 2) for _ in range(4)]
    return OpenTrades(
        side=rng.choice([-1, 1], shape), entry_price=price[0], entry_session=rng.integers(0, 6, shape), best=price[1],
        decided=price[2], before=price[3],
    )  # fmt: skip


def alone(rule, every, variant):
    row = OpenTrades(**{name: values[variant] for name, values in vars(every).items()})
    return rule.closes(row, BAR)


@dataclass(frozen=True)
class Counted(Exit):
    """Counts how often it is asked, and could not answer for an array."""

    size: float
    fill = "open"
    asked = []  # noqa: RUF012 - shared on purpose

    def __str__(self):
        return "counted"

    def closes(self, trades, bar):
        self.asked.append(self.size)
        return bar.close > trades.entry_price if self.size > 0.02 else bar.close < trades.entry_price


@pytest.mark.parametrize(
    "rules",
    [
        [HoldFor(k) for k in (1, 3, 5)], [StopLoss(k) for k in (0.01, 0.02, 0.05)], [TakeProfit(k) for k in (0.01, 0.02, 0.05)],
        [TrailingStop(k) for k in (0.01, 0.02, 0.05)], [Recovered("entry"), Recovered(), Recovered("entry")],
        [ChandelierExit(k) for k in (0.1, 0.5, 1.0)], [ChandelierExit(k, k) for k in (1, 3, 8)],
        [ChandelierExit(0.5, k) for k in (2, 8, 9)], [At(date(2025, 1, 27)), At(date(2025, 1, 24)), At(date(2025, 1, 25))],
        [Counted(0.01), Counted(0.05), Counted(0.01)],
    ],
)  # fmt: skip
def test_every_variant_gets_the_answer_of_its_own_rule(rules):
    every, (slot,) = trades(3), exit_slots([(rule,) for rule in rules])
    together = slot.closes(every, BAR)
    for variant, rule in enumerate(rules):
        np.testing.assert_array_equal(together[variant], alone(rule, every, variant))


def test_a_rule_of_ones_own_is_asked_once_for_each_value():
    Counted.asked.clear()
    (slot,) = exit_slots([(Counted(size),) for size in (0.01, 0.05, 0.01, 0.05, 0.01)])
    slot.closes(trades(5), BAR)
    assert Counted.asked == [0.01, 0.05]


def test_numbers_become_one_array_and_words_do_not():
    one = stack_exits([StopLoss(0.01), StopLoss(0.02)])
    assert one.fraction.tolist() == [[0.01], [0.02]]
    assert stack_exits([HoldFor(4), HoldFor(4)]).sessions == 4
    assert stack_exits([Recovered("entry"), Recovered("decision")]) is None
    assert stack_exits([Counted(0.01), Counted(0.01)]) is None


def test_a_resting_rule_is_of_another_kind_than_one_on_closes():
    assert ExitKind.of(StopLoss(0.1)) == ExitKind.of(StopLoss(0.2))
    assert ExitKind.of(StopLoss(0.1)) != ExitKind.of(StopLoss(0.1, intraday=True))
    assert ExitKind.of(HoldFor(1)) != ExitKind.of(HoldFor(1, fill="open"))


# ---- a run and its cell of a sweep ----


class BelowTheMean(Exit):
    """A user's own rule that looks back: out where the close is on the wrong side of its mean."""

    window: int
    fill = "open"

    def __str__(self):
        return "below the mean"

    def closes(self, trades, bar):
        mean = bar.history.close[-self.window :].mean(axis=0)
        return trades.side * (bar.close - mean) < 0


class InAndOut(Strategy):
    """Enters every tenth session, long in one symbol and short in the other, and leaves by rules that look back."""

    universe: str = parameter("A,B", help="symbols")
    multiple: float = parameter(2.0, help="average true ranges")
    window: int = parameter(5, help="sessions of the average")

    @property
    def exits(self):
        return (ChandelierExit(self.multiple, self.window), BelowTheMean(4 * self.window))

    def targets(self, bars):
        wanted = no_instruction(bars)
        wanted.iloc[::10] = [0.4, -0.4]
        return wanted


@pytest.fixture(scope="module")
def bars():
    rng = np.random.default_rng(11)
    close = 100 * np.exp(rng.normal(0, 0.02, (120, 2)).cumsum(axis=0))
    close[:15, 1] = np.nan  # listed later
    high, low = close * (1 + rng.uniform(0, 0.02, close.shape)), close * (1 - rng.uniform(0, 0.02, close.shape))
    tables = ({"A": values[:, 0], "B": values[:, 1]} for values in (close, high, low))
    return make_bars(next(tables), highs=next(tables), lows=next(tables))


@pytest.mark.parametrize("first", [0, 37])
def test_a_cell_of_a_sweep_with_rules_that_look_back_is_the_run_to_the_cent(bars, first):
    variants = [InAndOut(multiple=multiple, window=window) for multiple in (0.5, 1.0, 2.5) for window in (1, 3, 22)]
    seen = 0
    for places, batch in make_batches(variants, bars, Account(), first):
        batch_log = simulate_batch(batch)
        for column, place in enumerate(places):
            run_log = run_simulation(variants[place], bars, Account(), first)
            np.testing.assert_allclose(batch_log.equity[:, column], run_log.equity, rtol=0, atol=0.005)
            assert {fill.reason for fill in run_log.fills} > {"target"}
            seen += 1
    assert seen == len(variants)


class Careful(Exit):
    """A user's own rule that no array could go through, and that looks at the account of its variant."""

    most: float
    fill = "close"

    def __str__(self):
        return "careful"

    def closes(self, trades, bar):
        return bar.account.profit < -self.most * bar.account.equity if self.most else np.full(trades.side.shape, False)


class Stopped(InAndOut):
    """The same with stops on the account."""

    stop: float = parameter(0.05, help="fall from the peak")
    reenter: str = parameter("new-target", help="when targets count again")
    joint: float = parameter(0.02, help="joint loss")
    most: float = parameter(0.005, help="loss of a trade, of the equity")

    @property
    def exits(self):
        again = int(self.reenter) if self.reenter.isdecimal() else self.reenter
        return (
            PortfolioStop(self.stop, reenter=again), Careful(self.most), GroupStop(self.joint, ("A",), reenter=3),
            ChandelierExit(self.multiple, self.window), PairStop(self.joint, reenter=again),
        )  # fmt: skip


@pytest.mark.parametrize("first", [0, 37])
def test_a_cell_of_a_sweep_with_stops_on_the_account_is_the_run_to_the_cent(bars, first):
    choices = itertools.product((0.005, 0.02, 0.2), ("new-target", "never", "2", "15"), (0.01, 0.1), (0.0, 0.003))
    variants = [Stopped(stop=stop, reenter=again, joint=joint, most=most) for stop, again, joint, most in choices]
    seen = Counter()
    for places, batch in make_batches(variants, bars, Account(), first):
        assert len(batch) == len(variants)
        batch_log = simulate_batch(batch)
        for column, place in enumerate(places):
            run_log = run_simulation(variants[place], bars, Account(), first)
            np.testing.assert_allclose(batch_log.equity[:, column], run_log.equity, rtol=0, atol=0.005)
            seen.update({fill.reason.split(" 0.")[0] for fill in run_log.fills})
    assert {"portfolio stop", "pair stop", "group stop", "careful"} <= {reason for reason, count in seen.items() if count > 3}


def test_the_check_finds_no_look_ahead_in_rules_that_look_back(bars):
    findings = {finding.question: finding.passed for finding in check_strategy(InAndOut, bars)}
    assert findings["decisions do not look ahead"]
    assert findings["orders and fills do not look ahead"]
    assert findings["runs repeat exactly"]
