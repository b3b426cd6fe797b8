"""Summary: what a run prints on the terminal, as a table for people and as JSON for machines."""

import json
import math
from dataclasses import asdict
from typing import IO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dipfolio.engine.metrics import Metrics
from dipfolio.engine.result import Result
from dipfolio.report.wording import heading, remarks, rows

WIDTH = 100
"""Columns used where the output is no terminal."""


def console_on(stream: IO[str], width: int = WIDTH) -> Console:
    """A console without colours or other control sequences, so that whoever guards the stream need not let any through."""
    return Console(file=stream, highlight=False, color_system=None, width=None if stream.isatty() else width)


def print_summary(result: Result, metrics: Metrics, stream: IO[str]) -> None:
    """One aligned table with the strategy's name as its title, and the remarks under it."""
    console = console_on(stream)
    table = Table(title=Text(heading(result)), title_justify="left", box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column()
    for label, value in rows(result, metrics):
        table.add_row(Text(label), Text(value))
    console.print(table)
    for remark in remarks(result, metrics):
        console.print(Text(f"Note: {remark}"), soft_wrap=not stream.isatty())


def as_json(result: Result, metrics: Metrics, report: str) -> str:
    """The same for machines: NaN becomes null, the report is its path."""
    numbers = {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in asdict(metrics).items()}
    record = {
        "strategy": result.strategy,
        "parameters": result.parameters,
        "window": [str(day) for day in result.window],
        "benchmark": result.benchmark or None,
        **numbers,
        "remarks": list(remarks(result, metrics)),
        "report": report,
    }
    return json.dumps(record, indent=1)
