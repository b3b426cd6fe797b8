"""The same mistake ends with the same code in every command: 2 for what the user asked, 1 for what is wrong with the data."""

from pathlib import Path

import pytest

from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace

ROOT = Path(__file__).parents[2]
READERS = {
    "run": ["buy-the-dip"],
    "sweep": ["sweep", "dip-rule", "--drop", "0.02:0.03:0.01"],
    "evidence": ["evidence", "dip-rule"],
    "thesis": ["thesis"],
    "check": ["check", "dip-rule"],
    "data check": ["data", "check"],
    "data status": ["data", "status"],
}
PLACES = {"nowhere": 2, "empty": 1, "bad.csv": 1, "bytes.csv": 1}


@pytest.fixture
def code(tmp_path, monkeypatch, capsys):
    """The exit code of a command that fails with one line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xff\x00")
    home = Workspace(strategies=ROOT / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        found = _guarded(list(words), home)
        err = capsys.readouterr().err
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
        return found

    return call


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", READERS)
def test_data_that_is_missing_or_unreadable(code, command, place):
    words = READERS[command]
    where = [place] if words[0] == "data" else ["--data", place]
    assert code(*words, *where) == PLACES[place]


@pytest.mark.parametrize(("rate", "expected"), [("nowhere.csv", 2), ("4.3", 2), ("bad.csv", 1), ("bytes.csv", 1)])
@pytest.mark.parametrize("words", [["buy-the-dip"], ["sweep", "dip-rule", "--drop", "0.02:0.03:0.01"], ["compare", "series.csv"]])
def test_a_riskless_rate_that_is_missing_or_unreadable(code, tmp_path, words, rate, expected):
    (tmp_path / "series.csv").write_text("date,nav\n2025-01-02,100\n2025-01-03,101\n2025-01-06,102\n", encoding="utf-8")
    assert code(*words, "--risk-free", rate) == expected


@pytest.mark.parametrize(("place", "expected"), [("nowhere.csv", 2), ("bad.csv", 1), ("bytes.csv", 1)])
def test_a_series_that_is_missing_or_unreadable(code, place, expected):
    assert code("compare", place) == expected


@pytest.mark.parametrize(
    "words", [["nobody"], ["sweep", "nobody"], ["evidence", "nobody"], ["check", "nobody"], ["data", "nobody"]]
)
def test_a_name_that_does_not_exist(code, words):
    assert code(*words) == 2


@pytest.mark.parametrize("words", [["buy-the-dip"], ["sweep", "dip-rule"], ["evidence", "dip-rule"]])
def test_a_parameter_that_cannot_be(code, words):
    assert code(*words, "--hold", "x") == 2


@pytest.mark.parametrize("words", [["evidence", "dip-rule"], ["thesis"], ["check", "dip-rule"], ["list"]])
def test_an_option_that_the_command_does_not_have(code, words):
    assert code(*words, "--risk-free", "0.04") == 2


USERS = {
    "run": ["broken"],
    "sweep": ["sweep", "broken"],
    "evidence": ["evidence", "broken"],
    "check": ["check", "broken"],
    "new": ["new", "mine", "--from", "broken"],
}


@pytest.mark.parametrize("text", [b"def (\n", b"1 / 0\n", b"import nowhere_at_all\n", b"x = 1\n", b"\x00\xff"])
@pytest.mark.parametrize("command", USERS)
def test_a_strategy_file_with_bad_content(tmp_path, capsys, monkeypatch, command, text):
    """The frames of the file may stand before the line, but none of dipfolio."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ideas").mkdir()
    (tmp_path / "ideas" / "broken.py").write_bytes(text)
    home = Workspace(strategies=ROOT / "strategies", data=ROOT / "data", reports=tmp_path / "reports")
    assert _guarded(["--strategies", "ideas", *USERS[command]], home) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("Error: ")
    assert "dipfolio/cli" not in err


@pytest.mark.parametrize("place", ["nowhere", "bad.csv", "empty"])
@pytest.mark.parametrize(
    "words", [["dip-rule"], ["sweep", "x"], ["evidence", "x"], ["check", "x"], ["check", "--all"], ["new", "y", "--from", "x"]]
)
def test_a_folder_of_strategies_that_is_missing_or_empty(code, place, words):
    assert code("--strategies", place, *words) == 2


@pytest.mark.parametrize("place", ["nowhere", "bad.csv"])
def test_a_folder_of_strategies_that_cannot_be_listed(code, place):
    assert code("--strategies", place, "list") == 2


def test_check_of_all_strategies_in_an_empty_folder_says_that_there_is_none(tmp_path, capsys):
    home = Workspace(strategies=tmp_path, data=ROOT / "data", reports=tmp_path / "reports")
    assert _guarded(["check", "--all"], home) == 2
    assert "No strategy in " in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["list", "x"],
        ["new"],
        ["new", "a b"],
        ["new", "class"],
        ["new", "list"],
        ["new", "buy-the-dip"],
        ["new", "mine", "--from", "nobody"],
        ["init", "bad.csv"],
        ["init", "taken"],
        ["init", "a", "b"],
    ],
)
def test_what_list_new_and_init_cannot_be_asked(code, tmp_path, words):
    (tmp_path / "taken" / "data").mkdir(parents=True)
    assert code(*words) == 2


@pytest.mark.parametrize("place", ["bad.csv", "bad.csv/below"])
@pytest.mark.parametrize(
    "words",
    [
        ["buy-the-dip", "--reports"],
        ["sweep", "dip-rule", "--hold", "1:3", "--reports"],
        ["evidence", "dip-rule", "--reports"],
        ["compare", "--reports"],
        ["thesis", "--reports"],
        ["data", "fetch", "--to"],
        ["init"],
    ],
)
def test_a_file_where_a_folder_is_to_be_written(code, words, place):
    assert code(*words, place) == 2
