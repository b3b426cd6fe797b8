"""Simulation: runs a strategy on bars in an account and returns the audited result.

Targets and exit rules are validated before the run. Errors in the code of a strategy are reported with their line.
What a strategy prints is redirected to standard error or discarded, so that the output of the program can be piped.
"""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars, Provenance
from dipfolio.data.borrow_rates import borrow_fingerprint, describe_borrow_rates
from dipfolio.data.currency import shown_in
from dipfolio.data.instruments import instrument
from dipfolio.data.schema import DataIssue, summarise_issues
from dipfolio.data.universe import DATED_MEMBERS
from dipfolio.engine.account import Account
from dipfolio.engine.backtrader.run import run_backtrader, run_plan
from dipfolio.engine.backtrader.trader import Plan
from dipfolio.engine.costs import DatedRates
from dipfolio.engine.exits import Exit
from dipfolio.engine.ledger import Ledger, reconcile
from dipfolio.engine.panel import Panel, build_panel
from dipfolio.engine.price_record import record_prices
from dipfolio.engine.result import Result, cast_columns
from dipfolio.engine.run_identity import library_versions
from dipfolio.engine.run_log import RunLog
from dipfolio.engine.strategy import BacktraderStrategy, Strategy, StrategyBase, exit_rules
from dipfolio.engine.trades import round_trips
from dipfolio.errors import DipfolioError, ParameterError, StrategyError, WindowError

T = TypeVar("T")


def simulate(
    strategy: StrategyBase,
    bars: Bars,
    account: Account | None = None,
    *,
    benchmark: str = "",
    start: date | None = None,
    end: date | None = None,
    others: Bars | None = None,
) -> Result:
    """Simulate a strategy with backtrader and audit the outcome.

    Parameters
    ----------
    strategy : StrategyBase
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
    others : Bars, optional
        Other benchmarks, whose prices are recorded beside those of the first. The strategy does not see them, and they change
        no number of the simulation.

    Raises
    ------
    WindowError
        ``start`` after ``end``, or no session between them; a symbol that is listed later than the first session, for a
        brought strategy.
    StrategyError
        Targets that are no table of numbers for the sessions and symbols of the bars.
    ParameterError
        A position or a benchmark that nobody can hold, such as a volatility index.
    LedgerError
        The two sets of books differ by more than a cent.
    """
    with shown_in(bars.currency):
        account = (account or Account()).in_market(bars.calendar)
        account = account if bars.cash_rate else account.with_usual_spreads()
        return _simulate(strategy, bars, account, benchmark=benchmark, start=start, end=end, others=others)


def _simulate(
    strategy: StrategyBase,
    bars: Bars,
    account: Account,
    *,
    benchmark: str,
    start: date | None,
    end: date | None,
    others: Bars | None,
) -> Result:
    first = first_session(bars, start, end)
    known = bars if end is None else bars.until(end)
    traded = known.select(strategy.symbols)
    eve = max(first - 1, 0)
    panel = build_panel(traded, eve)
    run_log = _run_in_backtrader(strategy, traded, panel, account, eve)
    ledger, residual = reconcile(panel, account, run_log)
    trades, open_positions = map(cast_columns, round_trips(panel, run_log))
    recorded = slice(first - eve, run_log.last + 1)
    index = traded.sessions[eve:][recorded].astype("datetime64[s]").rename("session")
    market = _benchmark_returns(known, benchmark, eve) if benchmark else np.zeros(len(panel))
    used = tuple(dict.fromkeys((*strategy.symbols, *([benchmark] if benchmark else []))))
    positions = pd.DataFrame(ledger.positions[recorded], index=index, columns=list(panel.symbols))
    also = tuple(symbol for symbol in (others.symbols if others else ()) if symbol != benchmark)
    benchmarks = (*([benchmark] if benchmark else []), *also)
    return Result(
        strategy=strategy.name,
        title=strategy.title,
        parameters=_dates_as_text(strategy.parameters),
        changed=_dates_as_text(strategy.changed),
        account=account,
        window=(index[0].date(), index[-1].date()),
        base=panel.sessions[0].item() if first > eve else None,
        equity=_session_table(panel, account, run_log, ledger, market)[recorded].set_axis(index),
        positions=positions,
        fills=_fill_table(panel, run_log),
        trades=trades,
        open_positions=open_positions,
        events=_event_table(panel, run_log),
        prices=cast_columns(record_prices(known, pd.concat([trades, open_positions]), index[0], benchmarks, others)),
        benchmark=benchmark,
        also=also,
        provenance=_provenance(known.select(used), positions),
        versions=library_versions(),
        residual=residual,
        rates=_rates_of(traded, account),
    )


