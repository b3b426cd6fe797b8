"""Standing: a comparison on the terminal, as a table for people and as JSON for machines."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from rich import box
from rich.table import Table
from rich.text import Text

from dipfolio.market.rates import RiskFree
from dipfolio.report.board import metric_rows
from dipfolio.report.contender import Contender, benchmark_metrics, contenders
from dipfolio.report.fairness import Fairness
from dipfolio.report.summary import console_on

SHOWN = {
    "Total return": "Total return", "Annual return": "A year", "Worst drawdown": "Drawdown", "Sharpe": "Sharpe",
    "Excess over benchmark": "Excess", "Trades": "Trades",
}  # fmt: skip
"""Rows of the page's table, and what their columns are called here."""


def print_standing(fairness: Fairness, stream: IO[str], risk_free: float | RiskFree = 0.0) -> None:
    """One line for each run, the terms above and the notes below."""
    field, market = contenders(fairness, risk_free), benchmark_metrics(fairness, risk_free)
    console = console_on(stream)
    days = fairness.sessions
    title = f"{days[0].date()} to {days[-1].date()}, {len(days):,} sessions, benchmark {fairness.benchmark or 'none'}"
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Run", overflow="fold")
    rows = {row.label: row for row in metric_rows(field, market)}
    for head in SHOWN.values():
        table.add_column(head, justify="right", no_wrap=True)
    names = [contender.label for contender in field] + ([fairness.benchmark] if market else [])
    for place, name in enumerate(names):
        table.add_row(Text(name), *(Text(rows[label].cells[place].text) for label in SHOWN))
    console.print(table)
    for contender in field:
        if contender.track.origin:
            console.print(Text(f"{contender.label}: {contender.track.origin}."), soft_wrap=not stream.isatty())
    for note in fairness.notes:
        console.print(Text(f"Note: {note.text}"), soft_wrap=not stream.isatty())


def standing_as_json(fairness: Fairness, page: str, risk_free: float | RiskFree = 0.0) -> str:
    """The same for machines, with all metrics: NaN, and what a bare series does not have, becomes null."""
    record = {
        "sessions": [str(fairness.sessions[0].date()), str(fairness.sessions[-1].date()), len(fairness.sessions)],
        "benchmark": fairness.benchmark or None,
        "runs": [_plain(contender) for contender in contenders(fairness, risk_free)],
        "left_out": dict(fairness.left_out),
        "notes": [{"kind": note.kind, "text": note.text} for note in fairness.notes],
        "report": page,
    }
    return json.dumps(record, indent=1)


def _plain(contender: Contender) -> dict[str, Any]:
    known = asdict(contender.metrics)
    numbers = {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in known.items()}
    if contender.result is None:
        numbers |= dict.fromkeys((name for name, value in known.items() if value == 0 and name != "total_return"))
    folder: Path | None = contender.track.folder
    return {
        "run": contender.label,
        "tear_sheet": str(folder / "tearsheet.html") if folder else None,
        "taken_for": contender.track.origin or None,
        **numbers,
    }
