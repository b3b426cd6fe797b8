"""Write the table of docs/metrics.md from the table of metrics: ``python -m tools.metrics_page``."""

from pathlib import Path

from dipfolio.engine.metrics import METRICS, Metric, metrics_in

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
HEAD = "| Row | `--json` | Formula | Unit |\n|---|---|---|---|\n"
UNITS = {
    "percent": "fraction", "unsigned_percent": "fraction", "ratio": "number", "money": "dollars", "exact_money": "dollars",
    "count": "number",
}  # fmt: skip
"""What a value of each format is in JSON."""


def metric_table() -> str:
    """The table in Markdown: the metrics in the order of the summary, then those that it does not show."""
    ordered = dict.fromkeys((*metrics_in("summary"), *METRICS))
    return HEAD + "".join(f"| {metric.label} | `{metric.name}` | {metric.formula} | {_unit(metric)} |\n" for metric in ordered)


def _unit(metric: Metric) -> str:
    unit = UNITS[metric.format]
    return f"{unit}, a year" if metric.unit.endswith("a year") else unit


def with_table(page: str) -> str:
    """The page with the table of today in the place of the one in it."""
    start = page.index(HEAD)
    return page[:start] + metric_table() + page[page.index("\n\n", start) + 1 :]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