def _rates_of(bars: Bars, account: Account) -> DatedRates:
    """The dated rates of a run, in words."""
    rate = bars.cash_rate
    lent = [row for row in bars.borrow_rates if row.symbol in bars.symbols and account.borrow_rate]
    return DatedRates(
        cash=rate.description if rate else "",
        cash_sha256=rate.fingerprint if rate else "",
        borrow=describe_borrow_rates(lent),
        borrow_sha256=borrow_fingerprint(lent),
    )


def _provenance(used: Bars, positions: pd.DataFrame) -> Provenance:
    """The identity of the data of a run; issues of single bars count where their symbol was held then."""

    def held(finding: DataIssue) -> bool:
        """True if there was a position on the close of that session or of the one before."""
        if finding.symbol not in positions or not finding.date:
            return False
        until = positions.loc[: pd.Timestamp(finding.date), finding.symbol]
        return bool(len(until) and until.index[-1] == pd.Timestamp(finding.date) and (until.iloc[-2:] != 0).any())

    warnings = (w for w in used.warnings if w.kind != "copied opens" or w.symbol in positions)  # a benchmark fills no order
    return replace(used.provenance, remarks=summarise_issues(warnings, held))


def run_simulation(strategy: StrategyBase, bars: Bars, account: Account, first: int = 0) -> RunLog:
    """Only the simulation, without audit and record.

    Parameters
    ----------
    strategy : StrategyBase
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
    return _run_in_backtrader(strategy, bars, build_panel(bars, first), account.in_market(bars.calendar), first)


def simulate_trades(
    strategy: StrategyBase, bars: Bars, account: Account, *, start: date | None = None
) -> tuple[RunLog, pd.DataFrame, pd.DataFrame]:
    """The run log, the closed trades and the open positions of :func:`simulate`, without audit and record.

    For the same trade in many accounts, of which only the outcome counts: two thirds of the time of ``simulate``.

    Parameters
    ----------
    strategy, bars, account, start
        As in :func:`simulate`.

    Returns
    -------
    RunLog, DataFrame, DataFrame
        The tables have the columns ``TRADE_COLUMNS``.
    """
    eve = max(first_session(bars, start, None) - 1, 0)
    traded, account = bars.select(strategy.symbols), account.in_market(bars.calendar)
    panel = build_panel(traded, eve)
    run_log = _run_in_backtrader(strategy, traded, panel, account, eve)
    return run_log, *round_trips(panel, run_log)


def _run_in_backtrader(strategy: StrategyBase, bars: Bars, panel: Panel, account: Account, first: int) -> RunLog:
    if isinstance(strategy, Strategy):
        exits, targets = checked_exit_rules(strategy), checked_targets(strategy, bars, first).to_numpy()[first:]
        plan = Plan(targets=targets, unit=strategy.unit, fill=strategy.fill, resize=strategy.resize, exits=exits)
        return run_plan(panel, account, plan)
    if isinstance(strategy, BacktraderStrategy):
        if bars.membership:
            raise ParameterError(
                f"A backtrader strategy sends its own orders, so {DATED_MEMBERS} cannot limit it to the members."
            )
        _refuse_latecomers(panel)
        run_log = run_backtrader(panel, account, strategy.source, strategy.source_parameters)
        _refuse_untradable(panel.symbols[number] for number in dict.fromkeys(fill.symbol for fill in run_log.fills))
        return run_log
    raise StrategyError(f"A strategy is a dipfolio.Strategy or a bt.Strategy, found {type(strategy).__name__}.")


def _refuse_latecomers(panel: Panel) -> None:
    """A symbol without a first bar would leave indicators that remember, such as an EMA, without a value for ever."""
    for column in np.flatnonzero(np.isnan(panel.close[0])):
        begins = panel.sessions[np.argmax(~np.isnan(panel.close[:, column]))]
        raise WindowError(
            f"{panel.symbols[column]} begins on {begins}, after the first session, {panel.sessions[0]}, and a backtrader "
            f"strategy needs every symbol from there. Start later (--start), or leave it out of --universe."
        )


def _benchmark_returns(bars: Bars, benchmark: str, eve: int) -> np.ndarray:
    """Returns of the benchmark from session number ``eve`` on, 0 for the first of all data, which has no close before it.

    Raises
    ------
    WindowError
        The benchmark has no data for a session: they would count as a market that stood still.
    ParameterError
        A volatility index or a rate, which nobody can hold.
    """
    if not instrument(benchmark).kind.is_tradable:
        raise ParameterError(f"{benchmark} ({instrument(benchmark).description}) cannot be held, so it is no benchmark.")
    market = bars.select((benchmark,))
    missing = market.sessions[eve:][market.close[benchmark].isna().to_numpy()[eve:]]
    if len(missing):
        first, last = market.close[benchmark].first_valid_index(), market.close[benchmark].last_valid_index()
        have = f"its data run from {first.date()} to {last.date()}" if first is not None else "it has none"
        raise WindowError(
            f"The benchmark {benchmark} has no data on {missing[0].date()}: {have}. Move --start or --end, or choose another "
            "--benchmark."
        )
    returns: np.ndarray = market.returns[benchmark].to_numpy()[eve:].copy()
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
        have = f"the data run from {bars.sessions[0].date()} to {bars.sessions[-1].date()}" if len(bars) else "there are none"
        raise WindowError(f"No session from {start or 'the first'} to {end or 'the last'}: {have}.")
    return first


def checked_targets(strategy: Strategy, bars: Bars, first: int = 0) -> pd.DataFrame:
    """The targets of a strategy as floats, with the sessions and the symbols of the bars in their order.

    Sessions and symbols in another order are sorted by their labels. Numbers of every real dtype are read, nullable ones too;
    ``None`` and ``pd.NA`` are NaN.

    Parameters
    ----------
    strategy : Strategy
    bars : Bars
    first : int
        Number of the session with the first decision of the run.

    Raises
    ------
    StrategyError
        Targets that are no such table, or the strategy's code fails; the message names the place and says what to write.
    ParameterError
        A target of a volatility index or a rate, which cannot be traded.
    """
    try:
        targets = _call_strategy(strategy, lambda: strategy.targets(bars.deciding_from(first)))
    except RecursionError as error:
        raise StrategyError(f"{strategy.name}: targets calls itself without end.") from error
    try:
        frame = _aligned(targets, bars)
        columns = {symbol: _numbers(symbol, frame.iloc[:, number]) for number, symbol in enumerate(bars.symbols)}
    except StrategyError as error:
        raise StrategyError(f"{strategy.name}: {error}") from None
    frame = pd.DataFrame(columns, index=bars.sessions, columns=list(bars.symbols), dtype="float64")
    endless = np.argwhere(np.isinf(frame.to_numpy()))
    if len(endless):
        row, column = endless[0]
        raise StrategyError(
            f"{strategy.name}: the target of {bars.symbols[column]} on {bars.sessions[row].date()} is infinite. Look for a "
            "division by zero; NaN stands for no instruction."
        )
    if bars.membership:
        frame = _of_members(frame, bars.members)
    _refuse_untradable(symbol for symbol in bars.symbols if frame[symbol].fillna(0.0).ne(0).any())
    return frame


def _of_members(targets: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """The targets of the members of each session; flat for what was one before, and nothing for what is none yet."""
    once = np.maximum.accumulate(members.to_numpy(), axis=0)
    return targets.where(members, targets.mask(once, 0.0).where(once))


def _refuse_untradable(symbols: Iterable[str]) -> None:
    """Refuse positions in what has no price in dollars, such as a volatility index.

    Raises
    ------
    ParameterError
    """
    for symbol in symbols:
        untraded = instrument(symbol)
        if not untraded.kind.is_tradable:
            raise ParameterError(
                f"{symbol} ({untraded.description}) cannot be traded; a strategy may read it and gives it no target."
            )


def checked_exit_rules(strategy: Strategy) -> tuple[Exit, ...]:
    """The exit rules of a strategy.

    Raises
    ------
    StrategyError
        They are none, another setting of the class is wrong, or the strategy's code fails.
    """
    return _call_strategy(strategy, lambda: exit_rules(strategy))


def _call_strategy(strategy: Strategy, question: Callable[[], T]) -> T:
    """The answer of the author's code; an exception of it becomes one line with its place."""
    try:
        return question()
    except DipfolioError:
        raise
    except Exception as error:
        raise StrategyError(
            f"{strategy.name}{_targets_source(strategy)} failed {_line_of(error)}: {type(error).__name__}: {error}"
        ) from error


