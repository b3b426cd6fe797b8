"""Every page in a real browser, with words that would do harm in every place where words can stand: they stay text."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.metrics import measure
from dipfolio.report.comparison.alignment import align_tracks as judge_terms
from dipfolio.report.comparison.page import comparison_page
from dipfolio.report.comparison.series import read_external_series, saved_track, with_unique_labels
from dipfolio.report.evidence_page import evidence_page
from dipfolio.report.format import escape_control_characters
from dipfolio.report.html import write_page
from dipfolio.report.runs_index import refresh_index
from dipfolio.report.study.page import thesis_page
from dipfolio.report.sweep_page import sweep_result_page
from dipfolio.report.tearsheet import tear_sheet
from dipfolio.study.details import analyse_event_day, claim_details
from dipfolio.study.verdicts import judge_claims
from dipfolio.sweep.grid import Axis
from tests.report.test_assessment_summary import RULE, assessed
from tests.support.killed_process import ROOT
from tests.support.runs import run, save
from tests.support.sweeps import made

pytestmark = pytest.mark.slow
OWN = "document.title='owned'"
HOSTILE = f'</script></style><img src=x onerror="{OWN}"><svg onload="{OWN}"></svg><b>%{{y}}</b>{{{{7*7}}}}\'"\x1b[2J\x07\u202egpj'
MARKET = f"M{HOSTILE}"
CLOSES = (100 * np.cumprod(1 + np.random.default_rng(5).standard_normal(60) * 0.02)).tolist()
PAGES = ["theirs/evidence.html", "theirs/tearsheet.html", "comparison.html", "index.html", "sweep.html", "thesis.html"]


def hostile_run():
    """A run of which every word that anybody could have chosen is hostile."""
    result = run({0: {"A": 8}, 20: {"A": 0}, 30: {"A": 4}}, closes=CLOSES, market=CLOSES[::-1], since="2024-01-02")
    tables = {
        name: table.assign(**dict.fromkeys({"symbol", "reason", "detail"} & set(table.columns), HOSTILE))
        for name in ("fills", "trades", "open_positions", "events") for table in [getattr(result, name)]
    }  # fmt: skip
    tables["positions"] = result.positions.rename(columns={"A": HOSTILE})
    tables["prices"] = result.prices.assign(symbol=result.prices["symbol"].map({"A": HOSTILE, "B": MARKET}))
    origin = dataclasses.replace(result.provenance.origin, source=HOSTILE, path=HOSTILE, retrieved=HOSTILE, adjustment=HOSTILE)
    provenance = dataclasses.replace(result.provenance, origin=origin, sha256=HOSTILE, warnings=(HOSTILE,))
    sessions = {f"{symbol}{HOSTILE}": span for symbol, span in provenance.sessions.items()}
    return dataclasses.replace(
        result, strategy=HOSTILE, title=HOSTILE, parameters={HOSTILE: HOSTILE}, changed={HOSTILE: HOSTILE}, benchmark=MARKET,
        provenance=dataclasses.replace(provenance, sessions=sessions), versions={HOSTILE: HOSTILE}, **tables,
    )  # fmt: skip


def write_comparison(shelf):
    theirs = hostile_run()
    page = tear_sheet(theirs, measure(theirs))
    save(shelf, "theirs", theirs, sheet=page)
    other = run({0: {"A": 8}}, closes=CLOSES, market=CLOSES[::-1], since="2024-01-02")
    save(shelf, "ours", dataclasses.replace(other, benchmark=MARKET), sheet="<p>ours")
    csv = shelf / "a'b <i>\x07\u202ec.csv"
    lines = [f"{day.date()},{1000 + place}" for place, day in enumerate(other.returns.index)]
    csv.write_text(f"date,{HOSTILE.replace(',', '').replace(chr(34), '')}\n" + "\n".join(lines), encoding="utf-8")
    tracks = [saved_track(shelf / "theirs"), saved_track(shelf / "ours"), read_external_series(csv, "equity")]
    write_page(shelf, "comparison.html", comparison_page(judge_terms(with_unique_labels(tracks)), shelf))
    refresh_index(shelf)


def write_sweep(shelf):
    axes = (Axis(name="universe", points=(HOSTILE, "b", f"c{HOSTILE}")), Axis(name="hold", points=(1, 2)))
    found = made(axes=axes, names=HOSTILE)
    found = dataclasses.replace(found, strategy=HOSTILE, refused={99: HOSTILE}, defaults=found.defaults | {"universe": HOSTILE})
    write_page(shelf, "sweep.html", sweep_result_page(found, "total_return", f"python backtest.py {HOSTILE}", HOSTILE))


def write_thesis(shelf):
    bars = load_bars(ROOT / "data")
    thesis = judge_claims(bars, ROOT / "strategies", contests=False).only(("A1",))
    gathered = claim_details(thesis, bars, ROOT / "strategies")
    claim = dataclasses.replace(thesis["A1"].claim, sentence=HOSTILE, hypothesis=HOSTILE, remark=HOSTILE)
    verdict = dataclasses.replace(thesis["A1"], claim=claim, reason=HOSTILE)
    origin = dataclasses.replace(bars.provenance.origin, source=HOSTILE, retrieved=HOSTILE, adjustment=HOSTILE)
    page = thesis_page(
        dataclasses.replace(thesis, verdicts=(verdict,)),
        [dataclasses.replace(gathered[0], verdict=verdict)],
        analyse_event_day(bars),
        dataclasses.replace(bars.provenance, origin=origin),
        shelf,
        HOSTILE,
    )
    write_page(shelf, "thesis.html", page)


def write_evidence(shelf):
    """The page of the hostile run, which stands on the shelf."""
    found = assessed(dataclasses.replace(RULE, label=HOSTILE, against=HOSTILE), limitations=(HOSTILE,))
    page = evidence_page(
        dataclasses.replace(found, result=hostile_run(), split_sentence=HOSTILE), tear_sheet=True, calibration="#"
    )
    write_page(shelf / "theirs", "evidence.html", page)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    shelf = tmp_path_factory.mktemp("reports")
    write_comparison(shelf)
    write_evidence(shelf)
    write_sweep(shelf)
    write_thesis(shelf)
    return shelf


SEEN = """() => [
  document.body.innerText, ...[...document.querySelectorAll('svg text, option, title')].map(e => e.textContent),
  ...[...document.querySelectorAll('*')].flatMap(e => [...e.attributes].map(a => a.value))].join('\\n')"""
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("name", PAGES)
def test_hostile_words_are_text_on_every_page_in_every_tab(chromium, shelf, name):
    context, said = chromium.new_context(viewport={"width": 1280, "height": 900}), []
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message) or dialog.dismiss())
    page.goto((Path(shelf) / name).as_uri())
    seen = ""
    for tab in [None, *page.get_by_role("tab").all()]:
        if tab:
            tab.click()
        page.wait_for_timeout(200)
        seen += page.evaluate(SEEN)
    assert page.title() != "owned"
    assert page.locator("img[src='x'], svg[onload], b:text-is('%{y}')").count() == 0
    assert "49" not in re.findall(r"</b>(\d+)'", seen)
    assert ACTIVE.search(seen) is None
    assert escape_control_characters(HOSTILE)[:40] in seen
    assert "\\x1b[2J\\x07\\u202egpj" in seen
    assert said == []
    context.close()
