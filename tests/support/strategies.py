"""Small strategies for tests: what to hold is written down in advance, or weights that a schedule restores."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from dipfolio.engine.exits import Exit
from dipfolio.engine.rebalancing import rebalance
from dipfolio.engine.strategy import Strategy, no_instruction


@dataclass(frozen=True, kw_only=True)
class Script(Strategy):
    """Targets by row and symbol, such as ``{0: {"A": 100}}``; made by :func:`script`."""

    rows: ClassVar[dict] = {}
    rules: ClassVar[tuple[Exit, ...]] = ()

    @property
    def exits(self):
        return self.rules

    def targets(self, bars):
        frame: pd.DataFrame = no_instruction(bars)
        for row, wanted in self.rows.items():
            if row < len(frame):
                for symbol, target in wanted.items():
                    frame.loc[frame.index[row], symbol] = target
        return frame


def script(rows, *, universe="A", fill="open", unit="shares", resize=False, exits=()):
    """A strategy that trades by the script."""
    facts = {"rows": rows, "rules": tuple(exits), "unit": unit, "resize": resize, "__doc__": "By the script."}
    return type("Script", (Script,), facts)(universe=universe, fill=fill)


@dataclass(frozen=True, kw_only=True)
class Rebalanced(Strategy):
    """Weights that a schedule restores; made by :func:`rebalanced`."""

    resize = True
    schedule: ClassVar[dict] = {}

    def targets(self, bars):
        return rebalance(bars, **self.schedule)


def rebalanced(weights, every="month-end", *, universe="A,B", fill="open", **limits):
    """A strategy that restores the weights on the dates of the schedule."""
    facts = {"schedule": {"weights": weights, "every": every, **limits}, "__doc__": "By the schedule."}
    return type("Rebalanced", (Rebalanced,), facts)(universe=universe, fill=fill)
