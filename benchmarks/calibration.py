"""Calibration: size, coverage and power of every test that gives a verdict, where nothing can be predicted.

``python -m benchmarks calibration`` prints the tables of ``docs/calibration.md`` with 1,000 draws a cell, in some minutes.
A draw counts for a rule where it has the clusters of signals that the test asks for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.nulls import NULLS, Floats, Market
from dipfolio.data import calendar
from dipfolio.evidence.calendar_time import SessionReturns, calendar_time_test, mean_session_test, session_returns
from dipfolio.evidence.estimates import Estimate, estimate_from_sessions, weekly_mean_estimate
from dipfolio.evidence.multiple_testing import correlation_of, holm, stepdown
from dipfolio.evidence.placebo import rotation_placebo, scaled_dates_placebo
from dipfolio.evidence.trade_outcomes import TradeDecisions, TradeOutcomes
from dipfolio.evidence.volatility import expected_size

DRAWS = 1_000
SEED = 20250127
SIZE = 0.05
ROTATION_EVERY = 4
"""Draws of which one is also ranked among rotations, which is slow and only there for comparison."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Prices of one draw, each of shape (sessions,): returns, the night's return before each session, and closes."""

    returns: Floats
    gap: Floats
    close: Floats


Signals = Callable[[Series], Flags]
"""The sessions on whose close a rule decides."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule that buys one series at the next open and holds it so many sessions, or renews its decision in each."""

    name: str
    signals: Signals
    hold: int
    renewed: bool = False


def fall(deviations: float) -> Signals:
    """A fall of so many deviations of the whole sample, so that each null has about as many."""
    return lambda series: np.asarray(series.returns <= -deviations * series.returns.std())


def own_fall(deviations: float) -> Signals:
    """A fall of so many deviations of the 60 sessions before."""
    return lambda series: np.asarray(
        series.returns <= -deviations * pd.Series(series.returns).rolling(60).std().shift(1).to_numpy()
    )


def rise(series: Series) -> Flags:
    """A rise over 20 sessions of more than six deviations of one."""
    risen = np.append(np.zeros(20), series.close[20:] / series.close[:-20] - 1)
    return np.asarray(risen >= 6 * series.returns.std())


def below_average(series: Series) -> Flags:
    """A close below its average of 50 sessions."""
    return np.asarray(series.close < pd.Series(series.close).rolling(50).mean().to_numpy())


def gap_down(series: Series) -> Flags:
    """An open one deviation of a session below the close, traded at that open."""
    return np.append(series.gap[1:] <= -series.returns.std(), False)


RULES = (
    Rule(name="fall of 2 sd, 1 session", signals=fall(2.0), hold=1),
    Rule(name="fall of 2 sd, 5 sessions", signals=fall(2.0), hold=5),
    Rule(name="fall of 2 sd, 20 sessions", signals=fall(2.0), hold=20),
    Rule(name="fall of 1.5 sd, 60 sessions", signals=fall(1.5), hold=60),
    Rule(name="fall of 2.5 sd, 5 sessions", signals=fall(2.5), hold=5),
    Rule(name="fall of 3 sd, 5 sessions", signals=fall(3.0), hold=5),
    Rule(name="fall of 3 sd, 20 sessions", signals=fall(3.0), hold=20),
    Rule(name="fall of 2.5 own sd, 5 sessions", signals=own_fall(2.5), hold=5),
    Rule(name="rise over 20 sessions, 5 sessions", signals=rise, hold=5),
    Rule(name="below the average of 50", signals=below_average, hold=1, renewed=True),
    Rule(name="gap down of 1 sd, 5 sessions", signals=gap_down, hold=5),
)


@dataclass(kw_only=True)
class Cell:
    """What happened in the draws of one null and one rule; rates as shares."""

    draws: int = 0
    trades: int = 0
    clusters: int = 0
    higher: int = 0
    lower: int = 0
    covered: int = 0
    found: int = 0
    rotated: int = 0
    rotation: int = 0

    def row(self, name: str) -> str:
        """A line of the table."""
        shares = [100 * count / self.draws for count in (self.higher, self.lower, self.covered, self.found)]
        shares.append(100 * self.rotation / max(self.rotated, 1))
        sizes = (f"{self.draws}", f"{self.trades / self.draws:.0f}", f"{self.clusters / self.draws:.0f}")
        return "| " + " | ".join((name, *sizes, *(f"{share:.1f}" for share in shares))) + " |"


HEADING = (
    "| rule | draws | trades | apart | higher | lower | covers 0 | power | rotation, higher |",
    "|---|---|---|---|---|---|---|---|---|",
)


