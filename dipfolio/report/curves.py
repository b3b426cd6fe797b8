"""Curves: what the charts of a comparison draw, as plain data for the page's script."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine.metrics import drawdowns
from dipfolio.report.contender import Contender
from dipfolio.report.fairness import Fairness
from dipfolio.report.page import script_data
from dipfolio.report.wording import count, money, percent


def chart_data(fairness: Fairness, field: Sequence[Contender], market: pd.Series | None) -> str:
    """JSON for a script element: nothing in it can end the element or start another.

    Wealth starts from 1 at the base, one more value than there are sessions; drawdowns are fractions. A contender without a
    return in a session, or a value that no chart can show, is null there.
    """
    days = fairness.sessions
    lines = [_line(contender.label, contender.returns, days) | {"trades": _trades(contender)} for contender in field]
    data = {
        "days": [str(day.date()) for day in (fairness.base, *days)],
        "lines": lines,
        "benchmark": None if market is None else _line(fairness.benchmark, market, days),
    }
    return script_data(data)


def _line(label: str, returns: pd.Series, days: pd.DatetimeIndex) -> dict[str, Any]:
    wealth = (1 + returns).cumprod().reindex(days)
    first = [1.0] if returns.index[0] == days[0] else [np.nan]
    low = drawdowns(returns).reindex(days)
    return {"label": label, "wealth": _plain([*first, *wealth]), "drawdown": _plain([0.0 if first[0] == 1 else np.nan, *low])}


def _plain(values: Sequence[float]) -> list[float | None]:
    return [None if not np.isfinite(value) else float(f"{value:.7g}") for value in values]


def _trades(contender: Contender) -> list[dict[str, Any]]:
    """Each round trip and open position that was entered in the window or reaches into it."""
    result = contender.result
    if result is None:
        return []
    last = result.window[1]
    return [_trade(row, last) for table in (result.trades, result.open_positions) for row in table.itertuples(index=False)]


def _trade(row: Any, last: Any) -> dict[str, Any]:
    closed = bool(row.exit_at) and row.exit_session.date() <= last
    entry = f"in {row.entry_session.date()} {row.entry_at} at {row.entry_price:,.4f}"
    out = f"out {row.exit_session.date()} {row.exit_at} at {row.exit_price:,.4f}, {row.reason}" if closed else f"open on {last}"
    words = [f"{row.side} {row.shares:,.10g} {row.symbol}", entry, out]
    if closed or not row.exit_at:
        words.append(
            f"profit {money(row.profit)}{'' if closed else ' so far'}, {percent(row[row._fields.index('profit') + 1], 1)}"
        )
    return {
        "symbol": row.symbol,
        "long": row.side == "long",
        "entry": str(row.entry_session.date()),
        "exit": str(row.exit_session.date() if closed else last),
        "open": not closed,
        "gain": bool(row.profit > 0),
        "words": words,
    }


def trades_in_words(field: Sequence[Contender]) -> str:
    """The chart of trades for those who do not see it."""
    said = []
    for contender in field:
        if contender.result is None:
            said.append(f"{contender.label}: trades not known")
            continue
        trades, still = contender.result.trades, len(contender.result.open_positions)
        won = int((trades["profit"] > 0).sum())
        said.append(f"{contender.label}: {count(len(trades), 'trade')} ended, {won} with a profit, {still} open at the end")
    return "; ".join(said) + "."


def curves_in_words(field: Sequence[Contender], benchmark_return: float | None, benchmark: str) -> str:
    """The chart of equity for those who do not see it."""
    said = [f"{c.label} {percent(c.metrics.total_return)}" for c in field]
    if benchmark_return is not None:
        said.append(f"{benchmark} {percent(benchmark_return)}")
    return f"Growth over the window: {', '.join(said)}."


def drawdowns_in_words(field: Sequence[Contender]) -> str:
    """The chart of drawdowns for those who do not see it."""
    said = [f"{c.label} {percent(c.metrics.worst_drawdown)} on {drawdowns(c.returns).idxmin().date()}" for c in field]
    return f"Worst drawdown: {', '.join(said)}."
