"""Recoveries: the dates of METHODS 1.1, and Kaplan-Meier curves by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError, WindowError
from dipfolio.evidence.recovery import Recovery, find_recovery, recovery_p_values, survival_curve

ROOT = Path(__file__).parents[2]
MONDAY = pd.Timestamp("2025-01-27")


@pytest.fixture(scope="module")
def close():
    return load_bars(ROOT / "data").close


RECOVERIES = {  # METHODS 1.1: date of the recovery and the lowest close on the way over Monday's
    "NVDA": ("2025-06-09", -20.4), "AVGO": ("2025-06-02", -27.4), "TSM": ("2025-06-25", -26.2),
    "ORCL": ("2025-06-12", -22.1), "ARM": ("2025-02-05", 0.0), "SMH": ("2025-06-10", -23.7), "TSLA": ("2025-09-15", -44.1),
    "MSFT": ("2025-01-28", 0.0), "SPY": ("2025-02-13", None), "QQQ": ("2025-02-13", None),
}  # fmt: skip


@pytest.mark.parametrize("name", RECOVERIES)
def test_each_name_regains_its_close_of_friday_on_the_known_day(close, name):
    day, worst = RECOVERIES[name]
    found = find_recovery(close[name], MONDAY)
    assert str(found.regained.date()) == day
    assert found.sessions == close.index.get_loc(day) - close.index.get_loc(MONDAY)
    # the table's worst is of dividend-adjusted closes
    assert worst is None or found.worst * 100 == pytest.approx(worst, abs=0.5)


@pytest.mark.parametrize("name", ["META", "AAPL", "AMZN"])
def test_three_names_were_above_fridays_close_on_monday_already(close, name):
    found = find_recovery(close[name], MONDAY)
    assert (found.sessions, found.regained, found.worst) == (0, MONDAY, 0.0)


def test_nvda_regains_its_close_of_142_62(close):
    assert find_recovery(close["NVDA"], MONDAY).level == 142.62


DROPS = {  # close to close, 24 to 27 January, in %
    "NVDA": -16.97, "AVGO": -17.40, "TSM": -13.33, "ORCL": -13.79, "SMH": -9.83, "ARM": -10.19, "AAPL": 3.18, "META": 1.91,
    "AMZN": 0.24, "TSLA": -2.32, "MSFT": -2.14, "SPY": -1.41, "QQQ": -2.91,
}  # fmt: skip


@pytest.mark.parametrize("name", DROPS)
def test_the_fall_of_each_name(close, name):
    assert (close[name][MONDAY] / close[name]["2025-01-24"] - 1) * 100 == pytest.approx(DROPS[name], abs=0.0051)


GAPS = {  # METHODS 1.1: Friday's close to Monday's open, and Monday's open to its close, in %
    "NVDA": (-12.49, -5.11), "AVGO": (-12.79, -5.28), "TSM": (-11.20, -2.40), "ORCL": (-8.01, -6.29), "ARM": (-8.38, -1.97),
    "SMH": (-7.28, -2.75), "TSLA": (-2.90, 0.60), "MSFT": (-4.52, 2.49), "AMZN": (-3.68, 4.07), "META": (-3.22, 5.31),
    "AAPL": (0.56, 2.61), "SPY": (-2.16, 0.77), "QQQ": (-3.52, 0.63),
}  # fmt: skip


@pytest.mark.parametrize("name", GAPS)
def test_the_gap_and_the_day_of_each_name(close, name):
    open_ = load_bars(ROOT / "data", (name,)).open[name][MONDAY]
    gap, day = open_ / close[name]["2025-01-24"] - 1, close[name][MONDAY] / open_ - 1
    np.testing.assert_allclose([gap * 100, day * 100], GAPS[name], atol=0.0051)


def test_a_recovery_by_hand_and_one_that_is_cut_off():
    days = pd.bdate_range("2024-01-01", periods=6)
    close = pd.Series([100.0, 90, 80, 95, 100, 70], index=days)
    found = find_recovery(close, days[1])
    assert (found.level, found.sessions, found.regained) == (100, 3, days[4])
    assert found.worst == pytest.approx(80 / 90 - 1)
    cut = find_recovery(close, days[1], longest=2)
    assert (cut.sessions, cut.regained) == (2, None)
    with pytest.raises(WindowError, match="one before it"):
        find_recovery(close, days[0])


def drops(*seen):
    """Recoveries of so many sessions each, months apart; negative where the end was not seen."""
    days = pd.bdate_range("2020-01-01", periods=len(seen), freq="100B")
    return tuple(
        Recovery(session=day, level=1.0, sessions=abs(count), regained=day if count >= 0 else None, worst=0.0)
        for day, count in zip(days, seen, strict=True)
    )


def test_a_curve_of_recoveries_by_hand():
    found = survival_curve(drops(0, 2, 2, -3, 5), longest=6)
    # over on the day itself: 1 of 5; after 2 sessions 2 of 4; one lost to sight; after 5 the last one
    assert found.waiting.tolist() == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.4, 0.0, 0.0])
    assert (found.median, found.drops, found.over) == (2, 5, 4)
    assert (found.low <= found.waiting).all()
    assert (found.high >= found.waiting).all()


def test_recoveries_after_the_longest_wait_count_as_not_seen():
    found = survival_curve(drops(4, 400), longest=10, resamples=20)
    assert found.waiting.iloc[-1] == 0.5
    assert found.over == 1
    assert survival_curve(drops(-4, -5), longest=10, resamples=20).median == float("inf")


def test_drops_of_one_cluster_are_drawn_together():
    days = pd.bdate_range("2020-01-01", periods=3)
    together = tuple(Recovery(session=day, level=1.0, sessions=n, regained=day, worst=0.0) for n, day in enumerate(days, 1))
    found = survival_curve(together, longest=5, resamples=50)
    np.testing.assert_array_equal(found.low, found.high)  # one cluster is one draw


def test_the_rank_of_a_recovery_counts_what_was_not_seen_against_it():
    event, *others = drops(10, 3, 20, -5, -12)
    quick, slow = recovery_p_values(event, tuple(others))
    assert quick == (1 + 2) / 5  # 3, and the one lost to sight after 5, which may be over after 6
    assert slow == (1 + 3) / 5  # 20, and both that were not seen
    with pytest.raises(DataError, match="others like it"):
        recovery_p_values(event, ())
    with pytest.raises(DataError, match="at least one drop"):
        survival_curve(())
