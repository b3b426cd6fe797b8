"""Catalogue: folders of strategy files that are right, broken or hostile."""

import subprocess
import sys
from pathlib import Path

import pytest

from dipfolio.engine import loader
from dipfolio.engine.parameters import list_parameters
from dipfolio.errors import StrategyError, UnknownNameError

ROOT = Path(__file__).parents[2]
HEAD = """
from dataclasses import dataclass
from dipfolio.engine.strategy import Strategy, no_instruction, parameter


"""
IDEA = (
    HEAD
    + '''@dataclass(frozen=True, kw_only=True)
class Idea(Strategy):
    """The first line.

    The second line.
    """

    hold: int = parameter({hold}, help="sessions")

    def targets(self, bars):
        return no_instruction(bars)
'''
)


@pytest.fixture
def folder(tmp_path):
    """A folder with one good strategy."""
    write(tmp_path, "good_idea", IDEA.format(hold=3))
    return tmp_path


def write(folder, stem, text):
    (folder / f"{stem}.py").write_text(text, encoding="utf-8")


def test_the_repository_has_the_strategies_of_the_main_job():
    assert {"buy-the-dip", "equal-weight", "short-nvda-friday"} <= set(loader.list_strategy_names(ROOT / "strategies"))


@pytest.mark.parametrize("name", loader.list_strategy_names(ROOT / "strategies"))
def test_a_strategy_of_the_repository_can_be_made_and_knows_its_name(name):
    assert loader.load_strategy(ROOT / "strategies", name)().name == name


def test_a_name_is_the_file_with_hyphens(folder):
    assert loader.list_strategy_names(folder) == ("good-idea",)
    assert loader.load_strategy(folder, "good-idea")().name == "good-idea"
    assert loader.load_strategy(folder, "good_idea") is loader.load_strategy(folder, "good-idea")


def test_names_are_sorted_and_private_files_are_left_out(folder):
    for stem in ("zebra", "ant", "_helper", "__init__"):
        write(folder, stem, IDEA.format(hold=1))
    (folder / "notes.txt").write_text("class", encoding="utf-8")
    assert loader.list_strategy_names(folder) == ("ant", "good-idea", "zebra")


def test_a_folder_that_is_not_there_has_no_strategy(tmp_path):
    assert loader.list_strategy_files(tmp_path / "nowhere") == ()


def test_the_title_is_the_first_line_of_the_class(folder):
    (entry,) = loader.list_strategy_files(folder)
    assert (entry.name, entry.title, entry.problem, entry.path) == ("good-idea", "The first line.", "", folder / "good_idea.py")


def test_titles_are_read_without_running_the_file(folder):
    write(folder, "loud", "raise SystemExit('was run')\n" + IDEA.format(hold=1))
    assert [entry.title for entry in loader.list_strategy_files(folder)] == ["The first line."] * 2


def test_titles_and_names_need_neither_numpy_nor_pandas(folder):
    code = (
        "import sys; from pathlib import Path; from dipfolio.engine import loader;"
        "print(len(loader.list_strategy_files(Path(sys.argv[1]))), sorted({'numpy', 'pandas', 'backtrader'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "1 []\n"


@pytest.mark.parametrize("line", ["claim = 'A1'", "claim: ClassVar[str] = 'A1'"])
def test_the_claim_is_read_without_running_the_file(folder, line):
    write(folder, "good_idea", "1 / 0\n" + IDEA.format(hold=1).replace("    hold", f"    {line}\n    hold"))
    assert [entry.claim for entry in loader.list_strategy_files(folder)] == ["A1"]


def test_another_constant_of_the_class_is_no_claim(folder):
    write(folder, "good_idea", IDEA.format(hold=1).replace("    hold", "    unit = 'shares'\n    claim = 'A1'\n    hold"))
    assert [entry.claim for entry in loader.list_strategy_files(folder)] == ["A1"]
    write(folder, "good_idea", IDEA.format(hold=1).replace("    hold", "    unit = 'shares'\n    hold"))
    assert [entry.claim for entry in loader.list_strategy_files(folder)] == [""]


def test_a_class_without_a_docstring_has_an_empty_title(folder):
    write(folder, "plain", "class Plain:\n    pass\n")
    assert [(entry.title, entry.problem) for entry in loader.list_strategy_files(folder) if entry.name == "plain"] == [("", "")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("class Idea(\n", "SyntaxError"),
        ("  x = 1\n", "IndentationError"),
        ("x = '\x00'\n", ""),
        ("", "no class in this file"),
        ("x = 1\n", "no class in this file"),
        ("class _Hidden:\n    pass\n", "no class in this file"),
    ],
)
def test_a_broken_file_is_listed_as_broken_and_the_others_are_not(folder, text, problem):
    write(folder, "broken", text)
    broken, good = loader.list_strategy_files(folder)
    assert (broken.name, good.name) == ("broken", "good-idea")
    assert broken.problem.startswith(problem)
    assert broken.problem
    assert good.problem == ""


def test_a_file_that_is_no_utf8_is_listed_as_broken(folder):
    (folder / "latin.py").write_bytes("# caf\xe9\nclass A: pass\n".encode("latin-1"))
    assert [entry.problem.split(":")[0] for entry in loader.list_strategy_files(folder)] == ["", "UnicodeDecodeError"]


def test_a_broken_file_does_not_keep_another_from_loading(folder):
    write(folder, "broken", "class Idea(\n")
    with pytest.raises(StrategyError, match=r"broken\.py cannot be imported: SyntaxError"):
        loader.load_strategy(folder, "broken")
    assert loader.load_strategy(folder, "good-idea")().hold == 3


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("import no_such_library\n", ModuleNotFoundError),
        ("1 / 0\n", ZeroDivisionError),
        (HEAD + "class Idea(Strategy):\n    hold: int = parameter()\n", TypeError),
    ],
)
def test_the_error_of_a_file_is_the_cause_of_ours(folder, text, kind):
    write(folder, "broken", text)
    with pytest.raises(StrategyError, match=rf"broken\.py cannot be imported: {kind.__name__}: ") as caught:
        loader.load_strategy(folder, "broken")
    assert isinstance(caught.value.__cause__, kind)


