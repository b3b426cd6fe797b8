"""Predictions: the chain of hashes under every kind of change, what is refused, and the measure of a run by hand."""

import json
import math
from dataclasses import replace

import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError, ReportError
from dipfolio.evidence.predictions import FIRST_LINK, Prediction, PredictionLog, judge, measure_of
from dipfolio.storage import DirectoryLock, sha256_of
from tests.support.markets import make_bars
from tests.support.strategies import script

CLAIM = Prediction(
    number=0, sealed_at="2024-12-30T18:00:00+00:00", claim="A beats M.", strategy="script", parameters={"hold": 5}, account={},
    currency="", benchmark="M",
    window=("2025-01-02", "2025-01-08"), measure="benchmark", more_than=0.01, less_than=None, data="ab" * 32,
    data_end="2024-12-30", source="# a strategy\n",
)  # fmt: skip
FREE = Account(cash=10_000.0, max_volume_share=1.0).without_costs()


@pytest.fixture
def log(tmp_path):
    """Three sealed predictions."""
    log = PredictionLog(tmp_path / "reports" / "predictions.jsonl")
    for claim in ("First.", "Second.", "Third."):
        log.seal(replace(CLAIM, claim=claim))
    return log


def test_each_line_has_the_hash_of_itself_and_of_the_line_before(log):
    first, second, third = log.read()
    assert [one.number for one in (first, second, third)] == [1, 2, 3]
    assert (first.previous, second.previous, third.previous) == (FIRST_LINK, first.sha256, second.sha256)
    record = json.loads(log.path.read_text().splitlines()[1])
    assert record.pop("sha256") == second.sha256
    assert sha256_of(json.dumps(record | {"sha256": ""}, sort_keys=True)) == second.sha256
    assert replace(second, number=0, previous="", sha256="") == replace(CLAIM, claim="Second.")


def test_no_character_of_any_line_can_change_unseen(log):
    text = log.path.read_text()
    for place in range(0, len(text), 7):
        if text[place] != "\n":
            changed = "7" if text[place] != "7" else "8"
            log.path.write_text(text[:place] + changed + text[place + 1 :])
            with pytest.raises(ReportError, match=r"line \d is not what was sealed"):
                log.read()


@pytest.mark.parametrize("kept", [[1, 2], [0, 2], [1, 0, 2], [0, 0, 1, 2], [0, 1, 2, 2]])
def test_lines_cannot_be_taken_out_moved_or_doubled(log, kept):
    lines = log.path.read_text().splitlines(keepends=True)
    log.path.write_text("".join(lines[number] for number in kept))
    with pytest.raises(ReportError, match="is not what was sealed"):
        log.read()


def test_a_line_with_a_hash_of_its_own_breaks_the_chain_behind_it(log):
    first, second, third = log.read()
    forged = replace(second, more_than=-1.0).sealed_after(first.sha256)
    lines = log.path.read_text().splitlines()
    lines[1] = json.dumps(vars(forged), sort_keys=True)
    log.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ReportError, match="line 3 is not what was sealed"):
        log.read()
    log.path.write_text("\n".join(lines[:2]) + "\n")
    assert log.read() == (first, forged)  # a chain that is rewritten to its end is whole; what was published tells
    log.check_published(first.sha256)
    for lost in (second, third):
        with pytest.raises(ReportError, match="rewritten or cut off"):
            log.check_published(lost.sha256)


def test_a_published_hash_may_be_short_but_not_too_short(log):
    log.check_published(log.read()[2].sha256[:12].upper())
    with pytest.raises(ParameterError, match="at least 12 digits"):
        log.check_published("abc")


def test_nothing_is_added_to_a_damaged_or_unfinished_file(log):
    text = log.path.read_text()
    for damaged in (text[:-1], text.replace("Second", "2nd"), text + "{}\n", text + "[1]\n", text + "no\n", text + "1e999\n"):
        log.path.write_text(damaged)
        with pytest.raises(ReportError):
            log.seal(CLAIM)
        assert log.path.read_text() == damaged


def test_two_at_a_time_do_not_make_two_links_of_one_number(log):
    lock = DirectoryLock(log.path.parent)
    with pytest.raises(ReportError, match="just being written"):
        log.seal(CLAIM)
    del lock
    assert log.seal(CLAIM).number == 4


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot be written"):
        PredictionLog(tmp_path / "file" / "predictions.jsonl").seal(CLAIM)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claim": " "}, "needs words"),
        ({"more_than": None}, "--more-than or with --less-than"),
        ({"less_than": 0.0}, "one of the two"),
        ({"benchmark": ""}, "nothing to beat"),
        ({"measure": "sharpe"}, "The measure is profit or benchmark"),
        ({"data_end": "2025-01-02"}, "begins after the data end"),
        ({"window": ("2025-01-08", "2025-01-02")}, "ends after it begins"),
        ({"sealed_at": "2025-01-02T00:00:00+00:00"}, "no longer the future"),
    ],
)
def test_what_is_no_prediction_is_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        replace(CLAIM, **changes)


def ran(shares=10, benchmark="M"):
    """A bought at 100 and at 110 in the end; M from 50 to 51, a fiftieth."""
    closes = {"A": [100.0, 100, 104, 108, 110], "M": [50.0, 50, 50, 50, 51]}
    return simulate(script({0: {"A": shares}}, universe="A"), make_bars(closes), FREE, benchmark=benchmark)


@pytest.mark.parametrize(
    ("shares", "measure", "value"),
    [(10, "profit", 0.10), (10, "benchmark", 0.08), (-10, "profit", -0.10), (-10, "benchmark", -0.08)],
)
def test_the_measure_by_hand(shares, measure, value):
    assert measure_of(replace(CLAIM, measure=measure), ran(shares)) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("bound", "verdict"),
    [
        ({"more_than": 0.079}, "came true"),
        ({"more_than": 0.081}, "did not come true"),
        ({"more_than": None, "less_than": 0.081}, "came true"),
        ({"more_than": None, "less_than": 0.079}, "did not come true"),
    ],
)
def test_the_bound_decides(bound, verdict):
    found = judge(replace(CLAIM, **bound), ran(), "A remark.")
    assert (found.verdict, found.trades, found.remark) == (verdict, 1, "A remark.")
    assert found.value == pytest.approx(0.08)


def test_a_strategy_that_did_not_trade_cannot_be_judged():
    found = judge(CLAIM, simulate(script({}, universe="A"), make_bars({"A": [100.0] * 5, "M": [50.0] * 5}), FREE, benchmark="M"))
    assert (found.verdict, found.remark) == ("cannot be judged", "The strategy did not trade in that window.")
    assert math.isnan(found.value)


def test_the_run_of_another_window_is_refused():
    with pytest.raises(ParameterError, match="The prediction is about"):
        judge(replace(CLAIM, window=("2025-01-02", "2025-01-07")), ran())
