"""The margin broker for backtrader: checks, cuts and fills orders, charges costs, and records the run log.

backtrader checks each order alone and in the order of sending, refuses what does not fit, and lets one refusal spoil
the next order. This broker checks all orders of a close together: reductions pass, additions are cut alike. Market
orders at the open and at the close slip alike, which those of backtrader do not. Every order is filled whole and
charged once, also when it reverses a position. Between sessions the broker overrides backtrader, which charges
interest on the entry price and has no dividends, no symbols that stop trading and no margin.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import accumulate
from typing import Any

import backtrader as bt
import numpy as np
from backtrader import Order, Position

from dipfolio.engine import sizing as rules
from dipfolio.engine.account import Account
from dipfolio.engine.panel import Panel
from dipfolio.engine.run_log import AccountEvent, AccountEventKind, Fill, FillMoment, RunLog, SubmittedOrder
from dipfolio.errors import StrategyError

NO_CHEAT_ON_OPEN = "Cheat-on-open is not available; send the order on the close before."
STOPPED_TRADING = "stopped trading"
_MOMENT: dict[int, FillMoment] = {Order.Market: "open", Order.Close: "close"}
_OPEN, _RESTING, _CLOSE = range(3)
_PHASES = {Order.Market: _OPEN, Order.Close: _CLOSE}
_CHARGES = "--commission-per-share, --commission-minimum, --commission-maximum, --borrow-rate, --debit-rate"


def _account_setting_error(method: str, what: str) -> StrategyError:
    """The error for a setting of backtrader's broker that the account decides instead."""
    return StrategyError(f"broker.{method} is not available: the account decides about {what}. Remove the line.")


