"""The command ``thesis``: what it prints, what it writes, and that a seed fixes every byte."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace
from dipfolio.data.folder import load_bars
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.sharpe_ratio import sharpe_of
from dipfolio.evidence.trial_log import SweepTrials, TrialLog
from dipfolio.report.terminal import json_value
from dipfolio.study.claims import CLAIMS
from dipfolio.study.verdicts import count_steps, judge_claims

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "reference"


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """The program in this process: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    home = Workspace(strategies=ROOT / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        code = _guarded(["thesis", "--jobs", "1", *words], home)
        out, err = capsys.readouterr()
        return code or 0, out, err

    return call


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The real program, all of it: folder, standard output."""
    folder = tmp_path_factory.mktemp("whole")
    done = subprocess.run(
        [sys.executable, ROOT / "backtest.py", "thesis", "--reports", "r"], cwd=folder, env=os.environ, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_every_claim_has_its_verdict_in_the_text(whole):
    _, out = whole
    lines = out.splitlines()
    firsts = [line.split()[0] for line in lines if line and line[0] in "ABDGK" and line.split()[0] in {c.id for c in CLAIMS}]
    assert firsts == [claim.id for claim in CLAIMS]
    (a0,) = [line for line in lines if line.startswith("A0 ")]
    assert a0.split()[1:] == ["came", "true", "more", "than", "luck", "-9.22", "%", "-"]
    assert "The same number as A1, counted once." in out
    assert "The data cannot find any plausible effect:" in out
    assert "the smallest p-value that so few other dates allow is too large for 7 claims" in out
    (k1,) = [line for line in lines if line.startswith("K1 ")]
    assert k1.split()[1:4] == ["came", "true", "illustration"]
    assert "testable" not in out


def test_five_sentences_come_first(whole):
    _, out = whole
    titles = [line for line in out.splitlines() if line in ("The day", "The article", "The commenter", "The bear", "The rule")]
    assert titles == ["The day", "The article", "The commenter", "The bear", "The rule"]
    assert out.index("The rule") < out.index("Did it come true?")
    assert "a profit of $53,460 at Monday's open and $72,600 at Monday's close" in out


def test_a_piped_line_is_never_wrapped_nor_coloured(whole):
    _, out = whole
    assert "\x1b" not in out
    heads = next(line for line in out.splitlines() if line.startswith("Claim "))
    a1 = next(line for line in out.splitlines() if line.startswith("A1 "))
    assert a1.index("partly") == heads.index("Did it come true?")
    assert a1.index("no effect found") == heads.index("More than luck?")
    assert len(heads) <= 80


def test_the_page_and_the_register_of_trials_are_written_whole(whole):
    folder, out = whole
    page = (folder / "r" / "thesis.html").read_text(encoding="utf-8")
    trials = TrialLog(folder / "r" / "trials.jsonl").read()
    assert page.rstrip().endswith("</html>")
    assert {path.name for path in (folder / "r").iterdir()} == {"thesis.html", "trials.jsonl", "index.html"}
    assert len(trials) == 83
    assert {trial.family for trial in trials} == {"G1", "G7", "G8", "G10"}
    assert "Trials: 83 variants, 83 of them new, in r/trials.jsonl" in out
    assert out.rstrip().endswith("Thesis: r/thesis.html")


def test_the_page_can_be_sent_by_mail(whole):
    folder, _ = whole
    assert (folder / "r" / "thesis.html").stat().st_size < 8e6


def test_the_same_seed_gives_the_same_bytes_and_a_page_made_again_counts_nothing_twice(ask, tmp_path, whole):
    folder, _ = whole
    first, known = ((folder / "r" / name).read_bytes() for name in ("thesis.html", "trials.jsonl"))
    shutil.copytree(folder / "r", tmp_path / "r")
    (tmp_path / "r" / "thesis.html").unlink()
    assert ask("--reports", "r", "--seed", "20250127")[0] == 0
    assert (tmp_path / "r" / "thesis.html").read_bytes() == first
    assert (tmp_path / "r" / "trials.jsonl").read_bytes() == known


def test_some_claims_are_shown_with_the_correction_for_all(ask, tmp_path):
    code, out, err = ask("--claims", "b1, A7,G5", "--json", "--seed", "7")
    assert (code, err) == (0, "")
    record = json.loads(out)
    assert [verdict["claim"] for verdict in record["verdicts"]] == ["A7", "B1", "G5"]
    a7, b1, _ = record["verdicts"]
    assert b1["corrected_for"] == 7
    assert 2 * b1["primary"]["p_value"] < b1["corrected"] < 7 * b1["primary"]["p_value"]  # of claims that are partly alike
    assert (a7["same_as"], a7["counted"]) == ("A1", False)
    assert record["report"] == "reports/thesis-A7-B1-G5.html"
    assert len(TrialLog(tmp_path / "reports" / "trials.jsonl").read()) == 83
    again = ask("--claims", "G5,B1,A7", "--json", "--seed", "7")[1]
    assert again == out


def test_the_numbers_of_the_record_are_those_of_the_verdicts(ask):
    record = json.loads(ask("--claims", "A0,A1,B2,K5,G4", "--json")[1])
    thesis = judge_claims(load_bars(ROOT / "data"), ROOT / "strategies", contests=False)
    for found in record["verdicts"]:
        verdict = thesis[found["claim"]]
        assert found["verdict"] == verdict.word
        assert found["primary"]["effect"] == verdict.primary.effect
        assert found["primary"]["p_value"] == json_value(verdict.primary.p_value)
        assert len(found["findings"]) == len(verdict.estimates)
        assert found["decidable"] == verdict.decidable
        assert found["luck"] == verdict.luck
    assert record["contests"] == []


def test_the_record_has_what_happened_and_the_commenters_path(ask):
    record = json.loads(ask("--claims", "A1,A3,K1,G2", "--json")[1])
    a1, a3, k1, g2 = (found["outcome"] for found in record["verdicts"])
    assert (a1["word"], a3["word"], k1["word"], g2["word"]) == ("partly", "came true", "came true", "a rule")
    assert [panel["title"] for panel in record["opening"]][-1] == "The rule"  # of G1, which is not among the claims shown
    twelve = a1["holdings"][0]
    assert twelve["dollars"]["5"] == pytest.approx(100_000 * twelve["returns"]["5"])
    assert twelve["returns"]["250"] is None
    assert {held["label"] for held in a1["holdings"]} >= {"chipmakers", "hyperscalers", "NVDA", "SPY", "QQQ"}
    assert {part["label"]: part["value"] for part in a3["parts"]} == {"META": 0, "AMZN": 0, "MSFT": 1, "GOOG": 3}
    path = record["commenter"]
    assert (path["open_profit"], path["margin_call"]) == (pytest.approx(53_460), "2025-07-15")
    assert len(path["profit"]) == len(path["sessions"]) == 236
    assert record["verdicts"][2]["verdict"] == "illustration"


@pytest.mark.slow
def test_the_variants_of_a_rule_are_deflated_by_every_sweep_in_the_register(ask, tmp_path):
    register = TrialLog(tmp_path / "reports" / "trials.jsonl")
    terms = {"window": ("2024-01-02", "2025-12-31"), "figures": "abc", "observations": 267, "axes": {"hold": (1, 2)}}
    swept = SweepTrials(family="dip-rule", strategy="dip-rule", traded=952, mean=0.01, squares=2.0, **terms)
    register.add([swept, replace(swept, strategy="dip-with-stops", family="dip-with-stops")])
    (contest,) = json.loads(ask("--claims", "G1", "--json")[1])["contests"]
    assert (contest["variants"], contest["trials"]) == (48, 1000)
    own = [trial.ratio for trial in register.read("G1") if trial.traded]
    mean = (sum(own) + 952 * 0.01) / 1000
    squares = sum((ratio - mean) ** 2 for ratio in own) + 2.0 + 952 * (0.01 - mean) ** 2
    best = next(trial for trial in register.read("G1") if trial.ratio == max(own))
    smh = load_bars(ROOT / "data", ("SMH", "SPY")).until("2025-01-24")
    rule = load_strategy(ROOT / "strategies", "dip-rule")(**best.parameters)
    sharpe = sharpe_of(simulate(rule, smh).returns.to_numpy())
    assert sharpe.observations == 267
    assert contest["ratio"] == pytest.approx(sharpe.ratio)
    assert contest["deflated"] == pytest.approx(sharpe.deflated(1000, squares / 999), rel=1e-6)
    low, high = contest["annual_interval"]
    assert low < sharpe.ratio * np.sqrt(252) < high
    page = (tmp_path / "reports" / "thesis-G1.html").read_text(encoding="utf-8")
    assert "Deflated for all 48 that traded and 952 other trials of it in the register" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--claims", "A1,Z9"], "'Z9'"),
        (["--claims", ","], "name at least one claim"),
        (["--seed", "-1"], "-1"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_end_in_one_line(ask, words, said):
    code, out, err = ask(*words)
    assert code in (1, 2)
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_figures_without_the_event_leave_everything_open_and_still_make_a_page(ask, tmp_path):
    folder = tmp_path / "few"
    (folder / "prices").mkdir(parents=True)
    for symbol in ("NVDA", "SPY"):
        lines = (ROOT / "data" / "prices" / f"{symbol}.csv").read_text().splitlines()
        (folder / "prices" / f"{symbol}.csv").write_text("\n".join([lines[0], *lines[300:]]) + "\n")
    code, out, _ = ask("--data", str(folder))
    assert code == 0
    assert "came true" not in out
    assert "more than luck" not in out
    page = (tmp_path / "reports" / "thesis.html").read_text(encoding="utf-8")
    assert "do not have that Monday" in page


def test_progress_counts_every_step():
    told = []
    few = [claim for claim in CLAIMS if claim.id in ("A0", "G7")]
    judge_claims(load_bars(ROOT / "data"), ROOT / "strategies", few, progress=told.append)
    assert told == ["claim A0", "claim G7", "variants of G7"]
    assert count_steps(few) == 3
    assert count_steps(few, contests=False) == 2


@pytest.mark.slow
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the long history of ../shared/reference is not here")
def test_a_long_history_is_judged_as_well(ask):
    code, out, _ = ask("--data", str(REFERENCE))
    assert code == 0
    assert "2015-01-02 to 2026-05-29" in out
    # 68 closes of SMH 4 % down by 24 January 2025, of which 51 were bought while nothing was held and 36 are 20 sessions apart
    assert "51 in 36 groups" in out


def test_the_history_of_each_claim_is_printed_where_it_is_another_and_kept_in_the_json(ask, tmp_path):
    """SMH is listed in July 2024 here, and the data have a volatility index and a Chinese fund."""
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "data", folder, ignore=shutil.ignore_patterns("cache"))
    head, *rows = (folder / "prices" / "SMH.csv").read_text(encoding="utf-8").splitlines()
    later = [row for row in rows if row >= "2024-07-01"]
    (folder / "prices" / "SMH.csv").write_text("\n".join([head, *later]) + "\n", encoding="utf-8")
    shutil.copy(folder / "prices" / "TSM.csv", folder / "prices" / "KWEB.csv")
    calm = [f"{row.split(',')[0]},20,20,20,20,0" for row in rows]
    (folder / "prices" / "^VIX.csv").write_text("\n".join([head, *calm]) + "\n", encoding="utf-8")
    code, out, err = ask("--data", str(folder), "--claims", "B1,G1,K6,G12")
    assert (code, err) == (0, "")
    said = f"History: 2024-07-01 to 2025-12-31, {len(later)} sessions."
    assert out.count(said) == 2  # G1 and G12
    assert out.count("History:") == 2
    code, out, _ = ask("--data", str(folder), "--claims", "B1,G1,K6,G12", "--json")
    record = {verdict["claim"]: verdict for verdict in json.loads(out)["verdicts"]}
    assert record["G1"]["history"] == {"first": "2024-07-01", "last": "2025-12-31", "sessions": len(later)}
    assert record["B1"]["history"] == {"first": "2024-01-02", "last": "2025-12-31", "sessions": 502}
    assert (record["K6"]["kind"], record["G12"]["kind"]) == ("event", "split")
    assert {found["label"] for found in record["K6"]["findings"]} == {
        "as stated", "over NVDA", "Monday's close", "Tuesday's open",
    }  # fmt: skip
    page = (tmp_path / "reports" / "thesis-B1-K6-G1-G12.html").read_text(encoding="utf-8")
    assert f"2024-07-01 to 2025-12-31, {len(later)} sessions" in page
