"""Track: labels that tell runs apart, and where the first return starts."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dipfolio.errors import ReportError
from dipfolio.report.comparison.series import saved_track, session_before, track_of, with_unique_labels
from tests.support.runs import run, save, track


def test_a_run_is_called_by_its_strategy_and_what_was_changed():
    assert track_of(replace(run(), strategy="buy", changed={"hold": 3, "fill": "close"})).label == "buy (hold 3, fill close)"


def test_a_saved_run_comes_back_with_its_folder(tmp_path):
    folder = save(tmp_path, "one", run())
    found = saved_track(folder)
    assert found.result == run()
    assert (found.folder, found.span) == (folder, "2025-01-02 to 2025-01-21")
    with pytest.raises(ReportError):
        saved_track(tmp_path / "none")


def test_runs_that_are_called_alike_get_the_names_of_their_folders():
    a, b, c = (
        track(label="x", folder=Path("r/x")),
        track(label="x", folder=Path("r/x--cash-5")),
        track(label="y", folder=Path("r/y1")),
    )
    assert [t.label for t in with_unique_labels([a, b, c])] == ["x", "x--cash-5", "y"]


def test_what_is_still_alike_gets_a_number():
    a, b, c = track(label="x"), track(label="x"), track(label="x", folder=Path("q/x"))
    assert [t.label for t in with_unique_labels([a, b, c])] == ["x", "x #2", "x #3"]


def test_the_first_return_starts_from_the_session_before():
    assert session_before(pd.Timestamp("2025-01-10")) == pd.Timestamp("2025-01-08")
    assert session_before(pd.Timestamp("1950-01-10")) == pd.Timestamp("1950-01-09")
