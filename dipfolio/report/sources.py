"""Sources: who says so - the rules of the exchange and the broker, the press, and the papers behind the tests."""

from dipfolio.report.hindsight import ALL, concerns
from dipfolio.report.papers import PAPERS
from dipfolio.report.source import Source

FACTS = (
    Source(
        topic="The day",
        says="NVDA -17 %, Nasdaq -3.1 %. The official close of NVDA is 118.42; 118.58, often printed, is not it.",
        reference="Reuters by way of Investing.com, 27 January 2025.",
        claims=("A0", "A1", "A2", "A5", "B1", "K"),
    ),
    Source(
        topic="The fall before the open",
        says="About 05:11 New York time; the minute at which the article appeared is not known.",
        reference="CNBC by way of NECN, 27 January 2025.",
        claims=("A0", "A1"),
    ),
    Source(
        topic="DeepSeek's models",
        says="What the article calls overhyped; the first report gives the cost of its last training run only.",
        reference=(
            "DeepSeek-AI (2024), DeepSeek-V3 Technical Report, arXiv:2412.19437; DeepSeek-AI (2025), DeepSeek-R1: "
            "Incentivizing Reasoning Capability in LLMs via Reinforcement Learning, arXiv:2501.12948."
        ),
        claims=("A9", "A5", "B1"),
    ),
    Source(
        topic="Stargate",
        says="Partners Arm, Microsoft, NVIDIA, Oracle and OpenAI, announced on 21 January 2025; TSM is not among them.",
        reference=(
            "OpenAI, Announcing The Stargate Project, 21 January 2025; Benzinga, CNBC Africa and Fast Company. Reported hours "
            "before, when ORCL rose: ZeroHedge."
        ),
        claims=("A6",),
    ),
    Source(
        topic="Spending plans",
        says=(
            "Meta 60 to 65 billion dollars on 24 January; Microsoft 80 billion for its year 2025, reaffirmed; Alphabet about "
            "75 billion on 4 February; Amazon about 100 billion on 6 February."
        ),
        reference=(
            "Announcements and results calls of the companies, as told by Yahoo Finance; the days stand in the figures' "
            "events.csv."
        ),
        claims=("A3", "A4a", "A4b", "A4c", "A5", "B3", "G9"),
    ),
    Source(
        topic="Days of results",
        says="29 January META, MSFT, TSLA; 30 January AAPL; 4 February GOOG; 6 February AMZN; all after the close.",
        reference="The companies' calendars, in the figures' events.csv.",
        claims=("A3", "A4a", "A4b", "B3", "G9"),
    ),
    Source(
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
    Source(
        topic="Shorts that were refused",
        says=(
            "A large broker took no new shorts of NVDA and AVGO on 28 January 2025; all shorts of NVDA gained about 6.6 "
            "billion dollars on the 27th."
        ),
        reference="Barron's, with S3 Partners, January 2025.",
        claims=("B1", "B2", "K"),
    ),
    Source(
        topic="Borrow fee",
        says=(
            "No quote for NVDA in that month was found; easily borrowed shares cost about 0.25 to 0.4 % a year, specials are "
            "rare. Hence 0.3 %, and up to 5 % beside it."
        ),
        reference=(
            "Interactive Brokers, cost of borrowing; D'Avolio (2002), The market for borrowing stock, Journal of Financial "
            "Economics 66, doi:10.1016/S0304-405X(02)00206-4."
        ),
        claims=ALL,
        needs="shorts",
    ),
    Source(
        topic="Margin",
        says="Half of the value at the start; 25 % of longs, 30 % or 5 dollars a share of shorts afterwards.",
        reference="Regulation T, 12 CFR 220.12; FINRA Rule 4210(c).",
        claims=ALL,
        needs="shorts",
    ),
    Source(
        topic="Fees on sales",
        says="SEC fee of the date, 27.80 dollars a million in January 2025; FINRA's trading activity fee.",
        reference=(
            "Section 31 of the Securities Exchange Act, Federal Register document 2025-06214 and earlier notices; FINRA, "
            "SR-FINRA-2024-019, Federal Register document 2024-27764."
        ),
        claims=ALL,
        needs="trades",
    ),
    Source(
        topic="The commenter's trade",
        says="3,000 NVDA short on Friday, without a time or a cover.",
        reference="A comment under the article; told by the one who made it, not verified.",
        claims=("K1", "K2", "K3", "K4", "K5"),
    ),
)
"""Of press reports the outlets were kept, not the headlines."""


def behind(claim: str, *, trades: bool, shorts: bool) -> tuple[Source, ...]:
    """The sources that a claim rests on, facts first.

    Parameters
    ----------
    claim : str
        Its label.
    trades, shorts : bool
        Whether it trades, and whether it sells short.
    """
    has = {"": True, "trades": trades, "shorts": shorts}
    return tuple(source for source in (*FACTS, *PAPERS) if has[source.needs] and concerns(source.claims, claim))
