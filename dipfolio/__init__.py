"""Back-test a claim about the market: backtrader simulates, a second ledger audits, quantstats draws the tear sheet.

The names below are the public API. Each is imported when it is first used, so that ``import dipfolio`` is quick and has no
side effects. :mod:`dipfolio.evidence` has the statistical tests, :mod:`dipfolio.study` the study of the DeepSeek article.
"""

import importlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dipfolio.data import calendar
    from dipfolio.data.bars import Bars
    from dipfolio.data.events import MarketEvent
    from dipfolio.data.folder import load_bars
    from dipfolio.data.risk_free import RiskFree
    from dipfolio.data.universe import resolve
    from dipfolio.engine import indicators
    from dipfolio.engine.account import Account
    from dipfolio.engine.account_stops import GroupStop, PairStop, PortfolioStop
    from dipfolio.engine.attribution import attribute
    from dipfolio.engine.display import to_table
    from dipfolio.engine.exits import (
        AccountState,
        At,
        Bar,
        ChandelierExit,
        Exit,
        FillAt,
        HoldFor,
        Level,
        OpenTrades,
        PriceHistory,
        Recovered,
        StopLoss,
        TakeProfit,
        TrailingStop,
    )
    from dipfolio.engine.loader import load_strategy
    from dipfolio.engine.matched_benchmark import match_benchmark
    from dipfolio.engine.metrics import Metrics, measure
    from dipfolio.engine.parameters import parameter, positive
    from dipfolio.engine.portfolio_weights import weights
    from dipfolio.engine.rebalancing import Schedule, rebalance
    from dipfolio.engine.result import Result, load
    from dipfolio.engine.simulation import simulate
    from dipfolio.engine.strategy import BacktraderStrategy, Strategy, enter, no_instruction
    from dipfolio.engine.volatility_target import target_volatility
    from dipfolio.errors import DataError, DipfolioError, ParameterError, StrategyError
    from dipfolio.evidence.assessment import assess
    from dipfolio.report.publish import compare, publish
    from dipfolio.sweep.runner import run_sweep
    from dipfolio.version import __version__

_HOMES = {
    "data.bars": ("Bars",),
    "data.events": ("MarketEvent",),
    "data.folder": ("load_bars",),
    "data.risk_free": ("RiskFree",),
    "data.universe": ("resolve",),
    "engine.account": ("Account",),
    "engine.account_stops": ("GroupStop", "PairStop", "PortfolioStop"),
    "engine.attribution": ("attribute",),
    "engine.display": ("to_table",),
    "engine.exits": (
        "AccountState",
        "At",
        "Bar",
        "ChandelierExit",
        "Exit",
        "FillAt",
        "HoldFor",
        "Level",
        "OpenTrades",
        "PriceHistory",
        "Recovered",
        "StopLoss",
        "TakeProfit",
        "TrailingStop",
    ),
    "engine.loader": ("load_strategy",),
    "engine.matched_benchmark": ("match_benchmark",),
    "engine.metrics": ("Metrics", "measure"),
    "engine.parameters": ("parameter", "positive"),
    "engine.portfolio_weights": ("weights",),
    "engine.rebalancing": ("Schedule", "rebalance"),
    "engine.result": ("Result", "load"),
    "engine.simulation": ("simulate",),
    "engine.strategy": ("BacktraderStrategy", "Strategy", "enter", "no_instruction"),
    "engine.volatility_target": ("target_volatility",),
    "errors": ("DataError", "DipfolioError", "ParameterError", "StrategyError"),
    "evidence.assessment": ("assess",),
    "report.publish": ("compare", "publish"),
    "sweep.runner": ("run_sweep",),
    "version": ("__version__",),
}
_MODULES = {"calendar": "data.calendar", "indicators": "engine.indicators"}

__all__ = [
    "Account",
    "AccountState",
    "At",
    "BacktraderStrategy",
    "Bar",
    "Bars",
    "ChandelierExit",
    "DataError",
    "DipfolioError",
    "Exit",
    "FillAt",
    "GroupStop",
    "HoldFor",
    "Level",
    "MarketEvent",
    "Metrics",
    "OpenTrades",
    "PairStop",
    "ParameterError",
    "PortfolioStop",
    "PriceHistory",
    "Recovered",
    "Result",
    "RiskFree",
    "Schedule",
    "StopLoss",
    "Strategy",
    "StrategyError",
    "TakeProfit",
    "TrailingStop",
    "__version__",
    "assess",
    "attribute",
    "calendar",
    "compare",
    "enter",
    "indicators",
    "load",
    "load_bars",
    "load_strategy",
    "match_benchmark",
    "measure",
    "no_instruction",
    "parameter",
    "positive",
    "publish",
    "rebalance",
    "resolve",
    "run_sweep",
    "simulate",
    "target_volatility",
    "to_table",
    "weights",
]


def lazy_attribute(package: str, homes: Mapping[str, tuple[str, ...]], name: str) -> Any:
    """A public name of a package, from the module that defines it, which is imported now.

    Parameters
    ----------
    package : str
    homes : mapping
        Module within the package to the public names that it defines.
    name : str

    Raises
    ------
    AttributeError
        The package has no such public name.
    """
    for home, names in homes.items():
        if name in names:
            return getattr(importlib.import_module(f"{package}.{home}"), name)
    raise AttributeError(f"{package} has no {name!r}; it has {', '.join(sys.modules[package].__all__)}.")


if not TYPE_CHECKING:  # a type checker knows the names from above, and would take every other for Any

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{_MODULES[name]}")
        return lazy_attribute(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
