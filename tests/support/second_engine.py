"""A second engine: the rules of the account in plain loops over plain numbers, sharing no code with the first.

Of the project it reads data alone: the bars, the fields of the account, the fields of the exit rules, and a table of
targets. What it does in a session stands in :func:`run`, top to bottom; every rule is one small function above it.
"""

import math
from dataclasses import dataclass, field

from dipfolio.engine.account_stops import GroupStop, PairStop, PortfolioStop
from dipfolio.engine.exits import At, ChandelierExit, HoldFor, Recovered, StopLoss, TakeProfit, TrailingStop

SEC = {  # dollars per million sold, from the day on
    "2015-02-14": 18.4, "2016-02-16": 21.8, "2017-07-04": 23.1, "2018-05-22": 13.0, "2019-04-16": 20.7, "2020-02-18": 22.1,
    "2021-02-25": 5.1, "2022-05-14": 22.9, "2023-02-27": 8.0, "2024-05-22": 27.8, "2025-05-14": 0.0, "2026-04-04": 20.6,
}  # fmt: skip
TAF = {  # dollars a share sold, and at most, from the day on
    "2012-07-01": (0.000119, 5.95), "2022-01-01": (0.00013, 6.49), "2023-01-01": (0.000145, 7.27),
    "2024-01-01": (0.000166, 8.3), "2026-01-01": (0.000195, 9.79), "2027-01-01": (0.000232, 11.61),
}  # fmt: skip


@dataclass
class Market:
    """The bars as lists, ``market.close[symbol][row]``."""

    days: list
    open: dict
    high: dict
    low: dict
    close: dict
    volume: dict
    dividends: dict
    splits: tuple
    rates: dict = field(default_factory=dict)
    borrow: tuple = ()

    @classmethod
    def of(cls, bars):
        fields = ("open", "high", "low", "close", "volume", "dividends")
        lists = {name: {s: getattr(bars, name)[s].tolist() for s in bars.symbols} for name in fields}
        dated = getattr(bars, "cash_rate", None)
        rates = {day.date(): rate for day, rate in dated.rates.items()} if dated else {}
        lent = getattr(bars, "borrow_rates", ())
        return cls(days=[day.date() for day in bars.sessions], splits=bars.splits, rates=rates, borrow=lent, **lists)

    def trades(self, symbol, row):
        return not math.isnan(self.close[symbol][row])

    def ratio(self, symbol, row):
        """Of today's shares, how many were one share on that day."""
        return math.prod(s.ratio for s in self.splits if s.symbol == symbol and self.days[row] < s.day)


@dataclass
class Held:
    """A position: signed shares, their average price, the row of the first fill, the best of that fill and the closes since.

    ``money`` is what the trade has brought in so far, the purchase with its charges taken off.
    """

    shares: float
    price: float
    row: int
    best: float
    money: float = 0.0


@dataclass
class Order:
    """What was decided on a close, for the next open or close; ``ends`` whatever is held, or is ``undone`` once nothing is."""

    symbol: str
    shares: float
    at: str
    ends: bool = False
    undone: bool = False


@dataclass
class Books:
    """The state of the account, and what it has come to: a number for each close, (row, symbol, shares, price) for each fill."""

    cash: float
    start: float = 0.0
    held: dict = field(default_factory=dict)
    equity: list = field(default_factory=list)
    cash_path: list = field(default_factory=list)
    fills: list = field(default_factory=list)
    traded: list = field(default_factory=list)  # (row, shares as traded) of each order
    cut: int = 0
    margin_calls: int = 0
    trades: int = 0
    bankrupt: bool = False
    peaks: dict = field(default_factory=dict)  # of each portfolio stop, by its place
    barred: dict = field(default_factory=dict)  # symbol: the first row whose targets count again
    stopped: dict = field(default_factory=dict)  # symbol: the side of the target that has stood since a stop

    def shares(self, symbol):
        return self.held[symbol].shares if symbol in self.held else 0.0

    def book(self, symbol, shares, price, row, charge=0.0):
        """A fill: its money, and what it makes of the position."""
        self.fills.append((row, symbol, shares, price))
        self.cash -= shares * price + charge
        old = self.held.pop(symbol, None)
        after = shares + (old.shares if old else 0.0)
        if abs(after) <= max(1e-9, 1e-11 * abs(shares)):  # the rounding of a closing trade
            self.trades += 1
            return
        self.trades += bool(old) and old.shares * after < 0
        if old is None or old.shares * after < 0:
            old = Held(after, price, row, best=price, money=-after * price - charge * abs(after / shares))
        else:
            old.money -= shares * price + charge
        if abs(after) > abs(old.shares):
            old.price = (old.price * old.shares + price * shares) / after
        self.held[symbol] = old
        old.shares = after


