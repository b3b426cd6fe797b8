"""The record of a run: trades, costs, assumptions, data sources and the command to repeat it.

The assumptions are sentences that name the values of the run. The command links to the tear sheet of the strategy.
"""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from dipfolio.data.bars import Provenance
from dipfolio.data.calendar import ALWAYS_OPEN, XNYS
from dipfolio.data.currency import DOLLARS, currency_sign
from dipfolio.data.risk_free import MAX_UNAMBIGUOUS_RATE, RiskFree, rate_as_percent
from dipfolio.engine.allocation import ALLOCATION_FILES, allocation_of
from dipfolio.engine.costs import Assumption
from dipfolio.engine.metrics import Metrics, cost_metrics, metric_of
from dipfolio.engine.result import Result
from dipfolio.engine.strategy import StrategyBase
from dipfolio.engine.taxes import YEAR_COLUMNS, TaxRule, tax_result
from dipfolio.report.format import MISSING_TEXT, escape_control_characters, money, percent
from dipfolio.report.run_summary import EVENTS, MAX_SYMBOLS_NAMED, listed, parameter_of_run, run_remarks, summary_rows
from dipfolio.storage import report_name

DEFAULT_BENCHMARK = "SPY"
"""Of a run where none is named."""


@dataclass(frozen=True, kw_only=True)
class TearsheetLink:
    """The tear sheet of a strategy.

    Attributes
    ----------
    command : str
        What makes it.
    link : str
        Where it is, from the folder of the reports; empty if it was not made.
    remark : str
        What is different about the one that is there.
    """

    command: str
    link: str = ""
    remark: str = ""


def tearsheet_link(
    strategy: StrategyBase, benchmark: str, reports: Path, window: tuple[str, str], data: str = ""
) -> TearsheetLink:
    """The tear sheet of a strategy with these parameters, if there is one, and the command for it.

    Parameters
    ----------
    strategy : StrategyBase
    benchmark : str
    reports : Path
    window : (str, str)
        ISO dates of the run shown here; a tear sheet over another is said to be that.
    data : str
        As the user named the data, empty if nothing was said.
    """
    other = {} if benchmark == DEFAULT_BENCHMARK else {"benchmark": benchmark}
    words = [
        "python",
        "backtest.py",
        strategy.name,
        *option_arguments(strategy.changed | other),
        *(["--data", data] if data else []),
    ]
    name = report_name(strategy.name, strategy.changed | other)
    if not (reports / name / "tearsheet.html").is_file():
        return TearsheetLink(command=shlex.join(words))
    span = _window(reports / name)
    remark = "" if span == window else f"made over {' to '.join(span)}" if span else "made over an unknown window"
    return TearsheetLink(command=shlex.join(words), link=f"{quote(name)}/tearsheet.html", remark=remark)


def option_arguments(changed: dict[str, Any]) -> list[str]:
    """Parameters and their values as the words of a command line."""
    words: list[str] = []
    for name, value in changed.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        elif name.endswith(("_rate", "_spread")) and isinstance(value, float) and value > MAX_UNAMBIGUOUS_RATE:
            words += [flag, rate_as_percent(value)]
        else:
            words += [flag, "none" if value is None else str(value)]
    return words


