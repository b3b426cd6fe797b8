"""Formats of numbers and text, alike for the terminal and every page.

Text from files and options has its control characters escaped before it is shown. Sentences are wrapped to the width
of a terminal, and are not wrapped where there is none.
"""

import math
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from datetime import date
from typing import IO, TYPE_CHECKING

from dipfolio.data.currency import currency_sign

if TYPE_CHECKING:
    from dipfolio.engine.metrics import Metric, MetricFormat

_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What does something instead of being seen: control characters but for tab and line feed, overrides of the direction of
writing, and halves of characters, which stand for bytes of a file name that are no text."""


def escape_control_characters(text: str) -> str:
    r"""The text with every character that does something written out.

    >>> print(escape_control_characters("\x1b[2Jred\u202e"))
    \x1b[2Jred\u202e
    """
    return _ACTIVE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def terminal_columns(stream: IO[str]) -> int | None:
    """The width of the screen behind a stream; None for a file or a pipe, whose lines are never folded."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def wrap_text(text: str, indent: int, columns: int | None) -> str:
    """A sentence with a margin, in lines of so many columns at the most; a longer word, and a number with its %, stay whole.

    Parameters
    ----------
    text : str
    indent : int
    columns : int or None
        One line for None.
    """
    margin = " " * indent
    if columns is None:
        return f"{margin}{text}"
    width = max(columns, indent + 20)
    lines = textwrap.wrap(
        text.replace(" %", "\xa0%"), width, initial_indent=margin, subsequent_indent=margin, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return "\n".join(lines).replace("\xa0%", " %")


MISSING_TEXT = "-"
"""Where a number does not exist, such as the win rate of no trade."""


def percent(value: float, places: int = 2) -> str:
    """A signed percentage."""
    return MISSING_TEXT if math.isnan(value) else f"{round(value * 100, places) + 0.0:+.{places}f} %"


def unsigned_percent(value: float) -> str:
    """A fraction of a whole, without a sign."""
    return MISSING_TEXT if math.isnan(value) else f"{value * 100:.1f} %"


def money(value: float) -> str:
    """Dollars and cents, the sign before the dollar."""
    text = f"{abs(value):,.2f}"
    return f"{'-' if value < 0 and text != '0.00' else ''}{currency_sign()}{text}"


def ratio(value: float) -> str:
    """A number such as a Sharpe ratio."""
    return MISSING_TEXT if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"


def whole_number(value: float) -> str:
    """A whole number with separators of thousands."""
    return f"{value:,.0f}"


METRIC_FORMATS: "dict[MetricFormat, Callable[[float], str]]" = {
    "percent": percent, "unsigned_percent": unsigned_percent, "ratio": ratio, "money": money,
    "exact_money": lambda value: f"{currency_sign()}{value:.6f}", "count": whole_number,
}  # fmt: skip
"""How the values of a metric are written, by its ``format``."""


def format_metric(metric: "Metric", value: float) -> str:
    """A value of a metric as every page writes it."""
    return MISSING_TEXT if math.isnan(value) else METRIC_FORMATS[metric.format](value)


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def long_date(day: date) -> str:
    """A date as a sentence has it, in English whatever the language of the machine.

    >>> long_date(date(2024, 3, 14))
    '14 March 2024'
    """
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def list_names(names: Sequence[str], most: int = 4) -> str:
    """Some names, or the first of them and how many more there are.

    >>> list_names(["a", "b", "c", "d", "e", "f"])
    'a, b, c, d and 2 others'
    """
    rest = len(names) - most
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:most])} and {count(rest, 'other')}"


def count_in_words(number: int, noun: str) -> str:
    """A number with its noun, as a word up to twelve.

    >>> count_in_words(12, "share"), count_in_words(1, "session"), count_in_words(1300, "trade")
    ('twelve shares', 'one session', '1,300 trades')
    """
    return f"{_WORDS[number]} {noun}{'' if number == 1 else 's'}" if number < len(_WORDS) else count(number, noun)


def dollars(value: float) -> str:
    """Whole dollars, as a sentence has them.

    >>> dollars(933276.2), dollars(-0.4)
    ('$933,276', '$0')
    """
    whole = round(value)
    return f"{'-' if whole < 0 else ''}{currency_sign()}{abs(whole):,}"


def parameter_text(value: object) -> str:
    """A value of a parameter as tables and commands write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