def outcomes_of_rule(rule: Rule, night: Floats, day: Floats, path: SessionReturns) -> TradeOutcomes:
    """What a rule makes of nights and days of shape (sessions, series), each series bought at its next open."""
    returns = (1 + night) * (1 + day) - 1
    close = np.cumprod(1 + returns, axis=0)
    opened, hold = close / (1 + day), rule.hold
    columns = (Series(returns=returns[:, k], gap=night[:, k], close=close[:, k]) for k in range(close.shape[1]))
    flags = np.column_stack([rule.signals(series) for series in columns])
    flags[:1] = False
    earned, leave = np.full(close.shape, np.nan), opened if rule.renewed else close
    earned[: len(close) - 1 - hold] = leave[1 + hold :] / opened[1 : len(close) - hold] - 1
    sessions = _sessions(len(close))
    weights = pd.DataFrame(np.where(flags, 1.0, np.nan), index=sessions)
    decisions = TradeDecisions(weights=weights, hold=hold, leave="open" if rule.renewed else "close", renewed=rule.renewed)
    return TradeOutcomes(flags=flags, returns=earned, sessions=sessions, path=path, decisions=decisions)


def _sessions(count: int) -> pd.DatetimeIndex:
    return calendar.between("2000-01-03", "2024-12-31")[:count]


MOST_BATCHES = 6
"""Times that the draws are repeated for a rule that often lacks the clusters of signals."""


def measure_rules(
    null: Callable[[np.random.Generator, int], Market], draws: int, rules: tuple[Rule, ...] = RULES
) -> dict[str, Cell]:
    """Size, coverage and power of the test of rules, and the size of rotation, under one null."""
    cells = {rule.name: Cell() for rule in rules}
    for batch in range(MOST_BATCHES):
        lacking = [rule for rule in rules if cells[rule.name].draws < draws * 0.9]
        nights, days = null(np.random.default_rng(SEED + batch), draws) if lacking else (np.empty(0), np.empty(0))
        for night, day in _draws(nights, days) if lacking else ():
            path = session_returns(night, day)
            for rule in lacking:
                _count(cells[rule.name], outcomes_of_rule(rule, night, day, path))
    return cells


def _draws(nights: Floats, days: Floats) -> Iterator[Market]:
    """Night and day of each draw, of shape (sessions, series)."""
    for night, day in zip(nights, days, strict=True):
        yield (night, day) if night.ndim > 1 else (night[:, None], day[:, None])


def _count(cell: Cell, outcomes: TradeOutcomes) -> None:
    held = outcomes.held
    if not held.trades:
        return
    test = calendar_time_test(held, outcomes.path)
    if not test.has_test:
        return
    low, high = test.interval()
    variances = [
        float(np.nanmean((values / outcomes.path.deviation) ** 2)) for values in (outcomes.path.night, outcomes.path.day)
    ]
    part = variances[0] / sum(variances)
    size = test.detectable() * held.trades / (part * held.night.sum() + (1 - part) * held.day.sum())
    moved = SessionReturns(
        night=outcomes.path.night + part * size * held.night,
        day=outcomes.path.day + (1 - part) * size * held.day,
        deviation=outcomes.path.deviation,
    )
    cell.draws += 1
    cell.trades += test.trades
    cell.clusters += test.clusters
    cell.higher += test.p_value("higher") <= SIZE
    cell.lower += test.p_value("lower") <= SIZE
    cell.covered += low <= 0 <= high
    cell.found += calendar_time_test(held, moved).p_value("higher") <= SIZE
    if cell.draws % ROTATION_EVERY == 0:
        cell.rotated += 1
        cell.rotation += rotation_placebo(outcomes.flags, outcomes.returns).p_value <= SIZE


HOLDS = (1, 5, 20)
EVENTS = 20
"""Dates of a draw that are taken for the event."""


def measure_events(null: Callable[[np.random.Generator, int], Market], draws: int) -> dict[str, list[float]]:
    """Share of p-values of at most 5 %, higher and lower, of the test of one event: on random dates and after wide gaps."""
    nights, days = null(np.random.default_rng(SEED), draws)
    rng, counts = (
        np.random.default_rng(SEED),
        {f"{kind}, {hold} sessions": [0, 0, 0] for kind in ("any", "wide gap") for hold in HOLDS},
    )
    for night, day in zip(nights, days, strict=True):
        returns = (1 + night) * (1 + day) - 1
        close = np.cumprod(1 + returns)
        opened, gap = close / (1 + day), np.append(np.abs(night[1:]), 0.0)
        wide = np.flatnonzero(gap >= np.quantile(gap, 0.97))
        for hold in HOLDS:
            earned = np.full(len(close), np.nan)
            earned[: len(close) - 1 - hold] = close[1 + hold :] / opened[1 : len(close) - hold] - 1
            sizes = expected_size(earned - np.nanmean(earned), returns, gap)
            for kind, dates in (("any", np.arange(60, len(close))), ("wide gap", wide[wide > 60])):
                dates = dates[~np.isnan(earned[dates])]
                for date in rng.choice(dates, min(EVENTS, len(dates)), replace=False):
                    placebo = scaled_dates_placebo(earned, sizes, int(date), hold + 10)
                    count = counts[f"{kind}, {hold} sessions"]
                    count[0] += 1
                    count[1] += placebo.p_value <= SIZE
                    count[2] += placebo.opposite.p_value <= SIZE
    return {name: [100 * higher / dates, 100 * lower / dates] for name, (dates, higher, lower) in counts.items()}


HOLD, STEPS = 20, (0, 5, 10)


