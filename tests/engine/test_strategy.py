"""What is known of an idea: its name, its title and what was changed in it."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from abc import ABC
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntFlag
from pathlib import Path
from typing import ClassVar, Final, Literal

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.exits import At, Exit, HoldFor, StopLoss
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.parameters import list_parameters, parameter
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, StrategyBase, is_backtrader_strategy, no_instruction, wrap_backtrader
from dipfolio.errors import ParameterError, StrategyError
from dipfolio.sweep.exits import ExitKind, exit_slots
from tests.support.markets import make_bars


@dataclass(frozen=True, kw_only=True)
class BuyLow5Times(StrategyBase):
    """Buys low.

    And waits.
    """

    universe: str = parameter("A,B", help="symbols")
    hold: int = parameter(5, help="sessions")


def test_what_is_changed_is_what_differs_from_its_default_whether_more_or_less():
    assert BuyLow5Times().changed == {}
    assert BuyLow5Times(hold=7).changed == {"hold": 7}
    assert BuyLow5Times(hold=3).changed == {"hold": 3}
    assert BuyLow5Times(universe="A").changed == {"universe": "A"}
    assert BuyLow5Times(universe="A").parameters == {"universe": "A", "hold": 5}


def test_the_name_of_a_class_that_is_in_no_strategy_file_is_its_own_with_hyphens():
    assert BuyLow5Times().name == "buy-low5-times"
    assert BuyLow5Times().title == "Buys low."
    assert BuyLow5Times().symbols == ("A", "B")


ROOT = Path(__file__).parents[2]
FREE = Account(fractional=True).without_costs()


class Bought(Strategy):
    """Buy the first close, and hold for some sessions."""

    universe: str = parameter("A", help="symbols")
    hold: int = parameter(2, help="sessions")
    side: Literal["buy", "sell"] = parameter("buy", help="which way")

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    def targets(self, bars):
        wanted = no_instruction(bars)
        wanted.iloc[0] = 0.5 if self.side == "buy" else -0.5
        return wanted


class Longer(Bought):
    """The same for longer."""

    hold: int = 4


class Unannotated(Bought):
    """The same for longer."""

    hold = 4


@dataclass(frozen=True, kw_only=True)
class Decorated(Bought):
    """The same for longer."""

    hold: int = parameter(4, help="sessions")


class Mixin:
    """A plain class with an option."""

    hold: int = 4
    extra: float = 0.5


class Mixed(Mixin, Bought):
    """The same for longer."""


class Grandchild(Decorated):
    """The same."""


VARIANTS = [Longer, Unannotated, Decorated, Mixed, Grandchild]


def described(kind):
    return {item.name: (item.kind, item.default, item.choices, item.help) for item in list_parameters(kind)}


@pytest.mark.parametrize("kind", VARIANTS)
def test_a_new_default_is_used_however_it_is_written(kind):
    assert kind().hold == kind.hold == 4
    assert kind(hold=3).changed == {"hold": 3}
    assert described(kind)["hold"] == (int, 4, (), "sessions")
    result = simulate(kind(), make_bars({"A": [100.0, 100, 110, 120, 130, 140]}), FREE)
    # bought at the second open, held for four sessions after it
    assert result.trades[["entry_price", "exit_price"]].to_numpy().tolist() == [[100, 140]]


@pytest.mark.parametrize("kind", VARIANTS)
def test_a_strategy_is_a_value(kind):
    one = kind(hold=3)
    assert one == kind(hold=3) != kind(hold=4)
    assert len({one, kind(hold=3)}) == 1
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == dataclasses.replace(kind(), hold=3) == one  # noqa: S301
    assert repr(one).startswith(f"{kind.__name__}(universe='A', fill='open', hold=3, side='buy'")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.hold = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.hold
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.memory = 5
    with pytest.raises(TypeError):
        kind(5)


def test_a_bare_option_has_no_help_and_one_of_a_mixin_counts():
    assert described(Mixed)["extra"] == (float, 0.5, (), "")
    assert Mixed(extra=0.25).changed == {"extra": 0.25}


def test_text_that_had_choices_keeps_them():
    class Sold(Bought):
        side: str = "sell"
        fill: str = parameter("close", help="where")

    assert described(Sold)["side"] == (str, "sell", ("buy", "sell"), "which way")
    with pytest.raises(ParameterError, match="fill must be one of open, close, found 'noon'"):
        Sold(fill="noon")


def test_types_may_be_written_as_text():
    class Quoted(Bought):
        hold: "int" = 4
        limit: "float | None" = None
        day: "date" = date(2025, 1, 27)
        rows: "ClassVar[dict]" = {}  # noqa: RUF012 - as a user writes it

    assert described(Quoted)["limit"] == (float, None, (), "")
    assert (Quoted().hold, Quoted().day) == (4, date(2025, 1, 27))
    assert "rows" not in described(Quoted)


def test_a_type_that_cannot_be_found_is_one_line():
    class Lost(Bought):
        day: "Day" = None  # noqa: F821

    with pytest.raises(StrategyError, match="Lost: the types of its options cannot be read: name 'Day' is not defined"):
        list_parameters(Lost)


def test_a_property_takes_a_parameter_away():
    class Computed(Bought):
        @property
        def hold(self):
            return 1 if self.side == "buy" else 3

    assert list(described(Computed)) == ["universe", "fill", "side"]
    assert (Computed().hold, Computed(side="sell").hold) == (1, 3)
    assert Computed(side="sell").exits == (HoldFor(3),)


def test_settings_and_constants_with_an_annotation_are_no_options():
    class Settled(Bought):
        resize: bool = True
        unit: str = "shares"
        claim: str = "A1"
        exits: tuple = (StopLoss(0.1), HoldFor(2))
        rows: ClassVar[dict] = {"A": 1}
        limit: Final = 3
        _cache: int = 0

    class Again(Settled):
        rows: dict = {"A": 2}  # noqa: RUF012 - as a user writes it

    assert list(described(Settled)) == list(described(Again)) == ["universe", "fill", "hold", "side"]
    one = Again()
    assert (one.resize, one.unit, one.claim, one.exits, one.rows) == (True, "shares", "A1", (StopLoss(0.1), HoldFor(2)), {"A": 2})
    assert (one.limit, one._cache) == (3, 0)


def test_a_setting_that_is_made_a_parameter_is_one():
    class Choosing(Bought):
        resize: bool = parameter(False, help="trade to each new target")

    assert Choosing(resize=True).resize
    assert "resize" in described(Choosing)


@pytest.mark.parametrize("rules", [HoldFor(3), [HoldFor(3)], (HoldFor(3),)])
def test_a_rule_alone_and_a_list_are_the_tuple_that_they_mean(rules):
    class Fixed(Bought):
        exits = rules

    class Answering(Bought):
        @property
        def exits(self):
            return rules

    market = make_bars({"A": [100.0, 100, 110, 120, 130, 140]})
    assert Fixed().exits == (HoldFor(3),)
    for kind in (Fixed, Answering):
        assert simulate(kind(), market, FREE).trades["exit_price"].tolist() == [130]


def test_an_abstract_parent_may_hold_the_options():
    class Parent(Strategy, ABC):
        hold: int = 3

    class Child(Parent):
        universe: str = "A"

        def targets(self, bars):
            return no_instruction(bars)

    with pytest.raises(TypeError, match="abstract"):
        Parent()
    assert Child(hold=5).parameters == {"universe": "A", "fill": "open", "hold": 5}


def defined(body, head="", decorator=""):
    """A class of that body, defined as in a file of its own."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    text = f"{head}\n{decorator}\nclass Mine(Bought):\n    'x'\n{lines}\n"
    space = {**globals(), "__name__": __name__}
    exec(text, space)  # noqa: S102
    return space["Mine"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("unit = 'share'", r"Mine\.unit must be 'weight' or 'shares', found 'share'\."),
        ("unit: str = 'share'", r"Mine\.unit must be 'weight' or 'shares', found 'share'\."),
        ("resize = 'yes'", r"Mine\.resize must be True or False, found 'yes'\."),
        ("resize = 1", r"Mine\.resize must be True or False, found 1\."),
        ("fill = 'opne'", r"Mine\.fill must be 'open' or 'close', found 'opne'\."),
        ("fill: str = 'opne'", r"Mine\.fill must be 'open' or 'close', found 'opne'\."),
        ("claim = 5", r"Mine\.claim must be text such as 'A1', found 5\."),
        ("exits = 5", r"Mine\.exits must be a tuple of rules such as \(HoldFor\(5\),\), and \(\) for none; found 5\."),
        ("exits = None", r"Mine\.exits must be a tuple of rules .*; found None\."),
        ("exits = (HoldFor,)", r"Mine\.exits has the class HoldFor; write HoldFor\(\.\.\.\), with its values\."),
        ("def exits(self):\n    return ()", r"Mine\.exits must be .*; found a method, so write @property above it\."),
        ("exit = (HoldFor(5),)", r"Mine\.exit means nothing to a strategy\. Did you mean 'exits'\?"),
        ("units = 'shares'", r"Mine\.units means nothing to a strategy\. Did you mean 'unit'\?"),
        ("symbols = 'A,B'", r"Mine\.symbols: .* write universe = 'NVDA,SMH' for what it trades\."),
        ("name = 'mine'", r"Mine\.name: every strategy has something of that name; choose another name\."),
        ("def hold(self):\n    return 5", r"Mine\.hold is a method, but hold is a parameter .* Write @property above it"),
        ("names: list = ['A']", r"Mine\.names is a list, which no option can be\. .*write names: ClassVar"),
        ("universe: list = ['A', 'B']", r"Mine\.universe is a list.*symbols are written as text with commas"),
        ("def __init__(self, hold=5):\n    self.hold = hold", r"Mine has an __init__ of its own\. Write each option as a line"),
        ("__slots__ = ()\n__dataclass_params__ = None", "Mine cannot have slots"),
    ],
)
def test_what_a_class_cannot_be_is_refused_where_it_is_defined(body, message):
    with pytest.raises(StrategyError, match=message) as caught:
        defined(body)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("@property\ndef exits(self):\n    pass", r"Mine\.exits must be a tuple of rules .*; found None\."),
        (
            "@property\ndef exits(self):\n    return 1 / 0",
            r"mine failed in line 7 of <string>: ZeroDivisionError: division by zero",
        ),
        ("@property\ndef unit(self):\n    return 'dollars'", r"Mine\.unit must be 'weight' or 'shares', found 'dollars'\."),
        ("@property\ndef fill(self):\n    return 'noon'", r"Mine\.fill must be 'open' or 'close', found 'noon'\."),
    ],
)
def test_a_setting_that_is_computed_is_looked_at_when_it_runs(body, message):
    with pytest.raises(StrategyError, match=message):
        simulate(defined(body)(), make_bars({"A": [100.0, 100, 100]}), FREE)


