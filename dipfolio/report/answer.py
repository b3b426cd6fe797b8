"""The answer of a run: one sentence and six numbers, alike for the terminal, the tear sheet and JSON.

An account that was invested for most of the time is measured as a whole against the benchmark. Any other run is measured by the
money that it put in, against the benchmark at the same times with the same dollars (:mod:`dipfolio.engine.matched_benchmark`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from dipfolio.engine.allocation import Allocation, allocation_of
from dipfolio.engine.attribution import INTEREST, INTEREST_EARNED, Attribution, all_positions, attribute
from dipfolio.engine.display import signed_dollars
from dipfolio.engine.holding_paths import HoldingPaths, holding_paths
from dipfolio.engine.matched_benchmark import fill_steps, matched_benchmarks, money_by_name, money_put_in
from dipfolio.engine.metrics import PORTFOLIO_SHARE, Metrics, total_return
from dipfolio.engine.result import Result
from dipfolio.report.format import MISSING_TEXT, count, count_in_words, dollars, long_date, percent, unsigned_percent

Measure = Literal["trades", "account", "nothing"]
"""What an answer measures: the money put in, the whole account, or that there was no trade."""


SOLD_SHORT = "sold short"
"""How the benchmark of a run is held whose trades were all short."""

SESSIONS_LONGER = 5
"""Sessions after the exit for which :func:`further_sentences` says what the trades would have made."""


MAX_TRADES_KEPT_LONGER = 1_000
"""Trades above which the chart of the tear sheet alone says it, so that the first screen does not wait."""


class Outcome(NamedTuple):
    """What a symbol made: a traded one, or a benchmark. ``profit`` is in dollars; ``total_return`` is NaN without money."""

    symbol: str
    profit: float
    total_return: float

    @property
    def text(self) -> str:
        """Dollars, and per cent in brackets."""
        return _both(self.profit, self.total_return)

    @property
    def named(self) -> str:
        """The symbol before the same, with one decimal, as the sentence about the best and the worst name has it."""
        return f"{self.symbol} {_both(self.profit, self.total_return, 1)}"

    def as_record(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"symbol": self.symbol, "profit": self.profit, "return": _or_none(self.total_return)}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One sentence and six numbers.

    Attributes
    ----------
    measures : {"trades", "account", "nothing"}
    sentences : tuple of str
        What was put in and what came out; the benchmarks; the best and the worst name; how often a portfolio was rebalanced; the
        interest that cash earned by a dated rate. The last four may be missing.
    why : str
        Why it measures what it does.
    money : float
        Dollars: the money put in, or the starting cash of a whole account.
    profit, total_return : float
        Dollars after all costs, and their part of ``money``; of the money put in without the interest that other cash earned.
    beside : str
        How the benchmarks were held, such as "at the same times".
    holding : str
        How long the positions were held, or how much of the account was invested.
    benchmarks : tuple of Outcome
        At the same times with the same dollars, or over the same sessions for a whole account; that of the run first.
    ranked : tuple of Outcome
        The traded symbols, the largest profit first; the return of each is on the largest cost of its position.
    """

    measures: Measure
    sentences: tuple[str, ...]
    why: str
    money: float
    profit: float
    total_return: float
    beside: str
    holding: str
    benchmarks: tuple[Outcome, ...]
    ranked: tuple[Outcome, ...]

    @property
    def sentence(self) -> str:
        """All sentences on one line."""
        return " ".join(self.sentences)

    @property
    def difference(self) -> float:
        """Profit less that of the first benchmark, in dollars; NaN without one."""
        return self.profit - self.benchmarks[0].profit if self.benchmarks else np.nan

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Label and value of the six numbers."""
        whole = self.measures == "account"
        first = self.benchmarks[0] if self.benchmarks else Outcome("Benchmark", np.nan, np.nan)
        names = self.ranked[:1] + self.ranked[1:][-1:]
        return (
            ("Starting cash" if whole else "Sold short for" if self._all_short else "Money put in", dollars(self.money)),
            ("Profit", _both(self.profit, self.total_return)),
            ("Invested" if whole else "Holding time", self.holding),
            (f"{first.symbol} {self.beside}", first.text),
            (f"Difference to {first.symbol}", _dollar_gap(self.profit, first.profit)),
            ("Only name" if len(names) == 1 else "Best and worst name", ", ".join(name.named for name in names) or MISSING_TEXT),
        )

    @property
    def _all_short(self) -> bool:
        return self.beside.startswith(SOLD_SHORT)

    def as_record(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "measures": self.measures,
            "sentence": self.sentence,
            "why": self.why,
            "money": self.money,
            "profit": self.profit,
            "return": _or_none(self.total_return),
            "holding": self.holding,
            "beside": self.beside,
            "benchmarks": [outcome.as_record() for outcome in self.benchmarks],
            "difference": _or_none(self.difference),
            "best": self.ranked[0].as_record() if self.ranked else None,
            "worst": self.ranked[-1].as_record() if self.ranked else None,
        }


def answer_of(result: Result, metrics: Metrics) -> Answer:
    """The answer of a run.

    Parameters
    ----------
    result : Result
    metrics : Metrics
        Of that result; the exposure in them decides what is measured.
    """
    measures = _measure_of(result, metrics)
    attribution = attribute(result)
    earned = float(result.interest_earned.sum()) if measures == "trades" else 0.0
    profit = attribution.profit - earned
    money = result.account.cash if measures == "account" else money_put_in(result)
    beside, benchmarks = _benchmarks(result, measures)
    ranked = _ranked_names(result, attribution)
    told = {"trades": _trades_sentence, "account": _account_sentence, "nothing": _idle_sentence}[measures](result, money, profit)
    if result.bankrupt:
        told = _ruin_sentence(result, money_put_in(result), profit)
    portfolio = allocation_of(result) if measures == "account" else None
    sentences = (told, _benchmark_sentence(beside, benchmarks), _names_sentence(ranked), _portfolio_sentence(portfolio, metrics))
    return Answer(
        measures=measures,
        sentences=tuple(filter(None, (*sentences, _interest(earned)))),
        why=_why(measures, metrics),
        money=money,
        profit=profit,
        total_return=profit / money if money else np.nan,
        beside=beside,
        holding=_invested(metrics) if measures == "account" else _holding(all_positions(result)["sessions"]),
        benchmarks=benchmarks,
        ranked=ranked,
    )


def further_sentences(result: Result) -> tuple[str, ...]:
    """What a reader asks next: the same trades held for a week longer, and what short sales owed; empty if neither is known."""
    return tuple(filter(None, (_kept_longer(result), _owed_by_shorts(all_positions(result)))))


def _kept_longer(result: Result) -> str:
    """The profit of trades that were all held equally long on the close :data:`SESSIONS_LONGER` sessions after their exits."""
    trades, days = result.trades, result.equity.index
    held = np.unique(days.get_indexer(trades["exit_session"]) - days.get_indexer(trades["entry_session"]))
    if len(held) != 1 or len(result.open_positions) or len(trades) > MAX_TRADES_KEPT_LONGER:
        return ""
    paths = holding_paths(result)
    total = paths.held.sum(axis=1, skipna=False).dropna()
    last = int(held[0]) + SESSIONS_LONGER
    if paths.unknown or paths.exits["left_out"].sum() or last >= len(total):
        return ""
    later = _both(float(total[last]), float(total[last]) / money_put_in(result))
    market = f", {result.benchmark} at {_market_later(paths, last)}" if paths.held_benchmark is not None else ""
    plural = "" if len(trades) == 1 else "s"
    return f"{_how_ended(trades)} the trade{plural} would have stood at {later}{market}."


def _market_later(paths: HoldingPaths, session: int) -> str:
    return signed_dollars(float(paths.held_benchmark.iloc[session]))  # type: ignore[union-attr]


def _how_ended(trades: pd.DataFrame) -> str:
    """When the trades ended, if they ended together, and the words that lead to a close a week later."""
    week = f"on the close {count_in_words(SESSIONS_LONGER, 'session')}"
    ends = set(zip(trades["exit_session"], trades["exit_at"], strict=True))
    if len(ends) > 1:
        return _capital(f"{week} after the exits,")
    done = {"long": "Sold", "short": "Bought back"}.get("".join(set(trades["side"])), "Closed")
    return f"{done} {_moment(*ends.pop())}; {week} later,"


def _owed_by_shorts(positions: pd.DataFrame) -> str:
    """The borrow fees and dividends that short positions paid to the lenders of the shares."""
    shorts = positions[positions["side"] == "short"]
    if shorts.empty:
        return ""
    sales = "The short sale" if len(shorts) == 1 else "Short sales"
    borrow, dividends = (dollars(abs(float(shorts[name].sum()))) for name in ("borrow", "dividends"))
    return f"{sales} cost {borrow} in borrow fees and {dividends} in dividends."


def _interest(earned: float) -> str:
    """The interest that the cash of an account earned, which is not in the profit of the money put in."""
    return f"The cash of the account earned {dollars(earned)} of interest besides." if earned else ""


def _measure_of(result: Result, metrics: Metrics) -> Measure:
    if result.fills.empty:
        return "nothing"
    invested = min(metrics.time_in_market, metrics.mean_exposure)
    return "account" if invested >= PORTFOLIO_SHARE else "trades"


def _why(measures: Measure, metrics: Metrics) -> str:
    if measures == "nothing":
        return ""
    what = "whole account" if measures == "account" else "money put in, not on the whole account"
    held, exposure = unsigned_percent(metrics.time_in_market), unsigned_percent(metrics.mean_exposure)
    return f"Measured on the {what}, which had positions in {held} of the sessions and a mean exposure of {exposure}."


def _ranked_names(result: Result, attribution: Attribution) -> tuple[Outcome, ...]:
    profit, money = attribution.by_name.drop([INTEREST, INTEREST_EARNED], errors="ignore"), money_by_name(result)
    order = profit.sort_values(ascending=False, kind="stable")
    return tuple(Outcome(str(symbol), float(made), float(made / money[symbol])) for symbol, made in order.items())


def _benchmarks(result: Result, measures: Measure) -> tuple[str, tuple[Outcome, ...]]:
    """How the benchmarks are held for this measure, and what they made."""
    if measures != "trades":
        return "over the same sessions", _over_the_window(result)
    found = tuple(Outcome(one.symbol, one.profit, one.total_return) for one in matched_benchmarks(result))
    return f"{benchmark_side(result)} at the same times".lstrip(), found


def benchmark_side(result: Result) -> str:
    """How a benchmark is held beside the trades: empty for a run that only bought, else "sold short" or "on the same sides"."""
    sides = set(all_positions(result)["side"])
    return "" if sides == {"long"} else SOLD_SHORT if sides == {"short"} else "on the same sides"


def _over_the_window(result: Result) -> tuple[Outcome, ...]:
    """The benchmarks bought with the starting cash and never sold, dividends reinvested."""
    found = [(result.benchmark, total_return(result.benchmark_returns))] if result.benchmark_returns is not None else []
    for symbol in result.also:
        own = result.prices[result.prices["symbol"] == symbol].set_index("session")
        own = own[pd.Timestamp(result.base or result.window[0]) : pd.Timestamp(result.window[1])]
        close, paid = own["close"], own["dividend"]
        if len(close) == len(result.equity) + (result.base is not None):
            found.append((symbol, total_return(((close + paid) / close.shift() - 1).iloc[1:])))
    return tuple(Outcome(symbol, made * result.account.cash, made) for symbol, made in found)


def _trades_sentence(result: Result, money: float, profit: float) -> str:
    """What was put in and what came out, for a run that was in cash most of the time."""
    positions, steps = all_positions(result), list(fill_steps(result))
    outcome = _both(profit, profit / money)
    if len({step.moment for step in steps if step.opened}) > 1:
        held = _held_on_average(positions["sessions"])
        return f"At most {dollars(money)} was at work at one time, in {_trades_between(result, positions)}{held}: {outcome}."
    names, sides = _count_or_name(positions["symbol"]), set(positions["side"])
    begun = _moment(positions["entry_session"].iloc[0], positions["entry_at"].iloc[0])
    lasted = _lasted(result, positions)
    if sides == {"long"}:
        return f"{dollars(money)} put into {names} {begun} was worth {dollars(round(money) + round(profit))} {lasted}: {outcome}."
    if sides == {"short"}:
        ended = "" if positions["exit_session"].isna().any() else "bought back "
        return f"{_capital(names)} sold short for {dollars(money)} {begun}, {ended}{lasted}: {outcome}."
    longs = count_in_words(int((positions["side"] == "long").sum()), "name")
    shorts = count_in_words(int((positions["side"] == "short").sum()), "name").split()[0]
    return f"{dollars(money)} went into {longs} bought and {shorts} sold short {begun}; {lasted}: {outcome}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _count_or_name(symbols: "Sequence[str] | pd.Series") -> str:
    """The one symbol, or the number of different ones."""
    different = list(dict.fromkeys(symbols))
    return different[0] if len(different) == 1 else count_in_words(len(different), "name")


def _trades_between(result: Result, positions: pd.DataFrame) -> str:
    """How many trades in which symbols, and between which dates."""
    ended = positions["exit_session"].fillna(result.equity.index[-1])
    sides = positions["side"].value_counts()
    short = set(sides.index) == {"short"}
    trades = count(len(positions), "short sale" if short else "trade")
    split = f" ({sides['long']:,} long, {sides['short']:,} short)" if len(sides) > 1 else ""
    dates = f"between {long_date(positions['entry_session'].min())} and {long_date(ended.max())}"
    return f"{trades}{split} {'of' if short else 'in'} {_count_or_name(positions['symbol'])} {dates}"


def _held_on_average(sessions: pd.Series) -> str:
    """For how long the positions were held, as it follows on a number of trades."""
    low, high = int(sessions.min()), int(sessions.max())
    each = "each " if len(sessions) > 1 else ""
    if low == high:
        return f", {each}held for {count_in_words(low, 'session')}"
    return f", held for {sessions.mean():.1f} sessions on average"


def _lasted(result: Result, positions: pd.DataFrame) -> str:
    """After how many sessions positions that were opened together ended, and whether they have."""
    low, high = int(positions["sessions"].min()), int(positions["sessions"].max())
    after = f"after {count_in_words(low, 'session')}" if low == high else f"after {low} to {count(high, 'session')}"
    after = "in the same session" if high == 0 else after
    still_open = int(positions["exit_session"].isna().sum())
    if not still_open:
        return after
    how_many = "" if still_open == len(positions) else f"{count_in_words(still_open, 'position').split()[0]} of them "
    return f"{after}, {how_many}still open at the last close, {long_date(result.window[1])}"


def _account_sentence(result: Result, money: float, profit: float) -> str:
    final = dollars(round(money) + round(profit))
    return f"The account of {dollars(money)} was worth {final} {_span(result)}: {_both(profit, profit / money)}."


def _idle_sentence(result: Result, _money: float, _profit: float) -> str:
    first, last = map(long_date, result.window)
    cash, earned = dollars(result.account.cash), float(result.interest_earned.sum())
    what = f"the {cash} of the account earned {dollars(earned)} of interest" if earned else f"the account kept its {cash}"
    return f"There was no trade between {first} and {last}; {what}."


def _ruin_sentence(result: Result, money: float, profit: float) -> str:
    lost = f"it lost {dollars(-profit)} with at most {dollars(money)} at work at one time"
    return f"The account of {dollars(result.account.cash)} was wiped out on {long_date(result.window[1])}: {lost}."


def _span(result: Result) -> str:
    first, last = map(long_date, result.window)
    return f"after {count_in_words(len(result.equity), 'session')}, {first} to {last}"


def _benchmark_sentence(beside: str, benchmarks: tuple[Outcome, ...]) -> str:
    if not benchmarks:
        return ""
    first, *others = benchmarks
    more = "".join(f", {one.symbol} {percent(one.total_return)}" for one in others)
    return f"{first.symbol} {beside}: {percent(first.total_return)}{more}."


def _names_sentence(ranked: tuple[Outcome, ...]) -> str:
    if len(ranked) < 2:
        return ""
    best, worst = ranked[0], ranked[-1]
    return f"Best {best.symbol} {percent(best.total_return, 1)}, worst {worst.symbol} {percent(worst.total_return, 1)}."


def _portfolio_sentence(found: Allocation | None, metrics: Metrics) -> str:
    """How often a portfolio was rebalanced, and its turnover; empty for what is none."""
    if found is None or found.rebalances.empty:
        return ""
    times = count(len(found.rebalances), "time")
    each, yearly = unsigned_percent(found.turnover), unsigned_percent(metrics.turnover)
    return f"Rebalanced {times}: {each} of the equity turned over each time, {yearly} a year with the first purchase."


def _invested(metrics: Metrics) -> str:
    return f"{unsigned_percent(metrics.mean_exposure)} of equity on average"


def _holding(sessions: pd.Series) -> str:
    if sessions.empty:
        return MISSING_TEXT
    low, high = int(sessions.min()), int(sessions.max())
    return count(low, "session") if low == high else f"{low} to {count(high, 'session')}, {sessions.mean():.1f} on average"


def _moment(session: pd.Timestamp, at: str) -> str:
    return f"on {long_date(session)}" if at == "day" else f"at the {at} of {long_date(session)}"


def _both(profit: float, total: float, places: int = 2) -> str:
    if np.isnan(profit):
        return MISSING_TEXT
    return signed_dollars(profit) + ("" if np.isnan(total) else f" ({percent(total, places)})")


def _dollar_gap(profit: float, other: float) -> str:
    """The difference of what is shown in whole dollars, so that the shown numbers add up."""
    return MISSING_TEXT if np.isnan(other) else signed_dollars(round(profit) - round(other))


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
