"""Showing: how records look on a terminal and in a notebook."""

import math
import re
from dataclasses import dataclass
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import dipfolio.evidence
from dipfolio.engine.display import Displayable, format_value, signed_dollars, to_table
from dipfolio.engine.metrics import measure
from dipfolio.evidence import run_event_study, run_event_tests
from dipfolio.evidence.placebo import Placebo
from dipfolio.evidence.sharpe_ratio import SharpeRatio
from dipfolio.report.publish import compare
from tests.support.markets import make_bars
from tests.support.runs import run

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>&'\""


@dataclass(frozen=True, kw_only=True, repr=False)
class Inner(Displayable):
    word: str
    number: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Outer(Displayable):
    SHOWN = ("word", "doubled", "twice", "inner.number", "many")

    word: str
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()

    @property
    def doubled(self):
        return 2 * len(self.word)

    def twice(self):
        return (self.word, self.word)


class Tags(HTMLParser):
    """Every tag with its attributes; complains of one that is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.123456, "0.1235"), (1012745.291, "1,012,745.29"), (-1234.5, "-1,234.50"), (math.nan, "-"), (-math.inf, "-infinite"),
        (np.float64(0.5), "0.5"), (np.bool_(True), "yes"), (False, "no"), (1234567, "1,234,567"), (None, "-"), ("", "-"),
        (date(2025, 1, 27), "2025-01-27"), (pd.Timestamp("2025-01-27"), "2025-01-27"), ((1, 2.5), "1, 2.5"), ((), "-"),
        ((date(2024, 1, 2), date(2025, 12, 31)), "2024-01-02 to 2025-12-31"), (tuple(range(7)), "7 int"),
        (np.zeros((3, 2)), "3 x 2 ndarray"), (pd.Series([1.0]), "1 Series"), ({"hold": 20, "drop": 0.04}, "hold 20, drop 0.04"),
        ({}, "-"),
    ],
)  # fmt: skip
def test_a_value_is_a_few_words(value, expected):
    assert format_value(value) == expected


def test_a_line_has_what_there_is_to_tell():
    many = (Inner(word="a", number=1.0), Inner(word="b", number=2.0))
    assert repr(Outer(word="x", many=many)) == "Outer(word x, doubled 2, twice x, x, many 2 Inner)"
    assert repr(Outer(word="x", inner=many[1])) == "Outer(word x, doubled 2, twice x, x, number 2)"


def test_the_table_of_a_notebook_holds_every_fact_and_records_within_as_rows():
    page = Outer(word="x", many=(Inner(word="a", number=1.0), Inner(word="b", number=math.nan)))._repr_html_()
    Tags(page)
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", page)
    assert cells[:9] == ["Outer", "", "word", "x", "doubled", "2", "twice", "x, x", "number"]
    assert cells[-6:] == ["word", "number", "a", "1", "b", "-"]


def test_text_stays_text_wherever_it_stands():
    frame = pd.DataFrame({HOSTILE: [HOSTILE]}, index=[HOSTILE])

    class Framed(Displayable):
        SHOWN = ("table", "word")
        table, word = frame, HOSTILE

    for record in (Framed(), Outer(word=HOSTILE, many=(Inner(word=HOSTILE, number=1.0),))):
        page = Tags(record._repr_html_())
        assert {tag for tag, _ in page.seen} <= {"table", "thead", "tbody", "tr", "th", "td"}
        assert {name for _, attributes in page.seen for name in attributes} <= {"style"}


def test_it_leaves_the_colours_to_the_notebook():
    page = Inner(word="a", number=1.0)._repr_html_()
    assert "color" not in page
    assert "background" not in page


def test_a_large_table_is_its_size():
    class Large(Displayable):
        SHOWN = ("table",)
        table = pd.DataFrame(np.zeros((1000, 3)))

    assert "1000 x 3 DataFrame" in Large()._repr_html_()
    assert len(Large()._repr_html_()) < 500


def test_records_of_a_kind_are_a_table():
    table = to_table(Inner(word=word, number=number) for word, number in (("a", 1.0), ("b", 2.0)))
    pd.testing.assert_frame_equal(table, pd.DataFrame({"word": ["a", "b"], "number": [1.0, 2.0]}))


RESULT = run()
MARKET = make_bars({"A": [100 + k % 7 for k in range(400)], "B": [50 + k % 5 for k in range(400)]}, start="2024-01-02")
STUDY = run_event_study(MARKET.returns[["A"]], MARKET.returns["B"], MARKET.sessions[300])
RECORDS = {
    "Result": RESULT,
    "Metrics": measure(RESULT),
    "Comparison": compare(RESULT, run({0: {"A": 5}})),
    "Placebo": Placebo(observed=0.02, draws=np.arange(50) / 1000, signals=3, direction="higher"),
    "SharpeRatio": SharpeRatio(ratio=0.1, observations=250),
    "EventStudy": STUDY,
    "EventTestResult": run_event_tests(STUDY)[0],
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_real_record_is_one_short_line_and_a_small_table(name):
    line, page = repr(RECORDS[name]), RECORDS[name]._repr_html_()
    assert line.startswith(f"{name}(")
    assert "\n" not in line
    assert len(line) < 700
    assert "array(" not in line
    assert "object at 0x" not in line + page
    assert f">{name}</th>" in page
    assert len(page) < 8_000
    Tags(page)


def test_a_run_tells_its_return_as_the_account_had_it():
    page = RESULT._repr_html_()
    bought, last = 10 * 110.0, 10 * 110.0  # at the second close, and on the last
    assert RESULT.equity["equity"].iloc[-1] == pytest.approx(1000 - bought + last)
    assert ">+0.00%<" in page
    assert ">$1,000.00<" in page


def test_a_placebo_tells_its_rank():
    assert "p value 0.6078" in repr(RECORDS["Placebo"])  # 30 of 50 draws are at 0.02 or above: 31 / 51


def test_the_records_of_the_evidence_all_show_themselves():
    kinds = [getattr(dipfolio.evidence, name) for name in dipfolio.evidence.__all__]
    records = [kind for kind in kinds if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")]
    plain = {
        "TrialLog",
        "SweepTrials",
        "HoldingTimes",
        "SessionReturns",
        "SampleSplit",
        "WalkForwardScheme",
    }  # a file of trials and its line; arrays, dates and terms
    assert {kind.__name__ for kind in records if not issubclass(kind, Displayable)} <= plain
    assert all(kind.__repr__ is Displayable.__repr__ for kind in records if kind.__name__ not in plain)


def test_dollars_have_their_sign_before_them_and_zero_has_none():
    assert [signed_dollars(value) for value in (-1234.6, 0.2, -0.2, 1370.0)] == ["-$1,235", "$0", "$0", "+$1,370"]
