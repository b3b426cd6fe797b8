"""State of a batch: trades that begin, grow, shrink, end and turn round, worked out by hand; orders and logs of many variants."""

import numpy as np
import pytest

from dipfolio.engine.run_log import Fill
from dipfolio.sweep.state import COST_COLUMNS, NO_ORDERS, BatchFills, BatchLog, BatchPositions, EntryInfo, PendingOrders

NAN = np.nan


def entry(session):
    """The closes before a session: 10 for the first symbol and 20 for the second, 9 and 19 before that."""
    return EntryInfo(session=session, decided=np.array([10.0, 20.0]), before=np.array([9.0, 19.0]))


def follow(positions, session, *fills):
    """Book fills as (cell, shares, price, charge)."""
    cells, shares, price, charge = (np.array(column) for column in zip(*fills, strict=True))
    positions.follow(cells.astype(np.intp), shares.astype(float), price.astype(float), charge.astype(float), entry(session))


@pytest.fixture
def positions():
    """Two symbols and three variants: the cells 0 to 2 are of the first symbol, 3 to 5 of the second."""
    return BatchPositions(2, 3)


def test_a_cell_is_one_symbol_of_one_variant_and_the_table_is_a_view(positions):
    assert positions.table(np.arange(6)).tolist() == [[0, 3], [1, 4], [2, 5]]
    positions.table(positions.shares)[1, 1] = 7.0
    assert positions.shares.tolist() == [0, 0, 0, 0, 7, 0]


def test_a_trade_begins_with_its_price_session_and_the_closes_before_it(positions):
    follow(positions, 5, (4, -3.0, 21.0, 1.0))
    trades = positions.open_trades()
    assert trades.side.tolist() == [[0, 0], [0, -1], [0, 0]]
    for name, value in (("entry_price", 21.0), ("best", 21.0), ("decided", 20.0), ("before", 19.0)):
        np.testing.assert_array_equal(getattr(trades, name), [[NAN, NAN], [NAN, value], [NAN, NAN]])
    assert trades.entry_session[1, 1] == 5


def test_a_purchase_more_is_paid_on_average_and_a_partial_sale_changes_no_price(positions):
    follow(positions, 1, (0, 2.0, 10.0, 0.0))
    follow(positions, 2, (0, 1.0, 13.0, 0.0))
    assert positions.entry_price[0] == (2 * 10 + 13) / 3
    follow(positions, 3, (0, -2.0, 50.0, 0.0))
    assert positions.entry_price[0] == 11.0
    assert (positions.shares[0], positions.entry_session[0]) == (1.0, 1)
    assert positions.trades.tolist() == [0, 0, 0]


@pytest.mark.parametrize(("price", "won"), [(11.1, 1), (11.0, 0), (10.9, 0)])
def test_a_trade_is_won_if_something_is_left_after_all_charges(positions, price, won):
    # ten shares at 10 and out again: a charge of 5 on each side takes one dollar a share
    follow(positions, 1, (1, 10.0, 10.0, 5.0))
    follow(positions, 2, (1, -10.0, price, 5.0))
    assert positions.trades.tolist() == [0, 1, 0]
    assert positions.wins.tolist() == [0, won, 0]
    assert (positions.shares[1], positions.side[1]) == (0.0, 0)
    assert positions.profit[1] == pytest.approx(0.0, abs=1e-12)


def test_a_reversal_ends_a_trade_and_shares_its_charge_with_the_next(positions):
    # long 4 at 10, then 10 sold at 12 for 5 dollars: 2 of them for the 4 that end, 3 for the 6 that are short from then on
    follow(positions, 1, (0, 4.0, 10.0, 0.0))
    follow(positions, 2, (0, -10.0, 12.0, 5.0))
    assert (positions.trades[0], positions.wins[0]) == (1, 1)
    assert (positions.shares[0], positions.side[0], positions.entry_price[0]) == (-6.0, -1, 12.0)
    assert positions.profit[0] == pytest.approx(6 * 12 - 3)
    follow(positions, 3, (0, 6.0, 11.5, 0.5))  # 3 dollars earned by the fall, 3.50 paid
    assert (positions.trades[0], positions.wins[0]) == (2, 1)


