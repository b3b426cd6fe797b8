"""The claims of the article, its critics and a commenter on DeepSeek Monday as testable hypotheses.

Each claim about 2025 also has the rule by which prices say whether it came true (:class:`Criterion`). The rules follow
from the words of the claims: "short-lived" is back at Friday's close within 20 sessions. The horizons were fixed before
any result was seen: 5, 20 and 60 sessions, 5 first. A claim that speaks of quarters has 60, 120 and 250 sessions.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.engine.display import Displayable
from dipfolio.engine.indicators import RETURN_TOLERANCE

ClaimKind = Literal[
    "event", "described", "duration", "fact", "rule", "paired", "split", "mean", "list", "same", "arithmetic", "untestable"
]
"""How a claim is answered.

event : one trade on one date: its rank among placebo dates, never a Sharpe ratio.
described : the same where no placebo date is like the event, such as a day of results among days without: shown, not tested.
duration : one waiting time among others.
fact : true or false by the data alone.
rule : a trade that many dates had: the sessions in which it is held against the others.
paired : two strategies on the same dates.
split : a rule in calm and in nervous times: the difference of the two.
mean : a trade at regular times, against nothing.
list : too few cases for a test.
same : the number of another claim, perhaps with the sign turned.
arithmetic : the dollars of a trade that somebody reports: an illustration.
untestable : prices do not answer it, or these data lack what would.
"""

DEFAULT_HORIZONS = (5, 20, 60)
HOLDING_PERIODS = (1, 3, 5, 10, 20, 60)
QUARTER_HORIZONS = (60, 120, 250)

OUTCOME_HORIZONS = (5, 20, 60, 250)
"""Sessions after Monday at which every trade about 2025 is shown."""

STAKE = 100_000.0
"""Dollars that are bought at Monday's open to see what happened; of a pair, on each side."""

MARGINS = ((1, 0.0025), (20, 0.01), (60, 0.03), (250, 0.05))
"""Longest holding time in sessions, and the effect of a trade below which a rule is of no use: a quarter of a per cent for a
session, about what a round trip with fees, slippage and half a spread costs in a nervous market; 1 % up to a month; more for
longer ones. A claim whose 95 % interval lies within its margin on both sides has no effect that matters."""

ClaimVariants = Mapping[str, Mapping[str, Any]]

Measure = Literal["open", "recovery", "gain", "results", "dollars", "none"]
"""What a criterion looks at; each name, horizon or evening is one part, and all parts have to hold.

open : each symbol opens on Monday below Friday's close.
recovery : each symbol closes at or above Friday's close within ``within`` sessions of Monday, which is session 0.
gain : the symbols bought in equal dollars at Monday's open, less those that are sold short, have a gain at each horizon.
results : each symbol rises from the last close before the results of a company to the next close.
dollars : the trade of the strategy has a profit before costs.
none : prices do not show it.
"""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """What counts as having come true, from prices alone: true if all parts hold, in part if some do.

    Attributes
    ----------
    rule : str
        The rule in one sentence; for the measure ``none`` why there is none.
    measure : str
        See :data:`Measure`.
    bought, sold : str
        Universes; ``sold`` is empty where nothing is sold short.
    horizons : tuple of int
        Sessions after Monday.
    within : int
        Sessions within which a level has to be regained.
    reporters : str
        Universe of the companies whose results count; those bought if empty.
    """

    rule: str
    measure: Measure
    bought: str = ""
    sold: str = ""
    horizons: tuple[int, ...] = DEFAULT_HORIZONS
    within: int = 20
    reporters: str = ""


