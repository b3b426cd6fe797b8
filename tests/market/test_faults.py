"""Faults: each kind once, with its symbol, day and figure."""

import numpy as np
import pytest

from dipfolio.market.bars import FIELDS
from dipfolio.market.faults import faults
from dipfolio.market.layouts import Figures

NAN = float("nan")
DAYS = ["2025-01-07", "2025-01-08", "2025-01-10", "2025-01-13"]  # the exchange was closed on the 9th


def figures(days=DAYS, **cells):
    """Four right bars but for the cells given as field = (row, value)."""
    values = np.tile(np.array([[10.0], [12.0], [9.0], [11.0], [1000.0]]), len(days))
    for field, (row, value) in cells.items():
        values[FIELDS.index(field), row] = value
    return Figures(days=np.array(days, dtype="datetime64[D]"), cells=values)


def found(given):
    return [(fault.kind, fault.date) for fault in faults("XYZ", given)]


def test_right_figures_have_no_fault_and_the_day_of_mourning_is_no_gap():
    assert found(figures()) == []


@pytest.mark.parametrize(
    ("given", "kind", "day", "text"),
    [
        (figures([DAYS[0], DAYS[2], DAYS[3]]), "missing session", "2025-01-08", "XYZ has no bar on 2025-01-08"),
        (figures([*DAYS[:2], "2025-01-09", *DAYS[2:]]), "extra session", "2025-01-09", "XYZ has a bar on 2025-01-09"),
        (figures([DAYS[0], *DAYS]), "repeated session", "2025-01-07", "XYZ has two bars on 2025-01-07"),
        (figures(low=(2, NAN)), "missing figure", "2025-01-10", "XYZ has no low on 2025-01-10."),
        (figures(open=(1, 0.0)), "not positive", "2025-01-08", "XYZ has an open that is not positive on 2025-01-08."),
        (figures(close=(3, -1.0)), "not positive", "2025-01-13", "XYZ has a close that is not positive on 2025-01-13."),
        (figures(volume=(3, -1.0)), "not positive", "2025-01-13", "XYZ has a volume that is not positive on 2025-01-13."),
        (figures(high=(0, float("inf"))), "infinite figure", "2025-01-07", "XYZ has an infinite high on 2025-01-07."),
        (figures(high=(1, 8.5)), "high below low", "2025-01-08", "XYZ has a high of 8.5 below its low of 9 on 2025-01-08."),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_symbol_and_day(given, kind, day, text):
    (fault,) = faults("XYZ", given)
    assert (fault.severity, fault.kind, fault.symbol, fault.date) == ("error", kind, "XYZ", day)
    assert fault.text.startswith(text)


def test_the_figure_at_fault_is_kept():
    (fault,) = faults("XYZ", figures(high=(1, 8.5)))
    assert fault.figure == 8.5


def test_every_fault_is_found_and_not_only_the_first():
    given = figures(["2025-01-02", "2025-01-04", "2025-01-07", "2025-01-07"], low=(0, NAN))
    assert found(given) == [
        ("repeated session", "2025-01-07"),
        ("extra session", "2025-01-04"),
        ("missing session", "2025-01-03"),
        ("missing session", "2025-01-06"),
        ("missing figure", "2025-01-02"),
    ]


@pytest.mark.parametrize("day", ["1700-01-03", "1989-12-29", "2036-01-02", "9999-12-31"])
def test_a_day_outside_the_calendar_is_no_session(day):
    assert ("extra session", day) in found(figures(sorted([*DAYS, day])))
