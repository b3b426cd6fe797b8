"""What a run must not depend on: the clock's zone, the language, the path, and who else has set what."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support.killed_process import PAGE, ROOT
from tests.support.reports import contents

pytestmark = pytest.mark.slow

WORDS = ["buy-the-dip", "--end", "2025-03-31"]
PROGRAM = f"""
import locale, sys
from pathlib import Path
if "--set-locale" in sys.argv:
    locale.setlocale(locale.LC_ALL, "")
    assert locale.localeconv()["decimal_point"] == ",", locale.localeconv()["decimal_point"]
from dipfolio.cli.app import main
main(home=Path.cwd(), arguments={WORDS!r})
"""


def report(home, *switches, **surroundings):
    """The files of the report that a run in these surroundings writes, and what it says."""
    shutil.rmtree(home / "reports", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **surroundings}
    command = [sys.executable, "-c", PROGRAM, *switches]
    done = subprocess.run(command, cwd=home, env=environment, text=True, capture_output=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    return contents(home / "reports" / "buy-the-dip--end-2025-03-31"), done.stdout


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The report and the words of a run in usual surroundings, with its tear sheet drawn."""
    home = tmp_path_factory.mktemp("usual")
    shutil.copytree(ROOT / "strategies", home / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "data").symlink_to(ROOT / "data")
    files, said = report(home, TZ="UTC", LC_ALL="C.UTF-8")
    assert PAGE.encode() not in files["tearsheet.html"]
    return files, said


def differing(one, other):
    """The files that two reports do not share byte by byte, and whether what was said differs."""
    files = {name for name in {*one[0], *other[0]} if one[0].get(name) != other[0].get(name)}
    return sorted(files), one[1] != other[1]


NOTHING = ([], False)


@pytest.mark.slow
def test_a_clock_in_another_zone_changes_no_byte_of_a_report(home, usual):
    assert differing(report(home, TZ="America/Adak"), usual) == NOTHING


@pytest.fixture(scope="module")
def commas(tmp_path_factory):
    """Surroundings in which numbers are written with decimal commas."""
    folder = tmp_path_factory.mktemp("locales")
    if not shutil.which("localedef"):
        pytest.skip("there is no localedef here to make a locale with decimal commas")
    made = subprocess.run(
        ["localedef", "-f", "UTF-8", "-i", "de_DE", str(folder / "de_DE.UTF-8")], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no locale with decimal commas can be made here: {made.stderr.strip()[:100]}")
    return {"LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}


@pytest.mark.slow
def test_decimal_commas_change_no_byte_of_a_report_even_where_a_library_has_set_them(home, usual, commas):
    assert differing(report(home, "--set-locale", **commas), usual) == NOTHING


@pytest.mark.slow
def test_spaces_and_other_letters_in_every_path_and_a_clock_far_ahead_change_no_byte_of_a_report(tmp_path, usual):
    home = tmp_path / 'mein Käse 📈 \'n "x" $HOME;&'
    (home / "Ωmega").mkdir(parents=True)
    shutil.copytree(ROOT / "strategies", home / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "Ωmega" / "data").symlink_to(ROOT / "data")
    (home / "data").symlink_to(home / "Ωmega" / "data")
    assert differing(report(home, TZ="Pacific/Kiritimati"), usual) == NOTHING


@pytest.mark.parametrize("place", ["ein Ordner/Zahlen für später", "数据 📈", "a'b\"c", "-dash", "%2e%2e"])
def test_folders_of_any_name_can_be_named(mortal, home, tmp_path, place):
    prices, reports = tmp_path / "f" / place, tmp_path / "r" / place
    shutil.copytree(ROOT / "data", prices, ignore=shutil.ignore_patterns("cache"))
    words = ("hold-benchmark", "--end", "2024-01-31", "--data", prices, "--reports", reports)
    code, _, err, _ = mortal(home, *words)
    assert (code, err) == (0, "")
    assert mortal(home, "data", "status", prices)[1].startswith(f"{prices}: 14 symbols")
    assert mortal(home, "compare", "--reports", reports)[0] == 0
    assert sorted(path.name for path in reports.iterdir()) == [
        "comparison.html", "hold-benchmark--end-2024-01-31", "index.html", "trials.jsonl",
    ]  # fmt: skip


def test_a_path_whose_bytes_are_no_text_is_shown_and_does_not_fail(mortal, home, tmp_path):
    place = os.fsdecode(os.fsencode(tmp_path) + b"/re\xffports")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = f"from dipfolio.cli.app import main; main(home=Path({str(home)!r}), arguments=['data', 'status', '.'])"
    code = f"from pathlib import Path; {start}"
    os.mkdir(place)
    done = subprocess.run([sys.executable, "-c", code], cwd=place, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: . is no data folder: it has no prices/ with a file for each symbol.\n"
    code, _, err, _ = mortal(home, "data", "status", tmp_path / "nowhere\udcff")
    assert code == 2
    assert "nowhere\\udcff is no data folder" in err


@pytest.mark.parametrize("stem", ["übung", "идея", "策略", "caf\u0065\u0301"])
def test_a_strategy_file_in_other_letters_is_answered_with_the_rule_for_names(mortal, home, stem):
    shutil.copy(ROOT / "strategies" / "hold_benchmark.py", home / "strategies" / f"{stem}.py")
    code, out, err, _ = mortal(home, "list")
    assert (code, err) == (0, "")
    assert f"{stem}" in out
    assert "BROKEN: a strategy file has a lower-case name with underscores: my_idea.py" in out
    code, _, err, _ = mortal(home, stem)
    assert code in (1, 2)
    (line,) = err.splitlines()
    assert stem in line
    assert mortal(home, "hold-benchmark", "--end", "2024-01-31")[0] == 0