SignalFunction = Callable[[Bars], "pd.Series[bool]"]
"""Sessions on whose close a trade is decided."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Claim(Displayable):
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
        See :data:`ClaimKind`.
    strategy, parameters : str and mapping
        What trades it; the horizon comes from ``horizons`` where the strategy has ``hold``.
    signal, universe : function and str
        Instead of a strategy: when to buy these symbols at the next open.
    reads : tuple of str
        Symbols that the signal or the split needs beside those that are traded.
    benchmark : str
        What the trade is measured against, empty for none. A variant may name another.
    variants : mapping
        Other entries by their names, as parameters; for a paired claim the strategy it is compared to.
    grids : tuple of mappings
        All parameter sets that a reader might have chosen: the values of each parameter, every combination of them.
    horizons : tuple of int
        Sessions, the primary one first.
    direction : {"higher", "lower"}
        What the claim says of the number, which for a strategy is its own profit.
    family : str
        F1 the event, F2 dips, F3 trend, F4 calendar, F5 the decades before: corrected together.
    decades : bool
        Whether it is judged on the indices of 1999 to 2018 that the package arch ships, instead of the data of the study.
    beside : str
        Of a fact: names that are shown with it and of which it is not claimed.
    same_as : str
        The claim whose number this is.
    remark : str
        What must be said with any answer: hindsight, confounding, what is missing.
    criterion : Criterion or None
        When the claim has come true, from prices alone; None for a rule, which is about many dates, and where these data
        lack what the claim is about.
    """

    SHOWN = ("id", "sentence", "hypothesis", "kind", "strategy", "family", "remark")

    id: str
    sentence: str
    hypothesis: str
    kind: ClaimKind
    strategy: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    signal: SignalFunction | None = None
    universe: str = ""
    reads: tuple[str, ...] = ()
    benchmark: str = ""
    variants: ClaimVariants = field(default_factory=dict)
    grids: tuple[Mapping[str, tuple[Any, ...]], ...] = ()
    horizons: tuple[int, ...] = DEFAULT_HORIZONS
    direction: Literal["higher", "lower"] = "higher"
    family: str = ""
    decades: bool = False
    beside: str = ""
    same_as: str = ""
    remark: str = ""
    criterion: Criterion | None = None

    @property
    def margin(self) -> float:
        """The effect of a trade that is too small to be of use, by its first horizon, see :data:`MARGINS`."""
        hold = self.horizons[0] if self.horizons else 0
        return next((size for longest, size in MARGINS if hold <= longest), MARGINS[-1][1])


def gap_down(bars: Bars) -> "pd.Series[bool]":
    """SMH opens the next session 2 % or more below this close: seen and bought at the same open, which flatters."""
    prices = bars.select(("SMH",))
    return (prices.open["SMH"].shift(-1) / prices.close["SMH"] - 1) <= -0.02 + RETURN_TOLERANCE


def sector_shock(bars: Bars) -> "pd.Series[bool]":
    """SMH falls by 4 % or more while SPY falls by less than 2 %: a shock of the chips and not of the market."""
    returns = bars.select(("SMH", "SPY")).returns
    return (returns["SMH"] <= -0.04 + RETURN_TOLERANCE) & (returns["SPY"] > -0.02)


LATER_ENTRIES: ClaimVariants = {"Monday's close": {"fill": "close"}, "Tuesday's open": {"day": date(2025, 1, 28)}}
SHORT_ENTRIES: ClaimVariants = {
    "Monday's close": {"entry": "monday-close"},
    "29 January, unrestricted": {"entry": "first-unrestricted"},
}

