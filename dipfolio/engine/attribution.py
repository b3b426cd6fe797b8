"""Attribution: the profit of a run by name, month, side, reason of exit and source, each of which sums to all of it."""

from dataclasses import dataclass

import pandas as pd

from dipfolio.engine.display import Displayable
from dipfolio.engine.ledger import MAX_RESIDUAL
from dipfolio.engine.result import Result
from dipfolio.errors import ReportError

INTEREST = "interest on negative cash"
"""A row of every cut by position, as interest belongs to the account and to none of them; only where some was paid."""

INTEREST_EARNED = "interest earned"
"""The same of what cash earned by a dated rate."""

STILL_OPEN = "still open"
"""The reason of exit of a position that is open at the end."""


EXTREME_TRADES = (1, 3, 5, 10)
"""Numbers of the best and of the worst trades that are taken out; of a run with fewer than twice as many trades none."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Attribution(Displayable):
    """The profit of a run, cut in five ways; each series is in dollars and sums to ``profit``.

    Positions are marked at the last close. Borrow fees, dividends, commission and fees are in the position that caused them.

    Attributes
    ----------
    profit : float
        Final equity less the starting cash.
    by_name : Series
        By symbol, in the order of the first entry.
    by_month : Series
        By calendar month such as "2025-01", every month of the window.
    by_side : Series
        "long" and "short".
    by_reason : Series
        By why a trade ended; what is open at the end is :data:`STILL_OPEN`.
    by_source : Series
        ``price`` is before slippage and all costs; slippage, commission, fees, borrow and interest are negative; interest
        earned, of a run with a dated rate, is positive; dividends are those received less those paid.
    best_and_worst : DataFrame
        One row for each number of the best and of the worst trades, open positions included: ``which`` ("best" or "worst"),
        ``trades``, their ``profit`` and the profit ``without`` them in dollars. The two sum to ``profit``: a subtraction, which
        does not say what the account would have done with the money.
    """

    SHOWN = ("profit", "by_source", "by_side", "by_reason", "best_and_worst")

    profit: float
    by_name: pd.Series
    by_month: pd.Series
    by_side: pd.Series
    by_reason: pd.Series
    by_source: pd.Series
    best_and_worst: pd.DataFrame


def attribute(result: Result) -> Attribution:
    """Where the profit of a run came from.

    Raises
    ------
    ReportError
        A part of a run, whose trades are not those that made its profit.
    """
    trades = all_positions(result)
    refuse_part(result)
    reasons = trades["reason"].mask(trades["exit_session"].isna(), STILL_OPEN)
    table = result.equity
    interest = {INTEREST: -float(table["interest"].sum()), INTEREST_EARNED: float(result.interest_earned.sum())}
    months = (table["equity"] - table["equity"].shift(fill_value=result.account.cash)).groupby(table.index.strftime("%Y-%m"))
    profit = float(table["equity"].iloc[-1] - result.account.cash)
    return Attribution(
        profit=profit,
        by_name=_by(trades["profit"], trades["symbol"], interest),
        by_month=months.sum().rename("dollars").rename_axis(None),
        by_side=_by(trades["profit"], trades["side"], interest),
        by_reason=_by(trades["profit"], reasons, interest),
        by_source=_by_source(trades, result),
        best_and_worst=_best_and_worst(trades["profit"], profit),
    )


def refuse_part(result: Result) -> None:
    """Refuse the excerpt of a run that a comparison cuts out: it may begin with positions that none of its fills opened.

    Raises
    ------
    ReportError
        The profit of all positions, with interest, is not the change of the account, or its fills do not lead to its positions.
    """
    table, traded = result.equity, result.fills["shares"]
    made = float(all_positions(result)["profit"].sum() - table["interest"].sum() + result.interest_earned.sum())
    rounding = 1e-9 * float((traded * result.fills["price"]).abs().sum())
    gap = abs(made - (float(table["equity"].iloc[-1]) - result.account.cash))
    held, turned = (
        shares.groupby(result.fills["symbol"]).sum().reindex(result.positions.columns, fill_value=0.0)
        for shares in (traded, traded.abs())
    )
    strays = (held - result.positions.iloc[-1]).abs() > 1e-6 + 1e-9 * turned
    if gap > max(2 * MAX_RESIDUAL, rounding) or strays.any():
        raise ReportError(
            f"{result.strategy} from {result.window[0]} to {result.window[1]} is a part of a run; take the whole run."
        )


def all_positions(result: Result) -> pd.DataFrame:
    """Closed trades, then open positions, with the columns of :data:`dipfolio.engine.trades.TRADE_COLUMNS`."""
    return pd.concat([result.trades, result.open_positions], ignore_index=True)


def _by(profit: pd.Series, keys: pd.Series, interest: dict[str, float]) -> pd.Series:
    """The sum for each key in the order of its first appearance, and the interest that was paid and earned, if any was."""
    sums = profit.groupby(keys.to_numpy(), sort=False).sum().astype("float64").rename("dollars")
    some = {name: dollars for name, dollars in interest.items() if dollars}
    return pd.concat([sums, pd.Series(some, name="dollars")]) if some else sums


def _best_and_worst(profits: pd.Series, total: float) -> pd.DataFrame:
    ordered = profits.sort_values(ascending=False, kind="stable").to_numpy(dtype="float64")
    rows = [
        (which, number, float(values[:number].sum()))
        for which, values in (("best", ordered), ("worst", ordered[::-1]))
        for number in EXTREME_TRADES
        if len(values) >= 2 * number
    ]
    table = pd.DataFrame(rows, columns=["which", "trades", "profit"]).astype({"trades": "int64", "profit": "float64"})
    return table.assign(without=total - table["profit"])


def _by_source(trades: pd.DataFrame, result: Result) -> pd.Series:
    table = result.equity
    paid = {name: -float(table[name].sum()) + 0.0 for name in ("slippage", "commission", "fees", "borrow", "interest")}
    price = float(trades["gross"].sum()) - paid["slippage"]
    earned = {INTEREST_EARNED: float(result.interest_earned.sum())} if result.rates.cash else {}
    return pd.Series({"price": price, **paid, **earned, "dividends": float(table["dividends"].sum())}, name="dollars")
