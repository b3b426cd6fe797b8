"""Outcomes: whether each claim about 2025 came true, from prices alone and without a test.

The rule of each claim stands in its :class:`~dipfolio.study.claims.Criterion`. Every return is a total return from
Monday's open: shares are bought once in equal dollars, and dividends with an ex-date after Monday are added as cash.
The commenter's short is simulated with its borrow fee, the dividends that it owes and its margin call.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.data.universe import resolve
from dipfolio.engine.account import Account
from dipfolio.engine.display import Displayable, signed_dollars
from dipfolio.engine.result import Result
from dipfolio.engine.simulation import simulate
from dipfolio.errors import DataError, DipfolioError, WindowError
from dipfolio.evidence.recovery import Recovery, find_recovery
from dipfolio.study.claims import OUTCOME_HORIZONS, STAKE, Claim, Criterion
from dipfolio.study.dates import EVENT_SESSION
from dipfolio.study.event_claims import build_strategy

LONGEST = OUTCOME_HORIZONS[-1]

YARDSTICKS = ("SPY", "QQQ", "SMH")
"""What the same dollars would have earned at the same times."""

OutcomeWord = Literal["came true", "partly", "did not come true", "not yet", "prices cannot say", "not in these data", "a rule"]
"""Whether a claim came true.

came true, partly, did not come true : all, some or none of the parts of its criterion hold.
not yet : parts are still to come, and the others agree.
prices cannot say : its criterion has no measure.
not in these data : a symbol or a session is missing.
a rule : it is about many dates and says nothing about 2025.
"""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Holding(Displayable):
    """Symbols bought in equal dollars at Monday's open, less those sold short at the same time; never rebalanced.

    Attributes
    ----------
    label : str
    bought, sold : tuple of str
    returns : array of shape (sessions + 1,)
        Total return to the close of Monday, of the session after it, and so on; fractions of the dollars bought, of a pair
        those of each side.
    """

    SHOWN = ("label", "bought", "sold")

    label: str
    bought: tuple[str, ...]
    sold: tuple[str, ...]
    returns: NDArray[np.float64]

    def after(self, sessions: int) -> float:
        """The return after so many sessions; NaN where the data end before."""
        return float(self.returns[sessions]) if sessions < len(self.returns) else math.nan


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a criterion.

    Attributes
    ----------
    label : str
        A symbol, or the sessions after Monday.
    value : float
        A return as a fraction, sessions until a level was regained, or dollars; NaN where it is still to come.
    holds : bool or None
        None where it is still to come.
    """

    label: str
    value: float
    holds: bool | None


