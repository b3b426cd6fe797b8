"""Record: our section of a tear sheet, with every trade, cost, assumption and source of a run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dipfolio.engine.metrics import Metrics
from dipfolio.engine.result import Result
from dipfolio.report.assumptions import assumptions
from dipfolio.report.harmless import harmless
from dipfolio.report.wording import NOTHING, money, percent, remarks, rows

FILES = ("run.json", "equity.csv", "positions.csv", "fills.csv", "trades.csv", "open_positions.csv", "events.csv")


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    text: str
    numeric: bool


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table ready to be written: all cells are text."""

    heads: tuple[Head, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()


@cache
def templates() -> Environment:
    """Our templates; everything put into them is made harmless and escaped."""
    return Environment(
        loader=PackageLoader("dipfolio.report"), autoescape=True, undefined=StrictUndefined, finalize=_harmless, trim_blocks=False
    )


def _harmless(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def stylesheet() -> str:
    """The rules for our section."""
    return files("dipfolio.report").joinpath("templates", "record.css").read_text(encoding="utf-8")


def record_section(result: Result, metrics: Metrics, *, beside_quantstats: bool = True) -> str:
    """The section as HTML; beside quantstats' own figures it says where those mean something else."""
    return templates().get_template("record.html.j2").render(
        title=result.title,
        beside_quantstats=beside_quantstats,
        rows=rows(result, metrics),
        remarks=remarks(result, metrics),
        trades=_trades(result.trades),
        positions=_positions(result.open_positions),
        costs=_costs(metrics),
        events=_events(result.events),
        assumptions=assumptions(result),
        parameters=[(name.replace("_", " "), str(value)) for name, value in result.parameters.items()],
        provenance=provenance(result),
        files=FILES,
    )  # fmt: skip


def _table(heads: str, body: Sequence[tuple[str, ...]], words: int, total: tuple[str, ...] = ()) -> TextTable:
    """The first ``words`` columns are words, the others numbers."""
    names = tuple(Head(text, number >= words) for number, text in enumerate(heads.split("|")))
    return TextTable(heads=names, rows=tuple(body), total=total)


def _trades(trades: pd.DataFrame) -> TextTable:
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
    sums = [money(float(trades[name].sum())) for name in ("gross", "borrow", "dividends", "profit")]
    charges = money(float((trades["commission"] + trades["fees"]).sum()))
    total = ("Sum", *[""] * 7, sums[0], charges, sums[1], sums[2], sums[3], "", "", "")
    return _table(heads, body, 5, total if len(trades) > 1 else ())


def _positions(open_positions: pd.DataFrame) -> TextTable:
    body = [
        (
            row.symbol, row.side, _moment(row.entry_session, row.entry_at), f"{row.shares:,.10g}", f"{row.entry_price:,.4f}",
            money(row.dividends), money(row.borrow), money(row.profit), percent(trade_return, 1), percent(row.worst, 1),
            percent(row.best, 1),
        )
        for row, trade_return in zip(open_positions.itertuples(), open_positions["return"], strict=True)
    ]  # fmt: skip
    heads = "Symbol|Side|In|Most shares|Price in|Dividends|Borrow|Profit so far|Return|Worst|Best"
    return _table(heads, body, 3)


def _costs(metrics: Metrics) -> TextTable:
    labels = {
        "commission": "Commission", "fees": "SEC and FINRA fees", "slippage": "Slippage, in the prices", "borrow": "Borrow fees",
        "interest": "Interest on negative cash",
    }  # fmt: skip
    numbers = asdict(metrics)
    body = [(label, money(-numbers[name] + 0.0)) for name, label in labels.items()]
    body.append(("Dividends received less paid", money(metrics.dividends)))
    total = metrics.dividends - sum(numbers[name] for name in labels)
    return _table("Item|Dollars", body, 1, ("Together", money(total)))


def _events(events: pd.DataFrame) -> TextTable:
    body = [(str(row.session.date()), row.kind, row.symbol or NOTHING, row.detail) for row in events.itertuples(index=False)]
    return _table("Session|What|Symbol|Detail", body, 4)


def provenance(result: Result) -> list[tuple[str, str]]:
    """Topic and words: where the figures come from and what computed with them."""
    source = result.provenance
    spans = [f"{symbol} {first} to {last}" for symbol, (first, last) in source.sessions.items()]
    same = {span.split(" ", 1)[1] for span in spans}
    window = f"{', '.join(source.sessions)}: {same.pop()}" if len(same) == 1 else "; ".join(spans)
    return [
        ("Source", source.origin.source),
        ("Folder", source.origin.path or NOTHING),
        ("Retrieved", source.origin.retrieved or "not written down"),
        ("Convention", source.origin.adjustment),
        ("Sessions", window),
        ("SHA-256", source.sha256),
        ("Warnings", _warnings(source.warnings)),
        ("Versions", ", ".join(f"{name} {number}" for name, number in result.versions.items())),
        ("Two books", f"simulation and ledger differ by at most ${result.residual:.6f} on any session"),
    ]


def _warnings(sentences: Sequence[str], most: int = 10) -> str:
    more = f" And {len(sentences) - most} more; `python backtest.py data check` lists all." if len(sentences) > most else ""
    return " ".join(sentences[:most]) + more if sentences else "none about the figures"


def _moment(session: pd.Timestamp, at: str) -> str:
    return f"{session.date()} {at}"