# ---- the charges ----


def billionth(number):
    """Rounded to a billionth, so that 10 % above 100 is 110 and not a hair more."""
    return round(number * 1e9) / 1e9


def on_day(table, day):
    """The last entry that was in force, the first one before that."""
    began = [first for first in table if first <= day.isoformat()]
    return table[max(began)] if began else next(iter(table.values()))


TIERS = ((300_000, 1.0), (3_000_000, 4 / 7), (20_000_000, 3 / 7), (100_000_000, 2 / 7), (math.inf, 1 / 7))


def tiered(before, count):
    """Shares of the first rate that cost as much as so many after those of the month before."""
    below, worth = 0, 0.0
    for limit, part in TIERS:
        worth += part * max(min(before + count, limit) - max(before, below), 0)
        below = limit
    return worth


def charge(account, market, symbol, shares, price, row, month=0.0):
    """Commission and, on a sale, the SEC's and FINRA's fees; rules in dollars a share are about the shares of that day."""
    ratio = market.ratio(symbol, row)
    count, value = abs(shares) / ratio, abs(shares) * price
    by_the_share = account.commission_per_share * (tiered(month, count) if account.commission_tiers else count)
    paid = min(max(by_the_share, account.commission_minimum), account.commission_maximum * value)
    paid += account.exchange_fee_per_share * count
    if shares < 0 and account.sec_taf:
        rate, cap = on_day(TAF, market.days[row])
        paid += value * on_day(SEC, market.days[row]) / 1e6 + min(count * rate, cap)
    return paid


def carry(ledger, account, market, row):
    """The calendar days since the last close: interest on cash, the fee of the shorts; then the dividends of today."""
    days = (market.days[row] - market.days[row - 1]).days
    change = interest(ledger, account, market, row) * days / 360
    for symbol, held in ledger.held.items():
        ratio = market.ratio(symbol, row - 1)
        if held.shares < 0:
            collateral = math.ceil(billionth(1.02 * market.close[symbol][row - 1] * ratio))
            fee = held.shares / ratio * collateral * lending_rate(account, market, symbol, row - 1) * days / 360
            change, held.money = change + fee, held.money + fee
        paid = held.shares * market.dividends[symbol][row]
        change, held.money = change + paid, held.money + paid
    ledger.cash += change


def lending_rate(account, market, symbol, row):
    """The last rate of the symbol that is dated on or before the day; else, and where the account lends free, the account's."""
    dated = {entry.day: entry.rate for entry in market.borrow if entry.symbol == symbol and entry.day <= market.days[row]}
    return dated[max(dated)] if dated and account.borrow_rate else account.borrow_rate


def interest(ledger, account, market, row):
    """Dollars a year on the cash of the last close, received or (negative) paid."""
    if not market.rates:
        return min(ledger.cash, 0.0) * account.debit_rate
    rate = market.rates[max(day for day in market.rates if day <= market.days[row - 1])]
    lent = sum(-held.shares * market.close[symbol][row - 1] for symbol, held in ledger.held.items() if held.shares < 0)
    own = ledger.cash - lent
    on_own = own * max(rate + account.debit_spread if own < 0 else rate - account.credit_spread, 0.0)
    return on_own + lent * max(rate - account.rebate_spread, 0.0)


def required(ledger, account, market, row):
    """Equity that the maintenance margin asks for."""
    return sum(needed(account, market, symbol, held.shares, row) for symbol, held in ledger.held.items())


def needed(account, market, symbol, shares, row):
    """Equity that a position must keep: FINRA Rule 4210(c), in shares and dollars of the day."""
    ratio = market.ratio(symbol, row)
    count, price = abs(shares) / ratio, market.close[symbol][row] * ratio
    if shares > 0:
        return account.maintenance_long * count * price
    low, limit = account.maintenance_short_per_share / 2, account.maintenance_short_per_share
    if price < limit:
        return max(account.maintenance_short * count * price, low * count, count * price)
    return max(account.maintenance_short * count * price, limit * count)


