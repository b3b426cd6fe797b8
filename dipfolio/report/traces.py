"""Traces: what the charts of a thesis draw, as plain data for the page's script."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine.result import Result
from dipfolio.evidence.course import Course
from dipfolio.evidence.dossier import Day, Dossier
from dipfolio.evidence.recovery import Survival
from dipfolio.report.page import script_data

AROUND = 5
"""Sessions shown before the first trade and after the last of an event."""

CLOSE = ("event", "described", "arithmetic")


def thesis_data(dossiers: Sequence[Dossier], day: Day | None) -> str:
    """JSON for a script element: nothing in it can end the element or start another; what is not known is null."""
    data: dict[str, Any] = {"path": {}, "course": {}, "equity": {}, "waiting": {}, "day": []}
    for dossier in dossiers:
        claim = dossier.verdict.claim
        if dossier.paths:
            data["path"][claim.id] = {**_course(dossier.paths[0]), "parts": [_course(path) for path in dossier.paths[1:]]}
        if dossier.course:
            data["course"][claim.id] = {**_course(dossier.course), "parts": [_course(part) for part in dossier.parts]}
        if dossier.result is not None:
            data["equity"][claim.id] = _equity(dossier.result, near=claim.kind in CLOSE)
        if dossier.waiting and dossier.verdict.primary:
            data["waiting"][claim.id] = _waiting(dossier.waiting, dossier.verdict.primary.observed)
    if day:
        data["day"] = [_course(course) for course in day.courses]
    return script_data(data)


def _course(course: Course) -> dict[str, Any]:
    return {
        "label": course.label, "h": course.horizons.tolist(), "value": plain(course.values), "usual": plain(course.usual),
        "low": plain(course.low), "high": plain(course.high), "n": course.placebos.tolist(), "reach": course.reach,
    }  # fmt: skip


def _equity(result: Result, *, near: bool) -> dict[str, Any]:
    """Growth of the account, and of its benchmark since the first session shown; around the trades where there are few."""
    equity, days = result.equity["equity"] / result.account.cash - 1, result.equity.index
    market = (1 + result.equity["benchmark"]).cumprod() - 1
    if near:
        rows = _around(result, days)
        equity, days, market = equity[rows], days[rows], market[rows]
        market = (1 + market) / (1 + market.iloc[0]) - 1
    return {
        "days": [str(day.date()) for day in days], "value": plain(equity), "market": plain(market),
        "name": result.strategy, "benchmark": result.benchmark,
    }  # fmt: skip


def _around(result: Result, days: pd.DatetimeIndex) -> slice:
    tables = [table for table in (result.trades, result.open_positions) if len(table)]
    if not tables:
        return slice(0, len(days))
    first = min(table["entry_session"].min() for table in tables)
    last = days[-1] if len(result.open_positions) else result.trades["exit_session"].max()
    return slice(max(int(days.searchsorted(first)) - AROUND, 0), int(days.searchsorted(last)) + AROUND + 1)


def _waiting(curve: Survival, event: float) -> dict[str, Any]:
    return {
        "h": curve.waiting.index.tolist(), "value": plain(curve.waiting), "low": plain(curve.low), "high": plain(curve.high),
        "event": event,
    }  # fmt: skip


def plain(values: Sequence[float] | pd.Series | np.ndarray) -> list[float | None]:
    """Five digits, and null for what is not finite."""
    return [None if not np.isfinite(value) else float(f"{value:.5g}") for value in np.asarray(values, dtype=float)]