WRITE = r"Leave the decorator out, or write @dataclass\(frozen=True, kw_only=True\)\."


@pytest.mark.parametrize("words", ["frozen=True", "frozen=True, kw_only=True, eq=False", "frozen=True, kw_only=True, slots=True"])
def test_another_decorator_is_refused_with_the_line_to_write(words):
    with pytest.raises(StrategyError, match=WRITE):
        list_parameters(defined("hold: int = 10", decorator=f"@dataclass({words})"))


@pytest.mark.parametrize("decorator", ["@dataclass", "@dataclass()", "@dataclass(kw_only=True)", "@dataclass(frozen=True)"])
def test_in_a_file_another_decorator_is_one_line_with_the_place(tmp_path, decorator):
    head = "from dataclasses import dataclass\nfrom dipfolio import Strategy"
    text = f"{head}\n\n\n{decorator}\nclass Mine(Strategy):\n    n: int = 1\n"
    (tmp_path / "mine.py").write_text(f"{text}\n    def targets(self, bars):\n        return bars.close\n")
    with pytest.raises(StrategyError, match=WRITE) as caught:
        list_parameters(load_strategy(tmp_path, "mine"))
    assert caught.value.__cause__ is None
    if "frozen" not in decorator:
        assert str(caught.value).startswith("mine.py, line 5: ")


