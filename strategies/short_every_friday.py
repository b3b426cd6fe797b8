"""The commenter's bet as a rule: skill, or one Friday in five hundred."""

from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from dipfolio import Bars, Exit, FillAt, HoldFor, Strategy, no_instruction, parameter

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")


class ShortEveryFriday(Strategy):
    """Short NVDA over every weekend: sold at the week's last close and covered in the next session.

    Claim K5: if the commenter of `short-nvda-friday` knew something, the same bet pays on other Fridays too. "friday" is
    the last session of a week, by the exchange's calendar, so a Thursday before Good Friday counts; the other weekdays are
    the control, and each session belongs to one of the five.

    Each bet is as large as the equity at its time. Hindsight: the rule was made from one Friday, 24 January 2025, and is in the
    results of any window that has it; NVDA is known because it rose.
    """

    claim: ClassVar[str] = "K5"

    universe: str = parameter("NVDA", help="symbols to short, in equal parts")
    fill: FillAt = parameter("close", help="where in that session the short is sold")
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = parameter(
        "friday", help="session to sell short in; friday is the last of a week"
    )
    cover: FillAt = parameter("open", help="where in the next session the short is covered")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(1, fill=self.cover),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        wanted = no_instruction(bars)
        days = bars.calendar.between(bars.sessions[0], bars.calendar.offset(bars.sessions[-1], 2))
        week, friday = days.to_period("W"), WEEKDAYS.index("friday")
        early = (week[:-1] != week[1:]) & (days[:-1].day_of_week < friday)  # the week ends before its Friday
        weekday = pd.Series(np.where(early, friday, days[:-1].day_of_week), index=days[:-1])
        tomorrow = weekday.shift(-1).reindex(bars.sessions)
        wanted.loc[tomorrow == WEEKDAYS.index(self.weekday)] = -1 / len(bars.symbols)
        return wanted
