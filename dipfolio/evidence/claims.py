"""Claims: what the article, its critics and a commenter said of DeepSeek Monday, as statements that figures can answer.

The horizons were fixed before any result was looked at: 5, 20 and 60 sessions, 5 first; a claim that speaks of quarters has
60, 120 and 250.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pandas as pd

from dipfolio.engine.showing import Shown
from dipfolio.engine.signals import FUZZ
from dipfolio.market.bars import Bars

Kind = Literal["event", "described", "duration", "fact", "rule", "paired", "mean", "list", "same", "arithmetic", "untestable"]
"""How a claim is answered.

event : one trade on one date: its rank among placebo dates, never a Sharpe ratio.
described : the same where no placebo date is like the event, such as a day of results among days without: told, not tested.
duration : one waiting time among others.
fact : true or false by the figures alone.
rule : a trade that many dates had: its mean against that of all dates, by rotation.
paired : two strategies on the same dates.
mean : a trade at regular times, against nothing.
list : too few cases for a test.
same : the number of another claim, perhaps with the sign turned.
arithmetic : dollars that a told trade would have made.
untestable : prices do not answer it, or these figures lack what would.
"""

MENU = (5, 20, 60)
HOLDS = (1, 3, 5, 10, 20, 60)
QUARTERS = (60, 120, 250)

Variants = Mapping[str, Mapping[str, Any]]

Signal = Callable[[Bars], "pd.Series[bool]"]
"""Sessions on whose close a trade is decided."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Claim(Shown):
    """One claim.

    Attributes
    ----------
    id : str
        Its label: A the article's, B the bear's, K the commenter's, G a rule that generalises them.
    sentence : str
        What it says, in our words.
    hypothesis : str
        What has to hold for it to be supported.
    kind : str
        See :data:`Kind`.
    strategy, parameters : str and mapping
        What trades it; the horizon comes from ``horizons`` where the strategy has ``hold``.
    signal, universe : function and str
        Instead of a strategy: when to buy these symbols at the next open.
    benchmark : str
        What the trade is measured against, empty for none.
    variants : mapping
        Other entries by their names, as parameters; for a paired claim the strategy it is compared to.
    grids : tuple of mappings
        All parameter sets that a reader might have chosen: the values of each parameter, every combination of them.
    horizons : tuple of int
        Sessions, the primary one first.
    direction : {"higher", "lower"}
        What the claim says of the number, which for a strategy is its own profit.
    family : str
        F1 the event, F2 dips, F3 trend, F4 calendar: corrected together.
    same_as : str
        The claim whose number this is.
    remark : str
        What must be told with any answer: hindsight, confounding, what is missing.
    """

    SHOWN = ("id", "sentence", "hypothesis", "kind", "strategy", "family", "remark")

    id: str
    sentence: str
    hypothesis: str
    kind: Kind
    strategy: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    signal: Signal | None = None
    universe: str = ""
    benchmark: str = ""
    variants: Variants = field(default_factory=dict)
    grids: tuple[Mapping[str, tuple[Any, ...]], ...] = ()
    horizons: tuple[int, ...] = MENU
    direction: Literal["higher", "lower"] = "higher"
    family: str = ""
    same_as: str = ""
    remark: str = ""


def gap_down(bars: Bars) -> "pd.Series[bool]":
    """SMH opens the next session 2 % or more below this close: seen and bought at the same open, which flatters."""
    prices = bars.select(("SMH",))
    return (prices.open["SMH"].shift(-1) / prices.close["SMH"] - 1) <= -0.02 + FUZZ


def sector_shock(bars: Bars) -> "pd.Series[bool]":
    """SMH falls by 4 % or more while SPY falls by less than 2 %: a shock of the chips and not of the market."""
    returns = bars.select(("SMH", "SPY")).returns
    return (returns["SMH"] <= -0.04 + FUZZ) & (returns["SPY"] > -0.02)