def taken(account, market, symbol, shares, row):
    """Equity that a position takes up when an order is sent: the initial requirement, or what it must keep if that is more."""
    if not shares:
        return 0.0
    initial = abs(shares) * market.close[symbol][row] / account.max_leverage
    return max(initial, needed(account, market, symbol, shares, row))


# ---- the decisions ----


def level(rule, held):
    """The price of a stop or a target."""
    side = math.copysign(1, held.shares)
    from_best = isinstance(rule, TrailingStop)
    away = side * rule.fraction if isinstance(rule, TakeProfit) else -side * rule.fraction
    return billionth((held.best if from_best else held.price) * (1 + away))


def chandelier(rule, held, market, symbol, row):
    """The best price since the entry less a multiple of the mean true range, for a short the other way round; nan if unknown."""
    high, low, close = market.high[symbol], market.low[symbol], market.close[symbol]
    begin = row - rule.window + 1
    if begin < 1 or math.isnan(close[begin - 1]):
        return math.nan
    total = 0.0
    for k in range(begin, row + 1):
        total += max(high[k] - low[k], abs(high[k] - close[k - 1]), abs(low[k] - close[k - 1]))
    since = range(held.row, row + 1)
    if held.shares > 0:
        return billionth(max(high[k] for k in since) - rule.multiple * total / rule.window)
    return billionth(min(low[k] for k in since) + rule.multiple * total / rule.window)


def says_close(rule, held, market, symbol, row):
    """Whether an exit rule ends a trade after the close of this row."""
    close, side = market.close[symbol], math.copysign(1, held.shares)
    match rule:
        case HoldFor():
            return row + 1 >= held.row + rule.sessions
        case At():
            return row + 1 < len(market.days) and market.days[row] < rule.day <= market.days[row + 1]
        case Recovered():
            drop = held.row - (2 if rule.drop == "decision" else 1)
            return drop >= 0 and side * close[row] >= side * close[drop]
        case ChandelierExit():
            return side * close[row] <= side * chandelier(rule, held, market, symbol, row)
        case StopLoss() | TrailingStop():
            return not rule.intraday and side * close[row] <= side * level(rule, held)
        case TakeProfit():
            return not rule.intraday and side * close[row] >= side * level(rule, held)
    raise NotImplementedError(f"The second engine does not know {type(rule).__name__}.")


def groups_of(rule, symbols):
    """The symbols of each group; one of all where none is named."""
    return [group.split(",") for group in rule.groups] or [list(symbols)]


def lost_too_much(rule, ledger, market, group, row):
    """Whether the open trades of a group have lost that part of the money in them."""
    open_trades = [(symbol, ledger.held[symbol]) for symbol in group if symbol in ledger.held]
    invested = sum(abs(held.shares) * held.price for _, held in open_trades)
    profit = sum(held.money + held.shares * market.close[symbol][row] for symbol, held in open_trades)
    return invested > 0 and billionth(-profit / invested) >= rule.loss


def stopped_by(rule, place, ledger, market, row):
    """The symbols that a stop on the account stops on this close."""
    symbols = list(market.close)
    match rule:
        case PortfolioStop():
            peak = ledger.peaks[place] = max(ledger.peaks.get(place, ledger.start), ledger.equity[-1])
            hit = billionth(1 - ledger.equity[-1] / peak) >= rule.drawdown
            ledger.peaks[place] = -math.inf if hit else peak
            return symbols if hit else []
        case PairStop():
            pairs = groups_of(rule, symbols)
            hit = [p for p in pairs if lost_too_much(rule, ledger, market, p, row) or len(ledger.held.keys() & p) == 1]
            return [symbol for pair in hit for symbol in pair]
        case GroupStop():
            hit = [g for g in groups_of(rule, symbols) if lost_too_much(rule, ledger, market, g, row)]
            return [symbol for group in hit for symbol in group]
    return []


def hold_back(rule, symbols, ledger, targets, row):
    """The targets of what was stopped do not count until the rule says so."""
    for symbol in symbols:
        if rule.reenter == "new-target":
            ledger.stopped.pop(symbol, None)
            if targets[symbol] * 0 == 0 and targets[symbol] != 0:
                ledger.stopped[symbol] = math.copysign(1, targets[symbol])
        else:
            free = math.inf if rule.reenter == "never" else row + rule.reenter
            ledger.barred[symbol] = max(ledger.barred.get(symbol, 0), free)


