"""Swept: everything that a sweep has tried, in one record however many variants it has."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dipfolio.evidence.trials import Axes, Trial, figures_of, hashed
from dipfolio.market.bars import Bars

DECIMALS = 12
"""Decimals to which ratios are the same."""

if TYPE_CHECKING:
    from dipfolio.sweep.findings import Findings


@dataclass(frozen=True, kw_only=True)
class Swept:
    """All variants of a grid over one window of one set of figures: enough to count them, not to tell them apart.

    Attributes
    ----------
    family, strategy : str
    axes : dict
        Every parameter of the strategy with the values that it took, one or more; all combinations were run.
    window : tuple of str
        First and last session, ISO dates.
    figures : str
        SHA-256 of the bars of its universe.
    observations : int
        Sessions.
    traded : int
        Variants that traded; those with the same ratio, as where a parameter is not looked at, count once. The strategy may
        have refused others.
    mean, squares : float
        Of their Sharpe ratios per session, before any riskless rate: the mean, and the sum of squared deviations from it; 0
        where none traded.
    account : dict
        What differs from the default account.
    """

    family: str
    strategy: str
    axes: Axes
    window: tuple[str, str]
    figures: str
    observations: int
    traded: int
    mean: float
    squares: float
    account: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What makes it the same sweep: everything but the outcome, whatever the order of the values."""
        axes = {name: sorted(map(word, values)) for name, values in self.axes.items()}
        return hashed([self.family, self.strategy, axes, list(self.window), self.figures, self.account])


Tried = Trial | Swept
"""What the register holds."""


def entries_of(findings: "Findings", bars: Bars) -> Iterator[Tried]:
    """What a sweep has tried: its grid, an entry for each universe, and the default where that is no cell of the grid.

    Parameters
    ----------
    findings : Findings
    bars : Bars
        That were swept.
    """
    own = {axis.name: axis.points for axis in findings.grid.axes}
    stated = findings.defaults | findings.grid.fixed
    every = {name: own.get(name, (value,)) for name, value in stated.items()}
    for universe in every["universe"]:
        table = findings.table
        kept = table[table["universe"] == str(universe)] if "universe" in own else table
        yield _swept(findings, every | {"universe": (universe,)}, kept["ratio"], bars)
    if findings.default is not None and any(stated[name] not in values for name, values in own.items()):
        alone = {name: (value,) for name, value in stated.items()}
        yield _swept(findings, alone, pd.Series([findings.default["ratio"]]), bars)


def _swept(findings: "Findings", axes: Axes, found: pd.Series, bars: Bars) -> Swept:
    ratios = np.unique(found.dropna().to_numpy(dtype=float).round(DECIMALS))
    mean = float(ratios.mean()) if len(ratios) else 0.0
    return Swept(
        family=findings.strategy, strategy=findings.strategy, axes={name: tuple(map(_plain, axes[name])) for name in axes},
        window=(findings.window[0].isoformat(), findings.window[1].isoformat()),
        figures=figures_of(bars, {name: values[0] for name, values in axes.items()}, findings.window[1]),
        observations=len(findings.returns), traded=len(ratios), mean=mean, squares=float(((ratios - mean) ** 2).sum()),
        account=findings.account.changed,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """A date as text, as the record of a run has it."""
    return value.isoformat() if isinstance(value, date) else value


def word(value: Any) -> str:
    """A value so that equal numbers are equal words."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(float(value)) if number else json.dumps(value, default=str)