LATER: Variants = {"Monday's close": {"fill": "close"}, "Tuesday's open": {"day": date(2025, 1, 28)}}
SHORTED: Variants = {"Monday's close": {"entry": "monday-close"}, "29 January, unrestricted": {"entry": "first-unrestricted"}}

ARTICLE = (
    Claim(
        id="A0", sentence="Artificial-intelligence shares fall before the open.", kind="fact", universe="article",
        hypothesis="Each of the twelve opens below Friday's close.", direction="lower", horizons=(),
        remark="The premarket itself is not in daily figures; the open stands for it.",
    ),
    Claim(
        id="A1", sentence="The sell-off will be short-lived; stay with these shares.", kind="event", strategy="buy-the-dip",
        hypothesis="All twelve, bought at Monday's open, beat QQQ by more than on other stressful mornings.", benchmark="QQQ",
        variants=LATER, family="F1", remark="The twelve are two groups, chips and hyperscalers, that need not move alike.",
    ),
    Claim(
        id="A2", sentence="The sell-off will be short-lived: prices will soon be back.", kind="duration", universe="SMH",
        strategy="hold-to-recovery",
        hypothesis="SMH regains Friday's close sooner than after its other drops of 2.5 sigma or more.", direction="lower",
        horizons=(250,), family="F1", remark="The tariff sell-off of April 2025 lies within the wait.",
    ),
    Claim(
        id="A3", sentence="The hyperscalers are doubted for their spending, without reason.", kind="event", benchmark="QQQ",
        strategy="buy-hyperscalers", hypothesis="The four, bought at Monday's open, beat QQQ by more than on other mornings.",
        variants=LATER, family="F1", remark="Confounded by their own results from 29 January on.",
    ),
    Claim(
        id="A4a", sentence="Results of the coming days may lift the companies that report.", kind="described", horizons=(1,),
        strategy="buy-before-earnings", hypothesis="Bought before its print and sold a session later, each beats QQQ.",
        benchmark="QQQ", variants={"sold at the open": {"sell": "open"}},
        remark="Six prints on four days; such days move more than all that they could be compared with.",
    ),
    Claim(
        id="A4b", sentence="Announced capital expenditure supports the chipmakers.", kind="described",
        strategy="chips-on-capex", hypothesis="SMH beats QQQ over the hyperscalers' prints.", benchmark="QQQ", horizons=(1,),
        remark="Three evenings describe and test nothing; the spending itself was raised, which is another matter.",
    ),
    Claim(
        id="A4c", sentence="Raised spending goes on to lift prices after the print.", kind="untestable", horizons=(),
        hypothesis="Drift after guidance was raised.", remark="Needs a dated table of guidance, which prices are not.",
    ),
    Claim(
        id="A5", sentence="Cheaper models will need more chips, not fewer.", kind="event", strategy="buy-chipmakers",
        hypothesis="The chipmakers, bought at Monday's open, beat QQQ over quarters by more than on other such mornings.",
        benchmark="QQQ", horizons=QUARTERS, variants=LATER, family="F1",
        remark="One long window is one draw; NVDA, AVGO and TSM were picked as winners.",
    ),
    Claim(
        id="A6", sentence="Project Stargate was overshadowed for a moment only.", kind="event", strategy="buy-stargate",
        hypothesis="The five names, bought at Monday's open, beat QQQ by more than on other such mornings.", benchmark="QQQ",
        variants={**LATER, "without TSM": {"partners_only": True}}, family="F1",
        remark="ORCL and ARM had jumped days before; TSM was on the article's list but no named partner.",
    ),
    Claim(
        id="A7", sentence="Investors should not overreact.", kind="same", strategy="panic-and-rebuy", same_as="A1",
        hypothesis="Holding beats selling at Monday's open and buying back.", horizons=(),
        remark="What selling costs is what the names earn meanwhile: A1 with the sign turned.",
    ),
    Claim(
        id="A8", sentence="NVIDIA's processors remain central.", kind="event", strategy="nvda-over-chips",
        horizons=(250, 60, 120), variants=LATER, family="F1",
        hypothesis="NVDA gains on SMH over a year by more than from other such mornings on.",
        remark="A fifth of SMH is NVDA; one year is one draw.",
    ),
    Claim(
        id="A9", sentence="DeepSeek may be overhyped: narrow, and dearer than told.", kind="untestable", horizons=(),
        hypothesis="None that prices could answer.", remark="Prices say what buyers thought, not what the model cost.",
    ),
)  # fmt: skip

