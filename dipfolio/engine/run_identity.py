"""Run identity: the SHA-256 of everything that a run depends on, and the versions of the libraries.

The identity covers the strategy and its files, the data, the account, the code of dipfolio, and the versions of
dipfolio, Python and the libraries that the numbers and pages depend on. Runs with equal identities have equal
results.
"""

import json
import platform
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

from dipfolio.data.bars import Bars
from dipfolio.engine.account import Account
from dipfolio.engine.strategy import StrategyBase
from dipfolio.storage import sha256_of
from dipfolio.version import __version__

LIBRARIES = ("backtrader", "numpy", "pandas", "quantstats", "matplotlib", "exchange_calendars")


@cache
def library_versions() -> dict[str, str]:
    """Each name with its version, dipfolio first."""
    return {"dipfolio": __version__, **{library: version(library) for library in LIBRARIES}}


def run_id(strategy: StrategyBase, bars: Bars, account: Account, *, strategies: Path | None = None, **terms: object) -> str:
    """SHA-256 of the question, the data, the code and the versions, as hexadecimal digits.

    Parameters
    ----------
    strategy, bars, account
        As for :func:`dipfolio.engine.simulation.simulate`.
    strategies : Path, optional
        The folder of the strategy; every file in it counts, as one may use another.
    **terms
        What else the report depends on, as JSON or text tells it apart: benchmark, window, riskless rate.
    """
    facts = {
        "strategy": [strategy.name, strategy.parameters],
        "account": account.as_record(),
        "terms": terms,
        "figures": bars.provenance.sha256,
        "warnings": bars.provenance.warnings,
        "events": [asdict(event) for event in bars.events],
        "code": [_package_digest(), code_digest(strategies) if strategies else ""],
        "versions": [library_versions(), platform.python_version()],
    }
    return sha256_of(json.dumps(facts, default=str, sort_keys=True))


@cache
def _package_digest() -> str:
    return code_digest(Path(__file__).parents[1])


def code_digest(folder: Path) -> str:
    """SHA-256 of all code and templates below a folder, with their names."""
    parts: list[str | bytes] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".j2", ".css", ".js") and path.is_file():
            content = path.read_bytes()
            parts += [f"{path.relative_to(folder).as_posix()} {len(content)}\n", content]
    return sha256_of(*parts)
