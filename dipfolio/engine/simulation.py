"""Simulation: a strategy, some bars and an account become a record."""

import traceback
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.engine.account import Account
from dipfolio.engine.brought import Brought
from dipfolio.engine.cerebro.run import run_backtrader, run_plan
from dipfolio.engine.cerebro.trader import Plan
from dipfolio.engine.idea import Idea
from dipfolio.engine.ledger import Ledger, audit
from dipfolio.engine.panel import Panel, panel_of
from dipfolio.engine.result import Result, conform
from dipfolio.engine.strategy import Strategy
from dipfolio.engine.tape import Tape
from dipfolio.engine.trades import round_trips
from dipfolio.engine.versions import versions
from dipfolio.errors import DipfolioError, StrategyError, WindowError
from dipfolio.market.bars import Bars


def simulate(
    strategy: Idea,
    bars: Bars,
    account: Account | None = None,
    *,
    benchmark: str = "",
    start: date | None = None,
    end: date | None = None,
) -> Result:
    """Simulate a strategy with backtrader and audit the outcome.

    Parameters
    ----------
    strategy : Idea
        A :class:`Strategy`, or a brought ``bt.Strategy``.
    bars : Bars
        At least the strategy's symbols and the benchmark. History before ``start`` is seen but not traded.
    account : Account, optional
        The defaults of :class:`Account`.
    benchmark : str
        A symbol, or empty for none.
    start, end : date, optional
        The window; all of the bars if not given. The first decision may fall on the close before ``start``, so that
        its orders are executed in it.

    Raises
    ------
    WindowError
        ``start`` after ``end``, or no session between them; a symbol that is listed later than the first session, for a
        brought strategy.
    StrategyError
        Targets that are no table of numbers for the sessions and symbols of the bars.
    LedgerError
        The two sets of books differ by more than a cent.
    """
    account = account or Account()
    first = first_session(bars, start, end)
    known = bars if end is None else bars.until(end)
    own = known.select(strategy.symbols)
    eve = max(first - 1, 0)
    panel = panel_of(own, eve)
    tape = _play(strategy, own, panel, account, eve)
    books, residual = audit(panel, account, tape)
    trades, open_positions = round_trips(panel, tape)
    recorded = slice(first - eve, tape.last + 1)
    index = own.sessions[eve:][recorded].astype("datetime64[s]").rename("session")
    market = _market(known, benchmark, eve) if benchmark else np.zeros(len(panel))
    return Result(
        strategy=strategy.name,
        title=strategy.title,
        parameters=_plain(strategy.parameters),
        changed=_plain(strategy.changed),
        account=account,
        window=(index[0].date(), index[-1].date()),
        base=panel.sessions[0].item() if first > eve else None,
        equity=_session_table(panel, account, tape, books, market)[recorded].set_axis(index),
        positions=pd.DataFrame(books.positions[recorded], index=index, columns=list(panel.symbols)),
        fills=_fill_table(panel, tape),
        trades=conform(trades),
        open_positions=conform(open_positions),
        events=_event_table(panel, tape),
        benchmark=benchmark,
        provenance=known.select(tuple(dict.fromkeys((*strategy.symbols, *([benchmark] if benchmark else []))))).provenance,
        versions=versions(),
        residual=residual,
    )


def play(strategy: Idea, bars: Bars, account: Account, first: int = 0) -> Tape:
    """Only the simulation, without audit and record.

    Parameters
    ----------
    strategy : Idea
        A :class:`Strategy`, or a brought ``bt.Strategy``.
    bars : Bars
        The strategy's symbols.
    account : Account
    first : int
        Number of the session with the first decision.

    Raises
    ------
    StrategyError
        Targets that are no table of numbers for the sessions and symbols of the bars, or something else than an idea.
    """
    return _play(strategy, bars, panel_of(bars, first), account, first)


def _play(strategy: Idea, bars: Bars, panel: Panel, account: Account, first: int) -> Tape:
    if isinstance(strategy, Strategy):
        targets = checked_targets(strategy, bars).to_numpy()[first:]
        plan = Plan(targets=targets, unit=strategy.unit, fill=strategy.fill, resize=strategy.resize, exits=strategy.exits)
        return run_plan(panel, account, plan)
    if isinstance(strategy, Brought):
        _refuse_latecomers(panel)
        return run_backtrader(panel, account, strategy.source, strategy.source_parameters)
    raise StrategyError(f"A strategy is a dipfolio.Strategy or a bt.Strategy, found {type(strategy).__name__}.")


def _refuse_latecomers(panel: Panel) -> None:
    """A symbol without a first bar would leave indicators that remember, such as an EMA, without a value for ever."""
    for column in np.flatnonzero(np.isnan(panel.close[0])):
        begins = panel.sessions[np.argmax(~np.isnan(panel.close[:, column]))]
        raise WindowError(
            f"{panel.symbols[column]} begins on {begins}, after the first session, {panel.sessions[0]}, and a backtrader "
            f"strategy needs every symbol from there. Start later (--start), or leave it out of --universe."
        )


