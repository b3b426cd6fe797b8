"""The claims: all there, each with what it needs."""

from pathlib import Path

import pytest

from dipfolio.engine.loader import list_strategy_files
from dipfolio.study.claims import CLAIMS, adapted_claim, gap_down, sector_shock
from dipfolio.study.event_claims import build_strategy
from tests.support.markets import make_bars

ROOT = Path(__file__).parents[2]
BY_ID = {claim.id: claim for claim in CLAIMS}


def test_every_claim_of_the_specification_has_a_record():
    expected = ["A0", "A1", "A2", "A3", "A4a", "A4b", "A4c", *(f"A{n}" for n in range(5, 10)), "B1", "B2", "B3"]
    expected += [*(f"K{n}" for n in range(1, 7)), *(f"G{n}" for n in range(1, 15)), *(f"D{n}" for n in range(1, 8))]
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
            build_strategy(ROOT / "strategies", claim, claim.horizons[0] if claim.horizons else 0, changes)


def test_a_strategy_tests_the_claim_that_its_file_names():
    named = {entry.name: entry.claim for entry in list_strategy_files(ROOT / "strategies")}
    for claim in CLAIMS:
        if claim.strategy and claim.id not in ("K2", "K3", "K4") and not claim.decades:  # of the file of K1, or of the rule
            assert named[claim.strategy] == claim.id


def test_the_primary_horizon_is_five_sessions_unless_the_claim_speaks_of_longer_or_of_one():
    first = {claim.id: claim.horizons[0] for claim in CLAIMS if claim.family}
    other = {name: horizon for name, horizon in first.items() if horizon != 5}
    # quarters and a year; a wait; each day or weekend; the strategies' own hold where two are compared or cases listed
    expected = {"A5": 60, "A8": 250, "A2": 250, "G7": 1, "K5": 1, "G14": 1, "G3": 60, "G4": 20, "G5": 20}
    expected |= {"D3": 20, "D4": 20, "D5": 1, "D6": 1, "D7": 1}  # as the rules that they carry to other decades
    assert other == expected


def test_the_signals_that_have_no_strategy_by_hand():
    market = make_bars({"SMH": [100, 96, 96, 90], "SPY": [100, 99, 98, 96]}, opens={"SMH": [100, 98, 93, 96]})
    assert gap_down(market).tolist() == [True, True, False, False]  # seen at the next open
    assert sector_shock(market).tolist() == [False, True, False, False]  # on the last day SPY falls by 2 % as well


@pytest.mark.parametrize(
    ("symbols", "universe", "variants"),
    [
        (("KWEB", "FXI"), "KWEB", ["over NVDA", "FXI", "Monday's close", "Tuesday's open"]),
        (("FXI",), "FXI", ["over NVDA", "Monday's close", "Tuesday's open"]),
    ],
)
def test_china_is_an_event_where_a_chinese_fund_is_there(symbols, universe, variants):
    claim = adapted_claim(BY_ID["K6"], symbols)
    assert (claim.kind, claim.benchmark, claim.family, claim.horizons) == ("event", "QQQ", "F1", (5, 20, 60))
    assert build_strategy(ROOT / "strategies", claim, 5).symbols == (universe,)
    assert list(claim.variants) == variants


def test_calm_times_are_split_where_the_volatility_index_is_there():
    claim = adapted_claim(BY_ID["G12"], ("SMH", "^VIX"))
    assert (claim.kind, claim.reads, claim.family) == ("split", ("^VIX",), "F2")


@pytest.mark.parametrize(("name", "symbol"), [("K6", "KWEB"), ("G12", "^VIX")])
def test_without_their_symbols_they_say_what_to_fetch(name, symbol):
    claim = adapted_claim(BY_ID[name], ("SMH", "SPY", "NVDA"))
    assert claim is BY_ID[name]
    assert claim.kind == "untestable"
    assert claim.remark.removeprefix("Our reading of a remark. ").startswith("These data have no ")
    assert symbol in claim.remark
    assert "data fetch" in claim.remark


def test_no_other_claim_depends_on_what_else_is_there():
    for claim in CLAIMS:
        if claim.id not in ("K6", "G12"):
            assert adapted_claim(claim, ("KWEB", "FXI", "^VIX")) is claim


def test_a_shock_of_the_sector_is_found_by_its_rule_and_by_no_date():
    """The same moves on other dates are the same signals: -4 % of SMH with SPY above -2 %."""
    moves = {"SMH": [100, 95.9, 95.9, 91.9, 92], "SPY": [100, 98.1, 98.1, 96.0, 96]}
    for start in ("1999-02-01", "2025-01-24", "2026-03-02"):
        assert sector_shock(make_bars(moves, start=start)).tolist() == [False, True, False, False, False]


def test_the_decades_are_judged_by_the_rules_of_the_study_on_an_index():
    rules = {"D1": "G1", "D2": "G1", "D3": "G4", "D4": "G5", "D5": "G7", "D6": "G14", "D7": "K5"}
    assert {claim.id for claim in CLAIMS if claim.decades} == set(rules)
    for name, rule in rules.items():
        claim = BY_ID[name]
        assert (claim.strategy, claim.kind, claim.horizons) == (BY_ID[rule].strategy, BY_ID[rule].kind, BY_ID[rule].horizons)
        assert claim.parameters["universe"] in ("^IXIC", "^GSPC")
        assert claim.family == "F5"


def test_the_margin_follows_from_the_first_horizon():
    margins = {name: BY_ID[name].margin for name in ("G7", "A1", "G4", "A5", "A8")}
    assert margins == {"G7": 0.0025, "A1": 0.01, "G4": 0.01, "A5": 0.03, "A8": 0.05}
