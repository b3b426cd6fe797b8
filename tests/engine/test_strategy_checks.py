import re
from dataclasses import dataclass, make_dataclass
from pathlib import Path

import backtrader as bt
import numpy as np
import pytest

from dipfolio.engine.exits import HoldFor
from dipfolio.engine.parameters import parameter
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, no_instruction, wrap_backtrader
from dipfolio.engine.strategy_checks import check_strategy
from dipfolio.errors import ParameterError, StrategyError
from tests.support.markets import make_bars

SESSIONS = 60


@pytest.fixture(scope="module")
def bars():
    steps = np.random.default_rng(7).normal(0, 0.02, (SESSIONS, 2))
    prices = 100 * np.exp(steps.cumsum(axis=0))
    return make_bars({"A": prices[:, 0], "B": prices[:, 1]})


def failed(kind, bars):
    return {finding.question for finding in check_strategy(kind, bars) if not finding.passed}


@dataclass(frozen=True, kw_only=True)
class Honest(Strategy):
    """Buys after a fall and holds for a while."""

    universe: str = parameter("A,B", help="symbols")
    drop: float = parameter(0.02, help="fall that is bought")
    hold: int = parameter(3, help="sessions to hold")

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    def targets(self, bars):
        return no_instruction(bars).mask(bars.returns <= -self.drop, 0.4)


def test_an_honest_strategy_passes_every_question(bars):
    findings = check_strategy(Honest, bars)
    assert [finding.passed for finding in findings] == [True] * 5


@dataclass(frozen=True, kw_only=True)
class PeeksOneBar(Honest):
    """Buys before a rise."""

    def targets(self, bars):
        return no_instruction(bars).mask(bars.returns.shift(-1) > 0.02, 0.4)


@dataclass(frozen=True, kw_only=True)
class UsesTheMeanOfEverything(Honest):
    """Buys below an average that nobody knew."""

    def targets(self, bars):
        return no_instruction(bars).mask(bars.close < bars.close.mean(), 0.4)


@dataclass(frozen=True, kw_only=True)
class FillsBackwards(Honest):
    """Fills gaps of its signal with what came later."""

    def targets(self, bars):
        signal = bars.returns.where(bars.returns.abs() > 0.03)
        return no_instruction(bars).mask(signal.bfill() > 0, 0.4)


@pytest.mark.parametrize("kind", [PeeksOneBar, UsesTheMeanOfEverything, FillsBackwards])
def test_a_planted_look_ahead_is_caught(kind, bars):
    assert failed(kind, bars) >= {"decisions do not look ahead", "orders and fills do not look ahead"}


def test_the_finding_names_the_symbol_and_the_session(bars):
    finding = check_strategy(PeeksOneBar, bars)[0]
    assert "the target of " in finding.detail
    assert "2025-0" in finding.detail


class PeeksInBacktrader(bt.Strategy):
    """Looks at the next close."""

    universe = "A"

    def next(self):
        if len(self) < self.data.buflen() and self.data.close[1] > self.data.close[0] and not self.position:
            self.buy(size=10)
        elif self.position:
            self.close()


class HonestInBacktrader(bt.Strategy):
    """Looks at the last close."""

    universe = "A"

    def next(self):
        if len(self) > 1 and self.data.close[0] > self.data.close[-1] and not self.position:
            self.buy(size=10)
        elif self.position:
            self.close()


def test_a_planted_look_ahead_in_a_backtrader_strategy_is_caught(bars):
    (finding,) = check_strategy(wrap_backtrader(PeeksInBacktrader), bars)
    assert (finding.question, finding.passed) == ("can be run", False)
    assert re.search(r"in line \d+ of test_strategy_checks.py: data.close\[1\] of A was read on 2025-01-02", finding.detail)
    assert failed(wrap_backtrader(HonestInBacktrader), bars) == set()


class KnowsTheEnd(bt.Strategy):
    """Buys in the session before the last one of the run, whatever its date."""

    universe = "A"

    def next(self):
        if len(self) == self.data.buflen() - 1:
            self.buy(size=10)


def test_orders_that_depend_on_where_the_data_end_are_caught(bars):
    assert failed(wrap_backtrader(KnowsTheEnd), bars) == {"orders and fills do not look ahead"}


def test_a_strategy_that_rolls_dice_does_not_repeat(bars):
    @dataclass(frozen=True, kw_only=True)
    class Dice(Honest):
        """Buys at random."""

        def targets(self, bars):
            return no_instruction(bars).mask(np.random.default_rng().random(bars.close.shape) > 0.5, 0.4)

    assert "runs repeat exactly" in failed(Dice, bars)


def test_the_first_order_that_does_not_repeat_is_named(bars):
    runs = []

    @dataclass(frozen=True, kw_only=True)
    class Wavers(Honest):
        """Buys three symbols' worth of trades, the last of them of another size each time it is asked."""

        def targets(self, bars):
            runs.append(None)
            wanted = no_instruction(bars)
            wanted.iloc[[10, 20], 0] = 0.1, 0.2
            wanted.iloc[-5, 1] = 0.1 + 0.001 * len(runs)
            return wanted

    findings = {finding.question: finding for finding in check_strategy(Wavers, bars)}
    assert findings["runs repeat exactly"].detail == "the orders up to it differ from number 5 on"


