"""What holds for every rule that can be tested on other dates."""

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from tests.support.plain_rules import DATA, FOLDERS, idea

CLAIMS = {
    "dip-rule": "G1",
    "drawdown-rule": "G3",
    "staged-dip": "G4",
    "dip-with-stops": "G5",
    "short-below-trend": "G7",
    "short-after-shock": "G8",
    "nvda-relative-value": "G10",
    "short-after-run-up": "G14",
}
VARIANTS = [
    *((name, {}) for name in CLAIMS),
    ("dip-rule", {"universe": "article", "sigmas": 2.0}),
    ("dip-rule", {"universe": "article", "by": "basket", "drop": 0.02, "skip_event": True}),
    ("dip-rule", {"universe": "NVDA,ARM", "by": "basket", "sigmas": 1.5}),
    ("drawdown-rule", {"universe": "article", "until": "high", "skip_event": True}),
    ("staged-dip", {"universe": "NVDA,SMH", "stages": "price", "skip_event": True}),
    ("short-below-trend", {"by": "momentum", "universe": "NVDA,TSLA"}),
    ("short-below-trend", {"skip_event": True}),
    ("nvda-relative-value", {"side": "reversal", "skip_event": True}),
]


@pytest.fixture(scope="module")
def bars():
    return load_bars(DATA)


@pytest.mark.parametrize(("name", "claim"), CLAIMS.items())
def test_each_names_its_claim_in_one_short_sentence(name, claim):
    kind = type(idea(name))
    title = kind.__doc__.split("\n")[0]
    assert kind.claim == claim
    assert f"Claim {claim}:" in kind.__doc__
    assert "Hindsight:" in kind.__doc__
    assert len(title) < 100
    assert title.endswith(".")


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
def test_what_was_decided_does_not_depend_on_what_came_later(bars, name, parameters):
    rule = idea(name, **parameters)
    own = bars.select(rule.symbols)
    everything = rule.targets(own)
    assert everything.notna().to_numpy().any()
    decisive = np.flatnonzero(everything.notna().any(axis=1))
    for t in sorted({0, 1, 2, *range(5, len(own), 23), *decisive[:6], *(decisive[:6] - 1), len(own) - 2}):
        known = rule.targets(own.until(own.sessions[t]))
        np.testing.assert_array_equal(known.to_numpy(), everything.iloc[: t + 1].to_numpy(), err_msg=f"row {t}")


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
def test_no_symbol_is_wanted_before_it_is_listed(bars, name, parameters):
    rule = idea(name, **parameters)
    own = bars.select(rule.symbols)
    late = own.symbols[-1]
    gone = {field: getattr(own, field).copy() for field in ("open", "high", "low", "close", "volume", "dividends")}
    for field, frame in gone.items():
        frame.loc[: own.sessions[99], late] = 0.0 if field == "dividends" else np.nan
    targets = rule.targets(type(own)(**gone))
    assert targets.iloc[:100][late].isna().all()


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", CLAIMS)
def test_the_defaults_run_and_trade_and_both_books_agree(folder, name):
    rule = idea(name)
    result = simulate(rule, load_bars(folder, (*rule.symbols, "SPY")), Account(), benchmark="SPY")
    assert len(result.trades) + len(result.open_positions) >= 1
    assert result.residual < 0.01
    assert not result.bankrupt


@pytest.mark.parametrize("name", CLAIMS)
def test_weights_never_ask_for_more_than_the_equity(bars, name):
    rule = idea(name)
    assert rule.targets(bars.select(rule.symbols)).abs().sum(axis=1).max() <= 1 + 1e-12
