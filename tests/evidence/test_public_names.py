"""The room as a whole: what it offers, and that it starts at once."""

import subprocess
import sys

import pytest

from dipfolio import evidence


def test_every_name_that_is_offered_is_there_and_documented():
    for name in evidence.__all__:
        assert getattr(evidence, name).__doc__, name
    assert dir(evidence) == sorted(evidence.__all__)
    with pytest.raises(AttributeError, match="has no 'luck'"):
        _ = evidence.luck


def test_the_modules_are_found_by_name():
    from dipfolio.evidence import event_study, placebo

    assert event_study.run_event_study.__module__ == "dipfolio.evidence.event_study"
    assert placebo.rotation_placebo is evidence.rotation_placebo


def test_the_example_of_the_docstring_runs(capsys, monkeypatch):
    from pathlib import Path

    monkeypatch.chdir(Path(__file__).parents[2])
    lines = evidence.__doc__.split("::\n")[1].split("\nThe names below")[0]
    exec("\n".join(line[4:] for line in lines.splitlines()), {})  # noqa: S102 - our own docstring
    assert capsys.readouterr().out.startswith("sample quantile 0.0756972")  # 19 / 251


def test_the_room_imports_no_heavy_library_before_it_is_needed():
    modules = ", ".join(
        f"dipfolio.evidence.{name}" for name in ("placebo", "event_tests", "data_snooping", "recovery", "trial_log")
    )
    code = f"import sys, {modules}; print([m for m in ('arch', 'statsmodels', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
