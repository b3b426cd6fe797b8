"""One run in backtrader: from a panel and a plan, or a ``bt.Strategy``, to a run log.

Features of backtrader that would show a strategy later prices, or that have no effect during a run, are refused.
"""

import inspect
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

import backtrader as bt

from dipfolio.engine.account import Account
from dipfolio.engine.backtrader.broker import NO_CHEAT_ON_OPEN, MarginBroker
from dipfolio.engine.backtrader.feeds import AccountCommission, ArrayFeed, LazyFeed, NoLookaheadFeed
from dipfolio.engine.backtrader.trader import Plan, Trader
from dipfolio.engine.panel import Panel
from dipfolio.engine.run_log import RunLog
from dipfolio.errors import DipfolioError, StrategyError

ENGINE_FOLDER = Path(__file__).parents[1]
"""Where an error that a strategy has not caused arises."""


class NoCheatCerebro(bt.Cerebro):  # type: ignore[misc]
    """backtrader's engine without the one timer that shows a session before its orders are executed."""

    def _add_timer(self, *args: Any, cheat: bool = False, **kwargs: Any) -> Any:
        """Refused with ``cheat``: a resting order could be priced at a low, or withdrawn from one, that has been seen."""
        if cheat:
            raise StrategyError("A timer with cheat=True sees a session before its orders are executed; leave it out.")
        return super()._add_timer(*args, **kwargs)

    def _runnext(self, strategies: list[bt.Strategy]) -> None:
        for strategy in strategies:
            _refuse_lines_ahead(strategy)
        super()._runnext(strategies)


class PlanCerebro(NoCheatCerebro):
    """An engine whose vectorised loop goes from one session of a plan to the next in which anything can happen.

    In between the account holds nothing but cash and has sent no order, so that its value stands still. backtrader's own loop
    spends a seventh of a run on lines, timers and messages that a plan does not have.
    """

    def _runonce(self, strategies: list[Trader]) -> None:
        (trader,), broker = strategies, self._broker
        while broker.session + 1 < len(broker.panel):
            broker.next()
            if self._event_stop:
                return
            trader.next()
            if broker.is_idle and not trader.holds_back and not trader.stops.waits_for_change:
                broker.pass_sessions(trader.pass_sessions_without_targets())


_OTHER_BARS = (
    "cerebro.{method} is not available in a strategy: its bars are sessions. For a weekly filter, use an indicator of five times "
    "the period on self.data, or keep the closes of the last session of each week in next()."
)


_NO_EFFECT = "cerebro.{method} has no effect in a strategy that runs already; remove the line."


