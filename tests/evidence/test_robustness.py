import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.evidence import robustness
from dipfolio.evidence.robustness import changed_values, measure_robustness, trade_groups
from dipfolio.evidence.sensitivity import with_delay
from tests.support.markets import make_bars, random_market
from tests.support.strategies import script

STRATEGIES = Path(__file__).parents[2] / "strategies"


def made(result):
    return result.equity["equity"].iloc[-1] - result.account.cash


def labelled(found):
    return {case.label: case for case in found.cases}


@pytest.fixture(scope="module")
def market():
    return make_bars(**random_market(120, ["A", "B", "SPY"], seed=11))


@pytest.fixture(scope="module")
def rule():
    return load_strategy(STRATEGIES, "dip-rule")(universe="A,B", drop=0.03, hold=4)


@pytest.mark.parametrize("start", [None, 30])
def test_each_case_is_that_run_in_backtrader(market, rule, start):
    account, first = Account(slippage_bps=5.0), None if start is None else market.sessions[start].date()
    result = simulate(rule, market, account, benchmark="SPY", start=first)
    found = labelled(measure_robustness(rule, market, result))
    others = {
        "one session later": with_delay(rule, 1),
        "drop 0.024 instead of 0.03": replace(rule, drop=0.024),
        "drop 0.036 instead of 0.03": replace(rule, drop=0.036),
        "hold 3 instead of 4": replace(rule, hold=3),
        "hold 5 instead of 4": replace(rule, hold=5),
    }
    assert list(found) == ["one session later", "twice the costs on the same fills", *list(others)[1:]]
    for label, strategy in others.items():
        other = simulate(strategy, market, account, start=first)
        assert found[label].profit == pytest.approx(made(other), abs=0.005), label
        assert found[label].trades == len(other.trades), label


def test_a_run_that_ends_early_is_varied_up_to_its_end(market, rule):
    end = market.sessions[60].date()
    result = simulate(rule, market, end=end)
    found = labelled(measure_robustness(rule, market, result))
    assert found["hold 5 instead of 4"].profit == pytest.approx(made(simulate(replace(rule, hold=5), market, end=end)), abs=0.005)


def test_twice_the_costs_and_those_that_take_the_whole_profit():
    bars = make_bars({"A": [100.0, 100, 110, 110]})
    account = replace(Account().without_costs(), slippage_bps=0.0, commission_minimum=50.0)
    result = simulate(script({0: {"A": 100}}, exits=(HoldFor(2),)), bars, account)
    # 100 shares at 100 and at 110 with $50 each: 1,000 - 100 = 900, with twice the costs 800, and nothing with ten times.
    found = measure_robustness(script({0: {"A": 100}}, exits=(HoldFor(2),)), bars, result)
    assert (found.profit, found.costs, found.breakeven_costs) == (900, 100, 10)
    assert labelled(found)["twice the costs on the same fills"].profit == 800


def test_the_interest_on_idle_cash_is_in_none_of_the_profits(market, rule):
    plain = measure_robustness(rule, market, simulate(rule, market, benchmark="SPY"))
    earning = market.with_cash_rate(0.04)
    result = simulate(rule, earning, benchmark="SPY")
    found = measure_robustness(rule, earning, result)
    assert found.interest_earned == result.interest_earned.sum() > 1_000
    assert found.profit == pytest.approx(made(result) - found.interest_earned)
    assert "interest_earned" not in plain.as_record()
    assert found.profit == pytest.approx(plain.profit, rel=0.02)  # a few shares more are bought with the interest
    cases = {"one session later": with_delay(rule, 1), "hold 5 instead of 4": replace(rule, hold=5)}
    for label, strategy in cases.items():
        alone = simulate(strategy, earning)
        assert labelled(found)[label].profit == pytest.approx(made(alone) - alone.interest_earned.sum(), abs=0.005)
    assert sum(time.profit for time in found.times) == pytest.approx(found.profit, abs=0.005)


def test_a_value_that_the_strategy_refuses_is_left_out(market, rule):
    shortest = replace(rule, hold=1)
    found = labelled(measure_robustness(shortest, market, simulate(shortest, market)))
    assert [label for label in found if label.startswith("hold")] == ["hold 2 instead of 1"]


def test_the_record_of_it_is_json(market, rule):
    found = measure_robustness(rule, market, simulate(rule, market, benchmark="SPY"))
    record = json.loads(json.dumps(found.as_record(), allow_nan=False))
    assert [case["profit"] for case in record["cases"]] == [case.profit for case in found.cases]
    assert record["breakeven_costs"] is None  # the rule lost
    assert record["times"][0]["sessions"] == found.times[0].sessions


def test_what_is_a_fifth_more_and_less():
    assert changed_values(5) == (4, 6)
    assert changed_values(1) == (0, 2)
    assert changed_values(3000) == (2400, 3600)
    assert changed_values(-5) == (-4, -6)
    assert changed_values(0.5) == (0.4, 0.6)
    assert [changed_values(value) for value in (0, 0.0, True, "open", None)] == [()] * 5


