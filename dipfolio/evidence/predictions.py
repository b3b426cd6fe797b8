"""Predictions: claims that are sealed before their outcome is known, in a file that shows every later change.

``predictions.jsonl`` in the folder of the reports has one line for each prediction. A line has the SHA-256 of itself and of
the line before, so that no line can be changed, added in between or taken out without a break in the chain. Whoever rewrites
the whole file, or takes lines off its end, makes another chain: that is seen by a hash that was published when it was sealed.
"""

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from dipfolio.engine.display import Displayable
from dipfolio.engine.matched_benchmark import match_benchmark, money_put_in
from dipfolio.engine.result import Result
from dipfolio.errors import ParameterError, ReportError
from dipfolio.storage import DirectoryLock, sha256_of

PREDICTIONS_FILE = "predictions.jsonl"
"""Name of the file within the folder of the reports."""

FIRST_LINK = "0" * 64
"""The hash before the first prediction."""

Measure = Literal["profit", "benchmark"]
"""What is predicted: the profit of the trades in parts of the money put in, or that less the matched benchmark."""

Verdict = Literal["came true", "did not come true", "open", "cannot be judged"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Prediction(Displayable):
    """A claim about sessions that had not begun when it was sealed.

    Attributes
    ----------
    number : int
        Its line in the file, from 1.
    sealed_at : str
        By the clock of the machine, UTC, in ISO format.
    claim : str
        In the words of its author.
    strategy : str
    parameters, account : dict
        As JSON keeps them, each setting with its value, so that a later change of a default changes no prediction.
    currency : str
        Of the account; empty for that of the prices.
    benchmark : str
        Empty for none.
    window : tuple of str
        First and last session, ISO dates.
    measure : {"profit", "benchmark"}
    more_than, less_than : float or None
        The bound that the measure has to pass, a fraction; one of the two is None.
    data : str
        SHA-256 of the bars of the strategy and the benchmark up to ``data_end``.
    data_end : str
        The last session that was known.
    source : str
        The text of the strategy file.
    previous, sha256 : str
        The hash of the line before, and of this one with it.
    """

    SHOWN = ("number", "sealed_at", "claim", "strategy", "window", "sha256")

    number: int
    sealed_at: str
    claim: str
    strategy: str
    parameters: dict[str, Any]
    account: dict[str, Any]
    currency: str
    benchmark: str
    window: tuple[str, str]
    measure: Measure
    more_than: float | None
    less_than: float | None
    data: str
    data_end: str
    source: str
    previous: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        if not self.claim.strip():
            raise ParameterError("A prediction needs words; say with --claim what is claimed.")
        if (self.more_than is None) == (self.less_than is None):
            raise ParameterError("Say with --more-than or with --less-than what the measure has to pass, with one of the two.")
        if self.measure not in get_args(Measure):
            raise ParameterError(f"The measure is {' or '.join(get_args(Measure))}, found {self.measure!r}.")
        if self.measure == "benchmark" and not self.benchmark:
            raise ParameterError("Without a benchmark there is nothing to beat; name one, or take --measure profit.")
        first, last = map(date.fromisoformat, self.window)
        if not date.fromisoformat(self.data_end) < first <= last:
            raise ParameterError(f"A prediction begins after the data end ({self.data_end}) and ends after it begins.")
        if first <= datetime.fromisoformat(self.sealed_at).date():
            raise ParameterError(f"A prediction of {self.sealed_at[:10]} cannot begin on {first}: that is no longer the future.")

    @property
    def bound(self) -> str:
        """What was predicted, such as "profit above +1.00 %"."""
        what = "profit on the money put in" if self.measure == "profit" else f"profit over that of {self.benchmark}"
        word, value = ("above", self.more_than) if self.more_than is not None else ("below", self.less_than)
        return f"{what} {word} {100 * float(value or 0):+.2f} %"

    def holds(self, value: float) -> bool:
        """Whether a value of the measure is beyond the bound."""
        if self.more_than is not None:
            return value > self.more_than
        return self.less_than is not None and value < self.less_than

    def sealed_after(self, previous: str) -> "Prediction":
        """The same as the link of a chain."""
        linked = replace(self, previous=previous, sha256="")
        return replace(linked, sha256=linked.own_hash)

    @property
    def own_hash(self) -> str:
        """SHA-256 of everything but ``sha256``, as hexadecimal digits."""
        return sha256_of(json.dumps({**asdict(self), "sha256": ""}, sort_keys=True))


def measure_of(prediction: Prediction, result: Result) -> float:
    """The measure of a prediction in the run of its window, a fraction; NaN for a run without a trade.

    ``profit / money put in``, where the money put in is the largest amount at work at one time, at cost; for "benchmark" less
    the return of the benchmark at the same times with the same dollars.
    """
    money = money_put_in(result)
    if not money:
        return np.nan
    earned = float(result.equity["equity"].iloc[-1] - result.account.cash) / money
    if prediction.measure == "profit":
        return earned
    matched = match_benchmark(result, prediction.benchmark)
    return np.nan if matched is None else earned - matched.total_return


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What became of a prediction.

    Attributes
    ----------
    prediction : Prediction
    verdict : {"came true", "did not come true", "open", "cannot be judged"}
    value : float
        Of the measure; NaN where there is none.
    trades : int
        That were entered in the window.
    remark : str
        Why it is open or cannot be judged, and what has changed since it was sealed; may be empty.
    """

    prediction: Prediction
    verdict: Verdict
    value: float = np.nan
    trades: int = 0
    remark: str = ""


def judge(prediction: Prediction, result: Result, remark: str = "") -> Judgement:
    """The judgement on a prediction from the run of its strategy over its window.

    Raises
    ------
    ParameterError
        A run over other sessions.
    """
    sessions = tuple(day.isoformat() for day in result.window)
    if sessions != tuple(prediction.window):
        raise ParameterError(f"The prediction is about {prediction.window}, the run about {sessions}.")
    value = measure_of(prediction, result)
    trades = len(result.trades) + len(result.open_positions)
    if np.isnan(value):
        why = " ".join(filter(None, ("The strategy did not trade in that window.", remark)))
        return Judgement(prediction=prediction, verdict="cannot be judged", trades=trades, remark=why)
    verdict: Verdict = "came true" if prediction.holds(value) else "did not come true"
    return Judgement(prediction=prediction, verdict=verdict, value=value, trades=trades, remark=remark)


@dataclass(frozen=True)
class PredictionLog:
    """The chain of sealed predictions in one file.

    Attributes
    ----------
    path : Path
        Such as ``reports/predictions.jsonl``; it need not exist.
    """

    path: Path

    def read(self) -> tuple[Prediction, ...]:
        """All predictions in the order in which they were sealed.

        Raises
        ------
        ReportError
            A line that is no prediction, or at which the chain is broken.
        """
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        except (OSError, ValueError) as error:
            raise ReportError(f"{self.path} cannot be read: {error}") from error
        if text and not text.endswith("\n"):
            raise ReportError(f"{self.path}: the last line is cut off. Restore the file from a copy.")
        found: list[Prediction] = []
        for number, line in enumerate(text.splitlines(), 1):
            found.append(self._link(number, line, found[-1].sha256 if found else FIRST_LINK))
        return tuple(found)

    def _link(self, number: int, line: str, previous: str) -> Prediction:
        """The prediction of a line, if it is the next link of the chain."""
        try:
            record = json.loads(line)
            if set(record) != {item.name for item in fields(Prediction)}:
                raise ValueError("other entries than a prediction has")
            prediction = Prediction(**{**record, "window": tuple(record["window"])})
            if (prediction.number, prediction.previous, prediction.sha256) != (number, previous, prediction.own_hash):
                raise ValueError("its hash is not that of its content and of the line before")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ReportError(
                f"{self.path}: line {number} is not what was sealed ({error}). None is judged; restore the file from a copy."
            ) from error
        return prediction

    def seal(self, prediction: Prediction) -> Prediction:
        """Add a prediction to the end of the file; returns it as it stands there.

        Raises
        ------
        ReportError
            A file that is damaged or cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = DirectoryLock(self.path.parent)
            if lock.held_elsewhere:
                raise ReportError(f"Another prediction is just being written into {self.path}; try again.")
            known = self.read()
            placed = replace(prediction, number=len(known) + 1).sealed_after(known[-1].sha256 if known else FIRST_LINK)
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(asdict(placed), sort_keys=True) + "\n")
                file.flush()
                os.fsync(file.fileno())
            del lock
        except ReportError:
            raise
        except OSError as error:
            raise ReportError(f"{self.path} cannot be written: {error.strerror}.") from error
        return placed

    def check_published(self, sha256: str) -> None:
        """See that a hash which was published when a prediction was sealed is still in the chain.

        Parameters
        ----------
        sha256 : str
            At least its first 12 digits.

        Raises
        ------
        ReportError
            No prediction has it: the file was rewritten, cut off, or is another one.
        ParameterError
            Fewer digits.
        """
        if len(sha256) < MIN_HASH_DIGITS:
            raise ParameterError(f"Give at least {MIN_HASH_DIGITS} digits of the hash, found {sha256!r}.")
        if not any(prediction.sha256.startswith(sha256.lower()) for prediction in self.read()):
            raise ReportError(f"{self.path} has no prediction {sha256}: it was rewritten or cut off since, or is another file.")


MIN_HASH_DIGITS = 12
"""Digits of a hash that tell it from any other that somebody could try to make."""
