from dataclasses import replace
from datetime import date

from dipfolio.engine.account import Account
from dipfolio.engine.identity import code_digest, identity
from dipfolio.market.events import Event
from tests.ideas import script
from tests.markets import make_bars

BARS = make_bars({"A": [1.0, 2.0, 3.0]})
IDEA = script({0: {"A": 1}})


def test_the_same_question_has_the_same_identity():
    again = make_bars({"A": [1.0, 2.0, 3.0]})
    assert identity(IDEA, BARS, Account()) == identity(script({0: {"A": 1}}), again, Account())


def test_anything_that_matters_changes_the_identity():
    first = identity(IDEA, BARS, Account())
    event = Event(day=date(2025, 1, 2), time="", kind="earnings", symbols=("A",), text="")
    others = [
        identity(replace(IDEA, fill="close"), BARS, Account()),
        identity(IDEA, make_bars({"A": [1.0, 2.0, 3.0001]}), Account()),
        identity(IDEA, BARS, Account(slippage_bps=3)),
        identity(IDEA, BARS, Account(), benchmark="A"),
        identity(IDEA, BARS, Account(), start=date(2025, 1, 3)),
        identity(IDEA, BARS, Account(), end=date(2025, 1, 3)),
        identity(IDEA, replace(BARS, events=(event,)), Account()),
    ]
    assert len({first, *others}) == 8


def test_the_code_of_the_strategies_counts(tmp_path):
    (tmp_path / "mine.py").write_text("x = 1\n")
    first = identity(IDEA, BARS, Account(), strategies=tmp_path)
    (tmp_path / "mine.py").write_text("x = 2\n")
    assert identity(IDEA, BARS, Account(), strategies=tmp_path) != first


def test_the_name_of_a_file_counts_as_much_as_its_content(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    first = code_digest(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert code_digest(tmp_path) != first
