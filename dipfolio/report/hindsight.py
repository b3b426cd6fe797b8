"""Hindsight: what was known only afterwards when the claims were chosen, and what was done about each."""

REGISTER = (
    ("The event", "It is studied because it became famous: the largest loss of value of one company in a day.",
     "It is left out of every rule's test; there it may suggest and never confirm."),
    ("The seven", "The name was given in 2023 to shares that had already won.",
     "Each trade is compared with itself on other dates, not with zero; SMH and QQQ stand beside."),
    ("ARM", "Listed on 14 September 2023, so it has no longer past.",
     "Enough for the 250 sessions before the event; baskets of earlier dates go without it."),
    ("The horizon", "After the fact one can find a holding time for either answer: NVDA lost over 60 sessions and gained over 250.",
     "5, 20 and 60 sessions were fixed before any result, 5 decides; the whole course is drawn."),
    ("Exits that wait", "Holding to recovery, or to a target, ends with the good outcome by construction.",
     "The length of the wait is judged against that after other drops; no hit rate is told alone."),
    ("The 3,000 shares", "Told afterwards by one who won, without a time or a cover; losers do not write.",
     "An illustration of the arithmetic of a short, not evidence."),
    ("Buying dips since 2015", "These shares rose many times over; almost any purchase looks wise.",
     "Tested against the same trade on all dates, which rose as much."),
    ("The Stargate list", "The article's list has TSM, which was never named as a partner.", "Both lists are run."),
    ("Same numbers", "Some claims are another one with the sign turned: A7 is A1, B3 is A4b, G6 is A2, G13 is K5; G8 mirrors G1.",
     "The first four are shown and not counted; G8 is said to be no second proof."),
    ("Spending plans", "How much would be spent on chips was known only from the prints on.",
     "Used as a check of the facts with their dates, never as a signal before them."),
    ("The figures", "Vendors change adjusted prices with later dividends and splits.",
     "Prices are adjusted for splits alone, dividends are paid apart, and the fingerprint of the figures is below."),
)  # fmt: skip
"""Topic, why it is hindsight, what is done about it."""

SOURCES = (
    ("Prices, volumes, dividends", "See the figures' own README; their source and fingerprint stand at the foot of this page."),
    ("The day in the press", "NVDA -17 %, Nasdaq -3.1 %: Reuters and Investing.com. NVDA's official close is 118.42; 118.58, often printed, is not it."),
    ("Premarket fall", "CNBC, about 05:11 New York time; the minute at which the article appeared is not known."),
    ("Stargate", "Partners Arm, Microsoft, NVIDIA, Oracle and OpenAI, announced on 21 January 2025: Benzinga, CNBC Africa, Fast Company. Reported hours before, when ORCL rose: ZeroHedge."),
    ("Short-sale price test", "In force on NVDA and AVGO on 27 and 28 January, and a large broker that took no new shorts: Barron's. The rule: SEC Rule 201."),
    ("Short sellers' gain", "About $6.6 billion on the day for all shorts of NVDA: S3 Partners, by way of Barron's."),
    ("Spending plans", "Meta $60-65 billion on 24 January; Alphabet about $75 billion on 4 February; Amazon about $100 billion on 6 February: Yahoo Finance, the companies' calls."),
    ("Borrow fee", "No quote for NVDA in that month was found; easily borrowed shares cost about 0.25 to 0.4 % a year: Interactive Brokers. Hence 0.3 % and up to 5 % beside it."),
    ("Margin", "Regulation T, 12 CFR 220.12; maintenance by FINRA Rule 4210(c)."),
    ("Fees on sales", "SEC Section 31 rates: Federal Register 2025-06214 and earlier notices. FINRA's trading activity fee: SR-FINRA-2024-019."),
)  # fmt: skip
"""What is told, and who told it."""

METHODS = (
    ("One event", "The trade on that date is ranked among the same trade on other mornings on which SPY opened 1 % or more from its close, none nearer than the holding time and ten sessions. No Sharpe ratio of one event is given; it would mean nothing."),
    ("A rule", "Its mean trade is ranked among all rotations of its signals over the calendar, which keeps their clusters. Signals up to 24 January 2025 decide, those from 28 January confirm, the event between is left out."),
    ("Words", "Supported or contradicted: one-sided p of at most 5 % after Holm's correction within the family, and for a rule the same sign later. Undecided: anything else. Not testable: prices do not answer it."),
    ("Abnormal return", "Market model on SPY, 250 sessions that end 11 before the day (MacKinlay, 1997), with the error of the forecast; ranks among its residuals (Gelbach, Helland and Klick, 2013)."),
    ("Bands", "The middle 90 % of the placebos at each number of sessions; none is drawn with fewer than 19. They hold point by point, not for a whole curve."),
    ("Interval", "All constant effects that leave the observation among the middle 95 % of its placebos; for a weekly mean and a paired difference, 1.96 standard errors."),
    ("Could be found", "The effect that a one-sided 5 % test finds four times out of five: an undecided claim with a large one was hardly asked."),
    ("Variants", "Every combination a reader might have tried is run and registered. Deflated Sharpe ratio: Bailey and Lopez de Prado, 2014; superior ability: Hansen, 2005; survivors: Romano and Wolf, 2005; overfitting: Bailey and others, 2015."),
)  # fmt: skip
"""How the numbers come about."""
