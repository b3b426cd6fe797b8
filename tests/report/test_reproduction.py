"""Reproduction: what is said of two records that differ in one thing."""

import json
import shutil

import pandas as pd
import pytest

from dipfolio.errors import ReportError
from dipfolio.report.reproduction import MAX_DIFF_LINES, compare_records, saved_command
from dipfolio.storage import write_checksums
from tests.support.runs import run, save


@pytest.fixture
def two(tmp_path):
    """A saved run and a copy of it."""
    saved = save(tmp_path, "saved", run({0: {"A": 5}}))
    for name, text in (("strategy.py", "hold = 5\n"), ("command.txt", "script --hold 5\n")):
        (saved / name).write_text(text, encoding="utf-8")
    write_checksums(saved, "one")
    return saved, shutil.copytree(saved, tmp_path / "again")


def test_equal_records_are_equal(two):
    found = compare_records(*two)
    assert found.equal
    assert {"run.json", "equity.csv", "strategy.py", "command.txt"} <= set(found.files)
    assert "seal.json" not in found.files
    assert found.as_record() == {"equal": True, "files": list(found.files), "different": [], "reasons": [], "code": []}


def test_one_byte_makes_them_differ(two):
    path = two[1] / "trades.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    assert compare_records(*two).different == ("trades.csv",)


def test_a_file_that_only_one_has_makes_them_differ(two):
    (two[1] / "trades.csv").unlink()
    (two[1] / "more.csv").write_text("")
    assert compare_records(*two).different == ("more.csv", "trades.csv")


def change(folder, **changes):
    path = folder / "run.json"
    record = json.loads(path.read_text())
    for name, values in changes.items():
        record[name] |= values
    path.write_text(json.dumps(record))


def test_versions_account_parameters_and_data_are_named(two):
    spans = json.loads((two[0] / "run.json").read_text())["provenance"]["sessions"]
    symbol = next(iter(spans))
    later = {**spans, symbol: [spans[symbol][0], "2026-01-02"]}
    change(
        two[1],
        versions={"numpy": "9.9"},
        account={"cash": 7.0},
        parameters={"hold": 8},
        provenance={"sha256": "f" * 64, "sessions": later},
    )
    reasons = compare_records(*two).reasons
    assert any(reason.startswith("Version of numpy: ") and reason.endswith(" then, 9.9 now.") for reason in reasons)
    assert any(reason.startswith("Account, cash: ") and reason.endswith(" then, 7.0 now.") for reason in reasons)
    assert "Parameter hold: not there then, 8 now." in reasons
    assert any(reason.startswith("The data are others: SHA-256 ") and reason.endswith("ffffffffffff now.") for reason in reasons)
    assert f"{symbol}: {' to '.join(spans[symbol])} then, {spans[symbol][0]} to 2026-01-02 now." in reasons


def test_the_days_on_which_prices_differ_are_named_and_the_first_session_of_the_account(two):
    prices, equity = (pd.read_csv(two[1] / name, dtype=str) for name in ("prices.csv", "equity.csv"))
    own = prices.index[prices["symbol"] == "A"]
    prices.loc[own[[1, 3]], "close"] = "1.5"
    equity.loc[2:, "equity"] = "7.25"
    prices.to_csv(two[1] / "prices.csv", index=False)
    equity.to_csv(two[1] / "equity.csv", index=False)
    days, before = prices["session"], pd.read_csv(two[0] / "equity.csv", dtype=str)
    reasons = compare_records(*two).reasons
    assert f"Prices of A differ on {days[own[1]]}, {days[own[3]]}." in reasons
    assert f"The equity first differs on {equity['session'][2]}: {before['equity'][2]} then, 7.25 now." in reasons


def test_the_lines_of_the_source_that_differ_are_shown_up_to_a_limit(two):
    (two[1] / "strategy.py").write_text("hold = 6\n", encoding="utf-8")
    assert compare_records(*two).code == ("--- then", "+++ now", "@@ -1 +1 @@", "-hold = 5", "+hold = 6")
    (two[1] / "strategy.py").write_text("\n".join(map(str, range(100))), encoding="utf-8")
    code = compare_records(*two).code
    assert len(code) == MAX_DIFF_LINES + 1
    assert code[-1] == "... 64 more lines"


def test_the_command_of_a_run_that_was_changed_or_made_in_python_is_refused(two, tmp_path):
    assert saved_command(two[0]) == "script --hold 5"
    (two[0] / "equity.csv").write_text("")
    with pytest.raises(ReportError, match=r"was changed since it was written \(equity\.csv\)"):
        saved_command(two[0])
    plain = save(tmp_path, "plain", run())
    write_checksums(plain, "one")
    with pytest.raises(ReportError, match="made in Python"):
        saved_command(plain)