@dataclass(frozen=True, kw_only=True, repr=False)
class Outcome(Displayable):
    """Whether one claim came true.

    Attributes
    ----------
    claim : str
        Its label.
    word : str
        See :data:`OutcomeWord`.
    says : str
        The numbers that say so.
    rule : str
        The criterion in words; empty for a rule.
    parts : tuple of Part
    holdings : tuple of Holding
        Its trade, then the baskets and names in it, and what the same dollars earned in :data:`YARDSTICKS`.
    """

    SHOWN = ("claim", "word", "says", "rule")

    claim: str
    word: OutcomeWord
    says: str
    rule: str = ""
    parts: tuple[Part, ...] = ()
    holdings: tuple[Holding, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MoneyPath(Displayable):
    """The profit of a short after each session, simulated.

    Attributes
    ----------
    symbol : str
    shares : float
    entry_price : float
        Dollars, the close at which it is sold, before slippage.
    open_profit : float
        At the open of the session after the sale, before costs.
    table : DataFrame of shape (sessions + 1,)
        Indexed by the session, the sale first: ``close``; ``price_profit``, before costs; ``costs``, commission, fees and
        slippage so far; ``borrow`` and ``dividends`` so far, both negative; ``profit``, after all of them. Dollars. Nothing is
        called: the account is large enough.
    margin_cash : float
        The smallest cash with which all the shares can be sold short: the initial margin at the close of the decision.
    call : Timestamp or None
        The close on which an account with that cash is called; None if it never is.
    covered : Timestamp or None
        The session at whose open the broker then covers.
    call_profit : float
        The profit of that account after all costs, NaN without a call.
    """

    SHOWN = ("symbol", "shares", "entry_price", "open_profit", "margin_cash", "call", "call_profit")

    symbol: str
    shares: float
    entry_price: float
    open_profit: float
    table: pd.DataFrame
    margin_cash: float
    call: pd.Timestamp | None = None
    covered: pd.Timestamp | None = None
    call_profit: float = math.nan

    @property
    def best(self) -> pd.Timestamp:
        """The session with the largest profit at its close, after costs."""
        return pd.Timestamp(self.table["profit"].idxmax())

    @property
    def worst(self) -> pd.Timestamp:
        """The session with the smallest profit at its close, after costs."""
        return pd.Timestamp(self.table["profit"].idxmin())


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WhatHappened(Displayable):
    """What happened on DeepSeek Monday and after it.

    Attributes
    ----------
    outcomes : tuple of Outcome
        One for each claim.
    day : mapping
        Symbol to its total return from Friday's close to Monday's close.
    holdings : mapping
        Label to what was bought at Monday's open: each symbol by itself, and each basket by the name of its universe.
    recoveries : mapping
        Symbol to when it regained Friday's close.
    commenter : MoneyPath or None
        None where the data lack the trade.
    """

    SHOWN = ("outcomes",)

    outcomes: tuple[Outcome, ...]
    day: Mapping[str, float]
    holdings: Mapping[str, Holding]
    recoveries: Mapping[str, Recovery]
    commenter: MoneyPath | None = None

    def of(self, claim: str) -> Outcome | None:
        """The outcome of a claim by its label; None if it was not asked for."""
        return next((outcome for outcome in self.outcomes if outcome.claim == claim), None)


BASKET_UNIVERSES = ("article", "chipmakers", "hyperscalers", "stargate", "magnificent-seven")


def find_outcomes(claims: Iterable[Claim], bars: Bars, folder: Path) -> WhatHappened:
    """What happened to each claim; what these data lack is said in the outcome of its claim.

    Parameters
    ----------
    claims : iterable of Claim
    bars : Bars
    folder : Path
        The strategies, for the dates and prices of the commenter's trades.
    """
    names = tuple(symbol for symbol in dict.fromkeys((*resolve("article"), *YARDSTICKS)) if symbol in bars.symbols)
    baskets = {name: resolve(name) for name in BASKET_UNIVERSES}
    wanted = {**{name: (name,) for name in names}, **baskets}
    return WhatHappened(
        outcomes=tuple(claim_outcome(claim, bars, folder) for claim in claims),
        day={name: move for name in names for move in _if_there(_day_return, bars, name)},
        holdings={label: held for label, symbols in wanted.items() for held in _if_there(hold_from_monday, bars, label, symbols)},
        recoveries={name: found for name in names for found in _if_there(_recovery, bars, name)},
        commenter=next(_if_there(_commenter, tuple(claims), bars, folder), None),
    )


def _if_there(make: Any, *values: Any) -> Iterator[Any]:
    """What a function gives, or nothing where the data lack a session or a symbol."""
    try:
        found = make(*values)
    except DipfolioError:
        return
    if found is not None:
        yield found


def _monday(bars: Bars) -> int:
    """The row of Monday, with a row before it."""
    if EVENT_SESSION not in bars.sessions or bars.sessions[0] == EVENT_SESSION:
        raise WindowError(f"The data lack {EVENT_SESSION.date()} or the session before it.")
    return int(bars.sessions.get_loc(EVENT_SESSION))


def _day_return(bars: Bars, symbol: str) -> float:
    row, close = _monday(bars), bars.close[symbol]
    move = float((close.iloc[row] + bars.dividends[symbol].iloc[row]) / close.iloc[row - 1] - 1)
    if math.isnan(move):
        raise DataError(f"{symbol} has no close on {EVENT_SESSION.date()} or on the session before it.")
    return move


def _recovery(bars: Bars, symbol: str) -> Recovery:
    _monday(bars)
    return find_recovery(bars.close[symbol].dropna(), EVENT_SESSION)


def hold_from_monday(bars: Bars, label: str, bought: tuple[str, ...], sold: tuple[str, ...] = ()) -> Holding:
    """Buy, and sell short, in equal dollars at Monday's open.

    Parameters
    ----------
    bars : Bars
    label : str
    bought, sold : tuple of str
        One of them may be empty.

    Raises
    ------
    WindowError
        The data lack that Monday or the session before it.
    UnknownNameError
        A symbol that the data lack.
    DataError
        A symbol without a price on that Monday.
    """
    row = _monday(bars)

    def earned(symbols: tuple[str, ...]) -> NDArray[np.float64]:
        prices, rows = bars.select(symbols), slice(row, row + LONGEST + 1)
        opened, paid = prices.open.iloc[row], prices.dividends.iloc[rows].cumsum() - prices.dividends.iloc[row]
        if opened.isna().any():
            raise DataError(f"{', '.join(opened.index[opened.isna()])} has no price on {EVENT_SESSION.date()}.")
        mean = ((prices.close.iloc[rows] + paid) / opened - 1).to_numpy().mean(axis=1)
        return np.asarray(mean[~np.isnan(mean)], dtype=float)

    sides = [sign * earned(symbols) for sign, symbols in ((1.0, bought), (-1.0, sold)) if symbols]
    return Holding(
        label=label, bought=bought, sold=sold, returns=np.sum([side[: min(map(len, sides))] for side in sides], axis=0)
    )


def claim_outcome(claim: Claim, bars: Bars, folder: Path) -> Outcome:
    """Whether a claim came true by its criterion."""
    rule = claim.criterion
    if claim.id.startswith("G") or claim.decades:
        return Outcome(claim=claim.id, word="a rule", says="It is about many dates, not about 2025.")
    if rule is None:
        return Outcome(claim=claim.id, word="not in these data", says=claim.remark)
    if rule.measure == "none":
        return Outcome(claim=claim.id, word="prices cannot say", says=rule.rule)
    try:
        found = _paid(claim, bars, folder) if rule.measure == "dollars" else _MEASURED[rule.measure](rule, bars)
    except DipfolioError as error:
        return Outcome(claim=claim.id, word="not in these data", says=str(error), rule=rule.rule)
    return Outcome(
        claim=claim.id, word=word_of(found.parts), says=found.says, rule=rule.rule, parts=found.parts, holdings=found.holdings
    )


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What a measure finds."""

    parts: tuple[Part, ...]
    says: str
    holdings: tuple[Holding, ...] = ()


def word_of(parts: Iterable[Part]) -> OutcomeWord:
    """All, some or none of the parts hold; where the known ones agree and others are still to come, it is not yet decided."""
    known = [part.holds for part in parts]
    answers = {holds for holds in known if holds is not None}
    if len(answers) == 2:
        return "partly"
    if None in known or not known:
        return "not yet"
    return "came true" if True in answers else "did not come true"


def _opened(rule: Criterion, bars: Bars) -> _Measured:
    row, prices = _monday(bars), bars.select(resolve(rule.bought))
    gaps = (prices.open.iloc[row] + prices.dividends.iloc[row]) / prices.close.iloc[row - 1] - 1
    if gaps.isna().any():
        raise DataError(f"{', '.join(gaps.index[gaps.isna()])} has no price on {EVENT_SESSION.date()}.")
    parts = tuple(Part(label=str(symbol), value=float(gap), holds=bool(gap < 0)) for symbol, gap in gaps.items())
    below = sum(bool(part.holds) for part in parts)
    says = f"{below} of {len(parts)} opened below Friday's close: {_listed(parts)}."
    return _Measured(parts=parts, says=says)


def _regained(rule: Criterion, bars: Bars) -> _Measured:
    _monday(bars)
    symbols = resolve(rule.bought)
    found = {symbol: find_recovery(bars.select((symbol,)).close[symbol].dropna(), EVENT_SESSION) for symbol in symbols}
    parts = tuple(
        Part(
            label=symbol, value=float(one.sessions) if one.regained is not None else math.nan,
            holds=one.sessions <= rule.within if one.regained is not None else (None if one.sessions < rule.within else False),
        )
        for symbol, one in sorted(found.items(), key=lambda item: (item[1].regained is None, item[1].sessions))
    )  # fmt: skip
    return _Measured(parts=parts, says=_say_recoveries(parts, found, rule.within), holdings=_holdings(bars, symbols, ()))


def _say_recoveries(parts: tuple[Part, ...], found: Mapping[str, Recovery], within: int) -> str:
    """The names that were back in time with their sessions, then those that were not, with the lowest close on the way."""
    back, late = ([part for part in parts if bool(part.holds) == wanted] for wanted in (True, False))
    said = list(_say_baskets(parts))
    if back:
        whole = "All" if not late else f"{len(back)} of {len(parts)}"
        names = ", ".join(f"{part.label} {part.value:.0f}" for part in back)
        said.append(f"{whole} were back at Friday's close within {within} sessions: {names}.")
    if late:
        took = ["not yet" if math.isnan(part.value) else f"{part.value:.0f}" for part in late]
        names = ", ".join(
            f"{part.label} {sessions} ({100 * found[part.label].worst:+.0f} %)" for part, sessions in zip(late, took, strict=True)
        )
        said.append(f"The others took longer, with the lowest close on the way from Monday's: {names}.")
    return " ".join(said)


def _say_baskets(parts: tuple[Part, ...]) -> Iterator[str]:
    """The answer for each basket that lies within the names, with the fewest and the most sessions."""
    for label in ("hyperscalers", "chipmakers"):
        own = [part for part in parts if part.label in resolve(label)]
        if set(resolve(label)) < {part.label for part in parts}:
            took = [part.value for part in own]
            most = "not all yet" if any(map(math.isnan, took)) else f"{min(took):.0f} to {max(took):.0f} sessions"
            yield f"{label.capitalize()}: {word_of(own)} ({most})."


def _gained(rule: Criterion, bars: Bars) -> _Measured:
    bought, sold = (resolve(universe) if universe else () for universe in (rule.bought, rule.sold))
    held = hold_from_monday(bars, trade_label(bought, sold), bought, sold)
    values = [held.after(horizon) for horizon in rule.horizons]
    parts = tuple(
        Part(label=f"{horizon} sessions", value=value, holds=None if math.isnan(value) else value > 0)
        for horizon, value in zip(rule.horizons, values, strict=True)
    )
    told = ", ".join(
        f"not yet after {horizon}"
        if math.isnan(value)
        else f"{100 * value:+.2f} % ({signed_dollars(STAKE * value)}) after {horizon}"
        for horizon, value in zip(rule.horizons, values, strict=True)
    )
    of = f"${STAKE:,.0f} {'on each side' if bought and sold else 'sold short' if sold else 'bought'}"
    return _Measured(parts=parts, says=f"{told} sessions, of {of}.", holdings=_holdings(bars, bought, sold))


def _after_results(rule: Criterion, bars: Bars) -> _Measured:
    """The moves over the results that come after a close: from that close to the next."""
    symbols, reporters = resolve(rule.bought), resolve(rule.reporters or rule.bought)
    prices, parts = bars.select(symbols), []
    moves = (prices.close + prices.dividends) / prices.close.shift() - 1
    for event in bars.events:
        reporting = [symbol for symbol in event.symbols if symbol in reporters]
        if event.kind != "earnings" or event.time != "after close" or not reporting:
            continue
        row = int(bars.sessions.searchsorted(pd.Timestamp(event.day), side="right"))
        for symbol in symbols if rule.reporters else reporting:
            move = float(moves[symbol].iloc[row]) if row < len(moves) else math.nan
            label = f"{symbol} after {', '.join(reporting)}" if rule.reporters else symbol
            parts.append(Part(label=label, value=move, holds=None if math.isnan(move) else move > 0))
    if not parts:
        raise DataError("The data have no dates of results.")
    rose = sum(bool(part.holds) for part in parts)
    return _Measured(parts=tuple(parts), says=f"{rose} of {len(parts)} rose: {_listed(parts)}.")


def _paid(claim: Claim, bars: Bars, folder: Path) -> _Measured:
    """The dollars of a trade in one symbol, from the dates and prices of its strategy."""
    trade: Any = build_strategy(folder, claim, 0)
    (symbol,) = trade.symbols
    prices, day = bars.select((symbol,)), pd.Timestamp(trade.day)
    if day not in bars.sessions:
        raise WindowError(f"The data lack {day.date()}.")
    row = int(bars.sessions.get_loc(day))
    if row + trade.hold >= len(bars):
        part = Part(label=f"{trade.hold} sessions", value=math.nan, holds=None)
        return _Measured(parts=(part,), says=f"The data end before session {trade.hold}.")
    sold = float(getattr(prices, trade.fill)[symbol].iloc[row])
    covered = float(getattr(prices, trade.cover)[symbol].iloc[row + trade.hold])
    dollars = trade.shares * (sold - covered)
    says = (
        f"{signed_dollars(dollars)}: {trade.shares:,} {symbol} sold at ${sold:,.2f}, covered at ${covered:,.2f} on "
        f"{bars.sessions[row + trade.hold].date()}."
    )
    part = Part(label=symbol, value=dollars, holds=dollars > 0)
    return _Measured(parts=(part,), says=says)


_MEASURED = {"open": _opened, "recovery": _regained, "gain": _gained, "results": _after_results}


def _holdings(bars: Bars, bought: tuple[str, ...], sold: tuple[str, ...]) -> tuple[Holding, ...]:
    """The trade, the baskets that lie within it, its names if there are several, and the yardsticks that it has not."""
    symbols = (*bought, *sold)
    parts = {name: resolve(name) for name in BASKET_UNIVERSES if set(resolve(name)) < set(symbols)}
    names = symbols if len(symbols) > 1 else ()
    others = [name for name in YARDSTICKS if name in bars.symbols and name not in names and bought != (name,)]
    singles = {name: (name,) for name in (*names, *others)}
    return (
        hold_from_monday(bars, trade_label(bought, sold), bought, sold),
        *(hold_from_monday(bars, label, members) for label, members in {**parts, **singles}.items()),
    )


def trade_label(bought: tuple[str, ...], sold: tuple[str, ...]) -> str:
    """A trade in words, such as ``NVDA sold short``."""
    sides = ((bought, "bought"), (sold, "sold short"))
    return ", ".join(f"{_few(symbols)} {word}" for symbols, word in sides if symbols)


def _few(symbols: tuple[str, ...]) -> str:
    return ", ".join(symbols) if len(symbols) <= 5 else f"{len(symbols)} names"


def _listed(parts: Iterable[Part]) -> str:
    return ", ".join(f"{part.label} {100 * part.value:+.2f} %" for part in parts)


COMMENTER = "K1"
"""The claim whose trade is followed session by session."""


def _commenter(claims: tuple[Claim, ...], bars: Bars, folder: Path) -> MoneyPath | None:
    claim = next((claim for claim in claims if claim.id == COMMENTER), None)
    return None if claim is None else follow_short(claim, bars, folder)


def follow_short(claim: Claim, bars: Bars, folder: Path) -> MoneyPath:
    """The commenter's short held on: its profit after each of up to 250 sessions, and the margin call of a small account.

    Parameters
    ----------
    claim : Claim
        One whose strategy has ``day``, ``shares``, ``hold`` and ``cover``.
    bars : Bars
    folder : Path
        The strategies.

    Raises
    ------
    DataError
        The trade is not made in these data.
    """
    trade: Any = build_strategy(folder, claim, 0, {"hold": LONGEST, "cover": "close"})
    (symbol,), day = trade.symbols, pd.Timestamp(trade.day)
    own = bars.select((symbol,))
    if day not in own.sessions or day == own.sessions[0] or day == own.sessions[-1]:
        raise DataError(f"The short needs {day.date()}, the session before it and the one after it.")
    row = int(own.sessions.get_loc(day))
    known = own.until(own.sessions[min(row + LONGEST, len(own) - 1)])
    closes = known.close[symbol].to_numpy()
    account = Account()
    margin = float(trade.shares * closes[row - 1] / account.max_leverage)
    large = simulate(trade, known, replace(account, cash=10 * margin), start=day.date())
    small = simulate(trade, known, replace(account, cash=margin), start=day.date())
    table = _money_table(large, known.close[symbol], trade.shares)
    calls = small.events[small.events["kind"] == "margin call"]
    called = pd.Timestamp(calls["session"].iloc[0]) if len(calls) and len(small.trades) else None
    return MoneyPath(
        symbol=symbol, shares=float(trade.shares), entry_price=float(closes[row]),
        open_profit=float(trade.shares * (closes[row] - known.open[symbol].iloc[row + 1])), table=table, margin_cash=margin,
        call=called, covered=None if called is None else pd.Timestamp(small.trades["exit_session"].iloc[0]),
        call_profit=math.nan if called is None else float(small.trades["profit"].iloc[0]),
    )  # fmt: skip


def _money_table(result: Result, close: pd.Series, shares: float) -> pd.DataFrame:
    """See :class:`MoneyPath`; the last session keeps the short, as its cover would add costs."""
    fills = result.fills[result.fills["session"] == result.fills["session"].iloc[0]]
    if abs(fills["shares"].sum()) != shares:
        raise DataError(f"The data allow {abs(fills['shares'].sum()):,.0f} of {shares:,.0f} shares.")
    equity = result.equity.loc[fills["session"].iloc[0] :]
    sold = close.loc[equity.index[0]]
    price_profit = shares * (sold - close.loc[equity.index])
    spent = -float(fills[["commission", "fees", "slippage"]].sum().sum())
    borrow, dividends = -equity["borrow"].cumsum(), equity["dividends"].cumsum()
    table = pd.DataFrame({"close": close.loc[equity.index], "price_profit": price_profit, "costs": spent, "borrow": borrow})
    return table.assign(dividends=dividends, profit=price_profit + spent + borrow + dividends)
