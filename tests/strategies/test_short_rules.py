"""short-after-shock and short-after-run-up: NVDA is shorted after a day or a month that stands out."""

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars
from tests.support.plain_rules import DATA, FOLDERS, column, held_for, idea, instructions, money, seen, told, total_returns

FREE = Account().without_costs()
UNCALLED = Account(maintenance_short_per_share=0).without_costs()
"""Five dollars a share is too much for the split-adjusted prices of years ago."""


def rows_of(name, closes, **parameters):
    return instructions(idea(name, universe="A", **parameters).targets(make_bars({"A": closes})))


def test_a_shock_of_six_per_cent_is_shorted_and_a_smaller_one_is_not():
    assert rows_of("short-after-shock", [100, 94, 94]) == [(1, -1.0)]
    assert rows_of("short-after-shock", [100, 94.01, 94.01]) == []


def test_the_short_is_sold_at_the_next_open_and_covered_at_the_close_five_sessions_later():
    bars = make_bars({"A": [100, 90, 89, 88, 87, 86, 85, 84, 83]}, opens={"A": [100, 99, 91, 88, 87, 86, 85, 84, 83]})
    trade = simulate(idea("short-after-shock", universe="A"), bars, FREE).trades.iloc[0]
    assert (trade["side"], trade["entry_session"], trade["entry_price"]) == ("short", bars.sessions[2], 91)
    assert (trade["exit_session"], trade["exit_price"]) == (bars.sessions[7], 84)
    assert trade["profit"] == pytest.approx((1_000_000 // 90) * (91 - 84))


def test_a_shock_while_the_short_is_open_is_ignored():
    bars = make_bars({"A": [100, 90, 80, 70, 70, 70]})
    result = simulate(idea("short-after-shock", universe="A", hold=2), bars, FREE)
    assert len(result.trades) == 1
    assert result.open_positions.empty


def test_the_shock_of_deepseek_monday_can_be_left_out():
    closes = [100.0] * 15 + [90.0, 80.0]
    assert rows_of("short-after-shock", closes) == [(15, -1.0), (16, -1.0)]
    assert rows_of("short-after-shock", closes, skip_event=True) == [(16, -1.0)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_shorts_after_shocks_are_those_of_a_plain_loop(folder):
    returns = total_returns("NVDA", folder)
    trips = held_for([t for t in range(1, len(returns)) if returns[t] <= -0.06], 5, len(returns))
    result = simulate(idea("short-after-shock"), load_bars(folder, ("NVDA",)), UNCALLED)
    assert len(trips) >= 10
    assert seen(result.trades, "NVDA") == told("NVDA", trips, folder)


def test_the_money_of_the_shorts_after_shocks_is_that_of_a_plain_loop():
    returns = total_returns("NVDA")
    trips = held_for([t for t in range(1, len(returns)) if returns[t] <= -0.06], 5, len(returns))
    result = simulate(idea("short-after-shock"), load_bars(DATA, ("NVDA",)), FREE)
    assert result.equity["equity"].iloc[-1] == pytest.approx(money("NVDA", -1, trips), abs=1e-6)


def test_the_short_after_a_shock_is_the_dip_rule_turned_round():
    bars = load_bars(DATA, ("NVDA",))
    short = idea("short-after-shock", drop=0.05).targets(bars)
    assert short.equals(-idea("dip-rule", universe="NVDA", drop=0.05).targets(bars))


def test_a_gain_of_ten_per_cent_in_the_window_is_shorted_and_a_smaller_one_is_not():
    assert rows_of("short-after-run-up", [100, 104, 110, 110, 110.4], window=2) == [(2, -1.0)]
    assert rows_of("short-after-run-up", [100, 104, 109.99], window=2) == []


def test_a_gain_that_lasts_is_shorted_again_at_the_open_after_the_cover():
    bars = make_bars({"A": [100 * 1.2**t for t in range(9)]})
    result = simulate(idea("short-after-run-up", universe="A", window=1), bars, UNCALLED)
    trips = [(bars.sessions.get_loc(t.entry_session), bars.sessions.get_loc(t.exit_session)) for t in result.trades.itertuples()]
    assert trips == [(2, 3), (4, 5), (6, 7)]


def test_a_window_that_is_not_full_gives_no_signal():
    assert rows_of("short-after-run-up", [100, 150, 200], window=3) == []
    assert rows_of("short-after-run-up", [100, 150, 200, 210], window=3) == [(3, -1.0)]


def test_a_dividend_is_part_of_the_gain():
    bars = make_bars({"A": [100, 104, 108]}, dividends={"A": {2: 3.0}})
    targets = idea("short-after-run-up", universe="A", window=2).targets(bars)
    assert instructions(targets) == [(2, -1.0)]  # 1.04 x 111 / 104 = 1.11


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("hold", [1, 5])
def test_the_shorts_after_run_ups_are_those_of_a_plain_loop(folder, hold):
    returns, found = total_returns("NVDA", folder), []
    for t in range(20, len(returns)):
        gain = 1.0
        for factor in returns[t - 19 : t + 1]:
            gain *= 1 + factor
        found += [t] if gain >= 1.10 else []
    result = simulate(idea("short-after-run-up", hold=hold), load_bars(folder, ("NVDA",)), UNCALLED)
    trips = held_for(found, hold, len(returns))
    assert len(trips) > 20
    assert seen(result.trades, "NVDA") == told("NVDA", trips, folder)


def test_the_rule_would_not_have_chosen_the_commenters_friday():
    day, close = column("NVDA", "date"), column("NVDA", "close")
    gain = {d: close[t] / close[t - 20] - 1 for t, d in enumerate(day) if t >= 20}
    week = {"2025-01-22": 12.5, "2025-01-23": 9.3, "2025-01-24": 2.1}  # no dividend in these sessions
    assert {d: round(100 * gain[d], 1) for d in week} == week
    bars = load_bars(DATA, ("NVDA",))
    trades = simulate(idea("short-after-run-up"), bars, FREE).trades.set_index(["entry_session", "exit_session"])
    assert ("2025-01-23", "2025-01-24") in trades.index
    assert not any(
        entry == "2025-01-24" for entry, *_ in seen(simulate(idea("short-after-run-up", fill="close"), bars).trades, "NVDA")
    )
    longer = seen(simulate(idea("short-after-run-up", hold=5), bars, FREE).trades, "NVDA")
    assert ("2025-01-23", "2025-01-30") in [(entry, left) for entry, _, left, _ in longer]


@pytest.mark.parametrize(
    ("name", "nonsense"),
    [
        ("short-after-shock", {"drop": -0.06}),
        ("short-after-shock", {"drop": 6.0}),
        ("short-after-shock", {"hold": 0}),
        ("short-after-run-up", {"gain": 0}),
        ("short-after-run-up", {"window": 0}),
        ("short-after-run-up", {"hold": -5}),
    ],
)
def test_nonsense_is_refused(name, nonsense):
    with pytest.raises(ParameterError, match=next(iter(nonsense))):
        idea(name, **nonsense)
