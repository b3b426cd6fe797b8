"""Rule tests: the tests of rules that were compared, each on the same draws, before one of them was chosen.

``python -m benchmarks rule_tests`` prints the table of ``docs/calibration.md``; with ``--write`` it also puts it into the page.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.document import write_sections
from benchmarks.nulls import NULLS, Floats
from benchmarks.rules import RULES, Rule, outcomes_of_rule, past_deviation, trade_returns, with_effect
from dipfolio.evidence.calendar_time import HoldingTimes, SessionReturns, calendar_time_test, session_returns
from dipfolio.evidence.placebo import rotation_placebo
from dipfolio.evidence.trade_outcomes import TradeOutcomes
from dipfolio.evidence.volatility import moving_deviation

PAGE = Path(__file__).parents[1] / "docs" / "calibration.md"
DRAWS, SEED, SIZE = 1_000, 20250127, 0.05
RESAMPLES = 399
"""Of a test that draws at random."""
MARKETS = {"flipped": "real volatility, signs flipped", "GARCH": "GARCH(1,1)", "independent": "independent sessions"}
RULE = next(rule for rule in RULES if rule.name == "fall of 2 sd, 5 sessions")
EFFECT = 0.9
"""Of a trade, in standard deviations of a session, for the power."""
GROUP_GAP = 20
"""Sessions; signals within so many of the first of a group belong to it."""
VOLATILITY_HALF_LIFE = 10
STRATUM_SESSIONS = 10


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One draw as the tests see it, of one series.

    Attributes
    ----------
    flags : array of bool, shape (sessions,)
        Decisions whose trade ends within the draw.
    outcomes : array of shape (sessions,)
        What a trade decided in each session makes; NaN where it does not end.
    returns : array of shape (sessions,)
    held : HoldingTimes
    path : SessionReturns
    seed : int
        Of what a test draws at random.
    """

    flags: NDArray[np.bool_]
    outcomes: Floats
    returns: Floats
    held: HoldingTimes
    path: SessionReturns
    seed: int


PValues = tuple[float, float]
"""One-sided, higher and lower."""


def rotations(sample: Sample) -> PValues:
    """The mean outcome of the signals among those of all circular shifts of the signals."""
    placebo = rotation_placebo(sample.flags, sample.outcomes)
    return placebo.p_value, placebo.opposite.p_value


def scaled(sample: Sample) -> Floats:
    """Outcomes less their mean, divided by the volatility known on the close of the decision, shape (sessions,)."""
    centred = sample.outcomes - np.nanmean(sample.outcomes)
    return np.asarray(centred / moving_deviation(sample.returns - sample.returns.mean(), VOLATILITY_HALF_LIFE))


def scaled_rotations(sample: Sample) -> PValues:
    """The same of outcomes divided by the volatility before them."""
    return rotations(replace(sample, outcomes=scaled(sample)))


def groups(rows: NDArray[np.int_]) -> NDArray[np.int_]:
    """The number of the group of each row; a group begins more than :data:`GROUP_GAP` after the first row of the last."""
    numbers, number, first = [], -1, -GROUP_GAP - 1
    for row in rows:
        if row - first > GROUP_GAP:
            number, first = number + 1, int(row)
        numbers.append(number)
    return np.array(numbers)


def studentised_rotations(sample: Sample) -> PValues:
    """The scaled outcomes, and each shift divided by its own error: the root of the sum of squares over groups of signals."""
    values = scaled(sample)[~np.isnan(sample.outcomes)]
    rows = np.flatnonzero(sample.flags[~np.isnan(sample.outcomes)])
    landed = values[(rows[:, None] + np.arange(len(values))) % len(values)] - values.mean()
    sums = np.add.reduceat(landed, np.unique(groups(rows), return_index=True)[1], axis=0)
    t = sums.sum(axis=0) / np.sqrt((sums**2).sum(axis=0))
    return _ranked(t[0], t[1:])


def _ranked(observed: float, draws: Floats) -> PValues:
    """One-sided p-values of an observation among draws, itself counted."""
    count = 1 + len(draws)
    return float((1 + (draws >= observed).sum()) / count), float((1 + (draws <= observed).sum()) / count)


