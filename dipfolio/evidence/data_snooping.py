"""Data snooping: what the best of many strategies is worth once the selection is taken into account.

It has Hansen's test of superior predictive ability (SPA), StepM of Romano and Wolf, and the probability of backtest
overfitting (PBO). The functions ``SPA`` and ``StepM`` of arch (8.0) do not divide by the standard errors, whatever
``studentize`` says. Here the mean of every strategy is divided by its own standard error, which decides between
strategies that are invested for 2 % and for 100 % of the time.
"""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.bootstrap import block_length
from dipfolio.evidence.placebo import SEED

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SPAResult(Displayable):
    """The test for superior predictive ability: the p-value of the best strategy against the benchmark.

    Hansen (2005), J. of Business and Economic Statistics 23.

    Attributes
    ----------
    t : array of shape (strategies,)
        ``sqrt(T) mean(d) / w`` of each.
    lower, consistent, upper : float
        p-values by how poor strategies are recentred; ``consistent`` is the one to use, ``upper`` is White's Reality Check.
    smallest : float
        The smallest that the resamples can give.
    block : int
        Mean block of the bootstrap, in sessions.
    """

    SHOWN = ("consistent", "lower", "upper", "smallest", "block", "t")

    t: Floats
    lower: float
    consistent: float
    upper: float
    smallest: float
    block: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StepMResult(Displayable):
    """Which strategies beat the benchmark, with all of them counted (Romano and Wolf, 2005, Econometrica 73).

    Attributes
    ----------
    t : array of shape (strategies,)
    better : array of bool, shape (strategies,)
        The chance that any of them is there wrongly is at most the size asked for.
    p_values : array of shape (strategies,)
        Adjusted for the family.
    smallest, block : float
        As in :class:`SPAResult`.
    """

    SHOWN = ("better", "smallest", "block", "p_values")

    t: Floats
    better: NDArray[np.bool_]
    p_values: Floats
    smallest: float
    block: int


def spa_test(excess: Floats, block: int | None = None, resamples: int = 2_000, seed: int = SEED) -> SPAResult:
    """Studentised SPA test.

    Parameters
    ----------
    excess : array of shape (sessions, strategies)
        Returns less those of a benchmark of like exposure; cash for the skill of timing.
    block : int, optional
        Mean block in sessions; :func:`dipfolio.evidence.bootstrap.block_length` if not given.
    resamples, seed : int

    Raises
    ------
    DataError
        A NaN, fewer than 20 sessions, or a strategy that always equals the benchmark, such as one that never trades.
    """
    block = block_length(excess) if block is None else block
    t, mean, error = _studentise(excess, block)
    root = math.sqrt(len(excess))
    drawn = resampled_means(excess, block, resamples, seed)
    best = max(float(t.max()), 0.0)

    def _p_value(centre: Floats) -> float:
        return float((1 + (np.maximum((root * (drawn - centre) / error).max(axis=1), 0.0) >= best).sum()) / (1 + resamples))

    hopeless = t < -math.sqrt(2 * math.log(math.log(len(excess))))
    return SPAResult(
        t=t, lower=_p_value(np.maximum(mean, 0.0)), consistent=_p_value(np.where(hopeless, 0.0, mean)), upper=_p_value(mean),
        smallest=1 / (1 + resamples), block=block,
    )  # fmt: skip


def stepm_test(
    excess: Floats, size: float = 0.05, block: int | None = None, resamples: int = 2_000, seed: int = SEED
) -> StepMResult:
    """Studentised StepM: which strategies are better, in as many steps as it takes.

    Parameters
    ----------
    excess : array of shape (sessions, strategies)
        As in :func:`spa_test`.
    size : float
        Probability of naming any strategy wrongly.
    block : int, optional
    resamples, seed : int

    Raises
    ------
    DataError
        As in :func:`spa_test`.
    """
    block = block_length(excess) if block is None else block
    t, mean, error = _studentise(excess, block)
    scores = math.sqrt(len(excess)) * (resampled_means(excess, block, resamples, seed) - mean) / error
    better = np.zeros(len(t), dtype=bool)
    while not better.all():
        rejected = ~better & (t > np.quantile(scores[:, ~better].max(axis=1), 1 - size))
        if not rejected.any():
            break
        better |= rejected
    order = np.argsort(-t, kind="stable")
    rest = np.maximum.accumulate(scores[:, order[::-1]], axis=1)[:, ::-1]
    stepwise = np.maximum.accumulate((1 + (rest >= t[order]).sum(axis=0)) / (1 + resamples))
    p_values = np.empty(len(t))
    p_values[order] = stepwise
    return StepMResult(t=t, better=better, p_values=p_values, smallest=1 / (1 + resamples), block=block)


def resampled_means(series: Floats, block: int, resamples: int, seed: int) -> Floats:
    """Means of stationary-bootstrap resamples of whole rows (Politis and Romano, 1994, J. Am. Stat. Assoc. 89).

    Shape (resamples, columns); the same seed gives the same rows whatever the columns are.
    """
    from arch.bootstrap import StationaryBootstrap

    bootstrap = StationaryBootstrap(block, np.arange(len(series)), seed=seed)
    means = np.empty((resamples, series.shape[1]))
    for number, (drawn, _) in enumerate(bootstrap.bootstrap(resamples)):
        means[number] = np.bincount(drawn[0], minlength=len(series)) @ series / len(series)
    return means