def test_a_fault_of_a_class_names_the_file_and_the_line(tmp_path):
    (tmp_path / "mine.py").write_text("from dipfolio import Strategy\n\n\nclass Mine(Strategy):\n    unit = 'share'\n")
    with pytest.raises(StrategyError, match=r"^mine\.py, line 4: Mine\.unit must be"):
        load_strategy(tmp_path, "mine")


def test_a_class_that_never_decides_is_named(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from dipfolio import Strategy\n\n\nclass Mine(Strategy):\n    def target(self, bars): pass\n"
    )
    with pytest.raises(StrategyError, match=r"found none \(Mine has no method named targets\)\."):
        load_strategy(tmp_path, "mine")


def test_an_undecorated_account_has_its_own_terms():
    class Dear(Account):
        slippage_bps: float = 50.0
        cash = 1000.0

    assert (Dear().slippage_bps, Dear().cash, Dear(cash=5.0).cash) == (50.0, 1000.0, 5.0)
    assert Dear().changed == {"slippage_bps": 50.0, "cash": 1000.0}
    with pytest.raises(ParameterError, match="cash must be positive"):
        Dear(cash=0.0)


class Wide(StopLoss):
    """A wider stop."""

    fraction: float = 0.5


class EveryOther(Exit):
    """Close in every other session."""

    start: int = 0
    fill = "open"

    def __str__(self):
        return "every other session"

    def closes(self, trades, bar):
        return np.full(trades.side.shape, (bar.number - self.start) % 2 == 0)