def group_means(sample: Sample) -> PValues:
    """Student's t of the mean outcomes of groups of signals, less the mean of all dates."""
    from scipy import stats

    rows = np.flatnonzero(sample.flags)
    sums = np.bincount(groups(rows), weights=sample.outcomes[rows] - np.nanmean(sample.outcomes))
    higher = float(stats.ttest_1samp(sums / np.bincount(groups(rows)), 0.0, alternative="greater").pvalue)
    return higher, 1 - higher


def stratified_rotations(sample: Sample) -> PValues:
    """The signals of each third of the sessions by their volatility are shifted within that third."""
    known = ~np.isnan(sample.outcomes)
    flags, outcomes, rng = sample.flags[known], sample.outcomes[known], np.random.default_rng(sample.seed)
    volatility = _rolling_deviation(sample.returns)[known]
    strata = np.searchsorted(np.quantile(volatility, [1 / 3, 2 / 3]), volatility)
    total = np.zeros(RESAMPLES)
    for stratum in range(3):
        values, signals = outcomes[strata == stratum], np.flatnonzero(flags[strata == stratum])
        shifts = rng.integers(0, len(values), RESAMPLES)
        total += values[(signals[:, None] + shifts) % len(values)].sum(axis=0)
    return _ranked(float(outcomes[flags].sum()), total)


def _rolling_deviation(returns: Floats) -> Floats:
    """Root of the mean square of the last sessions up to each, of those that there are, shape (sessions,)."""
    sums = np.concatenate([np.zeros(STRATUM_SESSIONS), np.cumsum(returns**2)])
    counts = np.minimum(np.arange(1, len(returns) + 1), STRATUM_SESSIONS)
    return np.sqrt((sums[STRATUM_SESSIONS:] - sums[:-STRATUM_SESSIONS]) / counts)


def wild_bootstrap(sessions: int) -> Callable[[Sample], PValues]:
    """The dependent wild bootstrap (Shao, 2010, J. Am. Stat. Ass. 105) of the slope of the outcome on the signal.

    The residuals without an effect are multiplied by normal values whose correlation falls in a line to 0 over ``sessions``.
    """

    def test(sample: Sample) -> PValues:
        known = ~np.isnan(sample.outcomes)
        signal = sample.flags[known] - sample.flags[known].mean()
        products = signal * (sample.outcomes[known] - sample.outcomes[known].mean())
        slopes = multipliers(len(products), sessions, sample.seed) @ products
        return _ranked(float(products.sum()), slopes)

    return test


@functools.lru_cache(maxsize=2)
def multipliers(count: int, sessions: int, seed: int) -> Floats:
    """Normal values with variance 1 and correlations ``1 - lag / sessions``, shape (resamples, count)."""
    sums = np.cumsum(np.random.default_rng(seed).standard_normal((RESAMPLES, count + sessions)), axis=1)
    return np.asarray((sums[:, sessions:] - sums[:, :-sessions]) / np.sqrt(sessions))


def calendar_time(*, weighted: bool) -> Callable[[Sample], PValues]:
    """The calendar-time test, each session weighted by the inverse of its expected variance, or all alike."""

    def test(sample: Sample) -> PValues:
        found = calendar_time_test(sample.held, sample.path if weighted else _unweighted(sample.path))
        return found.p_value("higher"), found.p_value("lower")

    return test


def _unweighted(path: SessionReturns) -> SessionReturns:
    return replace(path, deviation=np.where(np.isnan(path.deviation), np.nan, 1.0))


FIXED_B = (1.6449, 2.1859, 0.3142, -0.3427)
"""The 95 % quantile of the limit of t with Bartlett's kernel and a bandwidth of the share b of the sample, as a polynomial of b:
Kiefer and Vogelsang (2005, Econometric Theory 21), table 1."""


def fixed_b_critical_value(share: float) -> float:
    """Critical value of a one-sided test at 5 % with a bandwidth of this share of the sample, above 0 up to 1."""
    return float(np.polynomial.polynomial.polyval(share, FIXED_B))


def bartlett_sum(scores: Floats, bandwidth: float) -> float:
    """``sum over i, j of max(0, 1 - |i - j| / bandwidth) s_i s_j``: the variance of the sum of scores, shape (sessions,)."""
    lags = np.arange(1, min(int(np.ceil(bandwidth)), len(scores)))
    products = [float(scores[lag:] @ scores[:-lag]) for lag in lags]
    return float(scores @ scores) + 2 * float(np.dot(1 - lags / bandwidth, products))


