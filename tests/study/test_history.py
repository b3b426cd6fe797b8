"""The history of a claim: from the first session on which it can be tested, whatever other claims need."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError
from dipfolio.study.claims import CLAIMS, adapted_claim
from dipfolio.study.history import History, claim_bars, claim_history
from dipfolio.study.verdicts import judge_claims
from tests.support.markets import make_bars

STRATEGIES = Path(__file__).parents[2] / "strategies"
CLAIM = {claim.id: claim for claim in CLAIMS}
BEGINNINGS = {
    "^VIX": 0, "SPY": 5, "NVDA": 100, "MSFT": 100, "AMZN": 100, "QQQ": 140, "GOOG": 250, "SMH": 300, "META": 400, "FXI": 420,
    "KWEB": 450, "ARM": 700,
}  # fmt: skip
DAYS = calendar.between("2020-01-02", "2025-12-31")


@pytest.fixture(scope="module")
def bars():
    """A random market from 2020 to 2025, in which each symbol begins on another session."""
    random = np.random.default_rng(11)
    market = {}
    for symbol, first in BEGINNINGS.items():
        close = 100 * np.exp(random.normal(0, 0.02, len(DAYS)).cumsum())
        close = 15 + 15 * random.uniform(size=len(DAYS)) if symbol == "^VIX" else close
        market[symbol] = np.where(np.arange(len(DAYS)) < first, np.nan, close)
    return make_bars(market, start="2020-01-02")


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("G1", 300),  # SMH
        ("G11", 300),  # SMH and SPY
        ("G7", 100),  # NVDA
        ("B2", 100),  # one of the hyperscalers, and NVDA, and SPY
        ("A3", 140),  # one of the hyperscalers, and QQQ
        ("A8", 300),  # NVDA and SMH
        ("K1", 100),  # NVDA
        ("A2", 300),  # SMH
        ("G12", 300),  # SMH and the volatility index
        ("K6", 450),  # KWEB and QQQ
    ],
)
def test_a_claim_begins_with_the_last_of_what_it_needs(bars, name, first):
    claim = adapted_claim(CLAIM[name], bars.symbols)
    own = claim_bars(claim, bars, STRATEGIES)
    assert own.sessions[0] == DAYS[first]
    assert claim_history(claim, own) == History(first=str(DAYS[first].date()), last="2025-12-31", sessions=len(DAYS) - first)


def test_a_side_of_a_pair_that_begins_later_decides():
    """NVDA is sold short from the first session on, but there is something to buy from the third on only."""
    bars = make_bars({"NVDA": [1.0] * 5, "MSFT": [np.nan, np.nan, 1, 1, 1], "SPY": [1.0] * 5}, start="2025-01-24")
    claim = replace(CLAIM["B2"], parameters={"universe": "MSFT"})
    assert str(claim_bars(claim, bars, STRATEGIES).sessions[0].date()) == "2025-01-28"


def test_a_fact_uses_the_gaps_before_the_event_and_nothing_else(bars):
    used = claim_history(CLAIM["A0"], bars)
    event = DAYS.get_loc(pd.Timestamp("2025-01-27"))
    assert used == History(first=str(DAYS[event - 261].date()), last="2025-01-27", sessions=262)


@pytest.mark.parametrize("name", ["A4c", "A7", "G9", "G13"])
def test_a_claim_without_prices_of_its_own_has_no_history(bars, name):
    assert claim_history(CLAIM[name], bars) is None


def test_a_claim_whose_symbols_are_missing_keeps_all_bars_and_its_own_message(bars):
    without = bars.select(("SPY", "NVDA", "QQQ"))
    assert claim_bars(CLAIM["G1"], without, STRATEGIES) is without
    verdict = judge_claims(without, STRATEGIES, [CLAIM["G1"]], contests=False)["G1"]
    assert (verdict.history, verdict.reason) == (None, "There is no symbol 'SMH'.")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["A8", "B2", "A2", "K1", "K5", "G1", "G4", "G7", "G11"])
def test_older_data_of_other_symbols_change_nothing(bars, name):
    """The volatility index begins first; without it and what else the claim does not need, every estimate is the same."""
    whole = judge_claims(bars, STRATEGIES, [CLAIM[name]], contests=False)[name]
    alone = claim_bars(CLAIM[name], bars, STRATEGIES)
    again = judge_claims(alone, STRATEGIES, [CLAIM[name]], contests=False)[name]
    assert whole.estimates
    assert repr(whole.estimates) == repr(again.estimates)
    assert whole.history == again.history
    assert len(alone) < len(bars)


def test_the_embedded_data_are_used_whole_by_every_claim_but_the_fact():
    bars = load_bars(STRATEGIES.parent / "data")
    for claim in (claim for claim in CLAIMS if not claim.decades):
        assert claim_bars(claim, bars, STRATEGIES) is bars
        used = claim_history(claim, bars)
        if claim.kind not in ("same", "untestable", "fact"):
            assert used == History(first="2024-01-02", last="2025-12-31", sessions=502)


def test_a_claim_about_the_decades_has_bars_of_its_own(tmp_path, monkeypatch):
    bars = load_bars(STRATEGIES.parent / "data")
    claim = next(claim for claim in CLAIMS if claim.id == "D1")
    own = claim_bars(claim, bars, STRATEGIES)
    assert claim_history(claim, own) == History(first="1999-01-04", last="2018-12-31", sessions=5_031)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arch").mkdir()
    with pytest.raises(DataError, match="hides the data of the package arch"):
        claim_bars(claim, bars, STRATEGIES)