class Late(HoldFor):
    """Out at the open."""

    fill: str = "open"


class ByHand(Exit):
    """A rule with a constructor of its own."""

    fill = "close"

    def __init__(self, day):
        self.rule = At(day)

    def __str__(self):
        return "by hand"

    def closes(self, trades, bar):
        return self.rule.closes(trades, bar)


def test_an_undecorated_exit_rule_has_its_own_values():
    assert (Wide().fraction, Wide(0.2).fraction, Wide().intraday) == (0.5, 0.2, False)
    assert Late(3).fill == "open"
    assert EveryOther(1) == EveryOther(start=1) != EveryOther()
    assert hash(EveryOther(1)) == hash(EveryOther(1))
    assert ExitKind.of(Late(3)).fill == "open"
    assert len(exit_slots([(EveryOther(1),), (EveryOther(1),), (EveryOther(2),)])) == 1
    assert str(ByHand(date(2025, 1, 7))) == "by hand"


@pytest.mark.parametrize(("rule", "out"), [(Wide(0.1), 80), (EveryOther(1), 100), (Late(2), 90), (ByHand(date(2025, 1, 8)), 80)])
def test_an_exit_rule_of_ones_own_ends_the_trade(rule, out):
    class Ruled(Bought):
        exits = (rule,)

    # 2, 3, 6, 7, 8 and 10 January; the market was closed on the 9th
    market = make_bars({"A": [100.0, 100, 100, 90, 80, 80]}, opens={"A": [100.0, 100, 100, 90, 80, 80]})
    assert simulate(Ruled(), market, FREE).trades["exit_price"].tolist()[0] == out


def test_an_exit_rule_without_a_place_to_fill_is_refused():
    class Nowhere(Exit):
        def __str__(self):
            return "nowhere"

        def closes(self, trades, bar):
            return trades.side > 0

    with pytest.raises(StrategyError, match=r"Mine\.exits: Nowhere\.fill must be 'open' or 'close', found None\."):

        class Mine(Bought):
            exits = (Nowhere(),)


TYPED = '''
from dataclasses import dataclass
from datetime import date

from dipfolio.engine.account import Account
from dipfolio.engine.exits import StopLoss
from dipfolio.engine.parameters import parameter
from dipfolio.engine.strategy import Strategy, no_instruction
from dipfolio.data.bars import Bars
from pandas import DataFrame


class Parent(Strategy):
    """Trade."""

    day: date = parameter(date(2025, 1, 27), help="when")
    hold: int = 5

    def targets(self, bars: Bars) -> DataFrame:
        return no_instruction(bars)


class Child(Parent):
    """Hold longer."""

    hold: int = 10
    loud: bool = False


@dataclass(frozen=True, kw_only=True)
class Decorated(Parent):
    """Hold longer."""

    hold: int = parameter(10, help="sessions")


class Wide(StopLoss):
    """A wider stop."""

    fraction: float = 0.5


class Dear(Account):
    """A dear one."""

    slippage_bps: float = 50.0


Child(hold=3, loud=True, day=date(2025, 1, 2), universe="NVDA")
Decorated(hold=3)
Wide()
Wide(0.2, intraday=True)
Dear(cash=5.0)
'''
WRONG = {
    'Child(hold="3")': '"hold" to "Child" has incompatible type "str"; expected "int"',
    'Child("A")': "Too many positional arguments",
    "Child(hodl=3)": 'Unexpected keyword argument "hodl" for "Child"',
    "Child().hold = 3": 'Property "hold" defined in "Child" is read-only',
    "Dear(slippage=1.0)": 'Unexpected keyword argument "slippage" for "Dear"',
}