def fixed_b(share: float) -> Callable[[Sample], PValues]:
    """Calendar time with equal weights, HAC errors of this bandwidth, and fixed-b critical values: 0 is rejected, 1 is not."""

    def test(sample: Sample) -> PValues:
        found = calendar_time_test(sample.held, _unweighted(sample.path))
        scores = found.scores[~np.isnan(sample.path.deviation[:, 0])]
        error = found.error * np.sqrt(bartlett_sum(scores, share * len(scores)) / (scores @ scores))
        critical = fixed_b_critical_value(share)
        return float(found.effect / error < critical), float(found.effect / error > -critical)

    return test


TESTS: dict[str, Callable[[Sample], PValues]] = {
    "rank among rotations of the signals": rotations,
    "the same, outcomes divided by the volatility before them": scaled_rotations,
    "the same, each rotation with its own error": studentised_rotations,
    "rotations within thirds of volatility": stratified_rotations,
    "t of the means of groups of signals": group_means,
    "dependent wild bootstrap, 6 sessions": wild_bootstrap(6),
    "dependent wild bootstrap, 18 sessions": wild_bootstrap(18),
    "calendar time, HAC and fixed-b, bandwidth 2 % of the sessions": fixed_b(0.02),
    "calendar time, HAC and fixed-b, bandwidth 10 %": fixed_b(0.10),
    "calendar time, sessions of equal weight": calendar_time(weighted=False),
    "**calendar time, sessions weighted by expected variance**": calendar_time(weighted=True),
}


def sample_of(outcomes: TradeOutcomes, seed: int) -> Sample:
    """The sample of one series."""
    returns = (1 + outcomes.path.night[:, 0]) * (1 + outcomes.path.day[:, 0]) - 1
    flags = outcomes.flags[:, 0] & ~np.isnan(outcomes.returns[:, 0])
    return Sample(
        flags=flags, outcomes=outcomes.returns[:, 0], returns=returns, held=outcomes.held, path=outcomes.path, seed=seed
    )


def with_effect_in(sample: Sample, outcomes: TradeOutcomes, size: float) -> Sample:
    """The same signals in a market in which each trade makes ``size`` more, spread over its sessions."""
    path = with_effect(sample.held, sample.path, size)
    moved = trade_returns(outcomes.decisions, path.night, path.day)[:, 0]
    return replace(sample, path=path, outcomes=moved, returns=(1 + path.night[:, 0]) * (1 + path.day[:, 0]) - 1)


def measure(null: str, draws: int, rule: Rule = RULE) -> dict[str, Floats]:
    """Per cent of the draws of a null in which each test finds that the rule makes more, less, and an effect that is there."""
    nights, days = NULLS[null](np.random.default_rng(SEED), draws)
    counts, counted = {name: np.zeros(3) for name in TESTS}, 0
    for number, (night, day) in enumerate(zip(nights[..., None], days[..., None], strict=True)):
        path = session_returns(night, day)
        outcomes = outcomes_of_rule(rule, night, day, path)
        sample = sample_of(outcomes, SEED + number)
        if not sample.held.trades or not calendar_time_test(sample.held, path).has_test:
            continue
        counted += 1
        moved = with_effect_in(sample, outcomes, EFFECT * float(past_deviation(sample.returns)[-1]))
        for name, test in TESTS.items():
            counts[name] += np.array([*test(sample), test(moved)[0]]) <= SIZE
    return {name: 100 * count / max(counted, 1) for name, count in counts.items()}


def report(rounds: int) -> Iterator[str]:
    """The table, with fewer draws for fewer rounds than 7."""
    draws = DRAWS if rounds >= 7 else DRAWS * rounds // 10
    found = {market: measure(null, draws) for market, null in MARKETS.items()}
    yield from ("", "### The tests side by side", "")
    heads = [*(f"{market}: higher / lower" for market in MARKETS), *(f"power, {market}" for market in MARKETS)]
    yield f"| test | {' | '.join(heads)} |"
    yield "|---" * (1 + 2 * len(MARKETS)) + "|"
    for name in TESTS:
        sizes = (f"{found[market][name][0]:.1f} / {found[market][name][1]:.1f}" for market in MARKETS)
        powers = (f"{found[market][name][2]:.0f}" for market in MARKETS)
        yield f"| {name} | {' | '.join(sizes)} | {' | '.join(powers)} |"


def write(lines: Iterable[str]) -> None:
    """Put the table into the page."""
    write_sections(PAGE, lines)