ARTICLE_CLAIMS = (
    Claim(
        id="A0", sentence="ARM, MSFT, ORCL, NVDA and TSM fall before the open.", kind="fact", universe="stargate",
        hypothesis="Each of the five that the article names opens below Friday's close.", direction="lower", horizons=(),
        beside="article",
        remark="The premarket itself is not in daily data; the open stands for it.",
        criterion=Criterion(rule="Each of the five opens on Monday below Friday's close.", measure="open", bought="stargate"),
    ),
    Claim(
        id="A1", sentence="The sell-off will be short-lived; stay with these shares.", kind="event", strategy="buy-the-dip",
        hypothesis="All twelve, bought at Monday's open, beat QQQ by more than on other stressful mornings.",
        benchmark="QQQ", variants=LATER_ENTRIES, family="F1",
        remark="The twelve are two groups, chips and hyperscalers, that need not move alike.",
        criterion=Criterion(
            rule="The twelve, bought in equal dollars at Monday's open, have a gain after 5, 20 and 60 sessions.",
            measure="gain", bought="article",
        ),
    ),
    Claim(
        id="A2", sentence="The sell-off will be short-lived: prices will soon be back.", kind="duration", universe="SMH",
        strategy="hold-to-recovery",
        hypothesis="SMH regains Friday's close sooner than after its other drops of 2.5 sigma or more.", direction="lower",
        horizons=(250,), family="F1", remark="The tariff sell-off of April 2025 lies within the wait.",
        criterion=Criterion(
            rule="Each of the twelve closes at or above Friday's close within 20 sessions.", measure="recovery", bought="article",
        ),
    ),
    Claim(
        id="A3", sentence="The hyperscalers are doubted for their spending, without reason.", kind="event", benchmark="QQQ",
        strategy="buy-hyperscalers", hypothesis="The four, bought at Monday's open, beat QQQ by more than on other mornings.",
        variants=LATER_ENTRIES, family="F1", remark="Confounded by their own results from 29 January on.",
        criterion=Criterion(
            rule="Each of the four closes at or above Friday's close within 20 sessions.", measure="recovery",
            bought="hyperscalers",
        ),
    ),
    Claim(
        id="A4a", sentence="Results of the coming days may lift the companies that report.", kind="described", horizons=(1,),
        strategy="buy-before-earnings", hypothesis="Bought before its print and sold a session later, each beats QQQ.",
        benchmark="QQQ", variants={"sold at the open": {"sell": "open"}},
        remark="Six prints on four days; such days move more than all that they could be compared with.",
        criterion=Criterion(
            rule="Each company rises from the last close before its results to the next close.", measure="results",
            bought="META,MSFT,TSLA,AAPL,GOOG,AMZN",
        ),
    ),
    Claim(
        id="A4b", sentence="Announced capital expenditure supports the chipmakers.", kind="described",
        strategy="chips-on-capex", hypothesis="SMH beats QQQ over the hyperscalers' prints.", benchmark="QQQ", horizons=(1,),
        remark="Three evenings describe and test nothing; the spending itself was raised, which is another matter.",
        criterion=Criterion(
            rule="SMH rises from the last close before the results of the hyperscalers to the next close, on each evening.",
            measure="results", bought="SMH", reporters="hyperscalers",
        ),
    ),
    Claim(
        id="A4c", sentence="Raised spending goes on to lift prices after the print.", kind="untestable", horizons=(),
        hypothesis="Drift after guidance was raised.", remark="Needs a dated table of guidance, which prices are not.",
        criterion=Criterion(rule="Prices do not show which companies raised their plans, and when.", measure="none"),
    ),
    Claim(
        id="A5", sentence="Cheaper models will need more chips, not fewer.", kind="event", strategy="buy-chipmakers",
        hypothesis="The chipmakers, bought at Monday's open, beat QQQ over quarters by more than on other such mornings.",
        benchmark="QQQ", horizons=QUARTER_HORIZONS, variants=LATER_ENTRIES, family="F1",
        remark="One long window is one draw; NVDA, AVGO and TSM were picked as winners.",
        criterion=Criterion(
            rule="The four chipmakers, bought in equal dollars at Monday's open, have a gain after 60, 120 and 250 sessions.",
            measure="gain", bought="chipmakers", horizons=QUARTER_HORIZONS,
        ),
    ),
    Claim(
        id="A6", sentence="Project Stargate was overshadowed for a moment only.", kind="event", strategy="buy-stargate",
        hypothesis="The five names, bought at Monday's open, beat QQQ by more than on other such mornings.", benchmark="QQQ",
        variants={**LATER_ENTRIES, "without TSM": {"partners_only": True}}, family="F1",
        remark="ORCL and ARM had jumped days before; TSM was on the article's list but no named partner.",
        criterion=Criterion(
            rule="Each of the five closes at or above Friday's close within 20 sessions.", measure="recovery", bought="stargate",
        ),
    ),
    Claim(
        id="A7", sentence="Investors should not overreact.", kind="same", strategy="panic-and-rebuy", same_as="A1",
        hypothesis="Holding beats selling at Monday's open and buying back.", horizons=(),
        remark="What selling costs is what the names earn meanwhile: A1 with the sign turned.",
        criterion=Criterion(
            rule="Whoever sold the twelve at Monday's open and bought them back after 5, 20 and 60 sessions paid more each time.",
            measure="gain", bought="article",
        ),
    ),
    Claim(
        id="A8", sentence="NVIDIA's processors remain central.", kind="event", strategy="nvda-over-chips",
        horizons=(250, 60, 120), variants=LATER_ENTRIES, family="F1",
        hypothesis="NVDA gains on SMH over a year by more than from other such mornings on.",
        remark="A fifth of SMH is NVDA; one year is one draw.",
        criterion=Criterion(
            rule="NVDA earns more than SMH from Monday's open after 60, 120 and 250 sessions.", measure="gain", bought="NVDA",
            sold="SMH", horizons=QUARTER_HORIZONS,
        ),
    ),
    Claim(
        id="A9", sentence="DeepSeek may be overhyped: narrow, and dearer than reported.", kind="untestable", horizons=(),
        hypothesis="None that prices could answer.", remark="Prices say what buyers thought, not what the model cost.",
        criterion=Criterion(rule="Prices show what buyers thought, not what the model can do or what it cost.", measure="none"),
    ),
)  # fmt: skip

