"""The references of the claims, and what was known only with hindsight when the claims were chosen.

The references are the rules of the exchange and the broker, the press, and the papers behind the tests. Each
hindsight item says what it does to the claims and what was done about it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One source.

    Attributes
    ----------
    topic : str
        What it is used for.
    reference : str
        Author, year, title, venue and DOI of a paper; number of a rule or notice; outlet of a report.
    says : str
        What was taken from it, if that is not the topic.
    claims : tuple of str
        Labels of the claims that rest on it, or their first letters.
    needs : {"", "trades", "shorts"}
        It matters only to those of them that trade, or that sell short.
    """

    topic: str
    reference: str
    says: str = ""
    claims: tuple[str, ...] = ()
    needs: Literal["", "trades", "shorts"] = ""


ALL_CLAIM_GROUPS = ("A", "B", "K", "G")


@dataclass(frozen=True, kw_only=True)
class HindsightItem:
    """One item of the register.

    Attributes
    ----------
    what, why, done : str
    claims : tuple of str
        Labels of the claims it touches, or their first letters.
    """

    what: str
    why: str
    done: str
    claims: tuple[str, ...]


HINDSIGHT_ITEMS = (
    HindsightItem(
        what="The event",
        why="It is studied because it became famous: the largest loss of value of one company in a day.",
        done="It is left out of every rule's test; there it may suggest and never confirm.",
        claims=(*ALL_CLAIM_GROUPS, "D"),
    ),
    HindsightItem(
        what="The seven",
        why="The name was given in 2023 to shares that had already won.",
        done="Each trade is compared with itself on other dates, not with zero; SMH and QQQ stand beside.",
        claims=("A0", "A1", "A2", "A7"),
    ),
    HindsightItem(
        what="ARM",
        why="Listed on 14 September 2023, so it has no longer past.",
        done="Enough for the 250 sessions before the event; baskets of earlier dates go without it.",
        claims=("A0", "A1", "A2", "A5", "A6", "A7"),
    ),
    HindsightItem(
        what="The horizon",
        why="After the fact one can find a holding time for either answer.",
        done="Horizons were fixed before any result and the first decides: 5, or what the claim speaks of; all are drawn.",
        claims=("A1", "A3", "A5", "A6", "A7", "A8", "B1", "B2", "G1", "G2", "G8", "G10", "G11", "G14"),
    ),
    HindsightItem(
        what="Exits that wait",
        why="Holding to recovery, or to a target, ends with the good outcome by construction.",
        done="The length of the wait is judged against that after other drops; no hit rate is shown alone.",
        claims=("A2", "G3", "G5", "G6"),
    ),
    HindsightItem(
        what="The 3,000 shares",
        why="Reported afterwards by one who won, without a time or a cover; losers do not write.",
        done="An illustration of the arithmetic of a short, not evidence.",
        claims=("K1", "K2", "K3", "K4", "K5", "G13", "G14"),
    ),
    HindsightItem(
        what="Buying dips",
        why="These shares rose many times over; almost any purchase looks wise.",
        done="What is tested is tested against the same trade on all dates, or against another on the same dips.",
        claims=("A1", "A3", "A5", "A6", "G1", "G2", "G3", "G4", "G5", "G6", "G9", "G11", "G12"),
    ),
    HindsightItem(
        what="NVDA itself",
        why="It is looked at because it had become the largest of the chipmakers.",
        done=(
            "Pairs are set against SMH or the hyperscalers; the short of a rule is compared with the same short on other dates, "
            "that over weekends with nothing."
        ),
        claims=("A8", "B1", "B2", "K5", "G7", "G8", "G10", "G13", "G14"),
    ),
    HindsightItem(
        what="The Stargate list",
        why="The article's list has TSM, which was never named as a partner.",
        done="Both lists are run.",
        claims=("A6",),
    ),
    HindsightItem(
        what="Same numbers",
        why="Some claims are another one with the sign turned: A7 is A1, B3 is A4b, G6 is A2, G13 is K5; G8 mirrors G1.",
        done="The first four are shown and not counted; G8 is said to be no second proof.",
        claims=("A1", "A2", "A4b", "A7", "B3", "G1", "G6", "G8", "G13", "K5"),
    ),
    HindsightItem(
        what="Spending plans",
        why="How much would be spent on chips was known only from the prints on.",
        done="Used as a check of the facts with their dates, never as a signal before them.",
        claims=("A3", "A4a", "A4b", "A4c", "A5", "B3", "G9"),
    ),
    HindsightItem(
        what="The data",
        why="Vendors change adjusted prices with later dividends and splits.",
        done=(
            "Prices are adjusted for splits alone, dividends are paid apart, and the fingerprint of the data stands under "
            "the sources."
        ),
        claims=ALL_CLAIM_GROUPS,
    ),
    HindsightItem(
        what="The data",
        why="Price indices leave out dividends, and nobody can buy an index at its level.",
        done="Sessions with a position and those without lack them alike; the decades are over before the event.",
        claims=("D",),
    ),
)


