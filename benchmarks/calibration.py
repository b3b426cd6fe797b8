"""Calibration: size, coverage and power of every test that gives a verdict, where nothing can be predicted.

``python -m benchmarks calibration`` prints the tables of ``docs/calibration.md``, and ``--write`` puts them into the page. A draw
counts for a rule where it has the data that the test asks for. Each cell has 1,000 counted draws. A cell in which a rate misses
its goal is drawn anew with another seed and 4,000 counted draws, and the second figures stand.
"""

import functools
import itertools
import operator
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.document import write_sections
from benchmarks.nulls import NULLS, Floats, Market
from benchmarks.rules import RULES, Rule, gap_down, outcomes_of_rule, past_deviation, with_effect
from dipfolio.evidence.calendar_time import calendar_time_test, mean_session_test, session_returns
from dipfolio.evidence.estimates import Estimate, estimate_from_sessions, weekly_mean_estimate
from dipfolio.evidence.multiple_testing import correlation_of, stepdown
from dipfolio.evidence.placebo import TIE_TOLERANCE, scaled_dates_placebo
from dipfolio.evidence.trade_outcomes import TradeOutcomes
from dipfolio.evidence.volatility import expected_size

PAGE = Path(__file__).parents[1] / "docs" / "calibration.md"
DRAWS = 1_000
"""Counted draws of a cell."""
AGAIN = 4
"""Times as many in a cell that is drawn anew."""
SEED, SECOND_SEED = 20250127, 31415926
SIZE = 0.05
MIN_SHARE = 0.25
"""A rule is left out of a market where fewer of the draws have what the test asks for."""

GOALS = {"higher": (0.0, 6.5), "lower": (0.0, 6.5), "covered": (93.0, 97.0), "found": (77.0, 83.0), "any": (0.0, 6.5)}
"""Per cent between which a rate should lie."""

Names = Collection[str]
Null = Callable[[np.random.Generator, int], Market]


@dataclass(kw_only=True)
class Cell:
    """What happened in the draws of one null and one test.

    Attributes
    ----------
    drawn, draws : int
        Draws, and those of them that count.
    sums : Counter
        Counts, and sums of sizes, over the draws that count.
    again : bool
        Whether the first draws missed a goal and these are the second.
    """

    drawn: int = 0
    draws: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    again: bool = False

    def add(self, **values: float) -> None:
        """One more draw that counts."""
        self.draws += 1
        self.sums.update({name: int(value) for name, value in values.items()})

    def mean(self, name: str) -> float:
        """Of a sum, by draw."""
        return self.sums[name] / max(self.draws, 1)

    def rate(self, name: str) -> float:
        """Per cent of the draws."""
        return 100 * self.sums[name] / max(self.draws, 1)

    @property
    def missed(self) -> list[str]:
        """The rates that miss their goals."""
        return [name for name, (low, high) in GOALS.items() if name in self.sums and not low <= self.rate(name) <= high]

    @property
    def mark(self) -> str:
        """A star on the draws of a cell that was drawn anew."""
        return f"{self.draws:,}{' *' if self.again else ''}"


Cells = dict[str, Cell]
Table = dict[tuple[str, str], Cell]
"""By null and by rule or test."""


def settled(measure: Callable[..., Cells], draws: int) -> Cells:
    """The cells of a first measurement, and in the place of those that miss a goal those of a second with four times the draws.

    Parameters
    ----------
    measure : callable
        Takes ``draws``, ``seed`` and ``only``, the names of the cells that are wanted, or none for all.
    draws : int
        Counted draws of the first measurement.
    """
    cells = measure(draws=draws, seed=SEED)
    outside = [name for name, cell in cells.items() if cell.draws >= draws and cell.missed]
    if outside:
        second = measure(draws=draws * AGAIN, seed=SECOND_SEED, only=outside)
        cells.update({name: replace(cell, again=True) for name, cell in second.items()})
    return cells


def measure_rules(null: Null, draws: int, rules: tuple[Rule, ...] = RULES, seed: int = SEED, only: Names = ()) -> Cells:
    """Size, coverage and power of the test of rules, and the size of rotation, under one null.

    Each cell has so many counted draws, or fewer where the rule rarely has what the test asks for.
    """
    by_name = {rule.name: rule for rule in rules}

    def count(cells: Cells, night: Floats, day: Floats) -> None:
        """One draw."""
        path = session_returns(night, day)
        for name, cell in cells.items():
            _count(cell, outcomes_of_rule(by_name[name], night, day, path))

    return _filled(_empty(by_name, only), null, draws, seed, count)


