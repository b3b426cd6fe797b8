"""Rules on many dates: which trades count in which sample, and the error of their mean, worked out again with numpy."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.claims import CLAIMS
from dipfolio.evidence.outcomes import decisions_of, outcomes_of
from dipfolio.evidence.placebo import clusters
from dipfolio.evidence.repeated import mean_estimates, paired_estimates
from dipfolio.market.folder import load_bars

STRATEGIES = Path(__file__).parents[2] / "strategies"
CLAIM = {claim.id: claim for claim in CLAIMS}
FREE = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)


@pytest.fixture(scope="module")
def bars():
    return load_bars(STRATEGIES.parent / "data")


def trades(name, bars):
    strategy = load_strategy(STRATEGIES, name)(hold=20, skip_event=True)
    return simulate(strategy, bars, FREE).trades.set_index("entry_session")


def test_two_rules_are_compared_on_the_dips_that_both_traded_in_each_sample_apart(bars):
    one, other = trades("dip-with-stops", bars), trades("dip-rule", bars)
    both = one.index.intersection(other.index)
    ended = np.maximum(one["exit_session"][both], other["exit_session"][both])
    parts = {"design": both[ended <= "2025-01-24"], "confirmation": both[both > "2025-01-28"]}
    found = {estimate.sample: estimate for estimate in paired_estimates(CLAIM["G5"], bars, STRATEGIES)}
    assert set(found) == {sample for sample, days in parts.items() if len(days) > 1} == {"design", "confirmation"}
    for sample, days in parts.items():
        difference = (one["return"][days] - other["return"][days]).to_numpy()
        groups = pd.Series(difference).groupby(clusters(bars.sessions.get_indexer(days))).mean()
        half = stats.t.ppf(0.975, len(groups) - 1) * math.sqrt(
            ((groups - groups.mean()) ** 2).sum() / (len(groups) - 1) / len(groups)
        )
        estimate = found[sample]
        assert (estimate.observations, estimate.clusters) == (len(days), len(groups))
        assert estimate.effect == pytest.approx(difference.mean(), abs=1e-12)
        assert (estimate.high - estimate.low) / 2 == pytest.approx(half, rel=1e-6)


def test_the_error_of_a_weekly_mean_allows_for_four_weeks_of_autocorrelation(bars):
    claim = next(claim for claim in CLAIMS if claim.kind == "mean")
    strategy = load_strategy(STRATEGIES, claim.strategy)()
    outcomes = outcomes_of(decisions_of(strategy, bars), bars, claim.benchmark).between("2025-01-28", bars.sessions[-1])
    weeks = outcomes.returns[outcomes.flags]
    weeks = weeks[~np.isnan(weeks)]
    count, rest = len(weeks), weeks - weeks.mean()
    lagged = [(rest[lag:] * rest[: count - lag]).sum() / count for lag in range(5)]
    variance = lagged[0] + 2 * sum((1 - lag / 5) * lagged[lag] for lag in range(1, 5))
    error = math.sqrt(variance / count * count / (count - 1))
    found = next(estimate for estimate in mean_estimates(claim, bars, STRATEGIES) if estimate.sample == "confirmation")
    assert found.observations == count
    assert found.effect == pytest.approx(weeks.mean(), abs=1e-12)
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * error, rel=1e-6)