def _aligned(targets: object, bars: Bars) -> pd.DataFrame:
    """The table with its rows and columns in the order of the bars.

    Raises
    ------
    StrategyError
        Something else than a table of these sessions and symbols.
    """
    if not isinstance(targets, pd.DataFrame):
        remedy = {
            "NoneType": "End it with a return.",
            "Series": "Write one column for each symbol; no_instruction(bars) gives an empty table to fill.",
            "ndarray": "Write pd.DataFrame(values, index=bars.sessions, columns=list(bars.symbols)).",
        }.get(type(targets).__name__, "no_instruction(bars) gives an empty table to fill.")
        raise StrategyError(f"targets must return a DataFrame, found {type(targets).__name__}. {remedy}")
    rows, columns = targets.index, targets.columns
    if rows.equals(bars.sessions) and tuple(columns) == bars.symbols:
        return targets
    for what, labels, known in (("session", rows, bars.sessions), ("symbol", columns, pd.Index(bars.symbols))):
        doubled = labels[labels.duplicated()]
        missing, strange = known[~known.isin(labels)], labels[~labels.isin(known)]
        fault = (
            f"the {what} {_label(strange[0])} is none of the bars"
            if len(strange)
            else f"the {what} {_label(doubled[0])} stands twice"
            if len(doubled)
            else f"the {what} {_label(missing[0])} is missing"
            if len(missing)
            else ""
        )
        if fault:
            raise StrategyError(
                f"targets must have the sessions and symbols of the bars, {len(bars)} x {len(bars.symbols)}; found "
                f"{len(rows)} x {len(columns)}, where {fault}. Start from no_instruction(bars), or end with "
                ".reindex(index=bars.sessions, columns=list(bars.symbols))."
            )
    return targets.loc[bars.sessions, list(bars.symbols)]


