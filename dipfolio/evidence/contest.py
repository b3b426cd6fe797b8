"""Contest: every variant that might have been chosen for a rule, and what the best of them is worth after that."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine.result import Result
from dipfolio.engine.showing import Shown
from dipfolio.engine.simulation import simulate
from dipfolio.errors import DataError
from dipfolio.evidence.bootstrap import sharpe_interval
from dipfolio.evidence.claims import Claim
from dipfolio.evidence.deflation import Deflation, deflate
from dipfolio.evidence.estimate import DESIGN_END
from dipfolio.evidence.multiplicity import effective_trials
from dipfolio.evidence.placebo import SEED
from dipfolio.evidence.selection import Overfitting, SuperiorAbility, Survivors, overfitting, superior_ability, survivors
from dipfolio.evidence.sharpe import Sharpe, hac_error, sharpe_of
from dipfolio.evidence.single import built
from dipfolio.evidence.swept import Tried
from dipfolio.evidence.trials import Trial, trial_of
from dipfolio.evidence.walkforward import WalkForward, walk_forward
from dipfolio.market.bars import Bars

FEWEST = 10
"""Trades that a variant needs before a year can be traded with it."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Contest(Shown):
    """All variants of a rule over the design sample, after costs.

    Attributes
    ----------
    claim : str
    trials : tuple of Trial
        Every variant, those that never traded included.
    best : Trial
        The one with the highest Sharpe ratio.
    sharpe : Sharpe
        Of the best, per session.
    error : float
        Of that ratio, for autocorrelated returns.
    interval : (float, float)
        Of the same a year, at 95 %, by resampling blocks of sessions.
    probability : float
        That the ratio of the best is above 0, as if it had been the only one.
    deflated : Deflation
        The same with all of them counted.
    effective : float
        How many independent trials the variants amount to, and what the deflation would be with that number.
    effectively_deflated : float
    ability : SuperiorAbility
        Whether any is better than holding what it trades, at its own mean exposure, all the time.
    survivors : Survivors
        Which are; in the order of the trials that traded.
    overfitting : Overfitting
        By the mean return, as some variants do not trade for years; a variant that is mostly invested wins by that alone.
    walk : WalkForward or None
        Each year with the variant that had earned most a session held; None if the sample is too short.
    """

    SHOWN = (
        "claim", "best", "trials", "sharpe", "error", "probability", "deflated", "effective", "effectively_deflated",
        "ability", "overfitting", "walk",
    )  # fmt: skip

    claim: str
    trials: tuple[Trial, ...]
    best: Trial
    sharpe: Sharpe
    error: float
    interval: tuple[float, float]
    probability: float
    deflated: Deflation
    effective: float
    effectively_deflated: float
    ability: SuperiorAbility
    survivors: Survivors
    overfitting: Overfitting
    walk: WalkForward | None

    def beside(self, tried: Iterable[Tried]) -> "Contest":
        """The same, deflated by all else that was tried with this strategy as well, over whatever window it was run."""
        others = [entry for entry in tried if entry.strategy == self.best.strategy]
        return replace(self, deflated=deflate(self.sharpe, (*self.trials, *others)))


def contest(claim: Claim, bars: Bars, folder: Path, seed: int = SEED) -> Contest:
    """Run every variant of a claim's grids up to the day before the event.

    Raises
    ------
    DataError
        A claim without grids, or fewer than two variants that trade.
    """
    known = bars.until(DESIGN_END)
    if not len(known):
        raise DataError(f"The figures begin after {DESIGN_END.date()}; a contest needs some before.")
    variants = [variant for grid in claim.grids for variant in combinations(grid)]
    results = [simulate(built(folder, claim, 0, variant), known) for variant in variants]
    trials = tuple(trial_of(result, claim.id, known) for result in results)
    active = [number for number, trial in enumerate(trials) if not math.isnan(trial.ratio)]
    if len(active) < 2:
        raise DataError(f"{claim.id} has {len(active)} variants that trade before {DESIGN_END.date()}; a contest needs two.")
    returns = np.column_stack([results[number].returns.to_numpy() for number in active])
    excess = np.column_stack([timing(results[number], known) for number in active])
    winner = max(active, key=lambda number: trials[number].ratio)
    chosen = results[winner].returns.to_numpy()
    sharpe, effective = sharpe_of(chosen), effective_trials(returns)
    return Contest(
        claim=claim.id, trials=trials, best=trials[winner], sharpe=sharpe, error=hac_error(chosen),
        interval=sharpe_interval(chosen, seed=seed),
        probability=sharpe.probability(), deflated=deflate(sharpe, trials), effective=effective,
        effectively_deflated=deflate(sharpe, trials, effective).probability, ability=superior_ability(excess, seed=seed),
        survivors=survivors(excess, seed=seed), overfitting=overfitting(returns, score="mean"), walk=_walk(variants, results),
    )  # fmt: skip


def _walk(variants: list[dict[str, Any]], results: list[Result]) -> WalkForward | None:
    tables = [
        pd.DataFrame(
            {
                "variant": ", ".join(f"{name} {value}" for name, value in variant.items()),
                "decided": result.trades["entry_session"],
                "ended": result.trades["exit_session"],
                "return": result.trades["return"] / result.trades["sessions"].clip(lower=1),
            }
        )
        for variant, result in zip(variants, results, strict=True)
    ]
    try:
        return walk_forward(pd.concat(tables), fewest=FEWEST)
    except DataError:
        return None


def combinations(grid: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Every combination of the values of the parameters."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def timing(result: Result, bars: Bars) -> np.ndarray:
    """Returns over those of holding the same symbols all the time, each at its own mean weight.

    A rule that is invested for 5 % of the time would always lose to one that always is; what is asked here is whether its
    days were better than others. Shape (sessions,).
    """
    prices = bars.select(tuple(result.positions.columns))
    value = result.positions * prices.close.reindex(result.positions.index)
    weights = value.div(result.equity["equity"], axis=0).mean()
    held = prices.returns.reindex(result.returns.index).fillna(0.0) @ weights
    return np.asarray((result.returns - held).to_numpy())
