"""Command: the words that run a strategy as it was run here, and where its tear sheet then stands."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dipfolio.engine.idea import Idea
from dipfolio.report.shelf import report_name

USUAL_BENCHMARK = "SPY"
"""Of a run where none is named."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The tear sheet of a strategy.

    Attributes
    ----------
    command : str
        What makes it.
    link : str
        Where it is, from the folder of the reports; empty if it was not made.
    remark : str
        What is different about the one that is there.
    """

    command: str
    link: str = ""
    remark: str = ""


def sheet_of(strategy: Idea, benchmark: str, reports: Path, window: tuple[str, str], data: str = "") -> Sheet:
    """The tear sheet of a strategy with these parameters, if there is one, and the command for it.

    Parameters
    ----------
    strategy : Idea
    benchmark : str
    reports : Path
    window : (str, str)
        ISO dates of the run shown here; a tear sheet over another is said to be that.
    data : str
        As the user named the figures, empty if nothing was said.
    """
    other = {} if benchmark == USUAL_BENCHMARK else {"benchmark": benchmark}
    words = ["python", "backtest.py", strategy.name, *option_words(strategy.changed | other), *(["--data", data] if data else [])]
    name = report_name(strategy.name, strategy.changed | other)
    if not (reports / name / "tearsheet.html").is_file():
        return Sheet(command=shlex.join(words))
    span = _window(reports / name)
    remark = "" if span == window else f"made over {' to '.join(span)}" if span else "made over an unknown window"
    return Sheet(command=shlex.join(words), link=f"{quote(name)}/tearsheet.html", remark=remark)


def option_words(changed: dict[str, Any]) -> list[str]:
    """Parameters and their values as the words of a command line."""
    words: list[str] = []
    for name, value in changed.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            words += [flag, "none" if value is None else str(value)]
    return words


def _window(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(json.loads((folder / "run.json").read_text(encoding="utf-8"))["window"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()
