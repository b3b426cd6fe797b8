"""Rules on many dates: which trades count in which sample, and the error of their mean, worked out again with numpy."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from dipfolio.evidence.calendar_time import mean_session_test
from dipfolio.evidence.trade_outcomes import decisions_of, outcomes_of
from dipfolio.study.claims import CLAIMS, adapted_claim
from dipfolio.study.rule_claims import claim_decisions, mean_estimates, paired_estimates, signal_strategy, split_estimates

STRATEGIES = Path(__file__).parents[2] / "strategies"
CLAIM = {claim.id: claim for claim in CLAIMS}
FREE = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)


@pytest.fixture(scope="module")
def bars():
    return load_bars(STRATEGIES.parent / "data")


def returns(name, bars, start=None):
    strategy = load_strategy(STRATEGIES, name)(hold=20, skip_event=True)
    return simulate(strategy, bars, FREE, start=start)


def test_two_rules_are_compared_session_by_session_in_each_sample_apart(bars):
    found = {estimate.sample: estimate for estimate in paired_estimates(CLAIM["G5"], bars, STRATEGIES)}
    windows = {"design": (bars.until(pd.Timestamp("2025-01-24")), None), "confirmation": (bars, pd.Timestamp("2025-01-28"))}
    assert set(found) == set(windows)
    for sample, (window, start) in windows.items():
        one, other = returns("dip-with-stops", window, start), returns("dip-rule", window, start)
        difference = (one.returns - other.returns).to_numpy()
        dips = len(other.trades) + len(other.open_positions)
        made = difference[difference != 0]
        estimate = found[sample]
        assert estimate.observations == dips
        assert estimate.effect == pytest.approx(difference.sum() / dips, abs=1e-12)
        assert estimate.observed - estimate.usual == pytest.approx(estimate.effect, abs=1e-12)
        assert math.isnan(estimate.low)  # fewer than 8 groups of dips
        test = mean_session_test(difference, dips, np.array([0, 100, 200]))
        assert test.error == pytest.approx(math.sqrt(((made - made.mean()) ** 2).sum()) / dips)


def test_a_weekly_mean_is_that_of_its_weeks(bars):
    claim = next(claim for claim in CLAIMS if claim.kind == "mean")
    strategy = load_strategy(STRATEGIES, claim.strategy)()
    outcomes = outcomes_of(decisions_of(strategy, bars), bars, claim.benchmark).between("2025-01-28", bars.sessions[-1])
    weeks = outcomes.returns[outcomes.flags]
    weeks = weeks[~np.isnan(weeks)]
    found = next(estimate for estimate in mean_estimates(claim, bars, STRATEGIES) if estimate.sample == "confirmation")
    assert found.observations == len(weeks)
    assert found.effect == pytest.approx(weeks.mean(), abs=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(stats.ttest_1samp(weeks, 0).confidence_interval()))


ROOT = Path(__file__).parents[2]
BY_ID = {claim.id: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def bars_of_signalled():
    return load_bars(ROOT / "data")


@pytest.mark.parametrize("name", ["G2", "G11"])
def test_it_buys_at_the_open_after_each_signal_and_sells_after_its_time(bars_of_signalled, name):
    claim = BY_ID[name]
    trades = simulate(signal_strategy(claim, bars_of_signalled, 5), bars_of_signalled, Account().without_costs()).trades
    flags = claim_decisions(claim, bars_of_signalled, ROOT / "strategies", 5).flags
    decided = bars_of_signalled.sessions[bars_of_signalled.sessions.get_indexer(trades["entry_session"]) - 1]
    assert len(trades) > 5
    assert set(decided) <= set(bars_of_signalled.sessions[flags])
    rows = bars_of_signalled.sessions.get_indexer(trades["entry_session"])
    np.testing.assert_allclose(trades["entry_price"], bars_of_signalled.open["SMH"].to_numpy()[rows])
    np.testing.assert_allclose(trades["exit_price"], bars_of_signalled.close["SMH"].to_numpy()[rows + 5])


@pytest.mark.parametrize(("name", "day"), [("G2", "2025-01-24"), ("G11", "2025-01-27")])
def test_the_event_has_a_signal_that_is_not_traded(bars_of_signalled, name, day):
    claim = BY_ID[name]
    assert claim_decisions(claim, bars_of_signalled, ROOT / "strategies", 5).flags[bars_of_signalled.sessions.get_loc(day)]
    wanted = signal_strategy(claim, bars_of_signalled, 5).targets(bars_of_signalled.select(("SMH",)))
    assert wanted.loc[pd.Timestamp(day)].isna().all()


def test_it_is_named_by_its_signal(bars_of_signalled):
    strategy = signal_strategy(BY_ID["G11"], bars_of_signalled, 20)
    assert (strategy.name, strategy.symbols, strategy.parameters["hold"]) == ("sector-shock", ("SMH",), 20)
    assert strategy.title.startswith("Sector shock: Buy chips after")


def test_a_claim_without_a_signal_is_refused(bars_of_signalled):
    with pytest.raises(ParameterError, match="G1 has no signal"):
        signal_strategy(BY_ID["G1"], bars_of_signalled, 5)


def market_with_volatility_index(bars, level):
    """The bars with a volatility index of these closes."""
    index = pd.DataFrame({"^VIX": level}, index=bars.sessions)
    joined = {name: getattr(bars, name).join(index) for name in ("open", "high", "low", "close")}
    return replace(
        bars, **joined, volume=bars.volume.join(0 * index), dividends=bars.dividends.join(0 * index), splits=(), warnings=()
    )  # fmt: skip


def test_dips_are_split_by_the_volatility_index_of_their_own_close(bars):
    """The trades of each kind again: from the next open to the close five sessions later, none while another is open."""
    level = 24.0 + 10 * np.sin(np.random.default_rng(8).normal(0, 0.1, len(bars)).cumsum())  # from 14 to 34, slowly
    bars = market_with_volatility_index(bars.select(("SMH",)), level)
    claim = replace(adapted_claim(CLAIM["G12"], bars.symbols), parameters={"drop": 0.02})
    whole, calm, nervous = (e for e in split_estimates(claim, bars, STRATEGIES) if e.horizon == 5 and e.sample == "design")
    known = bars.until(pd.Timestamp("2025-01-24"))
    enter, leave = known.open["SMH"].shift(-1), known.close["SMH"].shift(-6)
    paid = known.dividends["SMH"].cumsum()
    earned = ((leave - enter + paid.shift(-6) - paid.shift(-1)) / enter).to_numpy()
    dips = ((known.close["SMH"] + known.dividends["SMH"]) / known.close["SMH"].shift() - 1 <= -0.02).to_numpy()
    for estimate, times in ((calm, known.close["^VIX"] < 25), (nervous, known.close["^VIX"] >= 25)):
        rows, free = [], 0
        for row in np.flatnonzero(dips & times.to_numpy() & ~np.isnan(earned)):
            if row >= free:
                rows.append(row)
                free = row + 6
        assert estimate.observations == len(rows)
        assert estimate.observed == pytest.approx(earned[rows].mean(), abs=1e-12)
    assert whole.effect == pytest.approx(calm.effect - nervous.effect, abs=1e-12)
    assert (whole.observed, whole.usual) == (calm.observed, nervous.observed)
    assert whole.observations == calm.observations + nervous.observations
    assert whole.clusters == min(calm.clusters, nervous.clusters)
    assert (calm.label, nervous.label) == ("^VIX below 25", "^VIX at 25 or above")


def test_a_split_with_one_cluster_on_a_side_has_no_test(bars):
    bars = market_with_volatility_index(bars.select(("SMH",)), np.full(len(bars), 12.0))
    claim = adapted_claim(CLAIM["G12"], bars.symbols)
    first = next(split_estimates(claim, bars, STRATEGIES))
    assert math.isnan(first.p_value)
    assert math.isnan(first.effect)
    assert first.observations > 0