def hindsight_for(claim: str) -> tuple[HindsightItem, ...]:
    """The items that touch a claim, in the order of the register."""
    return tuple(item for item in HINDSIGHT_ITEMS if applies_to(item.claims, claim))


def applies_to(claims: Iterable[str], claim: str) -> bool:
    """True if a claim is among these labels or first letters."""
    return claim in claims or claim[0] in claims


FACT_REFERENCES = (
    Reference(
        topic="The day",
        says="NVDA -17 %, Nasdaq -3.1 %. The official close of NVDA is 118.42; 118.58, often printed, is not it.",
        reference="Reuters by way of Investing.com, 27 January 2025.",
        claims=("A0", "A1", "A2", "A5", "B1", "K"),
    ),
    Reference(
        topic="The fall before the open",
        says="About 05:11 New York time; the minute at which the article appeared is not known.",
        reference="CNBC by way of NECN, 27 January 2025.",
        claims=("A0", "A1"),
    ),
    Reference(
        topic="DeepSeek's models",
        says="What the article calls overhyped; the first report gives the cost of its last training run only.",
        reference=(
            "DeepSeek-AI (2024), DeepSeek-V3 Technical Report, arXiv:2412.19437; DeepSeek-AI (2025), DeepSeek-R1: "
            "Incentivizing Reasoning Capability in LLMs via Reinforcement Learning, arXiv:2501.12948."
        ),
        claims=("A9", "A5", "B1"),
    ),
    Reference(
        topic="Stargate",
        says="Partners Arm, Microsoft, NVIDIA, Oracle and OpenAI, announced on 21 January 2025; TSM is not among them.",
        reference=(
            "OpenAI, Announcing The Stargate Project, 21 January 2025; Benzinga, CNBC Africa and Fast Company. Reported hours "
            "before, when ORCL rose: ZeroHedge."
        ),
        claims=("A6",),
    ),
    Reference(
        topic="Spending plans",
        says=(
            "Meta 60 to 65 billion dollars on 24 January; Microsoft 80 billion for its year 2025, reaffirmed; Alphabet about "
            "75 billion on 4 February; Amazon about 100 billion on 6 February."
        ),
        reference=(
            "Announcements and results calls of the companies, reported by Yahoo Finance; the days are in events.csv of the data."
        ),
        claims=("A3", "A4a", "A4b", "A4c", "A5", "B3", "G9"),
    ),
    Reference(
        topic="Days of results",
        says="29 January META, MSFT, TSLA; 30 January AAPL; 4 February GOOG; 6 February AMZN; all after the close.",
        reference="The companies' calendars, in events.csv of the data.",
        claims=("A3", "A4a", "A4b", "B3", "G9"),
    ),
    Reference(
        topic="Short-sale price test",
        says=(
            "After a fall of 10 % only above the best bid, that day and the next: in force on NVDA and AVGO on 27 and 28 "
            "January 2025."
        ),
        reference=(
            "SEC Rule 201 of Regulation SHO, 17 CFR 242.201; Amendments to Regulation SHO, Release No. 34-61595, File No. "
            "S7-08-09 (2010)."
        ),
        claims=("A8", "B1", "B2"),
    ),
    Reference(
        topic="Shorts that were refused",
        says=(
            "A large broker took no new shorts of NVDA and AVGO on 28 January 2025; all shorts of NVDA gained about 6.6 "
            "billion dollars on the 27th."
        ),
        reference="Barron's, with S3 Partners, January 2025.",
        claims=("B1", "B2", "K"),
    ),
    Reference(
        topic="Borrow fee",
        says=(
            "No quote for NVDA in that month was found; easily borrowed shares cost about 0.25 to 0.4 % a year, specials are "
            "rare. Hence 0.3 %, and up to 5 % beside it."
        ),
        reference=(
            "Interactive Brokers, cost of borrowing; D'Avolio (2002), The market for borrowing stock, Journal of Financial "
            "Economics 66, doi:10.1016/S0304-405X(02)00206-4."
        ),
        claims=ALL_CLAIM_GROUPS,
        needs="shorts",
    ),
    Reference(
        topic="Margin",
        says="Half of the value at the start; 25 % of longs, 30 % or 5 dollars a share of shorts afterwards.",
        reference="Regulation T, 12 CFR 220.12; FINRA Rule 4210(c).",
        claims=ALL_CLAIM_GROUPS,
        needs="shorts",
    ),
    Reference(
        topic="Fees on sales",
        says="SEC fee of the date, 27.80 dollars a million in January 2025; FINRA's trading activity fee.",
        reference=(
            "Section 31 of the Securities Exchange Act, Federal Register document 2025-06214 and earlier notices; FINRA, "
            "SR-FINRA-2024-019, Federal Register document 2024-27764."
        ),
        claims=ALL_CLAIM_GROUPS,
        needs="trades",
    ),
    Reference(
        topic="The commenter's trade",
        says="3,000 NVDA short on Friday, without a time or a cover.",
        reference="A comment under the article; reported by the one who made it, not verified.",
        claims=("K1", "K2", "K3", "K4", "K5"),
    ),
)
"""Of press reports the outlets were kept, not the headlines."""


