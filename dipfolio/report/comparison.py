"""Comparison: many runs on one page, on fair terms."""

from collections.abc import Sequence
from pathlib import Path

from dipfolio.market.rates import RiskFree
from dipfolio.report.board import cost_rows, metric_rows, month_rows
from dipfolio.report.contender import Contender, benchmark_metrics, contenders, market_returns
from dipfolio.report.curves import chart_data, curves_in_words, drawdowns_in_words, trades_in_words
from dipfolio.report.fairness import Fairness
from dipfolio.report.page import asset, render
from dipfolio.report.relations import correlations, gaps
from dipfolio.report.sheets import sheets
from dipfolio.report.terms import assumption_terms, parameter_terms, provenance_terms
from dipfolio.report.wording import count, money, part, remarks

SCRIPTS = ("theme.js", "tabs.js", "tables.js", "charts.js", "sheets.js")


def comparison_page(fairness: Fairness, reports: Path, risk_free: float | RiskFree = 0.0) -> str:
    """The page as HTML, self-contained; the same runs give the same bytes.

    Parameters
    ----------
    fairness : Fairness
        The tracks and the terms on which they are compared, at least one.
    reports : Path
        Folder in which the page will stand; links to tear sheets start there.
    risk_free : float or RiskFree
        A year.
    """
    from plotly.offline import get_plotlyjs

    field = contenders(fairness, risk_free)
    market, of_market = market_returns(fairness), benchmark_metrics(fairness, risk_free)
    benchmark = fairness.benchmark if market is not None else ""
    apart, how = gaps(field, market, benchmark)
    names = [contender.label for contender in field]
    return render(
        "comparison.html.j2",
        scripts=[get_plotlyjs(), *map(asset, SCRIPTS)],
        title=f"Comparison of {count(len(field), 'run')}" if len(field) > 3 else " / ".join(names),
        names=names,
        benchmark=benchmark,
        facts=_facts(fairness, benchmark, risk_free),
        notes=fairness.notes,
        remarks=_remarks(field),
        metrics=metric_rows(field, of_market),
        costs=cost_rows(field),
        months=month_rows(field, market),
        correlations=correlations(field, market, benchmark),
        gaps=apart,
        resampled=how,
        assumptions=assumption_terms(field),
        parameters=parameter_terms(field),
        provenance=provenance_terms(field),
        sheets=sheets(field, reports),
        chart_data=chart_data(fairness, field, market),
        equity_in_words=curves_in_words(field, of_market.total_return if of_market else None, benchmark),
        drawdowns_in_words=drawdowns_in_words(field),
        trades_in_words=trades_in_words(field),
    )


def _remarks(field: Sequence[Contender]) -> list[tuple[list[str], tuple[str, ...]]]:
    """What must be known of the runs: the names of those of which the same is true, and the sentences."""
    said: dict[tuple[str, ...], list[str]] = {}
    for contender in field:
        sentences = remarks(contender.result, contender.metrics) if contender.result else ()
        if sentences:
            said.setdefault(sentences, []).append(contender.label)
    return [(names, sentences) for sentences, names in said.items()]


def _facts(fairness: Fairness, benchmark: str, risk_free: float | RiskFree) -> Sequence[tuple[str, str]]:
    """The common terms: label and value."""
    days, cash = fairness.sessions, {money(result.account.cash) for _, result in fairness.runs}
    names = {result.benchmark or "none" for _, result in fairness.runs}
    return (
        ("Window", f"{days[0].date()} to {days[-1].date()}"),
        ("Sessions", f"{len(days):,}{' of any run' if fairness.as_is else ', the same for all'}"),
        ("Benchmark", benchmark or " or ".join(sorted(names)) or "none"),
        ("Starting cash", " or ".join(sorted(cash)) or "not known"),
        ("Risk-free rate", str(risk_free) if isinstance(risk_free, RiskFree) else f"{part(risk_free)} a year"),
        ("Idle cash", "stays in every figure"),
    )