def test_calm_and_nervous_times_sum_to_the_profit(market, rule):
    result = simulate(rule, market, benchmark="SPY")
    calm, nervous = measure_robustness(rule, market, result).times
    assert calm.profit + nervous.profit == pytest.approx(made(result), abs=0.005)
    # Nothing is known before the first of the 120 sessions, which is calm; of the other 119 there are 59 above the median.
    assert (calm.sessions, nervous.sessions) == (61, 59)
    assert calm.invested + nervous.invested == round(measure(result).time_in_market * 120)


def test_what_is_nervous_is_known_on_the_close_before():
    closes = [100.0] * 10 + [120.0, 100.0] * 3 + [100.0] * 10
    bars = make_bars({"A": [50.0] * 25 + [60.0], "SPY": closes})
    result = simulate(script({0: {"A": 100}}), bars, Account().without_costs(), benchmark="SPY")
    calm, nervous = measure_robustness(script({0: {"A": 100}}), bars, result).times
    # The jumps are on rows 10 to 15: after them, on rows 11 to 22, are the 12 of 25 that are nervous. The profit comes on row 25.
    assert nervous.sessions == 12
    assert (calm.profit, nervous.profit) == (1000, 0)


def test_without_a_benchmark_there_are_no_calm_times(market, rule):
    assert measure_robustness(rule, market, simulate(rule, market)).times == ()


def trades(*spans):
    days = pd.date_range("2025-01-01", periods=60, unit="s")
    rows = [(days[a], pd.NaT if b is None else days[b], profit) for a, b, profit in spans]
    return pd.DataFrame(rows, columns=["entry_session", "exit_session", "profit"]).astype(
        {"entry_session": "datetime64[s]", "exit_session": "datetime64[s]"}
    )


def test_trades_whose_times_overlap_are_one_group():
    table = trades((20, 25, 7), (0, 10, 1), (3, 5, 2), (9, 12, -4), (12, 13, 8), (30, None, 5), (40, 41, 1))
    assert trade_groups(table).tolist() == [1 + 2 - 4 + 8, 7, 5 + 1]


def test_few_groups_of_trades_are_not_resampled(market):
    idea = script({0: {"A": 100}, 40: {"A": 100}}, exits=(HoldFor(5),))
    found = measure_robustness(idea, market, simulate(idea, market))
    assert found.band is None
    assert found.without_band.startswith("The run has 2 groups of trades whose times do not overlap; fewer than 8 are not")


def test_groups_of_trades_are_resampled(market):
    idea = script({row: {"A": 100} for row in range(0, 110, 11)}, exits=(HoldFor(3),))
    result = simulate(idea, market, Account().without_costs())
    band = measure_robustness(idea, market, result, seed=5).band
    profits = result.trades["profit"].to_numpy()
    assert (band.unit, band.count, band.block) == ("groups of trades", 10, 0)
    # The sum of ten draws with replacement: its mean and spread by formula, its quantiles by the normal one.
    deviation = profits.std() * np.sqrt(10)
    assert band.median == pytest.approx(profits.sum(), abs=0.15 * deviation)
    assert band.high - band.low == pytest.approx(2 * 1.645 * deviation, rel=0.1)
    assert measure_robustness(idea, market, result, seed=5).band == band
    assert measure_robustness(idea, market, result, seed=6).band != band


def test_an_account_that_is_always_invested_is_resampled_by_sessions():
    bars = make_bars(**random_market(400, "A", seed=2))
    idea = script({0: {"A": 1.0}}, unit="weight")
    result = simulate(idea, bars, Account().without_costs())
    band = measure_robustness(idea, bars, result).band
    logs = np.log1p(result.returns.to_numpy())
    assert (band.unit, band.count) == ("sessions", 400)
    assert band.median == pytest.approx(1e6 * np.expm1(logs.sum()), rel=0.2)
    spread = np.log1p(band.high / 1e6) - np.log1p(band.low / 1e6)
    assert spread == pytest.approx(2 * 1.645 * logs.std() * np.sqrt(400), rel=0.15)


def test_an_account_that_was_wiped_out_is_not_varied_over_the_sessions_until_then():
    bars = make_bars({"A": [100.0, 100, 100, 250, 90, 80, 70, 60]})
    idea = script({0: {"A": -1.9}}, unit="weight", exits=(HoldFor(6),))
    result = simulate(idea, bars, Account().without_costs())
    assert result.bankrupt
    found = measure_robustness(idea, bars, result)
    assert [case.kind for case in found.cases] == ["costs"]
    assert (found.band, found.without_band) == (None, "")
    assert found.left_out.startswith("The account was wiped out")


def test_large_runs_and_backtrader_strategies_say_why_they_are_not_varied(market, rule, monkeypatch):
    monkeypatch.setattr(robustness, "MAX_BARS", 100)
    found = measure_robustness(rule, market, simulate(rule, market))
    assert [case.label for case in found.cases] == ["twice the costs on the same fills"]
    assert found.left_out.startswith("The run has 240 bars; above 100 it is not simulated again")
