"""Variants: every variant that might have been chosen for a rule, and tests of the best one after selection."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.risk_free import SESSIONS_PER_YEAR
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import sharpe
from dipfolio.engine.result import Result
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.bootstrap import sharpe_interval
from dipfolio.evidence.data_snooping import (
    OverfittingResult,
    SPAResult,
    StepMResult,
    probability_of_overfitting,
    spa_test,
    stepm_test,
)
from dipfolio.evidence.multiple_testing import effective_trials
from dipfolio.evidence.placebo import SEED
from dipfolio.evidence.sharpe_ratio import SharpeRatio, hac_error, sharpe_of
from dipfolio.evidence.trial_log import DeflatedSharpe, Trial, TrialLogEntry, deflate_sharpe, trial_of
from dipfolio.evidence.walk_forward import VariantChoice, WalkForward, WalkForwardScheme, chain_parts
from dipfolio.study.claims import Claim
from dipfolio.study.dates import DESIGN_END
from dipfolio.study.event_claims import build_strategy

MOST_WALK_PARTS = 5
"""Parts out of sample of the walk-forward test; none is shorter than a year."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class VariantEvaluation(Displayable):
    """All variants of a rule over the design sample, after costs.

    Attributes
    ----------
    claim : str
    trials : tuple of Trial
        Every variant, those that never traded included.
    best : Trial
        The one with the highest Sharpe ratio.
    sharpe : SharpeRatio
        Of the best, per session.
    error : float
        Of that ratio, for autocorrelated returns.
    interval : (float, float)
        Of the same a year, at 95 %, by resampling blocks of sessions.
    probability : float
        That the ratio of the best is above 0, as if it had been the only one.
    deflated : DeflatedSharpe
        The same with all of them counted.
    effective : float
        How many independent trials the variants amount to, and what the deflation would be with that number.
    effectively_deflated : float
    ability : SPAResult
        Whether any is better than holding what it trades, at its own mean exposure, all the time.
    survivors : StepMResult
        Which are; in the order of the trials that traded.
    overfitting : OverfittingResult
        By the mean return, as some variants do not trade for years; a variant that is mostly invested wins by that alone.
    walk : WalkForward or None
        Each part with the variant that had the best Sharpe ratio before it; None for less than three years of design sample,
        or where nothing can be chosen.
    """

    SHOWN = (
        "claim", "best", "trials", "sharpe", "error", "probability", "deflated", "effective", "effectively_deflated",
        "ability", "overfitting", "walk",
    )  # fmt: skip

    claim: str
    trials: tuple[Trial, ...]
    best: Trial
    sharpe: SharpeRatio
    error: float
    interval: tuple[float, float]
    probability: float
    deflated: DeflatedSharpe
    effective: float
    effectively_deflated: float
    ability: SPAResult
    survivors: StepMResult
    overfitting: OverfittingResult
    walk: WalkForward | None

    def beside(self, tried: Iterable[TrialLogEntry]) -> "VariantEvaluation":
        """The same, deflated by all else that was tried with this strategy as well, over whatever window it was run."""
        others = [entry for entry in tried if entry.strategy == self.best.strategy]
        return replace(self, deflated=deflate_sharpe(self.sharpe, (*self.trials, *others)))


def evaluate_variants(claim: Claim, bars: Bars, folder: Path, seed: int = SEED) -> VariantEvaluation:
    """Run every variant of a claim's grids up to the day before the event.

    Raises
    ------
    DataError
        A claim without grids, or fewer than two variants that trade.
    """
    known = bars.until(DESIGN_END)
    if not len(known):
        raise DataError(f"The data begin after {DESIGN_END.date()}; a contest needs some before.")
    variants = [variant for grid in claim.grids for variant in parameter_combinations(grid)]
    strategies = [build_strategy(folder, claim, 0, variant) for variant in variants]
    own = {symbols: known.select(symbols) for symbols in dict.fromkeys(strategy.symbols for strategy in strategies)}
    results = [simulate(strategy, own[strategy.symbols]) for strategy in strategies]
    trials = tuple(trial_of(result, claim.id, known) for result in results)
    active = [number for number, trial in enumerate(trials) if not math.isnan(trial.ratio)]
    if len(active) < 2:
        raise DataError(f"{claim.id} has {len(active)} variants that trade before {DESIGN_END.date()}; a contest needs two.")
    returns = np.column_stack([results[number].returns.to_numpy() for number in active])
    excess = np.column_stack([timing_returns(results[number], known) for number in active])
    winner = max(active, key=lambda number: trials[number].ratio)
    chosen = results[winner].returns.to_numpy()
    best_ratio, effective = sharpe_of(chosen), effective_trials(returns)
    return VariantEvaluation(
        claim=claim.id,
        trials=trials,
        best=trials[winner],
        sharpe=best_ratio,
        error=hac_error(chosen),
        interval=sharpe_interval(chosen, seed=seed),
        probability=best_ratio.probability(),
        deflated=deflate_sharpe(best_ratio, trials),
        effective=effective,
        effectively_deflated=deflate_sharpe(best_ratio, trials, effective).probability,
        ability=spa_test(excess, seed=seed),
        survivors=stepm_test(excess, seed=seed),
        overfitting=probability_of_overfitting(returns, score="mean"),
        walk=_walk([build_strategy(folder, claim, 0, variant) for variant in variants], variants, results, known),
    )


def _walk(strategies: list[Strategy], variants: list[dict[str, Any]], results: list[Result], bars: Bars) -> WalkForward | None:
    """The walk-forward test of variants that were run already; what they returned up to a session is known on its close."""
    entered = [pd.concat([result.trades["entry_session"], result.open_positions["entry_session"]]) for result in results]

    def choose(begin: date, last: date) -> VariantChoice:
        """The variant with the highest Sharpe ratio between two sessions among those that entered a trade there."""
        window = slice(pd.Timestamp(begin), pd.Timestamp(last))
        entries = np.array([days.between(window.start, window.stop).sum() for days in entered])
        past = [result.returns[window] for result in results]
        ratios = np.array([sharpe(returns) if len(returns) else math.nan for returns in past])  # none after a bankruptcy
        able = np.where(entries > 0, ratios, np.nan)
        counts = {"traded": int((entries > 0).sum()), "entries": int(entries.sum())}
        if np.isnan(able).all():
            return VariantChoice(strategy=None, parameters={}, value=math.nan, **counts)
        best = int(np.nanargmax(able))
        return VariantChoice(strategy=strategies[best], parameters=variants[best], value=float(able[best]), **counts)

    parts = min(MOST_WALK_PARTS, len(bars) // SESSIONS_PER_YEAR - 1)
    if parts < 2:
        return None
    try:
        return chain_parts(choose, bars, results[0].account, bars.sessions, WalkForwardScheme(parts=parts, rank_by="sharpe"))
    except ParameterError:  # no part has anything to choose on
        return None


def parameter_combinations(grid: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Every combination of the values of the parameters."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def timing_returns(result: Result, bars: Bars) -> np.ndarray:
    """Returns over those of holding the same symbols all the time, each at its own mean weight.

    A rule that is invested for 5 % of the time would always lose to one that always is; what is asked here is whether its
    days were better than others. Shape (sessions,).
    """
    prices = bars.select(tuple(result.positions.columns))
    value = result.positions * prices.close.reindex(result.positions.index)
    weights = value.div(result.equity["equity"], axis=0).mean()
    held = prices.returns.reindex(result.returns.index).fillna(0.0) @ weights
    return np.asarray((result.returns - held).to_numpy())
