"""``list``: a line for each strategy, whatever is wrong with it."""

import re
from pathlib import Path

import pytest

from dipfolio.cli.home import Home
from dipfolio.cli.main import _guarded

ROOT = Path(__file__).parents[2]
IDEA = 'class Idea:\n    """What it is about.\n\n    More.\n    """\n'


@pytest.fixture
def listed(capsys):
    """The output for a home, and what went to standard error."""

    def run(home):
        assert not _guarded(["list"], Home.at(home))
        return capsys.readouterr()

    return run


@pytest.fixture
def home(tmp_path):
    (tmp_path / "strategies").mkdir()
    return tmp_path


def write(home, stem, text):
    (home / "strategies" / f"{stem}.py").write_text(text, encoding="utf-8")


def test_every_strategy_has_a_line_with_its_description(listed):
    out, err = listed(ROOT)
    assert err == ""
    names = [line.split("  ", 1)[0] for line in out.splitlines()]
    assert names == sorted(path.stem.replace("_", "-") for path in (ROOT / "strategies").glob("*.py"))
    assert {"buy-the-dip", "equal-weight", "short-nvda-friday"} <= set(names)
    assert "BROKEN" not in out
    assert "Buy the article's twelve names at the open of DeepSeek Monday and hold them for some sessions." in out


def test_the_descriptions_stand_under_each_other(listed, home):
    for stem in ("a", "a_longer_name", "mid"):
        write(home, stem, IDEA)
    lines = listed(home).out.splitlines()
    (column,) = {line.index("What it is about.") for line in lines}
    assert column >= len("a-longer-name") + 2


def test_a_broken_file_is_marked_and_the_others_stay(listed, home):
    write(home, "broken", "class Idea(\n")
    write(home, "good", IDEA)
    out, err = listed(home)
    assert err == ""
    assert re.match(r"broken {2,}BROKEN: SyntaxError: ", out.splitlines()[0])
    assert re.fullmatch(r"good {2,}What it is about\.", out.splitlines()[1])


def test_listing_runs_no_strategy(listed, home):
    write(home, "loud", "raise SystemExit('was run')\n" + IDEA)
    assert listed(home).out.split() == ["loud", "What", "it", "is", "about."]


def test_an_empty_folder_says_so_on_standard_error(listed, home):
    out, err = listed(home)
    assert out == ""
    assert err.startswith("No strategy in ")
    assert len(err.splitlines()) == 1
