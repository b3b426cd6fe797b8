from dataclasses import replace
from datetime import date

from dipfolio.data.events import MarketEvent
from dipfolio.engine.account import Account
from dipfolio.engine.run_identity import code_digest, run_id
from tests.support.markets import make_bars
from tests.support.strategies import script

BARS = make_bars({"A": [1.0, 2.0, 3.0]})
IDEA = script({0: {"A": 1}})


def test_the_same_question_has_the_same_identity():
    again = make_bars({"A": [1.0, 2.0, 3.0]})
    assert run_id(IDEA, BARS, Account()) == run_id(script({0: {"A": 1}}), again, Account())


def test_anything_that_matters_changes_the_identity():
    first = run_id(IDEA, BARS, Account())
    event = MarketEvent(day=date(2025, 1, 2), time="", kind="earnings", symbols=("A",), text="")
    others = [
        run_id(replace(IDEA, fill="close"), BARS, Account()),
        run_id(IDEA, make_bars({"A": [1.0, 2.0, 3.0001]}), Account()),
        run_id(IDEA, BARS, Account(slippage_bps=3)),
        run_id(IDEA, BARS, Account(), benchmark="A"),
        run_id(IDEA, BARS, Account(), start=date(2025, 1, 3)),
        run_id(IDEA, BARS, Account(), end=date(2025, 1, 3)),
        run_id(IDEA, replace(BARS, events=(event,)), Account()),
    ]
    assert len({first, *others}) == 8


def test_the_code_of_the_strategies_counts(tmp_path):
    (tmp_path / "mine.py").write_text("x = 1\n")
    first = run_id(IDEA, BARS, Account(), strategies=tmp_path)
    (tmp_path / "mine.py").write_text("x = 2\n")
    assert run_id(IDEA, BARS, Account(), strategies=tmp_path) != first


def test_the_name_of_a_file_counts_as_much_as_its_content(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    first = code_digest(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert code_digest(tmp_path) != first