def stop_account(ledger, market, row, targets, exits):
    """What each stop on the account has stopped on this close, by its place among the exits."""
    found = {}
    for place, rule in enumerate(exits):
        if isinstance(rule, PortfolioStop | GroupStop):
            found[place] = stopped_by(rule, place, ledger, market, row)
            hold_back(rule, found[place], ledger, targets, row)
    return found


def take_partners(ledger, market, row, targets, exits, leaving, orders):
    """A leg that leaves takes its partner with it at the same moment."""
    for rule in [rule for rule in exits if isinstance(rule, PairStop)]:
        for moment in ("open", "close"):
            for pair in groups_of(rule, market.close):
                if moment in [leaving.get(symbol) for symbol in pair]:
                    for symbol in [symbol for symbol in pair if symbol in ledger.held and symbol not in leaving]:
                        leaving[symbol] = moment
                        orders.append(Order(symbol, -ledger.shares(symbol), moment, ends=True))
                        hold_back(rule, pair, ledger, targets, row)


def whole(shares, account):
    return shares if account.fractional else float(math.trunc(shares + math.copysign(5e-10, shares)))


def decide(ledger, account, market, row, targets, strategy, stopped):
    """The orders of this close: exits first, then targets for what no exit has ended."""
    orders, leaving = [], {}
    for symbol, held in ledger.held.items():
        rule = None
        for place, one in enumerate(strategy.exits):
            if symbol in stopped[place] if place in stopped else says_close(one, held, market, symbol, row):
                rule = one
                break
        if rule:
            leaving[symbol] = rule.fill
            orders.append(Order(symbol, -held.shares, rule.fill, ends=True))
    take_partners(ledger, market, row, targets, strategy.exits, leaving, orders)
    for symbol, target in targets.items():
        back_in = leaving.get(symbol) == "open" and strategy.fill == "close"
        if symbol in ledger.stopped or row < ledger.barred.get(symbol, 0):
            continue
        if math.isnan(target) or not market.trades(symbol, row) or (symbol in leaving and not back_in):
            continue
        now = 0.0 if back_in else ledger.shares(symbol)
        if now * target > 0 and not strategy.resize:
            continue
        wanted = target if strategy.unit == "shares" else target * ledger.equity[-1] / market.close[symbol][row]
        trade = whole(wanted, account) - now
        if abs(trade) > max(1e-9, 1e-11 * abs(now)):
            orders.append(Order(symbol, trade, strategy.fill, undone=bool(now) and strategy.fill == "close"))
    return orders


def admit(orders, ledger, account, market, row):
    """Cut what was decided: reductions never, additions to a part of the volume, then all alike to the leverage.

    The orders of the open come first; those of the close find its positions, at the same prices.
    """
    position, sent = {symbol: held.shares for symbol, held in ledger.held.items()}, []
    for at in ("open", "close"):
        batch, reduced, added = [order for order in orders if order.at == at], {}, {}
        for symbol, shares in ((order.symbol, order.shares) for order in batch):
            before = position.setdefault(symbol, 0.0)
            reduced[symbol] = math.copysign(min(abs(shares), abs(before)), shares) if shares * before < 0 else 0.0
            cap = whole(account.max_volume_share * market.volume[symbol][row], account)
            added[symbol] = math.copysign(min(abs(shares - reduced[symbol]), cap), shares)
            position[symbol] += reduced[symbol]
        room = ledger.equity[-1] - sum(taken(account, market, s, n, row) for s, n in position.items())
        need = sum(taken(account, market, s, n, row) for s, n in added.items())
        if need > 0 and need > room + 1e-9 * ledger.equity[-1]:
            added = {symbol: whole(shares * max(room, 0.0) / need, account) for symbol, shares in added.items()}
        for order in batch:
            admitted = reduced[order.symbol] + added[order.symbol]
            position[order.symbol] += added[order.symbol]
            cut, crumb = abs(order.shares - admitted), max(1e-9, 1e-11 * abs(order.shares))
            ledger.cut += cut > crumb
            order.shares = admitted if cut > crumb else order.shares
            if abs(order.shares) > crumb:
                sent.append(order)
    return sent


