"""Trials: a register of every variant that was run, so that none is forgotten when the best one is judged."""

import hashlib
import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dipfolio.engine.result import Result
from dipfolio.errors import ReportError
from dipfolio.evidence.sharpe import Sharpe, sharpe_of

FILE = "trials.jsonl"
"""Name of the register within the folder of the reports."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One variant of one strategy over one window of one set of figures.

    Attributes
    ----------
    family : str
        The question that it tried to answer; deflation counts within one.
    strategy : str
    parameters : dict
        As JSON keeps them: text, numbers, true, false and none.
    window : tuple of str
        First and last session, ISO dates.
    figures : str
        SHA-256 of the bars.
    observations : int
    ratio : float
        Sharpe ratio per session; NaN for a variant that never traded.
    """

    family: str
    strategy: str
    parameters: dict[str, Any]
    window: tuple[str, str]
    figures: str
    observations: int
    ratio: float

    @property
    def key(self) -> str:
        """What makes it the same trial: everything but the outcome."""
        facts = [self.family, self.strategy, self.parameters, list(self.window), self.figures]
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def trial_of(result: Result, family: str = "") -> Trial:
    """The trial that a run was.

    Parameters
    ----------
    result : Result
    family : str
        The strategy's name if not given.
    """
    returns = result.returns.to_numpy()
    traded = len(returns) > 3 and np.ptp(returns) > 0
    return Trial(
        family=family or result.strategy,
        strategy=result.strategy,
        parameters=result.parameters,
        window=(result.window[0].isoformat(), result.window[1].isoformat()),
        figures=result.provenance.sha256,
        observations=len(returns),
        ratio=sharpe_of(returns).ratio if traded else math.nan,
    )


@dataclass(frozen=True)
class Register:
    """The file of all trials: one JSON line each, only ever added to.

    Attributes
    ----------
    path : Path
        Such as ``reports/trials.jsonl``; it need not exist.
    """

    path: Path

    def read(self, family: str | None = None) -> tuple[Trial, ...]:
        """The distinct trials in the order in which they were first run.

        A line that a crash has cut off, and that so is no JSON, is passed over: that run was not finished.

        Parameters
        ----------
        family : str, optional
            Only these.

        Raises
        ------
        ReportError
            A register that cannot be read, or a line of JSON in it that is no trial.
        """
        found: dict[str, Trial] = {}
        for number, line in enumerate(self._lines(), 1):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            try:
                trial = _trial(record)
            except (ValueError, TypeError, KeyError) as error:
                raise ReportError(f"Line {number} of {self.path} is no trial: {error}. Remove that line.") from error
            if family is None or trial.family == family:
                found.setdefault(trial.key, trial)
        return tuple(found.values())

    def add(self, trials: Iterable[Trial]) -> int:
        """Add the trials that are not there yet; how many that were.

        All go to the end of the file in one write, so that runs at the same time do not mix their lines; what both have
        added is read once.

        Raises
        ------
        ReportError
            A register that cannot be read or written.
        """
        known = {trial.key for trial in self.read()}
        new = {trial.key: trial for trial in trials if trial.key not in known}
        if not new:
            return 0
        text = "".join(json.dumps(_plain(trial), sort_keys=True, default=str) + "\n" for trial in new.values())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                torn = os.fstat(handle).st_size > 0 and not self.path.read_bytes().endswith(b"\n")
                os.write(handle, (("\n" if torn else "") + text).encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise ReportError(f"{self.path} cannot be written: {error.strerror}.") from error
        return len(new)

    def _lines(self) -> list[str]:
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        except (OSError, ValueError) as error:
            raise ReportError(f"{self.path} cannot be read: {error}") from error
        return text.splitlines()


@dataclass(frozen=True, kw_only=True)
class Deflation:
    """What is left of a Sharpe ratio after all trials of its family.

    Attributes
    ----------
    trials : int
        That traded, this one included.
    variance : float
        Of their ratios, per session.
    probability : float
        The deflated Sharpe ratio; NaN with fewer than two trials.
    """

    trials: int
    variance: float
    probability: float


def deflate(sharpe: Sharpe, trials: Iterable[Trial], effective: float | None = None) -> Deflation:
    """The deflated Sharpe ratio with every trial counted.

    Parameters
    ----------
    sharpe : Sharpe
        Of the strategy that was chosen.
    trials : iterable of Trial
        Its family, itself included.
    effective : float, optional
        Independent trials that they amount to (:func:`dipfolio.evidence.multiplicity.effective_trials`), to be shown beside.
    """
    ratios = np.array([trial.ratio for trial in trials])
    ratios = ratios[~np.isnan(ratios)]
    if len(ratios) < 2:
        return Deflation(trials=len(ratios), variance=math.nan, probability=math.nan)
    variance = float(ratios.var(ddof=1))
    return Deflation(trials=len(ratios), variance=variance, probability=sharpe.deflated(effective or len(ratios), variance))


def _plain(trial: Trial) -> dict[str, Any]:
    """A NaN, which JSON does not have, becomes null."""
    return {**asdict(trial), "ratio": None if math.isnan(trial.ratio) else trial.ratio}


def _trial(record: dict[str, Any]) -> Trial:
    first, last = record["window"]
    return Trial(**{**record, "window": (first, last), "ratio": math.nan if record["ratio"] is None else float(record["ratio"])})
