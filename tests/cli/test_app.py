"""Main: the top of the command line, every mistake that a user can make, and what it may not import."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dipfolio import __version__
from dipfolio.cli import main
from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace

ROOT = Path(__file__).parents[2]
IDEA = '''
from dataclasses import dataclass
from dipfolio.engine.strategy import Strategy, no_instruction, parameter


@dataclass(frozen=True, kw_only=True)
class Idea(Strategy):
    """An idea for a test."""

    universe: str = parameter("NVDA", help="symbols")

    def targets(self, bars):
        return no_instruction(bars)
'''
SLOW = IDEA.replace(
    "        return",
    "        import pathlib, time\n        pathlib.Path(__file__).with_suffix('.started').touch()\n"
    "        time.sleep(60)\n        return",
)
INTERRUPTS_ITSELF = IDEA.replace(
    "        return",
    """        import os, signal, sys, threading, time
        def watch():
            while "quantstats.reports" not in sys.modules:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=watch, daemon=True).start()
        return""",
)


@pytest.fixture
def home(tmp_path):
    """A home with one strategy of its own and the data of the repository."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "data").symlink_to(ROOT / "data")
    shutil.copy(ROOT / "backtest.py", tmp_path)
    write(tmp_path, "good_idea", IDEA)
    return tmp_path


@pytest.fixture
def ask(capsys, tmp_path, monkeypatch):
    """Run the command line in this process: gives exit code, standard output and standard error."""

    def run(*words, home=ROOT):
        monkeypatch.chdir(tmp_path)
        folders = Workspace.at(home)
        folders = Workspace(strategies=folders.strategies, data=folders.data, reports=tmp_path / "reports")
        code = _guarded([str(word) for word in words], folders)
        out, err = capsys.readouterr()
        return code or 0, out, err

    return run


def write(home, stem, text):
    (home / "strategies" / f"{stem}.py").write_text(text, encoding="utf-8")


