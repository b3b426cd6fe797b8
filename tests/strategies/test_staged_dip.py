"""staged-dip: the dip rule in three steps."""

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars
from tests.support.plain_rules import DATA, column, idea, instructions, paid, total_returns

FREE = Account().without_costs()
THIRD = pytest.approx(1 / 3)
TWO = pytest.approx(2 / 3)


def decided(closes, **parameters):
    return instructions(idea("staged-dip", universe="A", **parameters).targets(make_bars({"A": closes})))


def test_by_time_the_steps_come_five_and_ten_sessions_after_the_signal_and_the_end_after_the_last():
    assert decided([100, 95] + [95] * 20, hold=3) == [(1, THIRD), (6, TWO), (11, 1.0), (14, 0.0)]


def test_by_price_each_step_needs_five_per_cent_under_the_close_of_the_step_before():
    #         0    1   2    3      4      5      6
    closes = [100, 90, 86, 85.5, 81.3, 81.225, 80, 80, 80, 80]
    assert decided(closes, stages="price", hold=3) == [(1, THIRD), (3, TWO), (5, 1.0), (8, 0.0)]


def test_by_price_a_fall_of_ten_per_cent_in_a_day_is_one_step():
    assert decided([100, 90, 80, 80, 80, 80], stages="price", hold=3) == [(1, THIRD), (2, TWO), (5, 0.0)]


def test_by_price_without_a_further_fall_the_first_third_is_all_and_a_step_starts_the_count_again():
    assert decided([100, 90, 91, 92, 93], stages="price", hold=3) == [(1, THIRD), (4, 0.0)]
    assert decided([100, 90, 90, 85, 85, 85, 85], stages="price", hold=3) == [(1, THIRD), (3, TWO), (6, 0.0)]


def test_by_price_the_end_goes_before_a_step_on_the_same_close():
    assert decided([100, 90, 90, 85.5, 85.5], stages="price", hold=2) == [(1, THIRD), (3, 0.0)]


def test_a_drop_in_between_is_ignored_and_one_after_the_end_starts_anew():
    closes = [100, 95, 90, 85, 80, 75, 70]  # a drop of five per cent or more on every session
    assert decided(closes, stages="price", hold=2) == [(1, THIRD), (2, TWO), (3, 1.0), (5, 0.0), (6, THIRD)]


def test_the_steps_raise_the_position_to_thirds_of_the_equity_and_the_end_sells_all_at_an_open():
    closes = [100, 90] + [90, 90, 90, 80, 80] + [80, 80, 80, 80, 100] + [100] * 5
    bars = make_bars({"A": closes})
    result = simulate(idea("staged-dip", universe="A", hold=2), bars, FREE)
    rows = [bars.sessions.get_loc(day) for day in result.fills["session"]]
    first = int(1_000_000 / 3 / 90)
    second = int((1_000_000 - 10 * first) * 2 / 3 / 80) - first
    third = int((1_000_000 - 10 * first + 20 * (first + second)) / 100) - first - second
    assert rows == [2, 7, 12, 14]  # signal 1; steps decided on 6 and 11; two sessions after the fill of the last
    assert result.fills["shares"].tolist() == [first, second, third, -(first + second + third)]
    assert set(result.fills["at"]) == {"open"}
    assert len(result.trades) == 1


def test_with_fills_at_the_close_it_leaves_at_a_close_as_long_after_the_last_step():
    bars = make_bars({"A": [100, 90] + [90] * 15})
    result = simulate(idea("staged-dip", universe="A", hold=2, fill="close"), bars, FREE)
    assert [bars.sessions.get_loc(day) for day in result.fills["session"]] == [2, 7, 12, 14]
    assert set(result.fills["at"]) == {"close"}


def test_symbols_take_their_own_steps_in_equal_parts():
    market = {"A": [100, 90] + [90] * 8, "B": [50, 50, 45] + [45] * 7}
    targets = idea("staged-dip", universe="A,B").targets(make_bars(market))
    assert targets["A"].dropna().tolist() == [pytest.approx(1 / 6), pytest.approx(2 / 6)]
    assert [targets.index.get_loc(day) for day in targets["B"].dropna().index] == [2, 7]


def test_the_signals_are_those_of_the_dip_rule():
    bars = load_bars(DATA, ("SMH",))
    assert idea("staged-dip", sigmas=2.5).dips(bars).equals(idea("dip-rule", sigmas=2.5).dips(bars))
    with_it = [str(day.date()) for day in idea("staged-dip").targets(bars)["SMH"].dropna().index]
    without = [str(day.date()) for day in idea("staged-dip", skip_event=True).targets(bars)["SMH"].dropna().index]
    assert "2025-01-27" in with_it
    assert "2025-01-27" not in without


def test_the_fills_on_smh_by_time_are_those_of_a_plain_loop():
    day, open_, close = (column("SMH", field) for field in ("date", "open", "close"))
    returns, dividends = total_returns("SMH"), paid("SMH")
    steps, t = {}, 1
    while t < len(day):
        if returns[t] <= -0.04:
            steps.update({t: 1 / 3, t + 5: 2 / 3, t + 10: 1.0, t + 30: 0.0})
            t += 30
        t += 1
    cash, held, expected = 1_000_000.0, 0, []
    for t in range(1, len(day)):
        cash += held * dividends[t]
        if t - 1 in steps:
            equity = cash + held * close[t - 1] - held * dividends[t]
            shares = int(equity * steps[t - 1] / close[t - 1] + 1e-9) - held
            cash, held = cash - shares * open_[t], held + shares
            expected.append((day[t], shares, pytest.approx(open_[t])))
    result = simulate(idea("staged-dip"), load_bars(DATA, ("SMH",)), FREE)
    assert len(expected) > 15
    assert [(str(row.session.date()), row.shares, row.price) for row in result.fills.itertuples()] == expected
    assert result.equity["equity"].iloc[-1] == pytest.approx(cash + held * close[-1], abs=1e-6)


def test_by_price_the_steps_on_smh_are_those_of_a_plain_loop():
    close, returns = column("SMH", "close"), total_returns("SMH")
    expected, t = [], 1
    while t < len(close):
        if returns[t] > -0.04:
            t += 1
            continue
        expected.append((t, THIRD))
        done, last = 1, t
        for t in range(last + 1, len(close)):
            if t - last == 20:
                expected.append((t, 0.0))
                break
            if done < 3 and close[t] <= 0.95 * close[last]:
                done, last = done + 1, t
                expected.append((t, pytest.approx(done / 3)))
        t += 1
    targets = idea("staged-dip", stages="price").targets(load_bars(DATA, ("SMH",)))
    assert instructions(targets) == expected
    assert [target for _, target in expected].count(1.0) > 1


def test_nonsense_is_refused():
    with pytest.raises(ParameterError, match="stages must be one of time, price"):
        idea("staged-dip", stages="size")
    with pytest.raises(ParameterError, match="hold must be above 0"):
        idea("staged-dip", hold=0)
