"""Home: where strategies, figures and reports stand, seen from where the user stands."""

from pathlib import Path

from dipfolio.cli.home import Home, near


def test_below_the_current_folder_paths_are_short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Home.at(tmp_path) == Home(strategies=Path("strategies"), data=Path("data"), reports=Path("reports"))
    assert near(tmp_path / "a" / "b") == Path("a/b")


def test_elsewhere_paths_are_whole(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert Home.at(tmp_path / "there").data == tmp_path / "there" / "data"


def test_a_relative_path_stays_as_it_is():
    assert near(Path("reports/x")) == Path("reports/x")