def _label(label: object) -> str:
    return str(label.date()) if isinstance(label, pd.Timestamp) else repr(label)


def _numbers(symbol: str, column: "pd.Series[Any]") -> NDArray[np.float64]:
    """The targets of one symbol as floats.

    Raises
    ------
    StrategyError
        True and false, text, dates or complex numbers.
    """
    if column.dtype == object:
        wrong = [value for value in column if not (_is_missing(value) or _is_number(value))]
        if not wrong:
            return np.array([np.nan if _is_missing(value) else float(value) for value in column], dtype="float64")
        kind = type(wrong[0]).__name__
    else:
        real = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype)
        if real and not pd.api.types.is_bool_dtype(column.dtype):
            return np.asarray(column.to_numpy(dtype="float64", na_value=np.nan))
        kind = str(column.dtype)
    if "bool" in kind:
        raise StrategyError(
            f"targets must be numbers, how much to hold; those of {symbol} are true and false. Write "
            "no_instruction(bars).mask(signal, weight), with a weight such as 1 / len(bars.symbols)."
        )
    raise StrategyError(
        f"targets must be numbers, how much to hold; those of {symbol} are of the type {kind}. Start from "
        "no_instruction(bars), which is a table of floats."
    )


def _is_number(value: object) -> bool:
    return isinstance(value, Real | Decimal) and not isinstance(value, bool | np.bool_)


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _targets_source(strategy: Strategy) -> str:
    changed = ", ".join(f"{name} = {value}" for name, value in strategy.changed.items())
    return f" with {changed}" if changed else ""


