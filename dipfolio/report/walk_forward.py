"""A walk-forward test as sentences, tables, chart data and JSON, for the page of a sweep and for the terminal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pandas as pd

from dipfolio.engine.metrics import MIN_OBSERVATIONS, Metric, Metrics, metric_of, metrics_in
from dipfolio.evidence.walk_forward import VariantChoice, WalkForward, WalkForwardPart
from dipfolio.report.format import count, format_metric, parameter_text, percent, unsigned_percent

CHOSEN_HEAD = "Chosen"
"""Head of the parameters of a part."""

OUT_OF_SAMPLE, HINDSIGHT = "Chosen on the past", "Best in hindsight"
"""What the two accounts are called."""

PERCENTAGE_POINT = 0.01

MIN_WIDE_COLUMNS = 110
"""Columns of a screen from which the dates of a part stand in one line."""


@dataclass(frozen=True, kw_only=True)
class WalkForwardTexts:
    """What is said of a walk-forward test.

    Attributes
    ----------
    answer : str
        The outcome in two or three sentences.
    rule : str
        How it was made.
    notes : tuple of str
        What a reader must know with it.
    overfitting : str
        The probability of overfitting and what it means.
    parts, accounts : tuple of tuple of str
        Rows of the tables; :func:`part_heads` and :func:`account_heads` have their heads.
    """

    answer: str
    rule: str
    notes: tuple[str, ...]
    overfitting: str
    parts: tuple[tuple[str, ...], ...]
    accounts: tuple[tuple[str, ...], ...]


def walk_forward_texts(walk: WalkForward, strategy: str, overfitting: float, how: str) -> WalkForwardTexts:
    """All texts of a test.

    Parameters
    ----------
    walk : WalkForward
    strategy : str
        Its name.
    overfitting : float
        Probability of overfitting over the grid; NaN where it cannot be told.
    how : str
        How it was found, or why not.
    """
    return WalkForwardTexts(
        answer=_answer(walk, strategy), rule=_rule(walk), notes=tuple(_notes(walk)), overfitting=_overfitting(overfitting, how),
        parts=tuple(_part_row(number, part, walk.scheme.rank_by) for number, part in enumerate(walk.parts, 1)),
        accounts=tuple(_account_rows(walk)),
    )  # fmt: skip


def _answer(walk: WalkForward, strategy: str) -> str:
    earned, most = walk.metrics.total_return, walk.hindsight_metrics.total_return
    difference = most - earned
    if walk.hindsight.choice.strategy is None:
        beside = "No variant can be ranked over these sessions alone."
    else:
        lost = (
            f"{difference / PERCENTAGE_POINT:.1f} percentage points of that were hindsight"
            if difference > 0
            else "choosing on the past cost nothing here"
        )
        best = parameters_text(walk.hindsight.choice.parameters)
        beside = f"The variant that looks best in hindsight ({best}) {_earned(most)} in the same sessions: {lost}."
    market = (
        f" {walk.scheme.benchmark}, held all the time, {_earned(benchmark.total_return)}."
        if (benchmark := walk.benchmark_metrics)
        else ""
    )
    return (
        f"Chosen anew {len(walk.parts)} times on the past alone, {strategy} {_earned(earned)} from {walk.window[0]} to "
        f"{walk.window[1]}. {beside}{market}"
    )


def _earned(total: float) -> str:
    """Such as earned 3.10 %, or lost 2.00 %."""
    return f"{'lost' if total < 0 else 'earned'} {abs(total) / PERCENTAGE_POINT:.2f} %"


def _rule(walk: WalkForward) -> str:
    past = "all sessions before it" if walk.scheme.walk_window == "anchored" else "the part before it"
    return (
        f"Each part is traded by the variant with the best {metric_of(walk.scheme.rank_by).in_sentence} in {past}, among those "
        "that had traded. It starts without positions, enters from the first session of the part on, and closes everything at "
        "the last close with its costs; the equity is the cash of the next part."
    )


def _notes(walk: WalkForward) -> "list[str]":
    notes, total = [], len(walk.parts)
    unchosen = [(number, part.choice.traded) for number, part in enumerate(walk.parts, 1) if part.choice.strategy is None]
    idle = [number for number, part in enumerate(walk.parts, 1) if part.choice.strategy is not None and not part.trades]
    untraded, unmeasured = (
        [number for number, traded in unchosen if not traded],
        [number for number, traded in unchosen if traded],
    )
    if untraded:
        notes.append(f"Before {_listed(untraded)} of {total} no variant had traded, so the account stayed in cash.")
    if unmeasured:
        what = metric_of(walk.scheme.rank_by).in_sentence
        notes.append(
            f"Before {_listed(unmeasured)} of {total} no variant that had traded has a {what}: the account stayed in cash."
        )
    if idle:
        notes.append(f"In {_listed(idle)} of {total} the chosen variant did not trade, so the account stood still.")
    if min(part.equity.min() for part in walk.parts) <= 0:
        notes.append("The account was wiped out and trades no more.")
    looks = int(walk.metrics.observations)
    if 0 < looks < MIN_OBSERVATIONS:
        notes.append(f"{count(looks, 'observation')} out of sample at the most: no ratio of this account is evidence.")
    return notes


def _listed(numbers: list[int]) -> str:
    """Part 1, or parts 1, 2 and 4."""
    words = [str(number) for number in numbers]
    return f"part {words[0]}" if len(words) == 1 else f"parts {', '.join(words[:-1])} and {words[-1]}"


def _overfitting(probability: float, how: str) -> str:
    if math.isnan(probability):
        return f"The probability of backtest overfitting (PBO) cannot be estimated: {how}."
    return (
        f"Probability of backtest overfitting (PBO): {unsigned_percent(probability)}. In so many of the ways to divide the "
        "sessions into two halves, the variant that is best in one half is below the middle of all variants in the other. Among "
        "variants that are alike it is about 50 %."
    )


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """The values of the parameters in a row, such as ``drop 0.04, hold 20``."""
    return ", ".join(f"{name.replace('_', ' ')} {parameter_text(value)}" for name, value in parameters.items())


def _part_row(number: int, part: WalkForwardPart, rank_by: str) -> tuple[str, ...]:
    chosen = parameters_text(part.choice.parameters) if part.choice.strategy is not None else "none, in cash"
    return (
        str(number), f"{part.window[0]} to {part.window[1]}", chosen, format_metric(metric_of(rank_by), part.choice.value),
        percent(part.total_return), percent(part.worst_drawdown), str(part.trades),
    )  # fmt: skip


def _account_rows(walk: WalkForward) -> "list[tuple[str, ...]]":
    market = walk.benchmark_metrics
    rows = [(OUT_OF_SAMPLE, walk.metrics), (HINDSIGHT, walk.hindsight_metrics)]
    rows += [(f"{walk.scheme.benchmark} throughout", market)] if market else []
    shown = metrics_in("walk_forward")
    return [(name, *(format_metric(metric, metrics.by_name[metric.name]) for metric in shown)) for name, metrics in rows]


def part_heads(rank_by: str) -> tuple[str, ...]:
    """Heads of the table of parts; that of the figure in sample names the metric that chose."""
    return (
        "Part",
        "Sessions",
        CHOSEN_HEAD,
        f"In sample:\n{metric_of(rank_by).in_sentence}",
        "Out of\nsample",
        _two_lines(metric_of("worst_drawdown")),
        _two_lines(metric_of("trades")),
    )


def account_heads() -> tuple[str, ...]:
    """Heads of the table of accounts."""
    return ("Account", *map(_two_lines, metrics_in("walk_forward")))


def _two_lines(metric: Metric) -> str:
    """The label as a head of two lines."""
    return metric.label.replace(" ", "\n", 1)


def print_walk_forward(texts: WalkForwardTexts, rank_by: str, stream: IO[str]) -> None:
    """The answer, one line for each part, and the accounts below."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from dipfolio.report.terminal import plain_console

    console = plain_console(stream, 140)
    console.print(Text(texts.answer), soft_wrap=not stream.isatty())
    heads = part_heads(rank_by)
    narrow = console.width < MIN_WIDE_COLUMNS
    breaks = (" to ", " to\n"), (", ", ",\n")
    parts = [(row[0], *(row[k + 1].replace(*breaks[k]) for k in (0, 1)), *row[3:]) if narrow else row for row in texts.parts]
    turned = tuple(zip(*texts.accounts, strict=True))  # a column for each account, so that few columns of a screen hold them
    names = [head.replace("\n", " ") for head in account_heads()]
    accounts = [(name, *cells) for name, cells in zip(names[1:], turned[1:], strict=True)]
    for columns, rows, words in ((heads, parts, 3), (("", *turned[0]), accounts, 1)):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for place, head in enumerate(columns):
            folds = head == CHOSEN_HEAD
            table.add_column(Text(head), justify="left" if place < words else "right", no_wrap=not folds, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    for sentence in (texts.rule, *(f"Note: {note}" for note in texts.notes), texts.overfitting):
        console.print(Text(sentence), soft_wrap=not stream.isatty())


def walk_forward_chart(walk: WalkForward) -> dict[str, Any]:
    """The accounts and the benchmark as returns since the first close before the parts, in per cent, from 0 on.

    ``borders`` are the first sessions of the parts.
    """
    days = pd.DatetimeIndex([pd.Timestamp(walk.since), *walk.equity.index])
    best = parameters_text(walk.hindsight.choice.parameters) or "none"
    lines = [(OUT_OF_SAMPLE, walk.returns), (f"{HINDSIGHT}: {best}", walk.hindsight.returns)]
    lines += [] if walk.market is None else [(f"{walk.scheme.benchmark} throughout", walk.market)]
    return {
        "days": days.strftime("%Y-%m-%d").tolist(),
        "lines": [{"name": name, "values": _per_cent(returns)} for name, returns in lines],
        "borders": [part.window[0].isoformat() for part in walk.parts],
        "chosen": [parameters_text(part.choice.parameters) or "none" for part in walk.parts],
    }


def _per_cent(returns: pd.Series) -> list[float]:
    return [0.0, *np.round((np.cumprod(1 + returns.to_numpy()) - 1) * 100, 4).tolist()]


def walk_forward_record(walk: WalkForward) -> dict[str, Any]:
    """The test as JSON has it; a NaN becomes null."""
    from dipfolio.report.terminal import json_value

    def numbers(metrics: Metrics) -> dict[str, Any]:
        """The metrics that the account has."""
        return {name: json_value(value) for name, value in metrics.by_name.items() if not math.isnan(value)}

    market = walk.benchmark_metrics
    return {
        "parts": [
            {
                "training": _dates(part.training), "window": _dates(part.window), "parameters": _choice(part.choice),
                "in_sample": json_value(part.choice.value), "variants_that_had_traded": part.choice.traded, "cash": part.cash,
                "final_equity": float(part.equity.iloc[-1]), "total_return": part.total_return,
                "worst_drawdown": part.worst_drawdown, "trades": part.trades, "closed_at_the_end": part.closed,
                "closing_costs": part.closing_costs,
            }
            for part in walk.parts
        ],
        "walk_window": walk.scheme.walk_window, "window": _dates(walk.window),
        "out_of_sample": numbers(walk.metrics),
        "hindsight": {"parameters": _choice(walk.hindsight.choice), "in_sample": json_value(walk.hindsight.choice.value),
                      **numbers(walk.hindsight_metrics)},
        "benchmark": {"symbol": walk.scheme.benchmark, **numbers(market)} if market else None,
        "sessions": walk.equity.index.strftime("%Y-%m-%d").tolist(), "equity": walk.equity.tolist(),
        "hindsight_equity": walk.hindsight.equity.tolist(),
        "benchmark_returns": None if walk.market is None else walk.market.tolist(),
    }  # fmt: skip


def _dates(window: tuple[Any, Any]) -> list[str]:
    return [day.isoformat() for day in window]


def _choice(choice: VariantChoice) -> dict[str, Any] | None:
    """The parameters as JSON has them: dates as text; None if nothing was chosen."""
    plain = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in choice.parameters.items()}
    return plain if choice.strategy is not None else None
