"""Facts of one morning, worked out again with pandas."""

from pathlib import Path

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.data.universe import UNIVERSES
from dipfolio.errors import DataError
from dipfolio.study.claims import CLAIMS
from dipfolio.study.event_claims import fact_estimates

OPEN = next(claim for claim in CLAIMS if claim.kind == "fact")
NAMES = list(UNIVERSES["article"])


@pytest.fixture(scope="module")
def bars():
    return load_bars(Path(__file__).parents[2] / "data")


def test_the_gap_of_the_morning_stands_among_the_250_that_end_eleven_sessions_before(bars):
    gaps = ((bars.open + bars.dividends) / bars.close.shift() - 1)[NAMES]
    row = bars.sessions.get_loc("2025-01-27")
    before = gaps.iloc[row - 260 : row - 10]
    together, *each = fact_estimates(OPEN, bars)
    named = list(UNIVERSES["stargate"])
    assert (len(before), together.against) == (250, "the 250 gaps before")
    assert together.usual == pytest.approx(before[named].mean(axis=1).mean(), abs=1e-12)
    assert together.p_value == pytest.approx((1 + (before[named].mean(axis=1) <= gaps[named].iloc[row].mean()).sum()) / 251)
    others = [name for name in NAMES if name not in named]
    assert [found.label for found in each[: len(named)]] == named
    for name, found in zip([*named, *others], each, strict=True):
        assert (found.label, found.observed) == (name, pytest.approx(gaps[name].iloc[row], abs=1e-12))
        assert found.usual == pytest.approx(before[name].mean(), abs=1e-12)


def test_figures_that_begin_too_late_are_refused_with_what_they_lack(bars):
    begins = bars.sessions.get_loc("2025-01-27") - 261  # the first gap needs the close before it
    few = bars.between(bars.sessions[begins + 1], bars.sessions[-1])
    with pytest.raises(DataError, match=r"The gaps of 2025-01-27 need that session and 261 before it"):
        list(fact_estimates(OPEN, few))
    enough = bars.between(bars.sessions[begins], bars.sessions[-1])
    assert [found.usual for found in fact_estimates(OPEN, enough)] == [found.usual for found in fact_estimates(OPEN, bars)]
