"""Merging: the laws that stored history is kept by, on histories that hypothesis makes up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.market import sessions
from dipfolio.market.layouts import Figures
from dipfolio.market.merging import compare, merge
from dipfolio.market.store import Entry
from dipfolio.market.yahoo import Answer

DAYS = sessions.between("2025-01-02", "2025-03-31").to_numpy().astype("datetime64[D]")


def figures(closes, first=0):
    close = np.array(closes, dtype="float64")
    cells = np.array([close, close + 1, close - 1, close, np.full(len(close), 1e6)])
    return Figures(days=DAYS[first : first + len(close)], cells=cells)


def entry(closes, **changes):
    made = Entry(figures=figures(closes), dividends={}, splits={}, asked_from="2025-01-02", retrieved="2025-01-31")
    return replace(made, **changes)


def joined(before, answer, accept=False):
    return merge(before, answer, accept=accept, asked_from="2025-01-02", today="2025-04-01")


closes = st.lists(st.floats(10, 1000), min_size=2, max_size=20)


@given(old=closes, new=closes)
def test_without_accept_no_stored_figure_ever_changes(old, new):
    before = entry(old)
    merger = joined(before, Answer(figures=figures(new), dividends={}, splits={}))
    kept = merger.entry.figures
    assert (kept.days[: len(old)] == before.figures.days).all()
    assert (kept.cells[:, : len(old)] == before.figures.cells).all()


@given(old=closes, new=closes)
def test_with_accept_the_answer_is_what_is_kept(old, new):
    merger = joined(entry(old), Answer(figures=figures(new), dividends={}, splits={}), accept=True)
    assert (merger.entry.figures.cells == figures(new).cells).all()


@given(old=closes, shift=st.floats(1e-3, 0.5), row=st.integers(0, 19))
def test_every_figure_that_moved_is_told_with_its_day_and_size(old, shift, row):
    row %= len(old)
    moved = list(old)
    moved[row] *= 1 + shift
    differences = compare(entry(old), Answer(figures=figures(moved), dividends={}, splits={}))
    (close,) = [d for d in differences if d.field == "close"]
    assert close.date == str(DAYS[row])
    assert close.size == pytest.approx(shift)
    assert {d.field for d in differences} == {"open", "high", "low", "close"}


@given(old=closes, ratio=st.sampled_from([2.0, 10.0, 0.1, 1.5]), more=st.lists(st.floats(10, 1000), min_size=1, max_size=5))
def test_a_split_leaves_every_return_and_every_dollar_traded_as_it_was(old, ratio, more):
    day = DAYS[len(old)]
    before = entry(old, dividends={str(DAYS[1]): 0.5})
    now = figures([*(close / ratio for close in old), *more])
    now.cells[1:3, : len(old)] = before.figures.cells[1:3] / ratio
    now.cells[4, : len(old)] *= ratio
    answer = Answer(figures=now, dividends={str(DAYS[1]): 0.5 / ratio}, splits={str(day): ratio})
    merger = joined(before, answer)
    assert (merger.differences, merger.added, merger.splits) == ((), len(more), {str(day): ratio})
    kept, was = merger.entry.figures.cells[:, : len(old)], before.figures.cells
    assert kept[3, 1:] / kept[3, :-1] == pytest.approx(was[3, 1:] / was[3, :-1])
    assert kept[3] * kept[4] == pytest.approx(was[3] * was[4])
    assert merger.entry.dividends[str(DAYS[1])] * ratio == 0.5


def test_a_session_that_is_gone_is_a_difference():
    answer = Answer(figures=Figures(days=DAYS[[0, 2]], cells=figures([10, 11, 12]).cells[:, [0, 2]]), dividends={}, splits={})
    (difference,) = compare(entry([10, 11, 12]), answer)
    assert (difference.field, difference.date, difference.size) == ("session", "2025-01-03", float("inf"))
