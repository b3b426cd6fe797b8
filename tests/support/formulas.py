"""Formulas of the rows and charts of a tear sheet, in a line or a loop of numpy each."""

import numpy as np


def compound(returns):
    return float(np.prod(1 + np.asarray(returns)) - 1)


def by(returns, letter):
    """Compound returns of the calendar months, quarters or years."""
    return returns.groupby(returns.index.to_period(letter)).apply(compound)


def below(returns):
    """Each session's distance from the high so far, step by step."""
    wealth = high = 1.0
    found = []
    for value in returns:
        wealth *= 1 + value
        high = max(high, wealth)
        found.append(wealth / high - 1)
    return found


def falls(returns):
    """Drawdowns as (depth, first, lowest, last, recovered or None), the deepest first."""
    found, open_one = [], None
    for day, depth in zip(returns.index, below(returns), strict=True):
        if depth < 0:
            open_one = open_one or [0.0, day, day, day, None]
            open_one[3] = day
            if depth < open_one[0]:
                open_one[0], open_one[2] = depth, day
        elif open_one:
            found.append([*open_one[:4], day])
            open_one = None
    return sorted([*found, open_one] if open_one else found, key=lambda fall: fall[0])


def downside(excess):
    return np.sqrt(np.mean(np.minimum(excess, 0) ** 2))


ANNUAL, ROOT_YEAR = 252, np.sqrt(252)


def session(rate):
    return (1 + rate) ** (1 / 252) - 1
