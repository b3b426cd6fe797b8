"""Event tests: whether the abnormal returns of an event are more than chance, and which tests to trust.

It has parametric, rank and sign tests of the mean (cumulative) abnormal return. Each result carries its p-value, the
smallest p-value that the test can give, and a warning where the test rejects too often on dates without an event.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError
from dipfolio.evidence.event_study import EventStudy, Floats, rank_p_value

OVER_REJECTION_RATES = {
    "cross-sectional t": "14 %",
    "Patell": "14 %",
    "BMP": "17 % (25 % with normal critical values)",
    "generalised sign": "14 %",
    "sign": "8 %",
    "J1": "15 %",
    "Wilcoxon": "17 %",
}
"""Tests that take names for independent, and how many of 3,062 placebo dates they rejected at a nominal 5 % (seven large
technology shares on SPY, 2014-2026; sign, J1 and Wilcoxon: of a simulated panel with the same correlation)."""


@dataclass(frozen=True, kw_only=True, repr=False)
class EventTestResult(Displayable):
    """The outcome of one test.

    Attributes
    ----------
    name : str
    statistic : float
        The mean abnormal return itself for the rank among residuals.
    p_value : float
        Two-sided.
    smallest : float
        The smallest p-value that the test can give, 0 for a continuous distribution.
    reference : str
        The distribution that the p-value comes from.
    warning : str
        Why not to rely on it; empty for the recommended tests.
    """

    name: str
    statistic: float
    p_value: float
    smallest: float
    reference: str
    warning: str

    @property
    def over_rejects(self) -> bool:
        """True if the test finds events on too many days without one."""
        return self.name in OVER_REJECTION_RATES


def run_event_tests(study: EventStudy, first: int = 0, last: int = 0) -> tuple[EventTestResult, ...]:
    """Every test of the mean (cumulative) abnormal return, the recommended ones first.

    Parameters
    ----------
    study : EventStudy
    first, last : int
        Sessions from day 0, both included.

    Returns
    -------
    tuple of EventTestResult
        With a single name only those that use its own time series. Tests of ranks and signs judge the sum of the sessions.
    """
    from scipy import stats

    car, names, sessions = study.cumulative(first, last), len(study.names), last - first + 1
    mean, residuals = float(car.value.mean()), study.portfolio_residuals
    free = len(residuals) - 1
    bw, rank = brown_warner(residuals, mean, sessions), corrado(study, first, last)
    floor = 1 / (2 + len(residuals) - sessions)
    scores = [
        _score("sample quantile", mean, rank_p_value(residuals, mean, sessions), "rank among residuals", floor),
        _score("Brown-Warner", bw, 2 * stats.t.sf(abs(bw), free), f"t with {free} df"),
        _score("Corrado rank", rank, 2 * stats.norm.sf(abs(rank)), "normal"),
    ]
    if names == 1:
        return tuple(scores)
    bmp, adjusted = boehmer(car.scaled), kolari_pynnonen(car.scaled, study.normal.residuals)
    cross, zscores = cross_section(car.value), _z_tests(study, first, last)
    scores += [
        _score("Kolari-Pynnönen", adjusted, 2 * stats.t.sf(abs(adjusted), names - 1), f"t with {names - 1} df"),
        _score("BMP", bmp, 2 * stats.t.sf(abs(bmp), names - 1), f"t with {names - 1} df"),
        _score("cross-sectional t", cross, 2 * stats.t.sf(abs(cross), names - 1), f"t with {names - 1} df"),
        *(_score(name, z, 2 * stats.norm.sf(abs(z)), "normal") for name, z in zscores.items()),
        _wilcoxon(car.value),
    ]
    return tuple(scores)


def brown_warner(residuals: Floats, mean: float, sessions: int = 1) -> float:
    """``CAAR / (s sqrt(h))`` with s the deviation of the portfolio's own residuals (Brown and Warner, 1985, J. Fin. Econ. 14)."""
    return float(mean / (residuals.std(ddof=1) * math.sqrt(sessions)))


def boehmer(scaled: Floats) -> float:
    """BMP: ``mean(SCAR) / (sd(SCAR) / sqrt(N))`` (Boehmer, Musumeci and Poulsen, 1991, J. Fin. Econ. 30)."""
    return float(scaled.mean() / scaled.std(ddof=1) * math.sqrt(len(scaled)))


def mean_correlation(residuals: Floats) -> float:
    """Mean correlation of the residuals of two names, over the sessions that both have. Shape (sessions, names) in."""
    if np.isnan(residuals).any():
        import pandas as pd

        matrix = pd.DataFrame(residuals).corr().to_numpy()
    else:
        matrix = np.corrcoef(residuals.T)
    names = len(matrix)
    return float((matrix.sum() - names) / (names * (names - 1)))


