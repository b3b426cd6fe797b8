"""Identity: a fingerprint of everything that a run depends on; equal identities give equal records."""

import hashlib
import json
import platform
from dataclasses import asdict
from functools import cache
from pathlib import Path

from dipfolio.engine.account import Account
from dipfolio.engine.idea import Idea
from dipfolio.engine.versions import versions
from dipfolio.market.bars import Bars


def identity(strategy: Idea, bars: Bars, account: Account, *, strategies: Path | None = None, **terms: object) -> str:
    """SHA-256 of the question, the figures, the code and the versions, as hexadecimal digits.

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
        "account": asdict(account),
        "terms": terms,
        "figures": bars.provenance.sha256,
        "events": [asdict(event) for event in bars.events],
        "code": [_own_digest(), code_digest(strategies) if strategies else ""],
        "versions": [versions(), platform.python_version()],
    }
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()


@cache
def _own_digest() -> str:
    return code_digest(Path(__file__).parents[1])


def code_digest(folder: Path) -> str:
    """SHA-256 of all code and templates below a folder, with their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".j2", ".css", ".js") and path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
