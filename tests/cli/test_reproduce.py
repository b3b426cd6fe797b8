"""The command ``reproduce``: equal to the byte, or what differs and why."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.support.programs import program_in

pytestmark = pytest.mark.slow


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """The program in a workspace of its own: exit code, output, errors."""
    return program_in(tmp_path, monkeypatch, capsys)


def test_runs_of_one_command_line_are_each_made_again_to_the_byte(call):
    words = ("--hold", "7", "--end=2025-06-30", "--also", "none", "--no-robustness")
    call("buy-the-dip", "short-nvda", *words, "--json", "--force", "--reports=reports")
    for name in ("buy-the-dip", "short-nvda"):
        (folder,) = Path("reports").glob(f"{name}--*")
        assert (folder / "command.txt").read_text() == f"{name} --hold 7 --end=2025-06-30 --also none --no-robustness\n"
        assert (folder / "strategy.py").read_bytes() == Path(f"strategies/{name.replace('-', '_')}.py").read_bytes()
        before = {path: path.read_bytes() for path in Path("reports").rglob("*") if path.is_file()}
        code, out, _ = call("reproduce", folder.name)
        assert (code, out) == (0, f"{folder.name}: made again, all 11 files are equal byte for byte.\n")
        assert before == {path: path.read_bytes() for path in Path("reports").rglob("*") if path.is_file()}


def test_a_changed_strategy_and_a_changed_price_are_named(call):
    call("buy-the-dip", "--no-robustness")
    source = Path("strategies/buy_the_dip.py")
    source.write_text(source.read_text() + "\n# changed\n")
    path = Path("data/prices/NVDA.csv")
    table = pd.read_csv(path, dtype=str)
    table.loc[table["date"] == "2025-01-28", "close"] = table.loc[table["date"] == "2025-01-28", "low"]
    table.to_csv(path, index=False)
    code, out, _ = call("reproduce", "buy-the-dip")
    assert code == 1
    assert "differ: " in out.splitlines()[0]
    assert "The data are others: SHA-256" in out
    assert "Prices of NVDA differ on 2025-01-28." in out
    assert "The equity first differs on 2025-01-28: " in out
    assert out.splitlines()[-1] == "+# changed"
    record = json.loads(call("reproduce", "reports/buy-the-dip", "--json")[1])
    assert (record["equal"], record["command"]) == (False, "buy-the-dip --no-robustness")


def test_what_cannot_be_made_again_is_one_line(call):
    code, _, err = call("reproduce", "buy-the-dip")
    assert (code, err) == (2, "Error: There is no saved run 'buy-the-dip'. reports has none.\n")
    call("buy-the-dip", "--no-robustness")
    Path("strategies/buy_the_dip.py").unlink()
    code, _, err = call("reproduce", "buy-the-dip")
    assert code == 2
    assert "There is no strategy 'buy-the-dip'" in err
