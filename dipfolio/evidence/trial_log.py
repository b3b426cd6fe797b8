"""Trial log: every variant that was tried, and the Sharpe ratio of the best one deflated by their number.

``trials.jsonl`` in the folder of the reports has one line for each run and one for each sweep, however many variants
the sweep has. A trial has a key, so that the same variant is counted once when it is run again. The deflated Sharpe
ratio is the probability that the ratio is above what the best of all logged trials would show by chance.
"""

import json
import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.universe import resolve
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import RETURN_ROUNDING, excess_returns
from dipfolio.engine.result import Result
from dipfolio.errors import ReportError
from dipfolio.evidence.sharpe_ratio import SharpeRatio, sharpe_of
from dipfolio.storage import sha256_of

if TYPE_CHECKING:
    from dipfolio.sweep.sweep_result import SweepResult


GridAxes = dict[str, tuple[Any, ...]]
"""Parameters with the values that each took."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Trial(Displayable):
    """One variant of one strategy over one window of one data set.

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
        """The identity of the trial: everything but the outcome."""
        facts = [self.family, self.strategy, self.parameters, list(self.window), self.figures]
        return short_sha256(facts + ([self.account] if self.account else []))

    @property
    def axes(self) -> GridAxes:
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
    idle = result.riskless
    since = result.base or result.window[0]
    returns = result.returns.to_numpy() if idle is None else excess_returns(result.returns, idle, since)  # interest is no merit
    traded = len(returns) > 3 and np.ptp(returns) > (0 if idle is None else RETURN_ROUNDING)
    return Trial(
        family=family or result.strategy,
        strategy=result.strategy,
        parameters=result.parameters,
        window=(result.window[0].isoformat(), result.window[1].isoformat()),
        figures=result.provenance.sha256 if bars is None else data_fingerprint(bars, result.parameters, result.window[1]),
        observations=len(returns),
        ratio=sharpe_of(returns).ratio if traded else math.nan,
        account=result.account.changed,
    )


def data_fingerprint(bars: Bars, parameters: dict[str, Any], last: date) -> str:
    """The fingerprint of the universe that a variant trades, up to the last session that it has seen."""
    return bars.select(resolve(str(parameters["universe"]))).until(last).provenance.sha256


def short_sha256(facts: Any) -> str:
    """A short name for these facts."""
    return sha256_of(json.dumps(facts, sort_keys=True, default=str))[:16]


RATIO_DECIMALS = 12
"""Decimals to which ratios are the same."""


@dataclass(frozen=True, kw_only=True)
class SweepTrials:
    """All variants of a grid over one window of one data set: enough to count them, not to tell them apart.

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
    axes: GridAxes
    window: tuple[str, str]
    figures: str
    observations: int
    traded: int
    mean: float
    squares: float
    account: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The identity of the sweep: everything but the outcome, whatever the order of the values."""
        axes = {name: sorted(map(canonical_value, values)) for name, values in self.axes.items()}
        return short_sha256([self.family, self.strategy, axes, list(self.window), self.figures, self.account])


TrialLogEntry = Trial | SweepTrials
"""What the register holds."""


def trials_of_sweep(findings: "SweepResult", bars: Bars) -> Iterator[TrialLogEntry]:
    """The trials of a sweep: its grid, an entry for each universe, and the default where that is no cell of the grid.

    Parameters
    ----------
    findings : Findings
    bars : Bars
        That were swept.
    """
    axes = {axis.name: axis.points for axis in findings.grid.axes}
    stated = findings.defaults | findings.grid.fixed
    every = {name: axes.get(name, (value,)) for name, value in stated.items()}
    for universe in every["universe"]:
        table = findings.table
        cells = table[table["universe"] == str(universe)] if "universe" in axes else table
        yield _swept(findings, every | {"universe": (universe,)}, cells["ratio"], bars)
    if findings.default is not None and any(stated[name] not in values for name, values in axes.items()):
        alone = {name: (value,) for name, value in stated.items()}
        yield _swept(findings, alone, pd.Series([findings.default["ratio"]]), bars)


