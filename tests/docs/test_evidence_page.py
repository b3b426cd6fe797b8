"""docs/evidence.md: the two claims that it works through, with the numbers that the product has for them."""

import io
import math
import re
from html import unescape
from pathlib import Path

import pytest

from dipfolio.evidence.claims import CLAIMS
from dipfolio.evidence.contest import contest
from dipfolio.evidence.dossier import Dossier
from dipfolio.evidence.thesis import judge
from dipfolio.evidence.verdict import SIZE
from dipfolio.market.folder import load_bars
from dipfolio.report.measured import TONES
from dipfolio.report.thesis import thesis_page
from dipfolio.report.verdicts import print_thesis
from tests.documents import ROOT, code, page, part, table, words

TEXT = page("docs/evidence.md")
SAID = words(TEXT)
STRATEGIES = ROOT / "strategies"
TWO = ("A1", "G1")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def thesis(bars):
    return judge(bars, STRATEGIES, contests=False)


@pytest.fixture(scope="module")
def pages(bars, thesis):
    """What the page lists of each of the two claims: label and value, by the claim."""
    (rule,) = [claim for claim in CLAIMS if claim.id == "G1"]
    gathered = [Dossier(verdict=thesis["A1"]), Dossier(verdict=thesis["G1"], contest=contest(rule, bars, STRATEGIES))]
    html = thesis_page(thesis.only(TWO), gathered, None, bars.provenance, Path("nowhere"))
    parts = re.findall(r'<(section|article)\b[^>]* id="(A1|G1)"(.*?)</\1>', html, flags=re.S)
    return {name: _listed(text) for _, name, text in parts}


def _listed(html):
    """Label and value; of a label that comes again, as that of a source does, the first."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html, flags=re.S)
    return {unescape(label): unescape(value) for label, value in reversed(pairs)}


def test_the_two_claims_are_printed_as_they_stand(thesis):
    printed = io.StringIO()
    print_thesis(thesis.only(TWO), printed)
    (block,) = [block for _, block in code("text", TEXT)]
    assert printed.getvalue().splitlines() == block.splitlines()


def test_each_number_of_the_two_claims_is_the_one_on_their_pages(pages):
    rows = {label: values for label, *values, _ in table(part(TEXT, "The numbers"))}
    left = [row[0] for row in table(part(TEXT, "Deflation"))]
    for place, name in enumerate(TWO):
        facts = {label: value for label, value in pages[name].items() if label not in left and label != "Compared with"}
        assert {label: facts.get(label) for label in rows} == {label: values[place] for label, values in rows.items()}


def test_what_could_have_decided_the_event(thesis):
    first, rule = thesis["A1"].primary, thesis["G1"].primary
    placebos = round(1 / first.smallest) - 1
    assert f"A1 has {placebos} of them" in SAID
    family, least = thesis["A1"].family, first.smallest * thesis["A1"].family
    assert f"With {placebos} placebos the smallest p is {first.smallest:.3f}; times {family} claims that is {least:.3f}" in SAID
    assert f"It would take {math.ceil(family / SIZE - 1e-9) - 1} mornings" in SAID
    assert not thesis["A1"].decidable
    assert thesis["G1"].decidable
    rotations, possible = round(1 / rule.smallest) - 1, rule.smallest * thesis["G1"].family
    assert f"{rotations} rotations; the smallest p times {thesis['G1'].family} claims is {possible:.3f}" in SAID


def test_what_is_left_of_the_best_variant_is_the_one_on_its_page(pages):
    rows = {label: value for label, value, _ in table(part(TEXT, "Deflation"))}
    assert {label: pages["G1"].get(label) for label in rows} == rows


def test_each_word_is_explained():
    assert [word for word, _ in table(part(TEXT, "The four words"))] == list(TONES)
