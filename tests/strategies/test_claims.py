"""What holds for every strategy of the article, of the bear and of the commenter, and for the yardsticks."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.simulation import simulate

CLAIMS = {
    "buy-the-dip": "A1",
    "hold-to-recovery": "A2",
    "buy-hyperscalers": "A3",
    "buy-before-earnings": "A4a",
    "chips-on-capex": "A4b",
    "buy-chipmakers": "A5",
    "buy-stargate": "A6",
    "panic-and-rebuy": "A7",
    "nvda-over-chips": "A8",
    "short-nvda": "B1",
    "hyperscalers-over-nvda": "B2",
    "short-nvda-friday": "K1",
    "short-every-friday": "K5",
    "equal-weight": "",
    "hold-benchmark": "",
}
VARIANTS = [
    *((name, {}) for name in CLAIMS),
    ("buy-stargate", {"partners_only": True}),
    ("short-nvda", {"entry": "monday-close"}),
    ("short-nvda", {"entry": "first-unrestricted"}),
    ("hyperscalers-over-nvda", {"neutral": "beta"}),
    ("hyperscalers-over-nvda", {"neutral": "beta", "entry": "first-unrestricted"}),
    ("short-every-friday", {"weekday": "monday"}),
    ("short-every-friday", {"weekday": "thursday"}),
]
ONE_EVENT = [name for name, claim in CLAIMS.items() if claim and name not in ("short-every-friday", "panic-and-rebuy")]


@pytest.mark.parametrize(
    ("name", "parameters"), VARIANTS, ids=lambda part: part if isinstance(part, str) else "-".join(map(str, part.values()))
)
def test_no_decision_changes_when_the_future_is_cut_off(bars, strategy, name, parameters):
    idea = strategy(name, **parameters)
    own = bars.select(idea.symbols)
    whole = idea.targets(own)
    assert whole.notna().to_numpy().any()
    january = own.sessions[(own.sessions >= "2025-01-15") & (own.sessions <= "2025-02-14")]
    for last in own.sessions[::20].union(january):
        pd.testing.assert_frame_equal(idea.targets(own.until(last)), whole.loc[:last])


@pytest.mark.parametrize("name", CLAIMS)
def test_it_runs_with_its_defaults(bars, strategy, name):
    result = simulate(strategy(name), bars, benchmark="SPY")
    assert len(result.trades) + len(result.open_positions) > 0
    assert set(result.events["kind"]) <= {"unfilled"}  # nothing was scaled, refused or called
    assert result.residual < 0.01
    assert np.isfinite(result.equity["equity"]).all()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_runs_with_its_defaults_on_the_longer_history(longer, strategy, name):
    result = simulate(strategy(name), longer, benchmark="SPY")
    assert len(result.trades) + len(result.open_positions) > 0
    assert result.residual < 0.01


@pytest.mark.parametrize("name", ONE_EVENT)
def test_a_second_source_of_prices_gives_the_same_trades(bars, longer, strategy, name):
    facts = ["symbol", "side", "entry_session", "entry_at", "exit_session", "exit_at", "reason"]
    here = simulate(strategy(name), bars).trades
    there = simulate(strategy(name), longer, end=bars.sessions[-1].date()).trades
    pd.testing.assert_frame_equal(here[facts], there[facts])
    np.testing.assert_allclose(here["return"], there["return"], atol=3e-4)  # both sources are within 1.5 cents


@pytest.mark.parametrize(("name", "claim"), CLAIMS.items())
def test_it_says_what_it_is_and_which_claim_it_tests(strategy, name, claim):
    idea = strategy(name)
    text = type(idea).__doc__
    assert idea.claim == claim
    assert f"Claim {claim}" in text or f"Claims {claim}" in text or not claim
    assert len(idea.title) < 100
    assert idea.title.endswith(".")
    assert "indsight" in text or name == "short-nvda-friday"
    assert all(field.metadata.get("help") for field in dataclasses.fields(idea))
