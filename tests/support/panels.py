"""Made-up panels of returns: one without a random generator, and one with the correlation of real shares."""

import numpy as np
import pandas as pd

from dipfolio.evidence.event_study import EventWindow, run_event_study


def lcg_normal(count, seed=20250127):
    """Nearly normal numbers from sums of twelve integers of a linear congruential generator; the same on every machine."""
    out, state = np.empty(count), seed
    for place in range(count):
        total = 0
        for _ in range(12):
            state = (1103515245 * state + 12345) % 2147483648
            total += state
        out[place] = total / 2147483648 - 6.0
    return out


def golden_panel():
    """120 estimation and 11 event sessions of 5 names, the sixth event session (row 125) with a shock of -6 %."""
    rows, event, names = 120, 11, 5
    z = lcg_normal((rows + event) * (names + 1)).reshape(rows + event, names + 1)
    market = 0.0004 + 0.010 * z[:, 0]
    beta = np.array([1.6, 1.2, 0.9, 1.4, 1.1])
    noise = 0.6 * z[:, 1:2] + 0.8 * np.column_stack([z[:, 2:6], z[:, 1]])
    returns = 0.0002 + np.outer(market, beta) + 0.015 * noise
    returns[rows + 5] -= 0.06
    return returns, market


def golden_strategies():
    """240 sessions of 8 strategies, the third with a little skill."""
    returns = lcg_normal(240 * 8, seed=7).reshape(240, 8) * 0.01
    returns[:, 2] += 0.0008
    return returns


def correlated_panel(sessions=1500, names=7, seed=1):
    """Returns without any event, of names whose residuals have a correlation of about 0.17, with fat tails."""
    random = np.random.default_rng(seed)
    market = 0.0005 + 0.011 * random.standard_t(5, sessions) * np.sqrt(3 / 5)
    shared, own = random.standard_t(5, (sessions, 1)), random.standard_t(5, (sessions, names))
    sizes = np.linspace(0.009, 0.020, names)
    noise = (np.sqrt(0.17) * shared + np.sqrt(0.83) * own) * np.sqrt(3 / 5)
    return np.multiply.outer(market, np.linspace(0.9, 2.2, names)) + noise * sizes, market


def golden(before=5, after=5, model="market"):
    """The panel of the appendix with its estimation window of 120 sessions."""
    values, market = golden_panel()
    days = pd.bdate_range("2024-01-01", periods=len(values))
    window = EventWindow(estimation=120, distance=6, before=before, after=after)
    frame = pd.DataFrame(values, index=days, columns=list("ABCDE"))
    return run_event_study(frame, pd.Series(market, index=days), days[125], window, model), values, market
