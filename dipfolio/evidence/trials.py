"""Trials: single variants that were run, each with what makes it the same trial when it is run again."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from dipfolio.engine.result import Result
from dipfolio.engine.showing import Shown
from dipfolio.evidence.sharpe import sharpe_of
from dipfolio.market.bars import Bars
from dipfolio.market.universe import resolve

Axes = dict[str, tuple[Any, ...]]
"""Parameters with the values that each took."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Trial(Shown):
    """One variant of one strategy over one window of one set of figures.

    Attributes
    ----------
    family : str
        The question that it tried to answer.
    strategy : str
    parameters : dict
        As JSON keeps them: text, numbers, true, false and none.
    window : tuple of str
        First and last session, ISO dates.
    figures : str
        SHA-256 of the bars of its universe.
    observations : int
    ratio : float
        Sharpe ratio per session; NaN for a variant that never traded.
    account : dict
        What differs from the default account.
    """

    SHOWN = ("strategy", "parameters", "window", "observations", "ratio")

    family: str
    strategy: str
    parameters: dict[str, Any]
    window: tuple[str, str]
    figures: str
    observations: int
    ratio: float
    account: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What makes it the same trial: everything but the outcome."""
        facts = [self.family, self.strategy, self.parameters, list(self.window), self.figures]
        return hashed(facts + ([self.account] if self.account else []))

    @property
    def axes(self) -> Axes:
        """Each parameter with its only value."""
        return {name: (value,) for name, value in self.parameters.items()}

    @property
    def traded(self) -> int:
        """1, or 0 for a variant that never traded."""
        return 0 if math.isnan(self.ratio) else 1

    @property
    def mean(self) -> float:
        """Of its ratio; 0 where there is none."""
        return self.ratio if self.traded else 0.0

    @property
    def squares(self) -> float:
        """Of the deviation from that mean."""
        return 0.0


def trial_of(result: Result, family: str = "", bars: Bars | None = None) -> Trial:
    """The trial that a run was.

    Parameters
    ----------
    result : Result
    family : str
        The strategy's name if not given.
    bars : Bars, optional
        That were simulated; with them another benchmark does not make it another trial.
    """
    returns = result.returns.to_numpy()
    traded = len(returns) > 3 and np.ptp(returns) > 0
    return Trial(
        family=family or result.strategy,
        strategy=result.strategy,
        parameters=result.parameters,
        window=(result.window[0].isoformat(), result.window[1].isoformat()),
        figures=result.provenance.sha256 if bars is None else figures_of(bars, result.parameters, result.window[1]),
        observations=len(returns),
        ratio=sharpe_of(returns).ratio if traded else math.nan,
        account=result.account.changed,
    )


def figures_of(bars: Bars, parameters: dict[str, Any], last: date) -> str:
    """The fingerprint of the universe that a variant trades, up to the last session that it has seen."""
    return bars.select(resolve(str(parameters["universe"]))).until(last).provenance.sha256


def hashed(facts: Any) -> str:
    """A short name for these facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]