def _swept(findings: "SweepResult", axes: GridAxes, column: pd.Series, bars: Bars) -> SweepTrials:
    ratios = np.unique(column.dropna().to_numpy(dtype=float).round(RATIO_DECIMALS))
    mean = float(ratios.mean()) if len(ratios) else 0.0
    return SweepTrials(
        family=findings.strategy, strategy=findings.strategy, axes={name: tuple(map(_plain, axes[name])) for name in axes},
        window=(findings.window[0].isoformat(), findings.window[1].isoformat()),
        figures=data_fingerprint(bars, {name: values[0] for name, values in axes.items()}, findings.window[1]),
        observations=len(findings.returns), traded=len(ratios), mean=mean, squares=float(((ratios - mean) ** 2).sum()),
        account=findings.account.changed,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """A date as text, as the record of a run has it."""
    return value.isoformat() if isinstance(value, date) else value


def canonical_value(value: Any) -> str:
    """A value so that equal numbers are equal words."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(float(value)) if number else json.dumps(value, default=str)


TRIAL_LOG_FILE = "trials.jsonl"
"""Name of the register within the folder of the reports."""
DIGEST_KEY = "sha256"


@dataclass(frozen=True)
class TrialLog:
    """A file with a JSON line for each run and for each sweep, only ever added to.

    A sweep is one line however many variants it has: the values of each parameter, how many variants traded, and the mean and the
    squares of their ratios, which is all that deflation needs. Each line has a fingerprint of the rest of it.

    Attributes
    ----------
    path : Path
        Such as ``reports/trials.jsonl``; it need not exist.
    warn : callable
        Called with one sentence for each damaged line.
    """

    path: Path
    warn: Callable[[str], object] = warnings.warn

    def read(self, family: str | None = None, *, strategy: str | None = None) -> tuple[TrialLogEntry, ...]:
        """The distinct entries in the order in which they were first run.

        A line that is no trial, or not what was written, is reported and not counted; so is one that a crash has cut off, once
        another one follows it.

        Parameters
        ----------
        family, strategy : str, optional
            Only these.

        Raises
        ------
        ReportError
            A register that cannot be read.
        """
        entries: dict[str, TrialLogEntry] = {}
        for entry in self._entries():
            if family in (None, entry.family) and strategy in (None, entry.strategy):
                entries.setdefault(entry.key, entry)
        return tuple(entries.values())

    def _entries(self) -> Iterator[TrialLogEntry]:
        damaged = []
        for number, line in enumerate(self._lines(), 1):
            if not line:
                continue
            try:
                yield _entry(_unsealed(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                damaged.append(str(number))
        if damaged:
            one = len(damaged) == 1
            lines = f"line {damaged[0]} is" if one else f"lines {', '.join(damaged[:8])}{' ...' if damaged[8:] else ''} are"
            self.warn(
                f"{self.path}: {lines} damaged and not counted; what is run again is written down again. "
                f"Remove {'it' if one else 'them'} to end this."
            )

    def add(self, entries: Iterable[TrialLogEntry]) -> int:
        """Add the entries that are not there yet; how many that were.

        All go to the end of the file in one write, so that runs at the same time do not mix their lines; what both have
        added is read once.

        Raises
        ------
        ReportError
            A register that cannot be read or written.
        """
        known = {entry.key for entry in self.read()}
        new = {entry.key: entry for entry in entries if entry.key not in known}
        if not new:
            return 0
        text = "".join(_sealed(_record(entry)) + "\n" for entry in new.values())
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
        """The whole lines; a last one without an end is just being written, or was when its run was killed."""
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        except (OSError, ValueError) as error:
            raise ReportError(f"{self.path} cannot be read: {error}") from error
        return text.split("\n")[:-1]


def _record(entry: TrialLogEntry) -> dict[str, Any]:
    """A NaN, which JSON does not have, becomes null."""
    record = asdict(entry)
    if isinstance(entry, Trial) and math.isnan(entry.ratio):
        record["ratio"] = None
    return record


def _sealed(record: dict[str, Any]) -> str:
    """A line of JSON with its fingerprint."""
    plain = json.loads(json.dumps(record, default=str))
    return json.dumps({**plain, DIGEST_KEY: short_sha256(plain)}, sort_keys=True)


def _unsealed(line: str) -> dict[str, Any]:
    """The line that was written; one without a fingerprint is accepted.

    Raises
    ------
    ValueError
        It is no JSON, or something else was written.
    """
    record = json.loads(line)
    if isinstance(record, dict) and DIGEST_KEY in record:
        mark = record.pop(DIGEST_KEY)
        if mark != short_sha256(record):
            raise ValueError(f"the fingerprint is {mark}")
    return dict(record)


def _entry(record: dict[str, Any]) -> TrialLogEntry:
    first, last = record["window"]
    if "axes" in record:
        axes = {name: tuple(values) for name, values in record["axes"].items()}
        return SweepTrials(**{**record, "window": (first, last), "axes": axes})
    return Trial(**{**record, "window": (first, last), "ratio": math.nan if record["ratio"] is None else float(record["ratio"])})


@dataclass(frozen=True, kw_only=True, repr=False)
class DeflatedSharpe(Displayable):
    """The Sharpe ratio that is left after all trials of its family.

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


def deflate_sharpe(sharpe: SharpeRatio, entries: Iterable[TrialLogEntry], effective: float | None = None) -> DeflatedSharpe:
    """The deflated Sharpe ratio with every trial counted.

    A sweep counts exactly as if each of its variants had an entry: the mean and the variance of all are put together from the
    count, the mean and the squares of each entry (Chan, Golub and LeVeque, 1983, The American Statistician 37). What lies
    whole within a sweep - a single run of one of its cells, a smaller grid, the same sweep again - is counted once, with it.

    A ratio of few sessions varies more, and says as much less. So that a single short run does not pass for a wide spread,
    each ratio counts times the root of its sessions over those of the one that is judged, as the error of both is then alike.

    Two grids that overlap in part cannot be distinguished cell by cell. Their common cells then stay in the number of trials
    twice, and the squares of both are divided by the smallest number of different variants that there can be: number and
    variance are never below those of the different variants, so the probability is never above.

    Parameters
    ----------
    sharpe : SharpeRatio
        Of the strategy that was chosen.
    entries : iterable of Trial and SweepTrials
        Its family, itself included.
    effective : float, optional
        Independent trials that they amount to (:func:`dipfolio.evidence.multiple_testing.effective_trials`), to be shown beside.
    """
    distinct = distinct_entries(entries)
    trials = sum(entry.traded for entry in distinct)
    if trials < 2:
        return DeflatedSharpe(trials=trials, variance=math.nan, probability=math.nan)
    scale = [math.sqrt(entry.observations / sharpe.observations) for entry in distinct]
    means = [entry.mean * by for entry, by in zip(distinct, scale, strict=True)]
    mean = sum(entry.traded * entry_mean for entry, entry_mean in zip(distinct, means, strict=True)) / trials
    within = sum(entry.squares * by**2 for entry, by in zip(distinct, scale, strict=True))
    squares = within + sum(entry.traded * (entry_mean - mean) ** 2 for entry, entry_mean in zip(distinct, means, strict=True))
    variance = squares / (max(_fewest(distinct), 2) - 1)
    return DeflatedSharpe(trials=trials, variance=variance, probability=sharpe.deflated(effective or trials, variance))


def distinct_entries(entries: Iterable[TrialLogEntry]) -> tuple[TrialLogEntry, ...]:
    """The entries without those that lie whole within another one, whatever their family; of equal ones the first is kept."""
    once: dict[str, TrialLogEntry] = {}
    for entry in entries:
        once.setdefault(replace(entry, family="").key, entry)
    distinct: list[TrialLogEntry] = []
    grids: list[SweepTrials] = []
    for entry in sorted(once.values(), key=lambda e: (count_variants(e), isinstance(e, SweepTrials)), reverse=True):
        if any(count_shared_variants(entry, grid) == count_variants(entry) for grid in grids):
            continue
        distinct.append(entry)
        grids += [entry] if isinstance(entry, SweepTrials) else []
    return tuple(distinct)


def _fewest(distinct: Sequence[TrialLogEntry]) -> int:
    """Different variants that traded, at the least: of every two grids all common cells may have traded in both."""
    grids = [entry for entry in distinct if isinstance(entry, SweepTrials)]
    twice = sum(min(count_shared_variants(one, other), one.traded, other.traded) for one, other in combinations(grids, 2))
    return max(sum(entry.traded for entry in distinct) - twice, *(entry.traded for entry in distinct))


def count_variants(entry: TrialLogEntry) -> int:
    """Combinations of its values."""
    return math.prod(len(values) for values in entry.axes.values())


def count_shared_variants(one: TrialLogEntry, other: TrialLogEntry) -> int:
    """Variants that two entries have in common: those of the same strategy, window, data, account and parameters."""
    if _terms(one) != _terms(other) or one.axes.keys() != other.axes.keys():
        return 0
    return math.prod(
        len({*map(canonical_value, values)} & {*map(canonical_value, other.axes[name])}) for name, values in one.axes.items()
    )


def _terms(entry: TrialLogEntry) -> tuple[Any, ...]:
    return entry.strategy, entry.window, entry.figures, entry.account
