"""What the documents say of running other people's files, and what the code must not do with data."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dipfolio.data.folder import load_bars
from tests.support.killed_process import ROOT

PACKAGE = ROOT / "dipfolio"
UNPICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "jsonpickle"}
LOADERS = {"read_pickle", "to_pickle", "loads", "Unpickler", "eval", "exec"}
SHARED_BY_THE_FARM = ("sweep/tasks.py", "joblib.load")
"""The data of a sweep, which its own processes map from a file that the sweep has just written into a folder of its own."""


def suspicious(path):
    """Everything in a file that could run what is stored in data."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from (name for name in names if name.split(".")[0] in UNPICKLING)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.split(".")[-1] in LOADERS - {"loads"} or called in ("joblib.load", "pickle.loads", "np.load"):
                told = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if called != "np.load" or told.get("allow_pickle", "False") != "False":
                    yield called
            yield from (
                "allow_pickle"
                for keyword in node.keywords
                if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
            )


def test_nothing_is_unpickled_or_evaluated_but_what_a_sweep_shares_with_its_own_processes():
    found = {(path.relative_to(PACKAGE).as_posix(), name) for path in sorted(PACKAGE.rglob("*.py")) for name in suspicious(path)}
    assert found == {SHARED_BY_THE_FARM}


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from pickle import loads", "import numpy as np\nnp.load(x, allow_pickle=True)", "pd.read_pickle(x)",
     "import joblib\njoblib.load(x)", "eval(x)"],
)  # fmt: skip
def test_the_search_finds_what_it_looks_for(tmp_path, source):
    (tmp_path / "x.py").write_text(source, encoding="utf-8")
    assert list(suspicious(tmp_path / "x.py"))


WATCHED = """
import sys
sys.addaudithook(lambda event, arguments: event == "pickle.find_class" and seen.append(arguments))
seen = []
from pathlib import Path
from dipfolio.report import tearsheet
from dipfolio.cli.app import main
tearsheet.tear_sheet = lambda *_, **__: "page"
run = ["hold-benchmark", "--end", "2024-01-31"]
for words in (run, run, ["compare"], ["data", "status"]):
    try:
        main(home=Path.cwd(), arguments=words)
    except SystemExit as left:
        assert not left.code, left.code
print("unpickled:", seen)
"""


@pytest.mark.slow
def test_a_run_its_repetition_and_a_comparison_unpickle_nothing(home):
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], cwd=home, env=surroundings(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "unpickled: []"


def surroundings():
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


class Bomb:
    """What goes off when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_metadata_of_a_parquet_file_are_never_executed(tmp_path):
    """Pandas and old versions of Arrow keep pickled types there."""
    import pickle

    bomb = pickle.dumps(Bomb(tmp_path / "went off"))
    days = np.array(["2025-01-02", "2025-01-03"], dtype="datetime64[D]")
    prices = {name: pa.array([1.0, 1.0]) for name in ("open", "high", "low", "close", "volume")}
    kind = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": bomb}
    fields = [pa.field("date", pa.date32()), *(pa.field(name, pa.float64(), metadata=kind) for name in prices)]
    table = pa.Table.from_arrays(
        [pa.array(days), *prices.values()], schema=pa.schema(fields, metadata={b"pandas": bomb, b"x": bomb})
    )
    (tmp_path / "prices").mkdir()
    pq.write_table(table, tmp_path / "prices" / "AAA.parquet")
    try:
        assert load_bars(tmp_path).close["AAA"].tolist() == [1.0, 1.0]
    finally:
        assert not (tmp_path / "went off").exists()


@pytest.mark.parametrize("document", ["README.md", "docs/extending.md"])
def test_the_documents_say_that_a_strategy_file_is_code_and_is_executed(document):
    text = " ".join((ROOT / document).read_text(encoding="utf-8").split())
    assert "A strategy file is code" in text
    assert "is executed" in text or "whoever runs it runs all of it" in text


@pytest.mark.slow
def test_the_help_of_new_says_it_too(mortal, home):
    said = " ".join(mortal(home, "new", "--help")[1].split())
    assert "A strategy file is code: whoever runs it, or checks or examines it, executes all of it" in said
    assert "never overwritten without --force" in said