def _line_of(error: Exception) -> str:
    """Where an error arose: the last line that was reached in the file of ``targets``."""
    frames = list(traceback.extract_tb(error.__traceback__))
    while frames and Path(frames[0].filename).is_relative_to(Path(__file__).parents[1]):
        frames = frames[1:]
    reached = [frame for frame in frames if frame.filename == frames[0].filename]
    return f"in line {reached[-1].lineno} of {Path(reached[-1].filename).name}" if reached else "as it was called"


def _session_table(panel: Panel, account: Account, run_log: RunLog, ledger: Ledger, market: np.ndarray) -> pd.DataFrame:
    """One row for each session of the panel; see ``Result.equity``."""
    value = ledger.positions * panel.marks
    paid = np.zeros((len(panel), 3))
    for fill in run_log.fills:
        paid[fill.session] += fill.commission, fill.fees, fill.slippage
    before = np.concatenate([[account.cash], run_log.equity[:-1]])
    dated: dict[str, np.ndarray] = {}
    if panel.cash_rate is not None:
        dated = {
            "interest_earned": run_log.earned,
            "cash_rate": np.concatenate([panel.cash_rate[:1], panel.cash_rate[:-1]]),
        }
    return pd.DataFrame(
        {
            "equity": run_log.equity,
            "cash": run_log.cash,
            "gross": np.abs(value).sum(axis=1),
            "net": value.sum(axis=1),
            "return": np.divide(run_log.equity, before, out=np.ones(len(panel)), where=before != 0) - 1,
            "benchmark": market[: len(panel)],
            "commission": paid[:, 0],
            "fees": paid[:, 1],
            "slippage": paid[:, 2],
            "borrow": run_log.borrow.sum(axis=1),
            "interest": run_log.interest,
            "dividends": run_log.dividends.sum(axis=1),
            **dated,
        }
    )


def _fill_table(panel: Panel, run_log: RunLog) -> pd.DataFrame:
    names = ["session", "symbol", "shares", "price", "at", "commission", "fees", "slippage", "reason"]
    table = pd.DataFrame([vars(fill) for fill in run_log.fills], columns=names)
    return _named(table, panel)


def _event_table(panel: Panel, run_log: RunLog) -> pd.DataFrame:
    table = pd.DataFrame([vars(event) for event in run_log.events], columns=["session", "kind", "symbol", "detail"])
    return _named(table, panel)


def _named(table: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Sessions as dates and symbols as names instead of their numbers."""
    table["session"] = panel.sessions[table["session"].to_numpy(dtype=int)].astype("datetime64[s]")
    table["symbol"] = ["" if pd.isna(number) else panel.symbols[int(number)] for number in table["symbol"]]
    return cast_columns(table)


def _dates_as_text(values: dict[str, object]) -> dict[str, object]:
    """Dates as text, as the record keeps them."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