def long_run_variance(series: Floats, block: int) -> Floats:
    """Variance of ``sqrt(T) mean`` under the stationary bootstrap with this mean block, shape (columns,).

    ``c_0 + 2 sum_i k_i c_i`` with the autocovariances c and ``k_i = (1 - i/T)(1 - q)^i + (i/T)(1 - q)^(T - i)``, q = 1 / block.
    """
    count, q = len(series), 1 / block
    spectrum = np.fft.rfft(series - series.mean(axis=0), 2 * count, axis=0)
    covariances = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:count] / count
    lags = np.arange(1, count)
    weights = (1 - lags / count) * (1 - q) ** lags + lags / count * (1 - q) ** (count - lags)
    return np.asarray(covariances[0] + 2 * weights @ covariances[1:])


def _studentise(excess: Floats, block: int) -> tuple[Floats, Floats, Floats]:
    """Statistics t, means and standard errors of ``sqrt(T) mean``."""
    _check(excess)
    if block < 1:
        raise ParameterError(f"The mean block is at least 1 session, found {block}.")
    mean, error = excess.mean(axis=0), np.sqrt(long_run_variance(excess, block))
    return math.sqrt(len(excess)) * mean / error, mean, error


def _check(series: Floats) -> None:
    if series.ndim != 2 or len(series) < 20 or np.isnan(series).any():
        raise DataError(f"Needed are 20 or more sessions in rows and columns without a NaN, found shape {series.shape}.")
    still = np.flatnonzero(np.ptp(series, axis=0) == 0)
    if len(still):
        raise DataError(f"Column {still[0]} never changes, as with a strategy that never trades; leave it out.")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OverfittingResult(Displayable):
    """How often the best of one half of the time is below the middle in the other half.

    Attributes
    ----------
    probability : float
        PBO. It has no p-value: noise gives about one half, with a wide spread.
    loss : float
        Share of the halves in which the chosen strategy's score was below 0 out of sample.
    slope : float
        Of the score out of sample on that in sample, over the halves.
    logits : array of shape (halves,)
        ``ln(w / (1 - w))`` with ``w = rank / (strategies + 1)`` out of sample; at or below 0 counts as overfitted.
    """

    SHOWN = ("probability", "loss", "slope", "logits")

    probability: float
    loss: float
    slope: float
    logits: Floats


def probability_of_overfitting(
    returns: Floats, blocks: int = 10, score: Literal["sharpe", "mean"] = "sharpe"
) -> OverfittingResult:
    """PBO by combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado and Zhu, 2017, J. Comp. Finance 20).

    Parameters
    ----------
    returns : array of shape (sessions, strategies)
        The daily returns of every variant that was tried. The oldest sessions that fill no block are left out.
    blocks : int
        Even; 10 give 252 ways to halve the time.
    score : {"sharpe", "mean"}
        By what the best is chosen; the mean where some block has no trade.

    Raises
    ------
    ParameterError
        An odd number of blocks, more than 20, or too many for the sessions.
    DataError
        Fewer than 2 strategies, a NaN, or a Sharpe ratio of returns that never change.
    """
    from scipy import stats

    sessions, strategies = returns.shape
    size = sessions // blocks if blocks > 0 else 0
    if blocks % 2 or not 2 <= blocks <= 20 or size < 2:
        raise ParameterError(f"Blocks must be even, 2 to 20, of 2 or more sessions, found {blocks} for {sessions} sessions.")
    if strategies < 2 or np.isnan(returns).any():
        raise DataError("Overfitting needs 2 or more strategies whose returns are all there.")
    parts = returns[sessions - size * blocks :].reshape(blocks, size, strategies)
    halves = np.array(list(combinations(range(blocks), blocks // 2)))
    rest = np.array([[b for b in range(blocks) if b not in half] for half in halves])
    inside, outside = _half_scores(parts, halves, score), _half_scores(parts, rest, score)
    if np.isnan(inside).any() or np.isnan(outside).any():
        raise DataError("A strategy does not trade in some half of the time, so it has no Sharpe ratio there; score by the mean.")
    rows, chosen = np.arange(len(halves)), inside.argmax(axis=1)
    share = stats.rankdata(outside, axis=1)[rows, chosen] / (strategies + 1)
    logits, later = np.log(share / (1 - share)), outside[rows, chosen]
    slope = np.polyfit(inside[rows, chosen], later, 1)[0]
    return OverfittingResult(
        probability=float((logits <= 0).mean()), loss=float((later < 0).mean()), slope=float(slope), logits=logits
    )


def _half_scores(parts: Floats, halves: NDArray[np.int_], score: str) -> Floats:
    """Score of each strategy in each half, shape (halves, strategies); NaN where nothing varies."""
    count = halves.shape[1] * parts.shape[1]
    mean = parts.sum(axis=1)[halves].sum(axis=1) / count
    if score == "mean":
        return np.asarray(mean)
    squares = (parts**2).sum(axis=1)[halves].sum(axis=1)
    variance = (squares - count * mean**2) / (count - 1)
    return np.asarray(mean / np.sqrt(np.where(variance > 1e-16 * squares, variance, np.nan)))