CRITICS = (
    Claim(
        id="B1", sentence="Nobody will need so many chips: NVDA falls further.", kind="event", strategy="short-nvda",
        hypothesis="A short of NVDA from Monday's open gains over QQQ by more than on other such mornings.", benchmark="QQQ",
        variants=SHORTED, family="F1",
        remark="The short-sale price test held until Tuesday's close: many could not have sold on Monday.",
    ),
    Claim(
        id="B2", sentence="Cheaper models help their users and hurt the supplier.", kind="event", horizons=MENU,
        strategy="hyperscalers-over-nvda", family="F1",
        hypothesis="The hyperscalers gain on NVDA from Monday's open by more than on other such mornings.",
        variants={**SHORTED, "beta-neutral": {"neutral": "beta"}}, remark="NVDA moves with the market about twice as much.",
    ),
    Claim(
        id="B3", sentence="Hyperscalers will cut their spending on chips.", kind="same", same_as="A4b", horizons=(),
        hypothesis="SMH falls over their prints.", remark="A4b with the sign turned; the guidance itself was raised by all.",
    ),
    Claim(
        id="K1", sentence="Short 3,000 NVDA on Friday, cover at Monday's open.", kind="arithmetic", strategy="short-nvda-friday",
        hypothesis="None: a told trade is priced, not tested.", horizons=(),
        remark="Told after the fact by one who won, without a time stamp.",
    ),
    Claim(
        id="K2", sentence="The same, covered at Monday's close.", kind="arithmetic", strategy="short-nvda-friday",
        parameters={"cover": "close"}, hypothesis="None.", horizons=(), remark="As K1.",
    ),
    Claim(
        id="K3", sentence="The same, held on.", kind="arithmetic", strategy="short-nvda-friday", horizons=(),
        parameters={"cover": "close", "hold": 120}, hypothesis="None.", remark="After 120 sessions; the path decides.",
    ),
    Claim(
        id="K4", sentence="The same, sold at Friday's open.", kind="arithmetic", strategy="short-nvda-friday", horizons=(),
        parameters={"fill": "open"}, hypothesis="None.", remark="One point of the range from Friday's low to its high.",
    ),
    Claim(
        id="K5", sentence="Whoever shorted that Friday knew something.", kind="mean", strategy="short-every-friday",
        hypothesis="A short of NVDA over every weekend gains.", horizons=(1,), family="F4",
        remark="The rule was made from one Friday, which is left out.",
    ),
    Claim(
        id="K6", sentence="China is the way to go.", kind="untestable", hypothesis="Chinese shares do better.", horizons=(),
        remark="Our reading of a remark; the figures have no Chinese fund.",
    ),
)  # fmt: skip