def _empty(names: Iterable[str], only: Names) -> Cells:
    return {name: Cell() for name in names if not only or name in only}


def _filled(cells: Cells, null: Null, draws: int, seed: int, count: Callable[[Cells, Floats, Floats], None]) -> Cells:
    """Draw from a null until every cell has so many counted draws; a cell that few of them count for is given up."""
    for batch in itertools.count():
        if not any(_lacks(cell, draws) for cell in cells.values()):
            break
        lacking = {name: cell for name, cell in cells.items() if _lacks(cell, draws)}
        for night, day in _draws(*null(np.random.default_rng(seed + batch), min(draws, DRAWS))):
            wanted = {name: cell for name, cell in lacking.items() if cell.draws < draws}
            if not wanted:
                break
            for cell in wanted.values():
                cell.drawn += 1
            count(wanted, night, day)
    return cells


def _lacks(cell: Cell, draws: int) -> bool:
    """Whether a cell needs more draws, and can get them."""
    return cell.draws < draws and cell.draws >= MIN_SHARE * cell.drawn


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
    moved = with_effect(held, outcomes.path, test.detectable())
    cell.add(
        trades=test.trades, clusters=test.clusters, higher=test.p_value("higher") <= SIZE,
        lower=test.p_value("lower") <= SIZE, covered=low <= 0 <= high,
        found=calendar_time_test(held, moved).p_value("higher") <= SIZE,
        rotation=rotation_p_value(outcomes.flags, outcomes.returns) <= SIZE,
    )  # fmt: skip


def rotation_p_value(flags: NDArray[np.bool_], outcomes: Floats) -> float:
    """The p-value of :func:`dipfolio.evidence.placebo.rotation_placebo`, with the sums of all shifts by Fourier's transform."""
    whole = ~np.isnan(outcomes).any(axis=1)
    kept, values = flags[whole], outcomes[whole]
    spectrum = (np.fft.rfft(values, axis=0) * np.conj(np.fft.rfft(kept, axis=0))).sum(axis=1)
    means = np.fft.irfft(spectrum, len(values)) / kept.sum()
    return float((1 + (means[1:] >= means[0] - TIE_TOLERANCE).sum()) / len(values))


HOLDS = (1, 5, 20)
EVENTS = 5
"""Dates of a draw that are taken for the event."""


def measure_events(null: Null, draws: int, seed: int = SEED, only: Names = ()) -> Cells:
    """Size of the test of one event on some dates of each draw: random ones, and mornings after wide gaps. Dates are counted."""
    rng = np.random.default_rng(seed)
    names = [f"{kind}, {hold} session{'s' * (hold > 1)}" for hold in HOLDS for kind in ("any", "wide gap")]

    def count(wanted: Cells, night: Floats, day: Floats) -> None:
        """One draw."""
        night, day = night[:, 0], day[:, 0]
        returns, gap = (1 + night) * (1 + day) - 1, np.append(np.abs(night[1:]), 0.0)
        wide = np.flatnonzero(gap >= np.quantile(gap, 0.97))
        for hold in HOLDS:
            earned = _bought(returns, day, hold)
            sizes = expected_size(earned - np.nanmean(earned), returns, gap)
            for name, cell in wanted.items():
                if f", {hold} " in name:
                    dates = np.arange(60, len(returns)) if name.startswith("any") else wide[wide > 60]
                    _count_events(cell, rng.choice(dates[~np.isnan(earned[dates])], EVENTS, replace=False), earned, sizes, hold)

    return _filled(_empty(names, only), null, draws * EVENTS, seed, count)


def _count_events(cell: Cell, dates: NDArray[np.int_], earned: Floats, sizes: Floats, hold: int) -> None:
    for date in dates:
        placebo = scaled_dates_placebo(earned, sizes, int(date), hold + 10)
        cell.add(higher=placebo.p_value <= SIZE, lower=placebo.opposite.p_value <= SIZE)


def _bought(returns: Floats, day: Floats, hold: int) -> Floats:
    """What a purchase at the next open makes up to a close so many sessions later, shape (sessions,)."""
    close, earned = np.cumprod(1 + returns), np.full(len(returns), np.nan)
    earned[: len(close) - 1 - hold] = close[1 + hold :] / (close / (1 + day))[1 : len(close) - hold] - 1
    return earned


HOLD, STEPS = 20, (0, 5, 10)