def _market(bars: Bars, benchmark: str, eve: int) -> np.ndarray:
    """Returns of the benchmark from session number ``eve`` on, 0 for the first of all figures, which has no close before it.

    Raises
    ------
    WindowError
        The benchmark has no figures for a session: they would be told as a market that stood still.
    """
    own = bars.select((benchmark,))
    missing = own.sessions[eve:][own.close[benchmark].isna().to_numpy()[eve:]]
    if len(missing):
        first, last = own.close[benchmark].first_valid_index(), own.close[benchmark].last_valid_index()
        have = f"its figures run from {first.date()} to {last.date()}" if first is not None else "it has none"
        raise WindowError(
            f"The benchmark {benchmark} has no figures on {missing[0].date()}: {have}. Move --start or --end, or choose another "
            "--benchmark."
        )
    returns: np.ndarray = own.returns[benchmark].to_numpy()[eve:].copy()
    returns[:1] = np.nan_to_num(returns[:1])
    return returns


def first_session(bars: Bars, start: date | None, end: date | None) -> int:
    """Number of the first session of the window.

    Raises
    ------
    WindowError
        ``start`` after ``end``, or no session between them.
    """
    if start and end and start > end:
        raise WindowError(f"The start, {start}, is after the end, {end}.")
    first = int(bars.sessions.searchsorted(pd.Timestamp(start))) if start else 0
    if first >= len(bars) or (end and bars.sessions[first] > pd.Timestamp(end)):
        have = f"the figures run from {bars.sessions[0].date()} to {bars.sessions[-1].date()}" if len(bars) else "there are none"
        raise WindowError(f"No session from {start or 'the first'} to {end or 'the last'}: {have}.")
    return first


def checked_targets(strategy: Strategy, bars: Bars) -> pd.DataFrame:
    """The targets of a strategy, if they keep the contract.

    Raises
    ------
    StrategyError
        They do not, or the strategy's code fails; it names the line and the cause.
    """
    try:
        targets = strategy.targets(bars)
    except DipfolioError:
        raise
    except Exception as error:  # whatever the author's code raises
        raise StrategyError(
            f"{strategy.name}{_given(strategy)} failed {_line_of(error)}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(targets, pd.DataFrame):
        raise StrategyError(f"{strategy.name}: targets must return a DataFrame, found {type(targets).__name__}.")
    if not (targets.index.equals(bars.sessions) and tuple(targets.columns) == bars.symbols):
        raise StrategyError(
            f"{strategy.name}: targets must have the sessions and symbols of the bars, {len(bars)} x {len(bars.symbols)}; "
            f"found {targets.shape[0]} x {targets.shape[1]}."
        )
    try:
        targets = targets.astype("float64")
    except (ValueError, TypeError) as error:
        raise StrategyError(f"{strategy.name}: targets must be numbers: {error}.") from None
    endless = np.argwhere(np.isinf(targets.to_numpy()))
    if len(endless):
        row, column = endless[0]
        raise StrategyError(f"{strategy.name}: the target of {bars.symbols[column]} on {bars.sessions[row].date()} is infinite.")
    return targets


def _given(strategy: Strategy) -> str:
    changed = ", ".join(f"{name} = {value}" for name, value in strategy.changed.items())
    return f" with {changed}" if changed else ""


def _line_of(error: Exception) -> str:
    """Where an error arose: the last line that was reached in the file of ``targets``."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return f"in line {own[-1].lineno} of {Path(own[-1].filename).name}" if own else "as it was called"


def _session_table(panel: Panel, account: Account, tape: Tape, books: Ledger, market: np.ndarray) -> pd.DataFrame:
    """One row for each session of the panel; see ``Result.equity``."""
    value = books.positions * panel.marks
    paid = np.zeros((len(panel), 3))
    for fill in tape.fills:
        paid[fill.session] += fill.commission, fill.fees, fill.slippage
    before = np.concatenate([[account.cash], tape.equity[:-1]])
    return pd.DataFrame(
        {
            "equity": tape.equity,
            "cash": tape.cash,
            "gross": np.abs(value).sum(axis=1),
            "net": value.sum(axis=1),
            "return": np.divide(tape.equity, before, out=np.ones(len(panel)), where=before != 0) - 1,
            "benchmark": market[: len(panel)],
            "commission": paid[:, 0],
            "fees": paid[:, 1],
            "slippage": paid[:, 2],
            "borrow": tape.borrow.sum(axis=1),
            "interest": tape.interest,
            "dividends": tape.dividends.sum(axis=1),
        }
    )


def _fill_table(panel: Panel, tape: Tape) -> pd.DataFrame:
    names = ["session", "symbol", "shares", "price", "at", "commission", "fees", "slippage", "reason"]
    table = pd.DataFrame([asdict(fill) for fill in tape.fills], columns=names)
    return _named(table, panel)


def _event_table(panel: Panel, tape: Tape) -> pd.DataFrame:
    table = pd.DataFrame([asdict(event) for event in tape.events], columns=["session", "kind", "symbol", "detail"])
    return _named(table, panel)


def _named(table: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Sessions as dates and symbols as names instead of their numbers."""
    table["session"] = panel.sessions[table["session"].to_numpy(dtype=int)].astype("datetime64[s]")
    table["symbol"] = ["" if pd.isna(number) else panel.symbols[int(number)] for number in table["symbol"]]
    return conform(table)


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Dates as text, as the record keeps them."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
