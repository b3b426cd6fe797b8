import pytest

from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.market.rates import risk_free
from dipfolio.report.press import tear_sheets
from dipfolio.report.tearsheet import tear_sheet
from tests.ideas import script
from tests.markets import make_bars


@pytest.fixture(scope="module")
def jobs():
    bars = make_bars({"A": [100.0 + day % 5 for day in range(40)]})
    made = [simulate(script({start: {"A": 100}}), bars) for start in (0, 5, 10)]
    return [(result, measure(result), risk_free("0")) for result in made]


def test_sheets_drawn_in_processes_are_those_drawn_here(jobs):
    assert list(tear_sheets(jobs, processes=2)) == [tear_sheet(*job) for job in jobs]


def test_a_few_sheets_are_drawn_here(jobs, monkeypatch):
    monkeypatch.setattr("multiprocessing.get_context", lambda _: pytest.fail("started a process"))
    assert len(list(tear_sheets(jobs[:2]))) == 2
    assert len(list(tear_sheets(jobs, processes=1))) == 3


def test_no_sheet_is_no_work():
    assert list(tear_sheets([])) == []