class BrokerPosition(Position):  # type: ignore[misc]
    """A position that only the broker changes."""

    _open = True

    def __init__(self) -> None:
        super().__init__()
        self._open = False

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would change the position without an order.

        Raises
        ------
        StrategyError
        """
        if name in ("size", "price") and not self._open:
            raise StrategyError(f"position.{name} cannot be written; send an order, such as self.close().")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        return int(abs(self.size))

    def book(self, size: float, price: float, moment: datetime) -> tuple[float, float, float, float]:
        """Add an execution; returns the size, the average price, and what was opened and closed."""
        self._open = True
        try:
            held, average, opened, closed = self.update(size, price, moment)
        finally:
            self._open = False
        return held, average, opened, closed


def _order_fault(order: Order) -> str:
    """The fault of an order as it was sent; empty for none."""
    if order.exectype not in range(len(Order.ExecTypes)) or order.exectype == Order.Historical:
        return f"exectype {order.exectype!r} is none of Market, Close, Limit, Stop, StopLimit, StopTrail and StopTrailLimit"
    terms = {"size": order.size}
    if order.exectype not in (Order.Market, Order.Close):
        names = ("price", "pricelimit", "trailamount", "trailpercent")
        terms |= {name: value for name in names if (value := getattr(order.params, name)) is not None}
    for name, value in terms.items():
        if not np.isfinite(float(value)):
            return f"a {name} of {value} is not a finite number"
    return ""


MARGIN_CALL = "margin call"


class MarginBroker(bt.brokers.BackBroker):  # type: ignore[misc]
    """A broker with a margin account, which writes the log of its run.

    Attributes
    ----------
    shares : array of shape (symbols,)
        Held now.
    session : int
        Number of the current session, -1 before the first.
    under_margin_call : bool
        Whether everything is being closed, so that no other order counts.
    at_open : callable or None
        Called in each session once the orders at its open are filled; may send orders that only reduce.
    """

    params = (("account", None), ("panel", None), ("feeds", None))

    _reference = 0.0
    """The price before slippage of the order being filled."""

    _booking = True
    """Whether the broker itself is at work, and not the strategy."""

    @property
    def cash(self) -> float:
        """Dollars that are not invested."""
        return self._cash

    @cash.setter
    def cash(self, dollars: float) -> None:
        self._refuse_writing("cash")
        self._cash = dollars

    @property
    def startingcash(self) -> float:
        """Dollars at the start."""
        return self._startingcash

    @startingcash.setter
    def startingcash(self, dollars: float) -> None:
        self._refuse_writing("startingcash")
        self._startingcash = dollars

    def _refuse_writing(self, name: str) -> None:
        if not self._booking:
            raise StrategyError(f"broker.{name} cannot be written; give the account another --cash.")

    def init(self) -> None:
        """Open the account; backtrader calls it before each run."""
        self._booking = True
        self.account: Account = self.p.account
        self.panel: Panel = self.p.panel
        self.p.cash = self.account.cash
        super().init()
        self.positions: defaultdict[Any, BrokerPosition] = defaultdict(BrokerPosition)
        self._met_at: dict[int, float] = {}
        self.run_log = RunLog.empty(len(self.panel), len(self.panel.symbols))
        self._limits = rules.order_limits(self.account, self.panel.close, self.panel.volume, self.panel.factor)
        self.shares = np.zeros(len(self.panel.symbols))
        self._holds = self._shorts = False
        self._rates = self.panel.cash_rate
        self.session = -1
        self._month, self._traded, self._traded_today = -1, 0.0, 0.0
        self.under_margin_call = False
        self.at_open: Callable[[], None] | None = None

    def start(self) -> None:
        """Number the feeds as the panel numbers its symbols."""
        super().start()
        self.feeds = self.p.feeds or list(self.cerebro.datas)
        self.column = {feed: number for number, feed in enumerate(self.feeds)}
        self._booking = False

    def feed(self, column: int) -> Any:
        """The feed of a symbol, at the current session."""
        feed = self.feeds[column]
        feed.move_to(self.session)
        return feed

    def use(self, commission: bt.CommInfoBase, symbol: str) -> None:
        """Take the account's charges for a symbol."""
        super().addcommissioninfo(commission, name=symbol)

    def setcommission(self, *_: Any, **__: Any) -> None:
        """Refused: the account says what trading costs."""
        raise _account_setting_error("setcommission", f"commissions, financing and leverage ({_CHARGES}, --max-leverage)")

    def addcommissioninfo(self, *_: Any, **__: Any) -> None:
        """Refused: the account says what trading costs."""
        raise _account_setting_error("addcommissioninfo", f"commissions, financing and leverage ({_CHARGES}, --max-leverage)")

    def set_slippage_perc(self, perc: float, **_: Any) -> None:
        """Refused unless it is none: the account says how market orders slip."""
        if perc:
            raise _account_setting_error("set_slippage_perc", "slippage (--slippage-bps; 0.001 is 10 basis points)")

    def set_slippage_fixed(self, fixed: float, **_: Any) -> None:
        """Refused unless it is none: the account says how market orders slip."""
        if fixed:
            raise _account_setting_error("set_slippage_fixed", "slippage, in basis points of the price (--slippage-bps)")

    def set_filler(self, filler: Any) -> None:
        """Refused: an order is filled whole."""
        if filler is not None:
            raise _account_setting_error(
                "set_filler", "volume: an order is cut to a part of it (--max-volume-share) and then filled whole"
            )

    def set_shortcash(self, shortcash: bool) -> None:
        """Refused unless it is as it is: proceeds of short sales are cash."""
        if not shortcash:
            raise _account_setting_error(
                "set_shortcash", "short sales: their proceeds are cash, and their margin is --maintenance-short"
            )

    def set_int2pnl(self, int2pnl: bool) -> None:
        """Refused unless it is as it is: borrow fees are kept apart from the profit of a trade."""
        if int2pnl:
            raise _account_setting_error(
                "set_int2pnl", "borrow fees (--borrow-rate), which the record shows apart from each trade's profit"
            )

    def set_eosbar(self, eosbar: bool) -> None:
        """Refused: a bar is a whole session."""
        if eosbar:
            raise _account_setting_error("set_eosbar", "sessions; each bar is a whole one, so that there is no bar within it")

    seteosbar = set_eosbar

    def add_order_history(self, *_: Any, **__: Any) -> None:
        """Refused: an execution at a price that was written down."""
        raise StrategyError("broker.add_order_history is not available; send orders from next().")

    def set_fund_history(self, *_: Any, **__: Any) -> None:
        """Refused: the value of the account is computed."""
        raise StrategyError("broker.set_fund_history is not available; the value of the account is computed from its fills.")

    def set_coc(self, coc: bool) -> None:
        """Refused: an order that fills at the close that decided it has seen the future of its own price."""
        if coc:
            raise StrategyError("Cheat-on-close is not available; send exectype=bt.Order.Close for the next close.")

    def set_coo(self, coo: bool) -> None:
        """Refused: a strategy that runs before the open sees the close of that session."""
        if coo:
            raise StrategyError(NO_CHEAT_ON_OPEN)

    def set_cash(self, *_: float) -> None:
        """Refused: the account says what there is at the start."""
        raise _account_setting_error("set_cash", "cash (--cash)")

    setcash = set_cash

    def add_cash(self, *_: float) -> None:
        """Refused: there are no deposits and no withdrawals."""
        raise _account_setting_error("add_cash", "cash (--cash); there are no deposits and no withdrawals")

    def set_checksubmit(self, checksubmit: bool) -> None:
        """Refused: there is no way round the buying power."""
        if not checksubmit:
            raise _account_setting_error("set_checksubmit", "buying power (--max-leverage); orders are always checked against it")

    def buy(self, *terms: Any, **more: Any) -> Order:
        """As backtrader's."""
        self._refuse_before_the_first_session()
        return super().buy(*terms, **more)

    def sell(self, *terms: Any, **more: Any) -> Order:
        """As backtrader's."""
        self._refuse_before_the_first_session()
        return super().sell(*terms, **more)

    def _refuse_before_the_first_session(self) -> None:
        if self.session < 0:
            raise StrategyError("An order before the first session has no date and no price; send it from next().")

    def transmit(self, order: Order, check: bool = True) -> Order:  # noqa: ARG002 - no order goes unchecked
        """Every order waits for the check."""
        return super().transmit(order, check=True)

    def notify(self, order: Order) -> None:
        """Tell the strategy; a plan reads the run log instead, and copying an order for every message is a fifth of its time."""
        if self.p.feeds is None:
            super().notify(order)

    def submit(self, order: Order, check: bool = True) -> Order:
        """Take an order, and write down that it was sent; one that cannot be understood is refused, with its bracket."""
        fault = _order_fault(order)
        if fault:
            return self._refuse_as_sent(order, fault)
        kind = Order.ExecTypes[order.exectype].lower()
        price = None if order.exectype in (Order.Market, Order.Close) else float(order.created.price)
        symbol = self.column[order.data]
        self.run_log.submitted.append(
            SubmittedOrder(session=self.session, symbol=symbol, shares=float(order.created.size), kind=kind, price=price)
        )
        return super().submit(order, check)

    def _refuse_as_sent(self, order: Order, fault: str) -> Order:
        parent = order if order.parent is None else order.parent
        for member in (*self._pchildren.pop(parent.ref, ()), order):
            self._event("refused", member.data, f"{member.created.size:+,.10g} shares: {fault}", self.session)
            member.reject(self)
            self.notify(member)
            self._ococheck(member)
        return order

    def _get_value(self, datas: Any = None, lever: bool = False) -> float:  # noqa: ARG002 - backtrader's hook
        """Cash plus shares at the current close, or only the shares of the feeds named."""
        marks = self.panel.marks[max(self.session, 0)]
        if datas:
            return float(sum(self.shares[self.column[feed]] * marks[self.column[feed]] for feed in datas))
        return float(self.cash + self.shares @ marks)

    def _leave(self, order: Order) -> None:
        """An order that has ended without a fill takes its group and its bracket with it."""
        self.notify(order)
        self._ococheck(order)
        self._bracketize(order, cancel=True)

    def log_event(self, kind: AccountEventKind, column: int, detail: str) -> None:
        """Write down an event of a symbol in the current session."""
        self.run_log.events.append(AccountEvent(session=self.session, kind=kind, symbol=column, detail=detail))

    def _event(self, kind: AccountEventKind, feed: Any, detail: str, session: int) -> None:
        symbol = None if feed is None else self.column[feed]
        self.run_log.events.append(AccountEvent(session=session, kind=kind, symbol=symbol, detail=detail))

    # Submitted orders: checks, rounding and cuts.

    def check_submitted(self) -> None:
        """Cut what was sent on the previous close to volume and buying power; what reduces risk always passes."""
        if not self.submitted:
            return
        sent = [order for order in self._drain_submitted() if self._may_trade(order)]
        position = self.shares.copy()
        for exectype in (Order.Market, Order.Close):
            batch = [o for o in sent if o.exectype == exectype]
            position = position + self._admit(batch, position)
        for order in (o for o in sent if o.exectype not in (Order.Market, Order.Close)):
            self._admit([order], position)

    def _drain_submitted(self) -> Iterable[Order]:
        while self.submitted:
            order = self.submitted.popleft()
            if self._take_children(order) is not None:
                yield order

    def _may_trade(self, order: Order) -> bool:
        column = self.column[order.data]
        if self.under_margin_call and order.info.get("reason") != MARGIN_CALL:
            return self._refuse(order, "a margin call is being met")
        if np.isnan(self.panel.close[self.session - 1, column]):
            return self._refuse(order, "the symbol did not trade in the session of the decision")
        if not self._round(order):
            return False
        if order.parent is not None or order.info.get("reason") == MARGIN_CALL:
            self.submit_accept(order)
            return False
        return True

    def _round(self, order: Order) -> bool:
        """Cut an order to whole shares, unless the account trades fractions; False where none is left."""
        size, whole = order.created.size, float(self.account.round_to_lots(order.created.size))
        if rules.is_negligible(whole, 0.0):
            self._event("rounded", order.data, f"{size:+,.10g} to 0 shares", self.session - 1)
            order.reject(self)
            self._leave(order)
            return False
        return self._resize(order, whole, self.session - 1, "rounded")

    def _refuse(self, order: Order, why: str) -> bool:
        self._event("refused", order.data, f"{order.created.size:+,.10g} shares: {why}", self.session - 1)
        order.reject(self)
        self._leave(order)
        return False

    def _admit(self, batch: list[Order], position: np.ndarray) -> np.ndarray:
        """Accept a batch of orders that would fill together; returns the shares admitted, shape (symbols,)."""
        trade = np.zeros(len(position))
        if not batch:
            return trade
        for order in batch:
            trade[self.column[order.data]] += order.created.size
        before = self.session - 1
        allowed = rules.affordable_shares(position, trade, self._value, self._limits[before], self.account)
        surplus = np.where(rules.is_negligible(trade - allowed, trade), 0.0, trade - allowed)
        left = {}
        for order in reversed(batch):
            column, size = self.column[order.data], order.created.size
            over = surplus[column]
            cut = np.sign(size) * min(abs(over), abs(size)) if over * size > 0 else 0.0
            surplus[column] -= cut
            left[order.ref] = float(allowed[column] if size == trade[column] and cut else size - cut)
        for order in batch:
            if self._resize(order, left[order.ref], before):
                self.submit_accept(order)
        return allowed

    def _resize(self, order: Order, left: float, session: int, kind: AccountEventKind = "scaled") -> bool:
        """Cut an order and its bracket to what is left of it; False where nothing is, and the order has ended."""
        size = order.executed.remsize
        if rules.is_negligible(size - left, size):
            return True
        if rules.is_negligible(left, size):
            self._event("refused", order.data, f"{size:+,.10g} shares: no buying power or volume", session)
            order.margin()
            self._leave(order)
            return False
        self._event(kind, order.data, f"{size:+,.10g} to {left:+,.10g} shares", session)
        for member in (order, *self._pchildren.get(order.ref, ())):
            if member is order or member.parent is order:
                signed = left if member.created.size * size > 0 else -left
                member.size = member.created.size = member.executed.remsize = signed
        return True

    def _has_buying_power(self, order: Order) -> bool:
        """True if an order that has rested can be paid for now that it meets its price; it is cut to what can."""
        column, trade = self.column[order.data], np.zeros(len(self.shares))
        trade[column] = order.executed.remsize
        limits = self._limits[self.session - 1]
        allowed = rules.affordable_shares(self.shares, trade, self._value, limits, self.account, any_volume=True)
        return self._resize(order, float(allowed[column]), self.session)

    # Execution of accepted orders.

    def _fill_pending(self) -> None:
        """Orders at the open, then those that rest during the session, then those at the close; reductions first."""
        if not self.pending and self.at_open is None:
            return
        self._fill(_OPEN)
        if self.at_open is not None:
            self.at_open()
            for order in list(self._drain_submitted()):
                self.submit_accept(order)
        self._fill(_RESTING)
        self._fill(_CLOSE)
        for order in [o for o in self.pending if o.info.get("day_only")]:
            self.cancel(order)

    def _fill(self, phase: int) -> None:
        due = [order for order in self.pending if _PHASES.get(order.exectype, _RESTING) == phase]
        woken: list[tuple[Order, Order]] = []
        for order in sorted(due, key=self._as_met if phase == _RESTING else self._adds_risk):
            self._meet(order)
            if order.status == Order.Completed and phase != _CLOSE:
                woken += [(child, order) for child in self._wake_children(order)]
        if phase == _RESTING:
            for child, parent in sorted(woken, key=lambda pair: pair[0].exectype == Order.Limit):
                self._meet_after(child, parent)

    def _meet(self, order: Order) -> None:
        """Let an order meet the prices of the session."""
        if order not in self.pending or not order.active():
            return
        self.pending.remove(order)
        order.data.move_to(self.session)
        if np.isnan(self.panel.close[self.session, self.column[order.data]]):
            self._event("unfilled", order.data, f"{order.executed.remsize:+,.10g} shares: {STOPPED_TRADING}", self.session)
            order.cancel()
            self._leave(order)
        elif order.expire() or self._has_nothing_left_to_do(order):
            self._leave(order)
        else:
            self._try_exec(order)
            if order.alive():
                self.pending.append(order)
            elif order.status == Order.Completed:
                self._bracketize(order)

    def _wake_children(self, parent: Order) -> list[Order]:
        """Make the children of a bracket live from the fill of their parent on; backtrader waits for the next session."""
        children = [order for order in self._toactivate if order.parent is parent]
        for child in children:
            self._toactivate.remove(child)
            child.activate()
        return children

    def _meet_after(self, child: Order, parent: Order) -> None:
        """Let the child of a bracket meet what is left of the session after its parent was filled within it.

        What is left begins at the parent's price. A parent below the open was filled on the way down, so that the low came
        after it, and one above the open on the way up, so that the high did. Of the other extreme nobody knows: a stop counts
        it, unless the open was beyond the stop already, and a target does not.
        """
        if child.exectype in _PHASES:  # an order at the market, for the close or for the next open
            return
        column, data = self.column[child.data], child.data
        opened, high, low, close = (
            float(prices[self.session, column]) for prices in (self.panel.open, self.panel.high, self.panel.low, self.panel.close)
        )
        price = self._met_at[parent.ref]
        protects, level = child.exectype != Order.Limit, child.created.price
        knows_high = price >= opened or (protects and level > opened)
        knows_low = price <= opened or (protects and level < opened)
        data.tick_open, data.tick_close = price, close
        data.tick_high, data.tick_low = high if knows_high else max(price, close), low if knows_low else min(price, close)
        self._meet(child)
        data._tick_fill(force=True)

    def _adds_risk(self, order: Order) -> bool:
        return bool(order.created.size * self.shares[self.column[order.data]] >= 0)

    def _as_met(self, order: Order) -> tuple[bool, bool]:
        """Sort key of orders: those that the open has reached first; of orders that end a position, stops before limits."""
        opened, price = self.panel.open[self.session, self.column[order.data]], order.created.price
        waits_above = order.isbuy() != (order.exectype == Order.Limit)
        waits = bool(opened < price if waits_above else opened > price)
        return waits, order.exectype == Order.Limit and not self._adds_risk(order)

    def _has_nothing_left_to_do(self, order: Order) -> bool:
        """True if the position on which an order was decided is gone; one that may only reduce is cut to what is left."""
        held = self.shares[self.column[order.data]]
        if order.info.get("on_position") and held == 0:
            order.cancel()
            return True
        if not order.info.get("reduce_only"):
            return False
        if held * order.executed.remsize >= 0:
            order.cancel()
            return True
        order.executed.remsize = np.sign(order.executed.remsize) * min(abs(order.executed.remsize), abs(held))
        return False

    def _slip_up(self, pmax: float, price: float, doslip: bool = True, lim: bool = False) -> float:  # noqa: ARG002
        return self._slip(price, 1, lim)

    def _slip_down(self, pmin: float, price: float, doslip: bool = True, lim: bool = False) -> float:  # noqa: ARG002
        return self._slip(price, -1, lim)

    def _slip(self, price: float, side: int, lim: bool) -> float:
        self._reference = price
        return price if lim else float(self.account.slipped(price, side))

    def _try_exec_close(self, order: Order, pclose: float) -> None:
        if order.data.datetime[0] > order.created.dt:
            self._execute(order, ago=0, price=self._slip(pclose, 1 if order.isbuy() else -1, lim=False))

    def _execute(self, order: Order, ago: int | None = None, price: float | None = None, **_: Any) -> None:  # noqa: ARG002
        """Fill an order whole and charge it once, also when it reverses a position."""
        if price is None or (order.exectype not in _MOMENT and not self._has_buying_power(order)):
            return
        size, column = float(order.executed.remsize), self.column[order.data]
        held = self.shares[column]
        after = float(rules.position_after(held, size))
        if not after:
            size = order.executed.remsize = -float(held)  # without the crumb that rounding would leave of the position
        day, factor = self.panel.sessions[self.session], self.panel.factor[self.session, column]
        commission = float(self.account.commission(size / factor, price * factor, self.panel.symbols[column], self._traded))
        fees = float(self.account.sale_fees(size / factor, price * factor, day))
        limit = order.exectype in (Order.Limit, Order.StopLimit, Order.StopTrailLimit)
        slippage = 0.0 if limit else self.account.slippage_cost(size, price, self._reference)
        self.run_log.fills.append(
            Fill(
                session=self.session, symbol=column, shares=size, price=price,
                at=_MOMENT.get(order.exectype, "day"), commission=commission, fees=fees, slippage=slippage,
                reason=order.info.get("reason") or Order.ExecTypes[order.exectype].lower(),
            )
        )  # fmt: skip
        self.cash -= size * price + commission + fees
        self._traded_today += abs(size / factor)
        self._hold(column, after)
        if order.ref in self._pchildren:
            self._met_at[order.ref] = price if limit else self._reference
        self._tell(order, size, price, commission + fees)

    def _hold(self, column: int, shares: float) -> None:
        """Set a position; whether there are any, and any shorts, is asked in every session and changes only here."""
        self.shares[column] = shares
        self._holds, self._shorts = bool(self.shares.any()), bool(self.shares.min() < 0)

    def _tell(self, order: Order, size: float, price: float, charge: float) -> None:
        """Write the execution into backtrader's order and position, so that strategies are notified as usual."""
        position = self.positions[order.data]
        entry = position.price
        held, average, opened, closed = position.book(size, price, order.data.datetime.datetime())
        part = abs(closed) / abs(size)
        order.execute(
            order.data.datetime[0], size, price, closed, -closed * entry, charge * part,
            opened, opened * price, charge * (1 - part), None, -closed * (price - entry), held, average,
        )  # fmt: skip
        order.addcomminfo(self.getcommissioninfo(order.data))
        self.notify(order)
        self._ococheck(order)

    # Sessions: costs, dividends, symbols that stop trading, margin.

    def next(self) -> None:
        """One session: check orders, charge for the time since the last one, fill, mark, look for a margin call."""
        if self.cerebro.p.cheat_on_open:
            raise StrategyError(NO_CHEAT_ON_OPEN)
        self._booking = True
        self._play_session()
        self._booking = False

    @property
    def is_idle(self) -> bool:
        """True if the account is paid-up cash and no order waits, so that its value stands still until one is sent."""
        return self.cash > 0 and not (self._holds or self.submitted or self.pending or self._toactivate)

    def pass_sessions(self, count: int) -> None:
        """Let sessions go by in which the account is idle."""
        passed = slice(self.session + 1, self.session + 1 + count)
        if self._rates is None:
            self.run_log.cash[passed] = self.run_log.equity[passed] = self.cash
        elif count:
            self._earn_while_idle(passed)
        self.session += count
        self.run_log.last = self.session

    def _earn_while_idle(self, passed: slice) -> None:
        """The interest of idle cash in some sessions, added in their order so that each cent is that of session by session."""
        known = self._rates[passed.start - 1 : passed.stop - 1]
        returns = self.account.idle_return(known, self.panel.days[passed])
        path = np.array(list(accumulate(returns.tolist(), lambda cash, earned: cash + cash * earned, initial=float(self.cash))))
        self.run_log.earned[passed] = path[:-1] * returns
        self.run_log.cash[passed] = self.run_log.equity[passed] = path[1:]
        self._booking = True
        self.cash = self._value = float(path[-1])
        self._booking = False

    def _play_session(self) -> None:
        self.session += 1
        if self.account.commission_tiers:
            self._count_month()
        while self._toactivate:
            self._toactivate.popleft().activate()
        self.check_submitted()
        if self.session and self._rates is not None:
            self._settle_interest()
        elif self.session and self.cash < 0:
            self._charge_interest()
        if self.session and self._holds:
            self._carry()
            if not self.panel.complete[self.session]:
                self._settle_symbols_that_stopped()
        self._fill_pending()
        self._mark()
        self._watch_margin()

    def _count_month(self) -> None:
        """The shares traded in the month up to the close before, which count for the tiers of the commission."""
        month = int(self.panel.months[self.session])
        self._traded = self._traded + self._traded_today if month == self._month else 0.0
        self._month, self._traded_today = month, 0.0

    def _charge_interest(self) -> None:
        """Debit interest for the calendar days since the last session."""
        interest = float(self.account.debit_interest(self.cash, int(self.panel.days[self.session])))
        self.run_log.interest[self.session] = interest
        self.cash -= interest

    def _settle_interest(self) -> None:
        """Interest by the dated rate, paid and earned, for the calendar days since the last session."""
        now, panel = self.session, self.panel
        collateral = float(-np.minimum(self.shares, 0.0) @ panel.marks[now - 1]) if self._shorts else 0.0
        paid, earned = self.account.dated_interest(self.cash, collateral, float(self._rates[now - 1]), int(panel.days[now]))
        self.run_log.interest[now], self.run_log.earned[now] = paid, earned
        self.cash += float(earned) - float(paid)

    def _carry(self) -> None:
        """Borrow fee for the calendar days since the last session, dividends on its holdings."""
        now, panel, held = self.session, self.panel, self.shares
        if self._shorts:
            factor, close = panel.factor[now - 1], panel.marks[now - 1]
            days = int(panel.days[now])
            dated = None if panel.borrow_rates is None else panel.borrow_rates[now - 1]
            self.run_log.borrow[now] = self.account.borrow_fee(held / factor, close * factor, days, panel.symbols, dated)
        if panel.pays[now]:
            self.run_log.dividends[now] = held * panel.dividends[now]
        if self._shorts or panel.pays[now]:
            self.cash += float(self.run_log.dividends[now].sum() - self.run_log.borrow[now].sum())

    def _settle_symbols_that_stopped(self) -> None:
        gone = (self.shares != 0) & np.isnan(self.panel.close[self.session])
        for column in np.flatnonzero(gone):
            feed, shares = self.feed(int(column)), float(self.shares[column])
            price = float(self.panel.close[self.session - 1, column])
            self.cash += shares * price
            self.positions[feed].book(-shares, price, feed.datetime.datetime())
            self._hold(int(column), 0.0)
            self.run_log.fills.append(
                Fill(
                    session=self.session,
                    symbol=int(column),
                    shares=-shares,
                    price=price,
                    at="settlement",
                    reason=STOPPED_TRADING,
                )
            )
            self._event("settled", feed, f"{shares:+,.10g} shares at the last close, {price:,.2f}", self.session)

    def _mark(self) -> None:
        self._value = self._valuelever = self._get_value()
        self._valuemkt = self._valuemktlever = self._value - self.cash
        self._fundval = self._value / self._fundshares
        self.run_log.cash[self.session], self.run_log.equity[self.session] = self.cash, self._value
        self.run_log.last = self.session

    def _watch_margin(self) -> None:
        self.under_margin_call = False
        if self._value <= 0:
            self._event("bankrupt", None, f"equity {self._value:,.2f}", self.session)
            self.cerebro.runstop()
        elif self.account.called(self._value, needed := self._margin_needed()):
            self._event("margin call", None, f"equity {self._value:,.2f} under the {needed:,.2f} required", self.session)
            self._liquidate()

    def _margin_needed(self) -> float:
        """Equity that the positions need; 0 where no close can bring a margin call."""
        if self.account.cannot_be_called(self.cash, any_short=self._shorts):
            return 0.0
        factor = self.panel.factor[self.session]
        close = self.panel.close[self.session] * factor
        return float(self.account.maintenance(self.shares / factor, close).sum())

    def _liquidate(self) -> None:
        self.under_margin_call = True
        for order in list(self.pending):
            self.cancel(order)
        owner = self.cerebro.runningstrats[0]
        for column in np.flatnonzero(self.shares):
            feed, shares = self.feed(int(column)), float(self.shares[column])
            send = self.sell if shares > 0 else self.buy
            send(owner, feed, abs(shares), exectype=Order.Market, reason=MARGIN_CALL)

    def finish(self) -> None:
        """Report every order that is still waiting when the run ends."""
        why = "the account is bankrupt" if self._value <= 0 else "the data end"
        for order in (*self.submitted, *self.pending):
            self._event("unfilled", order.data, f"{order.created.size:+,.10g} shares: {why}", self.session)
        self.submitted.clear()
        self.pending.clear()
