"""The commands ``predict`` and ``judge``: from the sealed claim to the judgement with later data."""

import json
import shutil
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from dipfolio.cli import predict
from dipfolio.engine.account import Account
from dipfolio.evidence.trial_log import TrialLog
from tests.support.killed_process import ROOT
from tests.support.programs import program_in

SEALED = datetime(2025, 6, 30, 21, tzinfo=UTC)
WORDS = ("dip-rule", "--hold", "5", "--until", "2025-12-31", "--claim", "Falls are bought.")


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """The program in a workspace of its own on 30 June 2025, whose data end on that day: exit code, output, errors."""
    monkeypatch.setattr(predict, "_now", lambda: SEALED)
    program = program_in(tmp_path, monkeypatch, capsys)
    use_data_until("2025-06-30")
    return program


def use_data_until(last):
    """The embedded data up to a day."""
    shutil.rmtree("data", ignore_errors=True)
    shutil.copytree(ROOT / "data", "data", ignore=shutil.ignore_patterns("cache"))
    for path in Path("data").rglob("*.csv"):
        table = pd.read_csv(path, dtype=str)
        if "date" in table.columns and path.parent.name != "data":
            table[table["date"] <= last].to_csv(path, index=False)


def test_a_claim_is_sealed_and_judged_when_its_time_has_come(call):
    code, out, _ = call("predict", *WORDS, "--more-than", "1%")
    assert code == 0
    assert out.startswith(
        "Prediction 1: Falls are bought.\ndip-rule, 2025-07-01 to 2025-12-31: profit over that of SPY above +1.00 %.\n"
    )
    code, still, _ = call("judge")
    assert (code, still.splitlines()[0]) == (0, "1  open")
    assert "The data end on 2025-06-30." in still
    use_data_until("2025-12-31")
    code, judged, _ = call("judge", "--published", out.split("publish: ")[1][:16])
    assert code == 0
    _, alone, _ = call("dip-rule", "--hold", "5", "--start", "2025-07-01", "--end", "2025-12-31", "--no-robustness", "--json")
    answer = json.loads(alone)["answer"]
    excess = answer["return"] - answer["benchmarks"][0]["return"]
    assert f"{100 * excess:+.2f} %, " in judged.splitlines()[0]
    assert judged.startswith("1  came true" if excess > 0.01 else "1  did not come true")
    assert "Each window is one observation." in judged
    assert TrialLog(Path("reports/trials.jsonl")).read(strategy="dip-rule")


def test_both_sides_of_a_bet_are_counted(call):
    for flag in ("--more-than", "--less-than"):
        call("predict", *WORDS, flag, "0")
    use_data_until("2025-12-31")
    _, out, _ = call("judge")
    assert "1 of 2 judged came true." in out
    records = json.loads(call("judge", "--json")[1])
    assert {record["verdict"] for record in records} == {"came true", "did not come true"}


def test_an_edited_line_is_not_judged(call):
    call("predict", *WORDS, "--more-than", "5%")
    path = Path("reports/predictions.jsonl")
    path.write_text(path.read_text().replace('"more_than": 0.05', '"more_than": 0.01'))
    code, out, err = call("judge")
    assert (code, out) == (1, "")
    assert "line 1 is not what was sealed" in err


def test_a_changed_strategy_is_not_run_and_its_sealed_text_can_be_had(call):
    call("predict", *WORDS, "--more-than", "5%")
    use_data_until("2025-12-31")
    path = Path("strategies/dip_rule.py")
    before = path.read_text()
    path.write_text(before + "\n# harmless\n")
    _, out, _ = call("judge")
    assert out.startswith("1  cannot be judged\n")
    assert "The file of dip-rule is not the one that was sealed; `python backtest.py judge --source 1` prints" in out
    assert call("judge", "--source", 1)[1] == before
    assert call("judge", "--source", 2)[0] == 2


def test_prices_that_were_revised_are_told(call):
    call("predict", *WORDS, "--more-than", "5%")
    use_data_until("2025-12-31")
    assert "not those that were known" not in call("judge")[1]
    path = next(Path("data").rglob("SMH.csv"))
    table = pd.read_csv(path, dtype=str)
    table.loc[5, "close"] = table.loc[5, "low"]
    table.to_csv(path, index=False)
    assert "The data up to 2025-06-30 are not those that were known when it was sealed." in call("judge")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--until", "2025-06-30", "--more-than", "0"), "--until 2025-06-30 is no future: the first session"),
        (("--start", "2025-06-30", "--more-than", "0"), "--start 2025-06-30 is no future"),
        (("--more-than", "5"), "'5' may be a fraction or per cent"),
        (("--more-than", "much"), "'much' is no fraction"),
        ((), "--more-than or with --less-than"),
        (("--more-than", "0", "--less-than", "0"), "one of the two"),
        (("--more-than", "0", "--benchmark", "none"), "take --measure profit"),
        (("--until", "2025-07-04", "--start", "2025-07-04", "--more-than", "0"), "There is no session"),
    ],
)
def test_what_is_no_prediction_is_refused_in_one_line(call, words, message):
    code, out, err = call("predict", *WORDS, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1 + err.startswith("No ")
    assert not Path("reports/predictions.jsonl").exists()


def test_the_window_begins_after_today_where_the_data_are_old(call, monkeypatch):
    monkeypatch.setattr(predict, "_now", lambda: datetime(2025, 9, 3, tzinfo=UTC))
    _, out, _ = call("predict", *WORDS, "--more-than", "0", "--json")
    assert json.loads(out)["window"][0] == date(2025, 9, 4).isoformat()
    assert json.loads(out)["data_end"] == "2025-06-30"


def test_without_a_prediction_judge_says_how_to_seal_one(call):
    code, out, _ = call("judge")
    assert (code, "predict --help" in out) == (0, True)
    assert json.loads(call("judge", "--json")[1]) == []


def test_a_strategy_with_a_parameter_of_that_name_takes_the_other_one(call):
    words = ("predict", "drawdown-rule", "--claim", "Falls are bought.", "--more-than", "0", "--end", "2025-12-31", "--json")
    sealed = json.loads(call(*words, "--until", "high")[1])
    assert (sealed["window"][1], sealed["parameters"]["until"]) == ("2025-12-31", "high")


def test_every_setting_of_the_account_and_its_currency_are_sealed(call):
    sealed = json.loads(call("predict", *WORDS, "--more-than", "0", "--cash", "5000", "--currency", "usd", "--json")[1])
    assert sealed["account"] == asdict(Account(cash=5000.0))
    assert sealed["currency"] == "USD"
    use_data_until("2025-12-31")
    assert json.loads(call("judge", "--json")[1])[0]["verdict"] in ("came true", "did not come true")


def test_nothing_is_said_to_have_come_true_while_all_are_open(call):
    call("predict", *WORDS, "--more-than", "0")
    assert call("judge")[1].splitlines()[-1] == (
        "None could be judged so far. 1 is open or cannot be judged. Each window is one observation."
    )
