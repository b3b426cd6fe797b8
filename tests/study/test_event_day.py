"""What names and baskets did on DeepSeek Monday: the facts of the issue and of METHODS 1.1."""

from pathlib import Path

import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.data.universe import resolve
from dipfolio.errors import WindowError
from dipfolio.study.event_day import basket_moves, name_moves

ROOT = Path(__file__).parents[2]
MONDAY = pd.Timestamp("2025-01-27")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def names(bars):
    return {move.label: move for move in name_moves(bars, (*resolve("article"), "SPY", "QQQ"), MONDAY)}


@pytest.mark.parametrize(
    ("name", "close", "gap"),
    [
        ("NVDA", -16.97, -12.49), ("AVGO", -17.40, -12.79), ("TSM", -13.33, -11.20), ("ORCL", -13.79, -8.01),
        ("SMH", -9.83, -7.28), ("ARM", -10.19, -8.38), ("AAPL", 3.18, 0.56), ("META", 1.91, -3.22), ("AMZN", 0.24, -3.68),
        ("SPY", -1.41, -2.16), ("QQQ", -2.91, -3.52),
    ],
)  # fmt: skip
def test_closes_and_gaps(names, name, close, gap):
    assert (100 * names[name].day, 100 * names[name].gap) == pytest.approx((close, gap), abs=0.006)
    move = names[name]
    assert (1 + move.gap) * (1 + move.session) == pytest.approx(1 + move.day)


def test_nvda_beyond_the_market_and_when_it_came_back(names):
    nvda = names["NVDA"]
    assert (100 * nvda.abnormal, nvda.t, nvda.beta, nvda.rank) == pytest.approx((-13.37, -5.15, 2.67, 0.004), abs=0.006)
    assert nvda.recovery.regained == pd.Timestamp("2025-06-09")
    assert 100 * nvda.recovery.worst == pytest.approx(-20.4, abs=0.06)
    assert names["META"].recovery.sessions == 0
    assert names["SPY"].recovery.regained == pd.Timestamp("2025-02-13")
    assert pd.isna(names["SPY"].beta)


def test_chips_fell_and_hyperscalers_did_not(bars):
    chips, clouds = basket_moves(bars, {"chips": resolve("chipmakers"), "clouds": resolve("hyperscalers")}, MONDAY)
    assert (100 * chips.day, 100 * chips.gap, 100 * chips.abnormal) == pytest.approx((-14.47, -11.22, -10.96), abs=0.006)
    assert chips.t == pytest.approx(-5.08, abs=0.006)
    assert clouds.abnormal > 0
    assert clouds.rank > 0.2


def test_a_day_without_a_session_before_it_is_an_error(bars):
    with pytest.raises(WindowError, match="must be in the data"):
        name_moves(bars, ("NVDA",), bars.sessions[0])
