"""Runs, comparisons and the study on the terminal, as text for people or as JSON.

In JSON a NaN becomes null.
"""

import json
import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dipfolio.data.risk_free import RiskFree
from dipfolio.engine.allocation import allocation_of
from dipfolio.engine.attribution import Attribution, attribute
from dipfolio.engine.display import signed_dollars
from dipfolio.engine.factor_regression import factor_models
from dipfolio.engine.metrics import Metrics, applicable_metrics, metric_of
from dipfolio.engine.result import Result
from dipfolio.engine.subperiods import rolling_metrics, start_dates
from dipfolio.engine.taxes import tax_result
from dipfolio.evidence.estimates import Estimate
from dipfolio.report.answer import answer_of
from dipfolio.report.comparison.alignment import Alignment, Contender, benchmark_metrics, build_contenders, market_returns
from dipfolio.report.comparison.tables import metric_rows, sharpe_difference_rows
from dipfolio.report.format import MISSING_TEXT, count, wrap_text
from dipfolio.report.run_summary import (
    WITHOUT_TRADES_REMARK,
    Hindsight,
    run_heading,
    run_remarks,
    summary_rows,
    without_trades_rows,
)
from dipfolio.report.study.tables import LUCK_STYLES, OUTCOME_STYLES, VerdictTexts, format_effect, verdict_texts
from dipfolio.study.claims import OUTCOME_HORIZONS, STAKE
from dipfolio.study.required_data import required_data

if TYPE_CHECKING:
    from dipfolio.report.study.opening import Panel
    from dipfolio.study.outcomes import MoneyPath, Outcome
    from dipfolio.study.variants import VariantEvaluation
    from dipfolio.study.verdicts import Thesis, Verdict

HEAD_WIDTH = 11
"""Characters of a line of a column's head in the comparison; a longer label takes several lines."""


def print_comparison(alignment: Alignment, stream: IO[str], risk_free: float | RiskFree = 0.0) -> None:
    """One line for each run, the terms above and the notes below."""
    field, market = build_contenders(alignment, risk_free), benchmark_metrics(alignment, risk_free)
    console = plain_console(stream)
    days = alignment.sessions
    title = f"{days[0].date()} to {days[-1].date()}, {len(days):,} sessions, benchmark {alignment.benchmark or 'none'}"
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Run", overflow="fold")
    rows = metric_rows(field, market, "overview")
    if not any(c.metrics.fills > 0 and not c.metrics.trades for c in field):
        rows = tuple(row for row in rows if row.label != metric_of("fills").label)
    for row in rows:
        table.add_column("\n".join(textwrap.wrap(row.label, HEAD_WIDTH)), justify="right", no_wrap=True)
    names = [contender.label for contender in field] + ([alignment.benchmark] if market else [])
    for place, name in enumerate(names):
        table.add_row(Text(name), *(Text(row.cells[place].text) for row in rows))
    console.print(table)
    _print_ratio_gaps(alignment, field, console, risk_free)
    for contender in field:
        if contender.track.origin:
            console.print(Text(f"{contender.label}: {contender.track.origin}."), soft_wrap=not stream.isatty())
    for note in alignment.notes:
        console.print(Text(f"Note: {note.text}"), soft_wrap=not stream.isatty())
    for sentence, labels in remarks_by_run(field).items():
        whose = "" if len(labels) == len(field) else f"{', '.join(labels)}: "
        console.print(Text(f"Note: {whose}{sentence}"), soft_wrap=not stream.isatty())


def remarks_by_run(contenders: Sequence[Contender]) -> dict[str, list[str]]:
    """The remarks on some runs, with the labels of the runs that share them."""
    said: dict[str, list[str]] = {}
    for contender in contenders:
        for sentence in contender.result.provenance.remarks if contender.result else ():
            said.setdefault(sentence, []).append(contender.label)
    return said


