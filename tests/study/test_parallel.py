"""Parallel work: the same values in the same order with any number of processes."""

import os
import time
from pathlib import Path

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError
from dipfolio.study.claims import CLAIMS
from dipfolio.study.details import claim_details
from dipfolio.study.parallel import map_items
from dipfolio.study.verdicts import judge_claims
from tests.support.documents import ROOT
from tests.support.markets import make_bars

BY_ID = {claim.id: claim for claim in CLAIMS}


def close_of(symbol, bars, folder):
    print("a strategy that prints")
    if symbol not in bars.symbols:
        raise DataError(f"{folder} has no {symbol}.")
    return symbol, float(bars.close[symbol].iloc[-1]), os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_values_come_in_the_order_of_the_items(jobs, capfd):
    bars = make_bars({"A": [1.0, 2.0], "B": [3.0, 4.0], "C": [5.0, 6.0]})
    values = list(map_items(close_of, ["C", "A", "B"], bars, Path("rules"), jobs, takes_long=lambda symbol: symbol == "B"))
    assert [value[:2] for value in values] == [("C", 6.0), ("A", 2.0), ("B", 4.0)]
    assert (os.getpid() in {value[2] for value in values}) == (jobs == 1)
    assert jobs == 1 or capfd.readouterr().out == ""


def test_items_that_take_long_are_begun_with(tmp_path):
    bars = make_bars({"A": [1.0, 2.0]})
    started = list(map_items(begun_at, ["A", "B", "C", "D"], bars, tmp_path, 2, takes_long=lambda item: item == "D"))
    assert [item for item, _ in started] == ["A", "B", "C", "D"]
    # The two processes begin with the one that takes long and with the first of the others.
    assert {item for item, number in started if number < 2} == {"A", "D"}


def begun_at(item, _, folder):
    """The item, and how many had begun before it."""
    with (folder / "begun").open("a") as log:
        log.write(item)
    begun = (folder / "begun").read_text()
    for _ in range(1_200):  # both processes have begun before either goes on; without a second one this ends too
        if len((folder / "begun").read_text()) > 1:
            break
        time.sleep(0.05)
    return item, begun.index(item)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_one_item_is_raised_as_it_is(jobs):
    bars = make_bars({"A": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"^rules has no X\.$"):
        list(map_items(close_of, ["A", "X"], bars, Path("rules"), jobs))


@pytest.mark.slow
def test_verdicts_and_details_do_not_depend_on_the_number_of_processes():
    bars, strategies = load_bars(ROOT / "data"), ROOT / "strategies"
    some = [BY_ID[name] for name in ("A0", "A2", "B1", "G7", "D7", "K1")]
    one, two = (judge_claims(bars, strategies, some, jobs=jobs) for jobs in (1, 2))
    assert repr(one.verdicts) == repr(two.verdicts)
    assert repr(one.contests) == repr(two.contests)
    alone, shared = (claim_details(thesis, bars, strategies, jobs=jobs) for thesis, jobs in ((one, 1), (two, 2)))
    for details, other in zip(alone, shared, strict=True):
        assert details.sensitivities == other.sensitivities
        assert details.result == other.result
        assert (details.strategy is None) == (other.strategy is None)
        assert details.strategy is None or details.strategy.parameters == other.strategy.parameters
