"""Pages: what stands on a page, by its tags, and the special runs whose tear sheets are looked at."""

import dataclasses
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
WEEK = {"start": date(2025, 1, 27), "end": date(2025, 1, 31)}
FALLING = {"return": [-0.10, 0.05, -0.02, 0.01, 0.0], "benchmark": [0.01, 0.02, -0.01, 0.005, 0.0]}
"""A week that begins with a loss that is never made good, beside a benchmark that does well."""


RATES = {"half year": 0.04}


class Page(HTMLParser):
    """Tables, texts and attributes of a page."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags, self.attributes, self.texts, self.headings = [], [], [], [], []
        self._cell, self._open = None, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th", "h1", "title"):
            self._open.append((tag, []))

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        if self._open and self._open[-1][0] == tag:
            text = "".join(self._open.pop()[1]).strip()
            if tag in ("td", "th"):
                self.rows[-1].append(text)
            else:
                self.headings.append((tag, text))

    def handle_data(self, data):
        self.texts.append(data)
        if self._open:
            self._open[-1][1].append(data)

    @property
    def text(self):
        return "".join(self.texts)

    def row(self, label):
        """The cells of the one row with this label."""
        (found,) = [row for row in self.rows if row and row[0] == label]
        return found

    def number(self, label, column=-1):
        return float(self.row(label)[column].strip("%").replace(",", ""))


def strategy(name, **parameters):
    return load_strategy(ROOT / "strategies", name)(**parameters)


def losing_week(bars):
    """The week with other returns."""
    result = simulate(strategy("buy-the-dip"), bars, benchmark="SPY", **WEEK)
    return dataclasses.replace(result, equity=result.equity.assign(**FALLING))


def wiped_out():
    """Twice the money short into a rise of 90 %."""
    bars = make_bars({"A": [100.0, 100, 190, 190]})
    return simulate(script({0: {"A": -2.0}}, unit="weight"), bars, Account().without_costs())


KINDS = [
    "dip SPY", "dip none", "even QQQ", "even none", "short", "one session", "two sessions", "week", "no trade", "wiped out",
    "half year", "falling",
]  # fmt: skip


BENCHMARKED = ["even QQQ", "half year", "falling"]


def without_plotly(page):
    """The page as it is without the drawing library that it carries."""
    return re.sub(r'<script type="text/plain" id="library">.*?</script>', "", page, flags=re.DOTALL)