def thirds_less_at_once(returns: Floats, night: Floats, day: Floats) -> tuple[Floats, int, NDArray[np.int_]]:
    """The returns by session of dips of two deviations bought in thirds less those bought at once, the dips and their rows."""
    exposure, dips = np.zeros((2, 2, len(returns))), []  # of night and day, by account
    for account, steps in enumerate((STEPS, (0,))):
        free = 0
        for row in np.flatnonzero(returns <= -2 * past_deviation(returns)):
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


def measure_others(null: Null, draws: int, seed: int = SEED, only: Names = ()) -> Cells:
    """Size and coverage of the two other tests.

    ``paired``: a dip bought in thirds less the same dip bought at once, session by session. ``mean``: a trade in every fifth
    session against nothing.
    """

    def count(wanted: Cells, night: Floats, day: Floats) -> None:
        """One draw."""
        night, day = night[:, 0], day[:, 0]
        for name, cell in wanted.items():
            found = OTHERS[name](night, day)
            if found is not None:
                cell.add(higher=found.p_value <= SIZE, lower=found.opposite <= SIZE, covered=found.low <= 0 <= found.high)

    return _filled(_empty(OTHERS, only), null, draws, seed, count)


def _paired(night: Floats, day: Floats) -> Estimate | None:
    made, dips, rows = thirds_less_at_once((1 + night) * (1 + day) - 1, night, day)
    test = mean_session_test(made, dips, rows) if dips else None
    return estimate_from_sessions(test, "", 0, "all") if test and test.has_test else None


def _mean(night: Floats, day: Floats) -> Estimate:
    return weekly_mean_estimate(((1 + night) * (1 + day) - 1)[::5], "all")


OTHERS: dict[str, Callable[[Floats, Floats], Estimate | None]] = {"paired": _paired, "mean": _mean}


FAMILY = tuple(rule for rule in RULES if not rule.renewed)


def measure_families(null: Null, draws: int, seed: int = SEED, only: Names = ()) -> Cells:
    """How often a family of rules has any p-value of at most 5 % after correction, where each claims that it makes more.

    ``any`` is by the step-down maximum over correlated rules, ``holm`` by Holm.
    """

    def count(wanted: Cells, night: Floats, day: Floats) -> None:
        """One draw."""
        path = session_returns(night, day)
        found = [outcomes_of_rule(rule, night, day, path) for rule in FAMILY]
        tests = [calendar_time_test(one.held, one.path) for one in found if one.executed.any()]
        p_values = [test.p_value("higher") for test in tests]
        if np.isnan(p_values).all():
            return
        least, asked = np.nanmin(p_values), np.count_nonzero(~np.isnan(p_values))
        corrected = 1.0
        if least <= SIZE:  # a corrected p-value is never smaller
            alike = correlation_of([pd.Series(test.scores) for test in tests], centred=False)
            corrected = np.nanmin(stepdown(p_values, alike, SEED))
        wanted["family"].add(any=corrected <= SIZE, holm=least * asked <= SIZE)

    return _filled(_empty(("family",), only), null, draws, seed, count)


SECTIONS: dict[str, tuple[Callable[..., Cells], tuple[str, ...]]] = {
    "One event": (measure_events, ("higher", "lower")),
    "A family of ten rules": (measure_families, ("any", "holm")),
    "Paired strategies and a mean against nothing": (measure_others, ("higher", "lower", "covered")),
}
"""The tests beside those of rules, by the heading of their table: what measures them, and the rates that are shown."""

WIDTH = 130
"""Characters of a line of the page."""

WORDS = {"covered": "covers 0", "found": "power", "any": "any by the step-down maximum", "holm": "any by Holm"}


def report(rounds: int) -> Iterator[str]:
    """The tables, with fewer draws for fewer rounds than 7."""
    draws = DRAWS if rounds >= 7 else DRAWS * rounds // 10
    rules: Table = {}
    for name, null in NULLS.items():
        cells = settled(functools.partial(measure_rules, null, rules=_rules_for(name)), draws)
        rules |= {(name, rule): cell for rule, cell in cells.items() if cell.draws >= draws}
        yield from ("", f"### {name[0].upper()}{name[1:]}", "", *rule_table(cells, draws))
    others: dict[str, Table] = {}
    for heading, (measure, rates) in SECTIONS.items():
        others[heading] = {
            (name, kind): cell
            for name, null in NULLS.items()
            if "series" not in name
            for kind, cell in settled(functools.partial(measure, null), draws).items()
            if not (kind == "mean" and "trend" in name)  # a trend is a mean that is not 0
        }
        yield from ("", f"### {heading}", "", *other_table(others[heading], rates))
    yield from ("", "## In short", "", *summary(rules, others))


