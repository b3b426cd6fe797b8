"""nvda-relative-value: NVDA against the hyperscalers after a day that parts them."""

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars
from tests.support.plain_rules import DATA, FOLDERS, held_for, idea, seen, told, total_returns

FREE = Account(maintenance_short_per_share=0).without_costs()
USERS = ("MSFT", "META", "GOOG", "AMZN")
PAIR = {"universe": "N,A,B"}


def table(closes, **parameters):
    return idea("nvda-relative-value", **{**PAIR, **parameters}).targets(make_bars(closes)).to_numpy()


def test_a_gap_of_five_points_is_a_pair_of_equal_dollars():
    closes = {"N": [100, 96, 96], "A": [100, 102, 102], "B": [100, 100, 100]}  # -4 % against +1 % on average
    nothing = [np.nan] * 3
    np.testing.assert_array_equal(table(closes), [nothing, [-0.5, 0.25, 0.25], nothing])
    np.testing.assert_array_equal(table(closes, side="reversal"), [nothing, [0.5, -0.25, -0.25], nothing])


def test_a_smaller_gap_or_one_the_other_way_is_no_signal():
    assert np.isnan(table({"N": [100, 96.01], "A": [100, 102], "B": [100, 100]})).all()
    assert np.isnan(table({"N": [100, 120], "A": [100, 100], "B": [100, 100]})).all()


def test_a_day_on_which_nvda_rises_less_counts_too():
    assert table({"N": [100, 101], "A": [100, 106], "B": [100, 106]})[1].tolist() == [-0.5, 0.25, 0.25]


def test_there_is_no_signal_while_one_of_them_is_not_listed():
    assert np.isnan(table({"N": [100, 90, 81], "A": [100, 100, 100], "B": [np.nan, np.nan, 50]})).all()


def test_both_sides_open_and_close_together():
    closes = {"N": [100, 90, 90, 90, 90], "A": [100, 100, 101, 102, 103], "B": [50, 50, 50, 50, 50]}
    bars = make_bars(closes)
    trades = simulate(idea("nvda-relative-value", **PAIR, hold=2), bars, FREE).trades.set_index("symbol")
    assert trades["side"].to_dict() == {"N": "short", "A": "long", "B": "long"}
    assert trades["shares"].to_dict() == {"N": 500_000 // 90, "A": 2500, "B": 5000}
    assert set(trades["entry_session"]) == {bars.sessions[2]}
    assert set(trades["exit_session"]) == {bars.sessions[4]}


def test_the_gap_of_deepseek_monday_can_be_left_out():
    bars = load_bars(DATA, ("NVDA", *USERS))
    days = [set(idea("nvda-relative-value", skip_event=skip).targets(bars)["NVDA"].dropna().index) for skip in (False, True)]
    assert {str(day.date()) for day in days[0] - days[1]} == {"2025-01-27"}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("gap", "side"), [(0.05, "continuation"), (0.03, "reversal")])
def test_the_trades_are_those_of_a_plain_loop(folder, gap, side):
    own, others = total_returns("NVDA", folder), [total_returns(symbol, folder) for symbol in USERS]
    found = [t for t in range(1, len(own)) if sum(r[t] for r in others) / 4 - own[t] >= gap]
    trips = held_for(found, 20, len(own))
    rule = idea("nvda-relative-value", gap=gap, side=side)
    trades = simulate(rule, load_bars(folder, rule.symbols), FREE).trades
    assert len(trips) > 6
    for symbol in rule.symbols:
        assert seen(trades, symbol) == told(symbol, trips, folder)
        short = (symbol == "NVDA") == (side == "continuation")
        assert set(trades.loc[trades["symbol"] == symbol, "side"]) == {"short" if short else "long"}


@pytest.mark.parametrize("nonsense", [{"gap": 0}, {"hold": 0}, {"universe": "NVDA"}, {"side": "both"}])
def test_nonsense_is_refused(nonsense):
    with pytest.raises(ParameterError, match=next(iter(nonsense))):
        idea("nvda-relative-value", **nonsense)
