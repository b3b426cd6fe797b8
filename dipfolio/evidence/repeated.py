"""Repeated: the evidence for rules, which many dates can answer: a design sample, and a later one that confirms."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import DataError
from dipfolio.evidence.claims import Claim
from dipfolio.evidence.estimate import CONFIRMATION_START, DESIGN_END, Estimate, Sample, clustered, rotated
from dipfolio.evidence.outcomes import Decisions, Outcomes, decisions_of, outcomes_of
from dipfolio.evidence.placebo import SEED, clusters
from dipfolio.evidence.power import detectable
from dipfolio.evidence.signalled import signalled_decisions
from dipfolio.evidence.single import STATED, built
from dipfolio.market.bars import Bars

Z = 1.959963984540054
"""Of a 95 % interval."""

LAGS = 4
"""Weeks over which the error of a weekly mean allows for autocorrelation."""


def rule_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """The mean trade of a rule against the same trade on all dates, in both samples, the primary one first.

    A ``list`` has too few cases: its means are told and not tested.
    """
    for label, changes in {STATED: {}, **claim.variants}.items():
        for horizon in claim.horizons:
            for sample, outcomes in _samples(claim, bars, folder, horizon, changes):
                found = rotated(outcomes, label, horizon, sample)
                nan = math.nan
                yield replace(found, p_value=nan, opposite=nan, low=nan, high=nan) if claim.kind == "list" else found


def mean_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """The mean of a trade at regular times against nothing, with an error for autocorrelation."""
    for sample, outcomes in _samples(claim, bars, folder, claim.horizons[0], {}):
        earned = outcomes.returns[outcomes.flags]
        yield _mean(earned[~np.isnan(earned)], sample)


def paired_estimates(claim: Claim, bars: Bars, folder: Path, seed: int = SEED) -> Iterator[Estimate]:
    """Two strategies over the same signals: the mean difference of their trades, by flipping the signs of clusters.

    Without costs, which both would pay. Trades that reach into the event are left out.
    """
    horizon = claim.horizons[0]
    own = _simulated(claim, bars, folder, horizon)
    for other in claim.variants:
        theirs = _simulated(replace(claim, strategy=other), bars, folder, horizon)
        pairs = own.join(theirs.add_suffix("_other"), how="inner")
        ended = pairs[["exit_session", "exit_session_other"]].max(axis=1)
        for sample in ("design", "confirmation"):
            kept = ended <= DESIGN_END if sample == "design" else pairs.index > CONFIRMATION_START
            if kept.sum() > 1:
                found = _paired(pairs[kept], bars, seed)
                against = f"{other} on the same dips"
                yield replace(found, label=f"less {other}", horizon=horizon, sample=sample, against=against)


def _samples(
    claim: Claim, bars: Bars, folder: Path, horizon: int, changes: Mapping[str, Any]
) -> Iterator[tuple[Sample, Outcomes]]:
    """The outcomes of each sample that has any. A trade of the design that would reach into the event has no end there."""
    known = bars.until(DESIGN_END)
    if len(known):
        design = _outcomes(claim, known, folder, horizon, changes)
        if len(design.ended):
            yield "design", design
    later = _outcomes(claim, bars, folder, horizon, changes).between(CONFIRMATION_START, bars.sessions[-1])
    if len(later.ended):
        yield "confirmation", later


def claimed_decisions(
    claim: Claim, bars: Bars, folder: Path, horizon: int, changes: Mapping[str, Any] | None = None
) -> Decisions:
    """When a rule trades: by its strategy, or at the next open after its signal."""
    if claim.signal is None:
        return decisions_of(built(folder, claim, horizon, changes), bars)
    return signalled_decisions(claim, bars, horizon)


def _outcomes(claim: Claim, bars: Bars, folder: Path, horizon: int, changes: Mapping[str, Any]) -> Outcomes:
    return outcomes_of(claimed_decisions(claim, bars, folder, horizon, changes), bars, claim.benchmark)


def _mean(values: np.ndarray, sample: Sample) -> Estimate:
    import statsmodels.api as sm
    from scipy import stats

    if len(values) < 10:
        raise DataError(f"A weekly mean needs 10 weeks or more, the {sample} has {len(values)}.")
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="HAC", cov_kwds={"maxlags": LAGS, "use_correction": True})
    mean, error = float(fit.params[0]), float(fit.bse[0])
    p_value = float(stats.norm.sf(mean / error))
    return Estimate(
        label=STATED, horizon=1, sample=sample, against="nothing", observed=mean, usual=0.0, effect=mean,
        low=mean - Z * error, high=mean + Z * error, p_value=p_value, opposite=1 - p_value, smallest=0.0,
        observations=len(values), clusters=len(values), detectable=detectable(error, 1, sides=1),
    )  # fmt: skip


def _simulated(claim: Claim, bars: Bars, folder: Path, horizon: int) -> pd.DataFrame:
    """Its trades by the session of their entry: return and exit."""
    account = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)
    trades = simulate(built(folder, claim, horizon), bars, account).trades
    return trades.set_index("entry_session")[["return", "exit_session"]]


def _paired(pairs: pd.DataFrame, bars: Bars, seed: int) -> Estimate:
    groups = clusters(bars.sessions.get_indexer(pairs.index))
    own, other = (np.bincount(groups, pairs[name]) / np.bincount(groups) for name in ("return", "return_other"))
    found = Estimate(label="", observed=float(own.mean()), usual=float(other.mean()), observations=len(pairs))
    return clustered(found, own - other, seed)
