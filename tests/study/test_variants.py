"""Variants: every one is counted, the best is deflated, and timing is measured against holding."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import DataError
from dipfolio.evidence.trial_log import SweepTrials
from dipfolio.evidence.walk_forward import WalkForwardScheme, run_walk_forward
from dipfolio.study.claims import CLAIMS
from dipfolio.study.variants import evaluate_variants, parameter_combinations, timing_returns
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.grids], ids=lambda claim: claim.id)
def test_every_variant_of_a_grid_can_be_built_and_none_stands_twice(claim):
    kind = load_strategy(ROOT / "strategies", claim.strategy)
    variants = [kind(**variant) for grid in claim.grids for variant in parameter_combinations(grid)]
    assert len(set(map(repr, variants))) == len(variants)


STRATEGIES = ROOT / "strategies"
BY_ID = {claim.id: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.mark.slow
def test_a_contest_counts_every_variant_and_deflates_the_best(bars):
    claim = replace(BY_ID["G8"], grids=({"drop": (0.04, 0.06), "hold": (5, 20)}, {"drop": (0.60,)}))
    found = evaluate_variants(claim, bars, STRATEGIES)
    assert len(found.trials) == 5
    assert sum(math.isnan(trial.ratio) for trial in found.trials) == 1  # NVDA never falls by 60 %
    assert found.deflated.trials == len(found.survivors.t) == 4
    ratios = [trial.ratio for trial in found.trials if not math.isnan(trial.ratio)]
    assert found.best.ratio == max(ratios) == found.sharpe.ratio
    assert found.deflated.probability == pytest.approx(found.sharpe.deflated(4, np.var(ratios, ddof=1)))
    assert found.deflated.probability < found.effectively_deflated < found.probability
    assert 1 <= found.effective <= 4
    assert found.best.window[1] == "2025-01-24"
    swept = SweepTrials(
        family="short-after-shock", strategy="short-after-shock", axes={"drop": (0.1,)}, window=("2024-01-02", "2025-12-31"),
        figures="abc", observations=found.sharpe.observations, traded=96, mean=0.0, squares=0.96,
    )  # fmt: skip
    more = found.beside([swept, replace(swept, strategy="other"), *found.trials])
    assert more.deflated.trials == 100
    variance = (0.96 + sum(ratio**2 for ratio in ratios) - sum(ratios) ** 2 / 100) / 99
    assert more.deflated.variance == pytest.approx(variance)
    assert more.deflated.probability == pytest.approx(found.sharpe.deflated(100, variance))
    assert (more.effective, more.trials) == (found.effective, found.trials)
    with pytest.raises(DataError, match="has 0 variants that trade"):
        evaluate_variants(replace(claim, grids=({"drop": (0.60,)},)), bars, STRATEGIES)


@pytest.mark.slow
def test_holding_all_the_time_has_no_timing(bars):
    kind = load_strategy(STRATEGIES, "hold-benchmark")
    result = simulate(kind(universe="SMH"), bars)
    excess = timing_returns(result, bars)
    assert np.abs(excess[2:]).max() < 0.001
    assert result.returns.std() > 0.01


def test_combinations_are_all_of_them_in_the_order_of_the_grid():
    assert parameter_combinations({"drop": (0.04, 0.06), "hold": (5, 20)}) == [
        {"drop": 0.04, "hold": 5}, {"drop": 0.04, "hold": 20}, {"drop": 0.06, "hold": 5}, {"drop": 0.06, "hold": 20},
    ]  # fmt: skip
    assert parameter_combinations({}) == [{}]
    assert parameter_combinations({"drop": ()}) == []


def test_timing_is_the_return_over_that_of_the_mean_weight_by_hand():
    # all of 1,000,000 in A from the second open to the fourth: held over two of five closes, each at a weight of one
    bars = make_bars({"A": [100.0, 100, 110, 110, 99]})
    result = simulate(script({0: {"A": 10_000}, 2: {"A": 0}}), bars, Account().without_costs())
    own = np.array([0.0, 0.0, 0.1, 0.0, 0.0])
    market = np.array([0.0, 0.0, 0.1, 0.0, -0.1])
    np.testing.assert_allclose(timing_returns(result, bars), own - 2 / 5 * market, atol=1e-12)


def test_data_that_begin_after_the_event_have_no_variants_to_compare():
    bars = make_bars({"NVDA": [100.0, 101.0], "SMH": [100.0, 101.0]}, start="2025-02-03")
    with pytest.raises(DataError, match="The data begin after 2025-01-24; a contest needs some before"):
        evaluate_variants(BY_ID["G8"], bars, STRATEGIES)


def test_the_walk_forward_test_of_a_rule_is_that_of_its_grid():
    rng = np.random.default_rng(8)
    close = np.round(80 * np.exp(rng.normal(0.0003, 0.02, 1_100).cumsum()), 2)
    bars = make_bars({"SMH": close}, start="2020-03-02")
    claim = replace(BY_ID["G1"], grids=({"drop": (0.02, 0.03), "hold": (5, 20)},))
    found = evaluate_variants(claim, bars, STRATEGIES).walk
    assert len(found.parts) == 3  # four years, of which the first is for the choice
    kind = load_strategy(STRATEGIES, "dip-rule")
    swept = run_walk_forward(
        kind,
        bars,
        scheme=WalkForwardScheme(parts=3, rank_by="sharpe"),
        drop=[0.02, 0.03],
        hold=[5, 20],
        skip_event=[True],
        universe=["SMH"],
    )
    assert [part.choice.parameters for part in found.parts] == [part.choice.parameters for part in swept.parts]
    assert [part.choice.value for part in found.parts] == pytest.approx([part.choice.value for part in swept.parts])
    assert found.equity.to_numpy() == pytest.approx(swept.equity.to_numpy(), abs=0.01)
    assert evaluate_variants(claim, bars.until(bars.sessions[700]), STRATEGIES).walk is None