def _refused(method: str, text: str = _NO_EFFECT) -> Any:
    """A method that raises, in place of one of Cerebro's that cannot work once the run has begun."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        """Raise a StrategyError that says what to do instead."""
        raise StrategyError(text.format(method=method))

    return refuse


class LockedCerebro(NoCheatCerebro):
    """An engine whose data and broker are set, so that the strategy that runs in it cannot add others."""

    started = False

    add_order_history = _refused("add_order_history")
    add_signal = _refused("add_signal")
    addcalendar = _refused("addcalendar")
    addstore = _refused("addstore")
    addtz = _refused("addtz")
    addwriter = _refused("addwriter")
    chaindata = _refused("chaindata")
    optstrategy = _refused("optstrategy")
    plot = _refused("plot")
    replaydata = _refused("replaydata", _OTHER_BARS)
    resampledata = _refused("resampledata", _OTHER_BARS)
    rolloverdata = _refused("rolloverdata")
    set_fund_history = _refused("set_fund_history")
    signal_strategy = _refused("signal_strategy")

    def run(self, **options: Any) -> Any:
        """Run the strategy."""
        if self.started:
            raise StrategyError(_NO_EFFECT.format(method="run"))
        self.started = True
        return super().run(**options)

    def adddata(self, data: Any, name: str | None = None) -> Any:
        """Add data before the run; refused within it."""
        if self.started:
            raise StrategyError(
                "cerebro.adddata is not available in a strategy; name the symbol in --universe, or in the class attribute "
                "universe, and read it as self.datas[1] or self.getdatabyname('...')."
            )
        return super().adddata(data, name)

    def setbroker(self, broker: Any) -> Any:
        """Set the broker before the run; refused within it."""
        if self.started:
            raise StrategyError(_NO_EFFECT.format(method="setbroker"))
        return super().setbroker(broker)

    broker = property(bt.Cerebro.getbroker, setbroker)

    def addstrategy(self, strategy: type, *terms: Any, **more: Any) -> Any:
        """Add the strategy before the run; refused within it."""
        if self.started:
            raise StrategyError(_NO_EFFECT.format(method="addstrategy"))
        return super().addstrategy(strategy, *terms, **more)


def _refuse_lines_ahead(strategy: bt.Strategy) -> None:
    """A line such as ``data.close(1)`` would never have a value, and plain backtrader fills it with the next session's.

    Raises
    ------
    StrategyError
    """
    for line in strategy.getindicators():
        if isinstance(line, bt.linebuffer._LineForward):
            raise StrategyError(
                f"{type(strategy).__name__} uses a line of a later session, data.close({line.ago}) or the like; only earlier "
                f"sessions can be used, as in data.close(-{line.ago})."
            )


def run_plan(panel: Panel, account: Account, plan: Plan, *, vectorised: bool = True) -> RunLog:
    """Trade a plan.

    Parameters
    ----------
    panel : Panel
    account : Account
    plan : Plan
    vectorised : bool
        Use the loop of :class:`PlanCerebro`, or backtrader's own, bar by bar; both give the same run log.
    """
    feeds = [LazyFeed(panel=panel, column=column, name=symbol) for column, symbol in enumerate(panel.symbols)]
    cerebro = PlanCerebro(stdstats=False, runonce=vectorised)
    cerebro.adddata(ArrayFeed(panel=panel), name="clock")
    for feed in feeds:
        feed.setenvironment(cerebro)
        feed.begin()
    cerebro.addstrategy(Trader, plan=plan)
    return _run_cerebro(cerebro, MarginBroker(account=account, panel=panel, feeds=feeds), feeds)


def run_backtrader(panel: Panel, account: Account, strategy: type, parameters: dict[str, Any]) -> RunLog:
    """Run a plain ``bt.Strategy`` in the same account over feeds that hold nothing later than the current session.

    Bar by bar, because the vectorised loop computes indicators to the end first, and an index before their first value
    reads their last one.

    Raises
    ------
    StrategyError
        The strategy's code fails, reads a later session, or asks for something that is not available; the message names the
        line.
    """
    feeds = [NoLookaheadFeed(panel=panel, column=column, name=symbol) for column, symbol in enumerate(panel.symbols)]
    cerebro = LockedCerebro(stdstats=False, runonce=False)
    for feed, symbol in zip(feeds, panel.symbols, strict=True):
        cerebro.adddata(feed, name=symbol)
    cerebro.addstrategy(strategy, **parameters)
    try:
        run_log = _run_cerebro(cerebro, MarginBroker(account=account, panel=panel), feeds)
    except Exception as error:  # whatever the author's code raises
        _explain(error, strategy)
    refusals = [feed.refused for feed in feeds if feed.refused is not None]
    if refusals:
        raise refusals[0]
    if not cerebro.runningstrats:
        raise StrategyError(f"{strategy.__name__} raised StrategySkipError: it does not run with these parameters.")
    if not run_log.submitted and strategy.next_open is not bt.Strategy.next_open:  # type: ignore[attr-defined]
        raise StrategyError(f"{strategy.__name__} sends no order from next(), and next_open() is not called: {NO_CHEAT_ON_OPEN}")
    return run_log


def _explain(error: Exception, strategy: type) -> NoReturn:
    """Raise an error again with the line of the strategy's file that was reached."""
    files = _strategy_files(strategy)
    frames = list(traceback.walk_tb(error.__traceback__))
    reached = [(frame.f_code.co_filename, line) for frame, line in frames if frame.f_code.co_filename in files]
    where = f"in line {reached[-1][1]} of {Path(reached[-1][0]).name}" if reached else "in backtrader"
    if isinstance(error, StrategyError) and reached:
        raise StrategyError(f"{strategy.__name__}, {where}: {error}") from None
    if isinstance(error, DipfolioError) or (not reached and ENGINE_FOLDER in Path(frames[-1][0].f_code.co_filename).parents):
        raise error
    ahead = _read_ahead(error)
    if ahead:
        raise StrategyError(f"{strategy.__name__}, {where}: {ahead}") from None
    began = error.__traceback__
    while reached and began and began.tb_frame.f_code.co_filename not in files:
        began = began.tb_next
    failure = f"{strategy.__name__} failed {where}: {type(error).__name__}: {error}"
    raise StrategyError(failure) from error.with_traceback(began)


def _strategy_files(strategy: type) -> set[str]:
    """The files in which the code of a strategy and of the classes that it inherits from stands, without backtrader's."""
    kinds = [kind for kind in strategy.__mro__ if kind.__module__.split(".")[0] not in ("backtrader", "builtins")]
    functions = [thing for kind in kinds for thing in vars(kind).values() if inspect.isfunction(thing)]
    return {function.__code__.co_filename for function in functions}


def _read_ahead(error: Exception) -> str:
    """The later session that was read through a positive index into a line of an indicator; empty for anything else."""
    if not isinstance(error, IndexError):
        return ""
    *_, (last, _) = traceback.walk_tb(error.__traceback__)
    line, ago = last.f_locals.get("self"), last.f_locals.get("ago")
    if not isinstance(line, bt.LineBuffer) or not isinstance(ago, int) or ago <= 0:
        return ""
    owner = type(getattr(line, "_owner", None) or line).__name__
    return f"{owner}[{ago}] was read: only the current session and earlier ones can be read, as in [0] and [-1]."


def _run_cerebro(cerebro: bt.Cerebro, broker: MarginBroker, feeds: list[ArrayFeed]) -> RunLog:
    cerebro.setbroker(broker)
    for feed in feeds:
        broker.use(AccountCommission(account=broker.p.account, feed=feed), feed._name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "datetime.datetime.utcnow")  # backtrader's bar by bar loop, on Python 3.12 and later
        cerebro.run()
    if cerebro.runningstrats:
        broker.finish()
    run_log: RunLog = broker.run_log
    return run_log
