"""The fills of every strategy on the embedded data are those of its golden file, and the tool shows what moved."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine import loader
from tests.support.runs import run
from tools import golden
from tools.golden import Golden, difference

ROOT = Path(__file__).parents[1]
NAMES = loader.list_strategy_names(ROOT / "strategies")
BOUGHT = "2025-01-27  NVDA        +584    124.824960  open        target"
SOLD = "2025-02-03  NVDA        -584    116.636668  close       held 5 sessions"
LATER = "2025-02-04  NVDA        -584    118.000000  close       held 5 sessions"
OTHER = "2025-02-03  META        -128    697.320508  close       held 5 sessions"


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.mark.parametrize("name", NAMES)
def test_the_fills_of_a_strategy_are_those_of_its_golden_file(name, bars):
    pinned = golden.written(name)
    assert pinned, f"{name} has no golden file. Write it with `python -m tools.golden {name}`, read it, and commit it."
    told = difference(name, pinned, golden.current(name, bars))
    assert not told, f"{told}\n\nIf that was meant, `python -m tools.golden` writes it down; `--check` only shows it."


def test_there_is_no_golden_file_without_a_strategy():
    strangers = {path.stem for path in (ROOT / "tests" / "goldens").iterdir()} - set(NAMES)
    assert not strangers, f"no strategy for {strangers}; `python -m tools.golden` deletes their files"


def test_a_golden_file_shows_session_symbol_shares_price_moment_and_reason_of_each_fill():
    result = run({0: {"A": 10}, 2: {"A": -5}}, closes=[100, 100.126, 99, 98.5, 97], market=[50] * 5)
    made = golden.golden_of(result)
    assert made.fills == (
        "2025-01-03  A            +10    100.126000  open        target",
        "2025-01-07  A            -15     98.500000  open        target",
    )
    assert made.equity == f"{1000 + 10 * (98.5 - 100.126) - 5 * (97 - 98.5):.2f}"
    assert made.digest == hashlib.sha256("\n".join(made.fills).encode()).hexdigest()


def test_the_same_fills_and_equity_are_no_difference():
    one = Golden(name="x", equity="10.00", fills=(BOUGHT, SOLD))
    assert difference("x", one, replace(one)) == ""


def test_the_difference_says_which_fills_came_went_and_moved_and_what_became_of_the_equity():
    before = Golden(name="x", equity="1000.00", fills=(BOUGHT, SOLD, OTHER))
    after = Golden(name="x", equity="2500.50", fills=(BOUGHT, LATER, BOUGHT.replace("NVDA", "AAPL")))
    assert difference("x", before, after).splitlines() == [
        "x: 3 fills -> 3, final equity 1000.00 -> 2500.50 (+1,500.50)",
        f"  moved  {SOLD}",
        f"     to  {LATER}",
        f"  went   {OTHER}",
        f"  came   {BOUGHT.replace('NVDA', 'AAPL')}",
    ]


def test_another_order_and_another_equity_alone_are_differences_too():
    before = Golden(name="x", equity="10.00", fills=(SOLD, OTHER))
    assert difference("x", before, replace(before, fills=(OTHER, SOLD))).endswith("\n  the same fills in another order")
    assert difference("x", before, replace(before, equity="9.99")) == "x: 2 fills -> 2, final equity 10.00 -> 9.99 (-0.01)"


def test_what_is_new_and_what_is_gone_is_said():
    one = Golden(name="x", equity="10.00", fills=(BOUGHT,))
    assert difference("x", None, one) == "x is new: 1 fills, final equity 10.00"
    assert difference("x", one, None) == "x is gone: 1 fills, final equity 10.00"


def test_checking_shows_and_writes_nothing_and_rebuilding_writes_it_down(tmp_path, capsys):
    assert golden.main(["buy-the-dip", "--check"], tmp_path) == 1
    assert "buy-the-dip is new: 24 fills, final equity 1012745.29" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert golden.main(["buy-the-dip"], tmp_path) == 0
    assert (tmp_path / "buy-the-dip.txt").read_text() == (golden.GOLDENS / "buy-the-dip.txt").read_text()
    capsys.readouterr()
    assert golden.main(["buy-the-dip", "--check"], tmp_path) == 0
    assert capsys.readouterr().out == "0 of 1 strategies changed.\n"


def test_rebuilding_deletes_the_file_of_a_strategy_that_is_gone(tmp_path, capsys):
    (tmp_path / "never-was.txt").write_text(Golden(name="never-was", equity="1.00", fills=(BOUGHT,)).text)
    assert golden.main(["never-was"], tmp_path) == 0
    assert "never-was is gone: 1 fills" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_golden_file_edited_by_hand_is_refused(tmp_path):
    text = (golden.GOLDENS / "buy-the-dip.txt").read_text().replace("+584", "+585")
    (tmp_path / "buy-the-dip.txt").write_text(text)
    with pytest.raises(ValueError, match=r"buy-the-dip\.txt was edited by hand"):
        golden.written("buy-the-dip", tmp_path)


def test_an_unknown_strategy_is_refused_with_the_names_that_there_are(capsys):
    with pytest.raises(SystemExit):
        golden.main(["buy-the-dop"])
    assert "buy-the-dip" in capsys.readouterr().err
