"""Facts of one morning, worked out again with pandas."""

from pathlib import Path

import pytest

from dipfolio.errors import DataError
from dipfolio.evidence.claims import CLAIMS
from dipfolio.evidence.single import fact_estimates
from dipfolio.market.folder import load_bars
from dipfolio.market.universe import UNIVERSES

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
    assert (len(before), together.against) == (250, "the 250 gaps before")
    assert together.usual == pytest.approx(before.mean(axis=1).mean(), abs=1e-12)
    assert together.p_value == pytest.approx((1 + (before.mean(axis=1) <= gaps.iloc[row].mean()).sum()) / 251)
    for name, found in zip(NAMES, each, strict=True):
        assert (found.label, found.observed) == (name, pytest.approx(gaps[name].iloc[row], abs=1e-12))
        assert found.usual == pytest.approx(before[name].mean(), abs=1e-12)


def test_figures_that_begin_too_late_are_refused_with_what_they_lack(bars):
    begins = bars.sessions.get_loc("2025-01-27") - 261  # the first gap needs the close before it
    few = bars.between(bars.sessions[begins + 1], bars.sessions[-1])
    with pytest.raises(DataError, match=r"The gaps of 2025-01-27 need that session and 261 before it"):
        list(fact_estimates(OPEN, few))
    enough = bars.between(bars.sessions[begins], bars.sessions[-1])
    assert [found.usual for found in fact_estimates(OPEN, enough)] == [found.usual for found in fact_estimates(OPEN, bars)]
