"""The comparison page: several runs over the same sessions, with the settings that they share."""

from collections.abc import Sequence
from pathlib import Path

from dipfolio.data.risk_free import RiskFree
from dipfolio.report.comparison.alignment import Alignment, Contender, benchmark_metrics, build_contenders, market_returns
from dipfolio.report.comparison.charts import (
    comparison_chart_data,
    describe_drawdown_chart,
    describe_equity_chart,
    describe_trades_chart,
    pack_tear_sheets,
)
from dipfolio.report.comparison.tables import (
    assumption_terms,
    correlation_rows,
    cost_rows,
    mean_difference_rows,
    metric_rows,
    month_rows,
    parameter_terms,
    provenance_terms,
    sharpe_difference_rows,
)
from dipfolio.report.format import count, money, unsigned_percent
from dipfolio.report.html import read_asset, render_page
from dipfolio.report.run_summary import idle_remark, run_remarks

SCRIPTS = ("theme.js", "tabs.js", "tables.js", "charts.js", "sheets.js")


def comparison_page(alignment: Alignment, reports: Path, risk_free: float | RiskFree = 0.0) -> str:
    """The page as HTML, self-contained; the same runs give the same bytes.

    Parameters
    ----------
    alignment : Alignment
        The tracks and the terms on which they are compared, at least one.
    reports : Path
        Folder in which the page will stand; links to tear sheets start there.
    risk_free : float or RiskFree
        A year.
    """
    field = build_contenders(alignment, risk_free)
    market, of_market = market_returns(alignment), benchmark_metrics(alignment, risk_free)
    benchmark = alignment.benchmark if market is not None else ""
    apart, how = mean_difference_rows(field, market, benchmark)
    names = [contender.label for contender in field]
    return render_page(
        "comparison.html.j2",
        scripts=list(map(read_asset, SCRIPTS)),
        plotly=True,
        title=f"Comparison of {count(len(field), 'run')}" if len(field) > 3 else " / ".join(names),
        names=names,
        benchmark=benchmark,
        facts=_facts(alignment, benchmark, risk_free),
        notes=alignment.notes,
        remarks=_remarks(field),
        metrics=metric_rows(field, of_market),
        costs=cost_rows(field),
        months=month_rows(field, market),
        correlations=correlation_rows(field, market, benchmark),
        gaps=apart,
        resampled=how,
        ratio_gaps=sharpe_difference_rows(field, market, benchmark, risk_free),
        assumptions=assumption_terms(field),
        parameters=parameter_terms(field),
        provenance=provenance_terms(field),
        sheets=pack_tear_sheets(field, reports),
        chart_data=comparison_chart_data(alignment, field, market),
        equity_in_words=describe_equity_chart(field, of_market.total_return if of_market else None, benchmark),
        drawdowns_in_words=describe_drawdown_chart(field),
        trades_in_words=describe_trades_chart(field),
    )


def _remarks(contenders: Sequence[Contender]) -> list[tuple[list[str], tuple[str, ...]]]:
    """The remarks on the runs: the names of those that share a remark, and its sentences."""
    said: dict[tuple[str, ...], list[str]] = {}
    for contender in contenders:
        result, metrics = contender.result, contender.metrics
        sentences = (*run_remarks(result, metrics), *filter(None, (idle_remark(result, metrics),))) if result else ()
        if sentences:
            said.setdefault(sentences, []).append(contender.label)
    return [(names, sentences) for sentences, names in said.items()]


def _facts(alignment: Alignment, benchmark: str, risk_free: float | RiskFree) -> Sequence[tuple[str, str]]:
    """The common terms: label and value."""
    days, cash = alignment.sessions, {money(result.account.cash) for _, result in alignment.runs}
    names = {result.benchmark or "none" for _, result in alignment.runs}
    return (
        ("Window", f"{days[0].date()} to {days[-1].date()}"),
        ("Sessions", f"{len(days):,}{' of any run' if alignment.as_is else ', the same for all'}"),
        ("Benchmark", benchmark or " or ".join(sorted(names)) or "none"),
        ("Starting cash", " or ".join(sorted(cash)) or "not known"),
        ("Risk-free rate", str(risk_free) if isinstance(risk_free, RiskFree) else f"{unsigned_percent(risk_free)} a year"),
        ("Idle cash", "counts in every return"),
    )
