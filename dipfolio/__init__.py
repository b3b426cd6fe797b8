"""Back-test a claim about the market: backtrader simulates, a second ledger audits, quantstats draws the tear sheet.

What a notebook needs is here, and :mod:`dipfolio.evidence` has the tests; each name is imported when it is first used, so that
the command line starts at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dipfolio.engine.account import Account
    from dipfolio.engine.catalogue import load_strategy
    from dipfolio.engine.exits import At, Exit, HoldFor, Recovered, StopLoss, TakeProfit, TrailingStop
    from dipfolio.engine.metrics import Metrics, measure
    from dipfolio.engine.parameter import parameter
    from dipfolio.engine.result import Result, load
    from dipfolio.engine.showing import tabulated
    from dipfolio.engine.simulation import simulate
    from dipfolio.engine.strategy import Strategy, enter, no_instruction
    from dipfolio.evidence.examination import examine
    from dipfolio.market.bars import Bars
    from dipfolio.market.folder import load_bars
    from dipfolio.report.publication import compare, publish
    from dipfolio.sweep.survey import survey

_HOMES = {
    "engine.account": ("Account",),
    "engine.catalogue": ("load_strategy",),
    "engine.exits": ("At", "Exit", "HoldFor", "Recovered", "StopLoss", "TakeProfit", "TrailingStop"),
    "engine.metrics": ("Metrics", "measure"),
    "engine.parameter": ("parameter",),
    "engine.result": ("Result", "load"),
    "engine.showing": ("tabulated",),
    "engine.simulation": ("simulate",),
    "engine.strategy": ("Strategy", "enter", "no_instruction"),
    "evidence.examination": ("examine",),
    "market.bars": ("Bars",),
    "market.folder": ("load_bars",),
    "report.publication": ("compare", "publish"),
    "sweep.survey": ("survey",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Account", "At", "Bars", "Exit", "HoldFor", "Metrics", "Recovered", "Result", "StopLoss", "Strategy", "TakeProfit",
    "TrailingStop", "__version__", "compare", "enter", "examine", "load", "load_bars", "load_strategy", "measure",
    "no_instruction", "parameter", "publish", "simulate", "survey", "tabulated",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(f"dipfolio.{_HOME_OF[name]}"), name)
    raise AttributeError(f"dipfolio has no {name!r}; it has {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return sorted(__all__)