def references_for(claim: str, *, trades: bool, shorts: bool) -> tuple[Reference, ...]:
    """The sources that a claim rests on, facts first.

    Parameters
    ----------
    claim : str
        Its label.
    trades, shorts : bool
        Whether it trades, and whether it sells short.
    """
    has = {"": True, "trades": trades, "shorts": shorts}
    return tuple(source for source in (*FACT_REFERENCES, *PAPERS) if has[source.needs] and applies_to(source.claims, claim))


EVENT_CLAIM_IDS = ("A0", "A1", "A2", "A3", "A5", "A6", "A7", "A8", "B1", "B2")
RULE_CLAIM_IDS = ("K5", "G1", "G2", "G3", "G7", "G8", "G10", "G11", "G13", "G14")
DECADE_CLAIM_IDS = ("D1", "D2", "D3", "D4", "D5", "D6", "D7")
SESSION_CLAIM_IDS = (*RULE_CLAIM_IDS, "D1", "D2", "D5", "D6")
VARIANT_CLAIM_IDS = ("G1", "G7", "G8", "G10")

PAPERS = (
    Reference(
        topic="Event study",
        reference="MacKinlay, A. C. (1997), Event Studies in Economics and Finance, Journal of Economic Literature 35(1), 13-39.",
        claims=EVENT_CLAIM_IDS,
    ),
    Reference(
        topic="Rank of one event",
        reference=(
            "Gelbach, J. B., Helland, E., Klick, J. (2013), Valid Inference in Single-Firm, Single-Event Studies, American "
            "Law and Economics Review 15(2), 495-541, doi:10.1093/aler/aht009."
        ),
        claims=EVENT_CLAIM_IDS,
    ),
    Reference(
        topic="t of a basket",
        reference=(
            "Brown, S. J., Warner, J. B. (1985), Using daily stock returns: The case of event studies, Journal of Financial "
            "Economics 14(1), 3-31, doi:10.1016/0304-405X(85)90042-X."
        ),
        claims=EVENT_CLAIM_IDS,
    ),
    Reference(
        topic="Rank test",
        reference=(
            "Corrado, C. J. (1989), A nonparametric test for abnormal security-price performance in event studies, Journal of "
            "Financial Economics 23(2), 385-395, doi:10.1016/0304-405X(89)90064-0."
        ),
    ),
    Reference(
        topic="Standardised cross-section",
        reference=(
            "Boehmer, E., Musumeci, J., Poulsen, A. B. (1991), Event-study methodology under conditions of event-induced "
            "variance, Journal of Financial Economics 30(2), 253-272, doi:10.1016/0304-405X(91)90032-F."
        ),
    ),
    Reference(
        topic="Correlated names",
        reference=(
            "Kolari, J. W., Pynnönen, S. (2010), Event Study Testing with Cross-sectional Correlation of Abnormal Returns, "
            "Review of Financial Studies 23(11), 3996-4025, doi:10.1093/rfs/hhq072."
        ),
    ),
    Reference(
        topic="Waiting curve",
        reference=(
            "Kaplan, E. L., Meier, P. (1958), Nonparametric Estimation from Incomplete Observations, Journal of the American "
            "Statistical Association 53(282), 457-481, doi:10.1080/01621459.1958.10501452."
        ),
        claims=("A2", "G6"),
    ),
    Reference(
        topic="Several claims",
        reference=(
            "Romano, J. P., Wolf, M. (2005), Stepwise Multiple Testing as Formalized Data Snooping, Econometrica 73(4), "
            "1237-1282, doi:10.1111/j.1468-0262.2005.00615.x."
        ),
        claims=(*EVENT_CLAIM_IDS, *RULE_CLAIM_IDS, *DECADE_CLAIM_IDS, "G4", "G5"),
    ),
    Reference(
        topic="Several names",
        reference=(
            "Holm, S. (1979), A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics "
            "6(2), 65-70."
        ),
        claims=("A0",),
    ),
    Reference(
        topic="Sessions with a position",
        reference=(
            "Mandelker, G. (1974), Risk and return: The case of merging firms, Journal of Financial Economics 1(4), 303-335, "
            "doi:10.1016/0304-405X(74)90012-9."
        ),
        claims=SESSION_CLAIM_IDS,
    ),
    Reference(
        topic="Error of its slope",
        reference=(
            "MacKinnon, J. G., White, H. (1985), Some heteroskedasticity-consistent covariance matrix estimators with improved "
            "finite sample properties, Journal of Econometrics 29(3), 305-325, doi:10.1016/0304-4076(85)90158-7."
        ),
        claims=SESSION_CLAIM_IDS,
    ),
    Reference(
        topic="Bias of its slope",
        reference=(
            "Stambaugh, R. F. (1999), Predictive regressions, Journal of Financial Economics 54(3), 375-421, "
            "doi:10.1016/S0304-405X(99)00041-0."
        ),
        claims=SESSION_CLAIM_IDS,
    ),
    Reference(
        topic="Stationary bootstrap",
        reference=(
            "Politis, D. N., Romano, J. P. (1994), The Stationary Bootstrap, Journal of the American Statistical Association "
            "89(428), 1303-1313, doi:10.1080/01621459.1994.10476870."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
    Reference(
        topic="Length of its blocks",
        reference=(
            "Politis, D. N., White, H. (2004), Automatic Block-Length Selection for the Dependent Bootstrap, Econometric "
            "Reviews 23(1), 53-70, doi:10.1081/ETC-120028836; corrected by Patton, Politis and White (2009), 28(4), 372-375, "
            "doi:10.1080/07474930802459016."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
    Reference(
        topic="Error of a Sharpe ratio",
        reference=(
            "Lo, A. W. (2002), The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4), 36-52, "
            "doi:10.2469/faj.v58.n4.2453."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
    Reference(
        topic="Probability of a Sharpe ratio",
        reference=(
            "Bailey, D. H., López de Prado, M. (2012), The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2), 3-44, "
            "doi:10.21314/JOR.2012.255."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
    Reference(
        topic="Deflated Sharpe ratio",
        reference=(
            "Bailey, D. H., López de Prado, M. (2014), The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest "
            "Overfitting, and Non-Normality, Journal of Portfolio Management 40(5), 94-107, doi:10.3905/jpm.2014.40.5.094."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
    Reference(
        topic="Independent variants",
        reference=(
            "Roy, O., Vetterli, M. (2007), The effective rank: A measure of effective dimensionality, 15th European Signal "
            "Processing Conference, 606-610."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
    Reference(
        topic="Any better than holding",
        reference=(
            "Hansen, P. R. (2005), A Test for Superior Predictive Ability, Journal of Business and Economic Statistics 23(4), "
            "365-380, doi:10.1198/073500105000000063."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
    Reference(
        topic="Which survive together",
        reference=(
            "Romano, J. P., Wolf, M. (2005), Stepwise Multiple Testing as Formalized Data Snooping, Econometrica 73(4), "
            "1237-1282, doi:10.1111/j.1468-0262.2005.00615.x."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
    Reference(
        topic="Overfitting",
        reference=(
            "Bailey, D. H., Borwein, J. M., López de Prado, M., Zhu, Q. J. (2017), The Probability of Backtest Overfitting, "
            "Journal of Computational Finance 20(4), 39-69, doi:10.21314/JCF.2016.322."
        ),
        claims=VARIANT_CLAIM_IDS,
    ),
)