def kolari_pynnonen(scaled: Floats, residuals: Floats) -> float:
    """``BMP sqrt((1 - r) / (1 + (N - 1) r))``, r the mean correlation (Kolari and Pynnönen, 2010, Rev. Fin. Studies 23)."""
    r, names = mean_correlation(residuals), len(scaled)
    return boehmer(scaled) * math.sqrt((1 - r) / (1 + (names - 1) * r))


def cross_section(values: Floats) -> float:
    """``mean / (sd / sqrt(N))`` over the names."""
    return float(values.mean() / values.std(ddof=1) * math.sqrt(len(values)))


def patell(scaled: Floats, free: NDArray[np.int_]) -> float:
    """``sum(SCAR) / sqrt(sum(f / (f - 2)))`` with the degrees of freedom f (Patell, 1976, J. Accounting Research 14)."""
    return float(scaled.sum() / np.sqrt((free / (free - 2)).sum()))


def excess_ranks(study: EventStudy, *, scale: bool = False) -> Floats:
    """Ranks of each name's abnormal returns in both windows together, less the mean rank. Shape (sessions, names).

    Parameters
    ----------
    study : EventStudy
    scale : bool
        Divide by ``1 + L``, L the returns of a name, where some are missing (Corrado and Zivney, 1992, J. Fin. Quant. Anal. 27).
    """
    from scipy import stats

    returns = np.vstack([study.normal.residuals, study.abnormal.to_numpy()])
    sizes = (~np.isnan(returns)).sum(axis=0)
    ranks = stats.rankdata(returns, axis=0, nan_policy="omit") - (sizes + 1) / 2
    return np.asarray(ranks / (1 + sizes) if scale else ranks)


def corrado(study: EventStudy, first: int = 0, last: int = 0) -> float:
    """Rank test: ``sum_t u_t / (S sqrt(h))`` with u the mean excess rank of a session and ``S^2 = mean(u^2)`` over all.

    Corrado (1989, J. Fin. Econ. 23), for one session.
    """
    mean = np.nanmean(excess_ranks(study), axis=1)
    rows = mean[len(study.normal.residuals) :][study.rows(first, last)]
    return float(rows.sum() / (math.sqrt(np.mean(mean**2)) * math.sqrt(len(rows))))


def sign_test(values: Floats) -> float:
    """``(n+ - N / 2) / sqrt(N / 4)``."""
    return float(((values > 0).sum() - len(values) / 2) / math.sqrt(len(values) / 4))


def generalised_sign_test(values: Floats, residuals: Floats) -> float:
    """The sign test with the share of positive residuals instead of one half (Cowan, 1992, Rev. Quant. Fin. Acc. 2)."""
    share = float((residuals > 0).sum() / (~np.isnan(residuals)).sum())
    names = len(values)
    return float(((values > 0).sum() - names * share) / math.sqrt(names * share * (1 - share)))


def _z_tests(study: EventStudy, first: int, last: int) -> dict[str, float]:
    """The tests that set a sum over independent names against the normal distribution."""
    car = study.cumulative(first, last)
    return {
        "Patell": patell(car.scaled, study.normal.degrees_of_freedom),
        "J1": float(car.value.sum() / math.sqrt((car.deviation**2).sum())),
        "generalised sign": generalised_sign_test(car.value, study.normal.residuals),
        "sign": sign_test(car.value),
    }


def _wilcoxon(values: Floats) -> EventTestResult:
    """Wilcoxon's signed-rank test; the statistic is the sum of the positive ranks."""
    from scipy import stats

    if not values.any():
        raise DataError("The abnormal returns are all exactly 0; a rank test needs some that are not.")
    greater = stats.wilcoxon(values, alternative="greater", method="exact" if len(values) <= 50 else "auto")
    both = stats.wilcoxon(values, method="exact" if len(values) <= 50 else "auto")
    return _score("Wilcoxon", greater.statistic, both.pvalue, "signed ranks", 2.0 ** (1 - len(values)))


def _score(name: str, statistic: float, p_value: float, reference: str, smallest: float = 0.0) -> EventTestResult:
    warning = ""
    if name in OVER_REJECTION_RATES:
        warning = f"takes the names for independent: on placebo dates it rejected {OVER_REJECTION_RATES[name]} at a nominal 5 %"
    elif name == "Kolari-Pynnönen":
        warning = "asks whether all names moved together: names that split in two groups hide an event"
    return EventTestResult(
        name=name, statistic=float(statistic), p_value=min(float(p_value), 1.0), smallest=smallest, reference=reference,
        warning=warning,
    )  # fmt: skip
