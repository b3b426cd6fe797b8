"""The panel: the arrays of a window of bars, and bars from which no later price can be reached."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from dipfolio.data.schema import Split
from dipfolio.engine.exits import PriceHistory
from dipfolio.engine.panel import BarReplay, build_panel
from tests.support.markets import make_bars, random_market


def arrays_of(bar):
    """Every array that a bar and its history have, and the arrays behind those."""
    found = [getattr(bar, name) for name in ("open", "high", "low", "close")]
    found += [getattr(bar.history, name) for name in PriceHistory.FIELDS]
    for values in found:
        if isinstance(values.base, np.ndarray):
            found.append(values.base)
    return found


def test_no_later_price_can_be_reached_from_a_bar():
    panel = build_panel(make_bars(**random_market(12, "AB", digits=9)), 2)
    replay = BarReplay(panel)
    for number in range(len(panel) - 1):
        bar = replay.bar(number)
        later = np.concatenate([getattr(panel, name)[number + 1 :].ravel() for name in PriceHistory.FIELDS])
        for values in arrays_of(bar):
            assert not np.isin(values, later).any()
        with pytest.raises(IndexError):
            _ = bar.history.close[number + 3]


def test_a_history_stays_as_it_was_when_the_run_goes_on():
    replay = BarReplay(build_panel(make_bars(**random_market(12)), 0))
    early = replay.bar(3).history
    before = early.close.copy()
    replay.bar(9)
    assert len(early) == 4
    np.testing.assert_array_equal(early.close, before)


def test_nothing_can_be_written_into_a_bar():
    panel = build_panel(make_bars(**random_market(12, "AB")), 2)
    bar = BarReplay(panel).bar(5)
    for values in arrays_of(bar):
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 1.0
        with pytest.raises(ValueError, match="WRITEABLE"):
            values.flags.writeable = True
    with pytest.raises(AttributeError):
        bar.history.close = bar.history.open
    with pytest.raises(AttributeError):
        bar.history = None


def test_the_arrays_begin_with_the_first_session_and_the_history_ends_before_it():
    market = {"closes": {"A": [10, 11, 12, 13], "B": [20, 21, 22, 23]}, "opens": {"A": [9, 10, 11, 12]}}
    panel = build_panel(make_bars(**market, dividends={"B": {3: 0.5}}), 2)
    assert (panel.symbols, len(panel)) == (("A", "B"), 2)
    assert panel.sessions.astype(str).tolist() == ["2025-01-06", "2025-01-07"]
    assert panel.next_sessions.astype(str).tolist() == ["2025-01-07", "2025-01-08"]
    assert panel.open.tolist() == [[11, 22], [12, 23]]
    assert panel.close.tolist() == [[12, 22], [13, 23]]
    assert panel.volume.tolist() == [[1e6, 1e6]] * 2
    assert panel.earlier[PriceHistory.FIELDS.index("close")].tolist() == [[10, 20], [11, 21]]
    assert panel.prior_close.tolist() == [11, 21]
    assert panel.pays.tolist() == [False, True]


def test_the_session_after_the_last_is_that_of_the_calendar():
    # 9 January 2025 was the day of mourning for President Carter, without a session
    panel = build_panel(make_bars({"A": [10, 11, 12, 13]}, start="2025-01-03"), 0)
    assert panel.sessions[-1].astype(str) == "2025-01-08"
    assert panel.next_sessions[-1].astype(str) == "2025-01-10"


def test_days_are_calendar_days_since_the_session_before():
    panel = build_panel(make_bars({"A": [10, 11, 12, 13]}), 0)  # Thursday, Friday, Monday, Tuesday
    assert panel.days.tolist() == [0, 1, 3, 1]
    assert build_panel(make_bars({"A": [10, 11, 12, 13]}), 2).days.tolist() == [0, 1]


def test_without_an_earlier_session_the_prior_close_is_unknown():
    assert np.isnan(build_panel(make_bars({"A": [10, 11], "B": [20, 21]}), 0).prior_close).tolist() == [True, True]


def test_a_symbol_that_does_not_trade_is_nan_and_marked_at_nothing():
    panel = build_panel(make_bars({"A": [np.nan, 11], "B": [20, 21]}), 0)
    assert np.isnan(panel.close).tolist() == [[True, False], [False, False]]
    assert panel.marks.tolist() == [[0, 20], [11, 21]]


def test_the_factor_is_shares_of_today_for_one_share_as_traded():
    bars = replace(make_bars({"A": [10, 11, 12], "B": [5, 5, 5]}), splits=(Split(symbol="A", day=date(2025, 1, 6), ratio=4.0),))
    assert build_panel(bars, 0).factor.tolist() == [[4, 1], [4, 1], [1, 1]]
    assert build_panel(bars, 1).factor.tolist() == [[4, 1], [1, 1]]


def test_a_bar_of_the_replay_has_the_prices_of_its_session_and_those_before_it():
    panel = build_panel(make_bars({"A": [10, 11, 12, 13], "B": [20, 21, 22, 23]}), 1)
    bar = BarReplay(panel).bar(1)
    assert (bar.number, bar.session.astype(str), bar.next_session.astype(str)) == (1, "2025-01-06", "2025-01-07")
    assert bar.close.tolist() == [12, 22]
    assert bar.history.close.tolist() == [[10, 20], [11, 21], [12, 22]]