def test_a_file_that_was_mended_can_be_loaded_in_the_same_process(folder):
    write(folder, "broken", "1 / 0\n")
    with pytest.raises(StrategyError):
        loader.load_strategy(folder, "broken")
    write(folder, "broken", IDEA.format(hold=11) + "# mended\n")
    assert loader.load_strategy(folder, "broken")().hold == 11


def test_a_file_without_a_strategy_is_refused(folder):
    write(folder, "empty", "class Idea:\n    pass\n")
    with pytest.raises(StrategyError, match=r"empty\.py must define one strategy class.*found none"):
        loader.load_strategy(folder, "empty")


def test_a_file_with_two_strategies_is_refused_with_both_names(folder):
    write(folder, "two", IDEA.format(hold=1) + "\n\n@dataclass(frozen=True, kw_only=True)\nclass Other(Idea):\n    pass\n")
    with pytest.raises(StrategyError, match=r"two\.py must define one strategy class.*found Idea, Other"):
        loader.load_strategy(folder, "two")


def test_abstract_private_and_imported_classes_do_not_count(folder):
    text = (
        HEAD + "from strategies.good_idea import Idea\n\n\nclass Base(Strategy):\n    pass\n\n\nclass _Draft(Idea):\n    pass\n"
    )
    write(folder, "mixed", text + "\n\n@dataclass(frozen=True, kw_only=True)\nclass Mine(Idea):\n    hold: int = 9\n")
    assert loader.load_strategy(folder, "mixed").__name__ == "Mine"


@pytest.mark.parametrize(
    "name",
    ["../good-idea", "..", ".", "", "/etc/passwd", "good-idea.py", "sub/good-idea", "good--idea", "-good", "Good-Idea",
     "good idea", "_helper", "os.path", "good-idea\x00", "good\nidea"],
)  # fmt: skip
def test_a_name_that_is_no_name_finds_nothing_and_runs_nothing(folder, name):
    trap = "raise SystemExit('was run')\n"
    (folder / "sub").mkdir()
    write(folder / "sub", "good_idea", trap)
    write(folder, "_helper", trap)
    write(folder.parent, "good_idea", trap)
    with pytest.raises(UnknownNameError):
        loader.load_strategy(folder, name)


def test_an_unknown_name_is_answered_with_the_nearest(folder):
    with pytest.raises(UnknownNameError, match=r"There is no strategy 'god-idea'\. Did you mean 'good-idea'\?") as caught:
        loader.load_strategy(folder, "god-idea")
    assert caught.value.exit_code == 2
    assert caught.value.valid == ("good-idea",)


@pytest.mark.parametrize("stem", ["my-idea", "MyIdea", "my__idea", "idea_", "2 ideas"])
def test_what_is_listed_without_a_problem_can_be_loaded(folder, stem):
    write(folder, stem, IDEA.format(hold=7))
    for entry in loader.list_strategy_files(folder):
        if not entry.problem:
            assert loader.load_strategy(folder, entry.name)().hold in (3, 7)


def test_a_strategy_inherits_from_one_in_another_file(folder):
    text = (
        HEAD + "from strategies.good_idea import Idea\n\n\n@dataclass(frozen=True, kw_only=True)\n"
        'class Longer(Idea):\n    """Longer."""\n\n'
        "    hold: int = parameter(20, help='more sessions')\n"
    )
    write(folder, "longer", text)
    longer = loader.load_strategy(folder, "longer")
    assert longer().hold == 20
    assert issubclass(longer, loader.load_strategy(folder, "good-idea"))
    assert longer().name == "longer"


def test_a_broken_base_breaks_its_heir_alone(folder):
    write(folder, "base", "1 / 0\n")
    write(folder, "heir", HEAD + "from strategies.base import Base\n")
    with pytest.raises(StrategyError, match=r"heir\.py cannot be imported: ZeroDivisionError"):
        loader.load_strategy(folder, "heir")
    assert loader.load_strategy(folder, "good-idea")().hold == 3


def test_two_folders_in_one_process_do_not_mix(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write(other, "good_idea", IDEA.format(hold=99))
    write(other, "only_here", HEAD + "from strategies.good_idea import Idea\n\n\nclass Mine(Idea):\n    pass\n")
    first = loader.load_strategy(folder, "good-idea")
    second = loader.load_strategy(other, "good-idea")
    assert (first().hold, second().hold) == (3, 99)
    assert loader.load_strategy(other, "only-here")().hold == 99
    assert loader.load_strategy(folder, "good-idea")().hold == 3
    with pytest.raises(UnknownNameError):
        loader.load_strategy(folder, "only-here")
    assert first().name == second().name == "good-idea"


def test_a_folder_is_the_same_however_it_is_written(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert loader.load_strategy(Path(folder.name), "good-idea") is loader.load_strategy(folder, "good-idea")


def test_a_helper_after_the_strategy_is_not_taken_for_it(folder):
    write(folder, "with_helper", IDEA.format(hold=3) + '\n\nclass Helper:\n    """A helper, no strategy."""\n')
    (entry,) = [entry for entry in loader.list_strategy_files(folder) if entry.name == "with-helper"]
    assert entry.title == "The first line."
    assert [item.name for item in list_parameters(loader.load_strategy(folder, "with-helper"))][-1] == "hold"
    assert loader.load_strategy(folder, "with-helper")().title == "The first line."
