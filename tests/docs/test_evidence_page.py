"""docs/evidence.md: the two claims that it works through, with the numbers that the product has for them."""

import io
import re
from html import unescape
from pathlib import Path

import pytest

from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace
from dipfolio.data.folder import load_bars
from dipfolio.report.study.page import thesis_page
from dipfolio.report.study.tables import LUCK_STYLES
from dipfolio.report.terminal import print_thesis
from dipfolio.study.claims import CLAIMS
from dipfolio.study.details import ClaimDetails
from dipfolio.study.variants import evaluate_variants
from dipfolio.study.verdicts import judge_claims
from tests.support.documents import ROOT, code, commands, page, part, table, words

pytestmark = pytest.mark.slow

TEXT = page("docs/evidence.md")
SAID = words(TEXT)
STRATEGIES = ROOT / "strategies"
TWO = ("A1", "D1")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def thesis(bars):
    return judge_claims(bars, STRATEGIES, contests=False)


@pytest.fixture(scope="module")
def pages(bars, thesis):
    """What the page lists of each of these claims: label and value, by the claim."""
    (rule,) = [claim for claim in CLAIMS if claim.id == "G1"]
    gathered = [
        *(ClaimDetails(verdict=thesis[name]) for name in TWO),
        ClaimDetails(verdict=thesis["G1"], contest=evaluate_variants(rule, bars, STRATEGIES)),
    ]
    html = thesis_page(thesis.only((*TWO, "G1")), gathered, None, bars.provenance, Path("nowhere"))
    parts = re.findall(r'<(section|article)\b[^>]* id="(A1|D1|G1)"(.*?)</\1>', html, flags=re.S)
    return {name: _listed(text) for _, name, text in parts}


def _listed(html):
    """Label and value; of a label that comes again, as that of a source does, the first."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html, flags=re.S)
    return {unescape(label): unescape(value) for label, value in reversed(pairs)}


def test_the_two_claims_are_printed_as_they_stand(thesis):
    printed = io.StringIO()
    print_thesis(thesis.only(TWO), printed)
    block, _ = [block for _, block in code("text", TEXT)]
    assert printed.getvalue().splitlines() == block.splitlines()


def test_each_number_of_the_two_claims_is_the_one_on_their_pages(pages):
    rows = {label: values for label, *values, _ in table(part(TEXT, "The numbers of the test"))}
    left = [row[0] for row in table(part(TEXT, "Deflation"))]
    for place, name in enumerate(TWO):
        facts = {
            label: value
            for label, value in pages[name].items()
            if label not in left and label not in ("Compared with", "History")
        }
        assert {label: facts.get(label) for label in rows} == {label: values[place] for label, values in rows.items()}


def test_what_could_have_been_found_is_said(thesis):
    first, rule = thesis["A1"].primary, thesis["D1"].primary
    assert f"A1 has {round(1 / first.smallest) - 1} such dates" in SAID
    assert f"A1 could have found an effect of {first.detectable:+.2%}".replace("%", " %") in SAID
    assert f"D1 could have found {rule.detectable:+.2%} a trade".replace("%", " %") in SAID
    assert thesis["A1"].decidable
    assert thesis["D1"].decidable
    assert [thesis[name].luck for name in ("D5", "D7")] == ["no effect", "no effect"]
    assert not any(thesis[verdict.claim.id].decidable for verdict in thesis.verdicts if verdict.claim.kind == "rule" and
                   not verdict.claim.decades)  # fmt: skip


def test_what_is_left_of_the_best_variant_is_the_one_on_its_page(pages):
    rows = {label: value for label, value, _ in table(part(TEXT, "Deflation"))}
    assert {label: pages["G1"].get(label) for label in rows} == rows


def test_each_word_is_explained():
    assert [word for word, _ in table(part(TEXT, "Is it more than luck?"))] == list(LUCK_STYLES)


def test_the_walk_forward_test_is_printed_as_it_stands(capsys, tmp_path):
    (command,) = [line for line in commands(TEXT) if "--walk-forward" in line]
    assert not _guarded([*command.split()[2:], "--verify", "0", "--reports", str(tmp_path)], Workspace.at(ROOT))
    _, block = [block for _, block in code("text", TEXT)]
    assert block.strip() in capsys.readouterr().out.splitlines()


def test_the_examples_in_python_print_what_the_page_shows(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    shown = [block for _, block in code("", TEXT)]
    for _, text in code("python", TEXT):
        exec(text, {})  # noqa: S102 - our own page
        assert capsys.readouterr().out in shown