def _rules_for(null: str) -> tuple[Rule, ...]:
    """All rules; where days are flipped whole, an open that is known tells the day, so the rule of gaps is left out."""
    return tuple(rule for rule in RULES if not ("whole days" in null and rule.signals is gap_down))


def rule_table(cells: Cells, draws: int) -> Iterator[str]:
    """The table of one null, and what it leaves out."""
    yield "| rule | draws | enough, % | trades | apart | higher | lower | covers 0 | power | rotation, higher |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name, cell in cells.items():
        if cell.draws >= draws:
            rates = (f"{cell.rate(rate):.1f}" for rate in ("higher", "lower", "covered", "found", "rotation"))
            sizes = (f"{100 * cell.draws / cell.drawn:.0f}", f"{cell.mean('trades'):.0f}", f"{cell.mean('clusters'):.0f}")
            yield row(name, cell.mark, *sizes, *rates)
    left_out = [f"{name} ({100 * cell.draws / cell.drawn:.0f} %)" for name, cell in cells.items() if cell.draws < draws]
    if left_out:
        yield from ("", f"Left out, with the draws that are enough: {', '.join(left_out)}.")


def other_table(table: Table, rates: tuple[str, ...]) -> Iterator[str]:
    """The table of a test beside that of rules."""
    yield row("null", "test", "draws", *(WORDS.get(rate, rate) for rate in rates))
    yield "|---" * (3 + len(rates)) + "|"
    for (null, kind), cell in table.items():
        yield row(null, kind, cell.mark, *(f"{cell.rate(rate):.1f}" for rate in rates))


def row(*cells: str) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def summary(rules: Table, others: dict[str, Table]) -> Iterator[str]:
    """The goals and what was measured, and how many cells were drawn anew."""
    yield from (row("what", "cells", "goal", "measured"), "|---|---|---|---|")
    for rate, what in (
        ("higher", 'rules: false "higher" at 5 %'), ("lower", 'rules: false "lower" at 5 %'),
        ("covered", "rules: 95 % intervals that cover 0"), ("found", 'rules: power at the effect that "could be found"'),
        ("rotation", 'rank among rotations, which gives no verdict: false "higher"'),
    ):  # fmt: skip
        yield row(what, f"{len(rules)}", _goal(rate), _spread([cell.rate(rate) for cell in rules.values()]))
    for heading, cells in others.items():
        for rate in SECTIONS[heading][1]:
            what = f"{heading[0].lower()}{heading[1:]}: {SUMMED.get(rate, WORDS.get(rate, rate))}"
            yield row(what, f"{len(cells)}", _goal(rate), _spread([cell.rate(rate) for cell in cells.values()]))
    every = functools.reduce(operator.or_, others.values(), rules)
    yield from ("", textwrap.fill(_redrawn(every), WIDTH))


def _redrawn(cells: Table) -> str:
    """How many cells missed a goal, and which of them did so twice."""
    again = {key: cell for key, cell in cells.items() if cell.again}
    chance = "where the standard error of a rate of 5 % is 0.7 points and that of a power of 80 % is 1.3"
    if not again:
        return f"None of the {len(cells)} cells missed a goal in {DRAWS:,} draws, {chance}."
    twice = [
        f"{name} in the market {null!r} ({WORDS.get(rate, rate)} {cell.rate(rate):.1f} %)"
        for (null, name), cell in again.items()
        for rate in cell.missed
    ]
    return (
        f"{len(again)} of the {len(cells)} cells missed a goal in their first {DRAWS:,} draws, {chance}. They were drawn anew "
        f"with another seed and {AGAIN} times the draws. The tables have the second figures, marked with a star. "
        + (f"A goal is missed in those too by: {'; '.join(twice)}." if twice else "None of them misses a goal in those.")
    )


SUMMED = {"higher": 'false "higher" at 5 %', "lower": 'false "lower" at 5 %', "covered": "95 % intervals that cover 0"}


def _goal(rate: str) -> str:
    low, high = GOALS.get(rate, (0.0, 0.0))
    return "" if not high else f"{low:.0f} to {high:.0f} %" if low else f"at most {high:.1f} %"


def _spread(rates: list[float]) -> str:
    return f"{min(rates):.1f} to {max(rates):.1f} %, mean {sum(rates) / len(rates):.1f} %"


def write(lines: Iterable[str]) -> None:
    """Put the sections of these lines into the page."""
    write_sections(PAGE, lines)