def _print_ratio_gaps(
    alignment: Alignment, contenders: Sequence[Contender], console: Console, risk_free: float | RiskFree
) -> None:
    """The differences of the Sharpe ratios to that of the first run; nothing where there is nothing to compare."""
    found = sharpe_difference_rows(contenders, market_returns(alignment), alignment.benchmark, risk_free)
    if not found:
        return
    title = f"Sharpe ratio less that of {contenders[0].label}"
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Run", overflow="fold")
    for head in ("Difference", "95 % from", "to", "p"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("Reading")
    for gap in found:
        cells = (gap.difference, gap.low, gap.high, gap.p_value)
        table.add_row(Text(gap.label), *(Text(cell.text) for cell in cells), Text(gap.reading))
    console.print(table)


def comparison_as_json(alignment: Alignment, page: str, risk_free: float | RiskFree = 0.0) -> str:
    """The same for machines, with all metrics: NaN, and what a bare series does not have, becomes null."""
    field = build_contenders(alignment, risk_free)
    record = {
        "sessions": [str(alignment.sessions[0].date()), str(alignment.sessions[-1].date()), len(alignment.sessions)],
        "benchmark": alignment.benchmark or None,
        "runs": [_plain(contender) for contender in field],
        "sharpe_differences": [
            {
                "run": gap.label,
                "to": field[0].label,
                **{k: _finite(v) for k, v in asdict(gap.found).items()},
                "remark": gap.remark,
            }
            for gap in sharpe_difference_rows(field, market_returns(alignment), alignment.benchmark, risk_free)
        ],
        "left_out": dict(alignment.left_out),
        "notes": [{"kind": note.kind, "text": note.text} for note in alignment.notes],
        "report": page,
    }
    return json.dumps(record, indent=1)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(contender: Contender) -> dict[str, Any]:
    folder: Path | None = contender.track.folder
    return {
        "run": contender.label,
        "remarks": list(contender.result.provenance.remarks) if contender.result else [],
        "tear_sheet": str(folder / "tearsheet.html") if folder else None,
        "taken_for": contender.track.origin or None,
        **_numbers(contender.metrics, contender.result),
    }


def _numbers(metrics: Metrics, result: Result | None) -> dict[str, float | None]:
    """All metrics of a run, or of a series without one, by name, as JSON takes them."""
    return {name: json_value(value) for name, value in applicable_metrics(metrics, result).items()}


CONSOLE_WIDTH = 100
"""Columns used where the output is no terminal."""


def plain_console(stream: IO[str], width: int = CONSOLE_WIDTH) -> Console:
    """A console without colours or other control sequences, so that whoever guards the stream need not let any through."""
    return Console(file=stream, highlight=False, color_system=None, width=None if stream.isatty() else width)


def print_summary(result: Result, metrics: Metrics, stream: IO[str], *, everything: bool = False) -> None:
    """The answer of a run and its six numbers, a table of metrics, and the remarks.

    Parameters
    ----------
    result : Result
    metrics : Metrics
        Of that result.
    stream : text file
    everything : bool
        Whether the table has all metrics of the view "summary", and not only those of "brief", and whether the profit is cut.
    """
    console, answer = plain_console(stream), answer_of(result, metrics)
    for line in (run_heading(result), "", *answer.sentences, *filter(None, (answer.why,))):
        console.print(Text(line), soft_wrap=not stream.isatty())
    table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column()
    for label, value in answer.rows:
        table.add_row(Text(label), Text(value))
    table.add_row("", "")
    for label, value in summary_rows(result, metrics, "summary" if everything else "brief"):
        table.add_row(Text(label), Text(value))
    console.print(table)
    if everything:
        _print_attribution(attribute(result), console, stream)
    for remark in run_remarks(result, metrics):
        console.print(Text(f"Note: {remark}"), soft_wrap=not stream.isatty())


def _print_attribution(found: Attribution, console: Console, stream: IO[str]) -> None:
    """Where the profit came from, and the profit without the best and the worst trades; nothing of a run without a trade."""
    if found.by_name.empty:
        return
    title = Text(f"Where the profit of {signed_dollars(found.profit)} came from")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for by, cut in (("source", found.by_source), ("side", found.by_side), ("reason of exit", found.by_reason)):
        for label, value in cut.items():
            table.add_row(Text(f"By {by}: {label}"), Text(signed_dollars(value)), "")
    for which, profit, without in without_trades_rows(found):
        table.add_row(Text(which), Text(profit), Text(f"without {without}"))
    console.print(table)
    if len(found.best_and_worst):
        console.print(Text(WITHOUT_TRADES_REMARK), soft_wrap=not stream.isatty())


def run_as_json(
    result: Result,
    metrics: Metrics,
    report: str,
    hindsight: Hindsight | None = None,
    risk_free: float | RiskFree = 0.0,
    robustness: Mapping[str, Any] | None = None,
) -> str:
    """The same for machines: NaN becomes null, the report is its path; with hindsight, robustness and allocation if any."""
    rolling = rolling_metrics(result, risk_free)
    record = {
        "strategy": result.strategy,
        "parameters": result.parameters,
        "window": [str(day) for day in result.window],
        "benchmark": result.benchmark or None,
        **_numbers(metrics, result),
        "answer": answer_of(result, metrics).as_record(),
        "attribution": _attribution_record(result),
        "rolling": rolling.as_record() if rolling else None,
        "start_dates": [found.as_record() for found in start_dates(result)],
        "factors": factor_models(result, risk_free).as_record(),
        "robustness": robustness,
        "best_and_worst_trades": attribute(result).best_and_worst.to_dict("records"),
        "remarks": list(run_remarks(result, metrics)),
        "report": report,
    }
    if result.rates.cash:
        record["cash_rate"] = {"description": result.rates.cash, "sha256": result.rates.cash_sha256}
        record["risk_free"] = str(risk_free)
    if result.rates.borrow:
        record["borrow_rates"] = {"symbols": result.rates.borrow, "sha256": result.rates.borrow_sha256}
    if (found := allocation_of(result)) is not None:
        record["allocation"] = found.as_record()
    if result.taxes:
        record["after_tax"] = tax_result(result, result.taxes).as_record()
    if hindsight is not None:
        record["hindsight"] = {
            "universe": hindsight.universe,
            "annual_return": json_value(hindsight.today.annual_return),
            "difference": json_value(hindsight.difference),
        }
    return json.dumps(record, indent=1)


def _attribution_record(result: Result) -> dict[str, dict[str, float]]:
    """The profit in dollars by name, month, side, reason of exit and source."""
    found = attribute(result)
    cuts = {"name": found.by_name, "month": found.by_month, "side": found.by_side, "reason": found.by_reason}
    return {name: cut.to_dict() for name, cut in (*cuts.items(), ("source", found.by_source))}


VERDICT_HEADS = ("Claim", "Did it come true?", "More than luck?", "Effect", "Corrected p")
VERDICT_COLUMN_WIDTHS = (6, 19, 22, 15, 13)


def outcome_counts(thesis: "Thesis") -> str:
    """How many claims about 2025 came true, in one sentence; empty without outcomes."""
    found = [verdict_texts(v, _outcome(thesis, v)) for v in thesis.verdicts]
    words = Counter(row.came for row in found if row.came not in ("", "a rule"))
    said = [f"{words[word]} {word}" for word in OUTCOME_STYLES if words[word]]
    return f"Did it come true? {count(words.total(), 'claim')} about 2025: {', '.join(said)}." if words else ""


def verdict_counts(thesis: "Thesis") -> str:
    """How many claims are more than luck, in one sentence."""
    own = [verdict for verdict in thesis.verdicts if verdict.counted]
    words: Counter[str] = Counter(verdict.luck for verdict in own)
    said = [f"{words[word]} {word}" for word in LUCK_STYLES if words[word]]
    repeated = len(thesis.verdicts) - len(own)
    are = "repeats the number of another claim" if repeated == 1 else "repeat the numbers of other claims"
    more = f"; {repeated} more {are}" if repeated else ""
    among = f" of {thesis.asked}, corrected for all" if thesis.asked > len(thesis.verdicts) else ""
    return f"More than luck? {count(len(own), 'claim')}{among}: {', '.join(said)}{more}."


def _outcome(thesis: "Thesis", verdict: "Verdict") -> "Outcome | None":
    return thesis.happened.of(verdict.claim.id) if thesis.happened else None


NOT_FOUND = "No effect found; the data could have found one of this size (one-sided 5 % test, four times out of five)"
NOT_POSSIBLE = "The data cannot find any plausible effect"
NOT_ANSWERED = "Prices do not answer"


def open_questions(thesis: "Thesis") -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The three kinds of claims without a significant effect: what each kind means, and its claims."""
    own = [verdict for verdict in thesis.verdicts if verdict.counted]
    sizes: dict[str, list[str]] = {}
    for v in own:
        if v.luck == "no effect found" and v.primary is not None:
            sizes.setdefault(required_data(v), []).append(f"{v.claim.id} {format_effect(v.primary, v.primary.detectable)}")
    not_found = tuple(
        f"{', '.join(claims)}: {needed[0].lower()}{needed[1:]}" if needed else f"{', '.join(claims)}."
        for needed, claims in sizes.items()
    )
    unanswered = tuple(f"{v.claim.id}: {v.reason}" for v in own if v.luck == "prices do not answer")
    groups = (
        (NOT_FOUND, not_found), (NOT_POSSIBLE, undecidable_questions(thesis)), (NOT_ANSWERED, unanswered),
    )  # fmt: skip
    return tuple(group for group in groups if group[1])


def undecidable_questions(thesis: "Thesis") -> tuple[str, ...]:
    """Which questions these data could not have decided, grouped by the reason."""
    reasons: dict[str, list[str]] = {}
    for verdict in thesis.undecidable:
        reasons.setdefault(f"{_why(verdict)} {required_data(verdict)}".strip(), []).append(verdict.claim.id)
    return tuple(f"{', '.join(ids)}: {why}" for why, ids in reasons.items())


def _why(verdict: "Verdict") -> str:
    primary = verdict.primary
    if primary is None or math.isnan(verdict.corrected):
        return verdict.reason[0].lower() + verdict.reason[1:]
    return f"the smallest p-value that so few other dates allow is too large for {verdict.family} claims."


def print_thesis(
    thesis: "Thesis",
    stream: IO[str],
    columns: int | None = None,
    remarks: Sequence[str] = (),
    opening: "Sequence[Panel] | None" = None,
) -> None:
    """The sentences of the opening, then each claim with its two answers, then what could not be found.

    Parameters
    ----------
    thesis : Thesis
    stream : text file
    columns : int, optional
        Of the screen; the table fits 80. Nothing is folded if not given.
    remarks : sequence of str
        What belongs beside every result made with these data.
    opening : sequence of Panel, optional
        Those of the thesis if not given; a selection of claims may lack one.
    """
    print(f"Claims over {thesis.window[0]} to {thesis.window[1]}", file=stream)
    for sentence in remarks:
        print(wrap_text(f"Note: {sentence}", 0, columns), file=stream)
    for panel in _opening(thesis) if opening is None else opening:
        print(f"\n{panel.title}", file=stream)
        for text in (panel.sentence, panel.detail):
            print(wrap_text(text, 2, columns), file=stream)
    print(f"\n{_line(VERDICT_HEADS)}", file=stream)
    for verdict in thesis.verdicts:
        row = verdict_texts(verdict, _outcome(thesis, verdict))
        print(_line((row.id, row.came or MISSING_TEXT, row.luck, row.effect, row.corrected)), file=stream)
        used = _other_history(verdict, thesis.window)
        for text in (row.sentence, *_answers(row), *([used] if used else [])):
            print(wrap_text(text, 6, columns), file=stream)
    print(file=stream)
    for text in filter(None, (outcome_counts(thesis), verdict_counts(thesis))):
        print(wrap_text(text, 0, columns), file=stream)
    for title, lines in open_questions(thesis):
        print(f"\n{wrap_text(f'{title}:', 0, columns)}", file=stream)
        for line in lines:
            print(wrap_text(line, 2, columns), file=stream)


def _other_history(verdict: "Verdict", window: tuple[str, str]) -> str:
    """The sessions that a claim used, where they are not those of the heading; else empty."""
    used = verdict.history
    if used is None or (used.first, used.last) == window:
        return ""
    return f"History: {used.first} to {used.last}, {count(used.sessions, 'session')}."


def _opening(thesis: "Thesis") -> "tuple[Panel, ...]":
    """The sentences of a thesis; imported here, as what shows a saved run needs no simulation."""
    from dipfolio.report.study.opening import opening_panels

    return opening_panels(thesis)


def _answers(row: VerdictTexts) -> tuple[str, ...]:
    """The numbers behind each of the two answers, a line each."""
    came = () if row.came in ("", "a rule") else (f"Came true? {row.says}",)
    if not row.told:
        return came if came and row.luck == "prices do not answer" else (*came, f"Luck? {row.reason}")
    numbers = [f"Effect {row.effect}"]
    if row.interval != MISSING_TEXT:
        numbers.append(f"95 % interval {row.interval}")
    if row.p_value != MISSING_TEXT:
        numbers.append(f"p {row.p_value} (smallest possible {row.smallest})")
    if row.corrected != MISSING_TEXT:
        numbers.append(f"corrected {row.corrected}")
    if row.detectable != MISSING_TEXT:
        numbers.append(f"could be found {row.detectable}")
    return (*came, f"Luck? {row.reason} {', '.join(numbers)}; observations: {row.observations}.")


def _line(cells: tuple[str, ...]) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, VERDICT_COLUMN_WIDTHS, strict=True)).rstrip()


def thesis_as_json(thesis: "Thesis", report: str, remarks: Sequence[str] = (), opening: "Sequence[Panel] | None" = None) -> str:
    """All outcomes, and all verdicts with all estimates and contests: NaN becomes null.

    Parameters
    ----------
    thesis : Thesis
    report : str
        Path of the page.
    remarks : sequence of str
    opening : sequence of Panel, optional
        Those of the thesis if not given.
    """
    panels = _opening(thesis) if opening is None else opening
    record = {
        "window": list(thesis.window),
        "figures": thesis.figures,
        "opening": [{"title": p.title, "sentence": p.sentence, "detail": p.detail} for p in panels],
        "verdicts": [{**_verdict(verdict), "outcome": _outcome_record(_outcome(thesis, verdict))} for verdict in thesis.verdicts],
        "commenter": _commenter_record(thesis.happened.commenter if thesis.happened else None),
        "beyond": [verdict.claim.id for verdict in thesis.undecidable],
        "contests": [_contest(contest) for contest in thesis.contests],
        "remarks": list(remarks),
        "report": report,
    }
    return json.dumps(record, indent=1, allow_nan=False)


def _verdict(verdict: "Verdict") -> dict[str, Any]:
    claim = verdict.claim
    return {
        "claim": claim.id, "sentence": claim.sentence, "hypothesis": claim.hypothesis, "kind": claim.kind,
        "family": claim.family or None, "same_as": claim.same_as or None, "verdict": verdict.word, "luck": verdict.luck,
        "reason": verdict.reason, "needed": required_data(verdict) or None,
        "counted": verdict.counted, "decidable": verdict.decidable, "remark": claim.remark,
        "primary": estimate_as_record(verdict.primary) if verdict.primary else None,
        "corrected": json_value(verdict.corrected), "corrected_opposite": json_value(verdict.corrected_opposite),
        "corrected_for": verdict.family, "history": asdict(verdict.history) if verdict.history else None,
        "findings": [estimate_as_record(found) for found in verdict.estimates],
    }  # fmt: skip


def _outcome_record(outcome: "Outcome | None") -> dict[str, Any] | None:
    """Whether a claim came true, with the returns of its trades by sessions; null where they are not there yet."""
    if outcome is None:
        return None
    return {
        "word": outcome.word, "says": outcome.says, "rule": outcome.rule or None,
        "parts": [{"label": part.label, "value": json_value(part.value), "holds": part.holds} for part in outcome.parts],
        "holdings": [
            {
                "label": held.label, "bought": list(held.bought), "sold": list(held.sold),
                "returns": {str(horizon): json_value(held.after(horizon)) for horizon in OUTCOME_HORIZONS},
                "dollars": {str(horizon): json_value(STAKE * held.after(horizon)) for horizon in OUTCOME_HORIZONS},
            }
            for held in outcome.holdings
        ],
    }  # fmt: skip


def _commenter_record(path: "MoneyPath | None") -> dict[str, Any] | None:
    """The profit of the commenter's short after each session, in dollars."""
    if path is None:
        return None
    return {
        "symbol": path.symbol, "shares": path.shares, "entry_price": path.entry_price, "open_profit": path.open_profit,
        "margin_cash": path.margin_cash, "margin_call": str(path.call.date()) if path.call is not None else None,
        "covered": str(path.covered.date()) if path.covered is not None else None, "call_profit": json_value(path.call_profit),
        "best": str(path.best.date()), "worst": str(path.worst.date()),
        "sessions": [str(day.date()) for day in path.table.index],
        **{column: [float(value) for value in path.table[column]] for column in path.table.columns},
    }  # fmt: skip


def estimate_as_record(estimate: Estimate) -> dict[str, Any]:
    """An estimate as JSON takes it."""
    return {field.name: json_value(getattr(estimate, field.name)) for field in fields(estimate) if field.name != "scores"}


def json_value(value: Any) -> Any:
    """None for a number that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _contest(contest: "VariantEvaluation") -> dict[str, Any]:
    return {
        "claim": contest.claim, "variants": len(contest.trials), "best": contest.best.parameters,
        "ratio": json_value(contest.sharpe.ratio), "error": json_value(contest.error),
        "annual_interval": [json_value(end) for end in contest.interval], "probability": json_value(contest.probability),
        "deflated": json_value(contest.deflated.probability), "trials": contest.deflated.trials,
        "effective_trials": json_value(contest.effective), "effectively_deflated": json_value(contest.effectively_deflated),
        "superior_ability": json_value(contest.ability.consistent), "smallest": contest.ability.smallest,
        "survivors": int(contest.survivors.better.sum()), "overfitting": json_value(contest.overfitting.probability),
        "walk_forward": json_value(contest.walk.metrics.total_return) if contest.walk else None,
        "walk_forward_hindsight": json_value(contest.walk.hindsight_metrics.total_return) if contest.walk else None,
    }  # fmt: skip
