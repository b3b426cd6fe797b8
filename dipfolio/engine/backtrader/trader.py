"""The backtrader strategy that turns targets and exit rules into orders.

On each close it sends the orders of the exits first, then those of the targets.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import backtrader as bt
import numpy as np
from backtrader import Order
from numpy.typing import NDArray

from dipfolio.data.currency import currency_sign
from dipfolio.engine import sizing as rules
from dipfolio.engine.account_stops import AccountStop, HeldBack, PairStop, PortfolioStop, pause_of
from dipfolio.engine.exits import EXITS_WITHOUT_BEST_PRICE, Bar, Exit, FillAt, HoldFor, Level, OpenTrades
from dipfolio.engine.panel import BarReplay, Panel
from dipfolio.engine.run_account import RunAccount, highest
from dipfolio.engine.run_log import AccountEventKind
from dipfolio.engine.strategy import TargetUnit

_ORDER = {"open": Order.Market, "close": Order.Close}
_MOMENTS: tuple[FillAt, ...] = ("open", "close")


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """The targets and exit rules of a strategy, ready to be traded.

    Attributes
    ----------
    targets : array of shape (sessions, symbols)
    unit, fill, resize, exits
        As in :class:`dipfolio.engine.strategy.Strategy`.
    """

    targets: NDArray[np.float64]
    unit: TargetUnit
    fill: FillAt
    resize: bool
    exits: tuple[Exit, ...]


class Trader(bt.Strategy):  # type: ignore[misc]
    """Executes a plan: on each close the exits first, then the targets."""

    params = (("plan", None),)

    def start(self) -> None:
        """Begin with no trade open."""
        self.panel: Panel = self.broker.panel
        self.targets = np.where(np.isnan(self.panel.close), np.nan, self.p.plan.targets)
        self.asked = ~np.isnan(self.p.plan.targets).all(axis=1)
        self.decisions = [*np.flatnonzero(self.asked).tolist(), len(self.panel)]
        self.seen = 0
        count = len(self.panel.symbols)
        self.entry_price, self.best, self.decided, self.before = np.full((4, count), np.nan)
        self.entry_session = np.zeros(count, dtype=int)
        self.held, self.held_back = np.zeros((2, count))
        self.holds = self.holds_back = False
        self.nobody = np.zeros(count, dtype=bool)
        kinds = {type(rule) for rule in self.p.plan.exits}
        self.watches_best = not kinds <= set(EXITS_WITHOUT_BEST_PRICE)
        self.shortest_hold = min(rule.sessions for rule in self.p.plan.exits) if kinds == {HoldFor} else 0
        self.first_due = 0
        self.logged: dict[AccountEventKind, NDArray[np.bool_]] = {}
        self.stops = AccountStopMonitor(self)
        self.resting = [rule for rule in self.p.plan.exits if isinstance(rule, Level) and rule.intraday]
        if self.resting:
            self.broker.at_open = self._rest

    @cached_property
    def _replay(self) -> BarReplay:
        return BarReplay(self.panel)

    @cached_property
    def _account(self) -> RunAccount:
        return RunAccount(self.panel, self.broker.account, self.broker.run_log)

    def bar(self, now: int) -> Bar:
        """The current session as exit rules see it."""
        return self._replay.bar(now, lambda: self._account.at(now))

    def next(self) -> None:
        """Decide on the close of the current session."""
        now, plan = self.broker.session, self.p.plan
        self._follow_fills()
        close = self.panel.close[now]
        if self.holds and self.watches_best:
            self.best = np.where(self.held > 0, np.fmax(self.best, close), np.fmin(self.best, close))
        called = self.broker.under_margin_call
        if called or self.holds_back:
            self.held_back = rules.blocked_sides(self.held_back, self.targets[now], np.sign(self.held) * called)
            self.holds_back = bool(self.held_back.any())
        self.stops.let_go(now)
        if called:
            self.stops.look_only(now)
            return
        at_open, at_close = self._end_trades(now)
        if not self.asked[now]:
            self.logged.clear()
            return
        targets = self.stops.held_back(now, self._log_not_reopened(self.targets[now]))
        gone = rules.closes_before_fill(at_open, plan.fill)
        if not plan.resize and rules.are_fulfilled(self.held, targets) and not gone.any():
            self.logged.pop("no share", None)
            return
        desired = rules.target_shares(targets, plan.unit, self.broker.getvalue(), close, self.broker.account)
        trade = rules.order_shares(np.where(gone, 0.0, self.held), targets, desired, plan.resize)
        leaving = (at_open | at_close) & ~gone
        trade[leaving] = 0.0
        self._log_no_share(targets, desired, leaving)
        for column in np.flatnonzero(trade):
            on_position = bool(plan.fill == "close" and self.held[column] and not gone[column])
            reason = "target" if desired[column] else "target 0"
            self._send(int(column), trade[column], _ORDER[plan.fill], reason, on_position=on_position)

    def pass_sessions_without_targets(self) -> int:
        """Go on to before the next session with a target; returns the number of sessions in between."""
        now = int(self.broker.session)
        idle = self.decisions[bisect_right(self.decisions, now)] - now - 1
        if idle:
            self.logged.clear()
        return idle

    def _log_not_reopened(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """The targets without those that a margin call holds back, which are told."""
        blocked = self.held_back != 0
        self.log_once("not reopened", blocked, lambda _: "the target on the same side has stood since then without a break")
        return np.where(blocked, np.nan, targets)

    def _log_no_share(self, targets: NDArray[np.float64], desired: NDArray[np.float64], leaving: NDArray[np.bool_]) -> None:
        """Tell which targets come to less than one share, where that is why nothing is held."""
        plan, close = self.p.plan, self.panel.close[self.broker.session]
        fulfilled = (self.held * np.nan_to_num(targets) > 0) & (not plan.resize)
        nothing = (np.abs(targets) > rules.SIZE_TOLERANCE) & (desired == 0) & ~fulfilled & ~leaving

        def detail(column: int) -> str:
            """Why a target is less than one share."""
            if plan.unit == "shares":
                return f"{targets[column]:+.10g} shares are less than one"
            part, sign = abs(targets[column]) * self.broker.getvalue(), currency_sign()
            return f"its part of the account, {sign}{part:,.2f}, is less than the price of one share, {sign}{close[column]:,.2f}"

        self.log_once("no share", nothing, detail)

    def log_once(self, kind: AccountEventKind, which: NDArray[np.bool_], detail: Callable[[int], str]) -> None:
        """Log an event for each of some symbols, once for as long as it lasts without a break."""
        if not which.any():
            self.logged.pop(kind, None)
            return
        for column in np.flatnonzero(which & ~self.logged.get(kind, np.zeros_like(which))):
            self.broker.log_event(kind, int(column), detail(int(column)))
        self.logged[kind] = which

    def _end_trades(self, now: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Send the orders of the exit rules; returns the symbols that leave at the next open and at the next close."""
        if not (self.holds or self.stops) or not self.p.plan.exits or now + 1 < self.first_due:
            return self.nobody, self.nobody
        leaving: dict[FillAt, NDArray[np.bool_]] = {fill: self.nobody.copy() for fill in _MOMENTS}
        trades, bar = self.open_trades(), self.bar(now)
        staying = self.held != 0
        for rule in self.p.plan.exits:
            of_account = bool(self.stops) and isinstance(rule, AccountStop)
            closing = (self.stops.closes(rule, trades, bar) if of_account else rule.closes(trades, bar)) & staying
            if closing.any():
                self._close(closing, rule.fill, str(rule), leaving, staying)
        for rule in self.stops.pairs:
            for fill in _MOMENTS:
                closing = self.stops.partners(rule, leaving[fill], staying, bar)
                if closing.any():
                    self._close(closing, fill, f"{rule}, partner", leaving, staying)
        return leaving["open"], leaving["close"]

    def _close(
        self, closing: NDArray[np.bool_], fill: FillAt, reason: str, leaving: dict[FillAt, NDArray[np.bool_]],
        staying: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """Send the orders that close trades, and note in both arrays that they leave."""
        for column in np.flatnonzero(closing):
            self._send(int(column), -self.held[column], _ORDER[fill], reason, reduce_only=True)
        leaving[fill] |= closing
        staying &= ~closing

    def _rest(self) -> None:
        """Lay the resting exits of every open trade into the market, for this session alone, in the order they would be met."""
        self._follow_fills()
        trades = self.open_trades()
        levels = [rule.level(trades) for rule in self.resting]
        for column in np.flatnonzero(self.held):
            group = None
            for rule, price in self._as_met([float(level[column]) for level in levels], self.held[column]):
                if price <= 0:  # never reached, and to backtrader a price of 0 is the current close
                    continue
                exectype = Order.Stop if rule.order == "stop" else Order.Limit
                terms = {"price": price, "oco": group, "day_only": True, "reduce_only": True}
                order = self._send(int(column), -self.held[column], exectype, str(rule), **terms)
                group = group or order

    def _as_met(self, prices: list[float], held: float) -> list[tuple[Level, float]]:
        """The resting rules with their prices: stops before limits, and of two of a kind the one that the price meets first."""

        def place(laid: tuple[Level, float]) -> tuple[bool, float]:
            """A falling price meets the highest first, a rising one the lowest."""
            limit = laid[0].order == "limit"
            return limit, laid[1] if limit == (held > 0) else -laid[1]

        return sorted(zip(self.resting, prices, strict=True), key=place)

    def open_trades(self) -> OpenTrades:
        """The open trades as exit rules see them."""
        return OpenTrades(
            side=np.sign(self.held).astype(int),
            entry_price=self.entry_price,
            entry_session=self.entry_session,
            best=self.best,
            decided=self.decided,
            before=self.before,
        )

    def _close_of(self, column: int, session: int) -> float:
        """The close of a symbol; of the session before the panel for -1, unknown before that."""
        if session < 0:
            return float(self.panel.prior_close[column]) if session == -1 else np.nan
        return float(self.panel.close[session, column])

    def _send(self, column: int, shares: float, exectype: int, reason: str, **terms: Any) -> Order:
        send = self.buy if shares > 0 else self.sell
        return send(data=self.broker.feed(column), size=abs(float(shares)), exectype=exectype, reason=reason, **terms)

    def _follow_fills(self) -> None:
        """Bring the open trades up to date with the fills since the last look."""
        fills = self.broker.run_log.fills
        if len(fills) == self.seen:
            return
        for fill in fills[self.seen :]:
            column, before = fill.symbol, self.held[fill.symbol]
            after = float(rules.position_after(before, fill.shares))
            if before * after <= 0:
                self.entry_price[column], self.entry_session[column] = fill.price, fill.session
                self.best[column] = fill.price
                self.decided[column] = self._close_of(column, fill.session - 1)
                self.before[column] = self._close_of(column, fill.session - 2)
            elif abs(after) > abs(before):
                self.entry_price[column] += (fill.price - self.entry_price[column]) * fill.shares / after
            self.held[column] = after
        self.seen, self.holds = len(fills), bool(self.held.any())
        if self.holds and self.shortest_hold:  # time stops alone have nothing to close before
            self.first_due = int(self.entry_session[self.held != 0].min()) + self.shortest_hold


class AccountStopMonitor:
    """The stops on the account of one run: their peaks, and the targets that they hold back. False if there are none.

    Parameters
    ----------
    trader : Trader
        Whose exit rules they are, and who records what they do.

    Attributes
    ----------
    pairs : list of PairStop
    """

    def __init__(self, trader: Trader) -> None:
        self._trader = trader
        self._stops = [rule for rule in trader.p.plan.exits if isinstance(rule, AccountStop)]
        self.pairs = [rule for rule in self._stops if isinstance(rule, PairStop)]
        self._held_back = HeldBack((len(trader.panel.symbols),))
        self._peaks = {id(rule): (trader.broker.account.cash, 0) for rule in self._stops}

    def __bool__(self) -> bool:
        return bool(self._stops)

    @property
    def waits_for_change(self) -> bool:
        """True if a target is held back until it changes, so that no session may be passed over."""
        return bool(self._stops) and self._held_back.any_side

    def let_go(self, now: int) -> None:
        """Forget the targets that have changed."""
        if self._stops:
            self._held_back.let_go(self._trader.targets[now])

    def look_only(self, now: int) -> None:
        """Hold targets back on a close on which a margin call closes everything anyway."""
        if self._stops:
            trades, bar = self._trader.open_trades(), self._trader.bar(now)
            for rule in self._stops:
                self.closes(rule, trades, bar)

    def closes(self, rule: AccountStop, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Which symbols a stop has stopped, and the consequences for their targets."""
        if isinstance(rule, PortfolioStop):
            peak, seen = self._peaks[id(rule)]
            peak = max(peak, highest(self._trader.broker.run_log.equity, seen, bar.number))
            bar, self._peaks[id(rule)] = bar.with_peak(np.array([peak])), (peak, bar.number + 1)
        stopped = rule.closes(trades, bar)
        if stopped.any():
            self._stop(rule, stopped, bar)
            self._peaks[id(rule)] = (-np.inf, bar.number + 1)
        return stopped

    def partners(self, rule: PairStop, leaving: NDArray[np.bool_], staying: NDArray[np.bool_], bar: Bar) -> NDArray[np.bool_]:
        """The trades that leave because their partners do, and the consequences for the targets of both."""
        if not leaving.any():
            return leaving
        closing = rule.partners(leaving, bar) & staying
        if closing.any():
            self._stop(rule, rule.partners(closing, bar), bar)
        return closing

    def _stop(self, rule: AccountStop, stopped: NDArray[np.bool_], bar: Bar) -> None:
        self._held_back.stop(stopped, self._trader.targets[bar.number], bar.number, pause_of(rule.reenter))
        if isinstance(rule, PortfolioStop):
            state = bar.account
            detail = (
                f"{rule}: equity {state.equity[0]:,.2f} is {state.drawdown[0]:.2%} under its peak of {state.peak_equity[0]:,.2f}"
            )
        else:
            detail = f"{rule}: {', '.join(np.array(bar.symbols)[stopped])}"
        self._trader.broker.log_event("stopped", None, f"{detail}; re-entry: {rule.reenter}")

    def held_back(self, now: int, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """The targets without those that a stop holds back, which are told."""
        if not self._stops:
            return targets
        blocked = self._held_back.targets(now)
        asked = blocked & (np.nan_to_num(targets) != 0)
        self._trader.log_once("held back", asked, lambda _: "a stop was hit, and the target does not count again yet")
        return np.where(blocked, np.nan, targets)
