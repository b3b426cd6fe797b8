"""Names of strategies and of runs stay within their folders: no ``../``, no absolute path, no link that leads elsewhere."""

import os
import shutil

import pytest

from dipfolio.engine import loader
from dipfolio.errors import StrategyError, UnknownNameError
from dipfolio.storage import report_name, saved_run, saved_runs
from tests.support.killed_process import ROOT
from tests.support.reports import contents

RUN = ("hold-benchmark", "--end", "2024-01-31")
REPORT = "hold-benchmark--end-2024-01-31"
TRAP = "raise SystemExit('was run')\n"


@pytest.fixture
def outside(home):
    """A strategy and a report outside the home."""
    outside = home.parent / "outside"
    outside.mkdir()
    (outside / "trap.py").write_text(TRAP, encoding="utf-8")
    return outside


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["absolute", "relative", "through a folder", "chain"])
def test_a_strategy_that_is_a_link_out_of_the_folder_is_neither_read_nor_run(mortal, home, outside, kind):
    link = home / "strategies" / "trap.py"
    if kind == "absolute":
        link.symlink_to(outside / "trap.py")
    elif kind == "relative":
        link.symlink_to("../../outside/trap.py")
    elif kind == "through a folder":
        (home / "strategies" / "sub").symlink_to(outside)
        link.symlink_to("sub/trap.py")
    else:
        (home / "strategies" / "_step.py").symlink_to(outside / "trap.py")
        link.symlink_to("_step.py")
    for words in (("trap",), ("check", "trap"), ("evidence", "trap"), ("sweep", "trap"), ("new", "mine", "--from", "trap")):
        code, out, err, _ = mortal(home, *words)
        assert code == 1, words
        assert "was run" not in out + err
        assert "a link that leads out of the folder of strategies; copy the file there" in out + err, words
    code, out, _, _ = mortal(home, "list")
    assert code == 0
    assert "trap" in out
    assert "BROKEN: a link that leads out of the folder of strategies" in out
    with pytest.raises(StrategyError, match="leads out"):
        loader.load_strategy(home / "strategies", "trap")


@pytest.mark.slow
def test_a_link_within_the_folder_and_a_linked_folder_work(mortal, home):
    (home / "strategies" / "again.py").symlink_to("hold_benchmark.py")
    (home / "real").mkdir()
    shutil.move(home / "strategies", home / "real" / "strategies")
    (home / "strategies").symlink_to("real/strategies")
    assert mortal(home, "again", "--end", "2024-01-31")[0] == 0


@pytest.mark.parametrize("name", ["../outside/trap", "/etc/passwd", "..", "sub/trap", "trap.py", "~", "trap\x00"])
@pytest.mark.parametrize("command", [(), ("check",), ("evidence",), ("sweep",), ("new", "mine", "--from")])
def test_a_strategy_is_never_named_by_a_path(mortal, home, outside, command, name):
    code, out, err, _ = mortal(home, *command, name)
    assert code == 2
    assert "was run" not in out + err
    assert len(err.splitlines()) == 1


def test_a_new_strategy_is_not_written_through_a_link(mortal, home, outside):
    link, victim = home / "strategies" / "mine.py", outside / "victim"
    link.symlink_to(victim)
    code, _, err, _ = mortal(home, "new", "mine")
    assert code == 2
    assert "strategies/mine.py exists; choose another name, or overwrite it with --force." in err
    assert not victim.exists()
    victim.write_text("theirs", encoding="utf-8")
    assert mortal(home, "new", "mine")[0] == 2
    assert mortal(home, "new", "mine", "--force")[0] == 0
    assert victim.read_text(encoding="utf-8") == "theirs"
    assert not link.is_symlink()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("stands", ["a file", "a folder", "a link to nowhere"])
def test_new_never_overwrites_unless_told_to(mortal, home, force, stands):
    path = home / "strategies" / "mine.py"
    {
        "a file": lambda: path.write_text("mine", encoding="utf-8"), "a folder": path.mkdir,
        "a link to nowhere": lambda: path.symlink_to("nowhere"),
    }[stands]()  # fmt: skip
    code, _, err, _ = mortal(home, "new", "mine", *(["--force"] if force else []))
    if not force:
        assert code == 2
        assert os.path.lexists(path)
        assert stands != "a file" or path.read_text(encoding="utf-8") == "mine"
    elif stands == "a folder":
        assert code == 1
        assert len(err.splitlines()) == 1
        assert path.is_dir()
    else:
        assert code == 0
        assert "class Mine" in path.read_text(encoding="utf-8")


def test_a_report_that_is_a_link_is_replaced_and_what_it_led_to_is_left_alone(mortal, home, outside):
    (home / "reports").mkdir()
    (outside / "precious.txt").write_text("theirs", encoding="utf-8")
    (home / "reports" / REPORT).symlink_to(outside)
    before = contents(outside)
    assert mortal(home, *RUN)[0] == 0
    assert contents(outside) == before
    assert not (home / "reports" / REPORT).is_symlink()
    assert (home / "reports" / REPORT / "run.json").is_file()


@pytest.mark.parametrize("page", ["index.html", "comparison.html"])
def test_a_page_that_is_a_link_is_replaced_and_not_written_through(mortal, home, outside, page):
    (home / "reports").mkdir()
    victim = outside / "victim"
    victim.write_text("theirs\n", encoding="utf-8")
    (home / "reports" / page).symlink_to(victim)
    mortal(home, *RUN)
    mortal(home, "compare")
    assert victim.read_text(encoding="utf-8") == "theirs\n"


def test_a_run_is_named_within_the_shelf_and_a_link_out_of_it_is_none(mortal, home, outside):
    mortal(home, *RUN)
    shelf = home / "reports"
    shutil.copytree(shelf / REPORT, outside / "theirs")
    (shelf / "linked").symlink_to(outside / "theirs")
    assert [folder.name for folder in saved_runs(shelf)] == [REPORT]
    assert saved_run(shelf, REPORT) == shelf / REPORT
    for name in ("linked", "../outside/theirs", str(outside / "theirs"), "..", ".", "", f"{REPORT}/../{REPORT}"):
        assert saved_run(shelf, name) is None, name
    code, _, err, _ = mortal(home, "compare", "linked")
    assert code == 2
    assert "There is no saved run or file 'linked'" in err
    assert "linked" not in (shelf / "index.html").read_text(encoding="utf-8")
    assert mortal(home, "compare", REPORT, outside / "theirs")[0] == 0  # a path that the user writes is meant


def test_a_shelf_that_is_a_link_is_a_shelf(mortal, home, outside):
    (home / "reports").symlink_to(outside)
    assert mortal(home, *RUN)[0] == 0
    assert [folder.name for folder in saved_runs(home / "reports")] == [REPORT]


@pytest.mark.parametrize("value", ["../../evil", "/etc/cron.d/evil", "..", "a/../../b", "C:\\evil", "\x00", "NVDA\n../x"])
def test_what_an_option_says_never_leaves_the_shelf(tmp_path, value):
    name = report_name("idea", {"universe": value})
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()


def test_an_unknown_strategy_is_an_unknown_strategy_wherever_it_would_lie():
    with pytest.raises(UnknownNameError):
        loader.load_strategy(ROOT / "strategies", "../tests/mortal")
