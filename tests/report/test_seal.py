import pytest

from dipfolio.report.seal import NAME, seal, sealed_identity


@pytest.fixture
def report(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "tearsheet.html").write_text("<html>")
    seal(tmp_path, "abc")
    return tmp_path


def test_a_sealed_report_knows_its_run(report):
    assert sealed_identity(report) == "abc"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "run.json").write_text("{ }"),
        lambda folder: (folder / "tearsheet.html").unlink(),
        lambda folder: (folder / "extra.csv").write_text("x"),
        lambda folder: (folder / NAME).write_text("{"),
        lambda folder: (folder / NAME).write_text("[]"),
        lambda folder: (folder / NAME).write_text('{"identity": "abc"}'),
        lambda folder: (folder / NAME).unlink(),
    ],
)
def test_a_broken_seal_says_nothing(report, spoil):
    spoil(report)
    assert sealed_identity(report) == ""


def test_a_folder_that_is_not_there_has_no_seal(tmp_path):
    assert sealed_identity(tmp_path / "nowhere") == ""