def thirds_less_at_once(returns: Floats, night: Floats, day: Floats) -> tuple[Floats, int, NDArray[np.int_]]:
    """The returns by session of dips of two deviations bought in thirds less those bought at once, the dips and their rows."""
    exposure, dips = np.zeros((2, 2, len(returns))), []  # of night and day, by account
    for account, steps in enumerate((STEPS, (0,))):
        free = 0
        for row in np.flatnonzero(returns <= -2 * returns.std()):
            last = row + 1 + steps[-1] + HOLD
            if row < free or last >= len(returns):
                continue
            for step in steps:
                exposure[account, 1, row + 1 + step : last + 1] += 1 / len(steps)
                exposure[account, 0, row + 2 + step : last + 1] += 1 / len(steps)
            free = last
            dips += [int(row)] if len(steps) == 1 else []
    difference = exposure[0] - exposure[1]
    return difference[0] * night + difference[1] * day, len(dips), np.array(dips, dtype=int)


def measure_others(null: Callable[[np.random.Generator, int], Market], draws: int) -> dict[str, list[float]]:
    """Draws, share of p-values of at most 5 %, higher and lower, and of intervals that hold 0, of the two other tests.

    ``paired``: a dip bought in thirds less the same dip bought at once, session by session. ``mean``: a trade in every fifth
    session against nothing.
    """
    nights, days = null(np.random.default_rng(SEED), draws)
    counts = {"paired": np.zeros(4), "mean": np.zeros(4)}
    for night, day in zip(nights, days, strict=True):
        returns = (1 + night) * (1 + day) - 1
        _tally(counts["mean"], weekly_mean_estimate(returns[::5], "all"))
        made, dips, rows = thirds_less_at_once(returns, night, day)
        if dips and (test := mean_session_test(made, dips, rows)).has_test:
            _tally(counts["paired"], estimate_from_sessions(test, "", 0, "all"))
    return {name: [total[0], *(100 * total[1:] / max(total[0], 1))] for name, total in counts.items()}


FAMILY = tuple(rule for rule in RULES if not rule.renewed)


def measure_families(null: Callable[[np.random.Generator, int], Market], draws: int) -> tuple[int, float, float]:
    """Draws, and the shares of them, in per cent, in which a family of rules has any p-value of at most 5 % after correction.

    By the step-down maximum over correlated rules, and by Holm. Each rule is asked whether it makes more.
    """
    nights, days = null(np.random.default_rng(SEED), draws)
    total = np.zeros(3)
    for night, day in _draws(nights, days):
        path = session_returns(night, day)
        found = [outcomes_of_rule(rule, night, day, path) for rule in FAMILY]
        tests = [calendar_time_test(one.held, one.path) for one in found if one.executed.any()]
        p_values = [test.p_value("higher") for test in tests]
        if not np.isnan(p_values).all():
            alike = correlation_of([pd.Series(test.scores) for test in tests], centred=False)
            total += [1, np.nanmin(stepdown(p_values, alike, SEED)) <= SIZE, np.nanmin(holm(p_values)) <= SIZE]
    return int(total[0]), *(100 * total[1:] / max(total[0], 1))


def _tally(total: Floats, found: Estimate) -> None:
    total += [1, found.p_value <= SIZE, found.opposite <= SIZE, found.low <= 0 <= found.high]


def report(rounds: int) -> Iterator[str]:
    """The tables, with fewer draws for fewer rounds than 7."""
    draws = DRAWS if rounds >= 7 else DRAWS * rounds // 10
    for name, null in NULLS.items():
        yield f"\n### {name[0].upper()}{name[1:]}\n"
        yield from HEADING
        rules = tuple(
            rule for rule in RULES if not ("whole days" in name and rule.signals is gap_down)
        )  # gaps tell the day there
        yield from (cell.row(rule) for rule, cell in measure_rules(null, draws, rules).items() if cell.draws >= draws // 2)
    single = {name: null for name, null in NULLS.items() if "series" not in name}
    yield "\n### One event\n"
    yield from ("| null | date and holding time | higher | lower |", "|---|---|---|---|")
    for name, null in single.items():
        for kind, (higher, lower) in measure_events(null, draws // 5).items():
            yield f"| {name} | {kind} | {higher:.1f} | {lower:.1f} |"
    yield "\n### A family of ten rules\n"
    yield from ("| null | draws | any by the step-down maximum | any by Holm |", "|---|---|---|---|")
    for name, null in single.items():
        count, step, holms = measure_families(null, draws // 2)
        yield f"| {name} | {count} | {step:.1f} | {holms:.1f} |"
    yield "\n### Paired strategies and a mean against nothing\n"
    yield from ("| null | test | draws | higher | lower | covers 0 |", "|---|---|---|---|---|---|")
    for name, null in single.items():
        for test, (count, higher, lower, covered) in measure_others(null, draws).items():
            if test == "mean" and "trend" in name:  # a trend is a mean that is not 0
                continue
            yield f"| {name} | {test} | {count:.0f} | {higher:.1f} | {lower:.1f} | {covered:.1f} |"
