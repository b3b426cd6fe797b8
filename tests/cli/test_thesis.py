"""The command ``thesis``: what it prints, what it writes, and that a seed fixes every byte."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipfolio.cli.home import Home
from dipfolio.cli.main import _guarded
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.claims import CLAIMS
from dipfolio.evidence.register import Register
from dipfolio.evidence.sharpe import sharpe_of
from dipfolio.evidence.swept import Swept
from dipfolio.evidence.thesis import judge, steps
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "reference"


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """The program in this process: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    home = Home(strategies=ROOT / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        code = _guarded(["thesis", *words], home)
        out, err = capsys.readouterr()
        return code or 0, out, err

    return call


def worked():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The real program, all of it: folder, standard output, seconds of the processor, which a busy machine does not stretch."""
    folder, began = tmp_path_factory.mktemp("whole"), worked()
    done = subprocess.run(
        [sys.executable, ROOT / "backtest.py", "thesis", "--reports", "r"], cwd=folder, env=os.environ, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout, worked() - began


def test_every_claim_has_its_verdict_in_the_text(whole):
    _, out, _ = whole
    lines = out.splitlines()
    firsts = [line.split()[0] for line in lines if line and line[0] in "ABGK" and line.split()[0] in {c.id for c in CLAIMS}]
    assert firsts == [claim.id for claim in CLAIMS]
    (a0,) = [line for line in lines if line.startswith("A0 ")]
    assert a0.split()[1:4] == ["contradicted", "-6.72", "%"]
    assert "The same number as A1, counted once." in out
    assert "Not to be decided by these figures, whatever had happened:" in out
    assert "the smallest p-value that so few other dates allow is too large for 7 claims" in out


def test_a_piped_line_is_never_wrapped_nor_coloured(whole):
    _, out, _ = whole
    assert "\x1b" not in out
    heads = next(line for line in out.splitlines() if line.startswith("Claim "))
    a1 = next(line for line in out.splitlines() if line.startswith("A1 "))
    assert a1.index("undecided") == heads.index("Verdict")
    assert a1.index("1 date") == heads.index("Observations")


def test_the_page_and_the_register_of_trials_are_written_whole(whole):
    folder, out, _ = whole
    page = (folder / "r" / "thesis.html").read_text(encoding="utf-8")
    trials = Register(folder / "r" / "trials.jsonl").read()
    assert page.rstrip().endswith("</html>")
    assert {path.name for path in (folder / "r").iterdir()} == {"thesis.html", "trials.jsonl", "index.html"}
    assert len(trials) == 83
    assert {trial.family for trial in trials} == {"G1", "G7", "G8", "G10"}
    assert "Trials: 83 variants, 83 of them new, in r/trials.jsonl" in out
    assert out.rstrip().endswith("Thesis: r/thesis.html")


def test_it_takes_less_than_a_minute_and_the_page_can_be_sent_by_mail(whole):
    folder, _, seconds = whole
    assert seconds < 60
    assert (folder / "r" / "thesis.html").stat().st_size < 8e6


def test_the_same_seed_gives_the_same_bytes_and_a_page_made_again_counts_nothing_twice(ask, tmp_path, whole):
    folder, _, _ = whole
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
    assert b1["corrected"] == pytest.approx(6 * b1["primary"]["p_value"], rel=0.2)
    assert (a7["same_as"], a7["counted"]) == ("A1", False)
    assert record["report"] == "reports/thesis-A7-B1-G5.html"
    assert len(Register(tmp_path / "reports" / "trials.jsonl").read()) == 83
    again = ask("--claims", "G5,B1,A7", "--json", "--seed", "7")[1]
    assert again == out


def test_the_numbers_of_the_record_are_those_of_the_verdicts(ask):
    record = json.loads(ask("--claims", "A0,A1,B2,K5,G4", "--json")[1])
    thesis = judge(load_bars(ROOT / "data"), ROOT / "strategies", contests=False)
    for found in record["verdicts"]:
        verdict = thesis[found["claim"]]
        assert found["verdict"] == verdict.word
        assert found["primary"]["effect"] == verdict.primary.effect
        assert found["primary"]["p_value"] == verdict.primary.p_value
        assert len(found["findings"]) == len(verdict.estimates)
        assert found["decidable"] == verdict.decidable
    assert record["contests"] == []


@pytest.mark.slow
def test_the_variants_of_a_rule_are_deflated_by_every_sweep_in_the_register(ask, tmp_path):
    register = Register(tmp_path / "reports" / "trials.jsonl")
    terms = {"window": ("2024-01-02", "2025-12-31"), "figures": "abc", "observations": 267, "axes": {"hold": (1, 2)}}
    swept = Swept(family="dip-rule", strategy="dip-rule", traded=952, mean=0.01, squares=2.0, **terms)
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
    assert "supported" not in out.replace("unsupported", "")
    page = (tmp_path / "reports" / "thesis.html").read_text(encoding="utf-8")
    assert "do not have that Monday" in page


def test_progress_counts_every_step():
    told = []
    few = [claim for claim in CLAIMS if claim.id in ("A0", "G7")]
    judge(load_bars(ROOT / "data"), ROOT / "strategies", few, said=told.append)
    assert told == ["claim A0", "claim G7", "variants of G7"]
    assert steps(few) == 3
    assert steps(few, contests=False) == 2


@pytest.mark.slow
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the long history of ../shared/reference is not here")
def test_a_long_history_takes_less_than_five_minutes(ask):
    began = time.process_time()
    code, out, _ = ask("--data", str(REFERENCE))
    assert code == 0
    assert time.process_time() - began < 300
    assert "2015-01-02 to 2026-05-29" in out
    assert "68 in 25 clusters" in out