CRITIC_CLAIMS = (
    Claim(
        id="B1", sentence="Nobody will need so many chips: NVDA falls further.", kind="event", strategy="short-nvda",
        hypothesis="A short of NVDA from Monday's open gains over QQQ by more than on other such mornings.", benchmark="QQQ",
        variants=SHORT_ENTRIES, family="F1",
        remark="The short-sale price test held until Tuesday's close: many could not have sold on Monday.",
        criterion=Criterion(
            rule="A short of NVDA from Monday's open has a gain after 5, 20 and 60 sessions.", measure="gain", sold="NVDA",
        ),
    ),
    Claim(
        id="B2", sentence="Cheaper models help their users and hurt the supplier.", kind="event", horizons=DEFAULT_HORIZONS,
        strategy="hyperscalers-over-nvda", family="F1",
        hypothesis="The hyperscalers gain on NVDA from Monday's open by more than on other such mornings.",
        variants={**SHORT_ENTRIES, "beta-neutral": {"neutral": "beta"}}, remark="NVDA moves with the market about twice as much.",
        criterion=Criterion(
            rule="The four hyperscalers earn more than NVDA from Monday's open after 5, 20 and 60 sessions.", measure="gain",
            bought="hyperscalers", sold="NVDA",
        ),
    ),
    Claim(
        id="B3", sentence="Hyperscalers will cut their spending on chips.", kind="same", same_as="A4b", horizons=(),
        hypothesis="SMH falls over their prints.", remark="A4b with the sign turned; the guidance itself was raised by all.",
        criterion=Criterion(rule="Spending is in the announcements of the companies, not in prices.", measure="none"),
    ),
    Claim(
        id="K1", sentence="Short 3,000 NVDA on Friday, cover at Monday's open.", kind="arithmetic", strategy="short-nvda-friday",
        hypothesis="None: a trade that somebody reports is priced, not tested.", horizons=(),
        remark="Reported after the fact by one who won, without a time stamp.",
        criterion=Criterion(rule="The trade has a profit before costs.", measure="dollars"),
    ),
    Claim(
        id="K2", sentence="The same, covered at Monday's close.", kind="arithmetic", strategy="short-nvda-friday",
        parameters={"cover": "close"}, hypothesis="None.", horizons=(),
        remark="Reported after the fact by one who won, without a time stamp.",
        criterion=Criterion(rule="The trade has a profit before costs.", measure="dollars"),
    ),
    Claim(
        id="K3", sentence="The same, held on.", kind="arithmetic", strategy="short-nvda-friday", horizons=(),
        parameters={"cover": "close", "hold": 120}, hypothesis="None.", remark="After 120 sessions; the path decides.",
        criterion=Criterion(rule="The trade has a profit before costs.", measure="dollars"),
    ),
    Claim(
        id="K4", sentence="The same, sold at Friday's open.", kind="arithmetic", strategy="short-nvda-friday", horizons=(),
        parameters={"fill": "open"}, hypothesis="None.", remark="One point of the range from Friday's low to its high.",
        criterion=Criterion(rule="The trade has a profit before costs.", measure="dollars"),
    ),
    Claim(
        id="K5", sentence="Whoever shorted that Friday knew something.", kind="mean", strategy="short-every-friday",
        hypothesis="A short of NVDA over every weekend gains.", horizons=(1,), family="F4",
        remark="The rule was made from one Friday, which is left out.",
        criterion=Criterion(rule="Prices do not show what somebody knew.", measure="none"),
    ),
    Claim(
        id="K6", sentence="China is the way to go.", kind="untestable", hypothesis="Chinese shares do better.", horizons=(),
        remark="Our reading of a remark. These data have no Chinese fund. "
        "`python backtest.py data fetch KWEB FXI` brings two.",
    ),
)  # fmt: skip