def _window(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(json.loads((folder / "run.json").read_text(encoding="utf-8"))["window"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


SHORT_SALE_PRICE_TEST = (
    "Not enforced. A fall of 10% from the last close puts it in force for the rest of that session and the next; shares may "
    "then be sold short only above the best bid (SEC Rule 201, 17 CFR 242.201)."
)


def state_assumptions(result: Result, risk_free: float | RiskFree | None = None) -> tuple[Assumption, ...]:
    """Topic and sentence: of the orders, of the account in its own words, and of what no account decides.

    Parameters
    ----------
    result : Result
    risk_free : float or RiskFree, optional
        Of the ratios; stated of a run in which cash earns by a dated rate.
    """
    market = f"{result.benchmark}, total return close to close, bought and never sold" if result.benchmark else "none"
    return (
        Assumption("Decisions", "On the close of a session, with nothing that became known later."),
        Assumption("Fills", "In the next session, at its opening or its closing price, whole, whatever the size of the auction."),
        *result.account.dated_assumptions(result.rates),
        Assumption("Short-sale price test", SHORT_SALE_PRICE_TEST),
        Assumption("Dividends", "Received by longs and paid by shorts on the ex-date, before tax; not reinvested."),
        Assumption("Calendar", f"{_calendar(result)} Cash that is not invested counts in every return."),
        *_currency_assumptions(result),
        Assumption("Benchmark", f"{market[0].upper()}{market[1:]}."),
        *([Assumption("Riskless rate", _riskless_sentence(result, risk_free))] if result.rates.cash else []),
        Assumption("Taxes", result.taxes.sentence() if result.taxes else "None."),
    )


def _riskless_sentence(result: Result, risk_free: float | RiskFree | None) -> str:
    rate = result.riskless if risk_free is None else risk_free
    return f"Sharpe and Sortino ratios are of returns above {rate if isinstance(rate, RiskFree) else f'{rate:.2%} a year'}."


def _calendar(result: Result) -> str:
    """The sentences on the calendar: whose sessions, what a bar covers, and how many make a year where it is not New York's."""
    exchange = result.provenance.calendar
    if exchange == XNYS:
        return f"Sessions of {exchange.code}."
    market = "Every day is a session." if exchange.code == ALWAYS_OPEN else f"Sessions of {exchange.code}."
    if exchange.frequency != "daily":
        noun = {"weekly": "week", "monthly": "month"}[exchange.frequency]
        return (
            f"{market} A bar is a {noun}, dated by its last session: what is counted in sessions here is counted in {noun}s, an "
            f"order decided on the close of one {noun} is filled in the next, the limit on volume is of a whole {noun}'s, and "
            f"dividends are paid in the {noun} of their ex-date. A year has {exchange.sessions_per_year} bars."
        )
    return f"{market} A year has {exchange.sessions_per_year} sessions in every annual number."


FILES = ("run.json", "equity.csv", "positions.csv", "fills.csv", "trades.csv", "open_positions.csv", "events.csv", "prices.csv")


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    text: str
    numeric: bool


MAX_TABLE_ROWS = 150
"""Rows of a table on the page; the file beside it has all."""


@dataclass(frozen=True, kw_only=True)
class RecordTable:
    """A table ready to be written: all cells are text.

    Attributes
    ----------
    heads, rows, total : tuple
    choice : str
        Which rows these are, where there are more; empty where there are not.
    """

    heads: tuple[Head, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()
    choice: str = ""


SIGNED_AMOUNT = re.compile(r"[-+](?:[$£€¥]|[A-Z]{3} )[\d,.]*\d")


def template_environment() -> Environment:
    """Our templates; what is put into them is made harmless and escaped, and ``unbroken`` keeps amounts on one line."""
    environment = Environment(
        loader=PackageLoader("dipfolio.report"), autoescape=True, undefined=StrictUndefined, finalize=_harmless, trim_blocks=False
    )
    environment.filters["unbroken"] = _unbroken
    return environment


def _unbroken(text: object) -> Markup:
    """A text in which a number stays on the line of its %, and an amount on that of its sign: a browser breaks after a hyphen."""
    held = str(escape(escape_control_characters(str(text)).replace(" %", "\xa0%")))
    return Markup(SIGNED_AMOUNT.sub(r'<span style="white-space:nowrap">\g<0></span>', held))  # noqa: S704 - escaped above


def _harmless(value: Any) -> Any:
    return escape_control_characters(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def record_stylesheet() -> str:
    """The rules for our section."""
    return files("dipfolio.report").joinpath("templates", "record.css").read_text(encoding="utf-8")


def record_section(
    result: Result, metrics: Metrics, *, beside_quantstats: bool = True, risk_free: float | RiskFree | None = None
) -> str:
    """The section as HTML; beside quantstats' own figures it says where those mean something else."""
    return template_environment().get_template("record.html.j2").render(
        title=result.title,
        beside_quantstats=beside_quantstats,
        rows=summary_rows(result, metrics),
        remarks=run_remarks(result, metrics),
        trades=_trades(result.trades),
        positions=_positions(result.open_positions),
        costs=_costs(result, metrics),
        taxes=_taxes(result, result.taxes) if result.taxes else None,
        events=_events(result.events),
        assumptions=state_assumptions(result, risk_free),
        parameters=[(name.replace("_", " "), parameter_of_run(result, name, value)) for name, value in result.parameters.items()],
        provenance=provenance_rows(result),
        files=_files(result),
    )  # fmt: skip


def _files(result: Result) -> tuple[str, ...]:
    """The files of the record."""
    factors = ("factors.csv",) if result.factors_description else ()
    return (*FILES, *factors, *(ALLOCATION_FILES if allocation_of(result) else ()))


def _table(heads: str, body: Sequence[tuple[str, ...]], words: int, total: tuple[str, ...] = (), choice: str = "") -> RecordTable:
    """The first ``words`` columns are words, the others numbers."""
    names = tuple(Head(text, number >= words) for number, text in enumerate(heads.split("|")))
    return RecordTable(heads=names, rows=tuple(body), total=total, choice=choice)


def _most_important(table: pd.DataFrame, order: pd.Series, which: str) -> tuple[pd.DataFrame, str]:
    """The rows that come first by an order and the words for the choice; all rows as they stand where they are few."""
    if len(table) <= MAX_TABLE_ROWS:
        return table, ""
    first = order.sort_values(kind="stable").index[:MAX_TABLE_ROWS]
    return table.loc[first], f"the {MAX_TABLE_ROWS} of {len(table):,} {which}"


LARGEST = "with the largest profit or loss, the largest first"


def _trades(all_trades: pd.DataFrame) -> RecordTable:
    trades, choice = _most_important(all_trades, -all_trades["profit"].abs(), LARGEST)
    body = [
        (
            row.symbol, row.side, _moment(row.entry_session, row.entry_at), _moment(row.exit_session, row.exit_at), row.reason,
            f"{row.shares:,.10g}", f"{row.entry_price:,.4f}", f"{row.exit_price:,.4f}", money(row.gross),
            money(row.commission + row.fees), money(row.borrow), money(row.dividends), money(row.profit),
            percent(trade_return, 1), percent(row.worst, 1), percent(row.best, 1),
        )
        for row, trade_return in zip(trades.itertuples(), trades["return"], strict=True)
    ]  # fmt: skip
    heads = "Symbol|Side|In|Out|Why out|Shares|Price in|Price out|Gross|Charges|Borrow|Dividends|Profit|Return|Worst|Best"
    sums = [money(float(all_trades[name].sum())) for name in ("gross", "borrow", "dividends", "profit")]
    charges = money(float((all_trades["commission"] + all_trades["fees"]).sum()))
    label = f"Sum of all {len(all_trades):,}" if choice else "Sum"
    total = (label, *[""] * 7, sums[0], charges, sums[1], sums[2], sums[3], "", "", "")
    return _table(heads, body, 5, total if len(all_trades) > 1 else (), choice)


def _positions(all_open: pd.DataFrame) -> RecordTable:
    open_positions, choice = _most_important(all_open, -all_open["profit"].abs(), LARGEST)
    body = [
        (
            row.symbol, row.side, _moment(row.entry_session, row.entry_at), f"{row.shares:,.10g}", f"{row.entry_price:,.4f}",
            money(row.dividends), money(row.borrow), money(row.profit), percent(trade_return, 1), percent(row.worst, 1),
            percent(row.best, 1),
        )
        for row, trade_return in zip(open_positions.itertuples(), open_positions["return"], strict=True)
    ]  # fmt: skip
    heads = "Symbol|Side|In|Most shares|Price in|Dividends|Borrow|Profit so far|Return|Worst|Best"
    return _table(heads, body, 3, choice=choice)


def _costs(result: Result, metrics: Metrics) -> RecordTable:
    body = [(metric.label, money(-metrics.by_name[metric.name] + 0.0)) for metric in cost_metrics()]
    if result.rates.cash:
        body.append((metric_of("interest_earned").label, money(metrics.interest_earned)))
    body.append((metric_of("dividends").label, money(metrics.dividends)))
    return _table("Item|Dollars", body, 1, ("Together", money(metrics.dividends - metrics.costs + metrics.interest_earned)))


def _taxes(result: Result, rule: TaxRule) -> RecordTable:
    """The tax of each year and of all of them."""
    found = tax_result(result, rule)
    body = [
        (str(year), *(money(value) for value in row)) for year, row in zip(found.years.index, found.years.values, strict=True)
    ]
    sums = [money(float(found.years[name].sum())) if not name.startswith("carried") else "" for name in YEAR_COLUMNS]
    heads = (
        "Year|Short-term gains|Long-term gains|Dividends|Losses carried in|Taxed short-term|Taxed long-term|Taxed dividends|Tax|"
        "Losses carried out"
    )
    return _table(heads, body, 1, ("Sum", *sums) if len(body) > 1 else ())


def _events(all_events: pd.DataFrame) -> RecordTable:
    severity = all_events["kind"].map({kind: place for place, kind in enumerate(EVENTS)}).fillna(len(EVENTS))
    events, choice = _most_important(all_events, severity, "that matter most, margin calls first")
    body = [(str(row.session.date()), row.kind, row.symbol or MISSING_TEXT, row.detail) for row in events.itertuples(index=False)]
    return _table("Session|What|Symbol|Detail", body, 4, choice=choice)


def provenance_rows(result: Result) -> list[tuple[str, str]]:
    """Topic and words: where the data come from and what computed with them."""
    source = result.provenance
    spans = [f"{symbol} {first} to {last}" for symbol, (first, last) in source.sessions.items()]
    same = {span.split(" ", 1)[1] for span in spans}
    window = f"{listed(list(source.sessions))}: {same.pop()}" if len(same) == 1 else listed(spans, "; ")
    window += "; run.json has all of them" if len(spans) > MAX_SYMBOLS_NAMED else ""
    return [
        ("Source", source.origin.source),
        ("Folder", source.origin.path or MISSING_TEXT),
        ("Retrieved", source.origin.retrieved or "not written down"),
        ("Convention", source.origin.adjustment),
        *([("Currency", " ".join([f"{source.currency}.", *source.conversions]))] if _has_currency(source) else []),
        ("Sessions", window),
        ("SHA-256", source.sha256),
        *([("Cash rate", f"{result.rates.cash}; SHA-256 {result.rates.cash_sha256}")] if result.rates.cash else []),
        *([("Borrow rates", f"{result.rates.borrow}; SHA-256 {result.rates.borrow_sha256}")] if result.rates.borrow else []),
        ("Warnings", _warnings(source.warnings)),
        ("Versions", ", ".join(f"{name} {number}" for name, number in result.versions.items())),
        (
            metric_of("residual").label,
            f"simulation and ledger differ by at most {currency_sign()}{result.residual:.6f} on any session",
        ),
    ]


def _has_currency(source: Provenance) -> bool:
    """True where the prices are not plain US dollars."""
    return source.currency != DOLLARS or bool(source.conversions)


def _currency_assumptions(result: Result) -> tuple[Assumption, ...]:
    """The sentences on the currency of the account; none for plain US dollars."""
    source = result.provenance
    if not _has_currency(source):
        return ()
    sentence = (
        f"The account is in {source.currency}, in which cash is held and everything is charged and counted; amounts a share and "
        f"an order count as {source.currency}. {' '.join(source.conversions)}"
    )
    if source.conversions:
        sentence += " One rate converts the open, high, low, close and dividend of a session. Converting costs nothing."
    return (Assumption("Currency", sentence),)


def _warnings(sentences: Sequence[str], most: int = 10) -> str:
    more = f" And {len(sentences) - most} more; `python backtest.py data check` lists all." if len(sentences) > most else ""
    return " ".join(sentences[:most]) + more if sentences else "none about the data"


def _moment(session: pd.Timestamp, at: str) -> str:
    return f"{session.date()} {at}"
