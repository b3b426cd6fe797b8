"""Books: the state of the broker - account, shares, tape - and how it is looked at."""

from collections.abc import Callable
from typing import Any

import backtrader as bt
import numpy as np
from backtrader import Order

from dipfolio.engine.account import Account
from dipfolio.engine.panel import Panel
from dipfolio.engine.tape import Event, EventKind, Sent, Tape
from dipfolio.errors import StrategyError


class Books(bt.brokers.BackBroker):  # type: ignore[misc]
    """A broker that knows its account and its panel and writes a tape.

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

    def init(self) -> None:
        """Open the account; backtrader calls it before each run."""
        self.account: Account = self.p.account
        self.panel: Panel = self.p.panel
        self.p.cash = self.account.cash
        super().init()
        self.tape = Tape.blank(len(self.panel), len(self.panel.symbols))
        self.shares = np.zeros(len(self.panel.symbols))
        self.session = -1
        self.under_margin_call = False
        self.at_open: Callable[[], None] | None = None

    def start(self) -> None:
        """Number the feeds as the panel numbers its symbols."""
        super().start()
        self.feeds = self.p.feeds or list(self.cerebro.datas)
        self.column = {feed: number for number, feed in enumerate(self.feeds)}

    def feed(self, column: int) -> Any:
        """The feed of a symbol, at the current session."""
        feed = self.feeds[column]
        feed.move_to(self.session)
        return feed

    def set_coc(self, coc: bool) -> None:
        """Refused: an order that fills at the close that decided it has seen the future of its own price."""
        if coc:
            raise StrategyError("Cheat-on-close is not available; send exectype=bt.Order.Close for the next close.")

    def set_coo(self, coo: bool) -> None:
        """Refused: a strategy that runs before the open sees the close of that session."""
        if coo:
            raise StrategyError("Cheat-on-open is not available; send the order on the close before.")

    def set_cash(self, *_: float) -> None:
        """Refused: the account says what there is at the start."""
        raise StrategyError("A strategy cannot change its cash; give the account another amount.")

    setcash = add_cash = set_cash

    def set_checksubmit(self, checksubmit: bool) -> None:
        """Refused: there is no way round the buying power."""
        if not checksubmit:
            raise StrategyError("Orders are always checked; give the account another max_leverage.")

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
        """Tell the strategy; a plan reads the tape instead, and copying an order for every message is a fifth of its time."""
        if self.p.feeds is None:
            super().notify(order)

    def submit(self, order: Order, check: bool = True) -> Order:
        """Take an order, and write down that it was sent."""
        kind = Order.ExecTypes[order.exectype].lower()
        price = None if order.exectype in (Order.Market, Order.Close) else float(order.created.price)
        symbol = self.column[order.data]
        self.tape.sent.append(Sent(session=self.session, symbol=symbol, shares=float(order.created.size), kind=kind, price=price))
        return super().submit(order, check)

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

    def _event(self, kind: EventKind, feed: Any, detail: str, session: int) -> None:
        symbol = None if feed is None else self.column[feed]
        self.tape.events.append(Event(session=session, kind=kind, symbol=symbol, detail=detail))
