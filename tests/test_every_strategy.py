"""What every shipped strategy owes: a line in the list, a run with its defaults, an honest check, a tear sheet."""

from pathlib import Path

import pytest

from dipfolio.cli.app import main
from dipfolio.data.folder import load_bars
from dipfolio.engine import loader
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy_checks import check_strategy
from dipfolio.report.tearsheet import tear_sheet

ROOT = Path(__file__).parents[1]
NAMES = loader.list_strategy_names(ROOT / "strategies")
ISSUED = [
    "buy-the-dip",
    "hold-to-recovery",
    "buy-hyperscalers",
    "buy-before-earnings",
    "chips-on-capex",
    "buy-chipmakers",
    "buy-stargate",
    "panic-and-rebuy",
    "nvda-over-chips",
    "short-nvda",
    "hyperscalers-over-nvda",
    "short-nvda-friday",
    "short-every-friday",
    "dip-rule",
    "drawdown-rule",
    "staged-dip",
    "dip-with-stops",
    "short-below-trend",
    "short-after-shock",
    "nvda-relative-value",
    "short-after-run-up",
    "equal-weight",
    "hold-benchmark",
    "inverse-volatility",
    "minimum-variance",
    "risk-parity",
    "momentum",
]


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def kind(name):
    return loader.load_strategy(ROOT / "strategies", name)


def test_every_claim_has_its_strategy():
    assert set(ISSUED) <= set(NAMES)


def test_the_list_names_all_of_them(capsys):
    with pytest.raises(SystemExit):
        main(home=ROOT, arguments=["list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert not [line for line in lines if "BROKEN" in line]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_with_its_defaults_and_has_a_tear_sheet(name, bars):
    result = simulate(kind(name)(), bars, benchmark="SPY")
    assert result.residual < 0.01
    assert len(result.trades) + len(result.open_positions) > 0
    page = tear_sheet(result, measure(result))
    assert f"<title>{name}</title>" in page
    assert result.provenance.sha256 in page
    assert result.title


@pytest.mark.parametrize("name", NAMES)
def test_it_passes_the_check(name, bars):
    faults = [
        f"{finding.question}: {finding.detail}" for finding in check_strategy(kind(name), bars, sessions=8) if not finding.passed
    ]
    assert faults == []


@pytest.mark.parametrize("name", NAMES)
def test_its_docstring_says_what_is_claimed_and_what_is_assumed(name):
    text = kind(name).__doc__
    assert len(text.splitlines()[0]) <= 110
    assert len(text.split()) > 25


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_enough_to_read_in_a_minute(name):
    assert len((ROOT / "strategies" / f"{name.replace('-', '_')}.py").read_text().splitlines()) <= 90