def test_entries_of_one_session_in_several_symbols_are_one_date(positions):
    follow(positions, 1, (0, 1.0, 10.0, 0.0), (3, 1.0, 20.0, 0.0), (4, 1.0, 20.0, 0.0))
    assert positions.entry_dates.tolist() == [1, 1, 0]
    follow(positions, 1, (1, 1.0, 10.0, 0.0))
    assert positions.entry_dates.tolist() == [1, 1, 0]
    follow(positions, 2, (0, 1.0, 10.0, 0.0), (3, -2.0, 20.0, 0.0), (5, 1.0, 20.0, 0.0))  # grown, turned round, begun
    assert positions.entry_dates.tolist() == [2, 1, 1]
    follow(positions, 3, (3, 1.0, 20.0, 0.0))  # ended
    assert positions.entry_dates.tolist() == [2, 1, 1]
    assert positions.last_entry.tolist() == [2, 1, 2]


def test_orders_are_joined_and_picked_with_all_their_terms():
    one = PendingOrders.uniform(np.array([0, 3]), np.array([5.0, -2.0]), at_close=True, reduce_only=False)
    other = PendingOrders.uniform(np.array([1]), np.array([4.0]), at_close=False, reduce_only=True)
    orders = PendingOrders.concatenate([one, NO_ORDERS, other])
    assert (len(one), len(NO_ORDERS), len(orders)) == (2, 0, 3)
    assert orders.cell.tolist() == [0, 3, 1]
    few = orders.only(orders.shares > 0)
    assert (few.cell.tolist(), few.shares.tolist()) == ([0, 1], [5.0, 4.0])
    assert (few.at_close.tolist(), few.reduce_only.tolist(), few.on_position.tolist()) == (
        [True, False],
        [False, True],
        [False] * 2,
    )


def test_an_empty_log_has_nothing_of_any_variant():
    log = BatchLog.empty(4, 2)
    assert log.equity.shape == log.gross.shape == (4, 2)
    assert log.last.tolist() == [3, 3]
    for name in (*COST_COLUMNS, "earned", "trades", "wins", "open_positions", "cut", "margin_calls", "entry_dates", "invested"):
        assert getattr(log, name).tolist() == [0, 0], name
    log.fees[0] = log.equity[0, 0] = 1.0
    assert not log.slippage.any()
    assert not log.gross.any()
    assert log.fills_of(0) == []


def test_the_fills_of_a_variant_are_its_own_in_the_order_of_sessions_then_symbols():
    def group(session, at, variant, symbol):
        count = np.arange(1.0, len(variant) + 1)
        return BatchFills(
            session=session, at=at, variant=np.array(variant), symbol=np.array(symbol), shares=10 * count, price=count,
            commission=count / 10, fees=count / 100, slippage=count / 1000,
        )  # fmt: skip

    log = BatchLog.empty(3, 2)
    log.fills += [group(1, "open", [0, 1, 0], [1, 0, 0]), group(1, "close", [1], [1]), group(2, "open", [0], [1])]
    third = Fill(session=1, symbol=0, shares=30.0, price=3.0, at="open", commission=0.3, fees=0.03, slippage=0.003)
    first = Fill(session=1, symbol=1, shares=10.0, price=1.0, at="open", commission=0.1, fees=0.01, slippage=0.001)
    last = Fill(session=2, symbol=1, shares=10.0, price=1.0, at="open", commission=0.1, fees=0.01, slippage=0.001)
    assert log.fills_of(0) == [third, first, last]
    assert [(fill.session, fill.at, fill.symbol) for fill in log.fills_of(1)] == [(1, "open", 0), (1, "close", 1)]