RULES = (
    Claim(
        id="G1", sentence="Buy chips after any drop of 4 % in a day.", kind="rule", strategy="dip-rule", family="F2",
        hypothesis="The mean trade beats the mean of the same trade on all dates.",
        variants={"drops of 2.5 sigma": {"sigmas": 2.5}, "NVDA": {"universe": "NVDA"}},
        grids=({"drop": (0.02, 0.03, 0.04, 0.05, 0.06), "hold": HOLDS}, {"sigmas": (2.0, 2.5, 3.0), "hold": HOLDS}),
        remark="SMH rose throughout: the comparison is with any other day, not with nothing.",
    ),
    Claim(
        id="G2", sentence="Buy chips at an open 2 % below the close.", kind="rule", signal=gap_down, universe="SMH", family="F2",
        hypothesis="As G1.", remark="Signal and fill are the same open, which flatters.",
    ),
    Claim(
        id="G3", sentence="Buy chips 10 % below their high.", kind="list", strategy="drawdown-rule", family="F2", horizons=(60,),
        hypothesis="As G1.", remark="A handful of cases: a list and no test.",
    ),
    Claim(
        id="G4", sentence="Buying a dip in thirds beats buying it at once.", kind="paired", strategy="staged-dip", family="F2",
        variants={"dip-rule": {}}, hypothesis="The staged trade earns more on the same dips.", horizons=(20,),
        remark="The thirds are held 25 sessions on average, the other 20: part of any gain is the longer time.",
    ),
    Claim(
        id="G5", sentence="A stop and a target improve on holding.", kind="paired", strategy="dip-with-stops", family="F2",
        variants={"dip-rule": {}}, hypothesis="The trade with limits earns more on the same dips.", horizons=(20,),
        remark="A target nearer than the stop wins more often by construction.",
    ),
    Claim(
        id="G6", sentence="Hold every dip until it has recovered.", kind="same", same_as="A2", horizons=(), hypothesis="As A2.",
        remark="An exit that waits for the good outcome wins by construction; its length is what can be judged.",
    ),
    Claim(
        id="G7", sentence="Short NVDA while it trades below its average.", kind="rule", strategy="short-below-trend", family="F3",
        hypothesis="The short earns more in a falling trend than at other times.", horizons=(1,),
        variants={"20 sessions": {"window": 20}, "100 sessions": {"window": 100}, "200 sessions": {"window": 200}},
        grids=({"window": (20, 50, 100, 200)}, {"by": ("momentum",)}),
    ),
    Claim(
        id="G8", sentence="Shocks to NVDA go on: short it after a drop of 6 %.", kind="rule", strategy="short-after-shock",
        hypothesis="The mean short beats the mean short of all dates.", family="F2",
        variants={"drops of 4 %": {"drop": 0.04}, "drops of 8 %": {"drop": 0.08}},
        grids=({"drop": (0.04, 0.06, 0.08), "hold": (1, 5, 10, 20)},), remark="Nearly the mirror of G1, not a second proof.",
    ),
    Claim(
        id="G9", sentence="Hold chips over every quarter's prints.", kind="untestable", horizons=(), hypothesis="As A4b.",
        remark="The figures have the dates of one quarter's prints only.",
    ),
    Claim(
        id="G10", sentence="When NVDA falls behind the hyperscalers, it goes on.", kind="rule", strategy="nvda-relative-value",
        hypothesis="The pair earns more after a gap of 5 % than on all dates.", family="F2",
        variants={"gaps of 3 %": {"gap": 0.03}, "gaps of 8 %": {"gap": 0.08}}, remark="Most gaps are NVDA's own results.",
        grids=({"gap": (0.03, 0.05, 0.08), "side": ("continuation", "reversal"), "hold": MENU},),
    ),
    Claim(
        id="G11", sentence="Buy chips after a shock that is theirs alone.", kind="rule", signal=sector_shock, universe="SMH",
        family="F2", hypothesis="As G1, where SMH falls by 4 % and SPY by less than 2 %.",
    ),
    Claim(
        id="G12", sentence="Dips pay in calm times.", kind="untestable", horizons=(), hypothesis="G1 differs by regime.",
        remark="The figures have no volatility index; splitting few dips again leaves too few.",
    ),
    Claim(
        id="G13", sentence="Short NVDA over every weekend.", kind="same", same_as="K5", horizons=(), hypothesis="As K5.",
    ),
    Claim(
        id="G14", sentence="What has risen by 10 % in 20 sessions is due to fall.", kind="rule", strategy="short-after-run-up",
        hypothesis="The short after a run-up earns more than on all dates.", family="F2", horizons=(1, 5),
        remark="The only rule under which that Friday could have been chosen beforehand; by a day it was not.",
    ),
)  # fmt: skip

CLAIMS = (*ARTICLE, *CRITICS, *RULES)
"""Every claim: those of the article, of its critics, and the rules that carry them to other dates."""
