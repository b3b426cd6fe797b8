"""The claims: all there, each with what it needs."""

from pathlib import Path

import pytest

from dipfolio.engine.catalogue import entries, load_strategy
from dipfolio.evidence.claims import CLAIMS, gap_down, sector_shock
from dipfolio.evidence.contest import combinations
from dipfolio.evidence.single import built
from tests.markets import make_bars

ROOT = Path(__file__).parents[2]
BY_ID = {claim.id: claim for claim in CLAIMS}


def test_every_claim_of_the_specification_has_a_record():
    expected = ["A0", "A1", "A2", "A3", "A4a", "A4b", "A4c", *(f"A{n}" for n in range(5, 10)), "B1", "B2", "B3"]
    expected += [*(f"K{n}" for n in range(1, 7)), *(f"G{n}" for n in range(1, 15))]
    assert [claim.id for claim in CLAIMS] == expected


def test_the_horizons_and_grids_are_those_that_were_written_down_before_any_result():
    fixed = dict.fromkeys(("A1", "A3", "A6", "B1", "B2", "G1", "G2", "G8", "G10", "G11"), (5, 20, 60))
    fixed |= {"A2": (250,), "A5": (60, 120, 250), "A8": (250, 60, 120), "G4": (20,), "G5": (20,), "G14": (1, 5)}
    assert {name: BY_ID[name].horizons for name in fixed} == fixed
    holds = (1, 3, 5, 10, 20, 60)
    grids = {
        "G1": ({"drop": (0.02, 0.03, 0.04, 0.05, 0.06), "hold": holds}, {"sigmas": (2.0, 2.5, 3.0), "hold": holds}),
        "G7": ({"window": (20, 50, 100, 200)}, {"by": ("momentum",)}),
        "G8": ({"drop": (0.04, 0.06, 0.08), "hold": (1, 5, 10, 20)},),
        "G10": ({"gap": (0.03, 0.05, 0.08), "side": ("continuation", "reversal"), "hold": (5, 20, 60)},),
    }
    assert {claim.id: claim.grids for claim in CLAIMS if claim.grids} == grids


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_says_what_it_needs(claim):
    assert claim.sentence.endswith(".")
    assert claim.hypothesis
    if claim.kind == "same":
        assert BY_ID[claim.same_as].kind != "same"
        assert not claim.family
    if claim.kind in ("event", "duration", "rule", "paired", "mean"):
        assert claim.family
        assert claim.horizons
    if claim.kind == "untestable":
        assert claim.remark
    if claim.strategy and claim.kind != "same":
        for changes in ({}, *(claim.variants.values() if claim.kind != "paired" else ())):
            built(ROOT / "strategies", claim, claim.horizons[0] if claim.horizons else 0, changes)


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.grids], ids=lambda claim: claim.id)
def test_every_variant_of_a_grid_can_be_built_and_none_stands_twice(claim):
    kind = load_strategy(ROOT / "strategies", claim.strategy)
    variants = [kind(**variant) for grid in claim.grids for variant in combinations(grid)]
    assert len(set(map(repr, variants))) == len(variants)


def test_a_strategy_tests_the_claim_that_its_file_names():
    named = {entry.name: entry.claim for entry in entries(ROOT / "strategies")}
    for claim in CLAIMS:
        if claim.strategy and claim.id not in ("K2", "K3", "K4"):  # of the file of K1
            assert named[claim.strategy] == claim.id


def test_the_primary_horizon_is_five_sessions_unless_the_claim_speaks_of_longer_or_of_one():
    first = {claim.id: claim.horizons[0] for claim in CLAIMS if claim.family}
    other = {name: horizon for name, horizon in first.items() if horizon != 5}
    # quarters and a year; a wait; each day or weekend; the strategies' own hold where two are compared or cases listed
    expected = {"A5": 60, "A8": 250, "A2": 250, "G7": 1, "K5": 1, "G14": 1, "G3": 60, "G4": 20, "G5": 20}
    assert other == expected


def test_the_signals_that_have_no_strategy_by_hand():
    market = make_bars({"SMH": [100, 96, 96, 90], "SPY": [100, 99, 98, 96]}, opens={"SMH": [100, 98, 93, 96]})
    assert gap_down(market).tolist() == [True, True, False, False]  # seen at the next open
    assert sector_shock(market).tolist() == [False, True, False, False]  # on the last day SPY falls by 2 % as well