def test_an_order_that_is_missing_the_second_time_is_named(bars):
    runs = []

    @dataclass(frozen=True, kw_only=True)
    class Forgets(Honest):
        """Trades less each time it is asked."""

        def targets(self, bars):
            runs.append(None)
            wanted = no_instruction(bars)
            wanted.iloc[range(10, 50 - 5 * len(runs), 5), 0] = 0.1
            return wanted

    findings = {finding.question: finding for finding in check_strategy(Forgets, bars, sessions=1)}
    detail = findings["runs repeat exactly"].detail
    assert not findings["runs repeat exactly"].passed
    assert detail.startswith("the orders up to it differ from number ")


def test_missing_words_are_missed(bars):
    @dataclass(frozen=True, kw_only=True)
    class Silent(Honest):
        extra: int = parameter(1, help="")

        def __post_init__(self):
            super().__post_init__()
            if self.extra < 0:
                raise ParameterError("no")

    findings = {finding.question: finding for finding in check_strategy(Silent, bars)}
    assert findings["class and parameters are explained"].detail == "Silent has no docstring"
    Silent.__doc__ = "Says something."
    findings = {finding.question: finding for finding in check_strategy(Silent, bars)}
    assert findings["class and parameters are explained"].detail == "the parameter extra has no help"


def test_a_parameter_that_takes_anything_is_named(bars):
    @dataclass(frozen=True, kw_only=True)
    class Careless(Honest):
        """Takes any count."""

        window: int = parameter(3, help="sessions to look back")

    findings = {finding.question: finding for finding in check_strategy(Careless, bars)}
    assert findings["parameters refuse nonsense"].detail == "window = -1 is accepted"


@pytest.mark.parametrize(("default", "detail"), [(0.5, "size = nan is accepted"), (3, "size = -1 is accepted"), ("A", "")])
def test_a_strategy_that_does_not_look_at_its_numbers_is_told(bars, default, detail):
    @dataclass(frozen=True, kw_only=True)
    class Blind(Honest):
        """Takes whatever it is given."""

        def __post_init__(self):
            if self.hold < 1 or not np.isfinite(self.drop):
                raise ParameterError("no")

    fields = [("size", type(default), parameter(default, help="of something"))]
    kind = make_dataclass("Blind", fields, bases=(Blind,), frozen=True, kw_only=True, namespace={"__doc__": Blind.__doc__})
    kind.__module__ = __name__
    findings = {finding.question: finding for finding in check_strategy(kind, bars)}
    nonsense = findings["parameters refuse nonsense"]
    assert (nonsense.passed, nonsense.detail) == (not detail, detail or "negative counts, nan and inf")


def test_a_strategy_that_fails_on_a_short_history_is_told(bars):
    @dataclass(frozen=True, kw_only=True)
    class NeedsAll(Honest):
        """Needs sixty sessions."""

        def targets(self, bars):
            return no_instruction(bars).mask(bars.close > bars.close.iloc[SESSIONS - 1], 0.4)

    detail = check_strategy(NeedsAll, bars)[0].detail
    assert re.match(r"needs-all failed in line \d+ of test_strategy_checks\.py: IndexError: .* when what follows", detail)


def test_the_bars_on_disk_are_enough_for_the_shipped_strategy():
    from dipfolio.data.folder import load_bars
    from dipfolio.engine.loader import load_strategy

    root = Path(__file__).parents[2]
    kind = load_strategy(root / "strategies", "buy-the-dip")
    assert all(finding.passed for finding in check_strategy(kind, load_bars(root / "data"), sessions=6))


@dataclass(frozen=True, kw_only=True)
class FailsOnNonsense(Honest):
    """Buys the lowest close of some sessions."""

    back: int = parameter(5, help="sessions to look back")
    ahead: bool = parameter(False, help="look at the sessions around")

    def targets(self, bars):
        lowest = bars.close.rolling(self.back, center=self.ahead).min()
        return no_instruction(bars).mask(bars.close <= lowest, 0.4)


def test_code_that_fails_on_nonsense_is_told_and_hides_nothing_else(bars):
    told = {finding.question: finding for finding in check_strategy(FailsOnNonsense, bars)}
    nonsense = told.pop("parameters refuse nonsense")
    assert not nonsense.passed
    assert "back = -1 ends in ValueError: window must be" in nonsense.detail
    assert "refuse it with a ParameterError" in nonsense.detail
    assert all(finding.passed for finding in told.values())
    fields = [("ahead", bool, parameter(True, help="look"))]
    peeking = make_dataclass("Peeking", fields, bases=(FailsOnNonsense,), frozen=True, kw_only=True)
    peeking.__doc__ = "Looks ahead."
    assert "decisions do not look ahead" in failed(peeking, bars)


def test_code_that_fails_is_one_line_with_its_place_and_parameters(bars):
    said = r"fails-on-nonsense with back = -1 failed in line \d+ of test_strategy_checks\.py: ValueError: "
    with pytest.raises(StrategyError, match=said) as caught:
        simulate(FailsOnNonsense(back=-1), bars)
    assert isinstance(caught.value.__cause__, ValueError)