@pytest.mark.slow
def test_a_type_checker_understands_an_undecorated_class(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "typed.py").write_text(TYPED + "\n".join(WRONG))
    words = [
        "--strict",
        "--no-incremental",
        "--cache-dir",
        str(tmp_path / "cache"),
        "--config-file",
        str(ROOT / "pyproject.toml"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words, str(tmp_path / "typed.py")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = [line for line in done.stdout.splitlines() if "typed.py" in line]
    assert len(found) == len(WRONG), done.stdout
    for line, (number, message) in zip(found, enumerate(WRONG.values(), TYPED.count("\n") + 1), strict=True):
        assert f"typed.py:{number}: error: " in line
        assert message in line.replace("Argument ", "")


FREE_of_brought = Account().without_costs()


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
    kind = wrap_backtrader(SmaCross)
    assert [(p.name, p.kind, p.default, p.optional) for p in list_parameters(kind)] == [
        ("universe", str, "NVDA", False), ("fast", int, 20, False), ("slow", int, 50, False), ("stake", int, 100, False),
        ("note", float, None, True),
    ]  # fmt: skip
    assert kind().title == "A 20/50 moving-average cross."
    assert wrap_backtrader(Bracket)().universe == "A"


def test_params_that_no_command_line_can_carry_keep_their_defaults():
    seen = []

    class Odd(bt.Strategy):
        """Has a list and a private parameter."""

        params = (("days", [1, 2]), ("_secret", 3), ("stake", 5))

        def start(self):
            seen.append((self.p.days, self.p._secret, self.p.stake))

    kind = wrap_backtrader(Odd)
    assert [item.name for item in list_parameters(kind)] == ["universe", "stake"]
    simulate(kind(universe="A", stake=7), make_bars({"A": [1.0, 2.0]}), FREE_of_brought)
    assert seen == [([1, 2], 3, 7)]


def test_only_subclasses_of_the_backtrader_strategy_count():
    assert is_backtrader_strategy(SmaCross)
    assert not is_backtrader_strategy(bt.Strategy)
    assert not is_backtrader_strategy(dict)


def test_a_moving_average_cross_trades_as_pandas_says(bars):
    result = simulate(wrap_backtrader(SmaCross)(), bars, FREE_of_brought)
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
    quick = simulate(wrap_backtrader(SmaCross)(fast=5, slow=10), bars, FREE_of_brought)
    slow = simulate(wrap_backtrader(SmaCross)(), bars, FREE_of_brought)
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
    result = simulate(wrap_backtrader(Bracket)(), market, FREE_of_brought)
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

    simulate(wrap_backtrader(Telling)(), market, Account(slippage_bps=0, sec_taf=False))
    # bought at 101, sold by the limit at an open of 112; a dollar of commission each way
    assert told == [("Buy", 101.0, 100), ("Sell", 112.0, -100), ("trade", pytest.approx(1100), pytest.approx(1098))]


def test_a_losing_short_of_a_brought_strategy_ends_in_a_margin_call():
    class Short(bt.Strategy):
        """Sells short and waits."""

        universe = "A"

        def next(self):
            if len(self) == 1:
                self.sell(size=15)

    result = simulate(wrap_backtrader(Short)(), make_bars({"A": [100, 100, 135, 140, 150]}), Account(cash=1000).without_costs())
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
    result = simulate(wrap_backtrader(Short)(), market, Account(borrow_rate=0.36, slippage_bps=0, sec_taf=False))
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

    simulate(wrap_backtrader(Names)(), make_bars({"A": [1.0, 2.0], "B": [5.0, 6.0]}), FREE_of_brought)
    assert seen == [[("B", 5.0), ("A", 1.0)], [("B", 6.0), ("A", 2.0)]]


def test_something_that_is_no_strategy_is_refused():
    with pytest.raises(StrategyError, match="found StrategyBase"):
        simulate(StrategyBase(universe="A"), make_bars({"A": [1.0, 1.0]}), FREE_of_brought)


def test_the_record_of_a_brought_run_is_complete(bars):
    result = simulate(wrap_backtrader(SmaCross)(), bars, benchmark="SPY")
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

    kind = wrap_backtrader(Odd)
    assert {item.name for item in list_parameters(kind)} == {"universe", "kept", "day"}
    assert (kind().name, kind().symbols) == ("odd", ("NVDA",))
    assert kind(kept=8).source_parameters == {"kept": 8, "day": date(2025, 1, 2)}


def test_an_order_before_the_first_session_is_refused_in_words():
    class Early(bt.Strategy):
        """Too early."""

        universe = "A"

        def start(self):
            self.buy(size=1)

    with pytest.raises(StrategyError, match="An order before the first session has no date and no price"):
        simulate(wrap_backtrader(Early)(), make_bars({"A": [100.0, 100]}), FREE_of_brought)


def test_what_is_left_waiting_at_a_bankruptcy_is_not_blamed_on_the_figures():
    class Late(bt.Strategy):
        """Sells short and leaves a limit order."""

        universe = "A"

        def next(self):
            if len(self) == 1:
                self.sell(size=18)
                self.sell(size=1, exectype=bt.Order.Limit, price=1e6)

    events = simulate(
        wrap_backtrader(Late)(), make_bars({"A": [100.0, 100, 400, 400]}), Account(cash=1000).without_costs()
    ).events
    assert events[events["kind"] == "bankrupt"]["session"].tolist() == [pd.Timestamp("2025-01-06")]
    (detail,) = events[events["kind"] == "unfilled"]["detail"]
    assert detail.endswith("the account is bankrupt")