RULE_CLAIMS = (
    Claim(
        id="G1", sentence="Buy chips after any drop of 4 % in a day.", kind="rule", strategy="dip-rule", family="F2",
        hypothesis="The mean trade beats the mean of the same trade on all dates.",
        variants={"drops of 2.5 sigma": {"sigmas": 2.5}, "NVDA": {"universe": "NVDA"}},
        grids=({"drop": (0.02, 0.03, 0.04, 0.05, 0.06), "hold": HOLDING_PERIODS},
               {"sigmas": (2.0, 2.5, 3.0), "hold": HOLDING_PERIODS}),
        remark="SMH rose throughout: the comparison is with any other day, not with nothing.",
    ),
    Claim(
        id="G2", sentence="Buy chips at an open 2 % below the close.", kind="rule", signal=gap_down, universe="SMH", family="F2",
        hypothesis="As G1.", remark="Signal and fill are the same open, which flatters.",
    ),
    Claim(
        id="G3", sentence="Buy chips 10 % below their high.", kind="list", strategy="drawdown-rule", family="F2", horizons=(60,),
        hypothesis="As G1.", remark="Too few cases for a test; they are listed.",
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
        remark="The data have the dates of one quarter's prints only.",
    ),
    Claim(
        id="G10", sentence="When NVDA falls behind the hyperscalers, it goes on.", kind="rule", strategy="nvda-relative-value",
        hypothesis="The pair earns more after a gap of 5 % than on all dates.", family="F2",
        variants={"gaps of 3 %": {"gap": 0.03}, "gaps of 8 %": {"gap": 0.08}}, remark="Most gaps are NVDA's own results.",
        grids=({"gap": (0.03, 0.05, 0.08), "side": ("continuation", "reversal"), "hold": DEFAULT_HORIZONS},),
    ),
    Claim(
        id="G11", sentence="Buy chips after a shock that is theirs alone.", kind="rule", signal=sector_shock, universe="SMH",
        reads=("SPY",), family="F2", hypothesis="As G1, where SMH falls by 4 % and SPY by less than 2 %.",
    ),
    Claim(
        id="G12", sentence="Dips pay in calm times.", kind="untestable", horizons=(), hypothesis="G1 differs by regime.",
        remark="These data have no volatility index. `python backtest.py data fetch history --since 1999`"
        " brings ^VIX and the dips of decades.",
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

_NASDAQ = {"universe": "^IXIC"}
_NASDAQ_DIPS = {**_NASDAQ, "drop": 0.03}

DECADE_CLAIMS = (
    Claim(
        id="D1", sentence="Buy the NASDAQ after any fall of 3 % in a day.", kind="rule", strategy="dip-rule", family="F5",
        parameters=_NASDAQ_DIPS, decades=True, hypothesis="As G1, on the NASDAQ Composite from 1999 to 2018.",
        variants={"falls of 2 %": {"drop": 0.02}, "falls of 4 %": {"drop": 0.04}},
        remark="Two bear markets; 3 % of the index is about what 4 % is of SMH, two standard deviations.",
    ),
    Claim(
        id="D2", sentence="Buy the S&P 500 after any fall of 2.5 % in a day.", kind="rule", strategy="dip-rule", family="F5",
        parameters={"universe": "^GSPC", "drop": 0.025, "fill": "close"}, decades=True,
        hypothesis="As G1, on the S&P 500 from 1999 to 2018.", variants={"falls of 2 %": {"drop": 0.02}},
        remark="Bought at the next close, as most opens of this series repeat the close before.",
    ),
    Claim(
        id="D3", sentence="Buying the NASDAQ in thirds beats buying it at once.", kind="paired", strategy="staged-dip",
        parameters=_NASDAQ_DIPS, decades=True, family="F5", variants={"dip-rule": {}}, horizons=(20,),
        hypothesis="As G4, on the NASDAQ Composite from 1999 to 2018.",
        remark="The thirds are held 25 sessions on average, the other 20: part of any gain is the longer time.",
    ),
    Claim(
        id="D4", sentence="A stop and a target improve on holding the NASDAQ.", kind="paired", strategy="dip-with-stops",
        parameters=_NASDAQ_DIPS, decades=True, family="F5", variants={"dip-rule": {}}, horizons=(20,),
        hypothesis="As G5, on the NASDAQ Composite from 1999 to 2018.",
    ),
    Claim(
        id="D5", sentence="Short the NASDAQ while it trades below its average.", kind="rule", strategy="short-below-trend",
        parameters=_NASDAQ, decades=True, family="F5", horizons=(1,), variants={"200 sessions": {"window": 200}},
        hypothesis="As G7, on the NASDAQ Composite from 1999 to 2018.",
    ),
    Claim(
        id="D6", sentence="A NASDAQ that rose by 10 % in 20 sessions is due to fall.", kind="rule", strategy="short-after-run-up",
        parameters=_NASDAQ, decades=True, family="F5", horizons=(1, 5), hypothesis="As G14, on the NASDAQ Composite.",
    ),
    Claim(
        id="D7", sentence="Short the NASDAQ over every weekend.", kind="mean", strategy="short-every-friday", parameters=_NASDAQ,
        decades=True, family="F5", horizons=(1,), hypothesis="As K5, on the NASDAQ Composite from 1999 to 2018.",
    ),
)  # fmt: skip

CLAIMS = (*ARTICLE_CLAIMS, *CRITIC_CLAIMS, *RULE_CLAIMS, *DECADE_CLAIMS)
"""Every claim: those of the article, of its critics, and the rules that carry them to other dates and to other decades."""

VOLATILITY_INDEX = "^VIX"
CALM_BELOW = 25.0
"""Points of the volatility index below which times are calm; fixed before any result was seen."""

CHINESE_FUNDS = ("KWEB", "FXI")
"""Funds of Chinese shares that trade in New York, the one that is nearer to the remark first."""


def adapted_claim(claim: Claim, symbols: Collection[str]) -> Claim:
    """A claim in the form that some symbols allow: K6 needs a Chinese fund, and G12 the volatility index.

    Parameters
    ----------
    claim : Claim
    symbols : collection of str
        Those that have prices.

    Returns
    -------
    Claim
        The same, but for K6 and G12 where their symbols are there.
    """
    funds = [symbol for symbol in CHINESE_FUNDS if symbol in symbols]
    if claim.id == "K6" and claim.kind == "untestable" and funds:
        others = {fund: {"universe": fund} for fund in funds[1:]}
        return replace(
            claim, kind="event", strategy="buy-the-dip", parameters={"universe": funds[0]}, benchmark="QQQ", family="F1",
            horizons=DEFAULT_HORIZONS, variants={"over NVDA": {"benchmark": "NVDA"}, **others, **LATER_ENTRIES},
            hypothesis=f"{funds[0]}, bought at Monday's open, beats QQQ by more than on other such mornings.",
            remark="Our reading of a remark. The fund holds Chinese shares and trades in New York.",
        )  # fmt: skip
    if claim.id == "G12" and claim.kind == "untestable" and VOLATILITY_INDEX in symbols:
        return replace(
            claim, kind="split", strategy="dip-rule", reads=(VOLATILITY_INDEX,), family="F2", horizons=DEFAULT_HORIZONS,
            hypothesis=f"The trade of G1 gains more over its usual return with {VOLATILITY_INDEX} below {CALM_BELOW:g} than "
            "otherwise.",
            remark=f"{VOLATILITY_INDEX} is that of the close on which the trade is decided.",
        )  # fmt: skip
    return claim