# ---- the session ----


def execute(ledger, account, market, symbol, shares, price, row, *, slips=True):
    paid = price * (1 + math.copysign(account.slippage_bps / 1e4, shares)) if slips else price
    same = [n for r, n in ledger.traded if r < row and market.days[r].timetuple()[:2] == market.days[row].timetuple()[:2]]
    ledger.traded.append((row, abs(shares) / market.ratio(symbol, row)))
    ledger.book(symbol, shares, paid, row, charge(account, market, symbol, shares, paid, row, sum(same)))


def fill(ledger, account, market, orders, row, at):
    """The orders of an open or a close, slipped."""
    for order in orders:
        idle = (order.ends or order.undone) and order.symbol not in ledger.held
        if order.at == at and market.trades(order.symbol, row) and not idle:
            execute(ledger, account, market, order.symbol, order.shares, getattr(market, at)[order.symbol][row], row)


def rest(ledger, account, market, exits, row):
    """Stops and targets that rest in the market: what the open has jumped is filled there, then the stops, then the targets."""
    resting = sorted((rule for rule in exits if getattr(rule, "intraday", False)), key=lambda rule: isinstance(rule, TakeProfit))
    for symbol, held in list(ledger.held.items()):
        opened, high, low = (getattr(market, name)[symbol][row] for name in ("open", "high", "low"))
        touched = []
        for rule in resting:
            price, stop = level(rule, held), not isinstance(rule, TakeProfit)
            down = stop == (held.shares > 0)  # whether the price must fall to it
            if price > 0 and (opened <= price if down else opened >= price):
                touched.append((0, opened, stop))
            elif price > 0 and (low <= price if down else high >= price):
                touched.append((1 if stop else 2, price, stop))
        if touched:
            nearest = min(touched, key=lambda touch: (touch[0], abs(touch[1] - opened)))
            execute(ledger, account, market, symbol, -held.shares, nearest[1], row, slips=nearest[2])


def run(bars, targets, strategy, account, first=0):
    """Trade a table of targets from row ``first`` on; ``strategy`` has ``unit``, ``fill``, ``resize`` and ``exits``."""
    market, ledger, orders = Market.of(bars), Books(cash=account.cash, start=account.cash), []
    wanted, stands = {symbol: targets[symbol].tolist() for symbol in bars.symbols}, {}
    for row in range(first, len(market.days)):
        if row > first:
            carry(ledger, account, market, row)
        for symbol in [symbol for symbol in ledger.held if not market.trades(symbol, row)]:
            ledger.book(symbol, -ledger.shares(symbol), market.close[symbol][row - 1], row)  # its last close is paid out
        fill(ledger, account, market, orders, row, "open")
        rest(ledger, account, market, strategy.exits, row)
        fill(ledger, account, market, orders, row, "close")
        for symbol, held in ledger.held.items():
            better = max if held.shares > 0 else min
            held.best = better(held.best, market.close[symbol][row])
        worth = sum(held.shares * market.close[symbol][row] for symbol, held in ledger.held.items())
        ledger.equity.append(ledger.cash + worth)
        ledger.cash_path.append(ledger.cash)
        ledger.bankrupt = ledger.equity[-1] <= 0
        if ledger.bankrupt:
            break
        today = {symbol: column[row] for symbol, column in wanted.items()}
        today = {s: target if market.trades(s, row) else math.nan for s, target in today.items()}
        stands = {s: side for s, side in stands.items() if side * today[s] > 0}
        ledger.stopped = {s: side for s, side in ledger.stopped.items() if side * today[s] > 0}
        stopped = stop_account(ledger, market, row, today, strategy.exits)
        if required(ledger, account, market, row) - ledger.equity[-1] > 1e-8 * ledger.equity[-1]:
            ledger.margin_calls += 1
            stands |= {s: math.copysign(1, h.shares) for s, h in ledger.held.items() if h.shares * today[s] > 0}
            orders = [Order(symbol, -held.shares, "open", ends=True) for symbol, held in ledger.held.items()]
        else:
            today = {s: math.nan if s in stands else target for s, target in today.items()}  # called, and never taken back
            orders = admit(decide(ledger, account, market, row, today, strategy, stopped), ledger, account, market, row)
    return ledger