def hear_interrupts():
    """In a child: a shell that put the tests into the background has told all of them to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(home, *words, **options):
    """The real program in a home of its own."""
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": hear_interrupts, **options}
    return subprocess.Popen([sys.executable, "backtest.py", *words], cwd=home, env=surroundings, text=True, **pipes)


def one_line(err):
    lines = err.splitlines()
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        # unknown names
        (["buy-the-dib"], 2, "There is no strategy or command 'buy-the-dib'. Did you mean 'buy-the-dip'?"),
        (["Buy_The_Dip"], 2, "Did you mean 'buy-the-dip'?"),
        (["lst"], 2, "Did you mean 'list'?"),
        (["../strategies/buy_the_dip"], 2, "There is no strategy or command '../strategies/buy_the_dip'"),
        (["buy-the-dip", "--universe", "articel"], 2, "There is no universe 'articel'. Did you mean 'article'?"),
        # unknown options and words too many
        (["buy-the-dip", "--holt", "3"], 2, "No such option:? '?--holt'?.*--hold.*See backtest.py buy-the-dip --help."),
        (["--verbose"], 2, "No such option:? '?--verbose'?"),
        (["list", "--hold", "3"], 2, "No such option:? '?--hold'?"),
        (["buy-the-dip", "now"], 2, "There is no strategy 'now'"),
        (["buy-the-dip", "--hold"], 2, "'--hold' requires an argument"),
        # values of the wrong type or out of range
        (["buy-the-dip", "--hold", "five"], 2, "'--hold': 'five' is not a valid integer"),
        (["buy-the-dip", "--hold", "2.5"], 2, "'--hold': '2.5' is not a valid integer"),
        (["buy-the-dip", "--hold", "0"], 2, "at least 1 session, found 0"),
        (["buy-the-dip", "--fill", "noon"], 2, "'--fill': 'noon' is not one of 'open', 'close'"),
        (["buy-the-dip", "--day", "27.1.2025"], 2, "'--day': '27.1.2025' is no date; write it as 2024-12-31"),
        (["buy-the-dip", "--day", "2025-01-26"], 2, "2025-01-26 is no session of the exchange; the next one is 2025-01-27"),
        (["buy-the-dip", "--start", "yesterday"], 2, "'--start': 'yesterday' is no date"),
        (["buy-the-dip", "--cash", "much"], 2, "'--cash': 'much' is not a valid float"),
        (["buy-the-dip", "--cash", "nan"], 2, "cash must be a finite number, found nan"),
        (["buy-the-dip", "--cash", "-1"], 2, "cash must be positive, found -1"),
        (["buy-the-dip", "--slippage-bps", "inf"], 2, "slippage_bps must be a finite number, found inf"),
        (["buy-the-dip", "--universe", ","], 2, "A universe needs at least one symbol"),
        (["buy-the-dip", "--universe", "NVDA,NVDA"], 2, "names a symbol twice"),
        # windows
        (["buy-the-dip", "--start", "2025-02-03", "--end", "2025-01-03"], 2, "The start, 2025-02-03, is after the end, 2025-01"),
        (["buy-the-dip", "--start", "2025-01-25", "--end", "2025-01-26"], 2, "No session from 2025-01-25 to 2025-01-26"),
        (["buy-the-dip", "--start", "2030-01-01"], 2, "No session from 2030-01-01 .*run from 2024-01-02 to 2025-12-31"),
        (["buy-the-dip", "--end", "2020-01-01"], 2, "No session .*to 2020-01-01: the data run from 2024-01-02 to 2025-12-31"),
        # data
        (["buy-the-dip", "--universe", "NVDA,XXXX"], 2, "There is no symbol 'XXXX'.*has prices for: AAPL, AMZN"),
        (["buy-the-dip", "--benchmark", "spx"], 2, "There is no symbol 'SPX'. Did you mean 'SPY'?"),
        (["buy-the-dip", "--universe", "../../secret"], 2, "There is no (symbol|universe) '../../SECRET'"),
        (["buy-the-dip", "--data", "nowhere"], 2, "nowhere is no data folder"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_clear_line_and_an_exit_code(ask, tmp_path, words, code, expected):
    found, out, err = ask(*words)
    assert re.search(f"^Error: .*{expected}", one_line(err))
    assert (found, out) == (code, "")
    assert not (tmp_path / "reports").exists()


def test_an_empty_folder_of_figures_is_one_clear_line(ask, tmp_path):
    (tmp_path / "figures" / "prices").mkdir(parents=True)
    code, out, err = ask("buy-the-dip", "--data", tmp_path / "figures")
    assert (code, out) == (1, "")
    assert "prices is empty; a data folder has prices/<SYMBOL>.csv" in one_line(err)


def test_figures_that_are_damaged_are_one_clear_line(ask, tmp_path):
    shutil.copytree(ROOT / "data" / "prices", tmp_path / "figures" / "prices")
    path = tmp_path / "figures" / "prices" / "NVDA.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:100], *lines[101:]]) + "\n", encoding="utf-8")
    code, out, err = ask("buy-the-dip", "--data", tmp_path / "figures")
    assert (code, out) == (1, "")
    assert one_line(err) == f"Error: NVDA has no bar on {lines[100][:10]}, a session of XNYS."


@pytest.mark.parametrize("blocked", ["a file", "/proc/reports", "below a file"])
def test_a_reports_folder_that_cannot_be_written_is_one_clear_line(ask, home, tmp_path, monkeypatch, blocked):
    monkeypatch.setattr("dipfolio.report.tearsheet.tear_sheet", lambda *_: "a page")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    place = {"a file": tmp_path / "file", "/proc/reports": Path("/proc/reports"), "below a file": tmp_path / "file" / "reports"}
    code, out, err = ask("good-idea", "--reports", place[blocked], home=home)
    if blocked == "/proc/reports":
        assert code == 1
        assert out.startswith("good-idea\n\nThere was no trade")  # the answer comes before the report
        assert "Tear sheet" not in out
        assert one_line(err).startswith(f"Error: No report can be written to {place[blocked]}: ")
        assert one_line(err).endswith("Choose another with --reports.")
    else:
        assert (code, out) == (2, "")
        assert f"'--reports': {str(tmp_path / 'file')!r} is a file; name a folder." in one_line(err)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_syntax_error_is_shown_with_its_own_lines_and_the_other_strategies_still_run(ask, home, monkeypatch):
    monkeypatch.setattr("dipfolio.report.tearsheet.tear_sheet", lambda *_: "a page")
    write(home, "broken", "import os\n\nclass Broken(:\n    pass\n")
    code, out, err = ask("broken", home=home)
    assert (code, out) == (1, "")
    assert 'broken.py", line 3' in err
    assert "class Broken(:" in err
    assert err.splitlines()[-1].startswith("Error: broken.py cannot be imported: SyntaxError: ")
    assert "importlib" not in err
    assert "dipfolio/" not in err
    assert ask("good-idea", home=home)[0] == 0


def test_an_error_while_a_file_is_imported_is_shown_with_the_files_lines_alone(ask, home):
    write(home, "base", "def fail():\n    return 1 / 0\n")
    write(home, "broken", "from strategies import base\n\nbase.fail()\n")
    code, _, err = ask("broken", home=home)
    assert code == 1
    assert 'broken.py", line 3' in err
    assert 'base.py", line 2' in err
    assert err.splitlines()[-1] == "Error: broken.py cannot be imported: ZeroDivisionError: division by zero"
    assert "importlib" not in err
    assert "dipfolio/" not in err


def test_a_file_without_a_strategy_is_one_clear_line(ask, home):
    write(home, "nothing", "class Nothing:\n    pass\n")
    code, _, err = ask("nothing", home=home)
    assert code == 1
    assert one_line(err).startswith("Error: nothing.py must define one strategy class")


@pytest.mark.parametrize("name", ["start", "benchmark", "cash", "no_costs", "json", "help"])
def test_a_parameter_that_takes_the_name_of_another_option_is_one_clear_line(ask, home, name):
    write(home, "clash", IDEA.replace("    def targets", f"    {name}: int = parameter(1, help='mine')\n\n    def targets"))
    code, _, err = ask("clash", "--help", home=home)
    assert code == 1
    assert one_line(err) == f"Error: clash: the parameter '{name}' has the name of a general option; choose another."


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return 1", "good-idea: targets must return a DataFrame, found int"),
        ("return no_instruction(bars).iloc[1:]", "good-idea: targets must have the sessions and symbols of the bars, .*501 x 2"),
        ("return no_instruction(bars).astype(object).mask(lambda t: t.isna(), 'buy')", "good-idea: targets must be numbers"),
        ("return no_instruction(bars).fillna(float('inf'))", "the target of NVDA on 2024-01-02 is infinite"),
    ],
)  # fmt: skip
def test_targets_that_break_the_contract_are_one_clear_line(ask, home, body, expected):
    write(home, "good_idea", IDEA.replace("return no_instruction(bars)", body).replace('"NVDA"', '"NVDA,SPY"'))
    code, out, err = ask("good-idea", home=home)
    assert (code, out) == (1, "")
    assert re.search(expected, one_line(err))


def test_a_fault_in_a_strategy_keeps_its_traceback(ask, home):
    write(home, "good_idea", IDEA.replace("return no_instruction(bars)", "return 1 / 0"))
    code, out, err = ask("good-idea", home=home)
    assert (code, out) == (1, "")
    first, second, *_, last = err.splitlines()
    assert first == "Traceback (most recent call last):"
    assert re.match(r'  File ".*/strategies/good_idea\.py", line \d+, in targets', second)
    assert re.fullmatch(r"Error: good-idea failed in line \d+ of good_idea\.py: ZeroDivisionError: division by zero", last)


def test_without_a_word_the_help_is_shown_and_no_error(ask):
    _, out, err = ask()
    assert (out + err).startswith("Usage: backtest.py [OPTIONS] COMMAND [ARGS]...")
    assert "Error" not in out + err
    assert "See backtest.py --help" not in out + err


def test_the_help_names_the_commands_and_every_strategy(ask):
    code, out, err = ask("--help")
    assert (code, err) == (0, "")
    for word in ("list", "buy-the-dip", "equal-weight", "short-nvda-friday", "Buy the article's twelve names"):
        assert word in out


def test_the_version_is_that_of_the_package(ask):
    assert ask("--version") == (0, f"dipfolio, version {__version__}\n", "")


def test_the_program_leaves_with_the_exit_code(capsys):
    with pytest.raises(SystemExit) as left:
        main(home=ROOT, arguments=["nothing-like-it"])
    assert left.value.code == 2
    with pytest.raises(SystemExit) as left:
        main(home=ROOT, arguments=["--version"])
    assert not left.value.code
    capsys.readouterr()


@pytest.mark.parametrize(("words", "code"), [(["list"], 0), (["--help"], 0), (["--version"], 0), (["buy-the-dib"], 2)])
def test_what_runs_nothing_imports_no_library_of_numbers(words, code):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "backtest.py", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    imported = {
        line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")
    }
    assert done.returncode == code
    assert {"dipfolio", "click"} <= imported
    assert not imported & {
        "pandas",
        "numpy",
        "backtrader",
        "matplotlib",
        "quantstats",
        "scipy",
        "exchange_calendars",
        "strategies",
    }


def test_the_module_is_a_doorway_too():
    done = subprocess.run([sys.executable, "-m", "dipfolio", "list"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "\nbuy-the-dip " in f"\n{done.stdout}"


def test_a_missing_library_is_one_clear_line(home):
    (home / "click.py").write_text("raise ModuleNotFoundError(\"No module named 'click'\", name='click')", encoding="utf-8")
    (home / "pyproject.toml").touch()  # as in a checkout
    program = start(home, "list")
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out) == (1, "")
    assert one_line(err) == "click is not installed here. Install dipfolio and what it needs: python -m pip install -e ."
    (home / "pyproject.toml").unlink()  # as in a folder that init has made
    _, err = start(home, "list").communicate(timeout=60)
    assert one_line(err) == "click is not installed here. Use the Python that has dipfolio."


def test_a_reader_that_has_gone_away_is_no_error(home):
    reader, writer = os.pipe()
    os.close(reader)
    program = start(home, "list", stdout=writer)
    os.close(writer)
    _, err = program.communicate(timeout=60)
    assert err == ""


@pytest.mark.slow
def test_ctrl_c_while_simulating_is_one_line_and_leaves_nothing(home):
    write(home, "slow", SLOW)
    program = start(home, "slow")
    for _ in range(600):
        if (home / "strategies" / "slow.started").exists():
            break
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out) == (1, "")
    assert one_line(err.lstrip("\n")) == "Interrupted; nothing was written."  # the terminal's ^C stands on the line before
    assert not (home / "reports").exists()


@pytest.mark.slow
def test_ctrl_c_while_the_page_is_drawn_is_one_line_and_leaves_the_older_report(home):
    write(home, "hasty", INTERRUPTS_ITSELF)
    older = home / "reports" / "hasty"
    older.mkdir(parents=True)
    (older / "tearsheet.html").write_text("older", encoding="utf-8")
    program = start(home, "hasty")
    out, err = program.communicate(timeout=60)
    assert program.returncode == 1
    assert out.startswith("hasty\n\nThere was no trade")  # the answer comes before the page
    assert "Tear sheet" not in out
    assert one_line(err.lstrip("\n")) == "Interrupted; nothing was written."  # the terminal's ^C stands on the line before
    assert [path.name for path in (home / "reports").rglob("*")] == ["hasty", "tearsheet.html"]
    assert (older / "tearsheet.html").read_text(encoding="utf-8") == "older"
